//! Support: evidence weaker than a statement. Clicks on distinct days within a window, and rules of power `supports`, each
//! counted once however often its signal came. Enough of them meet Vision or Need; they meet no other criterion.

use super::evidence::{Evidence, Origin};
use super::ignored::{BURST, PROVISIONAL};
use super::signal::Signal;
use crate::domain::id::SignalId;
use crate::domain::span::Span;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a click is so young that no verdict can depend on it. It does not count yet, and neither do the clicks with which
/// it could form a burst.
pub fn is_too_young(clicked_at: Timestamp, now: Timestamp) -> bool {
    PROVISIONAL.after(clicked_at).duration_since(now) > BURST
}

/// The support of one rule.
#[derive(Debug, Clone)]
pub struct Support {
    /// Whether the rule is reached: on enough distinct days, where it asks for some.
    pub reached: bool,
    /// The instant of the oldest signal it rests on.
    pub since: Timestamp,
    /// When it ends, if no further signal comes.
    pub until: Timestamp,
    pub cites: BTreeSet<SignalId>,
    pub origin: Origin,
}

/// The sum of the supporting rules of one criterion.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Whether they meet the criterion.
    pub met: bool,
    pub since: Timestamp,
    pub until: Timestamp,
    /// Every signal it rests on, and who says so.
    pub cites: Vec<(SignalId, Origin)>,
}

/// Support by clicks, which are ordered by time and inside the window: the first click of a day counts it, and the last
/// click extends it. Both are cited, so that the cited signals alone give the same result.
pub fn by_clicks(clicks: &[&Signal], days: u32, within: Span) -> Option<Support> {
    let mut by_day: BTreeMap<Date, (&Signal, &Signal)> = BTreeMap::new();
    for signal in clicks {
        let day = signal.occurred_at.to_zoned(TimeZone::UTC).date();
        by_day.entry(day).and_modify(|(_, last)| *last = signal).or_insert((signal, signal));
    }
    let needed = days.max(1) as usize;
    let shown: Vec<(&Signal, &Signal)> = by_day.into_values().collect();
    let reached = shown.len() >= needed;
    let since = if reached { shown[needed - 1].0 } else { shown.first()?.0 };
    let keeps = if reached { shown[shown.len() - needed].1 } else { shown.last()?.1 };
    Some(Support {
        reached,
        since: PROVISIONAL.after(since.occurred_at),
        until: within.after(keeps.occurred_at),
        cites: shown.iter().flat_map(|(first, last)| [first.id, last.id]).collect(),
        origin: Origin::Behaviour,
    })
}

/// Support by statements and facts that count now, one for each rule.
pub fn by_statements(counting: &[&Evidence]) -> Vec<Support> {
    let mut of_rules: BTreeMap<Option<usize>, Support> = BTreeMap::new();
    for evidence in counting {
        let support = of_rules.entry(evidence.rule).or_insert_with(|| Support {
            reached: true,
            since: evidence.from,
            until: evidence.until,
            cites: BTreeSet::new(),
            origin: evidence.origin,
        });
        support.since = support.since.min(evidence.from);
        support.until = support.until.max(evidence.until);
        support.cites.insert(evidence.signal);
    }
    of_rules.into_values().collect()
}

/// The tally of supports where `enough` rules are asked for. Facts alone never meet a criterion: a person must have done or
/// said something. `None` without any support.
pub fn tally(supports: &[Support], enough: usize, may_meet: bool) -> Option<Tally> {
    let enough = enough.max(1);
    let mut reached: Vec<&Support> = supports.iter().filter(|s| s.reached).collect();
    reached.sort_by_key(|s| s.since);
    let is_alive = reached.iter().any(|s| s.origin != Origin::Fact);
    let met = may_meet && is_alive && reached.len() >= enough;
    let shown: Vec<&Support> = if met { reached } else { supports.iter().collect() };
    let mut ends: Vec<Timestamp> = shown.iter().map(|s| s.until).collect();
    ends.sort();
    let (mut since, mut until) = if met {
        // The tally ends when so many rules have run out that too few are left.
        (shown[enough - 1].since, ends[ends.len() - enough])
    } else {
        (shown.iter().map(|s| s.since).min()?, ends.last().copied()?)
    };
    if met {
        let alive = || shown.iter().filter(|s| s.origin != Origin::Fact);
        since = since.max(alive().map(|s| s.since).min()?);
        until = until.min(alive().map(|s| s.until).max()?);
    }
    let origin = |id: SignalId| shown.iter().find(|s| s.cites.contains(&id)).map_or(Origin::Fact, |s| s.origin);
    let ids: BTreeSet<SignalId> = shown.iter().flat_map(|s| &s.cites).copied().collect();
    Some(Tally { met, since, until, cites: ids.into_iter().map(|id| (id, origin(id))).collect() })
}
