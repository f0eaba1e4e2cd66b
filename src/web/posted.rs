//! What is posted on a prospect's own page, as choices. What its page did not show, or nobody can mean, chooses nothing.

use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::domain::preferences::{Choice, Preferences};
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::BTreeSet;

/// How many fields of a post are read.
const FIELDS: usize = 200;

/// The fields that are posted.
pub(super) struct Posted(Vec<(String, String)>);

impl Posted {
    pub(super) fn read(body: &[u8]) -> Self {
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(body).unwrap_or_default();
        Self(fields.into_iter().take(FIELDS).collect())
    }

    fn all<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == field).map(|(_, value)| value.trim())
    }

    pub(super) fn one(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, value)| value.trim())
    }

    /// The topics of the page, ticked or not. One that it did not show stays as it is.
    pub(super) fn topics(&self, plan: &Plan) -> Vec<Choice> {
        let named = |field| -> BTreeSet<Name> { self.all(field).filter_map(|name| Name::parse(name).ok()).collect() };
        let (shown, ticked, known) = (named("shown"), named("topic"), plan.topics());
        let shown = shown.into_iter().filter(|topic| known.contains(topic));
        shown
            .map(|topic| if ticked.contains(&topic) { Choice::TopicWanted(topic) } else { Choice::TopicRefused(topic) })
            .collect()
    }

    /// The pause that was chosen; a day that is given counts though its box was not ticked. `Err` for a day that cannot be meant.
    pub(super) fn pause(&self, today: Date) -> Result<Option<Choice>, ()> {
        let day = self.one("until").filter(|day| !day.is_empty());
        let until = match (self.one("pause"), day) {
            (Some("keep" | "none" | "day") | None, Some(day)) => day.parse::<Date>().map_err(drop)?,
            (Some("keep") | None, None) => return Ok(None),
            (Some("none"), None) => return Ok(Some(Choice::Resumed)),
            (Some(months), _) => {
                let months = months.parse::<i8>().ok().filter(|months| (1..=12).contains(months)).ok_or(())?;
                today.checked_add(months.months()).map_err(drop)?
            }
        };
        let is_to_come = until > today && until <= Preferences::longest_pause(today);
        if is_to_come { Ok(Some(Choice::PausedUntil(until))) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_on_a_day_that_is_to_come_and_within_a_year() {
        let day = |text: &str| text.parse::<Date>().expect("a day");
        let today = day("2027-08-31");
        let until = |text| Ok(Some(Choice::PausedUntil(day(text))));
        for (body, chosen) in [
            ("", Ok(None)),
            ("pause=keep&until=", Ok(None)),
            ("pause=none", Ok(Some(Choice::Resumed))),
            ("pause=1", until("2027-09-30")),
            ("pause=6&until=", until("2028-02-29")),
            ("pause=day&until=2027-09-01", until("2027-09-01")),
            // Who gives a day means it.
            ("pause=none&until=2027-10-01", until("2027-10-01")),
            ("until=2028-08-31", until("2028-08-31")),
            ("pause=day&until=2028-09-01", Err(())),
            ("pause=day&until=2027-08-31", Err(())),
            ("pause=day&until=01/10/2027", Err(())),
            ("pause=day", Err(())),
            ("pause=0", Err(())),
            ("pause=13", Err(())),
            ("pause=-1", Err(())),
        ] {
            assert_eq!(Posted::read(body.as_bytes()).pause(today), chosen, "{body}");
        }
    }
}
