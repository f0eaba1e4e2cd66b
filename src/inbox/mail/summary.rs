//! What is shown of a mail to an operator who looks for its meaning, and the addresses by which an erasure finds it.

use super::{address, bounds, mime_body};
use crate::domain::address::Address;
use mail_parser::MessageParser;

/// What is shown of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub sender: String,
    pub subject: String,
    /// As its header says it.
    pub date: String,
    /// What its author wrote, at most 20,000 characters.
    pub text: String,
    /// Every address in its headers and its text, at most 500.
    pub addresses: Vec<Address>,
}

/// As many addresses are kept of one mail.
const MOST_ADDRESSES: usize = 500;
/// As many characters are shown.
const MOST_TEXT: usize = 20_000;

/// Reads what is shown of a mail; of what is no mail, next to nothing.
pub fn summary(raw: &[u8]) -> Summary {
    let Some(message) = MessageParser::default().parse(bounds::bounded(raw)) else { return Summary::default() };
    let text: String = mime_body::words(&message).chars().take(MOST_TEXT).collect();
    let mut addresses: Vec<Address> = Vec::new();
    let headers = message.headers_raw().map(|(_, value)| value);
    // Line by line: what is looked for around an `@` never reaches further.
    for line in headers.flat_map(str::lines).chain(text.lines()) {
        for found in address::find(line) {
            if addresses.len() < MOST_ADDRESSES && !addresses.contains(&found.address) {
                addresses.push(found.address);
            }
        }
    }
    Summary {
        sender: mime_body::line(mime_body::sender(&message).trim(), 200),
        subject: mime_body::line(&mime_body::subject(&message), 200),
        date: mime_body::line(&mime_body::header(&message, "Date").unwrap_or_default(), 60),
        text,
        addresses,
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
}
