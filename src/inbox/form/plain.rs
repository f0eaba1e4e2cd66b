//! text/plain, which `enctype="text/plain"` sends: `name=value` a line. What it means is not always certain, by its standard: a
//! line without `=` goes on with the value before it.

/// Names and values in their order.
pub fn pairs(body: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let body = body.strip_suffix(b"\n").map_or(body, |body| body.strip_suffix(b"\r").unwrap_or(body));
    // A script that posts a query without saying what it is: `fetch(url, { method: "POST", body: "a=1&b=2" })`.
    if !body.contains(&b'\n') && body.contains(&b'&') {
        return super::urlencoded::pairs(body).collect();
    }
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line.iter().position(|byte| *byte == b'='), pairs.last_mut()) {
            (Some(at), _) => pairs.push((line[..at].to_vec(), line[at + 1..].to_vec())),
            (None, Some((_, value))) => {
                value.push(b'\n');
                value.extend_from_slice(line);
            }
            (None, None) => {}
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_form_is_read_line_by_line() {
        let read = |body: &str| -> Vec<(String, String)> {
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
            pairs(body.as_bytes()).into_iter().map(|(name, value)| (text(name), text(value))).collect()
        };
        let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        assert_eq!(read("email=a@b.co\r\nmessage=Call\r\nme\r\n"), own(&[("email", "a@b.co"), ("message", "Call\nme")]));
        assert_eq!(read("email=a@b.co&name=A+B"), own(&[("email", "a@b.co"), ("name", "A B")]));
        assert_eq!(read("no pair\nx=1"), own(&[("x", "1")]));
        assert_eq!(read("company=A & B\nx=1"), own(&[("company", "A & B"), ("x", "1")]));
        assert_eq!(read(""), []);
    }
}
