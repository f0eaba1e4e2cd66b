//! The name of a folder as IMAP writes it: modified UTF-7 (RFC 3501 §5.1.3), in quotes.

use data_encoding::BASE64;

/// A folder's name as an argument of a command.
pub fn written(name: &str) -> String {
    let (mut text, mut shifted) = (String::from("\""), Vec::new());
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            unshift(&mut shifted, &mut text);
            match c {
                '&' => text.push_str("&-"),
                '"' | '\\' => text.extend(['\\', c]),
                c => text.push(c),
            }
        } else {
            shifted.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    unshift(&mut shifted, &mut text);
    text + "\""
}

fn unshift(shifted: &mut Vec<u8>, text: &mut String) {
    if !shifted.is_empty() {
        let coded = BASE64.encode(shifted);
        text.extend(["&", &coded.trim_end_matches('=').replace('/', ","), "-"]);
        shifted.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_in_any_language() {
        // The examples of RFC 3501, and what Dovecot, Exchange and Gmail list.
        for (name, said) in [
            ("INBOX", "\"INBOX\""),
            ("INBOX/Bounces & more", "\"INBOX/Bounces &- more\""),
            ("~peter/mail/台北/日本語", "\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\""),
            ("Gelöschte Elemente", "\"Gel&APY-schte Elemente\""),
            ("Входящие", "\"&BBIERQQ+BDQETwRJBDgENQ-\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("📮", "\"&2D3c7g-\""),
            ("one\r\ntwo", "\"one&AA0ACg-two\""),
        ] {
            assert_eq!(written(name), said, "{name}");
        }
    }
}
