//! Quoted mails in a text: the marks of quoted lines, the naming of their author, copied headers, dividers.
//!
//! It knows where a quote begins. Whether what follows is all quoted, the caller decides.

use super::quote_words::{Field, WORDS, plain};
use std::collections::BTreeSet;

/// How a quote begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    /// The author is named, in so many lines; marked lines may follow, or a copy without marks.
    Attribution(usize),
    /// A divider or a copied header, in so many lines; a copy without marks follows.
    Header(usize),
}

/// How a quote begins in the first of these lines; `after_gap`: nothing stands directly before it.
pub(super) fn begins(lines: &[&str], after_gap: bool) -> Option<Begins> {
    let first = plain(lines.first()?);
    if first.is_empty() {
        return None;
    }
    if let Some(length) = header(lines, &first) {
        return Some(Begins::Header(length));
    }
    attribution(lines, &first, after_gap).map(Begins::Attribution)
}

/// Whether a line is marked as quoted: `>`, `| `, or the initials of its author before `>`.
pub(super) fn is_marked(lines: &[&str], at: usize) -> bool {
    let Some(line) = lines.get(at).map(|line| line.trim_start()) else { return false };
    let arrow = |line: &str| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_uppercase());
        line.len() - rest.len() <= 3 && rest.starts_with('>')
    };
    let bar = |line: &str| line == "|" || line.starts_with("| ") && !line[1..].contains('|');
    let neighbour = |is: fn(&str) -> bool| {
        let near = [at.wrapping_sub(1), at + 1].into_iter().filter_map(|near| lines.get(near));
        near.into_iter().any(|line| is(line.trim_start()))
    };
    // What mbox writes for a line that begins with "From ".
    if line.starts_with(">From ") {
        return neighbour(|line| line.starts_with('>'));
    }
    arrow(line) || bar(line) && neighbour(|line| line.starts_with('|'))
}

/// How many lines a divider or a copied header takes.
fn header(lines: &[&str], first: &str) -> Option<usize> {
    let next = |from: usize| (from..lines.len().min(from + 4)).find(|at| !lines[*at].trim().is_empty());
    let core = first
        .trim_matches(['-', '_', '=', '—', '–', '*', '·', '.', ' ', '>', '<', '[', ']', '\\', '~', '+'])
        .trim_end_matches([':', '：'])
        .trim();
    let dashes = first.chars().take_while(|c| matches!(c, '-' | '_' | '=' | '—' | '–' | '*' | '·' | '.' | '~' | '+')).count();
    let follows = |from: usize| next(from).is_some_and(|at| copied(&lines[at..]).is_some() || is_marked(lines, at));
    if core.is_empty() {
        // A rule is theirs unless a header follows it.
        let under = next(1).filter(|_| dashes >= 5)?;
        let named = |at: usize| {
            WORDS
                .field(&plain(lines[at]))
                .is_some_and(|(fields, _)| fields.contains(&Field::From) || fields.contains(&Field::Sent))
        };
        let long_rule = dashes >= 10 && named(under);
        return (long_rule || copied(&lines[under..]).is_some()).then_some(under);
    }
    if WORDS.is_original(core) && (dashes >= 2 || follows(1)) {
        let under = next(1).and_then(|at| Some(at + copied_loosely(&lines[at..])?));
        return Some(under.unwrap_or(1));
    }
    if dashes >= 4 && first.ends_with(['-', '_', '=', '—', '–', '*']) && next(1).is_some_and(|at| copied(&lines[at..]).is_some())
    {
        return Some(1);
    }
    copied(lines)
}

/// How many lines the copied header of a mail takes here: From, Sent, To, Subject under the names of any language.
fn copied(lines: &[&str]) -> Option<usize> {
    let (mut fields, mut length, mut text): (BTreeSet<Field>, usize, String) = (BTreeSet::new(), 0, String::new());
    let mut gap = 0;
    for (at, line) in lines.iter().enumerate().take(30) {
        let line = plain(line);
        match WORDS.field(&line) {
            Some((named, value)) => {
                fields.extend(named);
                text.push_str(value);
                text.push(' ');
                (length, gap) = (at + 1, 0);
            }
            None if at == 0 => return None,
            None if line.is_empty() => gap += 1,
            // A long list of recipients goes on for lines; after a blank line nothing goes on.
            None if gap == 0 && at + 1 - length <= 3 && fields.len() < 6 => {}
            None => break,
        }
        if gap > 1 {
            break;
        }
    }
    let has = |field| fields.contains(&field);
    let places = text.contains('@') || has_time(&text) || has_year(&text);
    let whole = has(Field::From) && fields.len() >= 3 && (has(Field::Sent) || has(Field::Subject) && places);
    (whole || has(Field::From) && has(Field::Sent) && text.contains('@')).then_some(length)
}

