//! The five verdicts as lines for people. One line for each criterion: the verdict, who says so, until when, what is
//! missing. The handoff letter, its page, `explain` and the desk print these same lines.

use crate::domain::criterion::{Criterion, PerCriterion};
use crate::domain::doorway::evidence::Origin;
use crate::domain::doorway::ignored::Why;
use crate::domain::doorway::qualification::{Citation, Finding, Qualification, Verdict};
use crate::domain::doorway::rule::Qualifying;
use crate::domain::id::Name;
use jiff::Timestamp;
use serde::Serialize;

/// One criterion and its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub criterion: Criterion,
    /// "Budget".
    pub title: String,
    pub verdict: Verdict,
    pub met: bool,
    /// The instant of the oldest signal on which the verdict rests.
    pub since: Option<Timestamp>,
    /// When it ends, if the calendar ends it.
    pub until: Option<Timestamp>,
    /// When a proof that is already given begins to count.
    pub begins: Option<Timestamp>,
    /// The signals on which the verdict rests, oldest first.
    pub cites: Vec<Citation>,
    /// The newest of the signals, in words.
    pub proof: Option<String>,
    pub by: Option<String>,
    pub at: Option<Timestamp>,
    /// The colleague of the prospect who said it, where it is not the prospect's own.
    pub colleague: Option<String>,
    pub weakest: bool,
    /// How it could be asked for, while it is not met.
    pub missing: Option<Missing>,
    /// Whether it was met when the prospect was offered and is not any more: to be confirmed again.
    pub reconfirm: bool,
    /// Cited signals that were later judged to be a machine's, in words.
    pub withdrawn: Vec<String>,
}

/// How to ask about a criterion that is not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The question that a newsletter can ask; absent when it has no answers to choose from.
    pub in_a_newsletter: Option<String>,
    pub in_person: Option<String>,
}

/// A change that comes with time alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ComingChange {
    pub at: Timestamp,
    pub criterion: Criterion,
    pub what: VerdictChange,
}

/// How time alone changes a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VerdictChange {
    /// A proof that is already given begins to count.
    Begins,
    /// A verdict that holds now ends.
    Lapses,
}

/// The five lines, in order. `prospect` is the prospect's display name, `person` turns an id into a name of a salesperson or
/// colleague.
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

/// Notes on the lines of an offer how the verdicts changed since.
pub fn note_changes(lines: &mut [Line], live: &Qualification) {
    let is_machines = |c: &&Citation| {
        let of_it = live.ignored().iter().filter(|i| i.signal == c.signal && i.criterion.is_none());
        of_it.map(|i| i.why).any(Why::is_machine)
    };
    for line in lines {
        line.reconfirm = line.met && live.findings()[line.criterion].verdict != Verdict::Met;
        line.withdrawn = line.cites.iter().filter(is_machines).map(|c| c.words.clone()).collect();
    }
}

/// The changes that come with time alone, the soonest first.
pub fn coming(lines: &[Line], now: Timestamp) -> Vec<ComingChange> {
    let of = |line: &Line| {
        let begins = line.begins.map(|at| ComingChange { at, criterion: line.criterion, what: VerdictChange::Begins });
        let ends = line.until.map(|at| ComingChange { at, criterion: line.criterion, what: VerdictChange::Lapses });
        [begins, ends].into_iter().flatten().filter(|coming| coming.at > now).collect::<Vec<_>>()
    };
    let mut all: Vec<ComingChange> = lines.iter().flat_map(of).collect();
    all.sort_by_key(|coming| (coming.at, coming.criterion));
    all
}

/// How to ask about a criterion.
fn missing(rules: &Qualifying, criterion: Criterion) -> Missing {
    let rules = &rules.criteria[criterion];
    Missing { in_a_newsletter: (!rules.answers.is_empty()).then(|| rules.question.clone()), in_person: rules.ask.clone() }
}

/// Sort key, weakest first: by verdict, then by origin, then by how soon it ends.
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
