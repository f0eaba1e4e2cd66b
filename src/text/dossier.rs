//! The contents of the handoff letter about one prospect: plain data, in the order in which the letter prints it.
//!
//! The functions below choose the sentence to say and the questions to ask from a qualification.

use crate::domain::address::Address;
use crate::domain::criterion::PerCriterion;
use crate::domain::doorway::qualification::Finding;
use crate::domain::doorway::rule::Qualifying;
use crate::text::verdict::{Line, newest, strength};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::cmp::Reverse;

/// The contents of a handoff letter.
#[derive(Debug, Clone, Serialize)]
pub struct Dossier {
    pub name: String,
    pub company: Option<String>,
    /// The phone number as written.
    pub phone: Option<String>,
    pub address: Option<Address>,
    /// The hours at which they are best reached, in words, in the salesperson's zone.
    pub best_hours: Option<String>,
    pub why_now: WhyNow,
    pub sentence: Option<String>,
    /// The page on which the handoff is answered.
    pub page_url: String,
    pub queue_url: String,
    /// The five criteria, in order.
    pub lines: Vec<Line>,
    /// What to ask them, at most three.
    pub questions: Vec<String>,
    /// Known fields: name and value.
    pub fields: Vec<(String, String)>,
    /// What forms say that nobody has answered for, beside what is on record: each a sentence without its end.
    pub unconfirmed: Vec<String>,
    /// What the prospect did, newest first.
    pub history: Vec<Happening>,
    /// How many hits were taken for a machine's; they prove nothing.
    pub machine_hits: u64,
    /// The issues they received, newest first.
    pub issues: Vec<Received>,
    /// The salesperson or colleague who spoke with them last.
    pub spoke_last: Option<Spoke>,
    /// The channels, and whether the prospect may be approached on each.
    pub channels: Vec<Channel>,
    pub salesperson: String,
    /// Why this salesperson, in a sentence.
    pub assignment: String,
    /// The deadline for the answer.
    pub answer_until: Timestamp,
    /// The deadline for the first touch.
    pub touch_until: Timestamp,
    /// What happens if it is not accepted, in a sentence.
    pub if_not_taken: String,
    /// The salesperson's time zone.
    #[serde(skip)]
    pub zone: TimeZone,
}

/// The signal that opened the handoff.
#[derive(Debug, Clone, Serialize)]
pub struct WhyNow {
    /// The prospect's own words, or their act.
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

/// An act of the prospect.
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

/// A conversation of a salesperson or colleague with the prospect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spoke {
    pub who: String,
    pub at: Timestamp,
    /// How they spoke and with what result, in a line.
    pub words: String,
}

/// A channel, and whether it may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Channel {
    /// "mail", "phone".
    pub channel: String,
    pub permitted: bool,
    /// The consent on which it may be used, or why it may not, in words.
    pub consent: String,
}

impl Dossier {
    /// How many of the five are met.
    pub fn known(&self) -> usize {
        self.lines.iter().filter(|line| line.met).count()
    }

    /// The criteria that were met when the prospect was offered and are not any more, by name.
    pub fn reconfirm(&self) -> Vec<&str> {
        self.lines.iter().filter(|line| line.reconfirm).map(|line| line.title.as_str()).collect()
    }
}

/// A sentence to say: the opener of the weakest criterion that has one, with the prospect's words and the date filled in.
pub fn sentence(findings: &PerCriterion<Finding>, rules: &Qualifying, zone: &TimeZone) -> Option<String> {
    let mut openers: Vec<_> = findings
        .iter()
        .filter_map(|(criterion, finding)| Some((finding, rules.criteria[criterion].opener.as_deref()?, newest(finding)?)))
        .collect();
    openers.sort_by_key(|(finding, _, newest)| (strength(finding), Reverse(newest.at)));
    let (_, opener, citation) = openers.first()?;
    let date = citation.at.to_zoned(zone.clone()).strftime("%-d %B").to_string();
    // One pass, so that a prospect's words that hold `{date}` are not filled again.
    let parts = opener.split("{said}").map(|part| part.replace("{date}", &date));
    Some(parts.collect::<Vec<_>>().join(quoted(&citation.words)))
}

/// The questions to ask: at most three of those written for salespeople, on the least certain criteria first.
pub fn questions(findings: &PerCriterion<Finding>, rules: &Qualifying) -> Vec<String> {
    let mut order: Vec<_> = findings.iter().collect();
    order.sort_by_key(|(_, finding)| strength(finding));
    order.into_iter().filter_map(|(criterion, _)| rules.criteria[criterion].ask.clone()).take(3).collect()
}

/// The quoted part of a line with its quotation marks, if it quotes something; else the line.
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
        // Half past midnight in Madrid is the next day; the prospect's words are not filled again.
        assert_eq!(sentence(&findings(), &both, &zone).as_deref(), Some("You said “yes Need {date}” on 3 November: still so?"));
        assert_eq!(sentence(&findings(), &rules(&[(Criterion::Authority, "Who decides?")]), &zone), None);
    }

    #[test]
    fn questions_begin_with_what_is_least_certain() {
        assert_eq!(questions(&findings(), &rules(&[])), ["ask authority", "ask need", "ask vision"]);
    }
}
