//! Compares what some rules would have decided about a prospect with what was decided. Under the rules that were in force the
//! two are equal, down to every citation; where they are not, the comparison names what prevents it.

use super::history_scan::Life;
use crate::domain::criterion::{Criterion, PerCriterion};
use crate::domain::doorway::qualification::{Finding, Qualification};
use crate::domain::doorway::replay::{Decision, RecordedCheck, Replayed, replay};
use crate::domain::doorway::rule::Qualifying;
use crate::domain::doorway::signal::Detail;
use crate::domain::id::{HandoffId, Name, ProspectId};
use crate::flow::context::FlowError;
use crate::store::doorway::qualifications;
use crate::store::doorway::replay_inputs::{Decided, Offered};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// How far the live path may lag behind the signal that decides: its steps take their time.
const TAKES: SignedDuration = SignedDuration::from_mins(15);

/// The rules to replay, and the span of time.
#[derive(Debug)]
pub struct BacktestRequest {
    pub rules: Qualifying,
    pub hash: String,
    /// The hashes of the rules that were in force, each with its beginning, in order.
    pub in_force: Vec<(Timestamp, String)>,
    /// The replay treats the rules as if they had come into force at this instant.
    pub from: Timestamp,
    pub until: Timestamp,
}

/// One decision: the one on record, the one these rules make, or both.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    pub prospect: ProspectId,
    pub name: String,
    /// The number of the prospect's episode.
    pub episode: i64,
    pub change: DecisionChange,
    /// The decision under these rules.
    pub would: Option<Would>,
    pub was: Option<Was>,
    /// For a lost decision: the criteria that these rules do not find met at its instant.
    pub missing: Vec<Criterion>,
    /// Whether these rules reproduce it, where they were in force.
    pub reproduced: Reproduced,
}

/// How the decision under these rules differs from the one on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionChange {
    Same,
    /// It would have been made earlier.
    Earlier,
    /// It would have been made later in the episode, with what was learnt until then.
    Later,
    /// It would have been made for the other cause.
    Otherwise,
    /// It would have been made, and was not.
    Gained,
    /// It was made, and would not have been.
    Lost,
}

/// Whether these rules reproduce a decision on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reproduced {
    /// The same cause at the same instant, and the same five findings with the same citations.
    Exactly,
    /// The same, but cited texts differ: a name changed, or the wording of the service did.
    Reworded,
    OtherRules,
    /// A signal on which it rested was erased since.
    Erased,
    /// It differs without an explanation.
    No,
    /// There is no decision on record.
    Nothing,
}

/// The decision under these rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Would {
    /// "ready" or "request".
    pub cause: &'static str,
    pub at: Timestamp,
}

/// The decision on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Was {
    /// "ready" or "request".
    pub cause: String,
    pub at: Timestamp,
    pub handoff: Option<HandoffId>,
    pub salesperson: Option<Name>,
    /// The salesperson's answer to the offer.
    pub answer: SalesAnswer,
    pub won: bool,
    pub closed_at: Option<Timestamp>,
}

/// A salesperson's answer to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SalesAnswer {
    Accepted,
    /// Not accepted, and the offer ended.
    Rejected,
    Open,
}

/// The comparison of one prospect.
#[derive(Debug)]
pub struct ProspectComparison {
    pub compared: Vec<Compared>,
    /// The only criterion that is not met today under these rules, if it is one.
    pub lacks: Option<Criterion>,
}

impl BacktestRequest {
    /// Whether these rules were in force at an instant; true before any were, because the record does not say which.
    pub fn were_in_force(&self, at: Timestamp) -> bool {
        let then = self.in_force.iter().rev().find(|(since, _)| *since <= at);
        then.is_none_or(|(_, hash)| *hash == self.hash)
    }

