//! Output: lines and tables for people, JSON for programs. A closed pipe ends the output quietly.
//!
//! What prospects, lists and websites wrote is shown, and moves nothing: a name cannot end a line, colour a terminal or turn the
//! direction of what stands beside it.

use super::exit::Exit;
use crate::domain::doorway::qualification::Citation;
use crate::domain::invisible::{ends_line, is_invisible};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, BufRead, IsTerminal, Write};

/// Prints one line, whatever is in it.
///
/// # Errors
/// As `write`; a closed pipe is no error.
pub fn line(text: impl std::fmt::Display) -> Result<(), Exit> {
    forgiving(writeln!(io::stdout().lock(), "{}", harmless(&text.to_string(), |_| false)))
}

/// Prints a text of several lines.
pub fn text(text: impl std::fmt::Display) -> Result<(), Exit> {
    forgiving(writeln!(io::stdout().lock(), "{}", harmless(&text.to_string(), |c| c == '\n')))
}

/// Prints lines on standard error, beside the output. A failure is ignored: standard error may be closed.
pub fn aside(text: impl std::fmt::Display) {
    drop(writeln!(io::stderr(), "{}", harmless(&text.to_string(), |c| c == '\n')));
}

/// Asks at a terminal. Returns whether the answer is yes.
///
/// # Errors
/// 2 without a terminal: what cannot be taken back has to be said.
pub fn confirmed(question: impl std::fmt::Display) -> Result<bool, Exit> {
    if !io::stdin().is_terminal() {
        return Err(Exit::Usage("nobody is there to confirm it: say --yes".to_owned()));
    }
    aside(question);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

/// Prints on standard error, in its colours, what we made of our own files: a problem of the configuration.
pub fn rendered(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// A text whose every character stands where it is written: control characters, and marks of direction and of other invisible kinds,
/// are spelt out (`\u{1b}`), but for those that are `wanted`.
pub fn harmless(text: &str, wanted: impl Fn(char) -> bool) -> Cow<'_, str> {
    let harms = |c: char| moves(c) && !wanted(c);
    if !text.contains(harms) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if harms(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Whether a terminal obeys it, or shows something else because of it.
fn moves(c: char) -> bool {
    c.is_control() || is_invisible(c) || ends_line(c)
}

/// An instant for people, in UTC; a dash for none.
pub fn instant(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// A cited signal in one line.
pub fn cited(c: &Citation) -> String {
    let of = c.of.as_ref().map(|of| format!(", by their colleague {}", of.name)).unwrap_or_default();
    let by = c.by.as_ref().map(|by| format!(", logged by {by}")).unwrap_or_default();
    let date = c.date.map(|date| format!(", names {date}")).unwrap_or_default();
    format!("{}  {}{date}{of}{by} (signal {})", instant(Some(c.at)), c.words, c.signal)
}

/// Prints a value as JSON, on several lines.
pub fn json(value: &impl Serialize) -> Result<(), Exit> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Exit::No(format!("could not write JSON: {e}")))?;
    forgiving(writeln!(io::stdout().lock(), "{}", harmless_json(&text)))
}

/// The same JSON, with what a terminal would obey escaped as JSON escapes it. Outside its strings, JSON has no such character but
/// the ends of lines.
pub fn harmless_json(text: &str) -> Cow<'_, str> {
    let harms = |c: char| c != '\n' && moves(c);
    if !text.contains(harms) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if harms(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped.extend(format!("\\u{unit:04x}").chars()));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Prints rows under headings, each column as wide as it needs.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> Result<(), Exit> {
    let rows: Vec<[Cow<'_, str>; N]> = rows.iter().map(|row| row.each_ref().map(|cell| harmless(cell, |_| false))).collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let print = |cells: [&str; N]| {
        let cells: Vec<String> = cells.iter().zip(widths).map(|(cell, w)| format!("{cell:w$}")).collect();
        line(cells.join("  ").trim_end())
    };
    print(headings)?;
    rows.iter().try_for_each(|row| print(std::array::from_fn(|i| row[i].as_ref())))
}

/// What becomes of a failure to write.
///
/// # Errors
/// [`Exit::PipeClosed`] when nobody reads any more, which ends the verb and is no failure; every other one as it is.
pub fn forgiving(written: io::Result<()>) -> Result<(), Exit> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Exit::PipeClosed),
        other => other.map_err(Exit::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_a_terminal_is_spelt_out() {
        for (text, shown) in [
            ("Ada Vega", "Ada Vega"),
            ("Zoë 日本 👩‍🔧 क्‍ष", "Zoë 日本 👩‍🔧 क्‍ष"),
            ("Ada\r\nVega", "Ada\\r\\nVega"),
            ("\u{1b}[2J\u{1b}]0;x\u{7}", "\\u{1b}[2J\\u{1b}]0;x\\u{7}"),
            ("\u{9b}31m \u{7f}\t", "\\u{9b}31m \\u{7f}\\t"),
            ("a\u{202e}b\u{2066}c\u{200f}", "a\\u{202e}b\\u{2066}c\\u{200f}"),
            ("\u{2028}\u{feff}\u{e0041}", "\\u{2028}\\u{feff}\\u{e0041}"),
        ] {
            assert_eq!(harmless(text, |_| false), shown);
        }
        assert_eq!(harmless("a\nb\u{1b}", |c| c == '\n'), "a\nb\\u{1b}");
    }

    #[test]
    fn json_says_the_same_and_obeys_nobody() {
        let value = serde_json::json!({ "name": "a\u{202e}b\u{9b}\u{1b}\n\u{e0041}" });
        let text = serde_json::to_string_pretty(&value).expect("JSON");
        let escaped = harmless_json(&text);
        assert!(!escaped.contains(|c: char| c != '\n' && moves(c)), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).expect("JSON"), value);
    }
}
