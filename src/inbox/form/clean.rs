//! Cleaning what somebody typed: no control or bidirectional characters, no more than is read.

use crate::domain::address::one_line;
use crate::domain::invisible::{is_invisible, is_joiner};

/// How many characters of a field are kept. What is longer is cut, and says so.
pub const MOST_CHARACTERS: usize = 4_000;

/// How many characters of a field's name are kept.
pub const MOST_OF_NAME: usize = 64;

/// What stands at the end of a value that was cut.
pub const CUT: &str = "… cut at 4,000 characters";

/// A field's name: on one line, without the `[]` that some programs write behind the name of a repeated field.
pub fn name(text: &str) -> String {
    let line = one_line(text);
    let mut name: String = line.trim().chars().take(MOST_OF_NAME).collect();
    while let Some(shorter) = name.trim_end().strip_suffix("[]") {
        name = shorter.to_owned();
    }
    name.trim().to_owned()
}

/// A field's value: its lines cleaned, at most [`MOST_CHARACTERS`] of it.
pub fn value(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let clean = lines.split('\n').map(|line| one_line(line).trim_end().to_owned()).collect::<Vec<_>>().join("\n");
    let clean = clean.trim();
    match clean.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}{CUT}", clean[..end].trim_end()),
        None => clean.to_owned(),
    }
}

/// An address as pasted: without the invisible characters and the `mailto:` that programs leave around it.
pub fn address(text: &str) -> String {
    let visible: String = text.chars().filter(|c| !is_invisible(*c) && !is_joiner(*c)).collect();
    let bare = visible.trim();
    let scheme = bare.get(..7).filter(|start| start.eq_ignore_ascii_case("mailto:"));
    bare[scheme.map_or(0, str::len)..].trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_cleaned() {
        assert_eq!(value(" a\0b\r\nc\u{202e}d\te \r\r\n"), "a b\ncd e");
        assert_eq!(name(" interests[] "), "interests");
        assert_eq!(name("a[][]\n"), "a");
        assert_eq!(name(&"n".repeat(100)).len(), MOST_OF_NAME);
        assert_eq!(address("\u{feff}mailto:Ada@x.co\u{200b} "), "Ada@x.co");
    }

    #[test]
    fn a_long_message_is_cut_and_says_so() {
        let long = value(&"ñ".repeat(5_000));
        assert!(long.ends_with("ñ… cut at 4,000 characters"), "{}", &long[long.len() - 60..]);
        assert_eq!(long.chars().filter(|c| *c == 'ñ').count(), 4_000);
        assert_eq!(value(&"ñ".repeat(4_000)), "ñ".repeat(4_000));
    }
}
