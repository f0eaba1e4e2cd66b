//! The encoding of a form: as declared (a charset parameter, the field `_charset_`), else guessed from its bytes as a list's
//! is: UTF-8, or Windows-1252 where the first letters are not UTF-8.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How the bytes of one form become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset {
    encoding: &'static Encoding,
    /// A browser writes what its page's encoding lacks as `&#8364;`; a page in UTF-8 lacks nothing.
    has_references: bool,
}

impl Charset {
    /// Chooses by a declared label and by all bytes that will be decoded. A declaration of UTF-8 that the bytes contradict
    /// counts for nothing.
    pub fn choose<'a>(label: Option<&[u8]>, texts: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let is_utf8 = texts.clone().all(|text| std::str::from_utf8(text).is_ok());
        // UTF-16 is sent as UTF-8 by every browser (WHATWG Encoding, "get an output encoding").
        let declared = label.and_then(|label| Encoding::for_label(label.trim_ascii())).map(Encoding::output_encoding);
        if let Some(encoding) = declared.filter(|encoding| *encoding != UTF_8 || is_utf8) {
            return Self { encoding, has_references: encoding != UTF_8 };
        }
        let mut letters = texts.filter(|text| !text.is_ascii());
        match letters.next() {
            None => Self { encoding: UTF_8, has_references: declared.is_none() },
            Some(first) if begins_as_utf8(first) => Self { encoding: UTF_8, has_references: false },
            Some(_) => Self { encoding: WINDOWS_1252, has_references: true },
        }
    }

    /// The text of some bytes. In UTF-8, bytes that are none are read as Windows-1252.
    pub fn decode(self, bytes: &[u8]) -> String {
        let text =
            if self.encoding == UTF_8 { mixed(bytes) } else { self.encoding.decode_without_bom_handling(bytes).0.into_owned() };
        if self.has_references { resolved(&text) } else { text }
    }
}

/// Whether the first letters outside ASCII are UTF-8.
fn begins_as_utf8(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => !bytes[..error.valid_up_to()].is_ascii(),
    }
}

fn mixed(bytes: &[u8]) -> String {
    bytes.utf8_chunks().fold(String::with_capacity(bytes.len()), |mut text, chunk| {
        text.push_str(chunk.valid());
        text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
        text
    })
}

/// Resolves `&#8364;`: decimal references to what is outside ASCII. What a person types of them in ASCII stays as typed.
fn resolved(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("&#") {
        let (before, from) = rest.split_at(start);
        found.push_str(before);
        let digits = from[2..].find(|c: char| !c.is_ascii_digit()).map_or("", |end| &from[2..2 + end]);
        let letter = digits.parse::<u32>().ok().filter(|code| *code > 127).and_then(char::from_u32);
        if let Some(letter) = letter.filter(|_| from[2 + digits.len()..].starts_with(';')) {
            found.push(letter);
            rest = &from[2 + digits.len() + 1..];
        } else {
            found.push_str("&#");
            rest = &from[2..];
        }
    }
    found.push_str(rest);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(label: Option<&str>, bytes: &[u8]) -> String {
        Charset::choose(label.map(str::as_bytes), std::iter::once(bytes)).decode(bytes)
    }

    #[test]
    fn each_encoding_is_read() {
        for (label, bytes, text) in [
            (None, "niño €".as_bytes(), "niño €"),
            (None, b"ni\xf1o \x80", "niño €"),
            (Some("utf-8"), b"ni\xf1o", "niño"),
            (Some("ISO-8859-1"), b"ni\xf1o \x80", "niño €"),
            (Some("iso-8859-15"), b"\xa4", "€"),
            (Some(" windows-1251 "), b"\xcf\xf0", "Пр"),
            (Some("shift_jis"), b"\x93\xfa", "日"),
            (Some("utf-16"), "niño".as_bytes(), "niño"),
            (Some("klingon"), "niño".as_bytes(), "niño"),
            (None, b"ni\xc3\xb1o \xe9", "niño é"),
            (Some("iso-8859-1"), b"&#1055;&#1088;&#38;&#x;&#", "Пр&#38;&#x;&#"),
            (None, b"&#1055; &#60;b&#62;", "П &#60;b&#62;"),
            (Some("utf-8"), b"&#1055;", "&#1055;"),
            (None, "ñ &#1055;".as_bytes(), "ñ &#1055;"),
            (None, b"&#55296;&#99999999999;", "&#55296;&#99999999999;"),
        ] {
            assert_eq!(read(label, bytes), text, "{label:?} {bytes:?}");
        }
    }
}
