//! The five verdicts as people are told them. One line for each criterion: what can be said, who says so, until when,
//! what is missing. The handoff letter, its page, `explain` and the desk print these same lines.

use crate::domain::criterion::{Criterion, PerCriterion};
use crate::domain::doorway::evidence::Origin;
use crate::domain::doorway::ignored::Why;
use crate::domain::doorway::qualification::{Citation, Finding, Qualification, Verdict};
use crate::domain::doorway::rule::Qualifying;
use crate::domain::id::Name;
use jiff::Timestamp;
use serde::Serialize;

/// One criterion, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub criterion: Criterion,
    /// "Budget".
    pub title: String,
    pub verdict: Verdict,
    pub met: bool,
    /// Since when what it cites says so.
    pub since: Option<Timestamp>,
    /// Until when it counts, if the calendar ends it.
    pub until: Option<Timestamp>,
    /// When a proof that is already given begins to count.
    pub begins: Option<Timestamp>,
    /// The signals that say so, oldest first.
    pub cites: Vec<Citation>,
    /// The newest of them, in words.
    pub proof: Option<String>,
    pub by: Option<String>,
    pub at: Option<Timestamp>,
    /// The colleague of the prospect whose word it is, where it is not their own.
    pub colleague: Option<String>,
    pub weakest: bool,
    /// How it could be asked, while it is not met.
    pub missing: Option<Missing>,
    /// It was met when the prospect was offered, and is not any more: to be confirmed again.
    pub reconfirm: bool,
    /// What it cites that turned out to be a machine's since, in words.
    pub withdrawn: Vec<String>,
}

/// How a criterion that is not met could be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Of the group, in a newsletter; absent when it has no answers to choose from.
    pub in_a_newsletter: Option<String>,
    pub in_person: Option<String>,
}

/// Something that time alone will bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Coming {
    pub at: Timestamp,
    pub criterion: Criterion,
    pub what: Change,
}

/// What time alone does to a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// A proof that is already given begins to count.
    Begins,
    /// What counts now no longer does.
    Lapses,
}

/// The five lines, in order. `prospect` is what the prospect is called, `person` names one of ours.
pub fn lines(
    findings: &PerCriterion<Finding>,
    rules: &Qualifying,
    prospect: &str,
    person: impl Fn(&Name) -> String,
) -> Vec<Line> {
    let met = findings.iter().filter(|(_, finding)| finding.verdict == Verdict::Met);
    let weakest = met.min_by_key(|(_, finding)| strength(finding)).map(|(criterion, _)| criterion);
    let line = |(criterion, finding): (Criterion, &Finding)| {
        let newest = newest(finding);
        let met = finding.verdict == Verdict::Met;
        Line {
            criterion,
            title: criterion.to_string(),
            verdict: finding.verdict,
            met,
            since: finding.since,
            until: finding.until,
            begins: finding.begins,
            cites: finding.cites.clone(),
            proof: newest.map(|c| c.words.clone()),
            by: newest.map(|c| match (c.origin, &c.by) {
                (_, Some(name)) => person(name),
                (Origin::Declared | Origin::Behaviour, None) => prospect.to_owned(),
                (Origin::Fact | Origin::Observed, None) => "our records".to_owned(),
            }),
            at: newest.map(|c| c.at),
            colleague: newest.and_then(|c| Some(c.of.as_ref()?.name.clone())),
            weakest: weakest == Some(criterion),
            missing: (!met).then(|| missing(rules, criterion)),
            reconfirm: false,
            withdrawn: Vec::new(),
        }
    };
    findings.iter().map(line).collect()
}

/// Marks the lines of an offer with what became of them since.
pub fn mark_since(lines: &mut [Line], live: &Qualification) {
    let is_machines = |c: &&Citation| {
        let of_it = live.ignored().iter().filter(|i| i.signal == c.signal && i.criterion.is_none());
        of_it.map(|i| i.why).any(Why::is_machine)
    };
    for line in lines {
        line.reconfirm = line.met && live.findings()[line.criterion].verdict != Verdict::Met;
        line.withdrawn = line.cites.iter().filter(is_machines).map(|c| c.words.clone()).collect();
    }
}

/// What time alone will bring, the soonest first.
pub fn coming(lines: &[Line], now: Timestamp) -> Vec<Coming> {
    let of = |line: &Line| {
        let begins = line.begins.map(|at| Coming { at, criterion: line.criterion, what: Change::Begins });
        let ends = line.until.map(|at| Coming { at, criterion: line.criterion, what: Change::Lapses });
        [begins, ends].into_iter().flatten().filter(|coming| coming.at > now).collect::<Vec<_>>()
    };
    let mut all: Vec<Coming> = lines.iter().flat_map(of).collect();
    all.sort_by_key(|coming| (coming.at, coming.criterion));
    all
}

/// How a criterion could be asked.
fn missing(rules: &Qualifying, criterion: Criterion) -> Missing {
    let rules = &rules.criteria[criterion];
    Missing { in_a_newsletter: (!rules.answers.is_empty()).then(|| rules.question.clone()), in_person: rules.ask.clone() }
}

/// Weak first: by verdict, then by who says so, then by how soon it ends.
pub fn strength(finding: &Finding) -> (u8, Option<Origin>, Timestamp) {
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

/// The newest citation.
pub fn newest(finding: &Finding) -> Option<&Citation> {
    finding.cites.iter().max_by_key(|c| c.at)
}
