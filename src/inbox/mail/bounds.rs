//! How much of a mail is read. Counted in the raw bytes, before anything recurses over them: a mail that nests deeper or has more
//! parts than the bounds is read as far as they reach.

use mail_parser::{ContentType, MessageParser, MimeHeaders};

/// As much of a notice as is read, in bytes.
pub const LARGEST_NOTICE: usize = 2 * 1024 * 1024;
/// The text of a notice that is read, in bytes; what people are told stands on a page or two.
pub const LARGEST_TEXT: usize = 256 * 1024;
/// As many recipients of one notice are read.
pub const RECIPIENTS: usize = 100;
/// As many addresses are looked at, to find them.
pub const ADDRESSES: usize = 5_000;
const DEPTH: usize = 20;
const PARTS: usize = 200;
/// An encoded message is looked into by the parser alone, so it may only be this large, in bytes.
const ENCODED_MESSAGE: usize = 16 * 1024;
/// Parts whose boundary never comes have the parser look through all that follows.
const LOST_BOUNDARIES: usize = 10;
/// A boundary is compared with every place of a mail, so a longer one is not followed, in bytes; RFC 2046 §5.1.1 allows 70.
const LONGEST_BOUNDARY: usize = 1_000;

/// The beginning of a mail, as far as it keeps the bounds.
pub fn bounded(raw: &[u8]) -> &[u8] {
    &raw[..end(raw)]
}

/// What is read below a part: the boundary that ends it, if it is a multipart; a message ends with what holds it.
struct Level {
    boundary: Option<Vec<u8>>,
    is_digest: bool,
}

fn end(raw: &[u8]) -> usize {
    let mut stack: Vec<Level> = Vec::new();
    let (mut at, mut parts, mut lost) = (0, 0, 0);
    loop {
        let head = Head::read(raw, at, stack.last().is_some_and(|level| level.is_digest));
        parts += 1;
        if parts > PARTS {
            return at;
        }
        at = head.end;
        if head.boundary.as_ref().is_some_and(|boundary| boundary.len() > LONGEST_BOUNDARY) {
            return at;
        }
        let enclosing = stack.iter().rev().find_map(|level| level.boundary.clone());
        if let Some(boundary) = head.boundary {
            match find(raw, at, &boundary) {
                Some(next) => {
                    if stack.len() >= DEPTH {
                        return at;
                    }
                    stack.push(Level { boundary: Some(boundary), is_digest: head.is_digest });
                    at = behind_line(raw, next);
                    continue;
                }
                None => lost += 1,
            }
        } else if head.is_message && !head.is_encoded {
            if stack.len() >= DEPTH {
                return at;
            }
            stack.push(Level { boundary: None, is_digest: false });
            continue;
        }
        if lost > LOST_BOUNDARIES {
            return at;
        }
        // To the end of this part, and out of those that end with it.
        let Some(boundary) = enclosing else {
            return if head.is_message { raw.len().min(at + ENCODED_MESSAGE) } else { raw.len() };
        };
        let Some(mut next) = find(raw, at, &boundary) else { return raw.len().min(at + LARGEST_NOTICE) };
        if head.is_message && head.is_encoded && next - at > ENCODED_MESSAGE {
            return at;
        }
        loop {
            while stack.last().is_some_and(|level| level.boundary.is_none()) {
                stack.pop();
            }
            if !raw[next..].starts_with(b"--") {
                at = behind_line(raw, next);
                break;
            }
            stack.pop();
            let Some(outer) = stack.iter().rev().find_map(|level| level.boundary.clone()) else { return raw.len() };
            let Some(found) = find(raw, next, &outer) else { return raw.len() };
            next = found;
        }
    }
}

/// Where a line or a word `--boundary` ends, from here on.
fn find(raw: &[u8], from: usize, boundary: &[u8]) -> Option<usize> {
    let mut at = from;
    loop {
        at += raw[at..].iter().position(|byte| *byte == b'-')?;
        if raw[at..].starts_with(b"--") && raw[at + 2..].starts_with(boundary) {
            return Some(at + 2 + boundary.len());
        }
        at += 1;
    }
}

/// Behind the end of the line of a boundary.
fn behind_line(raw: &[u8], at: usize) -> usize {
    let blanks = raw[at..].iter().take_while(|byte| matches!(byte, b'\r' | b' ' | b'\t')).count();
    at + blanks + usize::from(raw.get(at + blanks) == Some(&b'\n'))
}

