//! What it costs to record the year's signals: every one that the simulation left in its database comes in once more, in the order
//! recorded, through the batch writer that the web uses, from many callers, each waiting until its own is durable. The clock stands at the
//! beginning of each day: a click is young when it comes, as on the web, and is assessed the day after. What becomes due is assessed
//! at the end of each day.
//!
//! The prospects, and the signals of their own admission, are there before; that is not counted. In the end everybody's verdicts
//! must be those of the simulation.

use crate::company;
use crate::cost::{Cost, processor};
use crate::year::{self, Year};
use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use nurtured::clock::ManualClock;
use nurtured::domain::criterion::{Criterion, Verdict};
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::signal::{About, NewSignal};
use nurtured::domain::id::{DeliveryId, IssueId, Name, ProspectId, SignalId};
use nurtured::flow::context::Context;
use nurtured::flow::doorway::observe::{self, Observed, SignalWriter};
use nurtured::store::doorway::history;
use nurtured::store::engine::backend::Store;
use nurtured::store::people::prospects;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// How many report a signal at the same time.
const CALLERS: usize = 64;
const DAY: SignedDuration = SignedDuration::from_hours(24);
const PAGE: i64 = 2_000;
const SIGNALS: &str = "
    SELECT prospect_id, once, occurred_at, recorded_at, delivery_id, issue_id, by_whom, machine, detail
    FROM signals WHERE id > $1 ORDER BY id";

/// The columns of [`SIGNALS`].
type Row = (Option<i64>, String, i64, i64, Option<i64>, Option<i64>, Option<String>, Option<String>, String);

/// Records them.
pub(crate) async fn record(year: &Year, prospects: usize) -> Result<Cost> {
    let directory = tempfile::tempdir()?;
    let store = Store::open_sqlite(&directory.path().join("nurtured.db")).await?;
    let (from, until) = (year::from()?, year::until()?);
    let clock = Arc::new(ManualClock::at(from));
    let ctx = year::context(store, clock.clone(), year::plan()?).await?;
    year::admit(&ctx, prospects).await?;
    let admission = newest(ctx.store()).await?;
    let mut days = after(&year.path, admission, from).await?;
    let count: usize = days.values().map(Vec::len).sum();
    ensure!(count > 0, "the simulation left no signal");

    let (writer, before) = (observe::signal_writer(&ctx), processor()?);
    let mut at = from;
    while at < until {
        clock.move_to(at);
        observe(&writer, days.remove(&at).unwrap_or_default()).await?;
        company::settle(&ctx).await?;
        at += DAY;
    }
    clock.move_to(until);
    company::settle(&ctx).await?;
    let seconds = processor()? - before;

    ensure!(days.is_empty(), "signals of {} days were not recorded", days.len());
    let (ours, theirs) = (newest(ctx.store()).await?, newest(&year.scratch).await?);
    ensure!(ours == theirs, "{ours} signals in all, and {theirs} in the simulation");
    compare(&ctx, year, until).await?;
    ctx.store().close().await;
    Ok(Cost { count: u64::try_from(count)?, seconds })
}

/// Signals from many callers.
async fn observe(writer: &SignalWriter, signals: Vec<NewSignal>) -> Result<()> {
    let (waiting, next) = flume::unbounded();
    let callers = CALLERS.min(signals.len());
    for signal in signals {
        waiting.send(signal)?;
    }
    let callers = (0..callers).map(|_| {
        let (next, writer) = (next.clone(), writer.clone());
        tokio::spawn(async move {
            while let Ok(signal) = next.try_recv() {
                let once = signal.once.clone();
                let observed = writer.write(signal).await?;
                ensure!(matches!(observed, Observed::New(_)), "signal {once} was not new: {observed:?}");
            }
            anyhow::Ok(())
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await??;
    }
    Ok(())
}

/// The number of the newest signal, which is how many there are: none is ever deleted.
async fn newest(store: &Store) -> Result<SignalId> {
    let mut read = store.read().await?;
    Ok(history::extent(&mut read).await?.0)
}

/// The signals of a database after this one, by the beginning of the day they were recorded on.
async fn after(path: &Path, admission: SignalId, from: Timestamp) -> Result<BTreeMap<Timestamp, Vec<NewSignal>>> {
    let mut connection = SqliteConnectOptions::new().filename(path).read_only(true).connect().await?;
    let rows: Vec<Row> = sqlx::query_as(SIGNALS).bind(admission.0).fetch_all(&mut connection).await?;
    connection.close().await?;
    let mut days: BTreeMap<Timestamp, Vec<NewSignal>> = BTreeMap::new();
    for (prospect, once, occurred_at, recorded_at, delivery, issue, by, machine, detail) in rows {
        let since = Timestamp::from_millisecond(recorded_at)?.duration_since(from);
        let day = from + DAY * i32::try_from(since.as_hours() / 24)?;
        days.entry(day).or_default().push(NewSignal {
            about: prospect.map_or(About::Nobody, |id| About::Prospect(ProspectId(id))),
            once,
            occurred_at: Timestamp::from_millisecond(occurred_at)?,
            delivery: delivery.map(DeliveryId),
            issue: issue.map(IssueId),
            by: by.as_deref().map(Name::parse).transpose()?,
            machine: machine.map(|word| Machine::parse(&word).context("an unknown machine")).transpose()?,
            detail: serde_json::from_str(&detail)?,
        });
    }
    Ok(days)
}

/// Fails unless everybody's verdicts are those of the simulation, once what time has changed is assessed there too.
async fn compare(ctx: &Context, year: &Year, until: Timestamp) -> Result<()> {
    let simulated = year::context(year.scratch.clone(), Arc::new(ManualClock::at(until)), year::plan()?).await?;
    company::settle(&simulated).await?;
    let (ours, theirs) = (verdicts(ctx.store()).await?, verdicts(&year.scratch).await?);
    let differ = theirs.iter().filter(|(id, verdicts)| ours.get(id) != Some(*verdicts)).count();
    ensure!(ours.len() == theirs.len() && differ == 0, "the verdicts of {differ} prospects are not those of the simulation");
    ensure!(ours.values().any(|verdicts| !verdicts.is_empty()), "nothing is known of anybody");
    Ok(())
}

async fn verdicts(store: &Store) -> Result<BTreeMap<ProspectId, BTreeMap<Criterion, Verdict>>> {
    let (mut read, mut found, mut last) = (store.read().await?, BTreeMap::new(), ProspectId(0));
    loop {
        let page = prospects::page(&mut read, last, PAGE).await?;
        let Some(newest) = page.last() else { return Ok(found) };
        last = *newest;
        found.extend(prospects::load(&mut read, &page).await?.into_iter().map(|prospect| (prospect.id, prospect.verdicts)));
    }
}
