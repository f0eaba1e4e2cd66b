//! A one-to-one letter as a message: text and HTML as alternatives, and attachments.

use crate::domain::address::{Address, header_text};
use crate::domain::group::campaign::Sender;
use crate::mail::header::{MailError, hashed_boundary, mailbox, plain, sender};
use crate::text::letter::Letter;
use jiff::Timestamp;
use lettre::Message;
use lettre::message::MessageBuilder;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, MultiPart, SinglePart};
use std::time::SystemTime;

/// Builds the final bytes. `message_id` and `in_reply_to` include their angle brackets; equal input gives equal bytes.
///
/// # Errors
/// When an address, an id or a media type is not valid in a header.
pub fn message(
    letter: &Letter,
    from: &Sender,
    to: (&str, &Address),
    reply_to: Option<&Sender>,
    message_id: &str,
    in_reply_to: Option<&str>,
    date: Timestamp,
) -> Result<Vec<u8>, MailError> {
    let mut builder = Message::builder()
        .from(sender(from)?)
        .to(mailbox(to.0, to.1)?)
        .subject(header_text(&letter.subject))
        .date(SystemTime::from(date))
        .message_id(Some(id("Message-ID", message_id)?));
    if let Some(reply_to) = reply_to {
        builder = builder.reply_to(sender(reply_to)?);
    }
    if let Some(earlier) = in_reply_to {
        let earlier = id("In-Reply-To", earlier)?;
        builder = builder.in_reply_to(earlier.clone()).references(earlier);
    }
    finish(builder, letter, message_id)
}

/// Builds the final bytes of a mail to somebody outside that a program wrote (RFC 3834): it says so, so that no program answers
/// it.
///
/// # Errors
/// As [`message`].
pub fn automatic(letter: &Letter, from: &Sender, to: &Address, message_id: &str, date: Timestamp) -> Result<Vec<u8>, MailError> {
    let builder = Message::builder()
        .from(sender(from)?)
        .to(mailbox("", to)?)
        .subject(header_text(&letter.subject))
        .date(SystemTime::from(date))
        .message_id(Some(id("Message-ID", message_id)?))
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"), "All".to_owned()));
    finish(builder, letter, message_id)
}

fn finish(builder: MessageBuilder, letter: &Letter, message_id: &str) -> Result<Vec<u8>, MailError> {
    let boundary = |kind| hashed_boundary([kind, message_id, &letter.text, &letter.html].into_iter());
    let words = MultiPart::alternative().boundary(boundary("words"));
    let words = words.singlepart(SinglePart::plain(crlf(&letter.text))).singlepart(SinglePart::html(crlf(&letter.html)));
    if letter.attachments.is_empty() {
        return Ok(builder.multipart(words)?.formatted());
    }
    let mut parts = MultiPart::mixed().boundary(boundary("parts")).multipart(words);
    for file in &letter.attachments {
        let mime = if file.mime.starts_with("text/") { format!("{}; charset=utf-8", file.mime) } else { file.mime.clone() };
        let attachment = Attachment::new(header_text(&file.name)).body(file.bytes.clone(), ContentType::parse(&mime)?);
        parts = parts.singlepart(attachment);
    }
    Ok(builder.multipart(parts)?.formatted())
}

/// An id in its angle brackets.
fn id(header: &'static str, id: &str) -> Result<String, MailError> {
    let inner = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).ok_or(MailError::Plain(header))?;
    plain(header, inner)?;
    Ok(id.to_owned())
}

/// Every line end as CRLF, because lettre lets a lone CR through.
fn crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::letter::Attachment as File;
    use mail_parser::{MessageParser, MimeHeaders};

    fn letter(attachments: Vec<File>) -> Letter {
        Letter {
            subject: format!("Ada\r\nBcc: x@x.co, {}", "größer ".repeat(20)),
            text: "Café\rone\n.two\n".to_owned(),
            html: format!("<p>{}</p>", "é word ".repeat(300)),
            attachments,
        }
    }

    fn build(letter: &Letter, message_id: &str) -> Result<Vec<u8>, MailError> {
        let sender = |name: &str, address| Sender { name: name.to_owned(), address: Address::parse(address).expect("address") };
        let to = Address::parse("dana@tecnofab.example").expect("address");
        let date = "2026-11-03T08:30:00Z".parse().expect("an instant");
        let reply_to = sender("Ada \0 <b>", "ada@albareda.example");
        let from = sender("Tecnofab, Türen", "letter@news.tecnofab.example");
        message(letter, &from, ("Dana\nOrtega", &to), Some(&reply_to), message_id, Some("<first@x.co>"), date)
    }

    #[test]
    fn a_letter_parses_as_what_it_says() {
        let card = File { name: "prospect.vcf".to_owned(), mime: "text/vcard".to_owned(), bytes: "N:Zoë\r\n".into() };
        let bytes = build(&letter(vec![card]), "<one@x.co>").expect("builds");
        assert_eq!(
            bytes,
            build(
                &letter(vec![File {
                    name: "prospect.vcf".to_owned(), mime: "text/vcard".to_owned(), bytes: "N:Zoë\r\n".into()
                }]),
                "<one@x.co>"
            )
            .expect("builds")
        );
        assert!(bytes.split(|b| *b == b'\n').all(|line| line.len() <= 998));
        assert!(!String::from_utf8_lossy(&bytes).contains("\r\nBcc:"));
        let parsed = MessageParser::default().parse(&bytes).expect("parses");
        assert!(parsed.subject().expect("subject").starts_with("Ada  Bcc: x@x.co, größer"));
        assert_eq!(parsed.body_text(0).expect("text").replace("\r\n", "\n"), "Café\none\n.two\n");
        assert!(parsed.body_html(0).expect("html").contains("é word é word"));
        assert_eq!((parsed.message_id(), parsed.in_reply_to().as_text()), (Some("one@x.co"), Some("first@x.co")));
        let card = parsed.attachment(0).expect("a card");
        assert_eq!((card.attachment_name(), card.contents()), (Some("prospect.vcf"), "N:Zoë\r\n".as_bytes()));
    }

    #[test]
    fn an_id_cannot_break_out() {
        for id in ["one@x.co", "<one@x.co\r\nBcc: x>", "<a> <b>", "<é>"] {
            assert!(build(&letter(Vec::new()), id).is_err(), "{id:?}");
        }
        assert!(build(&letter(Vec::new()), "<one@x.co>").is_ok());
    }
}
