//! `winmail.dat`: the packet in which Outlook hides a mail (MS-OXTNEF). Its text is read where the mail has no other; what else is
//! packed stays packed.

use super::html;
use encoding_rs::{Encoding, WINDOWS_1252};

const SIGNATURE: u32 = 0x223E_9F78;
/// The text of the mail, and the block of its properties.
const BODY: u32 = 0x0002_800C;
const PROPERTIES: u32 = 0x0006_9003;
/// The code page of what is not Unicode.
const CODE_PAGE: u32 = 0x0006_9007;
/// Properties (MS-OXPROPS): the text, the same as HTML.
const PLAIN: u16 = 0x1000;
const HTML: u16 = 0x1013;
/// No more of either is looked at.
const MOST: usize = 1000;

/// The text in a packet; `None` where it holds none, or is cut off or broken.
pub(super) fn body(packet: &[u8]) -> Option<String> {
    let mut rest = Bytes(packet);
    if rest.number::<4>()? != SIGNATURE {
        return None;
    }
    rest.take(2)?;
    let (mut charset, mut text, mut html) = (WINDOWS_1252, None, None);
    for _ in 0..MOST {
        let Some(attribute) = attribute(&mut rest) else { break };
        match attribute {
            (CODE_PAGE, data) => charset = code_page(Bytes(data).number::<4>()?),
            (BODY, data) => text = text.or_else(|| written(&charset.decode(data).0)),
            (PROPERTIES, data) => {
                let found = properties(data, charset);
                text = found.0.or(text);
                html = found.1.or(html);
            }
            _ => {}
        }
    }
    text.or_else(|| html.map(|page| html::text(&page)))
}

/// Its number and its bytes: level, number, length, bytes, checksum.
fn attribute<'a>(rest: &mut Bytes<'a>) -> Option<(u32, &'a [u8])> {
    rest.take(1)?;
    let number = rest.number::<4>()?;
    let length = usize::try_from(rest.number::<4>()?).ok()?;
    let data = rest.take(length)?;
    rest.take(2)?;
    Some((number, data))
}

/// The text and the HTML among a block of properties.
fn properties(data: &[u8], charset: &'static Encoding) -> (Option<String>, Option<String>) {
    let (mut text, mut html) = (None, None);
    let mut rest = Bytes(data);
    let count = rest.number::<4>().unwrap_or(0) as usize;
    for _ in 0..count.min(MOST) {
        let Some((id, kind, value)) = property(&mut rest) else { break };
        match (id, kind) {
            (PLAIN, 0x1F) => text = written(&encoding_rs::UTF_16LE.decode(value).0),
            (PLAIN, 0x1E) => text = written(&charset.decode(value).0),
            (HTML, _) => html = written(&charset.decode(value).0),
            _ => {}
        }
    }
    (text, html)
}

/// One property: its number, its kind, its first value.
fn property<'a>(rest: &mut Bytes<'a>) -> Option<(u16, u16, &'a [u8])> {
    let tag = rest.number::<4>()?;
    let (kind, id) = (u16::try_from(tag & 0xFFFF).ok()?, u16::try_from(tag >> 16).ok()?);
    if id >= 0x8000 {
        // A name: a GUID, and a number or a text.
        rest.take(16)?;
        if rest.number::<4>()? == 1 {
            let length = rest.number::<4>()? as usize;
            rest.take(padded(length)?)?;
        } else {
            rest.take(4)?;
        }
    }
    let many = kind & 0x1000 != 0;
    let fixed = match kind & 0x0FFF {
        0x02 | 0x03 | 0x04 | 0x0A | 0x0B => Some(4),
        0x05 | 0x06 | 0x07 | 0x14 | 0x40 => Some(8),
        0x48 => Some(16),
        _ => None,
    };
    let count = if many || fixed.is_none() { rest.number::<4>()? as usize } else { 1 };
    let mut first: &[u8] = &[];
    for number in 0..count.min(MOST) {
        let length = match fixed {
            Some(length) => length,
            None => rest.number::<4>()? as usize,
        };
        let value = rest.take(padded(length)?)?;
        if number == 0 {
            first = &value[..length];
        }
    }
    Some((id, kind & 0x0FFF, first))
}

fn padded(length: usize) -> Option<usize> {
    length.checked_next_multiple_of(4)
}

fn written(text: &str) -> Option<String> {
    let text = text.trim_matches(['\0', ' ', '\r', '\n']);
    (!text.is_empty()).then(|| text.to_owned())
}

fn code_page(number: u32) -> &'static Encoding {
    let label = match number {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        65001 => "utf-8".to_owned(),
        other => format!("windows-{other}"),
    };
    Encoding::for_label(label.as_bytes()).unwrap_or(WINDOWS_1252)
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number<const N: usize>(&mut self) -> Option<u32> {
        Some(self.take(N)?.iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(attributes: &[(u32, &[u8])]) -> Vec<u8> {
        let mut out = SIGNATURE.to_le_bytes().to_vec();
        out.extend([1, 0]);
        for (number, data) in attributes {
            out.push(1);
            out.extend(number.to_le_bytes());
            out.extend(u32::try_from(data.len()).expect("short").to_le_bytes());
            out.extend(*data);
            out.extend([0, 0]);
        }
        out
    }

    #[test]
    fn the_text_of_a_packet_is_read() {
        let code = 1251_u32.to_le_bytes();
        assert_eq!(body(&packet(&[(CODE_PAGE, &code[..]), (BODY, &b"\xc4\xe0\0"[..])])).as_deref(), Some("Да"));
        let unicode: Vec<u8> = "Sí\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut block = 1_u32.to_le_bytes().to_vec();
        block.extend(0x1000_001F_u32.to_le_bytes());
        block.extend(1_u32.to_le_bytes());
        block.extend(u32::try_from(unicode.len()).expect("short").to_le_bytes());
        block.extend(&unicode);
        block.extend([0, 0]);
        assert_eq!(body(&packet(&[(PROPERTIES, &block[..])])).as_deref(), Some("Sí"));
    }

    #[test]
    fn a_broken_packet_holds_nothing() {
        let whole = packet(&[(BODY, &b"Yes\0"[..]), (PROPERTIES, &[255; 40][..])]);
        for end in 0..whole.len() {
            let _ = body(&whole[..end]);
        }
        assert_eq!(body(b"no packet"), None);
    }
}
