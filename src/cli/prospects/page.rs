//! A page of a list: the rows that share a transaction, in the order of the file. Rows of one prospect are merged,
//! because `admit` takes each address once.

use crate::domain::address::Address;
use crate::domain::doorway::arrival::Arrival;
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
    pub fn add(&mut self, later: Arrival, day: Option<Date>) {
        match self.places.entry((day, later.address.clone())) {
            Entry::Occupied(place) => self.rows[*place.get()].1.merge(later),
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
