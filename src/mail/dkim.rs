//! Signing: one header field before a message proves which domain answers for it (DKIM, RFC 6376, RFC 8463).
//!
//! The signature holds no time, so a repeat of a mail is the same bytes, signature included. This module only signs: it
//! verifies no signature and queries no DNS.

use super::canonical::{Halves, field};
use crate::domain::dkim::{Dkim, SignError};
use data_encoding::BASE64;
use ring::digest::{SHA256, digest};
use std::num::NonZero;
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// The header fields a signature covers, if a mail has them. One-click unsubscribing counts only if both of its fields are
/// among them (RFC 8058 §4).
const COVERED: [&str; 14] = [
    "from",
    "subject",
    "to",
    "date",
    "message-id",
    "reply-to",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
];
/// The fields listed once more than they occur, so that another one added in transit breaks the signature (RFC 6376
/// §8.15).
const OVERSIGNED: [&str; 2] = ["from", "subject"];

/// How many mails are signed at the same time: one per processor, regardless of the number of connections.
static HANDS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get)));

/// Signs mails for one domain. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Signer(Arc<Dkim>);

/// Signs a message if the configuration says so; see [`Signer::seal`].
///
/// # Errors
/// Those of [`Signer::seal`].
pub async fn seal(dkim: Option<&Arc<Dkim>>, message: &mut Vec<u8>) -> Result<(), SignError> {
    match dkim {
        Some(dkim) => Signer::new(dkim.clone()).seal(message).await,
        None => Ok(()),
    }
}

impl Signer {
    pub const fn new(dkim: Arc<Dkim>) -> Self {
        Self(dkim)
    }

    /// The header field, with its line end, to put before a complete message with CRLF lines and without dot-stuffing. The
    /// same message gives the same bytes.
    ///
    /// # Errors
    /// When the message has no From field, or the key fails: then it must not be sent.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let halves = Halves::of(message);
        let fields = halves.fields();
        let Dkim { selector, domain, key } = &*self.0;
        if !fields.iter().any(|(name, _)| name == "from") {
            return Err(SignError);
        }
        let (names, mut signed) = covered(&fields);
        let mut header = String::from("DKIM-Signature: v=1;");
        let mut folded = Folded { column: header.len() };
        folded.word(&mut header, &format!("a={}-sha256;", key.kind()));
        folded.word(&mut header, "c=relaxed/relaxed;");
        folded.word(&mut header, &format!("d={};", domain.as_str()));
        folded.word(&mut header, &format!("s={};", selector.as_str()));
        for (i, name) in names.iter().enumerate() {
            let (before, after) = (if i == 0 { "h=" } else { "" }, if i + 1 == names.len() { ";" } else { ":" });
            folded.word(&mut header, &format!("{before}{name}{after}"));
        }
        folded.word(&mut header, &format!("bh={};", BASE64.encode(digest(&SHA256, &halves.body()).as_ref())));
        folded.word(&mut header, "b=");
        let value = header.strip_prefix("DKIM-Signature:").expect("it begins so");
        field("dkim-signature", value.as_bytes(), &mut signed);
        let signature = BASE64.encode(&key.sign(&signed)?);
        for piece in signature.as_bytes().chunks(72) {
            header.push_str("\r\n ");
            header.extend(piece.iter().map(|byte| char::from(*byte)));
        }
        header.push_str("\r\n");
        Ok(header.into_bytes())
    }

    /// Puts the signature before the message. RSA takes a third of a millisecond, so it runs on a blocking thread, at most
    /// one per processor, and no connection waits for another's signature.
    ///
    /// # Errors
    /// Those of [`Signer::sign`]; the message is unchanged or empty, and must not be sent.
    pub async fn seal(&self, message: &mut Vec<u8>) -> Result<(), SignError> {
        if !self.0.key.is_slow() {
            let header = self.sign(message)?;
            message.splice(..0, header);
            return Ok(());
        }
        let _hand = HANDS.acquire().await.map_err(|_| SignError)?;
        let (signer, unsigned) = (self.clone(), std::mem::take(message));
        let sealed = tokio::task::spawn_blocking(move || {
            let mut sealed = signer.sign(&unsigned)?;
            sealed.extend_from_slice(&unsigned);
            Ok(sealed)
        });
        *message = sealed.await.map_err(|_| SignError)??;
        Ok(())
    }
}

/// The names for `h=`, and their fields in the form that is signed, each with its line end. Of several fields of one name
/// the lowest comes first (RFC 6376 §5.4.2).
fn covered(fields: &[(String, &[u8])]) -> (Vec<&'static str>, Vec<u8>) {
    let (mut names, mut signed) = (Vec::with_capacity(COVERED.len() + 2), Vec::with_capacity(1024));
    for name in COVERED {
        for (_, value) in fields.iter().rev().filter(|(found, _)| found == name) {
            names.push(name);
            field(name, value, &mut signed);
            signed.extend_from_slice(b"\r\n");
        }
        // A name listed more often than it occurs signs the absence of any further field.
        if OVERSIGNED.contains(&name) {
            names.push(name);
        }
    }
    (names, signed)
}

