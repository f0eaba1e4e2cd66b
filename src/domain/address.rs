//! Mail addresses. What `parse` accepted can stand in an SMTP command and in a header.

use super::invisible::{ends_line, is_invisible};
use email_address::{EmailAddress, Options};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

/// A mail address, lower case throughout: providers ignore case and a list must not hold a person twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// Reads a bare address (RFC 5321: ASCII, at most 254 octets, a domain with a dot unless it is `localhost`). A domain in other
    /// letters becomes what the DNS knows it by: `lümmel.example` is `xn--lmmel-kva.example` (RFC 5891).
    ///
    /// # Errors
    /// Says that it is no address; never repeats the text, because an error may be logged and an address is personal data.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let text = &match text.rsplit_once('@') {
            Some((local, domain)) if local.is_ascii() && (!domain.is_ascii() || domain.contains("xn--")) => {
                let domain = idna::domain_to_ascii_strict(domain).map_err(|_| AddressError::Malformed)?;
                Cow::Owned(format!("{local}@{domain}"))
            }
            _ => Cow::Borrowed(text),
        };
        if !text.is_ascii() {
            return Err(AddressError::NotAscii);
        }
        // Quoted local parts are legal and never real; they are where header injection hides.
        if text.len() > 254 || text.contains(['"', ' ', '\t', '\r', '\n', '\0', '<', '>', ',']) {
            return Err(AddressError::Malformed);
        }
        let options = Options::default().without_display_text().without_domain_literal();
        EmailAddress::parse_with_options(text, options).map_err(|_| AddressError::Malformed)?;
        let address = Self(text.to_ascii_lowercase());
        if address.domain() != "localhost" && !is_domain(address.domain()) {
            return Err(AddressError::Malformed);
        }
        Ok(address)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// The address as whoever has its mail may see it without learning whose it is: `a…@company.example`.
    pub fn masked(&self) -> String {
        format!("{}…@{}", self.local().chars().next().unwrap_or_default(), self.domain())
    }

    /// Whether mail to it can reach somebody else than this machine or its network: no `localhost`, no name that is never in the
    /// public DNS (RFC 6761, 6762, 7686, 8375, ICANN's `internal`), no hexadecimal number, which resolvers read as a host.
    pub fn is_public(&self) -> bool {
        const NEVER: [&str; 10] =
            ["localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "arpa", "onion", "invalid"];
        let last = self.domain().rsplit('.').next().unwrap_or_default();
        !last.starts_with("0x") && !NEVER.contains(&last)
    }

    /// The company's registrable domain, or `None` for a mailbox provider that says nothing about an employer.
    pub fn company_domain(&self) -> Option<&str> {
        let domain = registered(self.domain())?;
        (!SHARED.contains(domain)).then_some(domain)
    }
}

/// The part of a domain that its owner registered: `tecnofab.example` of `news.tecnofab.example`.
///
/// The public suffix list is called here alone: it is hundreds of kilobytes of code, which may be compiled once more for every unit that
/// calls it.
#[inline(never)]
pub fn registered(domain: &str) -> Option<&str> {
    psl::domain_str(domain)
}

/// Whether there can be such a domain: labels of letters, digits and hyphens (RFC 5321 2.3.5, RFC 1034 3.5), and a last one that is
/// not a number, because then it is a host without brackets (RFC 3696 2).
fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.')
        && domain.len() <= 253
        && domain.split('.').all(label)
        && domain.rsplit('.').next().is_some_and(|last| last.bytes().any(|byte| !byte.is_ascii_digit()))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Why a text is not an address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    /// Letters that the relay would need SMTPUTF8 for.
    #[error("the address holds letters other than ASCII, which most relays refuse")]
    NotAscii,
    /// Not `name@domain`.
    #[error("not a mail address")]
    Malformed,
}

/// Providers of mailboxes and of access, whose domain many unrelated people share: no account can be read from it. Registered domains,
/// in alphabetical order.
const MAILBOX_PROVIDERS: &str = include_str!("mailbox_providers.txt");

