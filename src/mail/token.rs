//! Tokens: signed, of fixed width, and the only identity a link carries.
//!
//! 21 bytes: key, kind, id (8), ordinal (2), and nine of an HMAC-SHA-256 over them and a context. As base64url that is
//! 28 characters with no padding, so every token is equally wide. They sign; they do not encrypt.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The width of every token, in characters.
pub const WIDTH: usize = 28;

/// What a token is for. A token of one kind never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A link in a tracked recipient's mail: the id is the delivery's, the ordinal the link's.
    Click = 1,
    /// The same link in an untracked recipient's mail: the id is the issue's and identifies no person.
    AnonymousClick = 2,
    /// An answer; the ordinal encodes question and answer.
    Answer = 3,
    Unsubscribe = 4,
    MessageId = 5,
    ReturnPath = 6,
    /// A handoff's page; the context is the salesperson it was offered to.
    Handoff = 7,
    /// A salesperson's queue; the id is their link number, the ordinal the day it runs out (days since 1970).
    Queue = 8,
    /// As `Click`, but the id names the issue too, so that the link's target is found without loading the delivery.
    PairedClick = 9,
    /// The link that confirms a form; the id is the pending form's, the ordinal its mark.
    Confirmation = 10,
    /// The link to a form in a newsletter: the id is the delivery's, whose address the form may then name.
    Form = 11,
    /// One showing of an answer page: the id is when (milliseconds since 1970) with sixteen random bits behind it, the ordinal
    /// which questions it asked further, with eleven; the context is the page.
    Visit = 20,
    /// One showing of a web form: the id is when; the context is the form.
    Stamp = 21,
}

impl Kind {
    pub const ALL: [Self; 13] = [
        Self::Click,
        Self::AnonymousClick,
        Self::Answer,
        Self::Unsubscribe,
        Self::MessageId,
        Self::ReturnPath,
        Self::Handoff,
        Self::Queue,
        Self::PairedClick,
        Self::Confirmation,
        Self::Form,
        Self::Visit,
        Self::Stamp,
    ];
}

/// The contents of a genuine token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    /// The number of a delivery, an issue, a handoff, a queue link or a pending form.
    pub id: i64,
    pub ordinal: u16,
}

/// How many bits of a paired id are the delivery's; the higher bits are the issue's.
const DELIVERY_BITS: u32 = 40;

impl Token {
    /// The token of an issue's n-th link: for a tracked recipient it names their delivery, else only the issue.
    pub const fn click(issue: i64, delivery: i64, tracked: bool, ordinal: u16) -> Self {
        if !tracked {
            return Self { kind: Kind::AnonymousClick, id: issue, ordinal };
        }
        // Beyond eight million issues or a trillion deliveries the link is unpaired, and its target is looked up in the
        // database.
        if issue >= 0 && issue < 1 << (63 - DELIVERY_BITS) && delivery >= 0 && delivery < 1 << DELIVERY_BITS {
            return Self { kind: Kind::PairedClick, id: issue << DELIVERY_BITS | delivery, ordinal };
        }
        Self { kind: Kind::Click, id: delivery, ordinal }
    }

    /// The issue a click's token names, if any.
    pub const fn issue(&self) -> Option<i64> {
        match self.kind {
            Kind::AnonymousClick => Some(self.id),
            Kind::PairedClick => Some(self.id >> DELIVERY_BITS),
            _ => None,
        }
    }

    /// The delivery a token names, if any.
    pub const fn delivery(&self) -> Option<i64> {
        match self.kind {
            Kind::PairedClick => Some(self.id & ((1 << DELIVERY_BITS) - 1)),
            Kind::Click | Kind::Answer | Kind::Unsubscribe | Kind::MessageId | Kind::ReturnPath | Kind::Form => Some(self.id),
            Kind::AnonymousClick | Kind::Handoff | Kind::Queue | Kind::Confirmation | Kind::Visit | Kind::Stamp => None,
        }
    }
}

/// Signs tokens with the newest key and verifies those of every key. Cheap enough to run for every hole of every mail.
#[derive(Clone)]
pub struct Signer {
    keys: Vec<(u8, Hmac<Sha256>)>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer of {} keys", self.keys.len())
    }
}

impl Signer {
    /// A signer with these keys, newest first. `None` without a usable key.
    pub fn new(keys: &[(i64, Vec<u8>)]) -> Option<Self> {
        let keyed = keys
            .iter()
            .filter(|(_, secret)| secret.len() >= 32)
            .filter_map(|(id, secret)| Some((u8::try_from(*id).ok()?, Hmac::<Sha256>::new_from_slice(secret).ok()?)));
        let keys: Vec<_> = keyed.collect();
        (!keys.is_empty()).then_some(Self { keys })
    }

    /// A token as it appears in a link. It does not contain the context, which must be known to read it.
    pub fn sign(&self, token: Token, context: &str) -> [u8; WIDTH] {
        let mut text = [0; WIDTH];
        BASE64URL_NOPAD.encode_mut(&self.bytes(token, context), &mut text);
        text
    }

    pub fn text(&self, token: Token, context: &str) -> String {
        BASE64URL_NOPAD.encode(&self.bytes(token, context))
    }

    /// A token for a place that ignores case, such as the local part of an address: 34 characters.
    pub fn caseless(&self, token: Token) -> String {
        BASE32_NOPAD.encode(&self.bytes(token, "")).to_ascii_lowercase()
    }

