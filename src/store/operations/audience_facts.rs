//! Facts: the conditions of many audiences, evaluated for all prospects at once. The statement returns which conditions
//! are true of a prospect; whether an audience fits follows from that, and is decided once for all prospects with the same
//! facts.
//!
//! The conformance suite compares this with `audiences`, which evaluates one audience, and with `domain::audience`.

use crate::domain::audience::{Audience, Condition, Test};
use crate::domain::criterion::Verdict;
use crate::domain::id::Name;
use crate::store::engine::backend::StoreError;
use crate::store::engine::record::record;
use crate::store::engine::value::to_json;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Between the facts of one kind. A condition on a value that holds one of these three never fits.
pub(in crate::store) const BETWEEN: char = '\u{1e}';
/// Before a field's value, or a criterion's verdict.
pub(in crate::store) const IS: char = '\u{1f}';
/// Before the number of cuts that a field's number has reached.
pub(in crate::store) const REACHES: char = '\u{1d}';

/// The conditions that some audiences use.
#[derive(Debug, Default)]
pub struct Facts<'a> {
    /// Each with the topic of its campaign.
    audiences: Vec<(&'a Audience, Option<&'a Name>)>,
    /// Fields, each with the values that matter, and the numbers at which a comparison changes.
    fields: BTreeMap<&'a str, FieldQuestions<'a>>,
    tags: BTreeSet<&'a str>,
    criteria: BTreeSet<&'static str>,
    /// Lists of domains; an answer names their places here.
    domains: Vec<&'a [String]>,
}

#[derive(Debug, Default)]
struct FieldQuestions<'a> {
    values: BTreeSet<&'a str>,
    cuts: BTreeSet<i64>,
}

/// The facts that are true of some prospects, among those queried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    fields: Option<String>,
    tags: Option<String>,
    verdicts: Option<String>,
    domains: Option<String>,
    /// The topics they refused.
    topics: Option<String>,
}

record!(Truth { fields, tags, verdicts, domains, topics });

/// The same facts, parsed.
struct ParsedTruth<'t> {
    fields: BTreeMap<&'t str, (Option<&'t str>, Option<usize>)>,
    tags: BTreeSet<&'t str>,
    verdicts: BTreeMap<&'t str, &'t str>,
    domains: BTreeSet<usize>,
    topics: BTreeSet<&'t str>,
}

impl<'a> Facts<'a> {
    /// The conditions of these audiences, each with the topic of its campaign.
    pub fn of(audiences: impl Iterator<Item = (&'a Audience, Option<&'a Name>)>) -> Self {
        let mut facts = Self { audiences: audiences.collect(), ..Self::default() };
        for (audience, _) in facts.audiences.clone() {
            audience.all.iter().chain(&audience.any).chain(&audience.none).for_each(|condition| facts.ask(condition));
        }
        facts
    }

    fn ask(&mut self, condition: &'a Condition) {
        match condition {
            Condition::Tag(tag) => drop(self.tags.insert(tag)),
            Condition::Verdict { criterion, .. } => drop(self.criteria.insert(criterion.word())),
            Condition::Domain(domains) if self.domains.contains(&domains.as_slice()) => {}
            Condition::Domain(domains) => self.domains.push(domains),
            Condition::Field { name, test } => {
                let asked = self.fields.entry(name.as_str()).or_default();
                match test {
                    Test::In(values) => asked.values.extend(values.iter().map(String::as_str)),
                    Test::AtLeast(least) => drop(asked.cuts.insert(*least)),
                    Test::AtMost(most) => asked.cuts.extend(most.checked_add(1)),
                    Test::Known(_) => {}
                }
            }
        }
    }

