//! How many signals a second are observed and qualified, sustained: from the first that comes in to the last verdict,
//! what time brings included.
//!
//! Thirty days pass on a clock moved by hand, a day at a time. In each, what a newsletter brings comes in through the door
//! that the web uses, from many callers at once, each waiting until its own is durable; beside them the qualify step
//! runs as in the daemon, on what the clock has brought: a click counts ten minutes after it, so every click is looked
//! at twice. Nothing may be lost, and in the end the verdicts of many prospects must be those of a fresh look.

use crate::arguments::{Arguments, Engine};
use crate::company;
use crate::database;
use crate::stopwatch::Stopwatch;
use crate::usage::processor_seconds;
use crate::world::World;
use crate::{Figure, dice::Dice};
use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use nurtured::clock::{Clock, ManualClock};
use nurtured::config::example;
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::flow::context::{Context, Progress};
use nurtured::flow::doorway::observe::{self, Door, Observed};
use nurtured::flow::doorway::{assess, qualify};
use nurtured::store::doorway::assessment_queue;
use nurtured::store::people::prospects;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const DAYS: u64 = 30;
/// How many prospects are looked at again.
const SAMPLE: u64 = 1_000;
/// A Monday morning.
const BEGINS: &str = "2026-01-12T08:00:00Z";

/// Signals a second.
const fn goal(engine: Engine) -> u64 {
    if matches!(engine, Engine::Sqlite) { 20_000 } else { 50_000 }
}

/// Measures each engine that is asked for.
pub(crate) async fn measure(arguments: &Arguments) -> Result<Vec<Figure>> {
    let (prospects, signals) = (arguments.prospects(), arguments.signals());
    println!("live: {signals} signals of {prospects} prospects, {} callers at once", arguments.callers);
    let mut figures = Vec::new();
    for engine in arguments.engine.each() {
        let directory = tempfile::tempdir()?;
        let Some(store) = database::open(*engine, directory.path()).await? else { continue };
        let begins: Timestamp = BEGINS.parse()?;
        let clock = Arc::new(ManualClock::at(begins));
        let plan = example::load_embedded(&[]).map_err(|problems| anyhow::anyhow!("{}", problems.render(false)))?.plan;
        let ctx = Context::assemble(store, clock.clone(), plan, "measured".to_owned()).await?;
        let first = company::admit(&ctx, prospects).await?;
        let world = Arc::new(World::of(first, prospects, ctx.plan())?);
        let run = Run { ctx: ctx.clone(), clock, door: observe::door(&ctx), world, callers: arguments.callers };
        let (watch, before) = (Stopwatch::start(), processor_seconds(std::process::id())?);
        run.live(begins, signals).await?;
        let (took, worked) = (watch.read(), processor_seconds(std::process::id())? - before);
        let each = Duration::from_secs_f64(worked).as_micros() / u128::from(signals);
        let rate = u128::from(signals) * 1_000_000 / took.as_micros().max(1);
        let checked = run.check(prospects).await?;
        println!(
            "  {}: {rate} signals/s (goal {}) over {:.1} s, {each} µs of our processor time each (a server's own beside it); \
             {checked} verdicts of {} prospects looked at again",
            engine.name(),
            goal(*engine),
            took.as_secs_f64(),
            SAMPLE.min(prospects)
        );
        figures.push((format!("live_{}", engine.word()), rate.to_string()));
        ctx.store().close().await;
    }
    println!();
    Ok(figures)
}

struct Run {
    ctx: Context,
    clock: Arc<ManualClock>,
    door: Door,
    world: Arc<World>,
    callers: u64,
}

impl Run {
    async fn live(&self, begins: Timestamp, signals: u64) -> Result<()> {
        let qualifying = tokio::spawn(qualifying(self.ctx.clone()));
        for day in 0..DAYS {
            let at = begins + SignedDuration::from_hours(i64::try_from(day * 24)?);
            self.clock.move_to(at);
            self.ctx.wake();
            self.observe(signals * day / DAYS, signals * (day + 1) / DAYS, day, at).await?;
        }
        self.ctx.stop();
        qualifying.await??;
        self.clock.advance(SignedDuration::from_hours(1));
        company::settle(&self.ctx).await
    }

    /// Signals of these numbers, from many callers.
    async fn observe(&self, from: u64, to: u64, day: u64, at: Timestamp) -> Result<()> {
        let next = Arc::new(AtomicU64::new(from));
        let callers = (0..self.callers.min(to - from)).map(|_| {
            let (next, door, world) = (next.clone(), self.door.clone(), self.world.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= to {
                        return anyhow::Ok(());
                    }
                    let observed = door.write(world.signal(number, day, at)?).await?;
                    ensure!(matches!(observed, Observed::New(_)), "signal {number} was not new: {observed:?}");
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await??;
        }
        Ok(())
    }

    /// Looks at a sample again; returns how many verdicts it found, all of them as they had been written down.
    async fn check(&self, of: u64) -> Result<u64> {
        let (plan, now) = (self.ctx.plan(), self.clock.now());
        let mut tx = self.ctx.store().read().await?;
        let due = assessment_queue::peek(&mut tx).await?;
        ensure!(due.is_none_or(|at| at > now), "something is still due");
        let mut found = 0;
        for number in 0..SAMPLE.min(of) {
            let id = self.world.prospect(Dice::of(number).below(of))?;
            let kept = prospects::one(&mut tx, id).await?.verdicts;
            let (fresh, _) = assess::assess(&mut tx, &plan, id, now).await?;
            for (criterion, finding) in fresh.findings().iter() {
                let kept = kept.get(&criterion).copied().unwrap_or_default();
                ensure!(
                    kept == finding.verdict,
                    "prospect {id}: {criterion} is {}, and {} was kept",
                    finding.verdict.word(),
                    kept.word()
                );
                found += u64::from(finding.verdict != Verdict::Unknown);
            }
        }
        ensure!(found > 0, "nothing is known of anybody");
        Ok(found)
    }
}

/// Assesses whatever is due, as the daemon's loop does, until it is told to stop.
async fn qualifying(ctx: Context) -> Result<()> {
    let mut wakes = ctx.wakes();
    while !ctx.is_stopping() {
        wakes.borrow_and_update();
        if qualify::qualify(&ctx).await.context("could not qualify")? != Progress::Done {
            tokio::select! {
                heard = wakes.changed() => heard?,
                () = ctx.stopping() => {}
            }
        }
    }
    Ok(())
}
