//! The people of the demo: a small, plausible list of prospects.

use crate::domain::address::Address;
use crate::domain::id::Name;
use crate::flow::doorway::admit::Arrival;

/// A person: name, address, company, industry, job title, production lines, and whether they consented to tracking.
type DemoPerson = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, bool);

const PEOPLE: [DemoPerson; 16] = [
    ("Ada Roca", "ada@albareda.example", "Albareda Conserves", "food", "plant manager", "4", true),
    ("Bruno Sala", "bruno@fornells.example", "Forn Fornells", "food", "head of production", "2", true),
    ("Carla Vives", "carla@envasa.example", "Envasa", "packaging", "operations director", "6", true),
    ("Dimas Prat", "dimas@lacteos-prat.example", "Lácteos Prat", "food", "maintenance", "3", true),
    ("Elena Gual", "elena@gual-olives.example", "Gual Olives", "food", "owner", "1", true),
    ("Fèlix Bosc", "felix@bosc-mills.example", "Bosc Mills", "food", "plant manager", "2", true),
    ("Gala Ribas", "gala@ribas-pack.example", "Ribas Pack", "packaging", "planner", "5", true),
    ("Hugo Mir", "hugo@mir-dolcos.example", "Mir Dolços", "food", "head of production", "3", false),
    ("Irene Clos", "irene@closfoods.example", "Clos Foods", "food", "plant manager", "8", true),
    ("Joan Pla", "joan@cartroplast.example", "Cartroplast", "packaging", "buyer", "7", false),
    ("Katia Serra", "katia@serra-pa.example", "Pa Serra", "food", "quality", "2", true),
    ("Lluc Font", "lluc@fontvella-bottling.example", "Fontvella Bottling", "packaging", "plant manager", "4", true),
    ("Mireia Coll", "mireia@coll-cheese.example", "Coll Cheese", "food", "owner", "1", false),
    ("Nil Duran", "nil@duran-foods.example", "Duran Foods", "food", "maintenance", "3", true),
    ("Olga Martí", "olga@marti-steel.example", "Martí Steel", "metal", "engineer", "2", true),
    ("Pau Riera", "pau@riera-logistics.example", "Riera Logistics", "logistics", "director", "", false),
];

/// All people, as a list import would bring them.
pub fn arrivals() -> Vec<Arrival> {
    PEOPLE.iter().filter_map(arrival).collect()
}

/// The address of the person with this first name.
///
/// # Panics
/// When there is no such person: the story names only people of the list.
pub fn address(first_name: &str) -> Address {
    let person = PEOPLE.iter().find(|(name, ..)| name.starts_with(first_name));
    person.and_then(|p| Address::parse(p.1).ok()).expect("the story names people of the list")
}

fn arrival((name, address, company, industry, title, lines, tracked): &DemoPerson) -> Option<Arrival> {
    let mut arrival = Arrival::of(Address::parse(address).ok()?);
    arrival.name = Some((*name).to_owned());
    arrival.company = Some((*company).to_owned());
    arrival.phone = Some("+34 93 555 01 00".to_owned());
    let fields = [("industry", *industry), ("job_title", *title), ("lines", *lines), ("country", "ES"), ("language", "es")];
    let named = fields.into_iter().filter(|(_, value)| !value.is_empty());
    arrival.fields = named.filter_map(|(field, value)| Some((Name::parse(field).ok()?, value.to_owned()))).collect();
    arrival.consents.push(("mail", true, "fair 2025, card".to_owned(), None));
    arrival.consents.push(("tracking", *tracked, "fair 2025, card".to_owned(), None));
    Some(arrival)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_an_address() {
        assert_eq!(arrivals().len(), PEOPLE.len());
    }
}
