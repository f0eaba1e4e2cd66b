//! Loops: each step in a task of its own, waiting for the bell, its instant, or the slow look around.

use super::assemble::House;
use super::home;
use crate::flow::context::Progress;
use crate::flow::settle::Step;
use crate::flow::sweep;
use crate::store::witness::Marks;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// How long a loop waits at most before it looks around: other processes (the command line, other nodes) write too.
const LOOK_AROUND: Duration = Duration::from_secs(5);
/// How long a loop waits after a step failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How often everybody is checked for a future.
const REVIEW_EVERY: Duration = Duration::from_hours(1);

/// How long a step may take while it waits for a relay: RFC 5321 grants the final dot ten minutes.
const RELAY_PATIENCE: Duration = Duration::from_mins(15);
/// How long any other step may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// The proof of life the watchdog is fed with: how often each loop has ended a step, and for how long it has not.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    beats: Arc<[AtomicU64; Step::ALL.len()]>,
    seen: [u64; Step::ALL.len()],
    silent: [Duration; Step::ALL.len()],
}

impl Pulse {
    /// Whether every loop has ended a step lately; asked every `interval`.
    pub fn is_alive(&mut self, interval: Duration) -> bool {
        for (i, beats) in self.beats.iter().enumerate() {
            let now = beats.load(Ordering::Relaxed);
            self.silent[i] = if now == self.seen[i] { self.silent[i] + interval } else { Duration::ZERO };
            self.seen[i] = now;
        }
        let patience = |step: Step| if matches!(step, Step::Deliver | Step::Correspond) { RELAY_PATIENCE } else { PATIENCE };
        Step::ALL.into_iter().zip(self.silent).all(|(step, silent)| silent < patience(step))
    }

    fn beat(&self, step: Step) {
        self.beats[step as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts every loop on the tracker. They end when the context is told to stop, each after the step in hand.
#[must_use]
pub fn start(house: &House, tracker: &TaskTracker) -> Pulse {
    let pulse = Pulse::default();
    for step in Step::ALL {
        let (house, pulse) = (house.clone(), pulse.clone());
        tracker.spawn(async move { turn(step, &house, &pulse).await });
    }
    let ctx = house.ctx.clone();
    tracker.spawn(async move {
        while !ctx.is_stopping() {
            if let Err(error) = sweep::review(&ctx).await {
                tracing::warn!(step = "review", %error, "step failed");
            }
            tokio::select! {
                () = tokio::time::sleep(REVIEW_EVERY) => {}
                () = ctx.stopping() => {}
            }
        }
    });
    // Not a step: it writes nothing, and nothing waits for it.
    let (ctx, targets) = (house.ctx.clone(), house.site.targets.clone());
    tracker.spawn(async move { targets.attend(&ctx).await });
    let house = house.clone();
    tracker.spawn(async move { keep_home(&house).await });
    pulse
}

/// Keeps outside the database how far it has come, so that a restored backup is told from it.
async fn keep_home(house: &House) {
    let (ctx, clock) = (&house.ctx, house.ctx.clock());
    let mut known = Marks::default();
    while !ctx.is_stopping() {
        let before = known;
        match home::keep(ctx.store(), &*clock, known).await {
            Ok(marks) => known = marks,
            Err(error) => tracing::warn!(%error, "how far the database has come was not kept"),
        }
        // While it moves, a second is what a copy and a crash must fall into to be taken for one another.
        let wait = if known == before { LOOK_AROUND } else { Duration::from_secs(1) };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = ctx.stopping() => {}
        }
    }
}

async fn turn(step: Step, house: &House, pulse: &Pulse) {
    let ctx = &house.ctx;
    let mut bell = ctx.listen();
    while !ctx.is_stopping() {
        // Listen before looking: what happens meanwhile rings again.
        bell.borrow_and_update();
        let wait = match step.take(ctx, &house.doors).await {
            Ok(Progress::Done) => Duration::ZERO,
            Ok(Progress::Idle) => LOOK_AROUND,
            Ok(Progress::NotBefore(at)) => Duration::try_from(at.duration_since(ctx.now()))
                .unwrap_or(Duration::ZERO)
                .min(LOOK_AROUND)
                .max(Duration::from_millis(5)),
            Err(error) => {
                tracing::error!(step = step.name(), %error, "step failed");
                AFTER_FAILURE
            }
        };
        pulse.beat(step);
        if wait.is_zero() {
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            _ = bell.changed() => {}
            () = tokio::time::sleep(wait) => {}
            () = ctx.stopping() => {}
        }
    }
}
