//! Arrival: one person as a list, a form or another system describes them. A row of a list, a web form and an API call all
//! become one.

use super::external_id::ExternalId;
use crate::domain::address::Address;
use crate::domain::consent::Consent;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use std::collections::{BTreeMap, BTreeSet};

/// The field of a form that is there if the form says no to mail.
pub const EMAIL_OPT_OUT: &str = "email_opt_out";

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

    /// What a person said about themselves in a form. Of a repeated field, which has a line for each value, a text holds all of
    /// them and any other type the last that fits it. A value that does not fit its type stands in the form's signal alone.
    pub fn by_form(address: Address, said: &BTreeMap<String, String>, declared: &BTreeMap<Name, FieldType>) -> Self {
        let lines = |key: &str| said.get(key).map(|v| v.lines().map(str::trim).filter(|v| !v.is_empty()).collect::<Vec<_>>());
        let value = |key: &str| lines(key).filter(|lines| !lines.is_empty()).map(|lines| lines.join(", "));
        let field = |(name, kind): (&Name, &FieldType)| {
            let value = match kind {
                FieldType::Text => kind.canonical(&value(name.as_str())?).ok()?,
                _ => lines(name.as_str())?.into_iter().rev().find_map(|line| kind.canonical(line).ok())?,
            };
            Some((name.clone(), value))
        };
        Self {
            name: value("name"),
            phone: value("phone"),
            company: value("company"),
            email_opt_out: said.contains_key(EMAIL_OPT_OUT),
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
        let declared = BTreeMap::from([
            (name("employees"), FieldType::Number),
            (name("renewal"), FieldType::Date),
            (name("wants"), FieldType::Text),
            (name("agrees"), FieldType::Boolean),
        ]);
        let said = [
            ("name", " Ada "),
            ("phone", " "),
            ("employees", "1,200"),
            ("renewal", "soon"),
            ("message", "Call me"),
            ("wants", "stops\nenergy"),
            // A hidden field before a box, for when the box is not ticked.
            ("agrees", "0\n1"),
        ];
        let said = said.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let fields = [("employees", "1200"), ("wants", "stops, energy"), ("agrees", "true")];
        let fields = fields.map(|(field, value)| (name(field), value.to_owned())).into();
        let expected = Arrival { name: Some("Ada".to_owned()), fields, ..ada() };
        assert_eq!(Arrival::by_form(ada().address, &said, &declared), expected);
    }
}
