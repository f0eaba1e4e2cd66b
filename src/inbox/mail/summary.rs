//! What is shown of a mail to an operator who looks for its meaning, and the addresses by which an erasure finds it.

use super::{address, bounds, mime_body};
use crate::domain::address::Address;
use mail_parser::{Message, MessageParser, MimeHeaders, PartType};
use std::collections::BTreeSet;

/// What is shown of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub sender: String,
    pub subject: String,
    /// As its header says it.
    pub date: String,
    /// What its author wrote, at most 20,000 characters.
    pub text: String,
    /// Every address in the headers and the texts of it and of the mails in it, at most 500.
    pub addresses: Vec<Address>,
}

/// As many addresses are kept of one mail.
const MOST_ADDRESSES: usize = 500;
/// As many characters are shown.
const MOST_TEXT: usize = 20_000;

/// Reads what is shown of a mail; of what is no mail, next to nothing.
pub fn summary(raw: &[u8]) -> Summary {
    MessageParser::default().parse(bounds::bounded(raw)).as_ref().map(of).unwrap_or_default()
}

/// What is shown of a mail that was parsed.
pub fn of(message: &Message) -> Summary {
    Summary {
        sender: mime_body::line(mime_body::sender(message).trim(), 200),
        subject: mime_body::line(&mime_body::subject(message), 200),
        date: mime_body::line(&mime_body::header(message, "Date").unwrap_or_default(), 60),
        text: mime_body::words(message).chars().take(MOST_TEXT).collect(),
        addresses: addresses(message),
    }
}

/// The addresses of a mail, then those of the mails in it: a notice may name a person in its fields or in the returned copy alone.
fn addresses(message: &Message) -> Vec<Address> {
    let mut all = Addresses::default();
    let mut open = vec![message];
    while let Some(message) = open.pop() {
        for (_, value) in message.headers_raw() {
            all.take(value);
        }
        all.take(&mime_body::subject(message));
        all.take(&mime_body::words(message));
        for part in &message.parts {
            match &part.body {
                PartType::Message(inner) => open.push(inner),
                PartType::Text(text) | PartType::Html(text) => all.take(text),
                PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                    let kind = part.content_type().map(|kind| kind.ctype().to_ascii_lowercase());
                    if kind.is_some_and(|kind| matches!(kind.as_str(), "text" | "message")) {
                        all.take(&String::from_utf8_lossy(bytes));
                    }
                }
                PartType::Multipart(_) => {}
            }
        }
    }
    all.found
}

#[derive(Default)]
struct Addresses {
    found: Vec<Address>,
    known: BTreeSet<Address>,
}

impl Addresses {
    fn take(&mut self, text: &str) {
        // Line by line: what is looked for around an `@` never reaches further.
        for line in text.lines() {
            if self.found.len() >= MOST_ADDRESSES {
                return;
            }
            for found in address::find(line) {
                if self.found.len() < MOST_ADDRESSES && self.known.insert(found.address.clone()) {
                    self.found.push(found.address);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_found_by_every_address_in_it() {
        let raw = b"From: =?utf-8?Q?J=C3=B6rg?= <jorg@x.example>\r\nTo: bounces+t@news.example\r\nCc: Bo <BO@y.example>,\r\n c@z.example\r\n\
                    Subject: =?utf-8?B?w4RudGVy?=\r\nContent-Transfer-Encoding: base64\r\n\r\nYXNrIGRhbmFAdy5leGFtcGxl\r\n";
        let found = summary(raw);
        assert_eq!((found.subject.as_str(), found.text.trim()), ("Änter", "ask dana@w.example"));
        assert!(found.sender.contains("jorg@x.example"));
        let addresses: Vec<String> = found.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["jorg@x.example", "bounces+t@news.example", "bo@y.example", "c@z.example", "dana@w.example"]);
        assert_eq!(summary(b""), Summary::default());
    }

    #[test]
    fn a_notice_is_found_by_an_address_in_its_fields_or_in_the_returned_copy_alone() {
        let notice = |fields: &str, copy: &str, text: &str| {
            let raw = format!(
                "From: MAILER-DAEMON@mx.example\nTo: t@news.example\nSubject: Undelivered\n\
                 Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nIt was not delivered.{text}\n--b\n\
                 Content-Type: message/delivery-status\n\n{fields}Action: failed\nStatus: 5.1.1\n\n--b\n\
                 Content-Type: message/rfc822\n\n{copy}\n--b--\n"
            );
            summary(raw.as_bytes()).addresses.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let person = "ada@x.example";
        assert!(!notice("", "Subject: letter\n\nDear", "").contains(&person.to_owned()));
        for found in [
            notice(&format!("Final-Recipient: rfc822; {person}\n"), "Subject: letter\n\nDear", ""),
            notice("", &format!("To: Ada <{person}>\nSubject: letter\n\nDear"), ""),
            notice("", &format!("Subject: letter\n\nDear {person}"), ""),
            notice("", &format!("Subject: letter\nContent-Type: message/rfc822\n\nTo: {person}\n\nDear"), ""),
            notice("", "Subject: letter\n\nDear", &format!("{}{person}", "more of it ".repeat(2_000))),
        ] {
            assert!(found.contains(&person.to_owned()), "{found:?}");
        }
    }
}
