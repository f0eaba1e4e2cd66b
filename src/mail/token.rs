//! Tokens: signed, of fixed width, and the only identity a link carries.
//!
//! 27 bytes: key, kind, id (8), ordinal (2), whom it is for (7), and eight of an HMAC-SHA-256 over them and a context. As
//! base64url that is 36 characters with no padding, so every token is equally wide. They sign; they do not encrypt.
//!
//! Whom it is for: the prospect's number, and three bytes of an HMAC of the address the mail went to, so that a number that
//! means something else in another history of the database opens nothing. The address is hashed once for a mail and not once
//! for a token; a token is two blocks of SHA-256, as it was before it named anybody.

pub use super::token_kind::Kind;
use crate::domain::id::ProspectId;
use crate::text::token::CASELESS_WIDTH;
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The width of every token, in characters.
pub const WIDTH: usize = 36;

/// How many bytes of a token are signed; the rest is the signature.
const SAID: usize = 19;
const BYTES: usize = 27;
/// The bytes of a token in an address: key, id (6), whom it is for (7), signature.
const CASELESS_BYTES: usize = 22;
const _: () = assert!((BYTES * 8).div_ceil(6) == WIDTH && (CASELESS_BYTES * 8).div_ceil(5) == CASELESS_WIDTH);

/// Whom a token is for: a prospect and an address of theirs, which is hashed under the key that signs the token. Made by
/// [`Signer::recipient`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient {
    key: u8,
    /// Zero for none.
    prospect: u32,
    address: [u8; 3],
}

impl Recipient {
    /// For whoever holds it.
    pub const ANYBODY: Self = Self { key: 0, prospect: 0, address: [0; 3] };

    /// The prospect, if it names one.
    pub fn prospect(self) -> Option<ProspectId> {
        (self.prospect > 0).then(|| ProspectId(i64::from(self.prospect)))
    }

    fn bytes(self) -> [u8; 7] {
        let mut bytes = [0; 7];
        bytes[..4].copy_from_slice(&self.prospect.to_be_bytes());
        bytes[4..].copy_from_slice(&self.address);
        bytes
    }

    fn read(key: u8, bytes: [u8; 7]) -> Self {
        let [a, b, c, d, address @ ..] = bytes;
        let prospect = u32::from_be_bytes([a, b, c, d]);
        if prospect == 0 && address == [0; 3] { Self::ANYBODY } else { Self { key, prospect, address } }
    }
}

/// The contents of a genuine token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    /// The number of a delivery, an issue, a handoff, a queue link or a pending form.
    pub id: i64,
    pub ordinal: u16,
    pub recipient: Recipient,
}

/// How many bits of a paired id are the delivery's; the higher bits are the issue's.
const DELIVERY_BITS: u32 = 40;

impl Token {
    /// The token of an issue's n-th link: for a tracked recipient it names them and their delivery, else only the issue.
    pub const fn click(issue: i64, delivery: i64, recipient: Option<Recipient>, ordinal: u16) -> Self {
        let Some(recipient) = recipient else {
            return Self { kind: Kind::AnonymousClick, id: issue, ordinal, recipient: Recipient::ANYBODY };
        };
        // Beyond eight million issues or a trillion deliveries the link is unpaired, and its target is looked up in the
        // database.
        if issue >= 0 && issue < 1 << (63 - DELIVERY_BITS) && delivery >= 0 && delivery < 1 << DELIVERY_BITS {
            return Self { kind: Kind::PairedClick, id: issue << DELIVERY_BITS | delivery, ordinal, recipient };
        }
        Self { kind: Kind::Click, id: delivery, ordinal, recipient }
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
            Kind::Click
            | Kind::Answer
            | Kind::Unsubscribe
            | Kind::MessageId
            | Kind::ReturnPath
            | Kind::Form
            | Kind::Preferences
            | Kind::ReplyAddress => Some(self.id),
            Kind::AnonymousClick
            | Kind::Handoff
            | Kind::Queue
            | Kind::Confirmation
            | Kind::Doubt
            | Kind::Visit
            | Kind::Stamp
            | Kind::Undo => None,
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
        let keyed = keys.iter().filter(|(_, secret)| secret.len() >= 32).filter_map(|(id, secret)| {
            let id = u8::try_from(*id).ok().filter(|id| *id > 0)?;
            Some((id, Hmac::<Sha256>::new_from_slice(secret).ok()?))
        });
        let keys: Vec<_> = keyed.collect();
        (!keys.is_empty()).then_some(Self { keys })
    }

