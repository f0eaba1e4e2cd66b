//! A page of a list: the rows that share a transaction, in the order of the file. Rows of one prospect are merged,
//! because `admit` takes each address once.

use crate::domain::address::Address;
use crate::domain::span::midnight;
use crate::flow::doorway::admit::Arrival;
use crate::inbox::list::prospects::Row;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The rows of a transaction: each address once for every day its fields are dated.
#[derive(Debug, Default)]
pub struct Page {
    rows: Vec<(Option<Date>, Arrival)>,
    places: BTreeMap<(Option<Date>, Address), usize>,
}

impl Page {
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds what a row says as of a day, or merges it into what an earlier one said.
    pub fn add(&mut self, row: Row, day: Option<Date>, source: &str) {
        let later = arrival(row, source);
        match self.places.entry((day, later.address.clone())) {
            Entry::Occupied(place) => merge(&mut self.rows[*place.get()].1, later),
            Entry::Vacant(place) => {
                place.insert(self.rows.len());
                self.rows.push((day, later));
            }
        }
    }

    /// Whether it holds an address as of a day.
    pub fn holds(&self, address: &Address, day: Option<Date>) -> bool {
        self.places.contains_key(&(day, address.clone()))
    }

    /// The rows by day, undated ones first and the latest day last, each in the order of the file.
    pub fn by_day(self) -> BTreeMap<Option<Date>, Vec<Arrival>> {
        let mut days: BTreeMap<Option<Date>, Vec<Arrival>> = BTreeMap::new();
        for (day, arrival) in self.rows {
            days.entry(day).or_default().push(arrival);
        }
        days
    }
}

fn arrival(row: Row, source: &str) -> Arrival {
    let stated = [("mail", row.mail_consent), ("tracking", row.tracking_consent)];
    let consents = stated.into_iter().filter_map(|(purpose, consent)| {
        let consent = consent?;
        Some((purpose, consent.given, consent.source.unwrap_or_else(|| source.to_owned()), consent.date.map(midnight)))
    });
    Arrival {
        name: row.name,
        phone: row.phone,
        company: row.company,
        owner: row.owner,
        fields: row.fields,
        tags: row.tags,
        email_opt_out: row.email_opt_out,
        phone_opt_out: row.phone_opt_out,
        consents: consents.collect(),
        ..Arrival::of(row.address)
    }
}

/// Values of the later row replace earlier ones; its blank cells do not.
fn merge(earlier: &mut Arrival, later: Arrival) {
    let says = |place: &mut Option<String>, said: Option<String>| *place = said.or_else(|| place.take());
    says(&mut earlier.name, later.name);
    says(&mut earlier.phone, later.phone);
    says(&mut earlier.company, later.company);
    says(&mut earlier.owner, later.owner);
    earlier.fields.extend(later.fields);
    earlier.tags.extend(later.tags);
    earlier.email_opt_out |= later.email_opt_out;
    earlier.phone_opt_out |= later.phone_opt_out;
    earlier.consents.extend(later.consents.into_iter().filter(|c| !earlier.consents.contains(c)).collect::<Vec<_>>());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_row_goes_before_and_its_blanks_do_not() {
        let arrival = |name: Option<&str>, phone: Option<&str>, out: bool| Arrival {
            name: name.map(str::to_owned),
            phone: phone.map(str::to_owned),
            email_opt_out: out,
            ..Arrival::of(Address::parse("ada@albareda.example").expect("address"))
        };
        let mut earlier = arrival(Some("Ada"), Some("+34 1"), true);
        merge(&mut earlier, arrival(Some("Ada Vega"), None, false));
        assert_eq!((earlier.name.as_deref(), earlier.phone.as_deref()), (Some("Ada Vega"), Some("+34 1")));
        assert!(earlier.email_opt_out, "an opt-out is never taken back");
    }
}
