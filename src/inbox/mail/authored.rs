//! The parts of a mail that its author wrote, and the names of what they attached.
//!
//! Of alternatives the plain text is read, and the HTML only where that is empty (RFC 2046, 5.1.4). An attachment is named and never
//! read as words (RFC 2183, 2.2), nor is what speaks to programs: cards, invitations, a copy of another mail.

use super::bounds::LARGEST_TEXT;
use super::html;
use super::mime_body::is;
use super::tnef;
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use mail_parser::{Message, MessagePart, MimeHeaders, PartType};
use std::borrow::Cow;

/// What somebody sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authored {
    /// Their words with what they quote, in lines; at most [`LARGEST_TEXT`] bytes.
    pub text: String,
    /// The names of what they attached, at most twenty.
    pub attachments: Vec<String>,
}

/// As many parts are looked at.
const MOST_PARTS: usize = 200;
/// As deep are parts within parts looked for.
const DEEPEST: usize = 20;
const MOST_NAMES: usize = 20;

/// Reads the author's parts.
pub fn authored(message: &Message) -> Authored {
    let mut reader = Reader { message, texts: Vec::new(), attachments: Vec::new(), seen: 0, packed: None };
    if !message.parts.is_empty() {
        reader.part(0, DEEPEST);
    }
    let mut text = reader.texts.join("\n\n");
    if text.trim().is_empty()
        && let Some(packed) = reader.packed.and_then(tnef::body)
    {
        text = packed;
    }
    // What is theirs is told from what they quote in the transaction that records it: it may not take long.
    text.truncate(text.floor_char_boundary(LARGEST_TEXT));
    Authored { text: text.replace("\r\n", "\n").replace('\r', "\n"), attachments: reader.attachments }
}

struct Reader<'a> {
    message: &'a Message<'a>,
    texts: Vec<String>,
    attachments: Vec<String>,
    seen: usize,
    /// The bytes of a `winmail.dat`.
    packed: Option<&'a [u8]>,
}

impl<'a> Reader<'a> {
    fn part(&mut self, at: usize, depth: usize) {
        let Some(part) = self.message.parts.get(at) else { return };
        self.seen += 1;
        if depth == 0 || self.seen > MOST_PARTS {
            return;
        }
        match &part.body {
            PartType::Multipart(children) if is(part, "multipart/alternative") => self.alternative(children, depth - 1),
            // Behind the root stand its pictures (RFC 2387).
            PartType::Multipart(children) if is(part, "multipart/related") => {
                if let Some((root, others)) = children.split_first() {
                    self.part(*root as usize, depth - 1);
                    self.name_all(others);
                }
            }
            PartType::Multipart(children) => children.iter().for_each(|child| self.part(*child as usize, depth - 1)),
            PartType::Message(_) => self.name(part),
            _ if is_attached(part) => self.name(part),
            _ => match words(self.message, part) {
                Some(text) => self.texts.push(text),
                None => self.name(part),
            },
        }
    }

    /// The plainest alternative that says anything.
    fn alternative(&mut self, children: &[u32], depth: usize) {
        let before = self.texts.len();
        let mut best: Option<Vec<String>> = None;
        for child in children {
            self.part(*child as usize, depth);
            let said = self.texts.split_off(before);
            if best.is_none() && said.iter().any(|text| !text.trim().is_empty()) {
                best = Some(said);
            }
        }
        self.texts.extend(best.unwrap_or_default());
    }

    fn name_all(&mut self, parts: &[u32]) {
        for part in parts.iter().filter_map(|at| self.message.parts.get(*at as usize)) {
            // A picture in the text is no attachment; a file is.
            if is_attached(part) {
                self.name(part);
            }
        }
    }

    fn name(&mut self, part: &'a MessagePart<'a>) {
        let name = part.attachment_name().map(|name| super::mime_body::line(name, 80)).filter(|name| !name.is_empty());
        let is_packed =
            is(part, "application/ms-tnef") || name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("winmail.dat"));
        if is_packed && let PartType::Binary(bytes) | PartType::InlineBinary(bytes) = &part.body {
            self.packed = Some(bytes.as_ref());
        }
        let kind = part.content_type().map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()));
        let known = name.or_else(|| kind.map(|kind| super::mime_body::line(&kind, 80)));
        if self.attachments.len() < MOST_NAMES {
            self.attachments.extend(known);
        }
    }
}

/// Whether it was attached: it says so, or it has the name of a file.
fn is_attached(part: &MessagePart) -> bool {
    part.content_disposition().is_some_and(mail_parser::ContentType::is_attachment) || part.attachment_name().is_some()
}

/// The words of a part that is text for people: plain or HTML, and no other kind of text.
fn words(message: &Message, part: &MessagePart) -> Option<String> {
    let unnamed = part.content_type().is_none();
    if is(part, "text/html") || is(part, "application/xhtml+xml") {
        return Some(html::text(&decoded(message, part)?));
    }
    if unnamed || is(part, "text/plain") || is(part, "text/enriched") || is(part, "text/x-markdown") || is(part, "text/markdown")
    {
        let text = decoded(message, part)?;
        return Some(if is_flowed(part) { unflowed(&text, has_parameter(part, "delsp", "yes")) } else { text.into_owned() });
    }
    None
}

