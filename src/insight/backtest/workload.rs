//! The offers that each salesperson would have had under these rules, by week, beside those they had. A decision that is
//! unchanged stays with its salesperson; the others are routed by the plan in the order of time, as `hand_off` routes.
//!
//! How long a lead that never existed would have stayed open is unknown: the median of those on record is used.

use super::compare::{Compared, DecisionChange};
use crate::domain::id::{Name, ProspectId};
use crate::domain::individual::routing::{Load, assign};
use crate::domain::individual::salesperson::Roster;
use crate::domain::prospect::Prospect;
use crate::flow::context::FlowError;
use crate::store::doorway::replay_inputs;
use crate::store::engine::backend::Tx;
use crate::store::people::prospects;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// The load of one salesperson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workload {
    pub salesperson: Name,
    pub was: u64,
    /// Offers under these rules.
    pub would: u64,
    /// The offers by week; weeks without an offer are left out.
    pub weeks: Vec<Week>,
}

/// The offers of one week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Week {
    /// The Monday of the week (UTC).
    pub monday: Date,
    pub was: u64,
    /// Offers under these rules.
    pub would: u64,
}

impl Workload {
    /// The most offers in a week: on record, and under these rules.
    pub fn busiest(&self) -> (u64, u64) {
        (self.weeks.iter().map(|w| w.was).max().unwrap_or(0), self.weeks.iter().map(|w| w.would).max().unwrap_or(0))
    }
}

/// How many prospects are loaded at a time.
const PAGE: usize = 1_000;

/// Routes the decisions under these rules.
pub async fn workload(tx: &mut Tx, roster: &Roster, all: &[Compared]) -> Result<Vec<Workload>, FlowError> {
    let mut weeks: BTreeMap<Name, BTreeMap<Date, (u64, u64)>> =
        roster.salespeople.iter().map(|s| (s.id.clone(), BTreeMap::new())).collect();
    for was in all.iter().filter_map(|c| c.was.as_ref()) {
        if let Some(salesperson) = &was.salesperson {
            weeks.entry(salesperson.clone()).or_default().entry(monday(was.at)).or_default().0 += 1;
        }
    }
    let mut would: Vec<(Timestamp, &Compared)> = all.iter().filter_map(|c| Some((c.would?.at, c))).collect();
    would.sort_by_key(|(at, c)| (*at, c.prospect));
    let usual = usual(all);
    let mut load = Load::default();
    let mut closing: BTreeMap<Timestamp, Vec<Name>> = BTreeMap::new();
    for page in would.chunks(PAGE) {
        let anew: Vec<ProspectId> = page.iter().filter(|(_, c)| stays_with(c).is_none()).map(|(_, c)| c.prospect).collect();
        let people = prospects::load(tx, &anew).await?;
        let owners = replay_inputs::owners(tx, &anew).await?;
        for (at, compared) in page {
            let later = closing.split_off(at);
            for salesperson in std::mem::replace(&mut closing, later).into_values().flatten() {
                load.open.entry(salesperson).and_modify(|open| *open = open.saturating_sub(1));
            }
            let salesperson = match stays_with(compared) {
                Some(salesperson) => salesperson.clone(),
                None => match people.iter().find(|p| p.id == compared.prospect) {
                    Some(prospect) => {
                        let previous_salesperson = previous(all, prospect, *at);
                        let then = Prospect { previous_salesperson, ..prospect.clone() };
                        assign(roster, &then, owners.get(&compared.prospect), &load, &[]).salesperson().clone()
                    }
                    None => continue,
                },
            };
            *load.open.entry(salesperson.clone()).or_default() += 1;
            load.last_assigned_at.insert(salesperson.clone(), *at);
            let closed_at =
                compared.was.as_ref().map_or_else(|| usual.and_then(|usual| at.checked_add(usual).ok()), |was| was.closed_at);
            if let Some(closed_at) = closed_at.filter(|closed_at| closed_at > at) {
                closing.entry(closed_at).or_default().push(salesperson.clone());
            }
            weeks.entry(salesperson).or_default().entry(monday(*at)).or_default().1 += 1;
        }
    }
    Ok(weeks.into_iter().map(|(salesperson, weeks)| of(salesperson, weeks)).collect())
}

fn of(salesperson: Name, weeks: BTreeMap<Date, (u64, u64)>) -> Workload {
    let weeks: Vec<Week> = weeks.into_iter().map(|(monday, (was, would))| Week { monday, was, would }).collect();
    Workload { salesperson, was: weeks.iter().map(|w| w.was).sum(), would: weeks.iter().map(|w| w.would).sum(), weeks }
}

/// The salesperson of an unchanged decision.
fn stays_with(compared: &Compared) -> Option<&Name> {
    compared.was.as_ref().filter(|_| compared.change == DecisionChange::Same)?.salesperson.as_ref()
}

/// Who had the prospect before `at`. Their present salesperson may have got them by a later handoff.
fn previous(all: &[Compared], prospect: &Prospect, at: Timestamp) -> Option<Name> {
    // `all` is ordered by prospect.
    let first = all.partition_point(|c| c.prospect < prospect.id);
    let theirs = all[first..].iter().take_while(|c| c.prospect == prospect.id);
    let mut had = theirs.filter_map(|c| c.was.as_ref()).filter(|was| was.salesperson.is_some()).peekable();
    if had.peek().is_none() {
        return prospect.previous_salesperson.clone();
    }
    had.filter(|was| was.at < at).max_by_key(|was| was.at).and_then(|was| was.salesperson.clone())
}

/// The median time that a handoff on record was open.
fn usual(all: &[Compared]) -> Option<SignedDuration> {
    let lasted = |c: &Compared| c.was.as_ref().and_then(|was| Some(was.closed_at?.duration_since(was.at)));
    let mut lasted: Vec<SignedDuration> = all.iter().filter_map(lasted).collect();
    lasted.sort_unstable();
    lasted.get(lasted.len() / 2).copied()
}

fn monday(at: Timestamp) -> Date {
    let day = at.to_zoned(TimeZone::UTC).date();
    let since_monday = i64::from(day.weekday().since(Weekday::Monday));
    day.checked_sub(SignedDuration::from_hours(24 * since_monday)).unwrap_or(day)
}
