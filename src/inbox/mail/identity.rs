//! Who wrote a mail, and what makes it the same mail when it comes another way: its author, and what it says.
//!
//! A relay on the way may write a new Message-ID, other encodings and line ends, and another may leave them; two mails may bear one
//! Message-ID. So none of these counts.

use super::address;
use super::authentication::{self, Trace};
use super::mime_body;
use crate::domain::address::Address;
use jiff::{SignedDuration, Timestamp};
use mail_parser::{HeaderName, HeaderValue, Message, MessagePart, PartType};
use sha2::{Digest, Sha256};

/// Who wrote a mail, and what makes it the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The one author; `None` if there is none that can be read, or more than one: whoever checked one may have checked another.
    pub author: Option<Address>,
    /// What it names as its author, whatever that is, lower case.
    pub named: String,
    /// A hash of what all its parts say; of a mail that says nothing, of its subject.
    pub body: String,
    /// When it was written, as it says itself.
    pub dated_at: Option<Timestamp>,
    /// What servers wrote above it on its way.
    pub way: Vec<Trace>,
}

/// How far the dates of one mail may lie apart: a server that adds a missing one takes its own clock.
const ONE_MAIL: SignedDuration = SignedDuration::from_hours(24);

impl Identity {
    pub fn read(message: &Message) -> Self {
        let mut hash = Sha256::new();
        if !hash_parts(message, 10, &mut hash) {
            // Of what says nothing, only the subject tells one from another.
            hash_words(&mime_body::subject(message), &mut hash);
        }
        let dated_at = message.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok());
        Self {
            author: author(message),
            named: mime_body::header(message, "From").unwrap_or_default().to_lowercase(),
            body: data_encoding::HEXLOWER.encode(&hash.finalize()[..16]),
            dated_at,
            way: authentication::way(message),
        }
    }

    /// Of a mail that a simulation writes: each is another.
    pub fn of(author: &Address, body: &str) -> Self {
        let named = author.to_string();
        Self { author: Some(author.clone()), named, body: body.to_owned(), dated_at: None, way: Vec::new() }
    }

    /// Whether a mail with the same words, recorded with this date, is this one: somebody who says the same again half a year later
    /// says it again.
    pub fn is_of(&self, dated_at: Option<Timestamp>) -> bool {
        match (self.dated_at, dated_at) {
            (Some(one), Some(other)) => one.duration_since(other).abs() <= ONE_MAIL,
            _ => true,
        }
    }
}

/// The one author of a mail. A display name is none, even one that looks like an address.
pub fn author(message: &Message) -> Option<Address> {
    let mut authors: Vec<Address> = Vec::new();
    let mut headers = 0;
    for value in message.header_values(HeaderName::From) {
        headers += 1;
        let HeaderValue::Address(list) = value else { continue };
        for written in list.iter().filter_map(|one| one.address()) {
            let author = Address::parse(written).ok()?;
            if !authors.contains(&author) {
                authors.push(author);
            }
        }
    }
    if authors.is_empty() && headers == 1 {
        // What the parser makes nothing of, with one address in it.
        authors =
            mime_body::header(message, "From").iter().flat_map(|from| address::find(from)).map(|found| found.address).collect();
    }
    let [author] = <[Address; 1]>::try_from(authors).ok()?;
    Some(author)
}

/// Whether any part says anything.
fn hash_parts(message: &Message, depth: usize, hash: &mut Sha256) -> bool {
    let mut is_said = false;
    for part in &message.parts {
        is_said |= match &part.body {
            PartType::Text(text) | PartType::Html(text) => hash_words(text, hash),
            PartType::Binary(_) | PartType::InlineBinary(_) => hash_bytes(part, hash),
            PartType::Message(inner) if depth > 0 => hash_parts(inner, depth - 1, hash),
            PartType::Message(_) | PartType::Multipart(_) => false,
        };
    }
    is_said
}

/// A text may be folded, filled and closed otherwise on its way.
fn hash_words(text: &str, hash: &mut Sha256) -> bool {
    let mut is_said = false;
    for word in text.split_whitespace() {
        hash.update(word.as_bytes());
        hash.update(b" ");
        is_said = true;
    }
    is_said
}

