//! Metrics over many comparisons. Integer counts, each decision counted once, so that they add up; a ratio is given only where
//! there is something to divide by. Requests are counted apart from ready prospects.

use super::compare::{Compared, DecisionChange, Reproduced, SalesAnswer};
use crate::domain::criterion::Criterion;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;

/// Decisions, and the outcomes of the ready ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Side {
    pub ready: u64,
    /// Decisions because the prospect asked for a person.
    pub requests: u64,
    /// Ready, and accepted by a salesperson.
    pub accepted: u64,
    /// Ready, and not accepted: the offer ended.
    pub rejected: u64,
    /// Ready, and not answered or never offered.
    pub unanswered: u64,
    /// Ready, and won.
    pub won: u64,
    /// Accepted ÷ (accepted + rejected).
    pub precision: Option<f64>,
    /// Of the prospects on record who were ready and accepted, the share that is ready here.
    pub recall: Option<f64>,
    /// As `recall`, of those who were won.
    pub recall_of_won: Option<f64>,
}

/// How many decisions on record these rules reproduce.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Reproduction {
    pub recorded: u64,
    pub exactly: u64,
    pub reworded: u64,
    pub other_rules: u64,
    /// Signals on which they rested were erased since.
    pub erased: u64,
    /// Not reproduced, without an explanation.
    pub not: u64,
}

/// How many decisions differ, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DecisionChanges {
    pub same: u64,
    pub earlier: u64,
    pub later: u64,
    pub otherwise: u64,
    /// Made only under these rules.
    pub gained: u64,
    /// Not made under these rules.
    pub lost: u64,
}

/// A quarter of a calendar year (UTC).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarter {
    /// Such as "2026-Q1".
    pub quarter: String,
    pub was_ready: u64,
    pub would_be_ready: u64,
    pub was_request: u64,
    /// Requests for a person under these rules.
    pub would_be_request: u64,
}

/// How many prospects lack only this criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HeldBack {
    pub criterion: Criterion,
    pub prospects: u64,
}

/// The decisions on record, and those under these rules.
pub fn sides(all: &[Compared]) -> (Side, Side) {
    let (mut was, mut would) = (Side::default(), Side::default());
    let (mut kept, mut kept_won) = (0, 0);
    for compared in all {
        let answer = compared.was.as_ref().map_or(SalesAnswer::Open, |was| was.answer);
        let won = compared.was.as_ref().is_some_and(|was| was.won);
        if let Some(recorded) = &compared.was {
            was.count(recorded.cause == "ready", answer, won);
        }
        if let Some(decided) = &compared.would {
            would.count(decided.cause == "ready", answer, won);
        }
        if compared.was_ready() && compared.would_be_ready() {
            kept += u64::from(answer == SalesAnswer::Accepted);
            kept_won += u64::from(won);
        }
    }
    let (accepted, won) = (was.accepted, was.won);
    for (side, kept, kept_won) in [(&mut would, kept, kept_won), (&mut was, accepted, won)] {
        side.precision = share(side.accepted, side.accepted + side.rejected);
        (side.recall, side.recall_of_won) = (share(kept, accepted), share(kept_won, won));
    }
    (was, would)
}

impl Side {
    fn count(&mut self, is_ready: bool, answer: SalesAnswer, won: bool) {
        if !is_ready {
            self.requests += 1;
            return;
        }
        self.ready += 1;
        self.won += u64::from(won);
        *match answer {
            SalesAnswer::Accepted => &mut self.accepted,
            SalesAnswer::Rejected => &mut self.rejected,
            SalesAnswer::Open => &mut self.unanswered,
        } += 1;
    }
}

/// A ratio rounded to three digits: counts are in dozens, so more would say nothing.
#[expect(clippy::cast_precision_loss, reason = "a thousandth of a count")]
fn share(of: u64, among: u64) -> Option<f64> {
    (among > 0).then(|| (of * 1_000 / among) as f64 / 1_000.0)
}

/// Counts what is reproduced and what differs.
pub fn counts(all: &[Compared]) -> (Reproduction, DecisionChanges) {
    let (mut reproduction, mut changes) = (Reproduction::default(), DecisionChanges::default());
    for compared in all {
        *match compared.change {
            DecisionChange::Same => &mut changes.same,
            DecisionChange::Earlier => &mut changes.earlier,
            DecisionChange::Later => &mut changes.later,
            DecisionChange::Otherwise => &mut changes.otherwise,
            DecisionChange::Gained => &mut changes.gained,
            DecisionChange::Lost => &mut changes.lost,
        } += 1;
        let counted = match compared.reproduced {
            Reproduced::Exactly => &mut reproduction.exactly,
            Reproduced::Reworded => &mut reproduction.reworded,
            Reproduced::OtherRules => &mut reproduction.other_rules,
            Reproduced::Erased => &mut reproduction.erased,
            Reproduced::No => &mut reproduction.not,
            Reproduced::Nothing => continue,
        };
        *counted += 1;
        reproduction.recorded += 1;
    }
    (reproduction, changes)
}

/// The counts by quarter; quarters without a decision are left out.
pub fn quarters(all: &[Compared]) -> Vec<Quarter> {
    let mut found: BTreeMap<String, [u64; 4]> = BTreeMap::new();
    let mut count = |at: Timestamp, is_ready: bool, place: usize| {
        let day = at.to_zoned(TimeZone::UTC).date();
        let quarter = format!("{}-Q{}", day.year(), (day.month() + 2) / 3);
        found.entry(quarter).or_default()[place + if is_ready { 0 } else { 2 }] += 1;
    };
    for compared in all {
        if let Some(was) = &compared.was {
            count(was.at, compared.was_ready(), 0);
        }
        if let Some(would) = compared.would {
            count(would.at, compared.would_be_ready(), 1);
        }
    }
    let quarter = |(quarter, [was_ready, would_be_ready, was_request, would_be_request]): (String, [u64; 4])| Quarter {
        quarter,
        was_ready,
        would_be_ready,
        was_request,
        would_be_request,
    };
    found.into_iter().map(quarter).collect()
}

/// The criteria that alone keep prospects from being ready, most frequent first; those that keep none are left out.
pub fn held_back(lacks: impl Iterator<Item = Criterion>) -> Vec<HeldBack> {
    let mut found: BTreeMap<Criterion, u64> = BTreeMap::new();
    for criterion in lacks {
        *found.entry(criterion).or_default() += 1;
    }
    let mut found: Vec<HeldBack> = found.into_iter().map(|(criterion, prospects)| HeldBack { criterion, prospects }).collect();
    found.sort_by_key(|held| (std::cmp::Reverse(held.prospects), held.criterion));
    found
}
