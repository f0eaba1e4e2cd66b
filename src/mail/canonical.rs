//! A message in the form that is signed: relaxed canonicalisation (RFC 6376 §3.4.2, §3.4.4), which ignores blanks that
//! relays rewrite. It uses no key, and changes no message.

/// A message, split into header and body.
#[derive(Debug, Clone, Copy)]
pub struct Halves<'m> {
    /// The header fields, the last one's line end included.
    head: &'m [u8],
    /// The bytes after the empty line.
    body: &'m [u8],
}

impl<'m> Halves<'m> {
    /// Splits a message at its first empty line; without one it is all header.
    pub fn of(message: &'m [u8]) -> Self {
        let end = message.windows(4).position(|four| four == b"\r\n\r\n");
        end.map_or(Self { head: message, body: b"" }, |at| Self { head: &message[..at + 2], body: &message[at + 4..] })
    }

    /// The header fields from the top: each name in lower case, and its value with the line ends of its folds.
    pub fn fields(&self) -> Vec<(String, &'m [u8])> {
        let mut fields = Vec::new();
        let mut rest = self.head;
        while !rest.is_empty() {
            let mut end = line(rest);
            while rest.get(end).is_some_and(|next| is_blank(*next)) {
                end += line(&rest[end..]);
            }
            let (field, below) = rest.split_at(end);
            rest = below;
            if let Some(colon) = field.iter().position(|byte| *byte == b':') {
                let name = String::from_utf8_lossy(&field[..colon]).trim().to_ascii_lowercase();
                fields.push((name, &field[colon + 1..]));
            }
        }
        fields
    }

    /// The canonical body: runs of blanks become one, none remain at the end of a line, and empty lines at the end are
    /// dropped. An empty body stays empty.
    pub fn body(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.len() + 2);
        let (mut rest, mut ended) = (self.body, 0);
        while !rest.is_empty() {
            let (this, below) = rest.split_at(line(rest));
            rest = below;
            let this = this.strip_suffix(b"\n").map_or(this, |this| this.strip_suffix(b"\r").unwrap_or(this));
            let start = out.len();
            squeeze(this, &mut out);
            if out.len() > start {
                ended = out.len() + 2;
            }
            out.extend_from_slice(b"\r\n");
        }
        out.truncate(ended);
        out
    }
}

/// Appends one header field without its line end: `name:value`, unfolded, blanks squeezed.
pub fn field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let start = out.len();
    let unfolded: Vec<u8> = value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    squeeze(&unfolded, out);
    if out.get(start) == Some(&b' ') {
        out.remove(start);
    }
}

/// Appends text with every run of blanks as one space, and none at its end.
fn squeeze(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let Some(blank) = rest.iter().position(|byte| is_blank(*byte)) else {
            out.extend_from_slice(rest);
            return;
        };
        out.extend_from_slice(&rest[..blank]);
        let Some(word) = rest[blank..].iter().position(|byte| !is_blank(*byte)) else { return };
        out.push(b' ');
        rest = &rest[blank + word..];
    }
}

/// The length of the first line, its line end included.
fn line(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1)
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relaxed(message: &[u8]) -> (String, String) {
        let halves = Halves::of(message);
        let mut head = Vec::new();
        for (name, value) in halves.fields() {
            field(&name, value, &mut head);
            head.extend(b"\r\n");
        }
        let text = |bytes| String::from_utf8(bytes).expect("ASCII");
        (text(head), text(halves.body()))
    }

    #[test]
    fn the_example_of_the_standard_comes_out_as_there() {
        // The example of RFC 6376 §3.4.5.
        let (head, body) = relaxed(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n");
        assert_eq!(head, "a:X\r\nb:Y Z\r\n");
        assert_eq!(body, " C\r\nD E\r\n");
    }

    #[test]
    fn bodies_without_an_end_or_without_anything() {
        for (message, body) in [
            ("A: x", ""),
            ("A: x\r\n\r\n", ""),
            ("A: x\r\n\r\n\r\n \t\r\n\r\n", ""),
            ("A: x\r\n\r\nno end", "no end\r\n"),
            ("A: x\r\n\r\n\r\n\r\na\r\n\r\nb \r\n", "\r\n\r\na\r\n\r\nb\r\n"),
        ] {
            assert_eq!(relaxed(message.as_bytes()).1, body, "{message:?}");
        }
    }
}
