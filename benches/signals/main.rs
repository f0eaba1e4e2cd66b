//! What a tracked click costs (S1), measured: `cargo bench --bench signals [-- --engine sqlite|postgres|both] [--connections N]
//! [--clicks N] [--rounds N] [--quick]`.
//!
//! Sixty-four connections follow links of an issue, each the next one when the last is answered, which is when its click is durable.
//! Beside it, in the same run and by the same client, a bare axum redirect. Each round measures both; the last line has the
//! medians as `name=value` pairs: clicks a second, their ratio, and how long 99 of 100 took.

#[path = "../delivery/stopwatch.rs"]
mod stopwatch;

/// The client.
mod client;
/// The cluster that the tests use; what only they need of it is idle here.
#[path = "../../tests/it/postgres.rs"]
#[expect(dead_code, reason = "copies of databases, and questions beside the store, are what the tests need")]
mod postgres;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use clap::{Parser, ValueEnum};
use client::Round;
use jiff::SignedDuration;
use nurtured::config::example;
use nurtured::domain::address::Address;
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::id::Name;
use nurtured::store::engine::backend::Store;
use nurtured::store::operations::counts;
use nurtured::town::Town;
use nurtured::town::mailbox::Mail;
use nurtured::web::router::router;
use nurtured::web::server::serve;
use secrecy::SecretString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use tokio::net::TcpListener;

const BEGINS: &str = "2026-01-12T08:00:00Z";
const FIRST_ISSUE: &str = "2026-02-03T09:30:00Z";
/// How many clicks of one mail are measured at most: beyond three hundred an hour none is recorded.
const OF_ONE_MAIL: usize = 250;

/// Measures how many tracked clicks are answered a second.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// On which database.
    #[arg(long, value_enum, default_value = "both")]
    engine: Engine,
    /// How many follow links at the same time.
    #[arg(long, default_value = "64")]
    connections: usize,
    /// How many clicks a round has.
    #[arg(long)]
    clicks: Option<usize>,
    #[arg(long, default_value = "5")]
    rounds: usize,
    /// Few of everything: to see that it works, not how fast.
    #[arg(long)]
    quick: bool,
    /// What `cargo bench` adds; without it somebody tests, and quick is enough.
    #[arg(long, hide = true)]
    bench: bool,
}

/// On which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// The embedded one.
    Sqlite,
    /// A temporary cluster.
    Postgres,
    /// One after the other.
    Both,
}

impl Engine {
    const fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Both => "both",
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!("{} processors", std::thread::available_parallelism()?);
    if cfg!(debug_assertions) {
        println!("this is a debug build: it shows that the benchmark works, not how fast anything is");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let engines = match arguments.engine {
        Engine::Both => vec![Engine::Sqlite, Engine::Postgres],
        one => vec![one],
    };
    let mut figures = Vec::new();
    for engine in engines {
        figures.extend(runtime.block_on(measure(&arguments, engine))?);
    }
    println!("{}", figures.join(" "));
    Ok(())
}

async fn open(engine: Engine, folder: &Path) -> Result<Option<Store>> {
    if engine == Engine::Sqlite {
        return Ok(Some(Store::open_sqlite(&folder.join("nurtured.db")).await?));
    }
    let Some(url) = postgres::database("signals") else { return Ok(None) };
    Ok(Some(Store::open_postgres(&SecretString::from(url)).await?))
}

/// An issue on its way to so many, the links of its mails, and the town it is from.
async fn mailed(store: Store, mails: usize) -> Result<(Town, Vec<String>)> {
    // The example trusts a proxy on this machine: each request comes from a visitor of its own, as that says.
    let town = Town::found(store, example::FILES, "http://127.0.0.1:9", BEGINS).await?;
    let person = |n: usize| -> Result<Arrival> {
        let mut arrival = Arrival::of(Address::parse(&format!("p{n}@company{}.example", n / 4))?);
        arrival.fields = [(Name::parse("industry")?, "food".to_owned()), (Name::parse("country")?, "ES".to_owned())].into();
        arrival.consents.push(Consent::undated(Purpose::Tracking, true, "card"));
        Ok(arrival)
    };
    for page in (0..mails).collect::<Vec<_>>().chunks(1_000) {
        town.admit(&page.iter().map(|n| person(*n)).collect::<Result<Vec<_>>>()?, "import").await?;
    }
    town.pass_to(FIRST_ISSUE).await?;
    town.clock.advance(SignedDuration::from_mins(5));
    town.node.site.links.refresh(&town.node.ctx).await?;
    let caught = town.catcher.caught();
    let link =
        |mail: Mail| mail.links().into_iter().map(|(url, _)| url).find_map(|url| url.find("/c/").map(|at| url[at..].to_owned()));
    let links: Vec<String> = caught.iter().filter_map(Mail::read).filter_map(link).collect();
    // Some have had the letter of another campaign, too.
    ensure!(links.len() >= mails, "{} of {mails} mails have a link", links.len());
    Ok((town, links))
}

async fn measure(arguments: &Arguments, engine: Engine) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let Some(store) = open(engine, folder.path()).await? else { return Ok(Vec::new()) };
    let is_quick = arguments.quick || !arguments.bench;
    let clicks = arguments.clicks.unwrap_or(if is_quick { 640 } else { 60_000 });
    let rounds = if is_quick { arguments.rounds.min(2) } else { arguments.rounds };
    let (town, links) = mailed(store, (clicks * rounds).div_ceil(OF_ONE_MAIL).max(64)).await?;

