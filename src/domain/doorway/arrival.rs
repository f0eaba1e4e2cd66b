//! Arrival: one person as a list, a form or another system describes them. A row of a list, a web form and an API call all
//! become one.

use super::external_id::ExternalId;
use crate::domain::address::Address;
use crate::domain::consent::Consent;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use std::collections::{BTreeMap, BTreeSet};

/// One person as a list, a form or another system describes them. Absent means not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The address, which is who they are.
    pub address: Address,
    /// What the other system calls them: it stays when the address changes.
    pub external_id: Option<ExternalId>,
    pub name: Option<String>,
    pub phone: Option<String>,
    pub company: Option<String>,
    /// Whose prospect they are, as another system says it: the id, the name or the address of a salesperson.
    pub owner: Option<String>,
    /// Fields; the declared ones as canonical text of their type.
    pub fields: BTreeMap<Name, String>,
    pub tags: BTreeSet<String>,
    /// Whether they must not be mailed. `false` says nothing: an arrival never takes a suppression away.
    pub email_opt_out: bool,
    /// Whether they must not be called.
    pub phone_opt_out: bool,
    pub consents: Vec<Consent>,
}

impl Arrival {
    /// A person of whom only the address is known.
    pub const fn of(address: Address) -> Self {
        Self {
            address,
            external_id: None,
            name: None,
            phone: None,
            company: None,
            owner: None,
            fields: BTreeMap::new(),
            tags: BTreeSet::new(),
            email_opt_out: false,
            phone_opt_out: false,
            consents: Vec::new(),
        }
    }

    /// What a person said about themselves in a form. A declared field whose value does not fit its type is left out, and
    /// stands in the form's signal alone.
    pub fn by_form(address: Address, said: &BTreeMap<String, String>, declared: &BTreeMap<Name, FieldType>) -> Self {
        let value = |key: &str| said.get(key).map(|v| v.trim()).filter(|v| !v.is_empty()).map(str::to_owned);
        let field = |(name, kind): (&Name, &FieldType)| Some((name.clone(), kind.canonical(&value(name.as_str())?).ok()?));
        Self {
            name: value("name"),
            phone: value("phone"),
            company: value("company"),
            fields: declared.iter().filter_map(field).collect(),
            ..Self::of(address)
        }
    }

    /// Takes in what is said later of the same person: it goes before, and what it leaves blank stays.
    pub fn merge(&mut self, later: Self) {
        let says = |place: &mut Option<String>, said: Option<String>| *place = said.or_else(|| place.take());
        self.external_id = later.external_id.or_else(|| self.external_id.take());
        says(&mut self.name, later.name);
        says(&mut self.phone, later.phone);
        says(&mut self.company, later.company);
        says(&mut self.owner, later.owner);
        self.fields.extend(later.fields);
        self.tags.extend(later.tags);
        self.email_opt_out |= later.email_opt_out;
        self.phone_opt_out |= later.phone_opt_out;
        for consent in later.consents {
            if !self.consents.contains(&consent) {
                self.consents.push(consent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Arrival {
        Arrival::of(Address::parse("ada@albareda.example").expect("address"))
    }

    #[test]
    fn the_later_row_goes_before_and_its_blanks_do_not() {
        let arrival = |name: Option<&str>, phone: Option<&str>, out: bool| Arrival {
            name: name.map(str::to_owned),
            phone: phone.map(str::to_owned),
            email_opt_out: out,
            ..ada()
        };
        let mut earlier = arrival(Some("Ada"), Some("+34 1"), true);
        earlier.merge(arrival(Some("Ada Vega"), None, false));
        assert_eq!((earlier.name.as_deref(), earlier.phone.as_deref()), (Some("Ada Vega"), Some("+34 1")));
        assert!(earlier.email_opt_out, "an opt-out is never taken back");
    }

    #[test]
    fn a_form_says_what_fits() {
        let name = |text| Name::parse(text).expect("a name");
        let declared = BTreeMap::from([(name("employees"), FieldType::Number), (name("renewal"), FieldType::Date)]);
        let said = [("name", " Ada "), ("phone", " "), ("employees", "1,200"), ("renewal", "soon"), ("message", "Call me")];
        let said = said.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let expected = Arrival { name: Some("Ada".to_owned()), fields: [(name("employees"), "1200".to_owned())].into(), ..ada() };
        assert_eq!(Arrival::by_form(ada().address, &said, &declared), expected);
    }
}
