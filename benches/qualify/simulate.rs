//! How long a year takes: 10,000 prospects, 51 issues, everybody acting as the example's behaviour says, from the first day to
//! the report, on a virtual clock (Q2). One year is simulated twice, and must come out the same.

use crate::Figure;
use crate::usage::most_memory;
use anyhow::{Context as _, Result, ensure};
use nurtured::clock::{Clock, SystemClock};
use nurtured::config::behaviour::usual;
use nurtured::config::example::load_embedded;
use nurtured::domain::audience::Audience;
use nurtured::domain::group::schedule::Schedule;
use nurtured::domain::plan::Plan;
use nurtured::insight::simulate::people::{Participants, made_up};
use nurtured::insight::simulate::report::SimulationReport;
use nurtured::insight::simulate::run::{SimulationRequest, run as simulate};
use nurtured::store::engine::scratch;

/// In seconds.
const GOAL: f64 = 30.0;
/// How many issues the year has: forty of the edition, eleven of the series.
const ISSUES: usize = 51;
const FROM: &str = "2026-01-12T00:00:00Z";
const UNTIL: &str = "2027-01-12T00:00:00Z";

/// Measures it and prints the figure beside its goal; with fewer prospects, it only shows that the measurement works.
pub(crate) async fn run(prospects: usize) -> Result<Vec<Figure>> {
    println!("simulate: one year, {prospects} prospects, {ISSUES} issues, the example's behaviour");
    let (first, seconds) = Box::pin(year(prospects)).await?;
    let (again, more) = Box::pin(year(prospects)).await?;
    ensure!(serde_json::to_string(&first)? == serde_json::to_string(&again)?, "equal seeds gave different reports");
    let issues: usize = first.calendar.iter().flat_map(|zone| &zone.dates).filter(|date| date.mails > 0).count();
    ensure!(issues == ISSUES, "{issues} dates had mails, and not {ISSUES}");
    ensure!(first.without_future == 0, "{} prospects were without a future", first.without_future);
    let offers: u64 = first.quarters.iter().map(|q| q.ready + q.requests).sum();
    let memory = most_memory(std::process::id())?;
    println!(
        "  {} mails, {offers} offers; {seconds:.1} s and {more:.1} s (goal: at most {GOAL}), at most {memory:.0} MB\n",
        first.load.mails
    );
    Ok(vec![("simulate_s".to_owned(), format!("{:.1}", f64::midpoint(seconds, more)))])
}

async fn year(prospects: usize) -> Result<(SimulationReport, f64)> {
    let directory = tempfile::tempdir()?;
    let plan = company()?;
    let began = SystemClock.steady();
    let scratch = scratch::make(&directory.path().join("simulation.db")).await?;
    let request = SimulationRequest {
        scratch: scratch.clone(),
        behaviour: usual(&plan),
        plan,
        participants: Participants { arrivals: made_up(prospects, 1), left_out: 0 },
        prospects_from: "made up".to_owned(),
        seed: 1,
        from: FROM.parse()?,
        until: UNTIL.parse()?,
    };
    let report = Box::pin(simulate(request)).await?;
    let seconds = SystemClock.steady().checked_sub(began).context("a clock that nobody sets went back")?.as_secs_f64();
    scratch.close().await;
    Ok((report, seconds))
}

/// The example, everybody in both audiences: its letter in forty weeks of the year beside the series' eleven months.
fn company() -> Result<Plan> {
    let mut plan = load_embedded(&[]).map_err(|problems| anyhow::anyhow!("{problems}"))?.plan;
    for campaign in &mut plan.campaigns {
        campaign.audience = Audience::default();
        if campaign.name.as_str() == "production-letter" {
            campaign.schedule = Schedule::parse("0 10 8,15,22,28 2-11 *", "Europe/Madrid")?;
        }
    }
    Ok(plan)
}
