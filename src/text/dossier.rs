//! What the salesperson is told about one prospect: plain data, in the order in which the handoff letter prints it.
//!
//! The functions below read the sentence to say and the questions to ask from a qualification.

use crate::domain::address::Address;
use crate::domain::criterion::PerCriterion;
use crate::domain::doorway::qualification::Finding;
use crate::domain::doorway::rule::Qualifying;
use crate::text::verdict::{Line, newest, strength};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::cmp::Reverse;

/// Everything a handoff letter says.
#[derive(Debug, Clone, Serialize)]
pub struct Dossier {
    pub name: String,
    pub company: Option<String>,
    /// Their phone number as written.
    pub phone: Option<String>,
    pub address: Option<Address>,
    /// When they are best reached, in words, in the salesperson's zone.
    pub best_hours: Option<String>,
    pub why_now: WhyNow,
    pub sentence: Option<String>,
    /// Where the handoff is answered.
    pub page_url: String,
    pub queue_url: String,
    /// The five, in order.
    pub lines: Vec<Line>,
    /// What to ask them, at most three.
    pub questions: Vec<String>,
    /// Fields known of them: name and value.
    pub fields: Vec<(String, String)>,
    /// What they did, newest first.
    pub history: Vec<Happening>,
    /// How many hits were taken for a machine's; they are counted and prove nothing.
    pub machine_hits: u64,
    /// The issues they received, newest first.
    pub issues: Vec<Received>,
    /// Who of us spoke with them last.
    pub spoke_last: Option<Spoke>,
    /// On which channels they may be approached.
    pub channels: Vec<Channel>,
    pub salesperson: String,
    /// Why to them, in a sentence.
    pub assignment: String,
    /// By when it should be answered.
    pub answer_until: Timestamp,
    /// By when the prospect should be contacted.
    pub touch_until: Timestamp,
    /// What happens if it is not taken, in a sentence.
    pub if_not_taken: String,
    /// The salesperson's time zone.
    #[serde(skip)]
    pub zone: TimeZone,
}

/// What opened the handoff.
#[derive(Debug, Clone, Serialize)]
pub struct WhyNow {
    /// Their own words, or their act.
    pub words: String,
    pub at: Timestamp,
    pub kind: Kind,
}

/// Ready, or a request; a request is never called ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Ready,
    Request,
}

/// Something they did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happening {
    pub at: Timestamp,
    pub words: String,
}

/// An issue they received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    pub at: Timestamp,
    pub subject: String,
}

/// Who of us spoke with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spoke {
    pub who: String,
    pub at: Timestamp,
    /// How, and what came of it, in a line.
    pub words: String,
}

/// A channel, and whether it may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Channel {
    /// "mail", "phone".
    pub channel: String,
    pub permitted: bool,
    /// By what consent, or why not, in words.
    pub consent: String,
}

impl Dossier {
    /// How many of the five are met.
    pub fn known(&self) -> usize {
        self.lines.iter().filter(|line| line.met).count()
    }

    /// What was proven when it was offered and is not any more, by name.
    pub fn reconfirm(&self) -> Vec<&str> {
        self.lines.iter().filter(|line| line.reconfirm).map(|line| line.title.as_str()).collect()
    }
}

/// One sentence to say: the opener of the weakest criterion that has one, with what was said and when filled in.
pub fn sentence(findings: &PerCriterion<Finding>, rules: &Qualifying, zone: &TimeZone) -> Option<String> {
    let mut openers: Vec<_> = findings
        .iter()
        .filter_map(|(criterion, finding)| Some((finding, rules.criteria[criterion].opener.as_deref()?, newest(finding)?)))
        .collect();
    openers.sort_by_key(|(finding, _, newest)| (strength(finding), Reverse(newest.at)));
    let (_, opener, citation) = openers.first()?;
    let date = citation.at.to_zoned(zone.clone()).strftime("%-d %B").to_string();
    // Filled in one pass, so that what a prospect said cannot itself hold a place to fill.
    let parts = opener.split("{said}").map(|part| part.replace("{date}", &date));
    Some(parts.collect::<Vec<_>>().join(quoted(&citation.words)))
}

