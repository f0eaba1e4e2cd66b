//! Output: lines and tables for people, JSON for programs. A closed pipe ends the output quietly.

use super::exit::Exit;
use crate::domain::doorway::qualification::Citation;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::io::{self, Write};

/// Prints one line.
///
/// # Errors
/// As `write`; a closed pipe is no error.
pub fn line(text: impl std::fmt::Display) -> Result<(), Exit> {
    forgiving(writeln!(io::stdout().lock(), "{text}"))
}

/// Prints a line on standard error, beside the output. A failure is ignored: standard error may be closed.
pub fn aside(text: impl std::fmt::Display) {
    drop(writeln!(io::stderr(), "{text}"));
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
    line(text)
}

/// Prints rows under headings, each column as wide as it needs.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> Result<(), Exit> {
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let print = |cells: [&str; N]| {
        let cells: Vec<String> = cells.iter().zip(widths).map(|(cell, w)| format!("{cell:w$}")).collect();
        line(cells.join("  ").trim_end())
    };
    print(headings)?;
    rows.iter().try_for_each(|row| print(std::array::from_fn(|i| row[i].as_str())))
}

/// Ignores a closed pipe: the reader has seen enough.
///
/// # Errors
/// Every other failure to write.
pub fn forgiving(written: io::Result<()>) -> Result<(), Exit> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(Exit::from),
    }
}
