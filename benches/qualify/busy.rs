//! How long one signal holds the writer whose prospect has 10,000 already (S2): each is a statement, so that it is concluded from
//! in its own transaction, and everything the prospect ever did is read for it. The time runs from the beginning of the
//! transaction until it is durable, of a process that does nothing else.

use crate::arguments::Arguments;
use crate::stopwatch::Stopwatch;
use crate::world::World;
use crate::{Figure, company, database, live};
use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use nurtured::clock::ManualClock;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::signal::{About, NewSignal};
use nurtured::domain::id::ProspectId;
use nurtured::flow::doorway::observe::{Observed, observe};
use nurtured::store::doorway::signals;
use nurtured::store::engine::backend::Store;
use std::sync::Arc;
use std::time::Duration;

/// Of a hundred, ninety-nine take no longer.
const GOAL: Duration = Duration::from_millis(10);
/// How many signals the prospect has before.
const BEFORE: u64 = 10_000;
/// Over how many days they came.
const DAYS: u64 = 500;
const BEGINS: &str = "2025-01-13T08:00:00Z";

/// Measures each engine that is asked for.
pub(crate) async fn measure(arguments: &Arguments) -> Result<Vec<Figure>> {
    println!("busy: {} signals of a prospect who has {BEFORE} already", arguments.statements());
    let mut figures = Vec::new();
    for engine in arguments.engine.each() {
        let directory = tempfile::tempdir()?;
        let Some(store) = database::open(*engine, directory.path()).await? else { continue };
        let mut took = run(store, arguments.statements()).await?;
        took.sort();
        let at = |percent: usize| took[(took.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1e3;
        let (median, high, most) = (at(50), at(99), at(100));
        let goal = GOAL.as_millis();
        println!("  {}: p50 {median:.1} ms, p99 {high:.1} ms (goal at most {goal}), the longest {most:.1} ms", engine.name());
        figures.push((format!("busy_p99_ms_{}", engine.word()), format!("{high:.1}")));
    }
    println!();
    Ok(figures)
}

async fn run(store: Store, count: u64) -> Result<Vec<Duration>> {
    let begins: Timestamp = BEGINS.parse()?;
    let clock = Arc::new(ManualClock::at(begins));
    let ctx = live::context(store, clock.clone()).await?;
    // With colleagues, whom what is stated concerns.
    let whose = company::admit(&ctx, company::COLLEAGUES).await?;
    let world = World::of(whose, 1, ctx.plan())?;
    for day in 0..DAYS {
        let at = begins + SignedDuration::from_hours(i64::try_from(day * 24)?);
        let numbers = BEFORE * day / DAYS..BEFORE * (day + 1) / DAYS;
        let rows: Vec<NewSignal> = numbers.map(|number| world.signal(number, day, at)).collect::<Result<_>>()?;
        let rows: Vec<(Option<ProspectId>, &NewSignal)> = rows.iter().map(|signal| (Some(whose), signal)).collect();
        let mut tx = ctx.store().write().await?;
        signals::append(&mut tx, &rows, at).await?;
        tx.commit().await?;
    }
    let mut took = Vec::new();
    for number in 0..count {
        let now =
            begins + SignedDuration::from_hours(i64::try_from(DAYS * 24)?) + SignedDuration::from_mins(i64::try_from(number)?);
        clock.move_to(now);
        company::settle(&ctx).await?;
        let criterion = Criterion::ALL[usize::try_from(number)? % Criterion::ALL.len()];
        let signal = NewSignal { once: format!("stated:{number}"), ..world.proof(whose, criterion, now)? };
        ensure!(signal.about == About::Prospect(whose), "it is another one's");
        let watch = Stopwatch::start();
        let observed = observe(&ctx, &[signal]).await?;
        took.push(watch.read());
        ensure!(matches!(observed[..], [Observed::New(_)]), "signal {number} was not new");
    }
    ctx.store().close().await;
    Ok(took)
}
