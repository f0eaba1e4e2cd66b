//! How long one signal waits for the writer while a prospect is heard who has 10,000 signals already, and at whose address
//! 35 MB of forms were thrown (S2): that prospect's own statements, and those of a colleague and of a stranger beside them
//! while the step `qualify` assesses, as in the daemon. The time runs from the beginning of the transaction until it is durable.

use crate::arguments::Arguments;
use crate::stopwatch::Stopwatch;
use crate::world::World;
use crate::{Figure, company, database, live};
use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use nurtured::clock::ManualClock;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::signal::{About, Detail, NewSignal};
use nurtured::domain::id::{Name, ProspectId};
use nurtured::flow::context::Context;
use nurtured::flow::doorway::observe::{Observed, observe};
use nurtured::store::doorway::signals;
use nurtured::store::engine::backend::Store;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Of a hundred, ninety-nine take no longer.
const GOAL: Duration = Duration::from_millis(10);
/// How many signals the prospect has before.
const BEFORE: u64 = 10_000;
/// And how many forms, each as large as the door lets one be: 35 MB.
const FORMS: u64 = 2_240;
const FORM: usize = 16_000;
/// Over how many days they came.
const DAYS: u64 = 500;
/// How many statements of others come in beside each of theirs.
const BESIDE: usize = 8;
const BEGINS: &str = "2025-01-13T08:00:00Z";

/// Measures each engine that is asked for.
pub(crate) async fn measure(arguments: &Arguments) -> Result<Vec<Figure>> {
    println!("busy: {} signals of a prospect who has {BEFORE} and {FORMS} large forms already", arguments.statements());
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
    // With colleagues, whom what is stated concerns, and with people of another company.
    let whose = company::admit(&ctx, 2 * company::COLLEAGUES).await?;
    let of = |number: u64| Ok::<_, anyhow::Error>(ProspectId(whose.0 + i64::try_from(number)?));
    let beside = [of(1)?, of(company::COLLEAGUES)?];
    let world = World::of(whose, 1, ctx.plan())?;
    for day in 0..DAYS {
        let at = begins + SignedDuration::from_hours(i64::try_from(day * 24)?);
        let numbers = BEFORE * day / DAYS..BEFORE * (day + 1) / DAYS;
        let forms = FORMS * day / DAYS..FORMS * (day + 1) / DAYS;
        let rows = numbers.map(|number| world.signal(number, day, at)).chain(forms.map(|number| flood(whose, number, at)));
        let rows: Vec<NewSignal> = rows.collect::<Result<_>>()?;
        let rows: Vec<(Option<ProspectId>, &NewSignal)> = rows.iter().map(|signal| (Some(whose), signal)).collect();
        let mut tx = ctx.store().write().await?;
        signals::append(&mut tx, &rows, at).await?;
        tx.commit().await?;
    }
    let mut took = Vec::new();
    for number in 0..count {
        let minutes = SignedDuration::from_mins(i64::try_from(number)?);
        let now = begins + SignedDuration::from_hours(i64::try_from(DAYS * 24)?) + minutes;
        clock.move_to(now);
        let criterion = Criterion::ALL[usize::try_from(number)? % Criterion::ALL.len()];
        took.push(hear(&ctx, &world, whose, criterion, now).await?);
        let assessing = tokio::spawn({
            let ctx = ctx.clone();
            async move { company::settle(&ctx).await }
        });
        // Not until it has ended: what they state concerns the prospect, who would always have to be assessed once more.
        for other in beside.iter().cycle().take(BESIDE) {
            took.push(hear(&ctx, &world, *other, criterion, now).await?);
        }
        assessing.await??;
    }
    ctx.store().close().await;
    Ok(took)
}

/// The time a statement takes to be recorded.
async fn hear(ctx: &Context, world: &World, whose: ProspectId, criterion: Criterion, at: Timestamp) -> Result<Duration> {
    static HEARD: AtomicU64 = AtomicU64::new(0);
    let once = format!("stated:{}", HEARD.fetch_add(1, Ordering::Relaxed));
    let signal = NewSignal { once, ..world.proof(whose, criterion, at)? };
    let watch = Stopwatch::start();
    let observed = observe(ctx, &[signal]).await?;
    let took = watch.read();
    ensure!(matches!(observed[..], [Observed::New(_)]), "a signal was not new");
    Ok(took)
}

/// A form as large as the door lets one be.
fn flood(whose: ProspectId, number: u64, at: Timestamp) -> Result<NewSignal> {
    let fields = BTreeMap::from([("message".to_owned(), format!("{number} {}", "x".repeat(FORM)))]);
    Ok(NewSignal {
        about: About::Prospect(whose),
        once: format!("flood:{number}"),
        occurred_at: at,
        delivery: None,
        issue: None,
        by: None,
        machine: None,
        detail: Detail::Form { form: Name::parse("webinar")?, fields },
    })
}