/// As [`copied`], under a divider: any field will do, with or without a colon.
fn copied_loosely(lines: &[&str]) -> Option<usize> {
    let named = |line: &&&str| {
        let line = plain(line);
        WORDS.field(&line).is_some() || WORDS.field_without_colon(&line).is_some()
    };
    let length = lines.iter().take_while(named).count();
    copied(lines).or_else(|| (length > 0).then_some(length))
}

/// How many lines name the author of what follows: "On 3 May, Ada wrote:", wrapped or not, in any language.
fn attribution(lines: &[&str], first: &str, after_gap: bool) -> Option<usize> {
    let most = lines.iter().take(4).take_while(|line| !line.trim().is_empty()).count();
    let length = (1..=most).find(|length| is_attribution(&lines[..*length], marked_after(lines, *length)))?;
    if WORDS.begins(first) || first.starts_with(['-', '<', '*', '"']) {
        return Some(length);
    }
    // A line of theirs may stand directly above: then the naming begins further down.
    let below = (1..length)
        .any(|from| WORDS.begins(&plain(lines[from])) && is_attribution(&lines[from..length], marked_after(lines, length)));
    let own = first.ends_with(['.', '!', '?', ',', ';', ':', '。']) && length > 1;
    (!below && !own && (after_gap || length == 1)).then_some(length)
}

fn marked_after(lines: &[&str], from: usize) -> bool {
    (from..lines.len()).find(|at| !lines[*at].trim().is_empty()).is_some_and(|at| is_marked(lines, at))
}

fn is_attribution(lines: &[&str], marked: bool) -> bool {
    let joined = plain(&lines.join(" "));
    if joined.chars().count() > 400 {
        return false;
    }
    let core = joined.trim_matches(['-', '—', '*', '_', ' ']);
    let dashed = joined.ends_with("--") && joined.starts_with("--");
    let ends = core.ends_with([':', '：']) || dashed || core.ends_with(":*");
    if !ends {
        return false;
    }
    let (addressed, dated, wrote) = (joined.contains('@'), has_time(&joined) || has_year(&joined), WORDS.says_wrote(&joined));
    let placed = has_time(&joined) && has_year(&joined);
    is_mailbox(&joined) && dated || wrote && (dated || addressed) || marked && (wrote || placed || addressed)
}

/// Whether an address stands in brackets, as behind a name: `Marta <m@x.example>`, `(m@x.example)`, `[mailto:m@x.example]`.
fn is_mailbox(text: &str) -> bool {
    text.match_indices('@').any(|(at, _)| {
        let of_address = |c: char| c.is_alphanumeric() || "._%+-=".contains(c);
        text[..at].trim_end_matches(of_address).ends_with(['<', '(', '[', ':', '"'])
    })
}

/// Whether a time of day stands in the text: 9:30, 09.30, 9h30.
fn has_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (1..bytes.len()).any(|at| {
        matches!(bytes[at], b':' | b'.' | b'h')
            && digit(at - 1)
            && digit(at + 1)
            && digit(at + 2)
            && !digit(at + 3)
            && (bytes[at] == b':' || !(at >= 3 && digit(at - 2) && digit(at - 3)))
    })
}

/// Whether a year or a date in figures stands in the text: 2027, ๒๕๗๐ as 2570, 03/05/27.
fn has_year(text: &str) -> bool {
    let numbers: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).collect();
    let is_year = |n: &&str| n.len() == 4 && ["19", "20", "25", "14"].iter().any(|begin| n.starts_with(begin));
    let short = text.split_whitespace().any(|word| {
        let parts: Vec<&str> = word.trim_matches(|c: char| !c.is_ascii_digit()).split(['/', '.', '-']).collect();
        parts.len() == 3 && parts.iter().all(|part| matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit()))
    });
    numbers.iter().any(is_year) || short
}