    /// Whether one of the audiences fits prospects with these facts, of a topic that they did not refuse.
    pub fn fit(&self, truth: &Truth) -> bool {
        let held = truth.read();
        let wanted = |topic: Option<&Name>| topic.is_none_or(|topic| !held.topics.contains(topic.as_str()));
        let fits = |audience: &Audience| audience.fits_where(|condition| self.holds(condition, &held));
        self.audiences.iter().any(|(audience, topic)| wanted(*topic) && fits(audience))
    }

    fn holds(&self, condition: &Condition, held: &ParsedTruth<'_>) -> bool {
        match condition {
            Condition::Tag(tag) => held.tags.contains(tag.as_str()),
            Condition::Verdict { criterion, is } => {
                let word = held.verdicts.get(criterion.word()).copied().unwrap_or(Verdict::Unknown.word());
                is.iter().any(|verdict| verdict.word() == word)
            }
            Condition::Domain(domains) => {
                self.domains.iter().position(|asked| asked == domains).is_some_and(|place| held.domains.contains(&place))
            }
            Condition::Field { name, test } => {
                let found = held.fields.get(name.as_str());
                let reached = found.and_then(|(_, reached)| *reached);
                let place = |cut: i64| self.fields.get(name.as_str()).map_or(0, |asked| asked.cuts.range(..cut).count());
                match test {
                    Test::In(values) => {
                        found.and_then(|(value, _)| *value).is_some_and(|value| values.iter().any(|v| v == value))
                    }
                    Test::Known(known) => found.is_some() == *known,
                    // So many cuts lie at or below the number, this one among them or not.
                    Test::AtLeast(least) => reached.is_some_and(|reached| reached > place(*least)),
                    Test::AtMost(most) => {
                        reached.is_some_and(|reached| most.checked_add(1).is_none_or(|cut| reached <= place(cut)))
                    }
                }
            }
        }
    }

    /// As the statement takes them.
    pub(in crate::store) fn to_json(&self) -> Result<String, StoreError> {
        #[derive(Serialize)]
        struct Row<'r> {
            kind: &'static str,
            name: &'r str,
            value: &'r str,
            number: Option<i64>,
        }
        let row = |kind, name, value, number| Row { kind, name, value, number };
        let mut rows = Vec::new();
        for (name, asked) in &self.fields {
            rows.push(row("field", name, "", None));
            let clear = asked.values.iter().filter(|value| !value.contains([BETWEEN, IS, REACHES]));
            rows.extend(clear.map(|value| row("value", name, value, None)));
            // Where only the greatest number there is was asked for, whether it is a number still matters.
            rows.extend(asked.cuts.iter().chain([&i64::MIN]).map(|cut| row("cut", name, "", Some(*cut))));
        }
        rows.extend(self.tags.iter().map(|tag| row("tag", "", tag, None)));
        rows.extend(self.criteria.iter().map(|criterion| row("criterion", criterion, "", None)));
        for (place, domains) in self.domains.iter().enumerate() {
            // The end of an address is compared, so a value with an `@` would match part of the local part.
            let domains = domains.iter().filter(|domain| !domain.contains('@'));
            rows.extend(domains.map(|domain| row("domain", "", domain, i64::try_from(place).ok())));
        }
        to_json(&rows)
    }
}

impl Truth {
    fn read(&self) -> ParsedTruth<'_> {
        let fields = pieces(self.fields.as_deref()).map(|piece| {
            let (piece, reached) = split(piece, REACHES);
            let (name, value) = split(piece, IS);
            (name, (value, reached.and_then(|reached| reached.parse().ok())))
        });
        ParsedTruth {
            fields: fields.collect(),
            tags: pieces(self.tags.as_deref()).collect(),
            verdicts: pieces(self.verdicts.as_deref()).filter_map(|piece| piece.split_once(IS)).collect(),
            domains: pieces(self.domains.as_deref()).filter_map(|place| place.parse().ok()).collect(),
            topics: pieces(self.topics.as_deref()).collect(),
        }
    }
}

fn pieces(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.into_iter().flat_map(|text| text.split(BETWEEN))
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}
