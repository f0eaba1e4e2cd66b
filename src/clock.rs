//! The clock. The only place where the time is read; everything else is told `now`.

use jiff::{SignedDuration, Timestamp};
use std::sync::Mutex;

/// Tells the time, in whole milliseconds: what a store keeps is what a step sees.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Whether it goes on while we wait.
    fn goes_by_itself(&self) -> bool {
        true
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the time is read")]
    fn now(&self) -> Timestamp {
        whole_millisecond(Timestamp::now())
    }
}

/// A clock that stands until it is moved: for tests, the demo and simulation.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that shows `at`.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self(Mutex::new(whole_millisecond(at)))
    }

    /// Moves it forward to `at`; a clock never goes back.
    pub fn move_to(&self, at: Timestamp) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = whole_millisecond(at).max(*now);
    }

    /// Moves it forward.
    pub fn advance(&self, by: SignedDuration) {
        let then = self.now().checked_add(by).unwrap_or(Timestamp::MAX);
        self.move_to(then);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn goes_by_itself(&self) -> bool {
        false
    }
}

fn whole_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