/// Looked up for every address that is read.
static SHARED: LazyLock<BTreeSet<&str>> = LazyLock::new(|| MAILBOX_PROVIDERS.lines().collect());

/// Puts a text on one line: control characters and line separators become spaces, what nobody sees vanishes.
pub fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || ends_line(c);
    text.chars().filter(|c| !is_invisible(*c)).map(|c| if breaks(c) { ' ' } else { c }).collect()
}

/// Makes a display name or subject safe for a header: on one line, at most 200 bytes.
pub fn header_text(text: &str) -> String {
    let mut clean = one_line(text);
    clean.truncate(clean.floor_char_boundary(200));
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_pass_one_door() {
        for good in ["Ada@Albareda.example", " a+b@x.co ", "o'hara@mail.example"] {
            assert!(Address::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ada",
            "ada@",
            "@x.co",
            "a b@x.co",
            "a@x",
            "a@x.co\r\nRCPT TO:<z@z.co>",
            "\"a\"@x.co",
            "ä@x.co",
            "a,b@x.co",
            "<a@x.co>",
            "a@[1.2.3.4]",
            "a@192.0.2.1",
            "a@bad/one.example",
            "a@bad!one.example",
            "a@bad_one.example",
            "a@-x.example",
            "a@x-.example",
            "a@x..example",
            "a@.example",
            "a@x.example.",
            "a@@x.example",
            "a@x.123",
            "a@0x7f.1",
            "a@xn--zzzzzz99999.example",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad:?}");
        }
        for (written, known) in [
            ("info@Lümmel.example", "info@xn--lmmel-kva.example"),
            ("info@lu\u{308}mmel.example", "info@xn--lmmel-kva.example"),
            ("info@straße.example", "info@xn--strae-oqa.example"),
            ("info@例え。example", "info@xn--r8jz45g.example"),
            ("info@xn--lmmel-kva.example", "info@xn--lmmel-kva.example"),
        ] {
            assert_eq!(Address::parse(written).expect("address").as_str(), known);
        }
        assert_eq!(Address::parse("Ada@Albareda.Example").expect("address").as_str(), "ada@albareda.example");
    }

    #[test]
    fn a_mailbox_provider_is_no_company() {
        let company = |text: &str| Address::parse(text).expect("address").company_domain().map(str::to_owned);
        assert_eq!(company("a@mail.albareda.co.uk").as_deref(), Some("albareda.co.uk"));
        for provider in MAILBOX_PROVIDERS.lines() {
            assert_eq!(company(&format!("a@{provider}")), None, "{provider}");
            assert_eq!(registered(provider), Some(provider), "no registered domain is below it");
        }
        assert!(MAILBOX_PROVIDERS.lines().is_sorted());
    }

    #[test]
    fn this_machine_and_numbers_are_nobody() {
        let public = |domain: &str| Address::parse(&format!("ada@{domain}")).is_ok_and(|address| address.is_public());
        for domain in ["albareda.example", "a.co", "mail.albareda.co.uk", "xn--bcher-kva.example", "1.example"] {
            assert!(public(domain), "{domain}");
        }
        for domain in [
            "localhost",
            "a.localhost",
            "localhost.localdomain",
            "printer.local",
            "127.0.0.1",
            "10.1",
            "192.168.0x10",
            "1.2.3.0x7f",
            "[127.0.0.1]",
            "[IPv6:::1]",
            "db.internal",
            "router.lan",
            "1.0.0.127.in-addr.arpa",
            "a.invalid",
        ] {
            assert!(!public(domain), "{domain}");
        }
    }

    #[test]
    fn header_text_cannot_break_out() {
        assert_eq!(header_text("Ada\r\nBcc: x"), "Ada  Bcc: x");
        assert_eq!(header_text("a\u{202e}b"), "ab");
        assert_eq!(header_text(&"é".repeat(300)).len(), 200);
    }
}