    let ours = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let bare = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let (to_ours, to_bare) = (ours.local_addr()?, bare.local_addr()?);
    let (app, ctx) = (router(town.node.site.clone()), town.node.ctx.clone());
    tokio::spawn(async move { serve(ours, app, 1_024, ctx).await });
    let redirect = || async { (StatusCode::FOUND, [(header::LOCATION, "https://tecnofab.example/calculator")]) };
    tokio::spawn(async move { axum::serve(bare, Router::new().route("/c/{token}", get(redirect))).await });

    let recorded = async || -> Result<i64> { Ok(counts::summary(&mut town.node.ctx.store().read().await?).await?.signals) };
    let (mut of_bare, mut of_ours) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        of_bare.push(client::follow(to_bare, &links, clicks, arguments.connections, round).await?);
        let before = recorded().await?;
        of_ours.push(client::follow(to_ours, &links, clicks, arguments.connections, round).await?);
        let durable = usize::try_from(recorded().await? - before)?;
        ensure!(durable == clicks, "{durable} of {clicks} clicks are on record");
        let (bare, ours) = (&of_bare[round], &of_ours[round]);
        println!(
            "{} round {}: {:.0} clicks/s, bare {:.0}/s, ratio {:.2}, p99 {:.1} ms",
            engine.word(),
            round + 1,
            ours.a_second,
            bare.a_second,
            ours.a_second / bare.a_second,
            ours.p99
        );
    }
    let ratios: Vec<f64> = of_ours.iter().zip(&of_bare).map(|(ours, bare)| ours.a_second / bare.a_second).collect();
    let p99: Vec<f64> = of_ours.iter().map(|round: &Round| round.p99).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    let (ratio, p99) = (median(ratios).context("no round")?, median(p99).context("no round")?);
    println!("{}: {ratio:.2} of a bare redirect ({least:.2} to {most:.2}; goal 0.5), p99 {p99:.1} ms (goal 5)\n", engine.word());
    let word = engine.word();
    Ok(vec![
        format!("s1_{word}={ratio:.3}"),
        format!("s1_{word}_p99_ms={p99:.2}"),
        "s1_goal=0.5".to_owned(),
        "s1_p99_goal_ms=5".to_owned(),
    ])
}

/// Says loudly that a tool is missing, so that what needs it is not measured; where `CI` is set that is a failure.
fn missing(tool: &str, unmeasured: &str) {
    let complaint = format!("{tool} is not on this machine: {unmeasured} NOT MEASURED");
    assert!(std::env::var_os("CI").is_none(), "{complaint}");
    eprintln!("\n!!! {complaint}\n");
}

fn median(mut of: Vec<f64>) -> Option<f64> {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied()
}
