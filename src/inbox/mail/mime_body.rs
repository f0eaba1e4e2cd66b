//! What a mail says: the words its author wrote, and the message it returns.
//!
//! MIME is left to `mail-parser`; this knows only which part is the author's and which a returned copy.

use crate::domain::excerpt::excerpt;
use mail_parser::{HeaderValue, Message, MessagePart, MimeHeaders, PartType};
use std::borrow::Cow;

/// The largest mail that is read, in bytes; no bounce or reply needs more.
pub const LARGEST: usize = 25 * 1024 * 1024;

/// The author's words: the text parts before the returned copy, or the visible text of the HTML ones.
pub fn words(message: &Message) -> String {
    let own: Vec<&MessagePart> = message.parts.iter().take_while(|part| !is_copy(part)).collect();
    let plain: Vec<Cow<str>> = own.iter().filter_map(|part| text(part)).filter(|text| !text.trim().is_empty()).collect();
    let words = if plain.is_empty() {
        own.iter().filter_map(|part| html(part)).map(|page| super::html::text(&page)).collect::<Vec<_>>().join("\n")
    } else {
        plain.join("\n")
    };
    words.replace("\r\n", "\n").replace('\r', "\n")
}

/// The bodies of all parts of this type, lower case ("message/delivery-status"), also inside a forwarded mail.
pub fn parts_of(message: &Message, kind: &str, depth: usize) -> Vec<String> {
    let own: Vec<String> = message
        .parts
        .iter()
        .filter(|part| is(part, kind))
        .map(|part| String::from_utf8_lossy(part.contents()).into_owned())
        .collect();
    if !own.is_empty() || depth == 0 {
        return own;
    }
    // A report forwarded by hand or by a filter is still a report; one inside a report's returned copy is not looked at.
    message.parts.iter().filter_map(MessagePart::message).flat_map(|inner| parts_of(inner, kind, depth - 1)).collect()
}

/// Whether its `Content-Type` is this, lower case.
pub fn is(part: &MessagePart, kind: &str) -> bool {
    part.content_type().is_some_and(|found| {
        let name = format!("{}/{}", found.ctype(), found.subtype().unwrap_or_default());
        name.eq_ignore_ascii_case(kind)
    })
}

/// The text of a header, however it was parsed, in lines.
pub fn header(message: &Message, name: &str) -> Option<String> {
    // Raw values keep what structured parsing drops: comments, and addresses that no standard allows.
    let raw: Vec<&str> =
        message.headers_raw().filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect();
    (!raw.is_empty()).then(|| raw.join("\n"))
}

/// A text on one line, at most so many characters, without control characters: PostgreSQL's JSON takes no NUL, and a header
/// no line end.
pub fn line(text: &str, most: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    excerpt(&clean, most)
}

/// The decoded subject.
pub fn subject(message: &Message) -> String {
    message.subject().unwrap_or_default().trim().to_owned()
}

/// The decoded sender as one text: display name and address.
pub fn sender(message: &Message) -> String {
    let decoded = message.from().and_then(|from| from.first());
    let name = decoded.and_then(|from| from.name()).unwrap_or_default();
    format!("{name} {}", header(message, "From").unwrap_or_default())
}

/// The ids of the mails this one returns or refers to, without angle brackets, at most fifty.
pub fn message_ids(message: &Message) -> Vec<String> {
    let mut ids = referred(message);
    collect_returned(message, 3, &mut ids);
    let mut unique: Vec<String> = Vec::new();
    for id in ids {
        if !unique.contains(&id) && unique.len() < 50 {
            unique.push(id);
        }
    }
    unique
}

/// The ids of `In-Reply-To` and `References`.
fn referred(message: &Message) -> Vec<String> {
    let ids = |value: &HeaderValue| match value {
        HeaderValue::Text(id) => vec![id.to_string()],
        HeaderValue::TextList(ids) => ids.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    let mut all = ids(message.in_reply_to());
    all.extend(ids(message.references()));
    all
}

fn collect_returned(message: &Message, depth: usize, ids: &mut Vec<String>) {
    for part in &message.parts {
        match &part.body {
            PartType::Message(inner) if depth > 0 => {
                ids.extend(inner.message_id().map(str::to_owned));
                collect_returned(inner, depth - 1, ids);
            }
            PartType::Multipart(_) | PartType::Message(_) => {}
            PartType::Text(_) | PartType::Html(_) | PartType::Binary(_) | PartType::InlineBinary(_) => {
                ids.extend(written_ids(&String::from_utf8_lossy(part.contents())));
            }
        }
    }
}

/// "Message-ID: <…>" lines of a copied header, quoted or not.
fn written_ids(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim_start_matches(['>', ' ', '\t', '*']);
            let (name, value) = line.split_once(':')?;
            let named = ["message-id", "original-message-id"].iter().any(|known| name.eq_ignore_ascii_case(known));
            let id = value.split_once('<')?.1.split_once('>')?.0.trim();
            (named && !id.is_empty() && id.len() < 500).then(|| id.to_owned())
        })
        .take(50)
        .collect()
}

fn is_copy(part: &MessagePart) -> bool {
    part.is_message()
        || is(part, "text/rfc822-headers")
        || part.content_type().is_some_and(|t| t.ctype().eq_ignore_ascii_case("message"))
}

fn text<'a>(part: &'a MessagePart) -> Option<Cow<'a, str>> {
    match &part.body {
        PartType::Text(text) => Some(Cow::Borrowed(text)),
        // `Content-Transfer-Encoding: binary` hides a text from the parser.
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) if is(part, "text/plain") => Some(String::from_utf8_lossy(bytes)),
        _ => None,
    }
}

fn html<'a>(part: &'a MessagePart) -> Option<Cow<'a, str>> {
    match &part.body {
        PartType::Html(text) => Some(Cow::Borrowed(text)),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) if is(part, "text/html") => Some(String::from_utf8_lossy(bytes)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_copied_headers_are_found() {
        assert_eq!(written_ids("> Message-Id: <a@b>\nX: <c@d>\nmessage-id: broken"), ["a@b"]);
    }
}