    /// Reads a token of this kind; `None` unless we signed it with this context.
    pub fn read(&self, kind: Kind, text: &str, context: &str) -> Option<Token> {
        // The width is checked first: a decoder that ignored trailing bits would let two texts be one token.
        let bytes = (text.len() == WIDTH).then(|| BASE64URL_NOPAD.decode(text.as_bytes()).ok())??;
        self.verify(kind, &bytes, context)
    }

    /// Reads a caseless token of this kind.
    pub fn read_caseless(&self, kind: Kind, text: &str) -> Option<Token> {
        let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?;
        self.verify(kind, &bytes, "")
    }

    fn verify(&self, kind: Kind, bytes: &[u8], context: &str) -> Option<Token> {
        let (said, mac) = bytes.split_at_checked(12)?;
        let (_, key) = self.keys.iter().find(|(id, _)| *id == said[0])?;
        let genuine = Self::mac(key, said, context);
        let kind = Kind::ALL.into_iter().find(|k| *k == kind && *k as u8 == said[1])?;
        bool::from(genuine.ct_eq(mac)).then(|| Token {
            kind,
            id: i64::from_be_bytes(std::array::from_fn(|i| said[2 + i])),
            ordinal: u16::from_be_bytes([said[10], said[11]]),
        })
    }

    fn bytes(&self, token: Token, context: &str) -> [u8; 21] {
        let (id, key) = &self.keys[0];
        let mut bytes = [0; 21];
        bytes[0] = *id;
        bytes[1] = token.kind as u8;
        bytes[2..10].copy_from_slice(&token.id.to_be_bytes());
        bytes[10..12].copy_from_slice(&token.ordinal.to_be_bytes());
        let mac = Self::mac(key, &bytes[..12], context);
        bytes[12..].copy_from_slice(&mac);
        bytes
    }

    fn mac(key: &Hmac<Sha256>, said: &[u8], context: &str) -> [u8; 9] {
        let mut mac = key.clone();
        mac.update(said);
        mac.update(context.as_bytes());
        let full = mac.finalize().into_bytes();
        std::array::from_fn(|i| full[i])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(byte: u8) -> Signer {
        Signer::new(&[(1, vec![byte; 32])]).expect("a key")
    }

    const CLICK: Token = Token { kind: Kind::Click, id: 1_234_567, ordinal: 3 };

    #[test]
    fn a_token_comes_back_and_nothing_else_does() {
        let text = signer(7).text(CLICK, "");
        assert_eq!(text.len(), WIDTH);
        assert_eq!(signer(7).read(Kind::Click, &text, ""), Some(CLICK));
        assert_eq!(signer(7).read(Kind::Answer, &text, ""), None, "another kind");
        assert_eq!(signer(7).read(Kind::Click, &text, "dana"), None, "another context");
        assert_eq!(signer(8).read(Kind::Click, &text, ""), None, "another key");
        for i in 0..WIDTH {
            let mut forged = text.clone().into_bytes();
            forged[i] = if forged[i] == b'A' { b'B' } else { b'A' };
            assert_eq!(signer(7).read(Kind::Click, std::str::from_utf8(&forged).expect("ascii"), ""), None, "byte {i}");
        }
        for text in ["", "x", "ä".repeat(14).as_str(), &"=".repeat(28), &text[..27]] {
            assert_eq!(signer(7).read(Kind::Click, text, ""), None, "{text:?}");
        }
    }

    #[test]
    fn a_click_names_its_delivery_and_where_there_is_room_its_issue() {
        let named = |issue, delivery, tracked| {
            let token = Token::click(issue, delivery, tracked, 3);
            let read = signer(7).read(token.kind, &signer(7).text(token, ""), "");
            assert_eq!(read, Some(token));
            (token.kind, token.issue(), token.delivery())
        };
        let (issues, deliveries) = ((1 << 23) - 1, (1 << 40) - 1);
        assert_eq!(named(5, 9, false), (Kind::AnonymousClick, Some(5), None));
        for (issue, delivery) in [(5, 9), (0, 0), (issues, deliveries), (1, deliveries), (issues, 1)] {
            assert_eq!(named(issue, delivery, true), (Kind::PairedClick, Some(issue), Some(delivery)));
        }
        for (issue, delivery) in [(issues + 1, 1), (1, deliveries + 1), (-1, 1), (1, -1), (i64::MAX, i64::MAX)] {
            assert_eq!(named(issue, delivery, true), (Kind::Click, None, Some(delivery)));
        }
    }

    #[test]
    fn a_caseless_token_survives_a_relay_that_shouts() {
        let token = Token { kind: Kind::ReturnPath, id: 9, ordinal: 0 };
        let text = signer(7).caseless(token);
        assert_eq!(text.len(), crate::text::token::CASELESS_WIDTH);
        assert_eq!(signer(7).read_caseless(Kind::ReturnPath, &text.to_ascii_uppercase()), Some(token));
    }

    #[test]
    fn an_old_key_still_reads() {
        let text = signer(7).text(CLICK, "");
        let rotated = Signer::new(&[(2, vec![9; 32]), (1, vec![7; 32])]).expect("keys");
        assert_eq!(rotated.read(Kind::Click, &text, ""), Some(CLICK));
        assert_ne!(rotated.text(CLICK, ""), text);
    }
}
