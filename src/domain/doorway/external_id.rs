//! What another system calls a person: an id that stays when their address changes.

use crate::domain::address::Address;
use crate::domain::prospect::Prospect;
use serde::Serialize;

/// An id of one system. The same digits in another system are another person's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ExternalId {
    /// The system, in lower case: "hubspot".
    pub system: String,
    pub id: String,
}

impl ExternalId {
    /// An id as a list gives it: of this system, or, where none is named, of the one before its colon. `None` for what cannot be
    /// one: too long, or with control characters.
    pub fn parse(system: &str, id: &str) -> Option<Self> {
        let (system, id) = if system.is_empty() { id.split_once(':')? } else { (system, id) };
        let (system, id) = (system.trim().to_lowercase(), id.trim());
        let fits = |text: &str| !text.is_empty() && text.len() <= 100 && !text.chars().any(char::is_control);
        (fits(&system) && fits(id)).then(|| Self { system, id: id.to_owned() })
    }
}

/// Whether the prospect to whom an id belongs may be whom a list calls by this id under another address. People overwrite a
/// record of their CRM with a successor, and ids of a spreadsheet are line numbers: the id alone proves nothing. Where both names
/// are known, they share a word, or the part before the `@` is the same; else that part, or the company's domain.
pub fn may_be(known: &Prospect, name: Option<&str>, address: &Address) -> bool {
    let same_local = known.address.as_ref().is_some_and(|old| old.local() == address.local());
    if let (Some(known), Some(name)) = (known.name.as_deref(), name) {
        return same_local || words(known).any(|word| words(name).any(|other| other == word));
    }
    let company = known.address.as_ref().and_then(Address::company_domain);
    same_local || (company.is_some() && company == address.company_domain())
}

/// The words of a name in lower case. Shorter ones are particles and initials.
fn words(name: &str) -> impl Iterator<Item = String> {
    name.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= 3).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ProspectId;
    use jiff::Timestamp;

    fn prospect(address: &str, name: Option<&str>) -> Prospect {
        Prospect {
            address: Some(Address::parse(address).expect("an address")),
            name: name.map(str::to_owned),
            ..Prospect::unknown(ProspectId(1), Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn an_id_alone_makes_nobody_another_person() {
        let ada = Some("Ada Vega");
        for (known, their_name, name, address, fits) in [
            ("ada@a.example", ada, Some("Vega, Ada"), "a.vega@b.example", true),
            ("ada@a.example", ada, Some("Ada Roca"), "roca@b.example", true),
            ("ada@a.example", ada, Some("A. V."), "ada@b.example", true),
            // A successor in the same company, and a line number.
            ("ada@a.example", ada, Some("Bob Lin"), "bob@a.example", false),
            ("ada@a.example", ada, Some("Bo"), "bo@b.example", false),
            // Without names the address must agree; providers are no company.
            ("ada@a.example", None, None, "a.vega@a.example", true),
            ("ada@a.example", None, Some("Ada Vega"), "ada@b.example", true),
            ("ada@a.example", ada, None, "vega@b.example", false),
            ("ada@gmail.com", None, None, "bob@gmail.com", false),
        ] {
            let address = Address::parse(address).expect("an address");
            assert_eq!(may_be(&prospect(known, their_name), name, &address), fits, "{known} {name:?} {address}");
        }
    }

    #[test]
    fn an_id_is_of_one_system() {
        let id = |system: &str, id: &str| ExternalId::parse(system, id).map(|id| format!("{}:{}", id.system, id.id));
        assert_eq!(id("HubSpot ", " 7 ").as_deref(), Some("hubspot:7"));
        assert_eq!(id("", "salesforce:003:x").as_deref(), Some("salesforce:003:x"));
        let long = "7".repeat(101);
        for (system, text) in [("hubspot", " "), ("hubspot", "7\n8"), ("hubspot", long.as_str()), ("", "7"), ("", ":7")] {
            assert_eq!(id(system, text), None, "{text:?}");
        }
    }
}
