//! The fold from signals to verdicts.
//!
//! Equal signals, rules and instant give an equal qualification, in any order of arrival: the live path, `explain` at
//! a past instant and a backtest run this same function.

use super::account::Colleague;
use super::evidence::{Effect, Evidence, Origin};
use super::ignored::{Ignored, PROVISIONAL, Why, machines};
use super::qualification::{Citation, Finding, Of, Qualification, Verdict};
use super::rule::{Qualifying, Reads};
use super::signal::{Detail, Signal};
use super::support::{self, Support};
use crate::domain::criterion::{Criterion, PerCriterion};
use crate::domain::id::{Name, SignalId};
use crate::domain::question::Power;
use crate::domain::span::Span;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// Folds a prospect's signals into the five verdicts at `now`. Signals that occurred after `now` are left out.
pub fn assess(rules: &Qualifying, signals: &[Signal], now: Timestamp) -> Qualification {
    assess_among(rules, signals, &[], now)
}

/// As [`assess`], with the statements of colleagues: they count where a criterion's rules count the account.
pub fn assess_among(rules: &Qualifying, signals: &[Signal], colleagues: &[&Colleague], now: Timestamp) -> Qualification {
    // Another machine's clock may run ahead of this one: its signal counts once its time has come.
    let lies_ahead = |signal: &&Signal| signal.occurred_at > now && !signal.detail.is_unconfirmed();
    let of_colleagues = colleagues.iter().flat_map(|colleague| &colleague.signals).filter(lies_ahead);
    let stated = of_colleagues.filter(|signal| rules.reach(signal).speaks());
    let ahead = signals.iter().filter(lies_ahead).chain(stated).map(|signal| signal.occurred_at).min();
    let mut signals: Vec<&Signal> = signals.iter().filter(|s| s.occurred_at <= now).collect();
    signals.sort_by_key(|s| (s.occurred_at, s.id));
    let mut fold = Fold::new(rules, signals, colleagues, now);
    fold.changes.extend(ahead);
    fold.finish()
}

struct Fold<'a> {
    rules: &'a Qualifying,
    now: Timestamp,
    signals: Vec<&'a Signal>,
    colleagues: &'a [&'a Colleague],
    /// Signals that count for nothing.
    nothing: BTreeMap<SignalId, Why>,
    /// Signals that count for nothing about one criterion.
    ignored: BTreeMap<(SignalId, Criterion), Why>,
    evidence: Vec<Evidence>,
    changes: BTreeSet<Timestamp>,
    /// The "not before" that Timeframe rests on.
    came_due: Option<Timestamp>,
}

