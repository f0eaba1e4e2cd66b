//! The latest census, kept for `/metrics` by the task that counts. It holds counts and no names.

use crate::domain::census::{Census, Group};
use jiff::Timestamp;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// The latest census. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct CensusCache(Arc<Mutex<Option<Census>>>);

impl CensusCache {
    pub fn keep(&self, census: Census) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(census);
    }

    /// The census in Prometheus' text format; empty before the first.
    pub fn text(&self, now: Timestamp) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        if let Some(census) = kept.as_ref() {
            head(&mut text, "nurtured_prospects", "Prospects by where they are; each is in one group.");
            for group in Group::ALL {
                line(&mut text, &format!("nurtured_prospects{{group=\"{}\"}}", group.word()), census.of(group));
            }
            for (name, help, value) in [
                (
                    "nurtured_prospects_without_future",
                    "Prospects for whom nothing comes next: 0, always.",
                    census.without_future(),
                ),
                ("nurtured_prospects_in_two_groups", "Prospects of whom the tables say two things: 0, always.", census.in_two),
                (
                    "nurtured_prospects_uncounted",
                    "Prospects there are less those in the groups: 0, always.",
                    census.prospects - census.counted(),
                ),
                (
                    "nurtured_enquiries_open",
                    "Requests that no handoff can answer, and that no salesperson has settled.",
                    census.enquiries,
                ),
                ("nurtured_enquiries_unheard", "Those of them that nobody has on a queue: 0, always.", census.unheard),
                (
                    "nurtured_census_age_seconds",
                    "How long ago they were counted.",
                    now.duration_since(census.at).as_secs().max(0),
                ),
            ] {
                head(&mut text, name, help);
                line(&mut text, name, value);
            }
        }
        text
    }
}

/// Writes the help and type lines of a metric.
pub fn head(text: &mut String, name: &str, help: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
}

/// Writes one metric.
pub fn line(text: &mut String, name: &str, value: i64) {
    let _ = writeln!(text, "{name} {value}");
}
