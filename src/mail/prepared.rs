//! The final message of an issue, prepared once: the same bytes for every recipient except tokens of one width and the
//! address in `To`. It is stored with the issue, so that a repeat after an upgrade is still the same mail.

use crate::domain::address::{Address, header_text};
use crate::domain::group::campaign::Sender;
use crate::domain::group::issue::{Composed, Hole, Piece};
use crate::mail::header::{MailError, field, hashed_boundary, plain, sender};
use crate::mail::quoted_printable::encode;
use crate::text::token::WIDTH;
use lettre::message::Mailboxes;
use lettre::message::header::{From, ReplyTo, Subject};
use serde::{Deserialize, Serialize};

/// The headers and URLs around a composed newsletter.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    pub from: &'a Sender,
    pub reply_to: &'a Sender,
    /// The address at which answers are read: with a token in it, it stands in place of that of `reply_to`.
    pub answers_return: Option<&'a Address>,
    /// The list's identity: the campaign's name and our domain (RFC 2919).
    pub list_id: (&'a str, &'a str),
    /// The base URL of links, without a trailing slash.
    pub public_url: &'a str,
    /// The domain of its Message-ID.
    pub message_id_domain: &'a str,
    /// The mailbox to which a mail that unsubscribes is sent: that of our return paths, which is read.
    pub unsubscribe: &'a Address,
    /// Headers that have a provider repeat the Message-ID's token in its reports: what stands before the token, and what behind it.
    pub token_headers: &'a [(&'static str, &'static str)],
}

/// The final message, with holes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prepared(Vec<Piece>);

/// Prepares the message: headers in a fixed order, a text and an HTML part; ASCII, CRLF, no line over 998.
///
/// # Errors
/// When an address or a URL cannot stand in a header.
pub fn prepare(composed: &Composed, envelope: &Envelope<'_>) -> Result<Prepared, MailError> {
    let mut message = Message::default();
    message.headers(composed, envelope)?;
    let (text, html) = (encode(&composed.text), encode(&composed.html));
    let boundary = boundary(&text, &html);
    message.literal(&format!("MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary=\"{boundary}\"\r\n\r\n"));
    for (kind, part) in [("plain", text), ("html", html)] {
        message.literal(&format!(
            "--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        ));
        for piece in part {
            message.push(piece);
        }
        // The line end before a boundary is the boundary's (RFC 2046, 5.1.1).
        message.literal("\r\n");
    }
    message.literal(&format!("--{boundary}--\r\n"));
    Ok(Prepared(message.0))
}

impl Prepared {
    /// Writes one recipient's copy to `out`, asking `token` for every hole but address and date, again for each time a hole
    /// occurs. A token is 36 of `A-Z a-z 0-9 _ -`; `date` is as [`date`](crate::mail::header::date) writes it.
    pub fn fill(&self, to: &Address, date: &str, mut token: impl FnMut(Hole) -> [u8; WIDTH], out: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Literal(bytes) => out.extend_from_slice(bytes.as_bytes()),
                Piece::Hole(Hole::To) => out.extend_from_slice(to.as_str().as_bytes()),
                Piece::Hole(Hole::Date) => out.extend_from_slice(date.as_bytes()),
                Piece::Hole(hole) => {
                    let token = token(*hole);
                    debug_assert!(token.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
                    out.extend_from_slice(&token);
                }
            }
        }
    }

    /// Whether every copy is ASCII, as those of [`prepare`] are: tokens and addresses are ASCII.
    pub fn is_ascii(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Literal(text) if text.is_ascii()) || matches!(piece, Piece::Hole(_)))
    }

    /// The message as the store keeps it.
    ///
    /// # Errors
    /// None is expected: strings and small numbers always serialise.
    pub fn to_json(&self) -> Result<String, MailError> {
        Ok(serde_json::to_string(self)?)
    }

    /// Reads a stored message.
    ///
    /// # Errors
    /// When the text is not what [`Prepared::to_json`] wrote.
    pub fn from_json(json: &str) -> Result<Self, MailError> {
        Ok(serde_json::from_str(json)?)
    }
}

#[derive(Default)]
struct Message(Vec<Piece>);

