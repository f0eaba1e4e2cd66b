//! Loops: each step in a task of its own, waiting to be woken or for its instant.
//!
//! Other processes (the command line, other nodes) cannot wake this one. One task polls for all loops whether another has
//! written, and wakes them: an idle daemon wakes up once for that, and not once for every loop.

use super::assemble::Node;
use super::identity_guard::{self, LastCheck};
use super::mailboxes;
use crate::flow::context::{Context, Progress};
use crate::flow::doorway::apply;
use crate::flow::operations::sweep;
use crate::flow::until_idle::Step;
use crate::store::engine::external_writes::ExternalWrites;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

/// How often it polls for writes of other processes.
const POLL_EVERY: Duration = Duration::from_secs(5);
/// How long a loop sleeps at most before it beats: often enough for [`PATIENCE`].
const REST: Duration = Duration::from_secs(90);
/// The longest time between two runs of a step, in case a wake is ever missed.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// How long a loop waits after a step failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How often the census is taken while nothing happens…
const REVIEW_EVERY: Duration = Duration::from_hours(1);
/// …how far apart two are at least while much happens…
const REVIEW_APART: Duration = Duration::from_mins(1);
/// …and how many times as long as one took it waits: a twentieth of one processor, however many there are.
const REVIEW_REST: i32 = 20;

/// The time limit of a step that waits for a relay: RFC 5321 grants the final dot ten minutes.
const RELAY_PATIENCE: Duration = Duration::from_mins(15);
/// The time limit of any other step.
const PATIENCE: Duration = Duration::from_mins(2);

/// What the loops tell the lifecycle: a beat with every step that ended, for the watchdog; and that another process applied
/// a configuration.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    beats: Arc<[AtomicU64; Step::ALL.len()]>,
    seen: [u64; Step::ALL.len()],
    silent: [Duration; Step::ALL.len()],
    applied: Arc<Notify>,
}

impl Pulse {
    /// Whether every loop has ended a step within its time limit; called every `interval`.
    pub fn is_alive(&mut self, interval: Duration) -> bool {
        for (i, beats) in self.beats.iter().enumerate() {
            let now = beats.load(Ordering::Relaxed);
            self.silent[i] = if now == self.seen[i] { self.silent[i] + interval } else { Duration::ZERO };
            self.seen[i] = now;
        }
        let patience = |step: Step| if matches!(step, Step::Deliver | Step::Correspond) { RELAY_PATIENCE } else { PATIENCE };
        Step::ALL.into_iter().zip(self.silent).all(|(step, silent)| silent < patience(step))
    }

    /// Waits until another process has applied a configuration that this one does not use.
    pub async fn applied_elsewhere(&self) {
        self.applied.notified().await;
    }

    fn beat(&self, step: Step) {
        self.beats[step as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts every loop on the tracker. They end after their present step when the context is told to stop.
pub fn start(node: &Node, tracker: &TaskTracker) -> Pulse {
    let pulse = Pulse::default();
    for step in Step::ALL {
        let (node, pulse) = (node.clone(), pulse.clone());
        tracker.spawn(async move { run_step(step, &node, &pulse).await });
    }
    let keeper = node.clone();
    tracker.spawn(async move { take_census(&keeper).await });
    let (ctx, applied) = (node.ctx.clone(), pulse.applied.clone());
    tracker.spawn(async move { poll(&ctx, &applied).await });
    // It is no step: it writes nothing, and no other step waits for it.
    let (ctx, links) = (node.ctx.clone(), node.site.links.clone());
    tracker.spawn(async move { links.keep_current(&ctx).await });
    let ctx = node.ctx.clone();
    tracker.spawn(async move { mailboxes::read_all(&ctx).await });
    let (ctx, spooled) = (node.ctx.clone(), node.site.spooled.clone());
    tracker.spawn(async move { spooled.keep_recording(&ctx).await });
    let node = node.clone();
    tracker.spawn(async move { keep_marker(&node).await });
    pulse
}

/// Takes the census after something has happened, and caches it for the web.
async fn take_census(node: &Node) {
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
                node.site.census.keep(census);
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

/// Wakes the steps when another process has written, or the clock is not where it should be after the wait: it was
/// set, or the machine slept.
async fn poll(ctx: &Context, applied: &Notify) {
    let mut changes = ExternalWrites::default();
    while !ctx.is_stopping() {
        let expected = ctx.now() + POLL_EVERY;
        tokio::select! {
            () = tokio::time::sleep(POLL_EVERY) => {}
            () = ctx.stopping() => break,
        }
        let off = ctx.now().duration_since(expected).abs() >= SignedDuration::from_secs(1);
        // If the database does not answer, the steps will log it.
        if changes.look(ctx.store()).await.unwrap_or(true) || off {
            if let Ok(Some(_)) = apply::applied_elsewhere(ctx).await {
                applied.notify_one();
            }
            ctx.wake();
        }
    }
}

/// Keeps the restore marker up to date, so that a restored backup can be told from the database.
async fn keep_marker(node: &Node) {
    let (ctx, clock) = (&node.ctx, node.ctx.clock());
    let mut last = LastCheck::default();
    while !ctx.is_stopping() {
        // While it is written to, a copy and a crash within the same second are the only ones that cannot be told apart.
        let mut apart = Duration::from_secs(1);
        if let Err(error) = identity_guard::recheck(ctx.store(), &*clock, &mut last).await {
            tracing::warn!(%error, "how far the database has come was not kept");
            apart = AFTER_FAILURE;
        }
        let wait = async {
            tokio::time::sleep(apart).await;
            // A backup may have been put in its place while this process wrote nothing.
            let _ = tokio::time::timeout(LONGEST_WAIT, last.is_outdated(ctx.store())).await;
        };
        tokio::select! {
            () = wait => {}
            () = ctx.stopping() => {}
        }
    }
}

async fn run_step(step: Step, node: &Node, pulse: &Pulse) {
    let ctx = &node.ctx;
    let mut wakes = ctx.wakes();
    while !ctx.is_stopping() {
        // Subscribe first: a wake during the step leads to another step.
        wakes.borrow_and_update();
        let until = match step.take(ctx, &node.writer).await {
            Ok(Progress::Done) => None,
            Ok(Progress::Idle) => Some(ctx.now() + LONGEST_WAIT),
            Ok(Progress::NotBefore(at)) => Some(at.min(ctx.now() + LONGEST_WAIT)),
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

/// Waits for an instant of the context's clock, with a beat at least every [`REST`].
async fn rest(ctx: &Context, until: Timestamp, alive: impl Fn()) {
    loop {
        let left = Duration::try_from(until.duration_since(ctx.now())).unwrap_or(Duration::ZERO);
        // Never zero: a step that returns the same instant again and again must not keep a processor busy.
        tokio::time::sleep(left.clamp(Duration::from_millis(5), REST)).await;
        alive();
        if ctx.now() >= until {
            return;
        }
    }
}