/// Words in sequence, folded into lines of at most 76 characters where possible.
struct Folded {
    column: usize,
}

impl Folded {
    fn word(&mut self, out: &mut String, word: &str) {
        // After a colon a list continues without a space.
        let blank = if out.ends_with(':') { "" } else { " " };
        if self.column + blank.len() + word.len() > 76 {
            out.push_str("\r\n ");
            self.column = 1;
        } else {
            out.push_str(blank);
            self.column += blank.len();
        }
        out.push_str(word);
        self.column += word.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::dkim::{Key, Label};

    const MESSAGE: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
        To: Suzie Q <suzie@shopping.example.net>\r\n\
        Subject: Is dinner ready?\r\n\
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
        Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\n\
        Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

    fn signer(pem: &str) -> Signer {
        let label = |text| Label::parse(text).expect("a name");
        let key = Key::parse(pem).expect("a key");
        Signer::new(Arc::new(Dkim { selector: label("brisbane"), domain: label("football.example.com"), key }))
    }

    fn ed25519() -> Signer {
        signer(include_str!("../../tests/data/dkim/ed25519.pem"))
    }

    fn rsa() -> Signer {
        signer(include_str!("../../tests/data/dkim/rsa.pem"))
    }

    #[test]
    fn the_signature_of_the_standard_comes_out_as_there() {
        // The message, key, field list and signature of RFC 8463, appendix A.
        let halves = Halves::of(MESSAGE.as_bytes());
        let hash = BASE64.encode(digest(&SHA256, &halves.body()).as_ref());
        assert_eq!(hash, "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
        let fields = halves.fields();
        let mut signed = Vec::new();
        for name in ["from", "to", "subject", "date", "message-id"] {
            let (_, value) = fields.iter().find(|(found, _)| found == name).expect("it is there");
            field(name, value, &mut signed);
            signed.extend(b"\r\n");
        }
        let theirs = format!(
            " v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n q=dns/txt; \
             s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : from : subject : date;\r\n bh={hash};\r\n b="
        );
        field("dkim-signature", theirs.as_bytes(), &mut signed);
        let signature = BASE64.encode(&ed25519().0.key.sign(&signed).expect("signs"));
        assert_eq!(signature, "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==");
    }

    #[test]
    fn the_field_is_the_same_each_time_and_on_short_lines() {
        for signer in [ed25519(), rsa()] {
            let header = String::from_utf8(signer.sign(MESSAGE.as_bytes()).expect("signs")).expect("ASCII");
            assert_eq!(header.as_bytes(), signer.sign(MESSAGE.as_bytes()).expect("signs"), "again");
            assert!(header.starts_with("DKIM-Signature: v=1; a=") && header.ends_with("\r\n"), "{header}");
            let unfolded = header.replace("\r\n ", "");
            assert!(unfolded.contains("h=from:from:subject:subject:to:date:message-id;"), "{header}");
            assert!(header.lines().all(|line| line.len() <= 78), "{header}");
            assert!(header.lines().skip(1).all(|line| line.starts_with(' ') && line.len() > 1), "{header}");
            assert!(!unfolded.contains("t="), "a time in it would make every repeat another mail: {header}");
        }
    }

    #[test]
    fn dkim_covers_both_one_click_fields_and_every_repeated_field() {
        let message = format!(
            "List-Unsubscribe: <https://x/u/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nTo: a@x.co\r\n{MESSAGE}"
        );
        let header = String::from_utf8(ed25519().sign(message.as_bytes()).expect("signs")).expect("ASCII").replace("\r\n ", "");
        assert!(
            header.contains("h=from:from:subject:subject:to:to:date:message-id:list-unsubscribe:list-unsubscribe-post;"),
            "{header}"
        );
        let (_, signed) = covered(&Halves::of(message.as_bytes()).fields());
        let signed = String::from_utf8(signed).expect("ASCII");
        assert!(signed.contains("to:Suzie Q <suzie@shopping.example.net>\r\nto:a@x.co\r\n"), "the lowest first: {signed}");
    }

    #[test]
    fn a_mail_from_nobody_is_not_signed() {
        for message in ["", "\r\n\r\nFrom: a@x.co\r\n", "Subject: x\r\n\r\n", "From\r\n\r\n"] {
            assert_eq!(ed25519().sign(message.as_bytes()), Err(SignError), "{message:?}");
        }
    }

    #[tokio::test]
    async fn sealing_puts_the_signature_first_and_changes_nothing() {
        for signer in [ed25519(), rsa()] {
            let mut sealed = MESSAGE.as_bytes().to_vec();
            signer.seal(&mut sealed).await.expect("signs");
            assert_eq!(sealed, [signer.sign(MESSAGE.as_bytes()).expect("signs"), MESSAGE.into()].concat());
            let mut nobody = b"x\r\n".to_vec();
            assert!(signer.seal(&mut nobody).await.is_err());
        }
        let mut unsigned = MESSAGE.as_bytes().to_vec();
        seal(None, &mut unsigned).await.expect("nothing to do");
        assert_eq!(unsigned, MESSAGE.as_bytes());
    }
}
