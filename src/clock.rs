//! The clock: the only module that reads the time; all others are given `now`. It also notices when the clock jumps
//! forward; its caller decides what to do then.

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Mutex, PoisonError};

/// Tells the time in whole milliseconds, the precision in which a store keeps it.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;

    /// Whether time passes while the caller waits; `false` for a manual clock.
    fn goes_by_itself(&self) -> bool {
        true
    }

    /// The time since some moment before this process began, by a clock that cannot be set. Sleep of the machine counts, so
    /// that waking up is no jump.
    fn steady(&self) -> SignedDuration;
}

/// How far the clock may run ahead of the steady one before it counts as a jump: more than NTP slews, leap seconds and
/// changes of a zone's clocks (which change no instant at all) come to.
pub const JUMP: SignedDuration = SignedDuration::from_hours(2);

/// Compares the clock with the steady one. Each call sees what happened since the last that reset it; small jumps add
/// up.
#[derive(Debug)]
pub struct Watch(Mutex<SignedDuration>);

impl Watch {
    pub fn begin(clock: &dyn Clock) -> Self {
        Self(Mutex::new(lead(clock)))
    }

    /// How far the clock has jumped forward, if more than [`JUMP`]; every caller is told, until `seen_to` is
    /// called. A clock that was set back is watched from its new time.
    pub fn jumped(&self, clock: &dyn Clock) -> Option<SignedDuration> {
        let lead = lead(clock);
        let mut before = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let jump = lead.checked_sub(*before).unwrap_or(SignedDuration::ZERO);
        if jump < SignedDuration::ZERO {
            *before = lead;
        }
        (jump > JUMP).then_some(jump)
    }

    /// Resets the comparison: the jump was dealt with.
    pub fn seen_to(&self, clock: &dyn Clock) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lead(clock);
    }
}

/// How far the clock is ahead of the steady one.
fn lead(clock: &dyn Clock) -> SignedDuration {
    loop {
        let (before, now, after) = (clock.steady(), clock.now(), clock.steady());
        // If the machine slept between the two reads, its clock would seem to have jumped.
        if after.checked_sub(before).is_some_and(|took| took < SignedDuration::from_secs(1)) {
            return SignedDuration::from_millis(now.as_millisecond()).checked_sub(after).unwrap_or(SignedDuration::ZERO);
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the time is read")]
    fn now(&self) -> Timestamp {
        whole_millisecond(Timestamp::now())
    }

    fn steady(&self) -> SignedDuration {
        // Unlike CLOCK_MONOTONIC, which `Instant` reads, it counts the sleep of the machine.
        #[cfg(target_os = "linux")]
        const STEADY: ClockId = ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        const STEADY: ClockId = ClockId::Monotonic;
        let time = clock_gettime(STEADY);
        let nanoseconds = i32::try_from(time.tv_nsec).expect("less than a second");
        SignedDuration::new(time.tv_sec, nanoseconds)
    }
}

/// What this thread has used of a processor: what a test may hold something to on a machine that does other work.
#[cfg(test)]
pub fn processor_time() -> std::time::Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    std::time::Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("less than a second"))
}

/// A clock that stands still until it is moved: for tests, the demo and simulation.
#[derive(Debug)]
pub struct ManualClock(Mutex<Manual>);

#[derive(Debug)]
struct Manual {
    now: Timestamp,
    steady: SignedDuration,
}

impl ManualClock {
    /// A clock that shows `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(Mutex::new(Manual { now: whole_millisecond(at), steady: SignedDuration::ZERO }))
    }

    /// Lets time pass until `at`; a manual clock never goes back this way.
    pub fn move_to(&self, at: Timestamp) {
        let mut clock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let then = whole_millisecond(at).max(clock.now);
        clock.steady = clock.steady.saturating_add(then.duration_since(clock.now));
        clock.now = then;
    }

    pub fn advance(&self, by: SignedDuration) {
        let then = self.now().checked_add(by).unwrap_or(Timestamp::MAX);
        self.move_to(then);
    }

    /// Sets the clock to another time, forward or back, without time passing: what a wrong time server does.
    pub fn set(&self, by: SignedDuration) {
        let mut clock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clock.now = clock.now.checked_add(by).map_or(clock.now, whole_millisecond);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    fn steady(&self) -> SignedDuration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).steady
    }

    fn goes_by_itself(&self) -> bool {
        false
    }
}

fn whole_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_runs_ahead_of_the_steady_one_has_jumped() {
        let hours = SignedDuration::from_hours;
        let clock = ManualClock::at("2026-03-29T00:59:00Z".parse().expect("an instant"));
        let watch = Watch::begin(&clock);
        // A night's sleep, a month of work, and a change to summer time: all of it time that passed.
        clock.advance(hours(720));
        assert_eq!(watch.jumped(&clock), None);
        clock.set(hours(2));
        assert_eq!(watch.jumped(&clock), None, "exactly two hours are no jump yet");
        clock.set(SignedDuration::from_millis(1));
        assert_eq!(watch.jumped(&clock), Some(hours(2) + SignedDuration::from_millis(1)), "they add up");
        assert!(watch.jumped(&clock).is_some(), "whoever asks is told, until somebody has seen to it");
        watch.seen_to(&clock);
        assert_eq!(watch.jumped(&clock), None);
        clock.set(hours(-30));
        assert_eq!(watch.jumped(&clock), None, "backwards nothing fires");
        clock.set(hours(30));
        assert_eq!(watch.jumped(&clock), Some(hours(30)));
    }

    #[test]
    fn the_steady_clock_of_the_machine_goes_on() {
        let before = SystemClock.steady();
        assert!(SystemClock.steady() >= before && before > SignedDuration::ZERO);
        assert_eq!(Watch::begin(&SystemClock).jumped(&SystemClock), None);
    }
}
