//! Whether a daemon stays as large as it is: `cargo bench --bench soak [-- --issues N] [--prospects N] [--engine sqlite|postgres|both]`.
//! One process sends two thousand issues on a clock moved by hand, each of another newsletter that a reload brought, with clicks
//! and answers. Resident memory after the last is held against that after a tenth of them, and open files too; on
//! SQLite the log must have been folded back into the file. It takes long and is no part of the gate. Its last line for each engine is
//! `name=value` pairs, the goals among them; it fails where one is missed, unless it ran for too few issues to say anything.

#[path = "../../tests/it/postgres.rs"]
#[expect(dead_code, reason = "the cluster is the tests'; this needs one database of it")]
mod postgres;
#[path = "../delivery/stopwatch.rs"]
mod stopwatch;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use jiff::SignedDuration;
use nurtured::config::example;
use nurtured::domain::address::Address;
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::group::campaign::{Newsletter, Order};
use nurtured::domain::group::schedule::Schedule;
use nurtured::domain::id::Name;
use nurtured::domain::plan::Plan;
use nurtured::flow::operations::sweep;
use nurtured::store::engine::backend::Store;
use nurtured::town::Town;
use secrecy::SecretString;
use std::path::Path;
use stopwatch::Stopwatch;

/// How many times the memory after a tenth of the issues may be held after the last.
const GOAL: f64 = 1.1;
/// How large the log of SQLite may be in the end, in megabytes: it is folded back when it has 16,000 pages.
const GOAL_LOG_MB: f64 = 80.0;
/// Fewer issues say nothing of the goals.
const ENOUGH: u64 = 1_000;
const BEGINS: &str = "2026-01-12T08:00:00Z";

/// Sends many issues in one process, on either engine.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many issues.
    #[arg(long, value_parser = clap::value_parser!(u64).range(10..=1_000_000))]
    issues: Option<u64>,
    /// To how many prospects.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(10..=100_000))]
    prospects: u64,
    /// On which database: sqlite, postgres or both.
    #[arg(long, default_value = "both")]
    engine: String,
    /// What `cargo bench` adds; without it somebody tests, and few are enough.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(soak(&arguments))
}

async fn soak(arguments: &Arguments) -> Result<()> {
    let issues = arguments.issues.unwrap_or(if arguments.bench { 2_000 } else { 20 });
    let folder = tempfile::tempdir()?;
    if arguments.engine != "postgres" {
        let file = folder.path().join("soak.db");
        on("sqlite", Store::open_sqlite(&file).await?, Some(&file), issues, arguments.prospects).await?;
        ensure!(!folder.path().join("soak.db-wal").exists(), "the log was not folded back at the end");
    }
    if arguments.engine != "sqlite" {
        let Some(url) = postgres::database("soak") else { return Ok(()) };
        on("postgres", Store::open_postgres(&SecretString::from(url)).await?, None, issues, arguments.prospects).await?;
    }
    Ok(())
}

