//! The year of the simulation benchmark: the example company with everybody in both audiences, its edition in forty weeks beside
//! the series' eleven months, and people as `nurtured simulate --made-up` makes them.

use crate::company;
use crate::cost::processor;
use crate::stopwatch::Stopwatch;
use anyhow::{Result, ensure};
use jiff::Timestamp;
use nurtured::clock::ManualClock;
use nurtured::config::behaviour::usual;
use nurtured::config::example::load_embedded;
use nurtured::domain::audience::Audience;
use nurtured::domain::group::schedule::Schedule;
use nurtured::domain::plan::Plan;
use nurtured::flow::context::Context;
use nurtured::flow::doorway::{admit, apply};
use nurtured::insight::simulate::people::{Participants, made_up};
use nurtured::insight::simulate::report::SimulationReport;
use nurtured::insight::simulate::run::{SimulationRequest, run as simulated};
use nurtured::store::engine::backend::Store;
use nurtured::store::engine::scratch;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// How many issues the year has: forty of the edition, eleven of the series.
pub(crate) const ISSUES: usize = 51;
const FROM: &str = "2026-01-12T00:00:00Z";
const UNTIL: &str = "2027-01-12T00:00:00Z";
const SEED: u64 = 1;
/// How many prospects are admitted in one transaction, as the simulation does it.
const PAGE: usize = 2_000;

/// A simulated year.
pub(crate) struct Year {
    pub report: SimulationReport,
    /// The database that the simulation leaves.
    pub scratch: Store,
    pub path: PathBuf,
    pub seconds: f64,
    /// Processor time of this process.
    pub processor_seconds: f64,
    /// Deletes the database.
    _directory: TempDir,
}

/// Simulates it, from an empty database to the report.
pub(crate) async fn simulate(prospects: usize) -> Result<Year> {
    let (directory, plan) = (tempfile::tempdir()?, plan()?);
    let path = directory.path().join("simulation.db");
    let (watch, before) = (Stopwatch::start(), processor()?);
    let scratch = scratch::make(&path).await?;
    let request = SimulationRequest {
        scratch: scratch.clone(),
        behaviour: usual(&plan),
        plan,
        participants: Participants { arrivals: made_up(prospects, SEED), ..Participants::default() },
        prospects_from: "made up".to_owned(),
        seed: SEED,
        from: from()?,
        until: until()?,
    };
    let report = Box::pin(simulated(request)).await?;
    let (seconds, processor_seconds) = (watch.read().as_secs_f64(), processor()? - before);
    let issues: usize = report.calendar.iter().flat_map(|zone| &zone.dates).filter(|date| date.mails > 0).count();
    ensure!(issues == ISSUES, "{issues} dates had mails, and not {ISSUES}");
    ensure!(report.without_future == 0, "{} prospects were without a future", report.without_future);
    Ok(Year { report, scratch, path, seconds, processor_seconds, _directory: directory })
}

/// When it begins.
pub(crate) fn from() -> Result<Timestamp> {
    Ok(FROM.parse()?)
}

/// When it ends.
pub(crate) fn until() -> Result<Timestamp> {
    Ok(UNTIL.parse()?)
}

/// The company over a store.
pub(crate) async fn context(store: Store, clock: Arc<ManualClock>, plan: Plan) -> Result<Context> {
    Ok(Context::assemble(store, clock, plan, "measured".to_owned()).await?)
}

/// Admits the people of the simulation to an empty database, in the same order and so with the same numbers, and assesses them.
pub(crate) async fn admit(ctx: &Context, prospects: usize) -> Result<()> {
    apply::begin(ctx).await?;
    for page in made_up(prospects, SEED).chunks(PAGE) {
        let mut tx = ctx.store().write().await?;
        admit::admit(&mut tx, &ctx.plan(), page, "simulation", None, ctx.now()).await?;
        tx.commit().await?;
    }
    company::settle(ctx).await
}

/// The company's configuration.
pub(crate) fn plan() -> Result<Plan> {
    let mut plan = load_embedded(&[]).map_err(|problems| anyhow::anyhow!("{}", problems.render(false)))?.plan;
    for campaign in &mut plan.campaigns {
        campaign.audience = Audience::default();
        if campaign.name.as_str() == "production-letter" {
            campaign.schedule = Schedule::parse("0 10 8,15,22,28 2-11 *", "Europe/Madrid")?;
        }
    }
    Ok(plan)
}
