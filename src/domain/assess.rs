//! The fold from signals to verdicts.
//!
//! Equal signals, rules and instant give an equal qualification, in any order of arrival: the live path, `explain` at
//! a past instant and a backtest run this same function.

use super::criterion::{Criterion, PerCriterion};
use super::evidence::{Effect, Evidence, Origin};
use super::id::{Name, SignalId};
use super::machine::Machine;
use super::qualification::{Citation, Finding, Ignored, Qualification, Verdict};
use super::question::Power;
use super::rule::{Qualifying, Reads};
use super::signal::{Detail, Signal};
use super::span::Span;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// A click counts once this much time has shown that no burst of a machine surrounds it.
pub const PROVISIONAL: Span = Span::minutes(10);

/// Folds a prospect's signals into the five verdicts at `now`. Signals that occurred later are not seen.
#[must_use]
pub fn assess(rules: &Qualifying, signals: &[Signal], now: Timestamp) -> Qualification {
    let mut signals: Vec<&Signal> = signals.iter().filter(|s| s.occurred_at <= now).collect();
    signals.sort_by_key(|s| (s.occurred_at, s.id));
    let fold = Fold::new(rules, signals, now);
    fold.finish()
}

struct Fold<'a> {
    rules: &'a Qualifying,
    now: Timestamp,
    signals: Vec<&'a Signal>,
    ignored: BTreeMap<SignalId, &'static str>,
    evidence: Vec<Evidence>,
    changes: BTreeSet<Timestamp>,
}

/// A supporting rule that has something to show.
struct Support {
    reached: bool,
    since: Timestamp,
    until: Timestamp,
    cites: Vec<SignalId>,
    origin: Origin,
}

impl<'a> Fold<'a> {
    fn new(rules: &'a Qualifying, signals: Vec<&'a Signal>, now: Timestamp) -> Self {
        let mut fold = Self { rules, now, ignored: machines(&signals), signals, evidence: Vec::new(), changes: BTreeSet::new() };
        for signal in &fold.signals {
            if !fold.ignored.contains_key(&signal.id) {
                fold.evidence.extend(rules.read(signal));
            }
        }
        fold.read_fields();
        fold
    }

    /// A field counts as it is now: only the signal that last changed it can be evidence.
    fn read_fields(&mut self) {
        let mut latest: BTreeMap<&Name, (&Signal, Option<&str>, Option<Date>)> = BTreeMap::new();
        for signal in &self.signals {
            if let Detail::Fields { changed, as_of, .. } = &signal.detail
                && !self.ignored.contains_key(&signal.id)
            {
                latest.extend(changed.iter().map(|(name, value)| (name, (*signal, value.as_deref(), *as_of))));
            }
        }
        for (criterion, of) in self.rules.criteria.iter() {
            for rule in &of.rules {
                let Reads::Field { name, test } = &rule.reads else { continue };
                if let Some((signal, Some(value), as_of)) = latest.get(name)
                    && test.passes(Some(value))
                {
                    self.evidence.push(self.rules.read_field(signal, criterion, rule, value, *as_of));
                }
            }
        }
    }

    fn finish(mut self) -> Qualification {
        self.evidence.sort_by_key(|e| (e.said_at, e.origin, e.signal));
        let findings = PerCriterion::build(|criterion| self.finding(criterion));
        let newest_human_at = self.newest_human();
        let request = self
            .signals
            .iter()
            .rev()
            .find(|s| !self.ignored.contains_key(&s.id) && self.rules.requests.iter().any(|rule| rule.reads(&s.detail)));
        let request = request.map(|s| self.cite(s.id, Origin::Declared));
        Qualification {
            at: self.now,
            findings,
            newest_human_at,
            request,
            changes_at: self.changes.range(self.now..).find(|at| **at > self.now && **at < Timestamp::MAX).copied(),
            ignored: self.ignored.into_iter().map(|(signal, why)| Ignored { signal, why }).collect(),
        }
    }

