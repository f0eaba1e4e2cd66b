//! Which fields of a web form are kept, and about which addresses a form is taken. What visitors add of their own is neither
//! shown nor read by any rule, so it is not stored.

use super::enquiry::{MESSAGE, PHONE};
use super::rule::{Qualifying, Reads};
use crate::domain::address::Address;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use std::collections::BTreeMap;

/// Fields that salespeople are shown, whether a rule reads them or not.
const SHOWN: [&str; 14] = [
    "name",
    "first_name",
    "last_name",
    "phone",
    "company",
    "job_title",
    "country",
    "city",
    "website",
    "language",
    "subject",
    "message",
    "comments",
    "question",
];

/// Keeps the fields of a form that are declared, shown, or read by a rule about this form.
pub fn keep(rules: &Qualifying, declared: &BTreeMap<Name, FieldType>, form: &Name, fields: &mut BTreeMap<String, String>) {
    let is_read = |field: &str| {
        let reads =
            |reads: &Reads| matches!(reads, Reads::Form { form: of, test: Some((name, ..)) } if of == form && name == field);
        rules.criteria.iter().any(|(_, criterion)| criterion.rules.iter().any(|rule| reads(&rule.reads)))
    };
    let is_declared = |field: &str| Name::parse(field).is_ok_and(|name| declared.contains_key(&name));
    let is_told = |field: &str| [&SHOWN[..], &MESSAGE, &PHONE].iter().any(|told| told.contains(&field));
    fields.retain(|field, _| is_told(field) || is_declared(field) || is_read(field));
}

/// Whether mail to an address can reach somebody else than this machine or its network: no `localhost`, no name that is
/// never in the public DNS (RFC 6761, 6762, 7686, 8375, ICANN's `internal`), no number in the place of a name.
pub fn is_public(address: &Address) -> bool {
    const NEVER: [&str; 10] =
        ["localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "arpa", "onion", "invalid"];
    let domain = address.domain().trim_end_matches('.');
    let last = domain.rsplit('.').next().unwrap_or_default();
    // The last label of a name is never a number (RFC 3696, 2), nor a hexadecimal one as resolvers read them.
    let is_number = last.chars().all(|c| c.is_ascii_digit()) || last.starts_with("0x");
    !domain.starts_with('[') && domain.contains('.') && !is_number && !NEVER.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_numbers_are_nobody() {
        let public = |domain: &str| Address::parse(&format!("ada@{domain}")).is_ok_and(|address| is_public(&address));
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
}
