//! The address and the number of a cell, as people and programs write them: `Ada <ada@…>`, `mailto:ada@…`, several in one
//! cell. What could be somebody else's is not guessed.

use super::words::visible;
use crate::domain::address::{Address, AddressError};
use crate::domain::invisible::is_joiner;

/// The address of a cell, and how many more it holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mailbox {
    pub(super) address: Address,
    pub(super) more: usize,
}

/// Reads a cell of addresses; the first that is one counts.
pub(super) fn read(cell: &str) -> Result<Mailbox, AddressError> {
    let cell: String = visible(cell).chars().filter(|c| !is_joiner(*c)).collect();
    let cell = cell.replace('\u{ff20}', "@").replace(":::", "\n").replace(" / ", "\n");
    let mut found: Vec<Result<Address, AddressError>> = Vec::new();
    if cell.contains('<') {
        // RFC 5322 3.4: a display name, perhaps quoted and with a comma in it, before the address in angle brackets.
        let brackets = cell.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(inside, _)| inside));
        found.extend(brackets.filter(|inside| inside.contains('@')).map(bare));
    } else {
        for part in cell.split([';', ',', '|', '\n', '\r']).map(str::trim).filter(|part| !part.is_empty()) {
            let words: Vec<&str> = part.split_whitespace().filter(|word| !CONNECTIVES.contains(word)).collect();
            // "ada vega@x.example" is not vega's: blanks part addresses only where each part is one.
            match words.as_slice() {
                [_, _, ..] if words.iter().all(|word| word.contains('@')) => found.extend(words.iter().map(|word| bare(word))),
                // A domain has no stroke: behind one the next address begins.
                [one] if one.matches('@').count() > 1 && one.contains('/') => found.extend(one.split('/').map(bare)),
                _ => found.push(bare(part)),
            }
        }
    }
    let mut good: Vec<Address> = Vec::new();
    let mut bad = None;
    for one in found {
        match one {
            Ok(address) if good.contains(&address) => {}
            Ok(address) => good.push(address),
            Err(error) => bad = bad.or(Some(error)),
        }
    }
    // "ada,vega@x.example" is a slip, and vega somebody else.
    match (good.first(), bad) {
        (Some(first), None) => Ok(Mailbox { address: first.clone(), more: good.len() - 1 }),
        (_, Some(error)) => Err(error),
        (None, None) => Err(AddressError::Malformed),
    }
}

/// What people write between two addresses.
const CONNECTIVES: [&str; 12] = ["/", "&", "+", "and", "und", "y", "et", "e", "i", "or", "oder", "ou"];

/// One address with its decoration: `mailto:`, quotes, brackets, a comment behind it.
fn bare(text: &str) -> Result<Address, AddressError> {
    let text = text.trim();
    let text = match (text.split_once('('), text.ends_with(')')) {
        // "Ada (ada@x.example)", "ada@x.example (work)".
        (Some((before, inside)), true) => {
            let inside = inside.trim_end_matches(')');
            if inside.contains('@') { inside } else { before }
        }
        _ => text,
    };
    let text =
        text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '[' | ']' | '{' | '}' | '“' | '”' | '‘' | '’'));
    let text = text.trim_end_matches(['.', ':', ';']);
    let scheme = text.get(..7).filter(|start| start.eq_ignore_ascii_case("mailto:"));
    if scheme.is_none() {
        // "E-mail: ada@…", "SMTP:ada@…": what stands before the colon is no part of an address.
        let address = match text.split_once(':') {
            Some((label, rest)) if label.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | ' ')) => rest.trim(),
            _ => text,
        };
        return public(Address::parse(address)?);
    }
    // RFC 6068: the header fields come behind the question mark, and characters may be percent-encoded.
    let address = text[7..].trim_start_matches('/').split('?').next().unwrap_or_default();
    public(Address::parse(&percent_decoded(address).ok_or(AddressError::Malformed)?)?)
}

