//! Qualification: the five verdicts at an instant, each citing its signals; and the two ways through the doorway, ready and
//! request.
//!
//! Only `assess` makes a qualification, so neither `Ready` nor `Request` can be made without one.

use super::evidence::Origin;
use super::ignored::Ignored;
pub use crate::domain::criterion::Verdict;
use crate::domain::criterion::{Criterion, PerCriterion};
use crate::domain::id::{Name, ProspectId, SignalId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The verdict on one criterion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub verdict: Verdict,
    /// The instant of the oldest signal on which the verdict rests.
    pub since: Option<Timestamp>,
    /// When the verdict ends by the calendar, if it does.
    pub until: Option<Timestamp>,
    /// When a proof that is already given begins to count.
    pub begins: Option<Timestamp>,
    /// The signals on which the verdict rests, oldest first.
    pub cites: Vec<Citation>,
}

/// A signal as cited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    pub signal: SignalId,
    pub at: Timestamp,
    pub words: String,
    pub origin: Origin,
    /// The colleague or salesperson who reported it.
    pub by: Option<Name>,
    /// The colleague of the prospect who said it; `None` for the prospect's own.
    #[serde(default)]
    pub of: Option<Of>,
    pub date: Option<Date>,
}

/// Another prospect of the same account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Of {
    pub prospect: ProspectId,
    pub name: String,
}

/// The five verdicts at an instant. Made only by [`super::assess::assess`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Qualification {
    pub(super) at: Timestamp,
    pub(super) findings: PerCriterion<Finding>,
    pub(super) ignored: Vec<Ignored>,
    pub(super) newest_human_at: Option<Timestamp>,
    pub(super) by_sales_alone: bool,
    pub(super) request: Option<Citation>,
    pub(super) changes_at: Option<Timestamp>,
}

/// Why a prospect with five of five is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// The prospect did and said nothing since the episode began: the same facts would lead to the same offer again.
    NothingNew,
    /// Touches of salespeople alone prove it; salespeople do not generate their own leads.
    SalesAlone,
}

impl Obstacle {
    pub const fn words(self) -> &'static str {
        match self {
            Self::NothingNew => "nothing new since this episode began",
            Self::SalesAlone => {
                "salespeople alone say so; it takes one proof by the prospect, or by a colleague who is no salesperson"
            }
        }
    }
}

/// A ready prospect: all five met at one instant, with something new since the episode began.
#[derive(Debug, Clone)]
pub struct Ready(Qualification);

/// A prospect who asked for a person. Routed like a ready one, and never counted as one.
#[derive(Debug, Clone)]
pub struct Request(Qualification, Citation);

impl Qualification {
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    pub const fn findings(&self) -> &PerCriterion<Finding> {
        &self.findings
    }

    /// Signals that count for nothing, and why.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// The latest signal by which the prospect asked for a person.
    pub const fn request(&self) -> Option<&Citation> {
        self.request.as_ref()
    }

    /// The next instant at which the passing of time changes a verdict.
    pub const fn changes_at(&self) -> Option<Timestamp> {
        self.changes_at
    }

    /// The latest instant at which a person did or said something, or something came due.
    pub const fn newest_human_at(&self) -> Option<Timestamp> {
        self.newest_human_at
    }

    /// How many of the five are met.
    pub fn met(&self) -> usize {
        self.findings.iter().filter(|(_, f)| f.verdict == Verdict::Met).count()
    }

    /// The criteria that are not met, in order.
    pub fn missing(&self) -> Vec<Criterion> {
        self.findings.iter().filter(|(_, f)| f.verdict != Verdict::Met).map(|(c, _)| c).collect()
    }

    /// What keeps the prospect from being ready, besides criteria that are not met; `None` when nothing does.
    pub fn obstacle(&self, episode_started_at: Timestamp) -> Option<Obstacle> {
        if self.newest_human_at.is_none_or(|at| at <= episode_started_at) {
            return Some(Obstacle::NothingNew);
        }
        self.by_sales_alone.then_some(Obstacle::SalesAlone)
    }

    /// Ready, if all five are met, something human is newer than the start of the episode, and somebody else than
    /// salespeople says so.
    pub fn into_ready(self, episode_started_at: Timestamp) -> Option<Ready> {
        self.is_ready(episode_started_at).then_some(Ready(self))
    }

    /// Whether [`Qualification::into_ready`] would return one.
    pub fn is_ready(&self, episode_started_at: Timestamp) -> bool {
        self.met() == Criterion::ALL.len() && self.obstacle(episode_started_at).is_none()
    }

    /// A request, if the prospect asked for a person after `since` (the latest handoff, or the episode's start).
    pub fn into_request(self, since: Timestamp) -> Option<Request> {
        let citation = self.request.clone().filter(|c| c.at > since)?;
        Some(Request(self, citation))
    }
}

impl Ready {
    pub const fn qualification(&self) -> &Qualification {
        &self.0
    }
}

impl Request {
    pub const fn qualification(&self) -> &Qualification {
        &self.0
    }

    pub const fn asked(&self) -> &Citation {
        &self.1
    }
}
