//! How long a monthly series takes in its tenth year, from due to the last page written, beside its first year: `cargo bench --bench
//! decade [-- --prospects N] [--engine sqlite|postgres|both] [--rounds R]`. A hundred thousand prospects, twenty-four letters, two
//! hundred campaigns and 2.2 million deliveries by default, written set-wise, straight into the tables. Its last line for each engine is
//! `name=value` pairs, the goals among them; a debug build, or fewer prospects, says nothing of the goals.
//!
//! It uses what every version has, so that it measures an earlier one too: copy this folder there, with its lines of Cargo.toml.

#[path = "../../tests/it/postgres.rs"]
#[expect(dead_code, reason = "the cluster is the tests'; this needs two databases of it")]
mod postgres;
#[path = "../delivery/stopwatch.rs"]
mod stopwatch;

/// A database with years behind it.
mod history;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use history::{CAMPAIGN, Tables, Years};
use jiff::{SignedDuration, Timestamp};
use nurtured::clock::{Clock, SystemClock};
use nurtured::config::{example, load};
use nurtured::domain::group::campaign::{Campaign, Newsletter, Order};
use nurtured::domain::group::schedule::Schedule;
use nurtured::domain::id::Name;
use nurtured::domain::plan::Plan;
use nurtured::flow::context::{Context, Progress};
use nurtured::flow::group::publish::publish;
use nurtured::store::engine::backend::Store;
use nurtured::store::group::{campaigns, occurrences};
use nurtured::store::operations::counts;
use secrecy::SecretString;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use stopwatch::Stopwatch;

/// How many times as long as in the first year it may take.
const GOAL: f64 = 1.5;
/// For how long one step may hold a transaction, in milliseconds. A step is measured, which is a little more.
const GOAL_STEP_MS: f64 = 250.0;
const LETTERS: usize = 24;
const CAMPAIGNS: usize = 200;

/// Fills an issue in the first year and in the tenth, on either engine.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many prospects there are.
    #[arg(long, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    prospects: Option<u64>,
    /// How many issues are filled in each year.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=20))]
    rounds: u64,
    /// On which database: sqlite, postgres or both.
    #[arg(long, default_value = "both")]
    engine: String,
    /// Let the campaign have a limit, so that those who are due are counted first.
    #[arg(long)]
    at_most: bool,
    /// What `cargo bench` adds; without it somebody tests, and few are enough.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure(&arguments))
}

async fn measure(arguments: &Arguments) -> Result<()> {
    if cfg!(debug_assertions) {
        println!("this is a debug build: it shows that the benchmark works, not how fast anything is");
    }
    for engine in ["sqlite", "postgres"].into_iter().filter(|engine| arguments.engine == "both" || arguments.engine == *engine) {
        let Some(first) = year(arguments, engine, Years::ONE).await? else { continue };
        let Some(tenth) = year(arguments, engine, Years::TEN).await? else { continue };
        println!(
            "decade_{engine}_s={:.2} first_year_s={:.2} ratio={:.2} goal_at_most={GOAL} longest_step_ms={:.0} goal_at_most={GOAL_STEP_MS}\n",
            tenth.seconds,
            first.seconds,
            tenth.seconds / first.seconds,
            first.longest_ms.max(tenth.longest_ms),
        );
    }
    Ok(())
}

/// What one year gave.
struct Measured {
    seconds: f64,
    longest_ms: f64,
}

