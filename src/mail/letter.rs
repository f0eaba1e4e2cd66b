//! A one-to-one letter as a message: text and HTML as alternatives, and attachments.

use crate::domain::address::{Address, header_text};
use crate::domain::group::campaign::Sender;
use crate::domain::individual::letter::LetterKind;
use crate::mail::header::{self, MailError, hashed_boundary, mailbox, plain, sender};
use crate::text::letter::Letter;
use jiff::Timestamp;
use lettre::Message;
use lettre::message::MessageBuilder;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, MultiPart, SinglePart};
use memchr::memmem;
use std::time::SystemTime;

/// What stands above a letter's text.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    pub kind: LetterKind,
    pub from: &'a Sender,
    /// Name, which may be empty, and address.
    pub to: (&'a str, &'a Address),
    /// The address an answer goes to; the sender's, if absent.
    pub reply_to: Option<&'a Sender>,
    /// With its angle brackets, as `in_reply_to`.
    pub message_id: &'a str,
    pub in_reply_to: Option<&'a str>,
    /// Until [`date`] sets that of the first try.
    pub date: Timestamp,
}

/// Builds the final bytes; equal input gives equal bytes.
///
/// # Errors
/// When an address, an id or a media type is not valid in a header.
pub fn message(letter: &Letter, headers: &Headers<'_>) -> Result<Vec<u8>, MailError> {
    let (name, address) = headers.to;
    let mut builder = Message::builder()
        .from(sender(headers.from)?)
        .to(mailbox(name, address)?)
        .subject(header_text(&letter.subject))
        .date(SystemTime::from(headers.date))
        .message_id(Some(id("Message-ID", headers.message_id)?));
    if let Some(reply_to) = headers.reply_to {
        builder = builder.reply_to(sender(reply_to)?);
    }
    if let Some(earlier) = headers.in_reply_to {
        let earlier = id("In-Reply-To", earlier)?;
        builder = builder.in_reply_to(earlier.clone()).references(earlier);
    }
    for (name, value) in marks(headers.kind) {
        builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), (*value).to_owned()));
    }
    finish(builder, letter, headers.message_id)
}

/// The headers by which programs know a mail that nobody wrote: that of the standard (RFC 3834 §5), and the one that
/// Exchange heeds. Ours are not to be answered while away, but a report that one was not delivered is wanted; a stranger's
/// address answers nothing.
const fn marks(kind: LetterKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        kind if !kind.is_automatic() => &[],
        LetterKind::Confirmation => &[("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")],
        _ => &[("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "OOF, AutoReply")],
    }
}

/// Sets the date of a letter's message to that of its first try, in a header of its own line.
pub fn date(message: &mut Vec<u8>, at: Timestamp) {
    let head = memmem::find(message, b"\r\n\r\n").unwrap_or(0);
    let begins =
        if message.starts_with(b"Date: ") { Some(0) } else { memmem::find(&message[..head], b"\r\nDate: ").map(|at| at + 2) };
    let Some(begins) = begins else { return };
    let ends = memmem::find(&message[begins..], b"\r\n").map_or(message.len(), |length| begins + length);
    message.splice(begins..ends, format!("Date: {}", header::date(at)).into_bytes());
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
        let (kind, to, reply_to) = (LetterKind::Handoff, ("Dana\nOrtega", &to), Some(&reply_to));
        let headers = Headers { kind, from: &from, to, reply_to, message_id, in_reply_to: Some("<first@x.co>"), date };
        message(letter, &headers)
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
    fn its_date_becomes_that_of_its_first_try_and_nothing_else_changes() {
        let before = build(&letter(Vec::new()), "<one@x.co>").expect("builds");
        let mut after = before.clone();
        date(&mut after, "2026-12-24T23:59:59Z".parse().expect("an instant"));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("ASCII");
        let old = "\r\nDate: Tue, 03 Nov 2026 08:30:00 +0000\r\n";
        assert_eq!(text(&after), text(&before).replacen(old, "\r\nDate: Thu, 24 Dec 2026 23:59:59 +0000\r\n", 1));
        assert_ne!(after, before);
        let (mut first, mut none) = (b"Date: x\r\n\r\nDate: y".to_vec(), b"To: x\r\n\r\n\r\nDate: y".to_vec());
        date(&mut first, Timestamp::UNIX_EPOCH);
        date(&mut none, Timestamp::UNIX_EPOCH);
        assert_eq!(first, b"Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n\r\nDate: y");
        assert_eq!(none, b"To: x\r\n\r\n\r\nDate: y");
    }

    #[test]
    fn what_nobody_wrote_says_so_but_a_handoff_and_its_reminders() {
        let to = Address::parse("dana@tecnofab.example").expect("address");
        let from = Sender { name: "Us".to_owned(), address: to.clone() };
        for kind in LetterKind::ALL {
            let (to, date) = (("", &to), Timestamp::UNIX_EPOCH);
            let headers = Headers { kind, from: &from, to, reply_to: None, message_id: "<one@x.co>", in_reply_to: None, date };
            let bytes = message(&letter(Vec::new()), &headers).expect("builds");
            let says = String::from_utf8_lossy(&bytes).contains("\r\nAuto-Submitted: auto-generated\r\n");
            assert_eq!(says, !matches!(kind, LetterKind::Handoff | LetterKind::Reminder), "{kind:?}");
        }
    }

    #[test]
    fn an_id_cannot_break_out() {
        for id in ["one@x.co", "<one@x.co\r\nBcc: x>", "<a> <b>", "<é>"] {
            assert!(build(&letter(Vec::new()), id).is_err(), "{id:?}");
        }
        assert!(build(&letter(Vec::new()), "<one@x.co>").is_ok());
    }
}
