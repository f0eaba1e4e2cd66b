//! A header with parameters, as bytes: `multipart/form-data; boundary=x`, `form-data; name="a"; filename*=UTF-8''b`.
//!
//! It reads what browsers write (WHATWG, "multipart/form-data encoding algorithm") and what RFC 2045 and RFC 8187 allow beside it.

/// A header's value, lower case, and its parameters by lower-case name.
#[derive(Debug, Default)]
pub struct Header {
    pub value: String,
    parameters: Vec<(String, Vec<u8>)>,
}

impl Header {
    pub fn parse(raw: &[u8]) -> Self {
        let mut rest = Rest(raw);
        let value = lower(rest.until(|byte| byte == b';'));
        let mut parameters = Vec::new();
        while rest.skip_past(b';') {
            let name = lower(rest.until(|byte| byte == b'=' || byte == b';'));
            if rest.skip_past(b'=') && !name.is_empty() {
                parameters.push((name, rest.parameter()));
            }
        }
        Self { value, parameters }
    }

    /// The parameter as it stands there; the first one, if it is repeated.
    pub fn parameter(&self, name: &str) -> Option<&[u8]> {
        self.parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_slice())
    }

    /// An extended parameter, `name*=charset'language'percent-encoded` (RFC 8187): the label of its charset and its bytes.
    pub fn extended(&self, name: &str) -> Option<(&[u8], Vec<u8>)> {
        let value = self.parameter(&format!("{name}*"))?;
        let mut parts = value.splitn(3, |byte| *byte == b'\'');
        let (charset, _language, text) = (parts.next()?, parts.next()?, parts.next()?);
        Some((charset, super::urlencoded::percent_decoded(text)))
    }
}

/// What of a header is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn until(&mut self, ends: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| ends(*byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken.trim_ascii()
    }

    fn skip_past(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// A parameter's value: quoted or bare.
    fn parameter(&mut self) -> Vec<u8> {
        self.0 = self.0.trim_ascii_start();
        if !self.skip_past(b'"') {
            return self.until(|byte| byte == b';').to_vec();
        }
        let mut value = Vec::new();
        while let Some((byte, rest)) = self.0.split_first() {
            self.0 = rest;
            match (byte, rest.first()) {
                (b'"', _) => break,
                // Browsers leave a backslash as it is, other programs put one before a quotation mark. One that would leave the
                // text open belongs to the text: `name="C:\"`.
                (b'\\', Some(b'"')) if rest[1..].contains(&b'"') && !ends(&rest[1..]) => {
                    value.push(b'"');
                    self.0 = &rest[1..];
                }
                (b'\\', Some(b'\\')) => {
                    value.push(b'\\');
                    self.0 = &rest[1..];
                }
                _ => value.push(*byte),
            }
        }
        self.until(|byte| byte == b';');
        value
    }
}

/// Whether a parameter ends here.
fn ends(rest: &[u8]) -> bool {
    rest.trim_ascii_start().first().is_none_or(|byte| *byte == b';')
}

fn lower(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_read_however_it_is_quoted() {
        for (raw, name, value) in [
            ("multipart/form-data; boundary=abc", "boundary", "abc"),
            ("Multipart/Form-Data ;Boundary=\"a b;c\"", "boundary", "a b;c"),
            ("form-data; name=\"a\\\"b\"; x=1", "name", "a\"b"),
            ("form-data; name=\"a%22b\"", "name", "a%22b"),
            ("form-data; name=\"C:\\\"; filename=\"x\"", "name", "C:\\"),
            ("form-data; filename=\"x; name=y\"; name=\"z\"", "name", "z"),
            ("form-data; name=bare ; filename=f", "name", "bare"),
            ("form-data; name=\"open", "name", "open"),
            ("form-data;;;name=a", "name", "a"),
            ("form-data; name=a; name=b", "name", "a"),
        ] {
            let header = Header::parse(raw.as_bytes());
            assert_eq!(header.parameter(name), Some(value.as_bytes()), "{raw}");
        }
        let extended = Header::parse(b"form-data; filename*=UTF-8''pl%C3%A1n.pdf");
        assert_eq!(extended.extended("filename"), Some((&b"UTF-8"[..], "plán.pdf".as_bytes().to_vec())));
        assert_eq!(Header::parse(b"").value, "");
    }
}
