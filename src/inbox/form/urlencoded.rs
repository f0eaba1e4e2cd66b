//! application/x-www-form-urlencoded, parsed as WHATWG URL does it: nothing is an error, a bad percent sign is a percent sign.

/// Names and values in their order, as bytes of an encoding not yet known.
pub fn pairs(body: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (text(&pair[..at]), text(pair.get(at + 1..).unwrap_or_default()))
    })
}

fn text(raw: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decoded(&spaced)
}

/// Decodes `%41`; what is no two hexadecimal digits stays as it is.
pub fn percent_decoded(raw: &[u8]) -> Vec<u8> {
    decoded(b'%', raw)
}

/// Decodes two hexadecimal digits behind this sign.
pub fn decoded(sign: u8, raw: &[u8]) -> Vec<u8> {
    let digit =
        |at: usize| raw.get(at).and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        match (digit(at + 1), digit(at + 2)) {
            (Some(high), Some(low)) if raw[at] == sign => {
                decoded.push(high << 4 | low);
                at += 3;
            }
            _ => {
                decoded.push(raw[at]);
                at += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_read_it() {
        let read = |body: &str| -> Vec<(String, String)> {
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            pairs(body.as_bytes()).map(|(name, value)| (text(name), text(value))).collect()
        };
        for (body, expected) in [
            ("a=1&b=2", vec![("a", "1"), ("b", "2")]),
            ("a=x+y%2Bz", vec![("a", "x y+z")]),
            ("a=100%&b=%zz&c=%4", vec![("a", "100%"), ("b", "%zz"), ("c", "%4")]),
            ("a", vec![("a", "")]),
            ("=b", vec![("", "b")]),
            ("&&a=1&&", vec![("a", "1")]),
            ("a=1=2", vec![("a", "1=2")]),
            ("a=1&a=2", vec![("a", "1"), ("a", "2")]),
            ("n%C3%B1=%e2%82%ac", vec![("nñ", "€")]),
            ("a=1;b=2", vec![("a", "1;b=2")]),
            ("", vec![]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            assert_eq!(read(body), expected, "{body}");
        }
    }
}
