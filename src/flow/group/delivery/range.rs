//! A range of deliveries in hand, its jobs, and what a relay's reply means for one of them.

use super::attempt_writer::DeliveryResult;
use crate::domain::group::delivery::{Reply, State, retry_after};
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
/// How long a relay that does not serve us is left alone.
pub const BACK_OFF: Span = Span::minutes(1);

/// A range in hand.
pub struct Range {
    lease: Lease,
    /// Until when the lease holds, as last renewed; epoch milliseconds.
    until: AtomicI64,
    pub message: Arc<Prepared>,
    /// Whether that has bytes beyond ASCII.
    pub eight_bit: bool,
    /// From here on nothing more of it is marked: its campaign's window closes.
    closes_at: Option<Timestamp>,
    /// The relay did not serve us while we were at it.
    pub relay_down: AtomicBool,
    /// What of it waits for a token.
    held: OnceLock<Throttled>,
}

/// One delivery of a range.
pub struct Job {
    pub row: Open,
    pub range: Arc<Range>,
}

impl Range {
    pub fn new(lease: Lease, message: Arc<Prepared>, closes_at: Option<Timestamp>) -> Self {
        let until = AtomicI64::new(lease.until.as_millisecond());
        let eight_bit = !message.is_ascii();
        Self { lease, until, message, eight_bit, closes_at, relay_down: AtomicBool::new(false), held: OnceLock::new() }
    }

    /// Whether its campaign's window has closed: what is left of it waits for the next opening.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.closes_at.is_some_and(|closes_at| closes_at <= now)
    }

    /// The lease, as it was claimed.
    pub const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether the lease can still be trusted: after that, another node may be at it.
    pub fn is_ours(&self, now: Timestamp) -> bool {
        now.as_millisecond() < self.until.load(Ordering::Acquire)
    }

    /// Some of it waits for a token.
    pub fn hold(&self, held: Throttled) {
        // It is handed out once.
        let _ = self.held.set(held);
    }

    /// What of it waits for a token, and until when.
    pub fn held(&self) -> Option<&Throttled> {
        self.held.get()
    }

    pub fn renewed(&self, until: Timestamp) {
        self.until.store(until.as_millisecond(), Ordering::Release);
    }
}

impl Job {
    /// The mark that must be granted before it is sent.
    pub fn mark(&self) -> Mark {
        let lease = self.range.lease();
        Mark { delivery: self.row.id, number: self.row.number + 1, lease: lease.id, fence: lease.fence }
    }

    /// What it ends with when it may not be tried again: as many tries as policy grants ended in doubt.
    pub fn uncertain(&self, tries: i64) -> Option<DeliveryResult> {
        let given_up = self.row.in_doubt && self.row.doubts >= tries;
        let words = || Some(format!("in doubt after {} of {} tries", self.row.doubts, self.row.marks));
        given_up.then(|| DeliveryResult::plain(self.outcome(self.row.number + 1, State::Uncertain, None, words())))
    }

    /// It was marked and not sent, for a reason of our own: it may go at any time.
    pub fn unsent(&self, words: &str) -> DeliveryResult {
        DeliveryResult::plain(self.outcome(self.row.number + 2, State::Pending, None, Some(words.to_owned())))
    }

    /// What the relay's reply to the marked mail means, when so many tries may end in doubt. Without an outcome it broke off in doubt and may be tried again: a
    /// mark without a result is what doubt is.
    pub fn finished(&self, reply: Reply, tries: i64, now: Timestamp) -> DeliveryResult {
        let row = &self.row;
        let sign = Sign::of(&reply, row.number + 1);
        let retry = |words: String| match retry_after(row.marks + 2, row.first_marked_at.unwrap_or(now), now) {
            Some(wait) => (State::Pending, Some(jitter(wait, row.id).after(now)), Some(words), None),
            None => (State::Failed, None, Some(words), None),
        };
        let (state, retry_at, words, gone) = match reply {
            Reply::Accepted => (State::Accepted, None, None, None),
            Reply::NoMailbox(words) => (State::Failed, None, Some(words.clone()), Some((row.address.to_string(), words))),
            Reply::Refused(words) => (State::Failed, None, Some(words), None),
            Reply::Later(words) | Reply::BrokenBefore(words) => retry(words),
            // It waits until somebody has resumed the campaign.
            Reply::Unwelcome(words) => (State::Pending, None, Some(words), None),
            Reply::RelayDown(words) | Reply::NoLogin(words) => {
                self.range.relay_down.store(true, Ordering::Relaxed);
                (State::Pending, Some(BACK_OFF.after(now)), Some(words), None)
            }
            Reply::BrokenAfter(words) if row.doubts + 1 >= tries => (State::Uncertain, None, Some(words), None),
            Reply::BrokenAfter(_) => return DeliveryResult { delivery: row.id, outcome: None, gone: None, sign },
        };
        let outcome = Some(self.outcome(row.number + 2, state, retry_at, words));
        DeliveryResult { delivery: row.id, outcome, gone, sign }
    }

    fn outcome(&self, number: i64, state: State, retry_at: Option<Timestamp>, reply: Option<String>) -> Outcome {
        let lease = self.range.lease();
        let retry_at = retry_at.map(Timestamp::as_millisecond);
        Outcome { delivery: self.row.id, number, lease: lease.id, fence: lease.fence, state, retry_at, reply }
    }
}

/// Twenty per cent either way, from the delivery's number: the same on every node, spread over a list.
fn jitter(wait: Span, id: DeliveryId) -> Span {
    let share = id.0.wrapping_mul(2_654_435_761).rem_euclid(41) - 20;
    Span::minutes((wait.rough_minutes() * (100 + share) / 100).max(1))
}
