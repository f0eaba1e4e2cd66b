//! Follow-ups: the items of a personal queue. Each has a next action and its date, always.

use super::handoff::{Handoff, State};
use crate::domain::doorway::entry::Cause;
use crate::domain::id::{FollowUpId, HandoffId, Name, ProspectId};
use jiff::Timestamp;
use serde::Serialize;

/// An item on a personal queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FollowUp {
    pub id: FollowUpId,
    pub prospect: ProspectId,
    /// Of which handoff; `None` for a prospect who came due without being ready.
    pub handoff: Option<HandoffId>,
    pub salesperson: Name,
    pub action: String,
    pub due_at: Timestamp,
}

/// How urgent an item is: the order of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// The prospect asked for a person and no salesperson has answered yet.
    Request,
    /// Somebody asked for a person, and no handoff can be opened for it.
    Enquiry,
    Offer,
    Due,
    Ahead,
}

/// Where an item stands in the queue at `now`.
pub fn urgency(item: &FollowUp, handoff: Option<&Handoff>, now: Timestamp) -> Urgency {
    match handoff {
        Some(h) if h.state == State::Offered && h.cause == Cause::Request => Urgency::Request,
        Some(h) if h.state == State::Offered => Urgency::Offer,
        _ if item.due_at <= now => Urgency::Due,
        _ => Urgency::Ahead,
    }
}
