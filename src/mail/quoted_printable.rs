//! Quoted-printable with holes (RFC 2045, 6.7): a body is encoded once, and its tokens are filled in later without moving
//! a byte.
//!
//! A token is an unbreakable word of 36 characters that need no encoding. A leading dot is encoded, so that SMTP's
//! dot-stuffing leaves the bytes unchanged (RFC 5321, 4.5.2).

use crate::domain::group::issue::Piece;
use crate::text::token::WIDTH;

/// The longest line, without its line end.
const LINE: usize = 76;

/// Encodes a text with holes; `\n`, `\r\n` and a lone `\r` are line ends. The result ends with a line end.
pub fn encode(pieces: &[Piece]) -> Vec<Piece> {
    let mut encoder = Encoder { out: Vec::new(), literal: String::new(), column: 0, space: None, after_return: false };
    for piece in pieces {
        match piece {
            Piece::Literal(text) => text.bytes().for_each(|byte| encoder.byte(byte)),
            Piece::Hole(_) => encoder.hole(piece.clone()),
        }
    }
    encoder.finish()
}

struct Encoder {
    out: Vec<Piece>,
    literal: String,
    column: usize,
    /// A blank held back until it is known whether it ends its line.
    space: Option<u8>,
    after_return: bool,
}

impl Encoder {
    fn byte(&mut self, byte: u8) {
        let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
        match byte {
            b'\n' if after_return => {}
            b'\r' | b'\n' => self.line_end(),
            b' ' | b'\t' => {
                self.flush_space();
                self.space = Some(byte);
            }
            b'!'..=b'<' | b'>'..=b'~' => {
                self.flush_space();
                let leading_dot = byte == b'.' && (self.column == 0 || self.column + 1 > LINE - 1);
                if leading_dot { self.escape(byte) } else { self.word(&char::from(byte).to_string()) }
            }
            _ => {
                self.flush_space();
                self.escape(byte);
            }
        }
    }

    fn hole(&mut self, hole: Piece) {
        self.after_return = false;
        self.flush_space();
        self.room_for(WIDTH);
        self.column += WIDTH;
        if !self.literal.is_empty() {
            self.out.push(Piece::Literal(std::mem::take(&mut self.literal)));
        }
        self.out.push(hole);
    }

    fn line_end(&mut self) {
        // A blank at the end of a line could be stripped in transit, so it is encoded.
        if let Some(space) = self.space.take() {
            self.escape(space);
        }
        self.literal.push_str("\r\n");
        self.column = 0;
    }

    fn flush_space(&mut self) {
        if let Some(space) = self.space.take() {
            self.word(&char::from(space).to_string());
        }
    }

    fn escape(&mut self, byte: u8) {
        self.word(&format!("={byte:02X}"));
    }

    fn word(&mut self, word: &str) {
        self.room_for(word.len());
        self.literal.push_str(word);
        self.column += word.len();
    }

    /// Breaks the line softly unless this many characters and a soft break's `=` still fit.
    fn room_for(&mut self, width: usize) {
        if self.column + width > LINE - 1 {
            self.literal.push_str("=\r\n");
            self.column = 0;
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        if self.column > 0 || self.space.is_some() {
            self.line_end();
        }
        if !self.literal.is_empty() {
            self.out.push(Piece::Literal(self.literal));
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::group::issue::Hole;
    use proptest::prelude::*;

    const TOKEN: &str = "A_-456789012345678901234567890123456";

    fn wire(pieces: &[Piece]) -> String {
        pieces.iter().map(|p| if let Piece::Literal(text) = p { text.as_str() } else { TOKEN }).collect()
    }

    fn decode(wire: &str) -> String {
        let joined = wire.replace("=\r\n", "");
        let mut bytes = Vec::new();
        let mut rest = joined.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'=' {
                let hex: String = [rest.next(), rest.next()].into_iter().flatten().map(char::from).collect();
                bytes.push(u8::from_str_radix(&hex, 16).expect("two hex digits"));
            } else {
                bytes.push(byte);
            }
        }
        String::from_utf8(bytes).expect("what was encoded is text")
    }

    #[test]
    fn texts_are_encoded() {
        for (text, encoded) in [
            ("é = ok", "=C3=A9 =3D ok\r\n"),
            (".dot\n.", "=2Edot\r\n=2E\r\n"),
            ("end \nend\t", "end=20\r\nend=09\r\n"),
            ("a\r\nb\rc\n\nd", "a\r\nb\r\nc\r\n\r\nd\r\n"),
            ("", ""),
        ] {
            assert_eq!(wire(&encode(&[Piece::Literal(text.to_owned())])), encoded, "{text:?}");
        }
    }

    #[test]
    fn a_dot_is_never_first_even_after_a_soft_break() {
        let text = format!("{}....", "x".repeat(75));
        assert!(wire(&encode(&[Piece::Literal(text)])).lines().all(|line| !line.starts_with('.')));
    }

    fn pieces() -> impl Strategy<Value = Vec<Piece>> {
        let literal = "(.|[\\.=_ \t\r\n]|é|\u{1F600}|[a-z]{0,80}){0,30}".prop_map(Piece::Literal);
        proptest::collection::vec(prop_oneof![literal, Just(Piece::Hole(Hole::Unsubscribe))], 0..8)
    }

    proptest! {
        #[test]
        fn encoding_decodes_back(pieces in pieces()) {
            let wire = wire(&encode(&pieces));
            prop_assert!(wire.is_ascii() && (wire.is_empty() || wire.ends_with("\r\n")));
            for line in wire.split("\r\n") {
                prop_assert!(line.len() <= LINE && !line.starts_with('.') && !line.contains(['\r', '\n']), "{line}");
                prop_assert!(!line.ends_with([' ', '\t']) && !line.contains("=_"), "{line}");
            }
            let said: String = pieces.iter().map(|p| if let Piece::Literal(text) = p { text } else { TOKEN }).collect();
            let mut lines = said.replace("\r\n", "\n").replace('\r', "\n");
            // The end of the text is the end of a line.
            if !lines.is_empty() && !lines.ends_with('\n') {
                lines.push('\n');
            }
            // A hole between a `\r` and a `\n` makes them two line ends, as any word would.
            prop_assert_eq!(decode(&wire).replace("\r\n", "\n"), lines);
        }
    }
}
