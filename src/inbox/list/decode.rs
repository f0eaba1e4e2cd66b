//! Decodes the bytes of an exported file to UTF-8.
//!
//! Streams: the encoding is guessed from the byte order mark or the first letter outside ASCII, never by reading
//! the file twice. A lone CR (old Macintosh) becomes LF, so that lines can be counted.

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::io::{self, Read};

/// The encoding of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// Only ASCII so far: the same in all encodings here.
    Ascii,
    /// UTF-8.
    Utf8,
    /// UTF-16, little endian (Excel's "Unicode text").
    Utf16LittleEndian,
    /// UTF-16, big endian.
    Utf16BigEndian,
    /// Not valid UTF-8, so read as Windows-1252, as Excel in western Europe writes CSV.
    Windows1252,
    /// UTF-8 with invalid bytes between, each read as Windows-1252.
    Mixed,
    /// As the user said.
    Named(&'static Encoding),
}

impl Charset {
    /// Whether it was guessed, and may be another one: single bytes do not say which letters they are.
    pub const fn is_guess(self) -> bool {
        matches!(self, Self::Windows1252 | Self::Mixed)
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::Ascii => "ASCII",
            Self::Utf8 => "UTF-8",
            Self::Utf16LittleEndian => "UTF-16 (little endian)",
            Self::Utf16BigEndian => "UTF-16 (big endian)",
            Self::Windows1252 => "Windows-1252",
            Self::Mixed => "UTF-8 with stray bytes read as Windows-1252",
            Self::Named(encoding) => encoding.name(),
        }
    }
}

/// The encoding of a name or label of it: "windows-1250", "latin1", "utf-16le", "macintosh".
pub fn encoding(name: &str) -> Option<&'static Encoding> {
    let name = name.trim();
    let name = if name.eq_ignore_ascii_case("ansi") { "windows-1252" } else { name };
    Encoding::for_label_no_replacement(name.as_bytes())
}

/// A source decoded to UTF-8 piece by piece.
pub struct Decoding<R> {
    source: R,
    raw: Vec<u8>,
    charset: Charset,
    named: Option<&'static Encoding>,
    /// In how many pieces something was replaced.
    replacements: usize,
    decoder: Option<Decoder>,
    started: bool,
    finished: bool,
    return_pending: bool,
}

/// How many bytes are read at once.
const PIECE: usize = 64 * 1024;

impl<R: Read> Decoding<R> {
    /// The encoding is guessed unless it is named.
    pub const fn new(source: R, named: Option<&'static Encoding>) -> Self {
        Self {
            source,
            raw: Vec::new(),
            charset: Charset::Ascii,
            named,
            replacements: 0,
            decoder: None,
            started: false,
            finished: false,
            return_pending: false,
        }
    }

    /// The encoding of the file, as far as it was read.
    pub const fn charset(&self) -> Charset {
        self.charset
    }

    /// Whether bytes were found that the encoding does not have.
    pub const fn replaced(&self) -> bool {
        self.replacements > 0
    }

