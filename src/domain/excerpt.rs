//! Excerpts: the beginning of what somebody wrote or a relay said, fit for a line.

/// The first `most` characters on one line, with an ellipsis where something was cut.
pub fn excerpt(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// The text without the addresses in it: what a relay says of a mail often repeats the recipient's, and a reason that is shown,
/// mailed and kept must name nobody.
pub fn without_addresses(text: &str) -> String {
    let of_address = |c: char| c.is_alphanumeric() || "@.!#$%&'*+-/=?^_`{|}~".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(of_address) {
        let word = &rest[start..];
        let end = word.find(|c| !of_address(c)).unwrap_or(word.len());
        let word = &word[..end];
        out.push_str(&rest[..start]);
        out.push_str(if word.trim_matches('.').trim_matches('@').contains('@') { "(address)" } else { word });
        rest = &rest[start + end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_no_address() {
        for (said, kept) in [
            ("550 5.7.1 <ada@albareda.example>: refused", "550 5.7.1 <(address)>: refused"),
            (
                "rejected: Ada.Roca+x@ALBAREDA.example, see https://x.example/?a=1",
                "rejected: (address), see https://x.example/?a=1",
            ),
            ("to='ada@albareda.example'; from=b@c.example.", "(address); (address)"),
            ("`nurtured campaigns resume letters` @ noon", "`nurtured campaigns resume letters` @ noon"),
            ("José@correo.example no existe", "(address) no existe"),
            ("", ""),
        ] {
            assert_eq!(without_addresses(said), kept);
        }
    }
}