impl<'a> Fold<'a> {
    fn new(rules: &'a Qualifying, signals: Vec<&'a Signal>, colleagues: &'a [&'a Colleague], now: Timestamp) -> Self {
        let mut fold = Self {
            rules,
            now,
            colleagues,
            nothing: machines(&signals),
            signals,
            ignored: BTreeMap::new(),
            evidence: Vec::new(),
            changes: BTreeSet::new(),
            came_due: None,
        };
        for signal in &fold.signals {
            if signal.detail.is_unconfirmed() {
                fold.nothing.entry(signal.id).or_insert(Why::Unconfirmed);
            }
            if matches!(signal.detail, Detail::Click { .. }) && PROVISIONAL.after(signal.occurred_at) > now {
                fold.nothing.entry(signal.id).or_insert(Why::Provisional);
            }
            if !fold.nothing.contains_key(&signal.id) {
                fold.evidence.extend(rules.read(signal));
            }
        }
        fold.read_fields();
        fold.evidence.extend(colleagues.iter().flat_map(|colleague| rules.read_colleague(colleague, now)));
        fold.evidence.sort_by_key(|e| (e.said_at, e.origin, e.signal));
        fold
    }

    /// A field counts with its present value: only the signal that last changed it can be evidence.
    fn read_fields(&mut self) {
        let mut latest: BTreeMap<&Name, (&Signal, Option<&str>, Option<Date>)> = BTreeMap::new();
        for signal in &self.signals {
            if let Detail::Fields { changed, as_of, .. } = &signal.detail
                && !self.nothing.contains_key(&signal.id)
            {
                latest.extend(changed.iter().map(|(name, value)| (name, (*signal, value.as_deref(), *as_of))));
            }
        }
        for (criterion, of) in self.rules.criteria.iter() {
            for (place, rule) in of.rules.iter().enumerate() {
                let Reads::Field { name, test } = &rule.reads else { continue };
                if let Some((signal, Some(value), as_of)) = latest.get(name)
                    && test.passes(Some(value))
                {
                    self.evidence.push(self.rules.read_field(signal, criterion, place, value, *as_of));
                }
            }
        }
    }

    fn finish(mut self) -> Qualification {
        let findings = PerCriterion::build(|criterion| self.finding(criterion));
        for (criterion, finding) in findings.iter() {
            // A signal may be ignored under one rule of a criterion and stand under another.
            for citation in &finding.cites {
                self.ignored.remove(&(citation.signal, criterion));
            }
        }
        let newest_human_at = self.newest_human(&findings);
        if findings.iter().all(|(_, f)| f.verdict == Verdict::Met) {
            // A provisional click may be the new act that is still missing, once it counts.
            let provisional = self.signals.iter().filter(|s| self.nothing.get(&s.id) == Some(&Why::Provisional));
            self.changes.extend(provisional.map(|s| PROVISIONAL.after(s.occurred_at)));
        }
        let mut asks = self.signals.iter().rev().filter(|s| !self.nothing.contains_key(&s.id) && !s.is_history());
        let request = asks.find(|s| self.rules.asks(&s.detail));
        let request = request.map(|s| self.cite(s.id, Origin::Declared));
        let by_sales = |c: &Citation| c.by.as_ref().is_some_and(|by| self.rules.salespeople.contains(by));
        let by_sales_alone = findings.iter().flat_map(|(_, f)| &f.cites).all(by_sales);
        let at_all = self.nothing.into_iter().map(|(signal, why)| Ignored { signal, criterion: None, why });
        let about = self.ignored.into_iter().map(|((signal, c), why)| Ignored { signal, criterion: Some(c), why });
        Qualification {
            at: self.now,
            findings,
            newest_human_at,
            by_sales_alone,
            request,
            changes_at: self.changes.range(self.now..).find(|at| **at > self.now && **at < Timestamp::MAX).copied(),
            ignored: at_all.chain(about).collect(),
        }
    }

    fn finding(&mut self, criterion: Criterion) -> Finding {
        let mine: Vec<Evidence> = self.evidence.iter().filter(|e| e.criterion == criterion).cloned().collect();
        let lapsed_at = mine.iter().rev().find(|e| e.effect == Effect::Lapses).map(|e| (e.said_at, e.signal));
        let stands = |e: &&Evidence| lapsed_at.is_none_or(|(at, signal)| e.said_at > at || e.signal == signal);
        let standing: Vec<&Evidence> = mine.iter().filter(stands).collect();
        for old in mine.iter().filter(|e| !stands(e) && e.effect != Effect::Lapses) {
            self.ignore(old, Why::Lapsed);
        }

        let decisive = self.decisive(&standing);
        let finding = decisive.as_ref().map(|e| self.of_statement(e));
        if let Some(settled) = finding.as_ref().filter(|f| matches!(f.verdict, Verdict::Met | Verdict::Contradicted)) {
            return settled.clone();
        }
        match (self.of_supports(criterion, &standing, lapsed_at.map(|(at, _)| at)), finding) {
            (Some(found), Some(statement)) if found.verdict == Verdict::Met || statement.verdict == Verdict::Expired => {
                if let Some(statement) = &decisive {
                    self.ignore(statement, Why::Expired);
                }
                found
            }
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

    /// The statement that decides: the latest proof or contradiction, except that a fact never beats a person whose statement still
    /// counts, and that what a prospect says of their own authority does not contradict a colleague's. A decision that has ended gives
    /// back what stood before it.
    fn decisive(&mut self, standing: &[&Evidence]) -> Option<Evidence> {
        let statements = standing.iter().filter(|e| matches!(e.effect, Effect::Power(Power::Meets | Power::Contradicts)));
        let (ended, standing): (Vec<&Evidence>, Vec<&Evidence>) = statements.partition(|e| e.is_decision && e.until <= self.now);
        for decision in &ended {
            self.ignore(decision, Why::Expired);
        }
        let (by_people, facts): (Vec<&Evidence>, Vec<&Evidence>) = standing.iter().partition(|e| e.origin >= Origin::Declared);
        let decides = match (self.latest(&by_people), self.latest(&facts)) {
            (Some(person), Some(fact)) if person.until > self.now || fact.until <= self.now => {
                self.ignore(fact, if fact.said_at < person.said_at { Why::Superseded } else { Why::Outranked });
                Some(person)
            }
            (Some(person), Some(fact)) => {
                self.ignore(person, Why::Expired);
                Some(fact)
            }
            (person, fact) => person.or(fact),
        };
        decides.or_else(|| ended.last().copied()).cloned()
    }

    /// The latest of statements of one rank, which are ordered by time.
    fn latest<'e>(&mut self, statements: &[&'e Evidence]) -> Option<&'e Evidence> {
        let mut stands: Option<&Evidence> = None;
        for statement in statements {
            match stands {
                Some(earlier) if earlier.of.is_some() && earlier.until > self.now && speaks_of_themselves(statement) => {
                    self.ignore(statement, Why::OfThemselves);
                }
                Some(earlier) if earlier.signal != statement.signal => {
                    self.ignore(earlier, Why::Superseded);
                    stands = Some(statement);
                }
                _ => stands = Some(statement),
            }
        }
        stands
    }

    fn of_statement(&mut self, statement: &Evidence) -> Finding {
        let cites = vec![Citation { date: statement.date, ..self.cite(statement.signal, statement.origin) }];
        self.changes.extend([statement.from, statement.until]);
        let until = (statement.until < Timestamp::MAX).then_some(statement.until);
        if self.now < statement.from {
            Finding { verdict: Verdict::Weak, since: Some(statement.said_at), begins: Some(statement.from), until, cites }
        } else if self.now < statement.until && statement.effect == Effect::Power(Power::Contradicts) {
            Finding { verdict: Verdict::Contradicted, since: Some(statement.said_at), until, cites, begins: None }
        } else if self.now < statement.until {
            self.came_due = statement.comes_due.then_some(statement.from).or(self.came_due);
            Finding { verdict: Verdict::Met, since: Some(statement.from), until, cites, ..Finding::default() }
        } else {
            Finding { verdict: Verdict::Expired, since: until, cites, ..Finding::default() }
        }
    }

    /// The verdict that supports give: clicks, and statements and facts of power `supports`.
    fn of_supports(&mut self, criterion: Criterion, standing: &[&Evidence], lapsed_at: Option<Timestamp>) -> Option<Finding> {
        let supporting = standing.iter().copied().filter(|e| e.effect == Effect::Power(Power::Supports));
        let (counting, past): (Vec<&Evidence>, Vec<&Evidence>) = supporting.partition(|e| self.now < e.until);
        self.changes.extend(counting.iter().map(|e| e.until));
        for evidence in past {
            self.ignore(evidence, Why::Expired);
        }
        let mut supports: Vec<Support> = support::by_statements(&counting);
        let rules = self.rules;
        for rule in &rules.criteria[criterion].rules {
            if let Reads::Click { topic, days, within } = &rule.reads {
                let clicks = self.clicks(criterion, topic, *within, lapsed_at);
                supports.extend(support::by_clicks(&clicks, *days, *within));
            }
        }
        let tally = support::tally(&supports, rules.criteria[criterion].enough, criterion.support_may_meet())?;
        let mut cites: Vec<Citation> = tally.cites.into_iter().map(|(id, origin)| self.cite(id, origin)).collect();
        cites.sort_by_key(|c| (c.at, c.signal));
        Some(Finding {
            verdict: if tally.met { Verdict::Met } else { Verdict::Weak },
            since: Some(tally.since),
            until: Some(tally.until).filter(|at| *at < Timestamp::MAX),
            begins: None,
            cites,
        })
    }

    /// The clicks on a topic that count now, oldest first.
    fn clicks(&mut self, criterion: Criterion, topic: &Name, within: Span, lapsed_at: Option<Timestamp>) -> Vec<&'a Signal> {
        let Some(topic) = self.rules.topics.iter().find(|t| t.name == *topic) else { return Vec::new() };
        let mut counting = Vec::new();
        for signal in &self.signals {
            let Detail::Click { target } = &signal.detail else { continue };
            let why = self.nothing.get(&signal.id);
            if why.is_some_and(|why| why.is_machine()) || !topic.covers(target) {
                continue;
            }
            let ends = within.after(signal.occurred_at);
            if lapsed_at.is_some_and(|at| signal.occurred_at <= at) {
                self.ignored.entry((signal.id, criterion)).or_insert(Why::Lapsed);
            } else if ends <= self.now {
                self.ignored.entry((signal.id, criterion)).or_insert(Why::Expired);
            } else {
                self.changes.extend([PROVISIONAL.after(signal.occurred_at), ends]);
                counting.extend(why.is_none().then_some(*signal));
            }
        }
        counting
    }

    /// The latest thing the prospect did or said, or that came due. An import or a bounce is no act of a person, and a
    /// salesperson's decision is not the prospect's act.
    fn newest_human(&self, findings: &PerCriterion<Finding>) -> Option<Timestamp> {
        let acts = self.signals.iter().filter(|s| !self.nothing.contains_key(&s.id)).filter(|s| {
            matches!(
                s.detail,
                Detail::Click { .. }
                    | Detail::Answer { .. }
                    | Detail::Form { .. }
                    | Detail::Touch { .. }
                    | Detail::Reply { .. }
                    | Detail::ColleagueReply { .. }
            )
        });
        let of_colleagues = findings.iter().flat_map(|(_, f)| &f.cites).filter(|c| c.of.is_some()).map(|c| c.at);
        acts.map(|s| s.occurred_at).chain(of_colleagues).chain(self.came_due).max()
    }

    fn cite(&self, id: SignalId, origin: Origin) -> Citation {
        let own = self.signals.iter().find(|s| s.id == id).map(|s| (*s, None));
        let theirs = || {
            let all = self.colleagues.iter().flat_map(|c| c.signals.iter().map(move |s| (s, Some(*c))));
            all.into_iter().find(|(s, _)| s.id == id)
        };
        let (signal, colleague) = own.or_else(theirs).unzip();
        Citation {
            signal: id,
            at: signal.map_or(Timestamp::MIN, |s| s.occurred_at),
            words: signal.map(|s| s.detail.words()).unwrap_or_default(),
            origin,
            by: signal.and_then(|s| s.by.clone()),
            of: colleague.flatten().map(|c| Of { prospect: c.prospect, name: c.name.clone() }),
            date: None,
        }
    }

    /// Notes that evidence counts for nothing about its criterion. A colleague's evidence is explained at the colleague.
    fn ignore(&mut self, evidence: &Evidence, why: Why) {
        if evidence.of.is_none() {
            self.ignored.entry((evidence.signal, evidence.criterion)).or_insert(why);
        }
    }
}

/// Whether it is the prospect's own statement that they do not decide.
fn speaks_of_themselves(statement: &Evidence) -> bool {
    statement.criterion == Criterion::Authority
        && statement.of.is_none()
        && statement.origin == Origin::Declared
        && statement.effect == Effect::Power(Power::Contradicts)
}