    /// Appends the next piece, valid UTF-8, to `text`; `false` at the end.
    pub fn read_into(&mut self, text: &mut Vec<u8>) -> io::Result<bool> {
        if self.finished {
            return Ok(false);
        }
        let kept = self.raw.len();
        self.raw.resize(kept + PIECE, 0);
        let read = loop {
            match self.source.read(&mut self.raw[kept..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.raw.truncate(kept + read);
        self.finished = read == 0;
        if !self.started && (self.finished || self.raw.len() >= 4) {
            self.started = true;
            self.sniff();
        }
        if self.started {
            let from = text.len();
            self.decode(text);
            self.mend_returns(text, from);
        }
        Ok(true)
    }

    fn sniff(&mut self) {
        if let Some(encoding) = self.named {
            self.charset = Charset::Named(encoding);
            self.decoder = Some(encoding.new_decoder_with_bom_removal());
            return;
        }
        let (charset, mark) = match *self.raw.as_slice() {
            [0xef, 0xbb, 0xbf, ..] => (Charset::Utf8, 3),
            [0xff, 0xfe, ..] => (Charset::Utf16LittleEndian, 2),
            [0xfe, 0xff, ..] => (Charset::Utf16BigEndian, 2),
            // No byte order mark, but the zeros of an ASCII header line.
            [1..=255, 0, 1..=255, 0, ..] => (Charset::Utf16LittleEndian, 0),
            [0, 1..=255, 0, 1..=255, ..] => (Charset::Utf16BigEndian, 0),
            _ => (Charset::Ascii, 0),
        };
        self.raw.drain(..mark);
        self.charset = charset;
        let wide: Option<&'static Encoding> = match charset {
            Charset::Utf16LittleEndian => Some(UTF_16LE),
            Charset::Utf16BigEndian => Some(UTF_16BE),
            _ => None,
        };
        self.decoder = wide.map(Encoding::new_decoder_without_bom_handling);
    }

    fn decode(&mut self, text: &mut Vec<u8>) {
        if let Some(decoder) = &mut self.decoder {
            self.replacements += usize::from(decode_by(decoder, &self.raw, self.finished, text));
            self.raw.clear();
            return;
        }
        let mut at = 0;
        while at < self.raw.len() {
            let rest = &self.raw[at..];
            if self.charset == Charset::Windows1252 {
                western(rest, text);
                at = self.raw.len();
                continue;
            }
            let (valid, bad) = match std::str::from_utf8(rest) {
                Ok(_) => (rest.len(), None),
                // A character cut in two by the end of the piece waits for the next piece.
                Err(error) if error.error_len().is_none() && !self.finished => {
                    self.note_letters(at, error.valid_up_to());
                    text.extend_from_slice(&self.raw[at..at + error.valid_up_to()]);
                    self.raw.drain(..at + error.valid_up_to());
                    return;
                }
                Err(error) => (error.valid_up_to(), Some(error.error_len().unwrap_or(rest.len() - error.valid_up_to()))),
            };
            self.note_letters(at, valid);
            text.extend_from_slice(&self.raw[at..at + valid]);
            at += valid;
            if let Some(length) = bad {
                // Only ASCII before it: the whole file is Windows-1252, and nothing was misread so far.
                if self.charset == Charset::Ascii {
                    self.charset = Charset::Windows1252;
                } else {
                    self.charset = Charset::Mixed;
                    western(&self.raw[at..at + length], text);
                    at += length;
                }
            }
        }
        self.raw.clear();
    }

    fn note_letters(&mut self, at: usize, length: usize) {
        if self.charset == Charset::Ascii && !self.raw[at..at + length].is_ascii() {
            self.charset = Charset::Utf8;
        }
    }

    /// Turns a CR without LF into LF. A CR at the end of a piece waits for the next piece.
    fn mend_returns(&mut self, text: &mut Vec<u8>, from: usize) {
        if self.return_pending && (text.len() > from || self.finished) {
            let alone = text.get(from) != Some(&b'\n');
            text.insert(from, if alone { b'\n' } else { b'\r' });
            self.return_pending = false;
        }
        if text.len() > from && text.last() == Some(&b'\r') && !self.finished {
            text.pop();
            self.return_pending = true;
        }
        for at in from..text.len() {
            if text[at] == b'\r' && text.get(at + 1) != Some(&b'\n') {
                text[at] = b'\n';
            }
        }
    }
}

fn western(bytes: &[u8], text: &mut Vec<u8>) {
    let (decoded, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    text.extend_from_slice(decoded.as_bytes());
}

/// Whether something had to be replaced.
fn decode_by(decoder: &mut Decoder, mut raw: &[u8], last: bool, text: &mut Vec<u8>) -> bool {
    let mut piece = vec![0; PIECE];
    let mut replaced = false;
    loop {
        let (result, read, written, bad) = decoder.decode_to_utf8(raw, &mut piece, last);
        text.extend_from_slice(&piece[..written]);
        raw = &raw[read..];
        replaced |= bad;
        if result == CoderResult::InputEmpty {
            return replaced;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A source that returns a few bytes at a time, as pipes do.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let take = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(take);
            buffer[..take].copy_from_slice(now);
            self.0 = later;
            Ok(take)
        }
    }

    fn all(bytes: &[u8], drip: usize) -> (String, Charset) {
        let mut decoding = Decoding::new(Drip(bytes, drip), None);
        let mut text = Vec::new();
        while decoding.read_into(&mut text).expect("memory can be read") {}
        (String::from_utf8(text).expect("always UTF-8"), decoding.charset())
    }

    #[test]
    fn each_encoding_is_named_and_read() {
        let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        let cases: [(Vec<u8>, &str, Charset); 10] = [
            (b"a;b\r\n".to_vec(), "a;b\r\n", Charset::Ascii),
            ("\u{feff}niño".into(), "niño", Charset::Utf8),
            ("niño".into(), "niño", Charset::Utf8),
            (utf16("\u{feff}niño", u16::to_le_bytes), "niño", Charset::Utf16LittleEndian),
            (utf16("\u{feff}niño", u16::to_be_bytes), "niño", Charset::Utf16BigEndian),
            (utf16("email,n", u16::to_le_bytes), "email,n", Charset::Utf16LittleEndian),
            (b"ni\xf1o \x80".to_vec(), "niño €", Charset::Windows1252),
            (b"ni\xc3\xb1o \xe9, x".to_vec(), "niño é, x", Charset::Mixed),
            (b"a\rb\r\nc\r".to_vec(), "a\nb\r\nc\n", Charset::Ascii),
            (b"a\xe9".to_vec(), "aé", Charset::Windows1252),
        ];
        for (bytes, text, charset) in cases {
            for drip in [1, 2, 3, 1000] {
                assert_eq!(all(&bytes, drip), (text.to_owned(), charset), "{bytes:?} by {drip}");
            }
        }
    }

    #[test]
    fn a_named_encoding_is_read_as_named() {
        let read = |bytes: &[u8], name: &str| {
            let mut decoding = Decoding::new(Drip(bytes, 1), encoding(name));
            let mut text = Vec::new();
            while decoding.read_into(&mut text).expect("memory can be read") {}
            (String::from_utf8(text).expect("always UTF-8"), decoding.charset().words(), decoding.replaced())
        };
        assert_eq!(read(b"\xa3\xf3d\x9f", "windows-1250"), ("Łódź".to_owned(), "windows-1250", false));
        assert_eq!(read(b"\xef\xbb\xbfa\xe9", "utf8"), ("a\u{fffd}".to_owned(), "UTF-8", true));
        assert_eq!(read(b"caf\x8e", "macintosh").0, "café");
        assert_eq!(read(b"\xfe\xff\0a\0b", "utf-16be").0, "ab");
        assert_eq!(read(b"caf\xe9", "ansi").0, "café");
        assert_eq!((encoding("klingon"), encoding("hz-gb-2312")), (None, None));
    }

    proptest! {
        #[test]
        fn any_bytes_become_utf8_however_they_arrive(bytes in proptest::collection::vec(any::<u8>(), 0..300), drip in 1_usize..40) {
            prop_assert_eq!(all(&bytes, drip), all(&bytes, 10_000));
        }
    }
}
