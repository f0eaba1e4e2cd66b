//! Handoffs: the offer of one ready prospect, or one request, to one salesperson.
//!
//! `offered → owned → closed`, and `offered → closed` when the offer is declined for good. The words are SQL's too.

use super::routing::Assignment;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::qualification::{Qualification, Ready, Request};
use crate::domain::id::{HandoffId, Name, ProspectId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What opens a handoff. There is no third way.
#[derive(Debug, Clone)]
pub enum Cause {
    Ready(Ready),
    Request(Request),
}

impl Cause {
    /// The word in SQL and reports.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Ready(_) => "ready",
            Self::Request(_) => "request",
        }
    }

    pub const fn qualification(&self) -> &Qualification {
        match self {
            Self::Ready(ready) => ready.qualification(),
            Self::Request(request) => request.qualification(),
        }
    }
}

/// A handoff about to be stored: it always has a cause and an assignment.
#[derive(Debug, Clone)]
pub struct Opening {
    pub prospect: ProspectId,
    pub cause: Cause,
    pub assignment: Assignment,
    pub opened_at: Timestamp,
    /// By when it should be answered.
    pub answer_until: Timestamp,
    /// By when the prospect should be contacted.
    pub touch_until: Timestamp,
}

/// Where a handoff stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waiting for the salesperson's answer.
    Offered,
    /// Accepted: the prospect is their lead.
    Owned,
    Closed,
}

impl State {
    /// The word in SQL, logs and pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Owned => "owned",
            Self::Closed => "closed",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Offered, Self::Owned, Self::Closed].into_iter().find(|s| s.word() == word)
    }
}

/// The five stages of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Interested,
    Engaged,
    Evaluating,
    Negotiating,
    Purchasing,
}

impl Stage {
    /// In order.
    pub const ALL: [Self; 5] = [Self::Interested, Self::Engaged, Self::Evaluating, Self::Negotiating, Self::Purchasing];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Interested => "interested",
            Self::Engaged => "engaged",
            Self::Evaluating => "evaluating",
            Self::Negotiating => "negotiating",
            Self::Purchasing => "purchasing",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// Working days until the next follow-up is due, unless the salesperson says otherwise.
    pub const fn cadence_days(self) -> usize {
        match self {
            Self::Interested => 3,
            Self::Engaged | Self::Evaluating => 5,
            Self::Negotiating => 2,
            Self::Purchasing => 1,
        }
    }
}

/// How a handoff ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Won,
    /// They bought elsewhere, or not at all; back to nurture.
    Lost,
    /// Back to nurture, with a reason.
    NotNow,
    /// Somebody else decides; back to nurture.
    WrongPerson,
    /// Never a customer, or one already.
    Disqualified,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Won, Self::Lost, Self::NotNow, Self::WrongPerson, Self::Disqualified];

    /// The word in SQL and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Lost => "lost",
            Self::NotNow => "not_now",
            Self::WrongPerson => "wrong_person",
            Self::Disqualified => "disqualified",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.word() == word)
    }

    /// Whether the prospect goes back to nurture.
    pub const fn returns(self) -> bool {
        matches!(self, Self::Lost | Self::NotNow | Self::WrongPerson)
    }
}

/// Why an offer is declined, before contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// Somebody else's: routed again, not to this salesperson.
    NotMine,
    /// This criterion does not hold: back to nurture.
    NotReady(Criterion),
    /// A customer already: closed.
    AlreadyCustomer,
    /// The data is wrong: the manager looks at it.
    DataWrong,
}

/// A handoff as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Handoff {
    pub id: HandoffId,
    pub prospect: ProspectId,
    /// "ready" or "request".
    pub cause: String,
    pub state: State,
    pub salesperson: Name,
    /// In which stage, once owned.
    pub stage: Stage,
    pub opened_at: Timestamp,
    /// By when it should be answered.
    pub answer_until: Timestamp,
    /// By when the prospect should be contacted.
    pub touch_until: Timestamp,
    pub accepted_at: Option<Timestamp>,
    /// When the salesperson was first in touch.
    pub touched_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub outcome: Option<Outcome>,
    /// What it was worth, in the company's currency, when won.
    pub value: Option<i64>,
}

/// What the transition asked for is not possible here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("handoff {id} is {}; it cannot be {asked}", state.word())]
pub struct Refused {
    pub id: HandoffId,
    pub state: State,
    pub asked: &'static str,
}

impl Handoff {
    /// Accepts the offer.
    ///
    /// # Errors
    /// Unless it is offered.
    pub fn accept(mut self, now: Timestamp) -> Result<Self, Refused> {
        self.require(&[State::Offered], "accepted")?;
        (self.state, self.accepted_at) = (State::Owned, Some(now));
        Ok(self)
    }

    /// Offers it to somebody else; an acceptance nobody acted on is undone by it.
    ///
    /// # Errors
    /// When it is closed, or the prospect has been contacted.
    pub fn reassign(mut self, assignment: &Assignment) -> Result<Self, Refused> {
        let from: &[State] = if self.touched_at.is_some() { &[] } else { &[State::Offered, State::Owned] };
        self.require(from, "passed on")?;
        (self.state, self.accepted_at) = (State::Offered, None);
        self.salesperson = assignment.salesperson().clone();
        Ok(self)
    }

    /// Goes on as it stands with somebody else: whoever had it is no longer ours.
    #[must_use]
    pub fn inherited_by(mut self, assignment: &Assignment) -> Self {
        self.salesperson = assignment.salesperson().clone();
        self
    }

    /// Records contact with the prospect; contact is also acceptance.
    ///
    /// # Errors
    /// When it is closed.
    pub fn touch(mut self, now: Timestamp) -> Result<Self, Refused> {
        self.require(&[State::Offered, State::Owned], "touched")?;
        self.state = State::Owned;
        self.accepted_at.get_or_insert(now);
        self.touched_at.get_or_insert(now);
        Ok(self)
    }

    /// Moves the lead to a stage.
    ///
    /// # Errors
    /// Unless it is owned.
    pub fn move_to(mut self, stage: Stage) -> Result<Self, Refused> {
        self.require(&[State::Owned], "moved to another stage")?;
        self.stage = stage;
        Ok(self)
    }

    /// Ends it. An offer that was never taken cannot be won.
    ///
    /// # Errors
    /// When it is closed, or won before it was owned.
    pub fn close(mut self, outcome: Outcome, value: Option<i64>, now: Timestamp) -> Result<Self, Refused> {
        let (from, asked): (&[State], _) = match outcome {
            Outcome::Won => (&[State::Owned], "won"),
            Outcome::Lost => (&[State::Owned], "lost"),
            Outcome::NotNow | Outcome::WrongPerson => (&[State::Offered, State::Owned], "returned to nurture"),
            Outcome::Disqualified => (&[State::Offered, State::Owned], "disqualified"),
        };
        self.require(from, asked)?;
        (self.state, self.outcome, self.value, self.closed_at) = (State::Closed, Some(outcome), value, Some(now));
        Ok(self)
    }

    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    fn require(&self, from: &[State], asked: &'static str) -> Result<(), Refused> {
        if from.contains(&self.state) { Ok(()) } else { Err(Refused { id: self.id, state: self.state, asked }) }
    }
}