    fn finding(&mut self, criterion: Criterion) -> Finding {
        let mine: Vec<Evidence> = self.evidence.iter().filter(|e| e.criterion == criterion).cloned().collect();
        let lapsed_at = mine.iter().rev().find(|e| e.effect == Effect::Lapses).map(|e| (e.said_at, e.signal));
        let stands = |e: &&Evidence| lapsed_at.is_none_or(|(at, signal)| e.said_at > at || e.signal == signal);
        let standing: Vec<&Evidence> = mine.iter().filter(stands).collect();
        for old in mine.iter().filter(|e| !stands(e) && e.effect != Effect::Lapses) {
            self.ignored.entry(old.signal).or_insert("lapsed: a salesperson returned the prospect since");
        }

        let decisive = self.decisive(&standing);
        let finding = decisive.as_ref().map(|e| self.of_statement(e));
        if let Some(settled) = finding.as_ref().filter(|f| matches!(f.verdict, Verdict::Met | Verdict::Contradicted)) {
            return settled.clone();
        }
        let supports = self.supports(criterion, &standing, lapsed_at.map(|(at, _)| at));
        match (self.of_supports(criterion, &supports), finding) {
            (Some(found), Some(statement)) if found.verdict == Verdict::Met || statement.verdict == Verdict::Expired => found,
            (_, Some(statement)) => statement,
            (Some(found), None) => found,
            (None, None) => match lapsed_at {
                Some((at, signal)) => Finding {
                    verdict: Verdict::Expired,
                    since: Some(at),
                    cites: vec![self.cite(signal, Origin::Observed)],
                    ..Finding::default()
                },
                None => Finding::default(),
            },
        }
    }

    /// The statement that stands: the latest proof or contradiction, except that a fact never beats a person.
    fn decisive(&mut self, standing: &[&Evidence]) -> Option<Evidence> {
        let statements = standing.iter().filter(|e| matches!(e.effect, Effect::Power(Power::Meets | Power::Contradicts)));
        let mut stands: Option<&Evidence> = None;
        for statement in statements {
            match stands {
                Some(earlier) if statement.origin < Origin::Declared && earlier.origin >= Origin::Declared => {
                    self.ignored.entry(statement.signal).or_insert("outranked: a person said otherwise");
                }
                Some(earlier) if earlier.signal != statement.signal => {
                    self.ignored.entry(earlier.signal).or_insert("superseded by something later");
                    stands = Some(statement);
                }
                _ => stands = Some(statement),
            }
        }
        if let Some(chosen) = stands {
            // A signal may have been superseded on one criterion and stand on another.
            self.ignored.remove(&chosen.signal);
        }
        stands.cloned()
    }

    fn of_statement(&mut self, statement: &Evidence) -> Finding {
        let cites = vec![Citation { date: statement.date, ..self.cite(statement.signal, statement.origin) }];
        if statement.effect == Effect::Power(Power::Contradicts) {
            return Finding { verdict: Verdict::Contradicted, since: Some(statement.said_at), cites, ..Finding::default() };
        }
        self.changes.extend([statement.from, statement.until]);
        let until = (statement.until < Timestamp::MAX).then_some(statement.until);
        if self.now < statement.from {
            Finding { verdict: Verdict::Weak, since: Some(statement.said_at), begins: Some(statement.from), until, cites }
        } else if self.now < statement.until {
            Finding { verdict: Verdict::Met, since: Some(statement.from), until, cites, ..Finding::default() }
        } else {
            Finding { verdict: Verdict::Expired, since: until, cites, ..Finding::default() }
        }
    }

    /// The supporting rules that have something to show: click rules, and statements and facts of power `supports`.
    fn supports(&mut self, criterion: Criterion, standing: &[&Evidence], lapsed_at: Option<Timestamp>) -> Vec<Support> {
        let mut found = Vec::new();
        for statement in standing.iter().filter(|e| e.effect == Effect::Power(Power::Supports)) {
            self.changes.insert(statement.until);
            if self.now < statement.until {
                let (since, until) = (statement.from, statement.until);
                found.push(Support { reached: true, since, until, cites: vec![statement.signal], origin: statement.origin });
            }
        }
        let rules = self.rules;
        for rule in &rules.criteria[criterion].rules {
            if let Reads::Click { topic, days, within } = &rule.reads {
                found.extend(self.clicks(topic, *days, *within, lapsed_at));
            }
        }
        found
    }

    fn clicks(&mut self, topic: &Name, days: u32, within: Span, lapsed_at: Option<Timestamp>) -> Option<Support> {
        let topic = self.rules.topics.iter().find(|t| t.name == *topic)?;
        let opens = within.before(self.now);
        // The last click of each day, and the first: the last keeps the window open, the first began it.
        let mut by_day: BTreeMap<Date, (&Signal, Timestamp)> = BTreeMap::new();
        for signal in &self.signals {
            let Detail::Click { target } = &signal.detail else { continue };
            let after_lapse = lapsed_at.is_none_or(|at| signal.occurred_at > at);
            if self.ignored.contains_key(&signal.id) || !topic.covers(target) || signal.occurred_at <= opens || !after_lapse {
                continue;
            }
            let counts_from = PROVISIONAL.after(signal.occurred_at);
            self.changes.extend([counts_from, within.after(signal.occurred_at)]);
            if counts_from > self.now {
                self.ignored.insert(signal.id, "provisional: a click counts after ten minutes");
                continue;
            }
            let day = signal.occurred_at.to_zoned(TimeZone::UTC).date();
            by_day.entry(day).and_modify(|(last, _)| *last = signal).or_insert((signal, counts_from));
        }
        let needed = days as usize;
        let clicks: Vec<(&Signal, Timestamp)> = by_day.into_values().collect();
        let reached = clicks.len() >= needed;
        let since = if reached { clicks[needed - 1].1 } else { clicks.first()?.1 };
        let keeps = if reached { clicks[clicks.len() - needed].0 } else { clicks.last()?.0 };
        Some(Support {
            reached,
            since,
            until: within.after(keeps.occurred_at),
            cites: clicks.iter().map(|(s, _)| s.id).collect(),
            origin: Origin::Behaviour,
        })
    }

