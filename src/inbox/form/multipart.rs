//! multipart/form-data (RFC 7578), split here: `mail-parser` also takes a boundary in the middle of a line for one, and a debug assertion
//! of it fails on bodies that no browser sends and an attacker may.

use super::header::Header;
use super::problem::Problem;
use super::urlencoded::{decoded, percent_decoded};
use data_encoding::BASE64;

/// One part of a form.
#[derive(Debug)]
pub struct Part {
    pub name: Vec<u8>,
    pub value: Vec<u8>,
    /// The charset that the part itself declares.
    pub charset: Option<Vec<u8>>,
    /// The file's name, if it is a file; empty where no file was chosen.
    pub file: Option<Vec<u8>>,
}

/// The parts of a body in their order.
///
/// # Errors
/// [`Problem::NoParts`].
pub fn parts(content_type: &Header, body: &[u8]) -> Result<Vec<Part>, Problem> {
    // RFC 2046: at most 70 characters. Browsers take fewer.
    let boundary = content_type.parameter("boundary").filter(|boundary| (1..=200).contains(&boundary.len()));
    let parts = split(boundary.ok_or(Problem::NoParts)?, body);
    if parts.is_empty() { Err(Problem::NoParts) } else { Ok(parts.into_iter().filter_map(read).collect()) }
}

/// What stands between the lines that begin with the boundary; what is cut off at the end is the last part.
fn split<'a>(boundary: &[u8], body: &'a [u8]) -> Vec<&'a [u8]> {
    let delimiter = [b"--", boundary].concat();
    let (mut parts, mut begun, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let end = at + line.len();
        let rest = line.strip_prefix(delimiter.as_slice()).filter(|rest| rest.starts_with(b"--") || rest.trim_ascii().is_empty());
        if let Some(rest) = rest {
            parts.extend(begun.map(|start| without_line_end(&body[start..at])));
            begun = rest.trim_ascii().is_empty().then_some(end);
            if begun.is_none() {
                return parts;
            }
        }
        at = end;
    }
    parts.extend(begun.map(|start| without_line_end(&body[start..])));
    parts
}

fn without_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

fn read(part: &[u8]) -> Option<Part> {
    let (mut headers, mut at) = (Vec::<(String, Vec<u8>)>::new(), 0);
    for line in part.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        let line = without_line_end(line);
        if line.is_empty() {
            break;
        }
        if line[0].is_ascii_whitespace() {
            // A line that is folded goes on with the header before it (RFC 5322, 2.2.3).
            headers.last_mut()?.1.extend_from_slice(line);
        } else if let Some(colon) = line.iter().position(|byte| *byte == b':') {
            headers.push((String::from_utf8_lossy(&line[..colon]).trim().to_ascii_lowercase(), line[colon + 1..].to_vec()));
        }
    }
    let header = |name: &str| headers.iter().find(|(found, _)| found == name).map(|(_, value)| Header::parse(value));
    let disposition = header("content-disposition")?;
    let name = match disposition.parameter("name") {
        Some(name) => unescaped(name),
        None => disposition.extended("name")?.1,
    };
    let file = disposition.parameter("filename").map(unescaped).or_else(|| Some(disposition.extended("filename")?.1));
    let charset = header("content-type").and_then(|kind| kind.parameter("charset").map(<[u8]>::to_vec));
    let encoding = header("content-transfer-encoding").map(|header| header.value).unwrap_or_default();
    Some(Part { name, value: plain(&encoding, part.get(at..).unwrap_or_default()), charset, file })
}

/// A value without its transfer encoding, which browsers do not use and RFC 7578 deprecates; some programs do.
fn plain(encoding: &str, value: &[u8]) -> Vec<u8> {
    match encoding {
        "base64" => {
            let digits: Vec<u8> = value.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            BASE64.decode(&digits).unwrap_or_else(|_| value.to_vec())
        }
        "quoted-printable" => {
            let lines: Vec<&[u8]> = value.split(|byte| *byte == b'\n').collect();
            let last = lines.len() - 1;
            let soft = |(place, line): (usize, &&[u8])| match without_line_end(line).strip_suffix(b"=") {
                Some(line) => line.to_vec(),
                None if place == last => line.to_vec(),
                None => [line, &b"\n"[..]].concat(),
            };
            decoded(b'=', &lines.iter().enumerate().flat_map(soft).collect::<Vec<u8>>())
        }
        _ => value.to_vec(),
    }
}

/// A name or file name as browsers escape it: a quotation mark and the line ends, nothing else (WHATWG HTML).
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut found = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let escape = rest.get(..3).filter(|three| [&b"%22"[..], b"%0D", b"%0A", b"%0d", b"%0a"].contains(three));
        if let Some(three) = escape {
            found.extend(percent_decoded(three));
            rest = &rest[3..];
        } else {
            found.push(*byte);
            rest = after;
        }
    }
    found
}
