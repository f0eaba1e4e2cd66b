//! Cells of a spreadsheet: how one is read, and how one is written so that no spreadsheet runs it.

use std::borrow::Cow;

/// A cell that no spreadsheet takes for a formula: one that begins like a formula gets a leading apostrophe.
pub fn safe_cell(value: &str) -> Cow<'_, str> {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { Cow::Owned(format!("'{value}")) } else { Cow::Borrowed(value) }
}

/// The content of a cell, undoing [`safe_cell`]; `None` when blank.
pub fn content(cell: &str) -> Option<&str> {
    let cell = cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    let cell = match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => cell,
    };
    (!cell.is_empty()).then_some(cell)
}

/// Whether an opt-out is set. Only a clear no is a no; a text that cannot be read counts as an opt-out.
pub fn opted_out(cell: &str) -> bool {
    content(cell).is_some_and(|value| answer(value) != Some(false))
}

/// Yes or no, as exports write it; `None` for anything else.
pub fn answer(value: &str) -> Option<bool> {
    match value.trim().to_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "x" | "on" | "t" | "sí" | "si" | "ja" | "oui" | "checked" | "☑" | "✓" => Some(true),
        "false" | "no" | "n" | "0" | "off" | "f" | "nein" | "non" | "none" | "null" | "[]" | "unchecked" | "☐" | "-" => {
            Some(false)
        }
        _ => None,
    }
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
        assert_eq!(content("'+34 600"), Some("+34 600"));
        assert_eq!(content("'t Hart"), Some("'t Hart"));
        assert_eq!(content(" \u{feff}"), None);
    }

    #[test]
    fn doubt_is_an_opt_out() {
        for (cell, out) in [
            ("", false),
            ("false", false),
            ("No", false),
            ("0", false),
            ("TRUE", true),
            ("x", true),
            ("1", true),
            ("bounced", true),
        ] {
            assert_eq!(opted_out(cell), out, "{cell}");
        }
    }
}
