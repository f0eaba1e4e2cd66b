//! How long it takes to count everybody by the law of conservation: `cargo bench --bench census [-- --prospects N] [--engine
//! sqlite|postgres|both] [--rounds R]`. A million prospects and ten campaigns by default, some of whom no campaign reaches.
//! Its last line for each engine is `name=value` pairs, the goal among them; a debug build, or fewer prospects, says nothing
//! of the goal.

#[path = "../../tests/it/postgres.rs"]
#[expect(dead_code, reason = "the cluster is the tests'; a count needs one database of it")]
mod postgres;
#[path = "../delivery/stopwatch.rs"]
mod stopwatch;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use nurtured::clock::SystemClock;
use nurtured::config::{example, load};
use nurtured::domain::audience::{Audience, Condition, Test};
use nurtured::domain::census::Group;
use nurtured::domain::criterion::{Criterion, Verdict};
use nurtured::domain::id::Name;
use nurtured::domain::plan::Plan;
use nurtured::flow::context::Context;
use nurtured::flow::operations::{census, sweep};
use nurtured::store::engine::backend::Store;
use nurtured::store::group::campaigns;
use nurtured::store::people::prospects::{self, Details, FieldChange, NewProspect};
use secrecy::SecretString;
use std::sync::Arc;
use stopwatch::Stopwatch;

/// In seconds, at a million prospects and ten campaigns.
const GOAL: f64 = 2.0;
/// How many prospects come in at once.
const PAGE: u64 = 5_000;

const INDUSTRIES: [&str; 8] = ["food", "packaging", "chemistry", "paper", "metal", "glass", "textile", "wood"];
const COUNTRIES: [&str; 10] = ["es", "pt", "fr", "it", "de", "at", "ch", "be", "nl", "ie"];

/// Counts everybody, on either engine.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many prospects there are.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=4_000_000))]
    prospects: Option<u64>,
    /// How often they are counted.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    rounds: u64,
    /// On which database: sqlite, postgres or both.
    #[arg(long, default_value = "both")]
    engine: String,
    /// What `cargo bench` adds; without it somebody tests, and few are enough.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure(&arguments))
}

async fn measure(arguments: &Arguments) -> Result<()> {
    let prospects = arguments.prospects.unwrap_or(if arguments.bench { 1_000_000 } else { 20_000 });
    if cfg!(debug_assertions) {
        println!("this is a debug build: it shows that the benchmark works, not how fast anything is");
    }
    if arguments.engine != "postgres" {
        let folder = tempfile::tempdir()?;
        let store = Store::open_sqlite(&folder.path().join("census.db")).await?;
        on("sqlite", &store, prospects, arguments.rounds).await?;
        store.close().await;
    }
    if arguments.engine != "sqlite" {
        let Some(url) = postgres::database("census") else { return Ok(()) };
        let store = Store::open_postgres(&SecretString::from(url)).await?;
        on("postgres", &store, prospects, arguments.rounds).await?;
        store.close().await;
    }
    Ok(())
}

async fn on(engine: &str, store: &Store, count: u64, rounds: u64) -> Result<()> {
    let ctx = Context::assemble(store.clone(), Arc::new(SystemClock), plan()?, "census".to_owned()).await?;
    let filling = Stopwatch::start();
    fill(&ctx, count).await?;
    println!("{engine}: {count} prospects with five fields each, ten campaigns (filled in {:.0} s)", seconds(filling));
    let reviewing = Stopwatch::start();
    sweep::review(&ctx).await?.context("nobody asked it to stop")?;
    let first_review = seconds(reviewing);
    let before = peak()?;
    let (mut took, mut last) = (Vec::new(), None);
    for _ in 0..rounds {
        let watch = Stopwatch::start();
        last = Some(census::take(store, &ctx.plan(), ctx.now()).await?);
        took.push(seconds(watch));
    }
    took.sort_by(f64::total_cmp);
    let census = last.context("at least one round")?;
    for group in Group::ALL {
        println!("  {:>9}  {}", census.of(group), group.words());
    }
    ensure!(census.holds() && census.prospects == i64::try_from(count)?, "the law does not hold: {census:?}");
    ensure!(census.of(Group::Campaign) > 0 && census.of(Group::Review) > 0, "everybody is alike: {census:?}");
    println!(
        "census_{engine}_s={:.2} least={:.2} most={:.2} first_review_s={first_review:.2} memory_grew_mb={:.1} goal_at_most={GOAL}\n",
        took[took.len() / 2],
        took[0],
        took[took.len() - 1],
        peak()? - before,
    );
    Ok(())
}

