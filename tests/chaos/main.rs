//! Breaks what the daemon stands on while it works, and shows what is left. Without arguments it is the quick tier of
//! `cargo test`: a little of everything, on both engines. With arguments, one scenario as long as asked for:
//! `cargo test --release --test chaos -- --kills 1000 --engine sqlite|postgres --seed S [--prospects 10000]
//! [--policy resend|hold]`, or `-- --scenario failpoints|network|races|disk|server [--engine …] [--seed S]`.
//!
//! Its own harness, because it takes arguments of its own. It prints what it found and its seed, and fails when the
//! checker names anything.

/// Chance that a seed determines.
mod seeded;
/// What journal, database and logs say together.
mod checker;
/// Who sends, and to whom.
mod company;
/// How a relay misbehaves.
mod faults;
/// The relay whose journal is the truth.
mod relay;
/// The network between daemon and relay.
mod proxy;
#[path = "../it/missing.rs"]
mod missing;
#[expect(dead_code, reason = "the other test binary copies databases; this one makes each anew")]
#[path = "../it/postgres.rs"]
mod postgres;
/// The database as the test process sees it.
mod database;
#[path = "../it/port.rs"]
mod port;
/// A daemon to be killed.
mod node;
/// What is left in the database.
mod remains;
/// What is waited for.
mod wait;
/// Signals and unsubscribes that come in meanwhile.
mod caller;
/// Kill, restart, finish, check.
mod scenario;
/// Death at every named place.
mod failpoints;
/// A relay that misbehaves, and a network that fails.
mod network;
/// A stop against a send, thousands of times.
mod races;
/// A small disk that can be filled.
mod mount;
/// A PostgreSQL server of one's own.
mod server;
/// What the daemons write to fails under them.
mod outage;
/// What is asked for on the command line.
mod asked;

use asked::{Asked, Engine, Which};
use checker::Verdict;
use database::Database;
use futures_util::StreamExt;
use missing::missing;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let runs = match asked::read(std::env::args().skip(1)) {
        Ok(runs) => runs,
        Err(problem) => {
            eprintln!("could not read the arguments: {problem}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads are to be had");
    if runtime.block_on(run_all(runs)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many scenarios of the quick tier are played beside each other: most of their time is waiting.
const BESIDE: usize = 3;

/// Plays everything that is asked for; returns whether nothing was broken.
async fn run_all(runs: Vec<Asked>) -> bool {
    let played = runs.into_iter().map(|asked| async move {
        let (which, engine, seed) = (asked.which.name(), asked.engine.name(), asked.seed);
        let played = tokio::spawn(async move { Box::pin(run(&asked)).await });
        match played.await {
            Ok(Ok(is_sound)) => is_sound,
            Ok(Err(error)) => {
                eprintln!("chaos scenario={which} engine={engine} seed={seed}: {error:?}");
                false
            }
            Err(error) => {
                eprintln!("chaos scenario={which} engine={engine} seed={seed}: {error}");
                false
            }
        }
    });
    futures_util::stream::iter(played)
        .buffer_unordered(BESIDE)
        .fold(true, |sound, is_sound| async move { sound && is_sound })
        .await
}

/// Plays what is asked for, and says what came of it. Returns whether nothing was broken; what cannot be played here was
/// said loudly.
async fn run(asked: &Asked) -> anyhow::Result<bool> {
    let directory = tempfile::tempdir()?;
    let Some(database) = database(asked.engine, directory.path()) else { return Ok(true) };
    let (engine, seed) = (asked.engine.name(), asked.seed);
    let (said, verdict) = match &asked.which {
        Which::Kills(scenario) => {
            let outcome = Box::pin(scenario::play(scenario, directory.path(), database)).await?;
            let scenario::Outcome { kills, in_the_trap, stops, handoffs, acknowledged, bound, mails, seconds, verdict } = outcome;
            let said = format!(
                "chaos engine={engine} policy={} nodes={} prospects={} seed={seed} kills={kills} in_the_trap={in_the_trap} mails={mails} \
                 stops={stops} handoffs={handoffs} acknowledged={acknowledged} lost={} duplicates={} bound={bound} \
                 double_handoffs={} lost_signals={} mails_after_stop={} in_flight_at_stop={} uncertain={} seconds={seconds}",
                node::policy(scenario.policy),
                scenario.nodes,
                scenario.prospects,
                verdict.lost,
                verdict.duplicates,
                verdict.double_handoffs,
                verdict.lost_signals,
                verdict.after_stop,
                verdict.in_flight,
                verdict.uncertain,
            );
            (said, verdict)
        }
        Which::Failpoints { people } => {
            let failpoints::Outcome { places, bound, verdict } = failpoints::play(directory.path(), &database, *people).await?;
            let said = format!(
                "chaos scenario=failpoints engine={engine} kills={places} lost={} duplicates={} bound={bound} double_handoffs={} \
                 lost_signals={} uncertain={}",
                verdict.lost, verdict.duplicates, verdict.double_handoffs, verdict.lost_signals, verdict.uncertain,
            );
            (said, verdict)
        }
        Which::Network { every } => {
            let network::Outcome { rows, duplicates, verdict } = network::play(directory.path(), database, seed, *every).await?;
            let said = format!(
                "chaos scenario=network engine={engine} seed={seed} rows={rows} lost={} duplicates={duplicates} uncertain={}",
                verdict.lost, verdict.uncertain,
            );
            (said, verdict)
        }
        Which::Races { races } => {
            let outcome = races::play(directory.path(), &database, *races).await?;
            let races::Outcome { races, stopped_first, marked_first, verdict } = outcome;
            let said = format!(
                "chaos scenario=races engine={engine} races={races} stopped_first={stopped_first} marked_first={marked_first} \
                 marks_after_stop={}",
                verdict.after_stop,
            );
            (said, verdict)
        }
        Which::Outage { people, gone_for, back_within } => {
            let outcome = match asked.engine {
                Engine::Sqlite => match mount::inside() {
                    None => return Ok(true),
                    Some(Err(code)) => return Ok(code == ExitCode::SUCCESS),
                    Some(Ok(())) => Box::pin(outage::disk(directory.path(), *people, *back_within)).await?,
                },
                Engine::Postgres => match Box::pin(outage::server(directory.path(), *people, *gone_for, *back_within)).await? {
                    None => return Ok(true),
                    Some(outcome) => outcome,
                },
            };
            let outage::Outcome { outages, late, back_after, bound, verdict } = outcome;
            let said = format!(
                "chaos scenario={} engine={engine} outages={outages} lost={} duplicates={} bound={bound} mails_during_outages={late} \
                 uncertain={} back_after_ms={}",
                asked.which.name(),
                verdict.lost,
                verdict.duplicates,
                verdict.uncertain,
                back_after.as_millis(),
            );
            (said, verdict)
        }
    };
    println!("{said}{}", details(&verdict));
    Ok(verdict.broken.is_empty())
}

/// What follows the line of figures.
fn details(verdict: &Verdict) -> String {
    let ends: Vec<String> = verdict.ends.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let broken: Vec<String> = verdict.broken.iter().map(|said| format!("\n      BROKEN {said}")).collect();
    format!("\n      deliveries: {}{}", ends.join(", "), broken.concat())
}

fn database(engine: Engine, directory: &Path) -> Option<Database> {
    match engine {
        Engine::Sqlite => Some(Database::Sqlite(directory.join("chaos.db"))),
        Engine::Postgres => postgres::database("chaos").map(Database::Postgres),
    }
}
