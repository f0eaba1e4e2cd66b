//! A prospect as a vCard 3.0 (RFC 2426), for the salesperson's phone. It holds only what the dossier's first lines say.

use crate::domain::address::one_line;
use crate::text::dossier::Dossier;

/// The vCard: UTF-8, CRLF, lines folded at 75 octets.
pub fn vcard(dossier: &Dossier) -> String {
    let name = escape(&dossier.name);
    let mut lines = vec!["BEGIN:VCARD".to_owned(), "VERSION:3.0".to_owned(), format!("N:;{name};;;"), format!("FN:{name}")];
    lines.extend(dossier.company.iter().map(|company| format!("ORG:{}", escape(company))));
    lines.extend(dossier.phone.iter().map(|phone| format!("TEL;TYPE=WORK:{}", escape(phone))));
    lines.extend(dossier.address.iter().map(|address| format!("EMAIL;TYPE=INTERNET:{}", escape(address.as_str()))));
    lines.push(format!("URL:{}", one_line(&dossier.page_url)));
    lines.push("END:VCARD".to_owned());
    lines.iter().map(|line| fold(line)).collect()
}

fn escape(value: &str) -> String {
    let mut escaped = String::new();
    for c in one_line(value).trim().chars() {
        if matches!(c, '\\' | ';' | ',') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn fold(line: &str) -> String {
    let mut folded = String::new();
    let mut rest = line;
    let mut room = 75;
    while rest.len() > room {
        let (head, tail) = rest.split_at(rest.floor_char_boundary(room));
        folded.push_str(head);
        folded.push_str("\r\n ");
        rest = tail;
        room = 74;
    }
    folded + rest + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_add_a_property() {
        assert_eq!(escape("A;B,C\\D\r\nTEL:1"), "A\\;B\\,C\\\\D  TEL:1");
    }

    #[test]
    fn long_lines_are_folded_between_characters() {
        let folded = fold(&"é".repeat(100));
        assert!(folded.split("\r\n").all(|line| line.len() <= 75));
        assert_eq!(folded.replace("\r\n ", "").trim_end(), "é".repeat(100));
    }
}
