//! A leased range of deliveries, its jobs, and what a relay's reply means for one of them.

use super::attempt_writer::DeliveryResult;
use crate::domain::group::delivery::{Reply, State, retry_after, retry_refused_after};
use crate::domain::group::refusal::{About, Pauses, Phase, Refusal};
use crate::domain::id::DeliveryId;
use crate::domain::span::Span;
use crate::flow::group::breaker::Sign;
use crate::flow::group::pace::Throttled;
use crate::mail::prepared::Prepared;
use crate::store::group::attempts::{Mark, Outcome};
use crate::store::group::deliveries::Open;
use crate::store::group::leases::Lease;
use jiff::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

/// How long a lease holds before it must be renewed.
pub const LEASE: Span = Span::minutes(5);
/// How long a node claims nothing after the relay did not serve it.
pub const BACK_OFF: Span = Span::minutes(1);

/// A range this node has leased.
pub struct Range {
    lease: Lease,
    /// Until when the lease holds, as last renewed; epoch milliseconds.
    until: AtomicI64,
    pub message: Arc<Prepared>,
    /// Whether the message has bytes beyond ASCII.
    pub eight_bit: bool,
    /// The instant at which the campaign's window closes: no delivery of the range is marked after it.
    closes_at: Option<Timestamp>,
    /// Whether the relay failed to serve us during this range.
    pub relay_down: AtomicBool,
    /// The deliveries of the range that wait for a token.
    held: OnceLock<Throttled>,
}

/// One delivery of a range.
pub struct Job {
    pub row: Open,
    pub range: Arc<Range>,
    /// The words of before a correction, if the mail may have arrived in them.
    pub former: Option<Arc<Prepared>>,
}

impl Range {
    pub fn new(lease: Lease, message: Arc<Prepared>, closes_at: Option<Timestamp>) -> Self {
        let until = AtomicI64::new(lease.until.as_millisecond());
        let eight_bit = !message.is_ascii();
        Self { lease, until, message, eight_bit, closes_at, relay_down: AtomicBool::new(false), held: OnceLock::new() }
    }

    /// Whether the campaign's window has closed: the remaining deliveries wait for the next opening.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.closes_at.is_some_and(|closes_at| closes_at <= now)
    }

    /// The lease, as it was claimed.
    pub const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether the lease still holds: once it has lapsed, another node may have claimed the range.
    pub fn is_ours(&self, now: Timestamp) -> bool {
        now.as_millisecond() < self.until.load(Ordering::Acquire)
    }

    /// Records the deliveries that wait for a token.
    pub fn hold(&self, held: Throttled) {
        // A range is admitted once, so the cell is still empty.
        let _ = self.held.set(held);
    }

    /// The deliveries that wait for a token, and until when.
    pub fn held(&self) -> Option<&Throttled> {
        self.held.get()
    }

    pub fn renewed(&self, until: Timestamp) {
        self.until.store(until.as_millisecond(), Ordering::Release);
    }
}

impl Job {
    /// The message this delivery gets: every try of one that may have arrived is the same mail.
    pub fn message(&self) -> &Prepared {
        self.former.as_ref().unwrap_or(&self.range.message)
    }

    /// Whether that message has bytes beyond ASCII.
    pub fn eight_bit(&self) -> bool {
        self.former.as_ref().map_or(self.range.eight_bit, |former| !former.is_ascii())
    }

    /// The mark the store must grant before the mail is sent.
    pub fn mark(&self) -> Mark {
        let lease = self.range.lease();
        Mark { delivery: self.row.id, number: self.row.number + 1, lease: lease.id, fence: lease.fence }
    }

    /// The result when the delivery may not be tried again: as many of its tries as policy grants ended without a result.
    pub fn uncertain(&self, tries: i64) -> Option<DeliveryResult> {
        let given_up = self.row.in_doubt && self.row.doubts >= tries;
        let words = || Some(format!("in doubt after {} of {} tries", self.row.doubts, self.row.marks));
        given_up.then(|| DeliveryResult::plain(self.outcome(self.row.number + 1, State::Uncertain, None, words())))
    }

    /// The result of a mail that was marked and not sent for a reason on our side: it may be tried again at any time.
    pub fn unsent(&self, words: &str) -> DeliveryResult {
        DeliveryResult::plain(self.outcome(self.row.number + 2, State::Pending, None, Some(words.to_owned())))
    }

    /// What the relay's reply to the marked mail means, when this many tries may end without a result. A try that broke
    /// off after the dot has no outcome; the delivery may be tried again, and its mark without a result says that it may
    /// have been sent.
    pub fn finished(&self, reply: Reply, tries: i64, now: Timestamp) -> DeliveryResult {
        let row = &self.row;
        let mut sign = Sign::of(&reply, row.id, &row.address, row.number + 1);
        let wait = |wait: Span| Some(jitter(wait, row.id).after(now));
        let first = row.first_marked_at.unwrap_or(now);
        let (state, retry_at, words) = match reply {
            Reply::Accepted => (State::Accepted, None, None),
            Reply::Refused(refusal) => match refusal.about {
                // The delivery waits until an operator has resumed the campaign.
                About::Us(Pauses::AtOnce) => (State::Pending, None, Some(refusal.words)),
                About::Us(Pauses::Counted) => match retry_refused_after(row.marks + 2, first, now) {
                    Some(span) => (State::Pending, wait(span), Some(refusal.words)),
                    None => (State::Failed, None, Some(refusal.words)),
                },
                About::Recipient(_) | About::Unclear => (State::Failed, None, Some(refusal.words)),
            },
            Reply::Later(words) => {
                if let Some(span) = retry_after(row.marks + 2, first, now) {
                    (State::Pending, wait(span), Some(words))
                } else {
                    // Given up, it counts as refused.
                    let refusal = Refusal::read(Phase::Recipient, 450, words.clone(), "");
                    sign = Sign::of(&Reply::Refused(refusal), row.id, &row.address, row.number + 1);
                    (State::Failed, None, Some(words))
                }
            }
            Reply::BrokenBefore(words) => match retry_after(row.marks + 2, first, now) {
                Some(span) => (State::Pending, wait(span), Some(words)),
                None => (State::Failed, None, Some(words)),
            },
            Reply::RelayDown(words) | Reply::NoLogin(words) => {
                self.range.relay_down.store(true, Ordering::Relaxed);
                (State::Pending, Some(BACK_OFF.after(now)), Some(words))
            }
            Reply::BrokenAfter(words) if row.doubts + 1 >= tries => (State::Uncertain, None, Some(words)),
            Reply::BrokenAfter(_) => return DeliveryResult { delivery: row.id, outcome: None, to: None, sign },
        };
        let to = sign.is_some().then(|| row.address.to_string());
        let outcome = Some(self.outcome(row.number + 2, state, retry_at, words));
        DeliveryResult { delivery: row.id, outcome, to, sign }
    }

    fn outcome(&self, number: i64, state: State, retry_at: Option<Timestamp>, reply: Option<String>) -> Outcome {
        let lease = self.range.lease();
        let retry_at = retry_at.map(Timestamp::as_millisecond);
        Outcome { delivery: self.row.id, number, lease: lease.id, fence: lease.fence, state, retry_at, reply }
    }
}

/// Twenty per cent either way, derived from the delivery's number: every node computes the same, and a list is spread.
fn jitter(wait: Span, id: DeliveryId) -> Span {
    let share = id.0.wrapping_mul(2_654_435_761).rem_euclid(41) - 20;
    Span::minutes((wait.rough_minutes() * (100 + share) / 100).max(1))
}
