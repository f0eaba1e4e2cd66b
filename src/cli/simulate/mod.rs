//! `nurtured simulate`: the real steps on a virtual clock. The configuration as it is, people of the real database, of a
//! list, or made up, and a temporary database: no mail leaves, and no real database is written to.

pub mod people;
pub mod summary;

use super::exit::Exit;
use super::{open, output};
use crate::clock::{Clock, SystemClock};
use crate::config::behaviour;
use crate::domain::behaviour::Behaviour;
use crate::domain::plan::Plan;
use crate::insight::simulate::run::{self, SimulationRequest};
use crate::store::engine::scratch;
use clap::Args;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What this configuration would do over months and years, on a virtual clock
#[derive(Debug, Args)]
pub struct Simulate {
    /// The last day
    #[arg(long, value_name = "DATE")]
    until: Date,
    /// The first day [default: today]
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// The people of this list (CSV, as for `prospects import`) instead of the database's
    #[arg(long, value_name = "FILE", conflicts_with = "made_up")]
    prospects: Option<PathBuf>,
    /// What its headers mean, as for `prospects import`
    #[arg(long, value_name = "FILE", requires = "prospects")]
    map: Option<PathBuf>,
    /// So many people made up, as the example company might know them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    made_up: Option<u32>,
    /// How people act [default: behaviour.toml of the configuration, else as in the example]
    #[arg(long, value_name = "FILE")]
    behaviour: Option<PathBuf>,
    /// Another seed, and the same people act differently
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// The most years that can be simulated at once.
const MOST_YEARS: i64 = 20;

/// Simulates, and prints the report.
///
/// # Errors
/// 2 for impossible dates; 65 for a list that cannot be read; 78 with every problem of a file; 1 when a prospect
/// is without a future at the end.
pub async fn simulate(verb: &Simulate, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let plan = open::load(config)?.plan;
    let (from, until) = days(verb, &plan)?;
    let behaviour = behaviour_of(verb, config, &plan)?;
    let (participants, prospects_from) =
        people::find(verb.prospects.as_deref(), verb.map.as_deref(), verb.made_up, verb.seed, &plan).await?;
    let directory = Scratch::make()?;
    let scratch = scratch::make(&directory.0.join("simulation.db")).await?;
    let request = SimulationRequest {
        scratch: scratch.clone(),
        plan,
        behaviour,
        participants,
        prospects_from,
        seed: verb.seed,
        from,
        until,
    };
    let report = Box::pin(run::run(request)).await;
    scratch.close().await;
    let report = report?;
    if json {
        output::json(&report)?;
    } else {
        summary::print(&report)?;
    }
    match report.without_future {
        0 => Ok(()),
        lost => Err(Exit::No(format!("{lost} prospects were without a future; there must be none"))),
    }
}

/// From the beginning of the first day to the end of the last, in the zone of the office.
fn days(verb: &Simulate, plan: &Plan) -> Result<(Timestamp, Timestamp), Exit> {
    let zone = plan.roster.office.zone().clone();
    let first = verb.from.unwrap_or_else(|| SystemClock.now().to_zoned(zone.clone()).date());
    if verb.until < first {
        return Err(Exit::Usage(format!("{} is before {first}: --until names the last day of a simulation", verb.until)));
    }
    if first.checked_add(MOST_YEARS.years()).is_ok_and(|most| most < verb.until) {
        return Err(Exit::Usage(format!("{} is more than {MOST_YEARS} years after {first}", verb.until)));
    }
    let begins = |date: Date| date.to_zoned(zone.clone()).map(|day| day.timestamp());
    let after = verb.until.checked_add(1.day());
    let whole = begins(first).and_then(|from| Ok((from, begins(after?)?)));
    whole.map_err(|e| Exit::Usage(format!("this calendar ends before {}: {e}", verb.until)))
}

fn behaviour_of(verb: &Simulate, config: Option<&Path>, plan: &Plan) -> Result<Behaviour, Exit> {
    let beside = open::directory(config).join("behaviour.toml");
    let file = match &verb.behaviour {
        Some(file) => file.clone(),
        None if beside.exists() => beside,
        None => return Ok(behaviour::usual(plan)),
    };
    let text = fs::read_to_string(&file).map_err(|e| Exit::Configuration(format!("could not read {}: {e}", file.display())))?;
    Ok(behaviour::read(&file.display().to_string(), &text, plan)?)
}

/// A temporary directory for one simulation, removed when dropped. It may hold personal data: only this user may read it.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self, Exit> {
        let directory = std::env::temp_dir().join(format!("nurtured-simulate-{}", std::process::id()));
        let made = DirBuilder::new().mode(0o700).create(&directory);
        made.map_err(|e| Exit::No(format!("could not make {}: {e}", directory.display())))?;
        Ok(Self(directory))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What could not be removed is in a directory that the system empties.
        drop(fs::remove_dir_all(&self.0));
    }
}
