//! What the salesperson is told about one prospect: plain data, in the order in which the handoff letter prints it.
//!
//! The functions below read the five lines, the sentence to say and the questions to ask from a qualification.

use crate::domain::address::Address;
use crate::domain::criterion::{Criterion, PerCriterion};
use crate::domain::evidence::Origin;
use crate::domain::id::Name;
use crate::domain::qualification::{Citation, Finding, Verdict};
use crate::domain::rule::Qualifying;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::cmp::Reverse;

/// Everything a handoff letter says.
#[derive(Debug, Clone, Serialize)]
pub struct Dossier {
    /// Who.
    pub name: String,
    /// Of which company.
    pub company: Option<String>,
    /// Their phone number as written.
    pub phone: Option<String>,
    /// Their address.
    pub address: Option<Address>,
    /// When they are best reached, in words, in the salesperson's zone.
    pub best_hours: Option<String>,
    /// What opened the handoff.
    pub why_now: WhyNow,
    /// One sentence to say.
    pub sentence: Option<String>,
    /// Where the handoff is answered.
    pub page_url: String,
    /// The salesperson's queue.
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
    /// To whom this goes.
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
    /// When.
    pub at: Timestamp,
    /// Ready, or a request.
    pub kind: Kind,
}

/// Ready, or a request; a request is never called ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// All five are met.
    Ready,
    /// They asked for a person.
    Request,
}

/// One criterion, and what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// "Budget".
    pub criterion: String,
    /// "met", "weak", "unknown", "contradicted", "expired".
    pub verdict: &'static str,
    /// Whether it is met.
    pub met: bool,
    /// The newest proof, in words.
    pub proof: Option<String>,
    /// Who says so.
    pub by: Option<String>,
    /// When it was said.
    pub at: Option<Timestamp>,
    /// Until when it counts, if the calendar ends it.
    pub until: Option<Timestamp>,
    /// The weakest of those met.
    pub weakest: bool,
    /// The colleague of the prospect whose word it is, where it is not their own.
    pub colleague: Option<String>,
}

/// Something they did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// What, in a line.
    pub words: String,
}

/// An issue they received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// When.
    pub at: Timestamp,
    /// Its subject.
    pub subject: String,
}

/// Who of us spoke with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spoke {
    /// Who.
    pub who: String,
    /// When.
    pub at: Timestamp,
    /// How, and what came of it, in a line.
    pub words: String,
}

/// A channel, and whether it may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Channel {
    /// "mail", "phone".
    pub channel: String,
    /// Whether it may be used.
    pub permitted: bool,
    /// By what consent, or why not, in words.
    pub consent: String,
}

impl Dossier {
    /// How many of the five are met.
    #[must_use]
    pub fn known(&self) -> usize {
        self.lines.iter().filter(|line| line.met).count()
    }
}

/// The five lines: for each criterion the newest proof, by whom, and until when it counts. `prospect` is what the
/// prospect is called, `person` names one of ours.
pub fn lines(findings: &PerCriterion<Finding>, prospect: &str, person: impl Fn(&Name) -> String) -> Vec<Line> {
    let met = findings.iter().filter(|(_, finding)| finding.verdict == Verdict::Met);
    let weakest = met.min_by_key(|(_, finding)| strength(finding)).map(|(criterion, _)| criterion);
    let line = |(criterion, finding): (Criterion, &Finding)| {
        let newest = newest(finding);
        Line {
            criterion: criterion.to_string(),
            verdict: finding.verdict.word(),
            met: finding.verdict == Verdict::Met,
            proof: newest.map(|c| c.words.clone()),
            by: newest.map(|c| match (c.origin, &c.by) {
                (_, Some(name)) => person(name),
                (Origin::Declared | Origin::Behaviour, None) => prospect.to_owned(),
                (Origin::Fact | Origin::Observed, None) => "our records".to_owned(),
            }),
            at: newest.map(|c| c.at),
            until: finding.until,
            weakest: weakest == Some(criterion),
            colleague: None,
        }
    };
    findings.iter().map(line).collect()
}

/// One sentence to say: the opener of the weakest criterion that has one, with what was said and when filled in.
#[must_use]
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
#[must_use]
pub fn questions(findings: &PerCriterion<Finding>, rules: &Qualifying) -> Vec<String> {
    let mut order: Vec<_> = findings.iter().collect();
    order.sort_by_key(|(_, finding)| strength(finding));
    order.into_iter().filter_map(|(criterion, _)| rules.criteria[criterion].ask.clone()).take(3).collect()
}

/// Weak first: by verdict, then by who says so, then by how soon it ends.
fn strength(finding: &Finding) -> (u8, Option<Origin>, Timestamp) {
    let verdict = match finding.verdict {
        Verdict::Contradicted => 0,
        Verdict::Unknown => 1,
        Verdict::Expired => 2,
        Verdict::Weak => 3,
        Verdict::Met => 4,
    };
    let best = finding.cites.iter().map(|c| c.origin).max();
    (verdict, best, finding.until.unwrap_or(Timestamp::MAX))
}

fn newest(finding: &Finding) -> Option<&Citation> {
    finding.cites.iter().max_by_key(|c| c.at)
}

/// What was said, with its quotation marks, where a line quotes something; else the line.
#[must_use]
pub fn quoted(words: &str) -> &str {
    match (words.find('“'), words.rfind('”')) {
        (Some(from), Some(to)) if to > from + '“'.len_utf8() => &words[from..to + '”'.len_utf8()],
        _ => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::SignalId;
    use crate::domain::rule::CriterionRules;
    use crate::domain::span::{FiscalYear, Span};

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
        let lines = lines(&findings(), "Ada", ToString::to_string);
        let weakest: Vec<&str> = lines.iter().filter(|l| l.weakest).map(|l| l.criterion.as_str()).collect();
        assert_eq!(weakest, ["Need"]);
        assert_eq!((lines[2].met, lines[2].verdict, lines[2].proof.as_deref()), (false, "unknown", None));
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