impl Message {
    fn headers(&mut self, composed: &Composed, envelope: &Envelope<'_>) -> Result<(), MailError> {
        let url = plain("List-Unsubscribe", envelope.public_url)?;
        let domain = plain("Message-ID", envelope.message_id_domain)?;
        self.literal(&field(From::from(Mailboxes::from(sender(envelope.from)?))));
        self.reply_to(envelope.reply_to, envelope.answers_return)?;
        self.around("To: ", Hole::To, "\r\n");
        self.literal(&field(Subject::from(header_text(&composed.subject))));
        self.around("Date: ", Hole::Date, "\r\n");
        self.around("Message-ID: <", Hole::MessageId, &format!("@{domain}>\r\n"));
        for (before, after) in envelope.token_headers {
            self.around(before, Hole::MessageId, after);
        }
        self.literal(&format!("List-Id: <{}>\r\n", list_id(envelope.list_id)?));
        let mailbox = escaped(envelope.unsubscribe);
        self.around(&format!("List-Unsubscribe: <{url}/u/"), Hole::Unsubscribe, ">,\r\n");
        self.around(&format!(" <mailto:{mailbox}?subject=unsubscribe%20"), Hole::Unsubscribe, ">\r\n");
        self.literal("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
        Ok(())
    }

    /// The header by which an answer finds whoever the campaign names, or comes to us with a token and is passed on to them.
    fn reply_to(&mut self, named: &Sender, answers_return: Option<&Address>) -> Result<(), MailError> {
        let Some(ours) = answers_return else {
            self.literal(&field(ReplyTo::from(Mailboxes::from(sender(named)?))));
            return Ok(());
        };
        // It is folded as any other; the token's place is found again from its end, where no name stands.
        let mark = "x".repeat(WIDTH);
        let address =
            Address::parse(&format!("{}+{mark}@{}", ours.local(), ours.domain())).map_err(|_| MailError::Plain("Reply-To"))?;
        let header = field(ReplyTo::from(Mailboxes::from(sender(&Sender { name: named.name.clone(), address })?)));
        let (before, after) = header.rsplit_once(&mark).ok_or(MailError::Plain("Reply-To"))?;
        self.around(before, Hole::ReplyAddress, after);
        Ok(())
    }

    fn around(&mut self, before: &str, hole: Hole, after: &str) {
        self.literal(before);
        self.push(Piece::Hole(hole));
        self.literal(after);
    }

    fn literal(&mut self, text: &str) {
        self.push(Piece::Literal(text.to_owned()));
    }

    /// Appends a piece; neighbouring literals become one.
    fn push(&mut self, piece: Piece) {
        match (self.0.last_mut(), piece) {
            (Some(Piece::Literal(last)), Piece::Literal(text)) => last.push_str(&text),
            (_, piece) => self.0.push(piece),
        }
    }
}

/// An address in a `mailto:` URL (RFC 6068, 2).
fn escaped(address: &Address) -> String {
    let local = address.local().bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'+' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    format!("{}@{}", local.collect::<String>(), address.domain())
}

/// The list's identity: dot-separated labels, none of them empty (RFC 2919).
fn list_id((name, domain): (&str, &str)) -> Result<String, MailError> {
    let labels: Vec<&str> = name.split('.').chain(domain.split('.')).filter(|label| !label.is_empty()).collect();
    Ok(plain("List-Id", &labels.join("."))?.to_owned())
}

/// A boundary that depends only on the bodies. `=_` never occurs in quoted-printable (RFC 2045, 6.7).
fn boundary(text: &[Piece], html: &[Piece]) -> String {
    let literals = text.iter().chain(html).filter_map(|piece| match piece {
        Piece::Literal(bytes) => Some(bytes.as_str()),
        Piece::Hole(_) => None,
    });
    hashed_boundary(literals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::MessageParser;

    const TOKEN: [u8; WIDTH] = *b"A_-456789012345678901234567890123456";

    fn literal(text: &str) -> Piece {
        Piece::Literal(text.to_owned())
    }

    fn prepared(subject: &str, public_url: &str) -> Result<Prepared, MailError> {
        answered(subject, public_url, None)
    }

    fn answered(subject: &str, public_url: &str, answers_return: Option<(&str, &str)>) -> Result<Prepared, MailError> {
        let composed = Composed {
            subject: subject.to_owned(),
            html: vec![literal("<p>Größe <a href=\"https://x/c/"), Piece::Hole(Hole::Click(0)), literal("\">é</a></p>\n")],
            text: vec![literal("Größe\n.\nhttps://x/c/"), Piece::Hole(Hole::Click(0)), literal("\n-- \nus\n")],
            content: crate::domain::group::issue::Content::default(),
        };
        let ours = answers_return.map(|(_, ours)| Address::parse(ours).expect("address"));
        let sender = |name: &str, address| Sender { name: name.to_owned(), address: Address::parse(address).expect("address") };
        let envelope = Envelope {
            from: &sender("Marta Vidal, Türen & \"Tore\"", "letter@news.tecnofab.example"),
            reply_to: &sender(answers_return.map_or("Marta Vidal", |(name, _)| name), "marta@tecnofab.example"),
            answers_return: ours.as_ref(),
            list_id: ("line-downtime", "news.tecnofab.example"),
            public_url,
            message_id_domain: "news.tecnofab.example",
            unsubscribe: &Address::parse("bounces@news.tecnofab.example").expect("address"),
            token_headers: &[],
        };
        prepare(&composed, &envelope)
    }

    fn filled(prepared: &Prepared, to: &str) -> String {
        let mut out = Vec::new();
        prepared.fill(&Address::parse(to).expect("address"), "Tue, 03 Nov 2026 08:30:00 +0000", |_| TOKEN, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn headers_stand_in_a_fixed_order() {
        let message = filled(&prepared("What an hour costs", "https://news.tecnofab.example").expect("prepares"), "ada@x.co");
        let (headers, _) = message.split_once("\r\n\r\n").expect("a body");
        insta::assert_snapshot!(headers.replace("\r\n", "\n"));
    }

    #[test]
    fn an_address_that_we_read_stands_in_reply_to_with_a_token_of_each_copy() {
        let token = str::from_utf8(&TOKEN).expect("ASCII").to_owned();
        for name in ["Marta Vidal", "Größe & \"Söhne\"", &"Marta Vidal y Compañía ".repeat(8), &"x".repeat(80), ""] {
            let ours = Some((name, "replies@news.tecnofab.example"));
            let prepared = answered("x", "https://news.tecnofab.example", ours).expect("prepares");
            let message = filled(&prepared, "ada@x.co");
            assert_eq!(message.matches(&format!("replies+{token}@news.tecnofab.example")).count(), 1, "{message}");
            assert!(!message.contains("marta@tecnofab.example") && message.lines().all(|line| line.len() < 200), "{message}");
            let parsed = MessageParser::default().parse(message.as_bytes()).expect("parses");
            let answers = parsed.reply_to().and_then(|to| to.first()).expect("one");
            assert_eq!(answers.address(), Some(format!("replies+{token}@news.tecnofab.example").as_str()));
            assert_eq!(answers.name().unwrap_or_default(), name.trim(), "{message}");
            let without = super::tests::prepared("x", "https://news.tecnofab.example").expect("prepares");
            assert_eq!(prepared.0.len(), without.0.len() + 2, "one hole more, and the words behind it");
        }
    }

    #[test]
    fn a_message_parses_as_what_it_says() {
        let subject = format!("Größe\r\nBcc: x@x.co {}", "sehr ".repeat(60));
        let message = filled(&prepared(&subject, "https://news.tecnofab.example").expect("prepares"), "ada@x.co");
        let is_stop = |line: &str| line.starts_with("List-Unsubscribe: ") || line.starts_with(" <mailto:");
        let folded = |line: &str| line.len() <= 78 || is_stop(line);
        assert!(message.is_ascii() && message.lines().all(folded), "{message}");
        assert!(!message.contains("\n.") && !message.replace("\r\n", "").contains(['\r', '\n']));
        let parsed = MessageParser::default().parse(message.as_bytes()).expect("parses");
        let subject: Vec<&str> = parsed.subject().expect("subject").split_whitespace().take(4).collect();
        assert_eq!(subject, ["Größe", "Bcc:", "x@x.co", "sehr"]);
        assert_eq!(parsed.to().and_then(|to| to.first()).and_then(|to| to.address()), Some("ada@x.co"));
        let token = str::from_utf8(&TOKEN).expect("ASCII");
        assert_eq!(parsed.message_id(), Some(format!("{token}@news.tecnofab.example").as_str()));
        let text = parsed.body_text(0).expect("text").replace("\r\n", "\n");
        assert_eq!(text, format!("Größe\n.\nhttps://x/c/{token}\n-- \nus\n"));
        assert!(parsed.body_html(0).expect("html").contains(&format!("<p>Größe <a href=\"https://x/c/{token}\">é</a></p>")));
    }

    #[test]
    fn recipients_share_every_byte_but_tokens_and_address() {
        let prepared = prepared("x", "https://news.tecnofab.example").expect("prepares");
        assert_eq!(Prepared::from_json(&prepared.to_json().expect("json")).expect("reads"), prepared);
        assert_eq!(filled(&prepared, "ada@x.co"), filled(&prepared, "bo@long.example").replace("bo@long.example", "ada@x.co"));
        assert!(Prepared::from_json("{}").is_err());
    }

    #[test]
    fn a_url_that_cannot_stand_in_a_header_is_refused() {
        assert!(prepared("x", "https://news.tecnofab.example/ä b").is_err());
    }
}
