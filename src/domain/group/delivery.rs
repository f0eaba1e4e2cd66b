//! Deliveries: one recipient's copy of an issue, and the states it passes.
//!
//! `pending → claimed → transmitting → accepted │ pending (retry) │ failed │ uncertain`;
//! `pending │ claimed → suppressed │ skipped │ cancelled`. The words are SQL's too.

use super::refusal::Refusal;
use crate::domain::id::{DeliveryId, IssueId, ProspectId};
use crate::domain::span::Span;
use jiff::Timestamp;
use serde::Serialize;
use std::fmt;

/// The mail that something answers: a click, a bounce, a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mailed {
    /// `None` for a test copy or an erased prospect.
    pub prospect: Option<ProspectId>,
    pub delivery: DeliveryId,
    /// `None` if the delivery was lost with the database that had it: then only whom it was for is known.
    pub issue: Option<IssueId>,
}

impl Mailed {
    /// The delivery, if it is on record.
    pub fn on_record(&self) -> Option<DeliveryId> {
        self.issue.map(|_| self.delivery)
    }
}

/// The number that makes a signal about it one. A number that was lost is never given again; its signals are told apart all
/// the same.
impl fmt::Display for Mailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.issue.is_none() {
            f.write_str("lost-")?;
        }
        write!(f, "{}", self.delivery)
    }
}

/// The state of a delivery, derived from its attempts and the lease over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waiting, for the first time or for a retry.
    Pending,
    /// A node holds the lease over it.
    Claimed,
    /// Marked: until its result is recorded, it is uncertain whether it was sent.
    Transmitting,
    /// The relay took responsibility (250).
    Accepted,
    Failed,
    /// The recipient opted out, or the address cannot be reached, before it was sent.
    Suppressed,
    /// Not sent this time: the cap was reached, or the prospect has left the audience.
    Skipped,
    /// Cancelled before it was sent: by name, or the prospect is no longer nurturing, or the address changed.
    Cancelled,
    /// Whether it was sent is unknown, and policy says not to send it again.
    Uncertain,
}

impl State {
    /// Every state, in the order of the diagram.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Claimed,
        Self::Transmitting,
        Self::Accepted,
        Self::Failed,
        Self::Suppressed,
        Self::Skipped,
        Self::Cancelled,
        Self::Uncertain,
    ];

    /// The word in SQL, logs and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Claimed => "claimed",
            Self::Transmitting => "transmitting",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Uncertain => "uncertain",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// What the relay replied, as far as it decides the next state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// 250 to the final dot.
    Accepted,
    /// Refused for good: what it is about decides what follows.
    Refused(Refusal),
    /// The relay rejected the login (530, 534, 535, 538): nothing can be sent.
    NoLogin(String),
    /// Not now (4xx to this recipient or message).
    Later(String),
    /// The relay itself does not serve this client (connect, greeting, 421): costs the delivery no attempt.
    RelayDown(String),
    /// The connection broke before the message was complete: safe to send again.
    BrokenBefore(String),
    /// The connection broke after the message was complete and before a parsed reply: uncertain.
    BrokenAfter(String),
}

/// What becomes of a delivery of which it is unknown whether it was sent: a second mail may be sent, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUncertain {
    /// It is sent once more, with the same bytes; if that is uncertain too, it is held.
    #[default]
    Resend,
    /// It is held at once and listed: never a second mail.
    Hold,
}

impl OnUncertain {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 2] = [("resend", Self::Resend), ("hold", Self::Hold)];

    /// How many attempts may end uncertain; after the last of them the delivery is uncertain.
    pub const fn tries(self) -> i64 {
        match self {
            Self::Resend => 2,
            Self::Hold => 1,
        }
    }
}

/// What a person found out, or decided, about an uncertain delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// It was sent: the relay's log says so.
    Accepted,
    /// It was not sent, and is not to be.
    Failed,
    /// It is to be sent again, with the same bytes.
    Resend,
}

impl Resolution {
    pub const fn state(self) -> State {
        match self {
            Self::Accepted => State::Accepted,
            Self::Failed => State::Failed,
            Self::Resend => State::Pending,
        }
    }
}

/// The wait before attempt `next` (2 is the first repeat) after a temporary refusal, before jitter; `None` when
/// no attempt is left. 5 min, 15 min, 1 h, 3 h, then 8 h until 48 h have passed.
pub fn retry_after(next: i64, first_tried_at: Timestamp, now: Timestamp) -> Option<Span> {
    let wait = wait_before(next);
    (wait.after(now) <= Span::hours(48).after(first_tried_at)).then_some(wait)
}

/// The same after a refusal about us. The time while the campaign was paused counts as no try of the recipient's server, so
/// it is given up only after as many tries as 48 hours hold.
pub fn retry_refused_after(next: i64, first_tried_at: Timestamp, now: Timestamp) -> Option<Span> {
    retry_after(next, first_tried_at, now).or_else(|| (next <= TRIES_IN_48_HOURS).then(|| wait_before(next)))
}

const TRIES_IN_48_HOURS: i64 = 9;

const fn wait_before(next: i64) -> Span {
    match next {
        ..=2 => Span::minutes(5),
        3 => Span::minutes(15),
        4 => Span::hours(1),
        5 => Span::hours(3),
        _ => Span::hours(8),
    }
}
