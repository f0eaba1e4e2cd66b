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
    /// An id as a list gives it; `None` for what cannot be one: too long, or with control characters.
    pub fn parse(system: &str, id: &str) -> Option<Self> {
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
    match (known.name.as_deref(), name) {
        (Some(known), Some(name)) => same_local || words(known).any(|word| words(name).any(|other| other == word)),
        _ => {
            let company = |a: &Address| a.company_domain().map(str::to_owned);
            same_local || known.address.as_ref().is_some_and(|old| company(old).is_some() && company(old) == company(address))
        }
    }
}

/// The words of a name in lower case. Shorter ones are particles and initials.
fn words(name: &str) -> impl Iterator<Item = String> {
    name.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= 3).map(str::to_lowercase)
}