async fn year(arguments: &Arguments, engine: &str, years: Years) -> Result<Option<Measured>> {
    let prospects = arguments.prospects.unwrap_or(if arguments.bench { 100_000 } else { 2_000 });
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("decade.db");
    let url = if engine == "sqlite" { None } else { postgres::database(years.name()) };
    let store = match &url {
        None if engine == "sqlite" => Store::open_sqlite(&file).await?,
        None => return Ok(None),
        Some(url) => Store::open_postgres(&SecretString::from(url.as_str())).await?,
    };
    let clock = Arc::new(Shifted::default());
    let plan = plan(arguments.at_most.then_some(i64::try_from(prospects)?))?;
    let ctx = Context::assemble(store.clone(), clock.clone(), plan, "decade".to_owned()).await?;
    let writing = Stopwatch::start();
    let mut tx = store.write().await?;
    campaigns::put(&mut tx, ctx.plan().schedules(), ctx.now()).await?;
    tx.commit().await?;
    history::people(&ctx, prospects).await?;
    let mut tables = match &url {
        None => Tables::sqlite(&file).await?,
        Some(url) => Tables::postgres(url).await?,
    };
    let written = tables.write(years, LETTERS, prospects).await?;
    println!("{engine}, {}: {prospects} prospects, {written} deliveries (written in {:.0} s)", years.name(), seconds(&writing));

    let (mut took, mut longest_ms, mut steps) = (Vec::new(), 0.0_f64, 0);
    for _ in 0..arguments.rounds {
        make_due(&ctx, &clock).await?;
        let before = deliveries(&store).await?;
        let watch = Stopwatch::start();
        loop {
            let step = Stopwatch::start();
            let progress = publish(&ctx).await?;
            longest_ms = longest_ms.max(step.read().as_secs_f64() * 1e3);
            steps += 1;
            if progress != Progress::Done {
                break;
            }
        }
        took.push(seconds(&watch));
        ensure!(occurrences::peek_filling(&mut store.read().await?).await?.is_none(), "an occurrence is still filling");
        let new = deliveries(&store).await? - before;
        ensure!(new > 0, "nobody was due anything");
        println!("  {:.2} s for {new} deliveries; {steps} steps so far, the longest {longest_ms:.0} ms", seconds(&watch));
    }
    store.close().await;
    took.sort_by(f64::total_cmp);
    Ok(Some(Measured { seconds: took[took.len() / 2], longest_ms }))
}

/// Lets the series come due at this minute, and at no other one soon.
async fn make_due(ctx: &Context, clock: &Shifted) -> Result<()> {
    clock.0.fetch_add(60, Ordering::Relaxed);
    let now = ctx.now();
    let due_at = Timestamp::from_second(now.as_second() - now.as_second().rem_euclid(60))?;
    let mut plan = Plan::clone(&ctx.plan());
    let series = plan.campaigns.first_mut().context("there is a campaign")?;
    series.schedule = Schedule::parse(&due_at.strftime("%M %H %d %m *").to_string(), "UTC")?;
    let schedule = series.schedule.to_string();
    ctx.replace_plan(plan)?;
    let mut tx = ctx.store().write().await?;
    let name = Name::parse(CAMPAIGN)?;
    campaigns::put(&mut tx, std::iter::once((&name, schedule)), due_at - SignedDuration::from_mins(1)).await?;
    tx.commit().await?;
    Ok(())
}

async fn deliveries(store: &Store) -> Result<i64> {
    Ok(counts::summary(&mut store.read().await?).await?.deliveries)
}

/// The machine's clock, some seconds ahead.
#[derive(Debug, Default)]
struct Shifted(AtomicI64);

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn steady(&self) -> SignedDuration {
        SystemClock.steady()
    }
}

/// The example company with a series of twenty-four letters, and with campaigns that are not due.
fn plan(at_most: Option<i64>) -> Result<Plan> {
    let loaded = load::load_files(example::FILES, &[]).map_err(|problems| anyhow::anyhow!("{}", problems.render(false)))?;
    let mut plan = loaded.plan;
    let model = plan.campaigns.iter().find(|c| c.order == Order::Series).context("the example has a series")?.clone();
    let letter = model.newsletters.first().context("it has a newsletter")?.clone();
    let letters = (1..=LETTERS).map(|n| Ok(Newsletter { id: Name::parse(&format!("l{n}"))?, ..letter.clone() }));
    let newsletters: Vec<Newsletter> = letters.collect::<Result<_>>()?;
    let campaigns = (0..CAMPAIGNS).map(|n| {
        let name = if n == 0 { CAMPAIGN.to_owned() } else { format!("other-{n}") };
        let mut campaign = Campaign { name: Name::parse(&name)?, newsletters: newsletters.clone(), ..model.clone() };
        campaign.guards.at_most = at_most;
        campaign.guards.canary = None;
        Ok(campaign)
    });
    plan.campaigns = campaigns.collect::<Result<_>>()?;
    plan.settings.cap = None;
    Ok(plan)
}

fn seconds(watch: &Stopwatch) -> f64 {
    watch.read().as_secs_f64()
}

/// Says loudly that a tool is missing, so that what needs it is not measured; where `CI` is set that is a failure.
fn missing(tool: &str, unmeasured: &str) {
    let complaint = format!("{tool} is not on this machine: {unmeasured} NOT MEASURED");
    assert!(std::env::var_os("CI").is_none(), "{complaint}");
    eprintln!("\n!!! {complaint}\n");
}
