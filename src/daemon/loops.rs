//! Loops: each step in a task of its own, waiting to be woken or for its instant.
//!
//! Other processes (the command line, other nodes) do not wake this one. One task looks for all loops whether another has
//! written, and rings it: a house with nothing to do wakes once for that, and not once for every loop.

use super::assemble::Node;
use super::identity_guard::{self, Known};
use crate::flow::context::{Context, Progress};
use crate::flow::doorway::apply;
use crate::flow::operations::sweep;
use crate::flow::until_idle::Step;
use crate::store::engine::external_writes::Changes;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

/// How often it is looked whether anybody else has written.
const LOOK_AROUND: Duration = Duration::from_secs(5);
/// How long a loop rests before it shows that it is alive: often enough for [`PATIENCE`].
const REST: Duration = Duration::from_secs(90);
/// How long a step is not taken at most, whatever rings: should a change ever escape us.
const LOOK_ANYWAY: Duration = Duration::from_mins(10);
/// How long a loop waits after a step failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How often everybody is checked for a future while nothing happens…
const REVIEW_EVERY: Duration = Duration::from_hours(1);
/// …how long that is put off at least while much happens…
const REVIEW_APART: Duration = Duration::from_mins(1);
/// …and for how many times as long as it took: a twentieth of one processor, however many there are.
const REVIEW_REST: i32 = 20;

/// How long a step may take while it waits for a relay: RFC 5321 grants the final dot ten minutes.
const RELAY_PATIENCE: Duration = Duration::from_mins(15);
/// How long any other step may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// The proof of life the watchdog is fed with: how often each loop has ended a step, and for how long it has not. And what the
/// loops see that is not theirs to do: that another configuration was applied.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    beats: Arc<[AtomicU64; Step::ALL.len()]>,
    seen: [u64; Step::ALL.len()],
    silent: [Duration; Step::ALL.len()],
    applied: Arc<Notify>,
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

    /// Waits until a configuration is in force that this process does not work by.
    pub async fn applied_elsewhere(&self) {
        self.applied.notified().await;
    }

    fn beat(&self, step: Step) {
        self.beats[step as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts every loop on the tracker. They end when the context is told to stop, each after the step in hand.
pub fn start(node: &Node, tracker: &TaskTracker) -> Pulse {
    let pulse = Pulse::default();
    for step in Step::ALL {
        let (node, pulse) = (node.clone(), pulse.clone());
        tracker.spawn(async move { turn(step, &node, &pulse).await });
    }
    let keeper = node.clone();
    tracker.spawn(async move { look_after(&keeper).await });
    let (ctx, applied) = (node.ctx.clone(), pulse.applied.clone());
    tracker.spawn(async move { look_around(&ctx, &applied).await });
    // Not a step: it writes nothing, and nothing waits for it.
    let (ctx, targets) = (node.ctx.clone(), node.site.targets.clone());
    tracker.spawn(async move { targets.attend(&ctx).await });
    let node = node.clone();
    tracker.spawn(async move { keep_home(&node).await });
    pulse
}

/// Checks everybody for a future after something has happened, and keeps what was counted.
async fn look_after(node: &Node) {
    let (ctx, clock) = (&node.ctx, node.ctx.clock());
    let mut wakes = ctx.wakes();
    while !ctx.is_stopping() {
        wakes.borrow_and_update();
        let began = clock.steady();
        match sweep::review(ctx).await {
            Ok(Some(census)) => {
                let (without_future, in_two) = (census.without_future(), census.in_two);
                if !census.holds() {
                    tracing::error!(without_future, in_two, "the law of conservation is broken; `nurtured doctor` says how");
                }
                node.site.figures.keep(census);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(step = "review", %error, "step failed"),
        }
        let took = clock.steady().saturating_sub(began).saturating_mul(REVIEW_REST);
        let apart = Duration::try_from(took).unwrap_or_default().clamp(REVIEW_APART, REVIEW_EVERY);
        tokio::select! {
            () = tokio::time::sleep(apart) => {}
            () = ctx.stopping() => break,
        }
        tokio::select! {
            _ = wakes.changed() => {}
            () = tokio::time::sleep(REVIEW_EVERY) => {}
            () = ctx.stopping() => {}
        }
    }
}

/// Wakes the steps when another process has written, or the clock does not say what it should after such a wait: it was
/// put forward, or the machine slept.
async fn look_around(ctx: &Context, applied: &Notify) {
    let mut changes = Changes::default();
    while !ctx.is_stopping() {
        let expected = ctx.now() + LOOK_AROUND;
        tokio::select! {
            () = tokio::time::sleep(LOOK_AROUND) => {}
            () = ctx.stopping() => break,
        }
        let off = ctx.now().duration_since(expected).abs() >= SignedDuration::from_secs(1);
        // A database that does not answer is the steps' to complain of.
        if changes.look(ctx.store()).await.unwrap_or(true) || off {
            if let Ok(Some(_)) = apply::applied_elsewhere(ctx).await {
                applied.notify_one();
            }
            ctx.wake();
        }
    }
}

/// Keeps outside the database how far it has come, so that a restored backup is told from it.
async fn keep_home(node: &Node) {
    let (ctx, clock) = (&node.ctx, node.ctx.clock());
    let mut known = Known::default();
    while !ctx.is_stopping() {
        // While it moves, a second is what a copy and a crash must fall into to be taken for one another.
        let mut apart = Duration::from_secs(1);
        if let Err(error) = identity_guard::keep(ctx.store(), &*clock, &mut known).await {
            tracing::warn!(%error, "how far the database has come was not kept");
            apart = AFTER_FAILURE;
        }
        let wait = async {
            tokio::time::sleep(apart).await;
            // Somebody else may have put a backup in its place while nothing of ours was written.
            let _ = tokio::time::timeout(LOOK_ANYWAY, known.is_outdated(ctx.store())).await;
        };
        tokio::select! {
            () = wait => {}
            () = ctx.stopping() => {}
        }
    }
}

async fn turn(step: Step, node: &Node, pulse: &Pulse) {
    let ctx = &node.ctx;
    let mut wakes = ctx.wakes();
    while !ctx.is_stopping() {
        // Listen before looking: what happens meanwhile rings again.
        wakes.borrow_and_update();
        let until = match step.take(ctx, &node.writer).await {
            Ok(Progress::Done) => None,
            Ok(Progress::Idle) => Some(ctx.now() + LOOK_ANYWAY),
            Ok(Progress::NotBefore(at)) => Some(at.min(ctx.now() + LOOK_ANYWAY)),
            Err(error) => {
                tracing::error!(step = step.name(), %error, "step failed");
                Some(ctx.now() + AFTER_FAILURE)
            }
        };
        pulse.beat(step);
        match until {
            None => tokio::task::yield_now().await,
            Some(until) => {
                tokio::select! {
                    _ = wakes.changed() => {}
                    () = rest(ctx, until, || pulse.beat(step)) => {}
                    () = ctx.stopping() => {}
                }
            }
        }
    }
}

/// Waits for an instant of the house's clock; shows meanwhile that it is alive.
async fn rest(ctx: &Context, until: Timestamp, alive: impl Fn()) {
    loop {
        let left = Duration::try_from(until.duration_since(ctx.now())).unwrap_or(Duration::ZERO);
        // Never at once: an instant that a step gives again and again must not keep a processor busy.
        tokio::time::sleep(left.clamp(Duration::from_millis(5), REST)).await;
        alive();
        if ctx.now() >= until {
            return;
        }
    }
}
