//! Memory and wake-ups of the daemon while nothing is due.
//!
//! It counts its threads' sleeps, each of which ends in a wake-up. These are more than the machine's wake-ups, because one
//! that is passed from thread to thread counts for each of them.

use crate::arguments::{Arguments, Engine, What};
use crate::company::Company;
use crate::daemon::{Daemon, Place, Sign, wait_for};
use crate::database::Database;
use crate::usage::{memory, sleeps};
use anyhow::{Context, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

/// In megabytes, and in wake-ups a second.
const MEMORY_GOAL: f64 = 25.0;
const WAKE_UPS_GOAL: f64 = 1.0;
/// How long the daemon is left alone first, and how long it is measured: the figure is one over time.
const SETTLE: Duration = Duration::from_secs(20);
const WATCH: Duration = Duration::from_secs(30);

/// Measures the example company's daemon on each engine.
pub(crate) async fn measure(arguments: &Arguments, company: &Company, at: &Path) -> Result<()> {
    let prospects = arguments.prospects(What::Idle);
    println!("idle: the example company, {prospects} prospects, nothing due, watched for {} s", WATCH.as_secs());
    let mut figures = Vec::new();
    if arguments.engine != Engine::Postgres {
        figures.push(("", watch(&Database::sqlite(company, prospects, at).await?, at).await?));
    }
    if arguments.engine != Engine::Sqlite
        && let Some(filled) = Database::postgres(company, prospects).await?
    {
        figures.push(("_postgres", watch(&filled, at).await?));
    }
    let said: Vec<String> = figures
        .iter()
        .map(|(engine, (memory, wake_ups))| format!("idle_mb{engine}={memory:.1} wakeups_per_s{engine}={wake_ups:.2}"))
        .collect();
    println!("{} goal_at_most_mb={MEMORY_GOAL} goal_at_most_per_s={WAKE_UPS_GOAL}\n", said.join(" "));
    Ok(())
}

/// Megabytes, and wake-ups a second.
async fn watch(filled: &Database, at: &Path) -> Result<(f64, f64)> {
    let directory = tempfile::tempdir_in(at)?;
    Company::write_example(directory.path())?;
    let copy = filled.copy(directory.path()).await?;
    // Nothing is sent, so the relay need not answer.
    let relay = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let place =
        Place { directory: directory.path(), database: &copy.url, relay: relay.local_addr()?, connections: 10, max_in_doubt: 4 };
    let (signs, seen) = channel();
    let mut daemon = Daemon::start(&place, signs)?;
    wait_for(Sign::Runs, &seen).with_context(|| format!("the daemon said:\n{}", daemon.said()))?;
    tokio::time::sleep(SETTLE).await;
    let before = sleeps(daemon.id())?;
    tokio::time::sleep(WATCH).await;
    let (after, memory) = (sleeps(daemon.id())?, memory(daemon.id())?);
    daemon.runs()?;
    daemon.stop()?;
    println!("  {} threads on {}", after.len(), filled.engine());
    filled.drop_copy(copy).await;
    // A new thread has slept so often since it began; one that ended meanwhile is missing from both.
    let woken: f64 = after.iter().map(|(thread, sleeps)| sleeps - before.get(thread).copied().unwrap_or(0.0)).sum();
    Ok((memory, woken / WATCH.as_secs_f64()))
}