/// The text, in whatever charset. What says none, or says UTF-8 and is not, is read as Windows-1252.
fn decoded<'a>(message: &'a Message, part: &'a MessagePart<'a>) -> Option<Cow<'a, str>> {
    let label = part.content_type().and_then(|kind| kind.attribute("charset"));
    let named = label.and_then(|name| Encoding::for_label(name.trim().as_bytes())).filter(|named| *named != UTF_8);
    match &part.body {
        PartType::Text(text) | PartType::Html(text) if named.is_none() && text.contains('\u{fffd}') => {
            // Only what was sent as it is still has its bytes.
            let raw = message.raw_message.get(part.offset_body as usize..part.offset_end as usize)?;
            let is_bare = part.encoding == mail_parser::Encoding::None && str::from_utf8(raw).is_err();
            Some(if is_bare { declared(raw).unwrap_or(WINDOWS_1252).decode(raw).0 } else { Cow::Borrowed(text) })
        }
        PartType::Text(text) | PartType::Html(text) => Some(Cow::Borrowed(text)),
        // `Content-Transfer-Encoding: binary` hides a text from the parser.
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            let encoding = named.unwrap_or(if str::from_utf8(bytes).is_ok() { UTF_8 } else { WINDOWS_1252 });
            Some(encoding.decode(bytes).0)
        }
        PartType::Message(_) | PartType::Multipart(_) => None,
    }
}

/// The charset that a page says of itself: `<meta charset=koi8-r>`, at its beginning.
fn declared(page: &[u8]) -> Option<&'static Encoding> {
    let head = page[..page.len().min(1024)].to_ascii_lowercase();
    let behind = head.windows(8).position(|word| word == b"charset=")? + 8;
    let name = head[behind..].split(|byte| !byte.is_ascii_alphanumeric() && !b"-_\"'".contains(byte)).next()?;
    let name: Vec<u8> = name.iter().copied().filter(|byte| !b"\"'".contains(byte)).collect();
    Encoding::for_label(&name).filter(|named| *named != UTF_8)
}

fn has_parameter(part: &MessagePart, name: &str, value: &str) -> bool {
    part.content_type().and_then(|kind| kind.attribute(name)).is_some_and(|found| found.eq_ignore_ascii_case(value))
}

fn is_flowed(part: &MessagePart) -> bool {
    has_parameter(part, "format", "flowed")
}

/// Lines that end in a blank go on (RFC 3676): joined where they are quoted equally deep, but for the mark of a signature.
fn unflowed(text: &str, drops_blank: bool) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|byte| *byte == b'>').count();
        let words = &line[depth..];
        let words = words.strip_prefix(' ').unwrap_or(words);
        let is_mark = words == "-- ";
        match (open, out.last_mut()) {
            (Some(quoted), Some(last)) if quoted == depth && !is_mark => last.push_str(words),
            _ if depth > 0 => out.push(format!("{} {words}", ">".repeat(depth))),
            _ => out.push(words.to_owned()),
        }
        open = (words.ends_with(' ') && !is_mark).then_some(depth);
        if open.is_some()
            && drops_blank
            && let Some(last) = out.last_mut()
        {
            last.pop();
        }
    }
    out.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_that_nobody_names_are_guessed() {
        let read = |kind: &str, body: &[u8]| {
            let raw = [b"From: a@b.c\n", kind.as_bytes(), b"\n\n", body].concat();
            authored(&mail_parser::MessageParser::default().parse(&raw).expect("a mail")).text
        };
        assert_eq!(read("Content-Type: text/plain", b"S\xed, ma\xf1ana"), "Sí, mañana");
        assert_eq!(read("Content-Type: text/plain; charset=utf-8", b"S\xed"), "Sí");
        assert_eq!(read("Content-Type: text/html", b"<meta charset=\"koi8-r\"><p>\xe4\xc1</p>"), "Да");
        assert_eq!(read("Content-Type: text/plain; charset=utf-8", "Sí".as_bytes()), "Sí");
        assert_eq!(read("Content-Type: text/plain; charset=x-nobody", b"plain"), "plain");
    }

    #[test]
    fn of_a_text_without_end_the_beginning_is_read() {
        let raw = format!("From: a@b.c\nContent-Type: text/plain; charset=utf-8\n\na{}", "ñ".repeat(LARGEST_TEXT));
        let text = authored(&mail_parser::MessageParser::default().parse(raw.as_bytes()).expect("a mail")).text;
        assert_eq!(text.len(), LARGEST_TEXT - 1, "no half of a letter");
    }

    #[test]
    fn flowed_lines_are_one() {
        assert_eq!(unflowed("one \ntwo\n>q \n>r\nthree \n-- \nme", false), "one two\n> q r\nthree \n-- \nme");
        assert_eq!(unflowed("日本 \n語", true), "日本語");
    }
}