/// Nobody of a list is at this machine or its network.
fn public(address: Address) -> Result<Address, AddressError> {
    if address.is_public() { Ok(address) } else { Err(AddressError::Malformed) }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(after.get(..2)?, 16).ok()?);
        rest = after.get(2..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

/// Reads a cell of phone numbers; the first counts.
///
/// # Errors
/// Says what became of the number.
pub(super) fn phone(cell: &str) -> Result<String, &'static str> {
    let cell = visible(cell);
    if !cell.contains(|c: char| c.is_numeric()) {
        return Err("no telephone number: it has no digit");
    }
    let first = cell.split(":::").next().unwrap_or_default().trim();
    let number = ["tel:", "Tel:", "TEL:", "p:"].iter().find_map(|scheme| first.strip_prefix(scheme)).unwrap_or(first).trim();
    if is_scientific(number) {
        return Err(
            "a number in scientific notation, whose last digits the spreadsheet rounded away; format the column as text and \
                    export it again",
        );
    }
    // A number that went through a table of decimals.
    let whole = number.strip_suffix(".0").filter(|digits| digits.len() > 6 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    Ok(whole.unwrap_or(number).to_owned())
}

/// `3.46E+11`, `4,91771E+12`.
fn is_scientific(number: &str) -> bool {
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else { return false };
    let mantissa = mantissa.trim_start_matches(['+', '-']);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    mantissa.starts_with(|c: char| c.is_ascii_digit())
        && digits(&mantissa.replace(['.', ','], ""))
        && digits(exponent.trim_start_matches(['+', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decorated_address_is_the_address() {
        for cell in [
            "ada@x.example",
            " ADA@X.example ",
            "<ada@x.example>",
            "Ada Vega <ada@x.example>",
            "\"Vega, Ada\" <ada@x.example>",
            "mailto:ada@x.example",
            "MAILTO:ada@x.example?subject=Hello%20there",
            "mailto:%61da%40x.example",
            "Ada (ada@x.example)",
            "ada@x.example (work)",
            "'ada@x.example'",
            "[ada@x.example]",
            "ada@x.example;",
            "ada@x.example.",
            "\u{feff}ada\u{200b}@x.exa\u{ad}mple\u{202c}",
            "ada@x.example; ADA@x.example",
            "ada＠x.example",
        ] {
            assert_eq!(read(cell).map(|m| (m.address.to_string(), m.more)), Ok(("ada@x.example".to_owned(), 0)), "{cell}");
        }
    }

    #[test]
    fn of_several_addresses_the_first_counts() {
        for cell in [
            "ada@x.example; bob@x.example",
            "ada@x.example,bob@x.example",
            "ada@x.example bob@x.example",
            "ada@x.example ::: bob@x.example",
            "Ada <ada@x.example>, Bob <bob@x.example>",
            "ada@x.example\nbob@x.example",
            "ada@x.example | bob@x.example",
            "ada@x.example / bob@x.example",
            "ada@x.example und bob@x.example",
        ] {
            assert_eq!(read(cell).map(|m| (m.address.to_string(), m.more)), Ok(("ada@x.example".to_owned(), 1)), "{cell}");
        }
    }

    #[test]
    fn a_slip_is_never_somebody_else() {
        for cell in [
            "ada vega@x.example",
            "ada,vega@x.example",
            "ada@x.example vega",
            "ada;vega@x.example",
            "ada@",
            "Ada <ada>",
            "ada@x@x.example",
            "<>",
            ",",
            "mailto:",
            "mailto:a%zz@x.example",
            "ada@x.example, n/a",
            "ada@localhost",
            "ada@albareda.local",
            "ada@10.0x7f",
        ] {
            assert!(read(cell).is_err(), "{cell}");
        }
    }

    #[test]
    fn a_domain_with_umlauts_is_punycode() {
        assert_eq!(
            read("Info <info@Lümmel.example>").map(|m| m.address.to_string()),
            Ok("info@xn--lmmel-kva.example".to_owned())
        );
        assert_eq!(read("jörg@luemmel.example"), Err(AddressError::NotAscii));
    }

    #[test]
    fn a_rounded_number_is_no_number() {
        for cell in ["3.46E+11", "4,91771E+12", "1e9", "+3.4E11"] {
            assert!(phone(cell).is_err(), "{cell}");
        }
        for (cell, number) in [
            ("+34 93 555 01 10", "+34 93 555 01 10"),
            ("tel:+34935550110", "+34935550110"),
            ("p:+15550100", "+15550100"),
            ("+1 555 0100 ::: +1 555 0101", "+1 555 0100"),
            ("491771234567.0", "491771234567"),
            ("555-0100 ext. 5", "555-0100 ext. 5"),
        ] {
            assert_eq!(phone(cell).as_deref(), Ok(number));
        }
    }
}