/// Behind the blank line that ends a header, whatever stands between its last field and that.
fn behind_header(raw: &[u8], from: usize) -> usize {
    let mut at = from.min(raw.len());
    loop {
        at += raw[at..].iter().take_while(|byte| **byte != b'\n' && byte.is_ascii_whitespace()).count();
        match raw.get(at) {
            None => return raw.len(),
            Some(b'\n') => return at + 1,
            Some(_) => at += raw[at..].iter().position(|byte| *byte == b'\n').map_or(raw.len() - at, |end| end + 1),
        }
    }
}

/// What the header of a part says of its body, as the parser will read it.
#[derive(Default)]
struct Head {
    /// Of a multipart.
    boundary: Option<Vec<u8>>,
    is_digest: bool,
    is_message: bool,
    is_encoded: bool,
    /// Where its body begins.
    end: usize,
}

impl Head {
    /// The parts of a digest are messages where they do not say otherwise (RFC 2046 §5.1.5).
    fn read(raw: &[u8], from: usize, in_digest: bool) -> Self {
        let Some(head) = MessageParser::default().parse_headers(&raw[from..]) else {
            let line = raw[from..].iter().position(|byte| *byte == b'\n').map_or(raw.len(), |end| from + end + 1);
            return Self { is_message: in_digest, end: line, ..Self::default() };
        };
        let kind = head.content_type();
        let is_multipart = kind.is_some_and(|kind| kind.ctype() == "multipart");
        let is_of = |names: &[&str]| kind.and_then(ContentType::subtype).is_some_and(|subtype| names.contains(&subtype));
        let boundary = kind.filter(|_| is_multipart).and_then(|kind| kind.attribute("boundary"));
        let encoding = head.content_transfer_encoding().unwrap_or_default();
        Self {
            boundary: boundary.filter(|boundary| !boundary.is_empty()).map(|boundary| boundary.as_bytes().to_vec()),
            is_digest: is_multipart && is_of(&["digest"]),
            is_message: kind.map_or(in_digest, |kind| kind.ctype() == "message" && is_of(&["rfc822", "global"])),
            is_encoded: ["base64", "quoted-printable"].iter().any(|name| encoding.eq_ignore_ascii_case(name)),
            end: behind_header(raw, from + head.headers().last().map_or(0, |header| header.offset_end as usize)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_mail_is_read_to_its_end() {
        let mail =
            b"From: a@x.example\nContent-Type: multipart/mixed; boundary=\"b\"\n\n--b\n\ntext\n--b\n\nmore\n--b--\nafter\n";
        assert_eq!(bounded(mail).len(), mail.len());
        assert_eq!(bounded(b"no header").len(), 9);
        assert_eq!(bounded(b"").len(), 0);
    }

    #[test]
    fn a_mail_nested_too_deep_is_read_as_far_as_the_bound() {
        let nested = |part: &str| (0..3_000).map(|n| part.replace('#', &n.to_string())).collect::<String>();
        let multiparts = nested("Content-Type: multipart/mixed; boundary=b#x\n\n--b#x\n");
        let messages = "Content-Type: message/rfc822\n\n".repeat(3_000);
        // A part of a digest is a message, two types are the last of them, and a parameter may look like a boundary.
        let digests = nested("Content-Type: multipart/digest; boundary=b#x\n\n--b#x\n\n");
        let hidden = nested("Content-Type: multipart/mixed; x-boundary=END; boundary=\"b#x\"\n\n--b#x\n");
        for mail in [multiparts, messages, digests, hidden + "--END--"] {
            let kept = bounded(mail.as_bytes());
            let nested = kept.windows(13).filter(|word| word == b"Content-Type:").count();
            assert!((DEPTH / 2..=DEPTH + 1).contains(&nested), "{nested}");
        }
    }

    #[test]
    fn a_boundary_longer_than_any_program_writes_is_not_followed() {
        let mail = |length: usize| {
            let boundary = "b".repeat(length);
            format!("Content-Type: multipart/mixed; boundary={boundary}\n\n--{boundary}\n\npart\n--{boundary}--\n")
        };
        assert_eq!(bounded(mail(LONGEST_BOUNDARY).as_bytes()).len(), mail(LONGEST_BOUNDARY).len());
        assert!(bounded(mail(LONGEST_BOUNDARY + 1).as_bytes()).ends_with(b"b\n\n"));
    }

    #[test]
    fn a_mail_of_too_many_parts_is_read_as_far_as_the_bound() {
        let mail = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\npart\n".repeat(5_000));
        let kept = bounded(mail.as_bytes());
        // The multipart is one of them.
        assert_eq!(kept.windows(6).filter(|word| word == b"\npart\n").count(), PARTS - 1);
    }
}
