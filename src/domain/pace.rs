//! Pace: how many mails a minute, kept by token buckets.
//!
//! Integer arithmetic in milliseconds: sixty thousand tokens are one mail, so a bucket of R mails a minute gains R tokens
//! every millisecond, exactly. A bucket holds one second's worth, and at least one mail: after a pause
//! the mails that were not sent are not made up for.

use jiff::{SignedDuration, Timestamp};

/// The tokens one mail costs.
pub const MAIL: i64 = 60_000;
/// How far ahead of this node's clock a bucket may have been filled by another node. A bucket filled further ahead comes from
/// a wrong clock, and would stop all sending until then.
const SKEW: SignedDuration = SignedDuration::from_mins(1);
/// The longest time, in milliseconds, that a bucket takes to fill: a minute at one mail a minute, more after mails that did
/// not wait (letters).
const LONGEST: i64 = 24 * 60 * 60 * 1_000;

/// A number of mails a minute, from one to a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerMinute(i64);

impl PerMinute {
    /// The most that can be asked for.
    pub const MOST: i64 = 1_000_000;

    /// A rate of so many mails a minute, clamped to the bounds.
    pub fn new(mails: i64) -> Self {
        Self(mails.clamp(1, Self::MOST))
    }

    pub const fn mails(self) -> i64 {
        self.0
    }

    /// What its bucket holds, in tokens: one second's worth, at least one mail.
    pub fn capacity(self) -> i64 {
        (self.0 * 1_000).max(MAIL)
    }
}

/// The state of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// The tokens in it; negative after mails that do not wait.
    pub tokens: i64,
    /// The instant up to which it has been filled.
    pub filled_at: Timestamp,
}

impl Bucket {
    /// A bucket from which nothing was taken yet.
    pub fn full(pace: PerMinute, now: Timestamp) -> Self {
        Self { tokens: pace.capacity(), filled_at: now }
    }

    pub fn fill(&mut self, pace: PerMinute, now: Timestamp) {
        if self.filled_at.duration_since(now) > SKEW {
            self.filled_at = now;
        }
        let gone = (now.as_millisecond() - self.filled_at.as_millisecond()).clamp(0, LONGEST);
        self.tokens = self.tokens.saturating_add(gone * pace.0).min(pace.capacity());
        self.filled_at = self.filled_at.max(now);
    }

    pub const fn holds_one(&self) -> bool {
        self.tokens >= MAIL
    }

    /// Takes the tokens of one mail, even below zero.
    pub const fn take(&mut self) {
        self.tokens -= MAIL;
    }

    /// When to look again for `waiting` mails that stand behind `ahead` others: when the bucket holds half of its capacity, or
    /// enough for all that wait, so that the queue is not read anew for each mail.
    pub fn worth_it_at(&self, pace: PerMinute, waiting: i64, ahead: i64) -> Timestamp {
        let some = (pace.capacity() / 2 / MAIL).clamp(1, waiting.max(1));
        let short = (ahead.saturating_add(some)).saturating_mul(MAIL).saturating_sub(self.tokens);
        let milliseconds = short.max(0).div_euclid(pace.0) + i64::from(short.max(0) % pace.0 != 0);
        self.filled_at.checked_add(SignedDuration::from_millis(milliseconds)).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_772_438_400_000 + milliseconds).expect("an instant")
    }

    /// Takes all there is every `every` milliseconds for an hour; returns the number of mails, and the most at once.
    fn an_hour(pace: PerMinute, every: i64) -> (i64, i64) {
        let mut bucket = Bucket::full(pace, at(0));
        let (mut sent, mut most) = (0, 0);
        for tick in (0..3_600_000).step_by(usize::try_from(every).expect("a step")) {
            bucket.fill(pace, at(tick));
            let before = sent;
            while bucket.holds_one() {
                bucket.take();
                sent += 1;
            }
            most = most.max(sent - before);
        }
        (sent, most)
    }

    #[test]
    fn a_bucket_gives_its_rate_over_an_hour_and_at_most_one_second_of_it_at_once() {
        for (per_minute, every, hour, burst) in [
            (1, 7, 60, 1),
            (60, 1_000, 3_600, 1),
            (59, 13, 3_540, 1),
            (601, 499, 36_060, 10),
            (600, 500, 36_000, 10),
            (600, 1, 36_000, 10),
            (1_000_000, 997, 60_000_000, 16_666),
        ] {
            let (sent, most) = an_hour(PerMinute::new(per_minute), every);
            // A caller that comes late to a full bucket loses what ran over: at slow rates up to a step with each mail.
            assert!((hour * 49 / 50..=hour + burst).contains(&sent), "{per_minute} a minute: {sent}");
            assert!(most <= burst, "{per_minute} a minute: {most} at once");
        }
    }

    #[test]
    fn what_was_not_used_is_not_made_up_for() {
        let pace = PerMinute::new(600);
        let mut bucket = Bucket::full(pace, at(0));
        bucket.fill(pace, at(86_400_000 * 365));
        assert_eq!(bucket.tokens, 10 * MAIL);
        // After the change the smaller pace keeps no more than its own capacity.
        bucket.fill(PerMinute::new(60), at(86_400_000 * 365));
        assert_eq!(bucket.tokens, MAIL);
    }

    #[test]
    fn a_clock_that_differs_a_little_waits_and_one_that_was_wrong_does_not() {
        let pace = PerMinute::new(60);
        let mut bucket = Bucket { tokens: 0, filled_at: at(30_000) };
        bucket.fill(pace, at(0));
        assert_eq!((bucket.tokens, bucket.filled_at), (0, at(30_000)));
        let mut bucket = Bucket { tokens: 0, filled_at: at(3_600_000) };
        bucket.fill(pace, at(0));
        bucket.fill(pace, at(1_000));
        assert_eq!((bucket.tokens, bucket.filled_at), (MAIL, at(1_000)));
    }

    #[test]
    fn a_bucket_is_worth_another_look_when_it_is_half_full() {
        let pace = PerMinute::new(600);
        let empty = Bucket { tokens: 0, filled_at: at(0) };
        assert_eq!(empty.worth_it_at(pace, 1_000, 0), at(500));
        assert_eq!(empty.worth_it_at(pace, 1, 0), at(100));
        assert_eq!(empty.worth_it_at(pace, 1_000, 600), at(60_500));
        let owing = Bucket { tokens: -MAIL, filled_at: at(0) };
        assert_eq!(owing.worth_it_at(PerMinute::new(1), 9, 0), at(120_000));
        assert_eq!(owing.worth_it_at(PerMinute::new(7), 9, 0), at(17_143), "rounded up: never too early");
        assert_eq!(empty.worth_it_at(pace, 1, i64::MAX), Timestamp::MAX.min(empty.worth_it_at(pace, 1, i64::MAX)));
    }
}