    fn of_supports(&self, criterion: Criterion, supports: &[Support]) -> Option<Finding> {
        let enough = self.rules.criteria[criterion].enough.max(1);
        let mut reached: Vec<&Support> = supports.iter().filter(|s| s.reached).collect();
        reached.sort_by_key(|s| s.since);
        // Facts alone never meet: somebody must have done or said something.
        let alive = reached.iter().any(|s| s.origin != Origin::Fact);
        let met = criterion.support_may_meet() && alive && reached.len() >= enough;
        let shown: Vec<&Support> = if met { reached } else { supports.iter().collect() };
        let since = if met { shown.get(enough - 1).map(|s| s.since) } else { shown.iter().map(|s| s.since).min() };
        // It ends when so many rules have run out that too few are left.
        let mut ends: Vec<Timestamp> = shown.iter().map(|s| s.until).collect();
        ends.sort();
        let until = if met { ends.get(ends.len() - enough).copied() } else { ends.last().copied() };
        let ids: BTreeSet<SignalId> = shown.iter().flat_map(|s| &s.cites).copied().collect();
        let origin = |id: SignalId| shown.iter().find(|s| s.cites.contains(&id)).map_or(Origin::Fact, |s| s.origin);
        let mut cites: Vec<Citation> = ids.into_iter().map(|id| self.cite(id, origin(id))).collect();
        cites.sort_by_key(|c| (c.at, c.signal));
        (!shown.is_empty()).then_some(Finding {
            verdict: if met { Verdict::Met } else { Verdict::Weak },
            since,
            until: until.filter(|at| *at < Timestamp::MAX),
            begins: None,
            cites,
        })
    }

    /// The latest thing a person did or said, or that came due; what an import or a bounce says is nobody's act.
    fn newest_human(&self) -> Option<Timestamp> {
        let acts = self.signals.iter().filter(|s| !self.ignored.get(&s.id).is_some_and(|why| is_machine(why))).filter(|s| {
            matches!(
                s.detail,
                Detail::Click { .. } | Detail::Answer { .. } | Detail::Form { .. } | Detail::Touch { .. } | Detail::Reply { .. }
            )
        });
        let due =
            self.evidence.iter().filter(|e| e.criterion == Criterion::Timeframe && e.from > e.said_at && e.from <= self.now);
        acts.map(|s| s.occurred_at).chain(due.map(|e| e.from)).max()
    }

    fn cite(&self, id: SignalId, origin: Origin) -> Citation {
        let signal = self.signals.iter().find(|s| s.id == id);
        Citation {
            signal: id,
            at: signal.map_or(Timestamp::MIN, |s| s.occurred_at),
            words: signal.map(|s| s.detail.words()).unwrap_or_default(),
            origin,
            by: signal.and_then(|s| s.by.clone()),
            date: None,
        }
    }
}

fn is_machine(why: &str) -> bool {
    why.starts_with("machine") || why.starts_with("void") || why.starts_with("provisional")
}

/// Signals of machines: told when they arrived, or seen now in their company.
fn machines(signals: &[&Signal]) -> BTreeMap<SignalId, &'static str> {
    let mut found: BTreeMap<SignalId, &'static str> = signals.iter().filter_map(|s| Some((s.id, s.machine?.words()))).collect();
    for (i, a) in signals.iter().enumerate() {
        for b in signals[i + 1..].iter().take_while(|b| b.occurred_at.duration_since(a.occurred_at).as_secs() <= 60) {
            if a.delivery.is_none() || a.delivery != b.delivery {
                continue;
            }
            let apart = b.occurred_at.duration_since(a.occurred_at);
            let why = match (&a.detail, &b.detail) {
                (Detail::Click { target: one }, Detail::Click { target: two }) if one != two && apart.as_millis() <= 3_000 => {
                    Machine::Burst
                }
                (Detail::Answer { criterion: c, say: one, .. }, Detail::Answer { criterion: d, say: two, .. })
                    if c == d && one != two =>
                {
                    Machine::Contradictory
                }
                _ => continue,
            };
            found.entry(a.id).or_insert(why.words());
            found.entry(b.id).or_insert(why.words());
        }
    }
    found
}
