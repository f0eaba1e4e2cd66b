//! How much of a mail is read. Counted in the raw bytes, before anything recurses over them: a mail that nests deeper or has more
//! parts than the bounds is read as far as they reach.

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
const ENCODED_MESSAGE: usize = 64 * 1024;
/// Parts whose boundary never comes have the parser look through all that follows.
const LOST_BOUNDARIES: usize = 10;

/// The beginning of a mail, as far as it keeps the bounds.
pub fn bounded(raw: &[u8]) -> &[u8] {
    &raw[..end(raw)]
}

/// What is read below a part: the boundary that ends it, if it is a multipart; a message ends with what holds it.
struct Level {
    boundary: Option<Vec<u8>>,
}

fn end(raw: &[u8]) -> usize {
    let mut stack: Vec<Level> = Vec::new();
    let (mut at, mut parts, mut lost) = (0, 0, 0);
    loop {
        let head = Head::read(raw, at);
        parts += 1;
        if parts > PARTS {
            return at;
        }
        at = head.end;
        let enclosing = stack.iter().rev().find_map(|level| level.boundary.clone());
        if let Some(boundary) = head.boundary {
            match find(raw, at, &boundary) {
                Some(next) => {
                    if stack.len() >= DEPTH {
                        return at;
                    }
                    stack.push(Level { boundary: Some(boundary) });
                    at = behind_line(raw, next);
                    continue;
                }
                None => lost += 1,
            }
        } else if head.is_message && !head.is_encoded {
            if stack.len() >= DEPTH {
                return at;
            }
            stack.push(Level { boundary: None });
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

/// What the header of a part says of its body.
#[derive(Default)]
struct Head {
    /// Of a multipart.
    boundary: Option<Vec<u8>>,
    is_message: bool,
    is_encoded: bool,
    /// Where its body begins.
    end: usize,
}

impl Head {
    fn read(raw: &[u8], from: usize) -> Self {
        let mut at = from;
        let (mut kind, mut encoding) = (Vec::new(), Vec::new());
        let mut current: Option<&mut Vec<u8>> = None;
        while at < raw.len() {
            let end = raw[at..].iter().position(|byte| *byte == b'\n').map_or(raw.len(), |line| at + line + 1);
            let line = &raw[at..end];
            at = end;
            if line.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                break;
            }
            if !line.starts_with(b" ") && !line.starts_with(b"\t") {
                let name: Vec<u8> = line.iter().take_while(|byte| **byte != b':').take(40).map(u8::to_ascii_lowercase).collect();
                current = match name.trim_ascii_end() {
                    b"content-type" => Some(&mut kind),
                    b"content-transfer-encoding" => Some(&mut encoding),
                    _ => None,
                };
            }
            if let Some(value) = current.as_mut()
                && value.len() < 4_000
            {
                value.extend_from_slice(line);
            }
        }
        let (kind, encoding) = (String::from_utf8_lossy(&kind), String::from_utf8_lossy(&encoding).to_ascii_lowercase());
        let lower = kind.to_ascii_lowercase();
        let boundary = lower.find("boundary").filter(|_| lower.contains("multipart")).and_then(|at| {
            let value = kind[at + "boundary".len()..].trim_start_matches([' ', '\t', '\r', '\n', '=', '*', '0']).trim();
            let value = match value.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next().unwrap_or_default(),
                None => value.split([';', ' ', '\t', '\r', '\n']).next().unwrap_or_default(),
            };
            (!value.is_empty()).then(|| value.as_bytes().to_vec())
        });
        let is_encoded = encoding.contains("base64") || encoding.contains("quoted");
        Self { boundary, is_message: lower.contains("message/"), is_encoded, end: at }
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
        let multiparts: String =
            (0..3_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}x\n\n--b{n}x\n")).collect();
        let messages = "Content-Type: message/rfc822\n\n".repeat(3_000);
        for mail in [multiparts, messages] {
            let kept = bounded(mail.as_bytes());
            let nested = kept.windows(13).filter(|word| word == b"Content-Type:").count();
            assert!((DEPTH..=DEPTH + 1).contains(&nested), "{nested}");
        }
    }

    #[test]
    fn a_mail_of_too_many_parts_is_read_as_far_as_the_bound() {
        let mail = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\npart\n".repeat(5_000));
        let kept = bounded(mail.as_bytes());
        assert_eq!(kept.windows(4).filter(|word| word == b"part").count(), PARTS - 2);
    }
}
