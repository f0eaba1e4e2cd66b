//! Header fields as lettre encodes them (RFC 2047, folded), from values that were validated before, because lettre panics
//! on a line break in a name.

use crate::domain::address::{Address, header_text};
use crate::domain::group::campaign::Sender;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use lettre::message::Mailbox;
use lettre::message::header::{Header, Headers};
use sha2::{Digest, Sha256};

/// Why a message could not be built.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Our addresses are validated more strictly than lettre's, so this is not expected.
    #[error("use the address in a header: {0}")]
    Address(#[from] lettre::address::AddressError),
    /// A part of a header that must be plain ASCII without blanks is not, or is too long.
    #[error("write the header {0}: it must be plain ASCII without blanks, at most 900 characters")]
    Plain(&'static str),
    /// lettre refused to build it.
    #[error("build the message: {0}")]
    Build(#[from] lettre::error::Error),
    /// An attachment's media type is invalid.
    #[error("attach a file: {0}")]
    MediaType(#[from] lettre::message::header::ContentTypeErr),
    /// The stored text is not a prepared message.
    #[error("read the prepared message: {0}")]
    Stored(#[from] serde_json::Error),
}

/// An address with a name, as lettre's `Mailbox`.
///
/// # Errors
/// When lettre rejects the address.
pub fn mailbox(name: &str, address: &Address) -> Result<Mailbox, MailError> {
    let name = Some(header_text(name)).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, address.as_str().parse()?))
}

/// [`mailbox`] of a sender.
pub fn sender(sender: &Sender) -> Result<Mailbox, MailError> {
    mailbox(&sender.name, &sender.address)
}

/// One header field with its line end. lettre folds a long name but leaves the address on the same line: the address goes
/// on a line of its own where that line would exceed RFC 2047's 76 characters.
pub fn field(header: impl Header) -> String {
    let mut headers = Headers::new();
    headers.set(header);
    let field = headers.to_string();
    let last = field.trim_end().rsplit("\r\n").next().unwrap_or_default();
    match field.rsplit_once(" <") {
        Some((name, address)) if last.len() > 76 => format!("{name}\r\n <{address}"),
        _ => field,
    }
}

/// A text that a header can hold unencoded: printable ASCII without blanks or angle brackets.
///
/// # Errors
/// When it is anything else, or longer than 900 characters: with a token the line must stay under 998.
pub fn plain<'t>(header: &'static str, text: &'t str) -> Result<&'t str, MailError> {
    let fits = text.len() <= 900 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>');
    if fits { Ok(text) } else { Err(MailError::Plain(header)) }
}

/// The instant in RFC 5322 format, in UTC.
pub fn date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// The date written last. Mails of the same second share it: to write one takes as long as half a mail.
#[derive(Debug, Default)]
pub struct LastDate {
    second: Option<i64>,
    text: String,
}

impl LastDate {
    /// The instant as [`date`] writes it.
    pub fn of(&mut self, at: Timestamp) -> &str {
        if self.second != Some(at.as_second()) {
            (self.second, self.text) = (Some(at.as_second()), date(at));
        }
        &self.text
    }
}

/// A boundary that depends on the parts only, so that the same message is the same bytes.
pub fn hashed_boundary<'t>(parts: impl Iterator<Item = &'t str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    format!("=_{}", HEXLOWER.encode(&hash.finalize()[..12]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lettre::message::Mailboxes;
    use lettre::message::header::From;

    #[test]
    fn only_plain_ascii_stands_in_a_header() {
        assert_eq!(plain("x", "https://a.example:8080").ok(), Some("https://a.example:8080"));
        for bad in ["a b", "a\r\nBcc: x", "a>", "é", &"a".repeat(901)] {
            assert!(plain("x", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_that_would_break_out_are_tamed() {
        let address = Address::parse("a@x.co").expect("address");
        assert_eq!(mailbox("A\r\nBcc: b@x.co", &address).expect("mailbox").to_string(), "\"A  Bcc: b@x.co\" <a@x.co>");
        assert_eq!(mailbox(" ", &address).expect("mailbox").to_string(), "a@x.co");
    }

    #[test]
    fn long_names_are_folded() {
        let address = Address::parse("letter@news.tecnofab.example").expect("address");
        for name in ["é".repeat(100), "word ".repeat(40), "Türen und Tore aus Igualada".to_owned()] {
            let field = field(From::from(Mailboxes::from(mailbox(&name, &address).expect("mailbox"))));
            assert!(field.ends_with("<letter@news.tecnofab.example>\r\n"), "{field}");
            assert!(field.lines().all(|line| line.len() <= 76), "{field}");
        }
    }

    #[test]
    fn dates_are_in_utc() {
        assert_eq!(date("2026-11-03T08:30:00Z".parse().expect("an instant")), "Tue, 03 Nov 2026 08:30:00 +0000");
        let mut last = LastDate::default();
        for (at, text) in [
            ("2026-11-03T08:30:00.1Z", "Tue, 03 Nov 2026 08:30:00 +0000"),
            ("2026-11-03T08:30:00.9Z", "Tue, 03 Nov 2026 08:30:00 +0000"),
            ("2026-11-03T08:30:01Z", "Tue, 03 Nov 2026 08:30:01 +0000"),
            ("2026-11-03T08:30:00Z", "Tue, 03 Nov 2026 08:30:00 +0000"),
        ] {
            assert_eq!(last.of(at.parse().expect("an instant")), text);
        }
    }
}