    /// Whom a mail is for, to be named in its tokens. A prospect numbered beyond four thousand million is not named: their
    /// tokens then stand and fall with the delivery.
    pub fn recipient(&self, prospect: Option<ProspectId>, address: &str) -> Recipient {
        let (id, key) = &self.keys[0];
        let prospect = prospect.and_then(|id| u32::try_from(id.0).ok()).unwrap_or_default();
        Recipient { key: *id, prospect, address: Self::hashed(key, address) }
    }

    /// Whether a token is for this address.
    pub fn is_for(&self, recipient: Recipient, address: &str) -> bool {
        let key = self.keys.iter().find(|(id, _)| *id == recipient.key);
        key.is_some_and(|(_, key)| Self::hashed(key, address) == recipient.address)
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

    /// The token of a delivery in an address, which may lose its case.
    pub fn in_address(&self, kind: Kind, delivery: i64, recipient: Recipient) -> [u8; CASELESS_WIDTH] {
        let whole = self.bytes(Token { kind, id: delivery, ordinal: 0, recipient }, "");
        let mut bytes = [0; CASELESS_BYTES];
        bytes[0] = whole[0];
        bytes[1..7].copy_from_slice(&whole[4..10]);
        bytes[7..].copy_from_slice(&whole[12..]);
        let mut text = [0; CASELESS_WIDTH];
        BASE32_NOPAD.encode_mut(&bytes, &mut text);
        text.make_ascii_lowercase();
        text
    }

    /// The token of a delivery's return path: [`CASELESS_WIDTH`] characters.
    pub fn return_path(&self, delivery: i64, recipient: Recipient) -> String {
        self.in_address(Kind::ReturnPath, delivery, recipient).into_iter().map(char::from).collect()
    }

    /// Reads a token of this kind; `None` unless we signed it with this context.
    pub fn read(&self, kind: Kind, text: &str, context: &str) -> Option<Token> {
        // The width is checked first: a decoder that ignored trailing bits would let two texts be one token.
        let bytes = (text.len() == WIDTH).then(|| BASE64URL_NOPAD.decode(text.as_bytes()).ok())??;
        self.verify(kind, &bytes, context)
    }

    /// Reads the token of a return path.
    pub fn read_return_path(&self, text: &str) -> Option<Token> {
        self.read_in_address(Kind::ReturnPath, text)
    }

    /// Reads a token of this kind from an address.
    pub fn read_in_address(&self, kind: Kind, text: &str) -> Option<Token> {
        let short = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok().filter(|b| b.len() == CASELESS_BYTES)?;
        let mut bytes = [0; BYTES];
        bytes[0] = short[0];
        bytes[1] = kind as u8;
        bytes[4..10].copy_from_slice(&short[1..7]);
        bytes[12..].copy_from_slice(&short[7..]);
        self.verify(kind, &bytes, "")
    }

    fn verify(&self, kind: Kind, bytes: &[u8], context: &str) -> Option<Token> {
        let (said, mac) = bytes.split_at_checked(SAID)?;
        let (_, key) = self.keys.iter().find(|(id, _)| *id == said[0])?;
        let genuine = Self::mac(key, said, context);
        let kind = Kind::ALL.into_iter().find(|k| *k == kind && *k as u8 == said[1])?;
        bool::from(genuine.ct_eq(mac)).then(|| Token {
            kind,
            id: i64::from_be_bytes(std::array::from_fn(|i| said[2 + i])),
            ordinal: u16::from_be_bytes([said[10], said[11]]),
            recipient: Recipient::read(said[0], std::array::from_fn(|i| said[12 + i])),
        })
    }

    fn bytes(&self, token: Token, context: &str) -> [u8; BYTES] {
        let (id, key) = &self.keys[0];
        let mut bytes = [0; BYTES];
        bytes[0] = *id;
        bytes[1] = token.kind as u8;
        bytes[2..10].copy_from_slice(&token.id.to_be_bytes());
        bytes[10..12].copy_from_slice(&token.ordinal.to_be_bytes());
        bytes[12..SAID].copy_from_slice(&token.recipient.bytes());
        let mac = Self::mac(key, &bytes[..SAID], context);
        bytes[SAID..].copy_from_slice(&mac);
        bytes
    }

    fn mac(key: &Hmac<Sha256>, said: &[u8], context: &str) -> [u8; BYTES - SAID] {
        let mut mac = key.clone();
        mac.update(said);
        mac.update(context.as_bytes());
        let full = mac.finalize().into_bytes();
        std::array::from_fn(|i| full[i])
    }

    /// A token begins with the number of its key, which is never zero: no address is hashed as a token is signed. Nor is a hash
    /// ever zero, which means nobody.
    fn hashed(key: &Hmac<Sha256>, address: &str) -> [u8; 3] {
        let mut mac = key.clone();
        mac.update(&[0]);
        mac.update(address.as_bytes());
        let full = mac.finalize().into_bytes();
        [full[0], full[1], full[2].max(1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(byte: u8) -> Signer {
        Signer::new(&[(1, vec![byte; 32])]).expect("a key")
    }

    const CLICK: Token = Token { kind: Kind::Click, id: 1_234_567, ordinal: 3, recipient: Recipient::ANYBODY };

    fn to(signer: &Signer, prospect: i64, text: &str) -> Recipient {
        signer.recipient(Some(ProspectId(prospect)), text)
    }

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
        for text in ["", "x", "ä".repeat(14).as_str(), &"=".repeat(WIDTH), &text[..WIDTH - 1]] {
            assert_eq!(signer(7).read(Kind::Click, text, ""), None, "{text:?}");
        }
    }

    #[test]
    fn a_click_names_its_delivery_and_where_there_is_room_its_issue() {
        let named = |issue, delivery, tracked| {
            let recipient = Some(to(&signer(7), 8, "ada@a.example")).filter(|_| tracked);
            let token = Token::click(issue, delivery, recipient, 3);
            let read = signer(7).read(token.kind, &signer(7).text(token, ""), "");
            assert_eq!(token.recipient.prospect(), tracked.then_some(ProspectId(8)), "an untracked link names nobody");
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
    fn a_return_path_survives_a_relay_that_shouts_and_fits_an_address() {
        let signer = signer(7);
        let recipient = to(&signer, 5, "ada@a.example");
        let text = signer.return_path((1 << 48) - 1, recipient);
        assert_eq!(text.len(), CASELESS_WIDTH);
        assert!("newsletter-bounces+".len() + text.len() <= 64, "RFC 5321, 4.5.3.1.1");
        let read = signer.read_return_path(&text.to_ascii_uppercase()).expect("ours");
        assert_eq!((read.kind, read.id, read.recipient), (Kind::ReturnPath, (1 << 48) - 1, recipient));
        assert_eq!(signer.read_in_address(Kind::ReplyAddress, &text), None, "another kind: who may answer may report no bounce");
        for i in 0..CASELESS_WIDTH {
            let mut forged = text.clone().into_bytes();
            forged[i] = if forged[i] == b'a' { b'b' } else { b'a' };
            assert_eq!(signer.read_return_path(std::str::from_utf8(&forged).expect("ascii")), None, "character {i}");
        }
    }

    #[test]
    fn a_token_is_for_one_prospect_at_one_address_under_every_key() {
        let old = signer(7);
        let token = Token { recipient: to(&old, 5, "ada@a.example"), ..CLICK };
        let rotated = Signer::new(&[(2, vec![9; 32]), (1, vec![7; 32])]).expect("keys");
        let read = rotated.read(Kind::Click, &old.text(token, ""), "").expect("ours");
        assert_eq!(read, token);
        assert_eq!(read.recipient.prospect(), Some(ProspectId(5)));
        assert!(rotated.is_for(read.recipient, "ada@a.example"));
        assert!(!rotated.is_for(read.recipient, "bea@a.example"));
        assert!(!rotated.is_for(Recipient::ANYBODY, "ada@a.example"), "what names nobody is nobody's");
        // Whoever changes the number or the address of a token breaks it.
        let theirs = Token { recipient: to(&old, 6, "ada@a.example"), ..CLICK };
        let (one, other) = (BASE64URL_NOPAD.decode(old.text(token, "").as_bytes()), old.text(theirs, ""));
        let (mut one, other) = (one.expect("bytes"), BASE64URL_NOPAD.decode(other.as_bytes()).expect("bytes"));
        one[12..SAID].copy_from_slice(&other[12..SAID]);
        assert_eq!(old.read(Kind::Click, &BASE64URL_NOPAD.encode(&one), ""), None);
    }

    #[test]
    fn an_old_key_still_reads() {
        let text = signer(7).text(CLICK, "");
        let rotated = Signer::new(&[(2, vec![9; 32]), (1, vec![7; 32])]).expect("keys");
        assert_eq!(rotated.read(Kind::Click, &text, ""), Some(CLICK));
        assert_ne!(rotated.text(CLICK, ""), text);
    }
}
