//! How many signals a second are observed and qualified, sustained, beside a bare durable append of the same rows in the same
//! batches on the same engine (S2).
//!
//! Thirty days pass on a clock moved by hand. In each, what a newsletter brings comes in through the batch writer that the web uses,
//! from many callers at once, each waiting until its own signal is durable; beside them the qualify step runs as in the daemon,
//! on what the clock has brought: a click counts ten minutes after it, so every click is assessed the day after. When nothing
//! is due any more, the day's rows are appended to a second database by nothing but the statement that appends. In the end
//! the verdicts of many prospects must be those of a fresh assessment.

use crate::arguments::Arguments;
use crate::company;
use crate::cost::processor;
use crate::database;
use crate::stopwatch::Stopwatch;
use crate::world::World;
use crate::{Figure, dice::Dice};
use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use nurtured::clock::{Clock, ManualClock};
use nurtured::config::example;
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::doorway::signal::{About, NewSignal};
use nurtured::domain::id::ProspectId;
use nurtured::flow::context::{Context, Progress};
use nurtured::flow::doorway::observe::{self, Observed, SignalWriter};
use nurtured::flow::doorway::{assess, qualify};
use nurtured::store::doorway::{assessment_queue, signals};
use nurtured::store::engine::backend::Store;
use nurtured::store::people::prospects;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const DAYS: u64 = 30;
/// How many prospects are assessed once more in the end.
const SAMPLE: u64 = 1_000;
/// A Monday morning.
const BEGINS: &str = "2026-01-12T08:00:00Z";
/// Of the rate of a bare append, at least.
const GOAL: f64 = 0.25;

/// Measures each engine that is asked for.
pub(crate) async fn measure(arguments: &Arguments) -> Result<Vec<Figure>> {
    let (prospects, signals) = (arguments.prospects(), arguments.signals());
    println!("live: {signals} signals of {prospects} prospects, {} callers at once", arguments.callers);
    let mut figures = Vec::new();
    for engine in arguments.engine.each() {
        let (directory, beside) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let Some(store) = database::open(*engine, directory.path()).await? else { continue };
        let Some(bare) = database::open(*engine, beside.path()).await? else { continue };
        let clock = Arc::new(ManualClock::at(BEGINS.parse()?));
        let ctx = context(store, clock.clone()).await?;
        let first = company::admit(&ctx, prospects).await?;
        // The same prospects there, with the same numbers: signals refer to them.
        let twin = context(bare.clone(), clock.clone()).await?;
        ensure!(company::admit(&twin, prospects).await? == first, "the two databases number their prospects differently");
        let world = Arc::new(World::of(first, prospects, ctx.plan())?);
        let run = Run { ctx: ctx.clone(), bare, clock, signals: observe::signal_writer(&ctx), world, callers: arguments.callers };
        let days = run.live(BEGINS.parse()?, signals).await?;
        let checked = run.check(prospects).await?;
        let mut ratios: Vec<f64> = days.iter().map(|day| day.bare / day.live).collect();
        ratios.sort_by(f64::total_cmp);
        let count = f64::from(u32::try_from(signals)?);
        let sum = |of: fn(&Day) -> f64| days.iter().map(of).sum::<f64>();
        let (ours, theirs, ratio) = (sum(|day| day.live), sum(|day| day.bare), sum(|day| day.bare) / sum(|day| day.live));
        let each = |seconds: f64| 1e6 * seconds / count;
        println!(
            "  {}: {:.0} signals/s, {:.0} µs of our processor time each; bare append {:.0}/s, {:.0} µs; ratio {ratio:.2} (goal at \
             least {GOAL}; the days {:.2} to {:.2}); {checked} verdicts of {} prospects assessed once more",
            engine.name(),
            count / ours,
            each(sum(|day| day.live_processor)),
            count / theirs,
            each(sum(|day| day.bare_processor)),
            ratios[0],
            ratios[ratios.len() - 1],
            SAMPLE.min(prospects)
        );
        figures.push((format!("ratio_live_{}", engine.word()), format!("{ratio:.2}")));
        figures.push((format!("live_{}", engine.word()), format!("{:.0}", count / ours)));
        twin.store().close().await;
        ctx.store().close().await;
    }
    println!();
    Ok(figures)
}

/// The example company over a store.
pub(crate) async fn context(store: Store, clock: Arc<ManualClock>) -> Result<Context> {
    let plan = example::load_embedded(&[]).map_err(|problems| anyhow::anyhow!("{}", problems.render(false)))?.plan;
    Ok(Context::assemble(store, clock, plan, "measured".to_owned()).await?)
}

/// Seconds that one day's signals took.
struct Day {
    live: f64,
    live_processor: f64,
    bare: f64,
    bare_processor: f64,
}

struct Run {
    ctx: Context,
    /// The database that the same rows are appended to.
    bare: Store,
    clock: Arc<ManualClock>,
    signals: SignalWriter,
    world: Arc<World>,
    callers: u64,
}

impl Run {
    async fn live(&self, begins: Timestamp, signals: u64) -> Result<Vec<Day>> {
        let qualifying = tokio::spawn(qualifying(self.ctx.clone()));
        let mut days = Vec::new();
        for day in 0..DAYS {
            let at = begins + SignedDuration::from_hours(i64::try_from(day * 24)?);
            let (from, to) = (signals * day / DAYS, signals * (day + 1) / DAYS);
            let (watch, before) = (Stopwatch::start(), processor()?);
            self.clock.move_to(at);
            self.ctx.wake();
            self.observe(from, to, day, at).await?;
            if day + 1 == DAYS {
                // The last day's clicks count too.
                self.clock.advance(SignedDuration::from_hours(1));
            }
            company::settle(&self.ctx).await?;
            let (live, live_processor) = (watch.read().as_secs_f64(), processor()? - before);
            let rows: Vec<NewSignal> = (from..to).map(|number| self.world.signal(number, day, at)).collect::<Result<_>>()?;
            let (watch, before) = (Stopwatch::start(), processor()?);
            self.append(&rows, at).await?;
            days.push(Day { live, live_processor, bare: watch.read().as_secs_f64(), bare_processor: processor()? - before });
        }
        self.ctx.stop();
        qualifying.await??;
        Ok(days)
    }

    /// Appends rows and nothing else, in batches as large as the writer's.
    async fn append(&self, rows: &[NewSignal], now: Timestamp) -> Result<()> {
        for batch in rows.chunks(observe::GROUP) {
            let whose = |s: &NewSignal| if let About::Prospect(id) = s.about { Some(id) } else { None };
            let batch: Vec<(Option<ProspectId>, &NewSignal)> = batch.iter().map(|s| (whose(s), s)).collect();
            let mut tx = self.bare.write().await?;
            let appended = signals::append(&mut tx, &batch, now).await?;
            ensure!(appended.len() == batch.len(), "{} of {} rows were new", appended.len(), batch.len());
            tx.commit().await?;
        }
        Ok(())
    }

    /// Signals of these numbers, from many callers.
    async fn observe(&self, from: u64, to: u64, day: u64, at: Timestamp) -> Result<()> {
        let next = Arc::new(AtomicU64::new(from));
        let callers = (0..self.callers.min(to - from)).map(|_| {
            let (next, writer, world) = (next.clone(), self.signals.clone(), self.world.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= to {
                        return anyhow::Ok(());
                    }
                    let observed = writer.write(world.signal(number, day, at)?).await?;
                    ensure!(matches!(observed, Observed::New(_)), "signal {number} was not new: {observed:?}");
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await??;
        }
        Ok(())
    }

    /// Assesses a sample once more; returns how many verdicts it found, all of them as they had been written down.
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
