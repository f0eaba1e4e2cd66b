//! Cells of a spreadsheet: how one is read, and how one is written so that no spreadsheet runs it.

use super::words::unseen;
use std::borrow::Cow;

/// What a formula begins with, in full width too.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// Where a spreadsheet that splits at other characters than we do begins a cell anew.
const ENDS: [char; 4] = [';', '\t', '\r', '\n'];

/// A cell that no spreadsheet takes for a formula, wherever it splits it: each part that begins like one gets a leading apostrophe, as
/// does one that begins like one with apostrophes before it, so that [`original`] undoes it exactly.
pub fn safe_cell(value: &str) -> Cow<'_, str> {
    if value.starts_with(['\t', '\r', '\n']) {
        return Cow::Owned(format!("'{}", disarmed(value)));
    }
    if parts(value).any(is_armed) { Cow::Owned(disarmed(value)) } else { Cow::Borrowed(value) }
}

fn disarmed(value: &str) -> String {
    let mut safe = String::with_capacity(value.len() + 2);
    for part in parts(value) {
        if is_armed(part) {
            safe.push('\'');
        }
        safe.push_str(part);
    }
    safe
}

/// Undoes [`safe_cell`] behind the first part of what [`content`] gives.
pub fn original(value: &str) -> Cow<'_, str> {
    let armed = |part: &str| part.strip_prefix('\'').is_some_and(is_armed);
    if !parts(value).skip(1).any(armed) {
        return Cow::Borrowed(value);
    }
    let plain = |(place, part): (usize, &str)| {
        if place > 0 && armed(part) { part[1..].to_owned() } else { part.to_owned() }
    };
    Cow::Owned(parts(value).enumerate().map(plain).collect())
}

/// The parts of a value, each with the character that ends it.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    value.split_inclusive(ENDS)
}

fn is_armed(part: &str) -> bool {
    part.trim_start_matches(['\'', ' ', '\u{a0}']).starts_with(FORMULA)
}

/// The content of a cell, undoing [`safe_cell`]; `None` when blank.
pub fn content(cell: &str) -> Option<&str> {
    let cell = cell.trim_matches(|c: char| c.is_whitespace() || unseen(c));
    // ="0171 555": how a program keeps a spreadsheet from taking a text for a number.
    let cell = cell
        .strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|text| !text.contains('"'))
        .unwrap_or(cell)
        .trim();
    let cell = match cell.strip_prefix('\'') {
        Some(rest) if is_armed(rest) => rest,
        _ => cell,
    };
    (!cell.is_empty()).then_some(cell)
}

/// Whether a program wrote it where there is nothing.
pub fn is_placeholder(value: &str) -> bool {
    matches!(value, "-" | "--" | "–" | "—" | "n/a" | "N/A" | "#N/A" | "#NV" | "#N/D" | "NULL" | "(null)" | "\\N" | "[]" | "NaN")
}

/// Whether a spreadsheet could not compute it: `#NAME?`, `#REF!`, `#WERT!`, `#¡VALOR!`.
pub fn is_formula_error(value: &str) -> bool {
    let inside = value.strip_prefix('#').and_then(|rest| rest.strip_suffix(['!', '?']));
    inside.is_some_and(|word| {
        !word.is_empty() && word.chars().all(|c| c.is_uppercase() || matches!(c, '/' | '¡' | '¿' | '0'..='9'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_disarmed_and_come_back() {
        for (value, safe) in
            [("=1+1", "'=1+1"), ("+34 600", "'+34 600"), ("-1", "'-1"), ("@x", "'@x"), ("\tx", "'\tx"), ("Ada", "Ada"), ("", "")]
        {
            assert_eq!(safe_cell(value), safe);
        }
        for (value, safe) in [
            ("x;=1+1", "x;'=1+1"),
            ("x\t@cmd;-2\n+3", "x\t'@cmd;'-2\n'+3"),
            ("=a; =b;c", "'=a;' =b;c"),
            ("'=x", "''=x"),
            ("x;''=y", "x;'''=y"),
            ("＝1", "'＝1"),
            ("a-b; c=d", "a-b; c=d"),
        ] {
            assert_eq!(safe_cell(value), safe);
            assert_eq!(content(safe).map(original).as_deref(), Some(value), "{safe}");
        }
        assert_eq!(content("'+34 600"), Some("+34 600"));
        assert_eq!(content("'t Hart"), Some("'t Hart"));
        assert_eq!((content("=\"0171 555\""), content("'=\"x\""), content("=\"\"")), (Some("0171 555"), Some("=\"x\""), None));
        assert_eq!(content(" \u{feff}"), None);
    }

    #[test]
    fn what_a_spreadsheet_could_not_compute_is_known() {
        for value in ["#NAME?", "#REF!", "#DIV/0!", "#WERT!", "#¡VALOR!", "#¿NOMBRE?"] {
            assert!(is_formula_error(value), "{value}");
        }
        for value in ["#1", "#hashtag!", "#", "#!", "Ada!"] {
            assert!(!is_formula_error(value), "{value}");
        }
        assert_eq!(content("\u{200b}\u{a0}Ada\u{ad}\u{202e} "), Some("Ada"));
    }
}