/// What to ask: at most three of the questions authored for salespeople, about what is least certain first.
pub fn questions(findings: &PerCriterion<Finding>, rules: &Qualifying) -> Vec<String> {
    let mut order: Vec<_> = findings.iter().collect();
    order.sort_by_key(|(_, finding)| strength(finding));
    order.into_iter().filter_map(|(criterion, _)| rules.criteria[criterion].ask.clone()).take(3).collect()
}

/// What was said, with its quotation marks, where a line quotes something; else the line.
pub fn quoted(words: &str) -> &str {
    match (words.find('“'), words.rfind('”')) {
        (Some(from), Some(to)) if to > from + '“'.len_utf8() => &words[from..to + '”'.len_utf8()],
        _ => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::criterion::Criterion;
    use crate::domain::doorway::evidence::Origin;
    use crate::domain::doorway::qualification::{Citation, Verdict};
    use crate::domain::doorway::rule::CriterionRules;
    use crate::domain::id::SignalId;
    use crate::domain::span::{FiscalYear, Span};
    use crate::text::verdict::lines;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn findings() -> PerCriterion<Finding> {
        PerCriterion::build(|criterion| {
            let (verdict, origin) = match criterion {
                Criterion::Authority => return Finding::default(),
                Criterion::Need => (Verdict::Met, Origin::Behaviour),
                _ => (Verdict::Met, Origin::Declared),
            };
            let cites = vec![Citation {
                signal: SignalId(1),
                at: at("2026-11-02T23:30:00Z"),
                words: format!("answered “yes {criterion} {{date}}”"),
                origin,
                by: None,
                of: None,
                date: None,
            }];
            Finding { verdict, cites, ..Finding::default() }
        })
    }

    fn rules(openers: &[(Criterion, &str)]) -> Qualifying {
        Qualifying {
            agreed_by: Vec::new(),
            horizon: Span::days(270),
            fiscal_year: FiscalYear::CALENDAR,
            requests: Vec::new(),
            topics: Vec::new(),
            criteria: PerCriterion::build(|criterion| CriterionRules {
                opener: openers.iter().find(|(c, _)| *c == criterion).map(|(_, words)| (*words).to_owned()),
                ask: Some(format!("ask {}", criterion.word())),
                ..CriterionRules::default()
            }),
            recycle: Vec::new(),
            salespeople: Vec::new(),
        }
    }

    #[test]
    fn the_weakest_line_is_marked_once() {
        let lines = lines(&findings(), &rules(&[]), "Ada", ToString::to_string);
        let weakest: Vec<&str> = lines.iter().filter(|l| l.weakest).map(|l| l.title.as_str()).collect();
        assert_eq!(weakest, ["Need"]);
        assert_eq!((lines[2].met, lines[2].verdict, lines[2].proof.as_deref()), (false, Verdict::Unknown, None));
        assert!(lines[2].missing.is_some() && lines[1].missing.is_none());
        assert_eq!(lines[0].by.as_deref(), Some("Ada"));
    }

    #[test]
    fn the_sentence_repeats_what_was_said() {
        let zone = TimeZone::get("Europe/Madrid").expect("zone");
        let both = rules(&[(Criterion::Budget, "no"), (Criterion::Need, "You said {said} on {date}: still so?")]);
        // Half past midnight in Madrid is the next day; what was said is not filled again.
        assert_eq!(sentence(&findings(), &both, &zone).as_deref(), Some("You said “yes Need {date}” on 3 November: still so?"));
        assert_eq!(sentence(&findings(), &rules(&[(Criterion::Authority, "Who decides?")]), &zone), None);
    }

    #[test]
    fn questions_begin_with_what_is_least_certain() {
        assert_eq!(questions(&findings(), &rules(&[])), ["ask authority", "ask need", "ask vision"]);
    }
}