    /// Replays one prospect's history and compares.
    pub fn compare(&self, life: Life) -> Result<ProspectComparison, FlowError> {
        let Life { person, decided, past } = life;
        let name = person.name.unwrap_or_else(|| format!("prospect {}", person.prospect));
        let Some(past) = past else {
            let erased = decided.iter().filter(|d| d.at >= self.from).map(|d| Compared {
                prospect: person.prospect,
                name: name.clone(),
                episode: d.episode,
                change: DecisionChange::Lost,
                would: None,
                was: Some(was(d)),
                missing: Vec::new(),
                reproduced: Reproduced::Erased,
            });
            return Ok(ProspectComparison { compared: erased.collect(), lacks: None });
        };
        let Replayed { decisions, recorded_checks, last } = replay(&self.rules, past, self.from, self.until);
        let mut compared = Vec::new();
        let episodes = decisions.iter().map(|d| d.episode).chain(decided.iter().map(|d| d.episode));
        let mut episodes: Vec<i64> = episodes.collect();
        episodes.sort_unstable();
        episodes.dedup();
        for episode in episodes {
            let mut would = decisions.iter().filter(|d| d.episode == episode);
            let recorded = decided.iter().zip(&recorded_checks).filter(|(d, _)| d.episode == episode && d.at >= self.from);
            for (decided, check) in recorded {
                let decision = would.next();
                compared.push(self.one(person.prospect, &name, decision, decided, check)?);
            }
            compared.extend(would.map(|d| Compared {
                prospect: person.prospect,
                name: name.clone(),
                episode,
                change: DecisionChange::Gained,
                would: Some(Would { cause: d.cause, at: d.at }),
                was: None,
                missing: Vec::new(),
                reproduced: Reproduced::Nothing,
            }));
        }
        let missing = last.map(|last| last.missing()).unwrap_or_default();
        Ok(ProspectComparison { compared, lacks: missing.first().copied().filter(|_| missing.len() == 1) })
    }

    fn one(
        &self,
        prospect: ProspectId,
        name: &str,
        decision: Option<&Decision>,
        decided: &Decided,
        check: &RecordedCheck,
    ) -> Result<Compared, FlowError> {
        let in_force = self.were_in_force(decided.at) && decision.is_none_or(|d| self.were_in_force(d.at));
        let change = match decision {
            None => DecisionChange::Lost,
            // A prospect who waited in the doorway for their day is one decision, however long they waited.
            Some(d) if d.at <= decided.at && (in_force || decided.at.duration_since(d.at) <= TAKES) => {
                if check.cause == Some(decided.cause.as_str()) { DecisionChange::Same } else { DecisionChange::Otherwise }
            }
            Some(d) if d.at < decided.at => DecisionChange::Earlier,
            Some(_) => DecisionChange::Later,
        };
        let missing = if change == DecisionChange::Lost { check.qualification.missing() } else { Vec::new() };
        let reproduced = if in_force {
            let found = reproduced(&check.qualification, &qualifications::read_findings(&decided.findings)?);
            if found == Reproduced::Erased || change == DecisionChange::Same { found } else { Reproduced::No }
        } else {
            Reproduced::OtherRules
        };
        let would = decision.map(|d| Would { cause: d.cause, at: d.at });
        let (name, episode, was) = (name.to_owned(), decided.episode, Some(was(decided)));
        Ok(Compared { prospect, name, episode, change, would, was, missing, reproduced })
    }
}

fn was(decided: &Decided) -> Was {
    let offered = decided.handoff.as_ref();
    let answer = match offered {
        Some(Offered { accepted_at: Some(_), .. }) => SalesAnswer::Accepted,
        Some(Offered { closed_at: Some(_), .. }) => SalesAnswer::Rejected,
        _ => SalesAnswer::Open,
    };
    Was {
        cause: decided.cause.clone(),
        at: decided.at,
        handoff: offered.map(|h| h.id),
        salesperson: offered.map(|h| h.salesperson.clone()),
        answer,
        won: offered.is_some_and(|h| h.outcome == Some(crate::domain::individual::handoff::Outcome::Won)),
        closed_at: offered.and_then(|h| h.closed_at),
    }
}

/// How a replayed qualification compares with the findings on record.
fn reproduced(found: &Qualification, recorded: &PerCriterion<Finding>) -> Reproduced {
    if found.findings() == recorded {
        return Reproduced::Exactly;
    }
    let erased = Detail::Erased.words();
    let cited = |findings: &PerCriterion<Finding>| findings.iter().any(|(_, f)| f.cites.iter().any(|c| c.words == erased));
    if bare(found.findings()) == bare(recorded) {
        Reproduced::Reworded
    } else if cited(recorded) || cited(found.findings()) {
        Reproduced::Erased
    } else {
        Reproduced::No
    }
}

/// The findings without texts and names, which may change.
fn bare(findings: &PerCriterion<Finding>) -> PerCriterion<Finding> {
    PerCriterion::build(|criterion| {
        let mut finding = findings[criterion].clone();
        for citation in &mut finding.cites {
            citation.words = String::new();
            if let Some(of) = &mut citation.of {
                of.name = String::new();
            }
        }
        finding
    })
}

impl Compared {
    /// Whether these rules call the prospect ready.
    pub fn would_be_ready(&self) -> bool {
        self.would.is_some_and(|would| would.cause == "ready")
    }

    /// Whether the prospect was called ready.
    pub fn was_ready(&self) -> bool {
        self.was.as_ref().is_some_and(|was| was.cause == "ready")
    }
}
