//! Entry: whether a prospect may stand in the doorway, and why. The conclusion, the hand-off, the replay, the plan and the
//! explanation all ask this one rule.

use super::qualification::{Qualification, Ready, Request};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a prospect is offered to a salesperson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// All five criteria are met.
    Ready,
    /// The prospect asked for a person; never counted as ready.
    Request,
}

impl Cause {
    /// The word in SQL and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Request => "request",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Ready, Self::Request].into_iter().find(|cause| cause.word() == word)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What opens a handoff: the cause with its proof. There is no third way.
#[derive(Debug, Clone)]
pub enum Grounds {
    Ready(Ready),
    Request(Request),
}

impl Grounds {
    pub const fn cause(&self) -> Cause {
        match self {
            Self::Ready(_) => Cause::Ready,
            Self::Request(_) => Cause::Request,
        }
    }

    pub const fn qualification(&self) -> &Qualification {
        match self {
            Self::Ready(ready) => ready.qualification(),
            Self::Request(request) => request.qualification(),
        }
    }
}

/// What decides besides the verdicts: what went before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub episode_started_at: Timestamp,
    /// When the latest handoff was opened.
    pub handed_off_at: Option<Timestamp>,
}

impl Entry {
    /// Why the prospect may stand in the doorway, if they may. Ready comes first.
    pub fn cause(self, found: &Qualification) -> Option<Cause> {
        if found.is_ready(self.episode_started_at) { Some(Cause::Ready) } else { self.asks(found).then_some(Cause::Request) }
    }

    /// Whether the prospect asks for a person, and no handoff has answered yet.
    pub fn asks(self, found: &Qualification) -> bool {
        found.request().is_some_and(|asked| self.waits(asked.at))
    }

    /// Whether a request made then still waits for a handoff.
    pub fn waits(self, asked_at: Timestamp) -> bool {
        asked_at > self.answered_at()
    }

    /// The cause with its proof, as a handoff is opened with it.
    pub fn grounds(self, found: Qualification) -> Option<Grounds> {
        match self.cause(&found)? {
            Cause::Ready => found.into_ready(self.episode_started_at).map(Grounds::Ready),
            Cause::Request => found.into_request(self.answered_at()).map(Grounds::Request),
        }
    }

    /// A request made after this instant waits for its answer: a handoff answers those before it, also in an earlier episode.
    fn answered_at(self) -> Timestamp {
        self.handed_off_at.map_or(Timestamp::MIN, |at| at.max(self.episode_started_at))
    }
}