fn hash_bytes(part: &MessagePart, hash: &mut Sha256) -> bool {
    let Ok(text) = std::str::from_utf8(part.contents()) else {
        hash.update(part.contents());
        return true;
    };
    hash_words(text, hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::MessageParser;

    fn identity(raw: &str) -> Identity {
        Identity::read(&MessageParser::default().parse(raw.replace('\n', "\r\n").as_bytes()).expect("a mail"))
    }

    #[test]
    fn an_author_is_the_address_and_never_the_name_before_it() {
        let cases = [
            ("From: ada@albareda.example", Some("ada@albareda.example")),
            ("From: \"Bosch, Ada\" <Ada@Albareda.example>", Some("ada@albareda.example")),
            ("From: \"ada@albareda.example\" <mallory@evil.example>", Some("mallory@evil.example")),
            ("From: ada@albareda.example <mallory@evil.example>", Some("mallory@evil.example")),
            ("From: \"ada@albareda.example via List\" <mallory@evil.example>", Some("mallory@evil.example")),
            ("From: =?utf-8?q?ada=40albareda.example?= <mallory@evil.example>", Some("mallory@evil.example")),
            ("From: =?utf-8?b?YWRhQGFsYmFyZWRhLmV4YW1wbGU=?= <mallory@evil.example>", Some("mallory@evil.example")),
            ("From: mallory@evil.example (ada@albareda.example)", Some("mallory@evil.example")),
            ("From: (ada@albareda.example) mallory@evil.example", Some("mallory@evil.example")),
            ("From: ada@albareda.example, mallory@evil.example", None),
            ("From: ada@albareda.example\nFrom: mallory@evil.example", None),
            ("From: mallory@evil.example\nFrom: ada@albareda.example", None),
            ("From: Us: ada@albareda.example, mallory@evil.example;", None),
            ("From: ada@albareda.example\nFrom: Ada <ADA@albareda.example>", Some("ada@albareda.example")),
            ("From: undisclosed:;", None),
            ("From: <>", None),
            ("From: Ada", None),
            ("Sender: ada@albareda.example", None),
        ];
        for (header, expected) in cases {
            let found = identity(&format!("{header}\nSubject: x\n\nx\n")).author;
            assert_eq!(found.as_ref().map(Address::as_str), expected, "{header}");
        }
    }

    #[test]
    fn one_mail_is_one_however_a_relay_wraps_it() {
        let plain = "From: a@x.example\nMessage-ID: <1@x>\nContent-Type: text/plain; charset=utf-8\n\
                     Content-Transfer-Encoding: 8bit\n\nDécidez.\nUne ligne   de plus \n\n";
        let first = identity(plain);
        let ways = [
            "Received: from y by z; x\nFrom: a@x.example\nMessage-ID: <2@relay>\n\
             Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nDécidez.\nUne ligne de plus\n",
            "From: a@x.example\nContent-Type: text/plain; charset=iso-8859-1\n\
             Content-Transfer-Encoding: quoted-printable\n\nD=E9cidez.\nUne ligne de=\n plus\n",
            "From: a@x.example\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nRMOpY2lkZXouDQpVbmUgbGlnbmUgZGUgcGx1cw0K\n",
        ];
        for way in ways {
            assert_eq!(identity(way).body, first.body, "{way}");
        }
        assert_ne!(identity(&plain.replace("plus", "moins")).body, first.body);
        let at = |text: &str| Some(text.parse::<Timestamp>().expect("an instant"));
        let dated = |text| Identity { dated_at: at(text), ..first.clone() };
        assert!(dated("2027-05-03T09:00:00Z").is_of(at("2027-05-03T09:00:02Z")) && dated("2027-05-03T09:00:00Z").is_of(None));
        assert!(first.is_of(at("2027-05-03T09:00:00Z")));
        assert!(!dated("2027-11-03T09:00:00Z").is_of(at("2027-05-03T09:00:00Z")), "said again");
    }

    #[test]
    fn mails_without_a_word_are_told_apart_by_their_subjects() {
        let wordless = |subject: &str| identity(&format!("From: a@x.example\nSubject: {subject}\n\n \n")).body;
        assert_eq!(wordless("Stop"), wordless("=?utf-8?q?Stop?="));
        assert_ne!(wordless("Stop"), wordless("Please call me"));
        let worded = |subject: &str| identity(&format!("From: a@x.example\nSubject: {subject}\n\nYes.\n")).body;
        assert_eq!(worded("Stop"), worded("[list] Stop"), "a list writes into subjects");
    }
}
