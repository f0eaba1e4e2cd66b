//! Evidence: what a rule reads from a signal about one criterion, and with what power.

use super::rule::{Qualifying, Reads, Until};
use super::signal::{Detail, Signal};
use crate::domain::criterion::Criterion;
use crate::domain::id::{ProspectId, SignalId};
use crate::domain::question::Power;
use crate::domain::span::{Span, midnight};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Who says so, lowest rank first. A later statement beats an earlier one of equal rank; a fact never beats a person whose statement
/// still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Clicks.
    Behaviour,
    /// A field: imported, or reported by another system.
    Fact,
    /// The prospect said so.
    Declared,
    /// A named colleague heard or saw it. A tie goes to a person.
    Observed,
}

/// What a signal does to a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A proof, a support, or the opposite.
    Power(Power),
    /// What was said before no longer holds.
    Lapses,
}

/// One piece of evidence, read from one signal (clicks are read in groups, by `qualification`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub criterion: Criterion,
    pub effect: Effect,
    /// The signal it was read from.
    pub signal: SignalId,
    pub origin: Origin,
    pub said_at: Timestamp,
    /// From when it counts: later than `said_at` for a date beyond the horizon or a "not before".
    pub from: Timestamp,
    pub until: Timestamp,
    /// The date it states, for Timeframe.
    pub date: Option<Date>,
    /// The place of the rule that read it among the criterion's rules; `None` for an answer and for what needs no rule.
    pub rule: Option<usize>,
    /// The colleague of the same account who said it; `None` for the prospect's own evidence.
    pub of: Option<ProspectId>,
    /// Whether it is a "not before" that comes due: its day counts as something new.
    pub comes_due: bool,
    /// Whether a salesperson or colleague decided it until a day: what stood before it stands again from then on.
    pub is_decision: bool,
}

impl Qualifying {
    /// The evidence that one signal gives by itself. Clicks and fields give none here: `assess` reads them in groups.
    pub fn read(&self, signal: &Signal) -> Vec<Evidence> {
        let mut found = Vec::new();
        match &signal.detail {
            Detail::Answer { criterion, id, say, date, .. } => {
                let answer = self.criteria[*criterion].answer(id.as_ref(), say);
                if let Some(power) = answer.and_then(|a| a.power) {
                    found.push(self.evidence(signal, *criterion, Effect::Power(power), Origin::Declared, *date));
                }
            }
            Detail::Form { form, fields } => {
                for (criterion, rules) in self.criteria.iter() {
                    found.extend(rules.rules.iter().enumerate().filter_map(|(place, rule)| {
                        let date = rule.reads_form(form, fields)?;
                        let evidence = self.evidence(signal, criterion, Effect::Power(rule.power), Origin::Declared, date);
                        Some(Evidence { rule: Some(place), ..evidence })
                    }));
                }
            }
            Detail::Touch { touch, proves, contradicts, date, not_before, .. } => {
                let read = |criterion: Criterion| {
                    let mut rules = self.criteria[criterion].rules.iter().enumerate();
                    rules.find(|(_, r)| matches!(&r.reads, Reads::Touch(kinds) if kinds.contains(touch)))
                };
                for criterion in proves {
                    if let Some((place, rule)) = read(*criterion) {
                        let date = date.filter(|_| *criterion == Criterion::Timeframe);
                        let evidence = self.evidence(signal, *criterion, Effect::Power(rule.power), Origin::Observed, date);
                        found.push(Evidence { rule: Some(place), ..evidence });
                    }
                }
                for criterion in contradicts.iter().filter(|c| read(**c).is_some()) {
                    found.push(self.evidence(signal, *criterion, Effect::Power(Power::Contradicts), Origin::Observed, None));
                }
                found.extend(not_before.map(|wake| self.comes_due(signal, wake)));
            }
            Detail::Event { event, .. } => {
                for (criterion, rules) in self.criteria.iter() {
                    let mut rules = rules.rules.iter().enumerate();
                    let rule = rules.find(|(_, r)| matches!(&r.reads, Reads::Event(name) if name == event));
                    found.extend(rule.map(|(place, rule)| Evidence {
                        rule: Some(place),
                        ..self.evidence(signal, criterion, Effect::Power(rule.power), Origin::Fact, None)
                    }));
                }
            }
            Detail::Recycled { lapses, contradicts, wake, .. } => {
                found.extend(lapses.iter().map(|c| self.evidence(signal, *c, Effect::Lapses, Origin::Observed, None)));
                found.extend(
                    contradicts
                        .iter()
                        .map(|c| self.evidence(signal, *c, Effect::Power(Power::Contradicts), Origin::Observed, None)),
                );
                found.extend(wake.map(|wake| self.comes_due(signal, wake)));
            }
            Detail::Override { criterion, power, until, .. } => {
                let evidence = self.evidence(signal, *criterion, Effect::Power(*power), Origin::Observed, None);
                found.push(Evidence { until: midnight(*until), is_decision: true, ..evidence });
            }
            _ => {}
        }
        found
    }

    /// The evidence of a field's present value, from the signal that last changed it. `place` is the place of the rule that
    /// reads it, among the criterion's.
    pub fn read_field(&self, signal: &Signal, criterion: Criterion, place: usize, value: &str, as_of: Option<Date>) -> Evidence {
        let rule = &self.criteria[criterion].rules[place];
        // An undated value may be years old: it can only support.
        let power = if as_of.is_none() && rule.power == Power::Meets { Power::Supports } else { rule.power };
        let date = (criterion == Criterion::Timeframe).then(|| value.parse().ok()).flatten();
        // A dated value was true on that day, whenever the list arrived.
        let said_at = as_of.map_or(signal.occurred_at, midnight).min(signal.occurred_at);
        let dated = Signal { occurred_at: said_at, ..signal.clone() };
        Evidence { rule: Some(place), ..self.evidence(&dated, criterion, Effect::Power(power), Origin::Fact, date) }
    }

    /// A "not before" comes due at its date, and is then a timeframe.
    fn comes_due(&self, signal: &Signal, wake: Date) -> Evidence {
        let from = midnight(wake).max(signal.occurred_at);
        Evidence {
            from,
            until: self.until(Criterion::Timeframe, from, Some(wake)).max(Span::days(30).after(from)),
            comes_due: true,
            ..self.evidence(signal, Criterion::Timeframe, Effect::Power(Power::Meets), Origin::Observed, Some(wake))
        }
    }

    fn evidence(&self, signal: &Signal, criterion: Criterion, effect: Effect, origin: Origin, date: Option<Date>) -> Evidence {
        let said_at = signal.occurred_at;
        let from = match date {
            Some(date) if criterion == Criterion::Timeframe => self.horizon.before(midnight(date)).max(said_at),
            _ => said_at,
        };
        Evidence {
            criterion,
            effect,
            signal: signal.id,
            origin,
            said_at,
            from,
            // A contradiction holds until a later statement says otherwise.
            until: if effect == Effect::Power(Power::Contradicts) {
                Timestamp::MAX
            } else {
                self.until(criterion, said_at, date)
            },
            date,
            rule: None,
            of: None,
            comes_due: false,
            is_decision: false,
        }
    }

    fn until(&self, criterion: Criterion, said_at: Timestamp, date: Option<Date>) -> Timestamp {
        match self.criteria[criterion].until {
            Until::Never => Timestamp::MAX,
            Until::After(span) => span.after(said_at),
            Until::FiscalYearEnd => self.fiscal_year.next_start(said_at),
            Until::Date(day) => midnight(day),
            Until::StatedDate(span) => span.after(date.map_or(said_at, midnight)),
        }
    }
}
