//! Characters that nobody sees: one table for all that clean or show what somebody else wrote.
//!
//! They hide what a name says, turn the order of a line round, or make two equal addresses differ.

/// Whether it takes no room and belongs to no word: marks of direction (UAX 9), soft hyphens, zero-width blanks, byte order
/// marks, tags. The joiners are none of them: Persian, Hindi and families of emoji are written with them.
pub const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Whether it joins letters or keeps them apart: in an address it is a slip, in a name it is spelling.
pub const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Whether it ends a line, though it is no control character.
pub const fn ends_line(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// A text without what takes no room.
pub fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_goes_and_spelling_stays() {
        assert_eq!(visible("A\u{ad}d\u{200b}a\u{202e}\u{feff}\u{e0041}"), "Ada");
        for word in ["👩‍🔧", "क्‍ष", "می‌خواهم", "Zoë", "O’Hara"] {
            assert_eq!(visible(word), word);
        }
        assert!(is_joiner('\u{200d}') && !is_invisible('\u{200d}') && ends_line('\u{2028}'));
    }
}
