//! Holes on their way through Markdown, HTML and CSS: each is a placeholder as wide as the real token, and the final
//! text is cut at the placeholders. Each contains a nonce hashed from the text itself, so that an author cannot forge one.

use crate::domain::group::issue::{Hole, Piece};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// The width of a token, in URL-safe characters.
pub const WIDTH: usize = 36;
/// The width of a token in an address, where case may be lost and which leaves out what is always the same.
pub const CASELESS_WIDTH: usize = 36;

const ORDINAL: usize = 5;

/// The number of the link that no person sees: no issue has so many.
pub const TRAP_ORDINAL: u16 = u16::MAX;

/// The placeholders used in one text.
#[derive(Debug)]
pub struct Tokens {
    nonce: String,
    holes: Vec<Hole>,
}

impl Tokens {
    /// Placeholders for a text made of these parts, none of which contains the nonce.
    pub fn for_text(parts: &[&str]) -> Self {
        let mut salt = 0_u64;
        loop {
            let mut hash = Sha256::new();
            hash.update(salt.to_be_bytes());
            for part in parts {
                hash.update(part.as_bytes());
            }
            let mut nonce = HEXLOWER.encode(&hash.finalize());
            nonce.truncate(WIDTH - ORDINAL);
            if !parts.iter().any(|part| part.contains(&nonce)) {
                return Self { nonce, holes: Vec::new() };
            }
            salt += 1;
        }
    }

    /// The placeholder of a hole.
    pub fn token(&mut self, hole: Hole) -> String {
        let ordinal = self.holes.iter().position(|h| *h == hole).unwrap_or_else(|| {
            self.holes.push(hole);
            self.holes.len() - 1
        });
        format!("{ordinal:0ORDINAL$}{}", self.nonce)
    }

    pub fn cut(&self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut from = 0;
        for (at, nonce) in text.match_indices(&self.nonce) {
            let Some(start) = at.checked_sub(ORDINAL).filter(|start| *start >= from) else {
                continue;
            };
            let ordinal = text.get(start..at).and_then(|digits| digits.parse::<usize>().ok());
            if let Some(hole) = ordinal.and_then(|n| self.holes.get(n)) {
                if start > from {
                    pieces.push(Piece::Literal(text[from..start].to_owned()));
                }
                pieces.push(Piece::Hole(*hole));
                from = at + nonce.len();
            }
        }
        if from < text.len() {
            pieces.push(Piece::Literal(text[from..].to_owned()));
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_its_tokens_stand() {
        let mut tokens = Tokens::for_text(&["a"]);
        let (click, stop) = (tokens.token(Hole::Click(7)), tokens.token(Hole::Unsubscribe));
        assert_eq!((click.len(), tokens.token(Hole::Click(7))), (WIDTH, click.clone()));
        let literal = |text: &str| Piece::Literal(text.to_owned());
        assert_eq!(
            tokens.cut(&format!("ä/{click}{stop} b {click}")),
            [
                literal("ä/"),
                Piece::Hole(Hole::Click(7)),
                Piece::Hole(Hole::Unsubscribe),
                literal(" b "),
                Piece::Hole(Hole::Click(7))
            ]
        );
        assert_eq!(tokens.cut("none"), [literal("none")]);
    }

    #[test]
    fn an_author_cannot_know_the_nonce() {
        let mut first = Tokens::for_text(&["text"]);
        let forged = first.token(Hole::Unsubscribe);
        let second = Tokens::for_text(&["text", &forged]);
        assert_eq!(second.cut(&forged), [Piece::Literal(forged.clone())]);
    }
}