async fn on(engine: &str, store: Store, file: Option<&Path>, issues: u64, prospects: u64) -> Result<()> {
    let town = Town::found(store.clone(), example::FILES, "http://127.0.0.1:9", BEGINS).await?;
    let people: Vec<Arrival> = (0..prospects).map(arrival).collect::<Result<_>>()?;
    town.admit(&people, "import").await?;
    println!("{engine}: {issues} issues to {prospects} prospects");
    let (watch, base_at) = (Stopwatch::start(), (issues / 10).max(1));
    let (mut base, mut sent) = ((0.0, 0), 0);
    for number in 1..=issues {
        another_newsletter(&town, number)?;
        town.clock.advance(SignedDuration::from_mins(1));
        town.run_until_idle().await?;
        sent += town.catcher.count();
        read(&town, &people, number).await?;
        town.node.site.links.refresh(&town.node.ctx).await?;
        if let Some(census) = sweep::review(&town.node.ctx).await? {
            town.node.site.census.keep(census);
        }
        town.catcher.empty();
        if number == base_at {
            base = (resident_mb()?, descriptors()?);
        }
        if number % (issues / 10).max(1) == 0 {
            println!(
                "  {number:>6} issues: {:.1} MB, {} files, {sent} mails, {:.0} s",
                resident_mb()?,
                descriptors()?,
                watch.read().as_secs_f64()
            );
        }
    }
    let (memory, files) = (resident_mb()?, descriptors()?);
    let log_mb = file.map_or(0.0, log_mb);
    ensure!(u64::try_from(sent)? >= issues, "{sent} mails of {issues} issues");
    let grown = memory / base.0;
    println!(
        "soak_{engine}_grown={grown:.3} goal_at_most={GOAL} memory_mb={memory:.1} base_mb={:.1} files={files} base_files={} log_mb={log_mb:.1} \
         goal_at_most={GOAL_LOG_MB}\n",
        base.0, base.1
    );
    if issues >= ENOUGH {
        ensure!(grown <= GOAL, "memory grew to {grown:.2} times what it was after {base_at} issues");
        ensure!(files <= base.1 + 4, "{files} files are open, and {} were after {base_at} issues", base.1);
        ensure!(log_mb <= GOAL_LOG_MB, "the log has {log_mb:.0} MB");
    }
    drop(town);
    store.close().await;
    Ok(())
}

/// Reloads the configuration with a letter that was not there before, due in this minute.
fn another_newsletter(town: &Town, number: u64) -> Result<()> {
    let mut plan = Plan::clone(&town.node.ctx.plan());
    let campaign =
        plan.campaigns.iter_mut().find(|c| c.name.as_str() == "line-downtime").context("the example has the campaign")?;
    let letter = campaign.newsletters.first().context("it has a newsletter")?.clone();
    campaign.newsletters = vec![Newsletter { id: Name::parse(&format!("letter-{number}"))?, ..letter }];
    campaign.order = Order::Edition;
    campaign.schedule = Schedule::parse("* * * * *", "UTC")?;
    campaign.guards.at_most = None;
    plan.settings.cap = None;
    town.node.ctx.replace_plan(plan)?;
    Ok(())
}

/// What people do with the mails of an issue: some follow a link, some answer, a few go.
async fn read(town: &Town, people: &[Arrival], number: u64) -> Result<()> {
    let start = usize::try_from(number)? * 7;
    let some = |many: usize| (0..many).map(move |n| &people[(start + n * 13) % people.len()].address);
    for who in some(5) {
        if let Some(link) =
            town.mails_to(who).last().and_then(|mail| mail.links().into_iter().find(|(url, _)| url.contains("/c/")))
        {
            town.ask(axum::http::Method::GET, &link.0, nurtured::town::BROWSER, "").await?;
        }
    }
    for who in some(2).skip(1) {
        if !town.mails_to(who).is_empty() {
            town.answer(who, "We do not measure it").await?;
        }
    }
    Ok(())
}

fn arrival(number: u64) -> Result<Arrival> {
    let mut arrival = Arrival::of(Address::parse(&format!("person{number}@plant{}.example", number / 20))?);
    arrival.name = Some(format!("Person {number}"));
    arrival.fields.insert(Name::parse("industry")?, "food".to_owned());
    arrival.consents.push(Consent::undated(Purpose::Tracking, true, "card"));
    Ok(arrival)
}

/// The memory this process holds, in megabytes.
fn resident_mb() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the kernel says how much")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

fn descriptors() -> Result<usize> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count())
}

fn log_mb(file: &Path) -> f64 {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(0.0, |log| f64::from(u32::try_from(log.len() >> 10).unwrap_or(u32::MAX)) / 1024.0)
}

/// Says loudly that a tool is missing, so that what needs it is not measured; where `CI` is set that is a failure.
fn missing(tool: &str, unmeasured: &str) {
    let complaint = format!("{tool} is not on this machine: {unmeasured} NOT MEASURED");
    assert!(std::env::var_os("CI").is_none(), "{complaint}");
    eprintln!("\n!!! {complaint}\n");
}