async fn fill(ctx: &Context, count: u64) -> Result<()> {
    let mut tx = ctx.store().write().await?;
    campaigns::put(&mut tx, ctx.plan().schedules(), ctx.now()).await?;
    tx.commit().await?;
    for first in (0..count).step_by(usize::try_from(PAGE)?) {
        let numbers: Vec<u64> = (first..count.min(first + PAGE)).collect();
        let addresses: Vec<String> = numbers.iter().map(|n| format!("person{n}@plant{}.example", n / 20)).collect();
        let new = addresses.iter().map(|address| NewProspect { address, details: Details::default(), mail_stop: None });
        let mut tx = ctx.store().write().await?;
        let ids = prospects::add(&mut tx, &new.collect::<Vec<_>>(), ctx.now()).await?;
        let mut ids: Vec<_> = ids.into_values().collect();
        ids.sort();
        let texts: Vec<[String; 2]> = numbers.iter().map(|n| [(n % 900).to_string(), format!("title {}", n % 50)]).collect();
        let mut changes = Vec::new();
        for ((id, n), texts) in ids.iter().zip(&numbers).zip(&texts) {
            let pick = |of: &[&'static str], by: u64| of[usize::try_from(n / by).unwrap_or(0) % of.len()];
            let fields =
                [("industry", pick(&INDUSTRIES, 1)), ("country", pick(&COUNTRIES, 8)), ("language", pick(&COUNTRIES, 80))];
            let fields = fields.into_iter().chain([("employees", texts[0].as_str()), ("job_title", texts[1].as_str())]);
            changes.extend(fields.map(|(name, value)| FieldChange { prospect: *id, name, value: Some(value) }));
        }
        prospects::set_fields(&mut tx, &changes).await?;
        let tags: Vec<_> = ids.iter().zip(&numbers).filter(|(_, n)| *n % 3 == 0).map(|(id, _)| (*id, "fair-2025")).collect();
        prospects::add_tags(&mut tx, &tags).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The example company with ten campaigns, as different as audiences are.
fn plan() -> Result<Plan> {
    let loaded = load::load_files(example::FILES, &[]).map_err(|problems| anyhow::anyhow!("{}", problems.render(false)))?;
    let mut plan = loaded.plan;
    let model = plan.campaigns.first().context("the example has a campaign")?.clone();
    plan.campaigns = (0..10)
        .map(|n: usize| {
            let mut campaign = model.clone();
            campaign.name = Name::parse(&format!("campaign-{n}"))?;
            campaign.audience = audience(n)?;
            Ok(campaign)
        })
        .collect::<Result<_>>()?;
    Ok(plan)
}

fn audience(n: usize) -> Result<Audience> {
    let field = |name: &str, test| Ok::<_, anyhow::Error>(Condition::Field { name: Name::parse(name)?, test });
    let one_of = |values: &[&str]| Test::In(values.iter().map(|value| (*value).to_owned()).collect());
    let unknown = Condition::Verdict { criterion: Criterion::Budget, is: vec![Verdict::Unknown, Verdict::Expired] };
    Ok(Audience {
        all: match n {
            0..4 => vec![field("country", one_of(&[COUNTRIES[n], COUNTRIES[n + 1]]))?],
            4..7 => vec![field("employees", Test::AtLeast(100 * i64::try_from(n)?))?, unknown],
            _ => vec![field("language", one_of(&COUNTRIES[n - 5..n - 2]))?, field("job_title", Test::Known(true))?],
        },
        any: vec![field("industry", one_of(&INDUSTRIES[n % 5..n % 5 + 3]))?, Condition::Tag("fair-2025".to_owned())],
        none: vec![Condition::Domain(vec!["rival.example".to_owned()]), Condition::Tag("customer".to_owned())],
    })
}

fn seconds(watch: Stopwatch) -> f64 {
    watch.read().as_secs_f64()
}

/// The most memory this process ever held, in megabytes.
fn peak() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the kernel says how much")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

/// Says loudly that a tool is missing, so that what needs it is not measured; where `CI` is set that is a failure.
fn missing(tool: &str, unmeasured: &str) {
    let complaint = format!("{tool} is not on this machine: {unmeasured} NOT MEASURED");
    assert!(std::env::var_os("CI").is_none(), "{complaint}");
    eprintln!("\n!!! {complaint}\n");
}
