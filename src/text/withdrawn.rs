//! The letter to whoever holds a handoff of which some evidence turned out to be a machine's.

use crate::domain::criterion::Criterion;
use crate::text::letter::{Letter, letter, who};
use crate::text::template::TextError;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// What no longer proves what a salesperson was told.
#[derive(Debug, Clone, Serialize)]
pub struct Withdrawn {
    pub prospect: String,
    pub company: Option<String>,
    pub withdrawn: Vec<Line>,
    /// How many criteria still stand.
    pub met: usize,
    pub page_url: String,
    #[serde(skip)]
    pub zone: TimeZone,
}

/// One citation that counts no longer.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    pub criterion: Criterion,
    pub words: String,
    pub at: Timestamp,
}

/// The letter that says so.
pub fn withdrawn(withdrawn: &Withdrawn) -> Result<Letter, TextError> {
    let subject = format!("{}: evidence withdrawn", who(&withdrawn.prospect, withdrawn.company.as_deref()));
    letter(&subject, "withdrawn.txt", "withdrawn.html", &withdrawn.zone, withdrawn)
}
