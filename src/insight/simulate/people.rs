//! The people of a simulation: those of a real database who are nurturing now, or people made up for
//! the example company. Reads; a real database is never written to.

use crate::domain::address::Address;
use crate::domain::chance::Chance;
use crate::domain::consent::{Consent, Purpose};
use crate::domain::doorway::arrival::Arrival;
use crate::domain::id::{Name, ProspectId};
use crate::domain::preferences::Preferences;
use crate::domain::prospect::{Prospect, Standing};
use crate::flow::context::FlowError;
use crate::store::engine::backend::Store;
use crate::store::people::{preferences, prospects};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// How many prospects are read at a time.
const PAGE: i64 = 2_000;

/// The prospects who take part, and how many were left out because they are with a salesperson, closed or erased.
#[derive(Debug, Default)]
pub struct Participants {
    pub arrivals: Vec<Arrival>,
    pub left_out: usize,
    /// What some of them chose about newsletters.
    pub chosen: BTreeMap<Address, Preferences>,
}

/// The prospects of a database who are nurturing now. They start from nothing: mails and signals of the past are not copied.
pub async fn of_store(store: &Store) -> Result<Participants, FlowError> {
    let mut participants = Participants::default();
    let mut after = ProspectId(0);
    let mut tx = store.read().await?;
    let chose: BTreeSet<ProspectId> = preferences::everybody(&mut tx).await?.into_iter().collect();
    loop {
        let page = prospects::page(&mut tx, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(participants) };
        after = *last;
        for prospect in prospects::load(&mut tx, &page).await? {
            if let Some(address) = prospect.address.as_ref().filter(|_| chose.contains(&prospect.id)) {
                // A pause that is over when the simulation begins is none there.
                let chosen = preferences::of(&mut tx, prospect.id, Timestamp::UNIX_EPOCH).await?;
                participants.chosen.insert(address.clone(), chosen);
            }
            match arrival(prospect) {
                Some(arrival) => participants.arrivals.push(arrival),
                None => participants.left_out += 1,
            }
        }
    }
}

fn arrival(prospect: Prospect) -> Option<Arrival> {
    let address = prospect.address.filter(|_| prospect.standing == Standing::Nurturing)?;
    let mut arrival = Arrival::of(address);
    arrival.name = prospect.name;
    arrival.phone = prospect.phone;
    arrival.company = prospect.company;
    arrival.owner = prospect.previous_salesperson.map(|id| id.to_string());
    arrival.fields = prospect.fields;
    arrival.tags = prospect.tags;
    arrival.email_opt_out = prospect.mail_stop.is_some();
    arrival.consents.push(Consent::undated(Purpose::Tracking, prospect.tracking_consent, "as recorded"));
    Some(arrival)
}

/// The average number of people in one company.
const OF_A_COMPANY: u64 = 4;
const INDUSTRIES: [(&str, u32); 5] = [("food", 50), ("packaging", 25), ("metal", 12), ("chemicals", 8), ("logistics", 5)];
const COUNTRIES: [((&str, &str), u32); 5] =
    [(("ES", "es"), 60), (("PT", "pt"), 15), (("FR", "fr"), 15), (("DE", "de"), 6), (("IT", "it"), 4)];
const TITLES: [(&str, u32); 7] = [
    ("plant manager", 15),
    ("head of production", 15),
    ("maintenance", 25),
    ("operations director", 8),
    ("buyer", 12),
    ("quality", 15),
    ("owner", 10),
];
const FIRST: [&str; 12] = ["Ada", "Bruno", "Carla", "Dimas", "Elena", "Fèlix", "Gala", "Hugo", "Irene", "Joan", "Katia", "Lluc"];
const LAST: [&str; 12] = ["Roca", "Sala", "Vives", "Prat", "Gual", "Bosc", "Ribas", "Mir", "Clos", "Pla", "Serra", "Font"];

/// People as the example company might know them: plants of all sizes, met at a fair.
pub fn made_up(count: usize, seed: u64) -> Vec<Arrival> {
    let all = Chance::seeded(seed).of("made up");
    (0..count as u64).filter_map(|number| person(all, number)).collect()
}

fn person(all: Chance, number: u64) -> Option<Arrival> {
    let company = number / OF_A_COMPANY;
    let (own, firm) = (all.of("person").nth(number), all.of("company").nth(company));
    let domain = format!("plant-{company:05}.example");
    let mut arrival = Arrival::of(Address::parse(&format!("p{number:06}@{domain}")).ok()?);
    let (first, last) = (own.of("first").among(&FIRST)?, own.of("last").among(&LAST)?);
    let (country, language) = firm.of("country").weighed(&COUNTRIES)?;
    // Most plants are small: the square of a uniform draw.
    let size = firm.of("size").below(1_000);
    let lines = 1 + size * size * 12 / 1_000_000;
    arrival.name = Some(format!("{first} {last}"));
    arrival.company = Some(format!("Plant {company:05}"));
    arrival.phone = Some(format!("+34 900 {:03} {:03}", number / 1_000 % 1_000, number % 1_000));
    let fields = [
        ("industry", (*firm.of("industry").weighed(&INDUSTRIES)?).to_owned()),
        ("country", (*country).to_owned()),
        ("language", (*language).to_owned()),
        ("job_title", (*own.of("title").weighed(&TITLES)?).to_owned()),
        ("employees", (8 + lines * 30 + firm.of("employees").below(40)).to_string()),
        ("lines", lines.to_string()),
    ];
    let named: Option<BTreeMap<Name, String>> =
        fields.into_iter().map(|(name, value)| Some((Name::parse(name).ok()?, value))).collect();
    arrival.fields = named?;
    arrival.consents.push(Consent::undated(Purpose::Mail, true, "fair, card"));
    arrival.consents.push(Consent::undated(Purpose::Tracking, own.of("tracking").below(100) < 80, "fair, card"));
    Some(arrival)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_people_are_the_same_under_one_seed_and_differ_under_another() {
        let told = |seed| format!("{:?}", made_up(200, seed));
        assert_eq!(made_up(200, 1).len(), 200);
        assert_eq!(told(1), told(1));
        assert_ne!(told(1), told(2));
    }
}
