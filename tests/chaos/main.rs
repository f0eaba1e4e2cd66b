//! Kills the daemon at random while it sends, and shows what is left: `cargo test --test chaos -- --kills 1000
//! --engine sqlite|postgres --seed S [--prospects 10000]`. Without arguments it is the quick tier of `cargo test`.
//!
//! Its own harness, because it takes arguments of its own. It prints what it found and its seed, and fails when the
//! checker names anything.

/// Chance that a seed determines.
mod seeded;
/// What journal, database and logs say together.
mod checker;
/// The relay whose journal is the truth.
mod relay;
#[path = "../it/missing.rs"]
mod missing;
#[expect(dead_code, reason = "the other test binary copies databases; this one makes each anew")]
#[path = "../it/postgres.rs"]
mod postgres;
/// The database as the test process sees it.
mod database;
/// A daemon to be killed.
mod node;
/// Kill, restart, finish, check.
mod scenario;

use database::Database;
use missing::missing;
use scenario::{Outcome, Scenario, play};
use std::process::ExitCode;

#[derive(Clone, Copy)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// SQLite has one node; PostgreSQL is shared by two.
    const fn nodes(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => 2,
        }
    }
}

/// What the quick tier plays, on each engine.
const QUICK: (usize, usize, u64) = (5, 500, 7);

fn main() -> ExitCode {
    let runs = match asked(std::env::args().skip(1)) {
        Ok(runs) => runs,
        Err(problem) => {
            eprintln!("could not read the arguments: {problem}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads are to be had");
    let mut sound = true;
    for (engine, scenario) in runs {
        match runtime.block_on(run(engine, &scenario)) {
            Ok(Some(outcome)) => {
                print(engine, &scenario, &outcome);
                sound &= outcome.verdict.broken.is_empty();
            }
            Ok(None) => {}
            Err(error) => {
                eprintln!("chaos on {} with seed {}: {error:?}", engine.name(), scenario.seed);
                sound = false;
            }
        }
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(engine: Engine, scenario: &Scenario) -> anyhow::Result<Option<Outcome>> {
    let directory = tempfile::tempdir()?;
    let database = match engine {
        Engine::Sqlite => Database::Sqlite(directory.path().join("chaos.db")),
        Engine::Postgres => match postgres::database("chaos") {
            Some(url) => Database::Postgres(url),
            None => return Ok(None),
        },
    };
    play(scenario, directory.path(), database).await.map(Some)
}

fn print(engine: Engine, scenario: &Scenario, outcome: &Outcome) {
    let Outcome { kills, in_the_trap, stops, bound, mails, seconds, verdict } = outcome;
    println!(
        "chaos engine={} nodes={} prospects={} seed={} kills={kills} in_the_trap={in_the_trap} mails={mails} stops={stops} \
         lost={} duplicates={} bound={bound} mails_after_stop={} in_flight_at_stop={} uncertain={} seconds={seconds}",
        engine.name(),
        scenario.nodes,
        scenario.prospects,
        scenario.seed,
        verdict.lost,
        verdict.duplicates,
        verdict.after_stop,
        verdict.in_flight,
        verdict.uncertain,
    );
    let ends: Vec<String> = verdict.ends.iter().map(|(state, count)| format!("{count} {state}")).collect();
    println!("      deliveries: {}", ends.join(", "));
    for said in &verdict.broken {
        println!("      BROKEN {said}");
    }
}

/// What the arguments ask for. A word without dashes is a filter, as every test binary takes one; flags of the usual
/// harness are passed over.
fn asked(arguments: impl Iterator<Item = String>) -> Result<Vec<(Engine, Scenario)>, String> {
    let (kills, prospects, seed) = QUICK;
    let mut scenario = Scenario { kills, prospects, seed, nodes: 1 };
    let (mut engines, mut is_long, mut has_prospects) = (vec![Engine::Sqlite, Engine::Postgres], false, false);
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text:?} is not a number"));
        let size = |text: String| usize::try_from(number(text)?).map_err(|error| error.to_string());
        match argument.as_str() {
            "--kills" => (scenario.kills, is_long) = (size(value()?)?, true),
            "--prospects" => (scenario.prospects, has_prospects) = (size(value()?)?, true),
            "--seed" => scenario.seed = number(value()?)?,
            "--engine" => {
                engines = match value()?.as_str() {
                    "sqlite" => vec![Engine::Sqlite],
                    "postgres" => vec![Engine::Postgres],
                    other => return Err(format!("there is no engine {other}; there are sqlite and postgres")),
                }
            }
            "--list" => return Ok(Vec::new()),
            flag if flag.starts_with('-') => {}
            filter if "chaos".contains(filter) => {}
            _ => return Ok(Vec::new()),
        }
    }
    if is_long && !has_prospects {
        scenario.prospects = 10_000;
    }
    Ok(engines.into_iter().map(|engine| (engine, Scenario { nodes: engine.nodes(), ..scenario.clone() })).collect())
}
