//! How long it takes from the fifth proof to the handoff mail at the relay, of an otherwise idle daemon within hours: its
//! real loops, the real clock, a relay on loopback. The time runs from the moment the proof is durable.

use crate::arguments::Arguments;
use crate::company::COLLEAGUES;
use crate::stopwatch::Stopwatch;
use crate::world::World;
use crate::{Figure, company, database};
use anyhow::{Result, ensure};
use nurtured::clock::SystemClock;
use nurtured::config::{self, example};
use nurtured::daemon::{assemble, loops};
use nurtured::domain::criterion::Criterion;
use nurtured::domain::id::ProspectId;
use nurtured::domain::plan::Plan;
use nurtured::flow::doorway::observe::{Observed, observe};
use nurtured::mail::test_server::TestServer;
use nurtured::store::engine::backend::Store;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// In milliseconds: of a hundred, ninety-nine take no longer.
const GOAL: u128 = 250;
/// How long a mail may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long it is left alone before each proof: what is measured is an idle daemon.
const REST: Duration = Duration::from_millis(50);

/// Measures each engine that is asked for; the figure is the slower one's.
pub(crate) async fn measure(arguments: &Arguments) -> Result<Vec<Figure>> {
    let count = arguments.handoffs();
    println!("latency: {count} fifth proofs, one after the other");
    let mut worst = None;
    for engine in arguments.engine.each() {
        let directory = tempfile::tempdir()?;
        let Some(store) = database::open(*engine, directory.path()).await? else { continue };
        let mut took = run(store, count).await?;
        took.sort();
        let at = |percent: usize| took[(took.len() * percent).div_ceil(100) - 1];
        let (median, high, most) = (at(50).as_millis(), at(99).as_millis(), at(100).as_millis());
        println!("  {}: p50 {median} ms, p99 {high} ms (goal at most {GOAL}), the longest {most} ms", engine.name());
        worst = worst.max(Some(high));
    }
    println!();
    Ok(worst.map(|high| ("handoff_p99_ms".to_owned(), high.to_string())).into_iter().collect())
}

async fn run(store: Store, count: u64) -> Result<Vec<Duration>> {
    let relay = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let node = assemble::assemble(store, Arc::new(SystemClock), plan(&relay)?).await?;
    // One of each company: a colleague would bring the proof too soon.
    let first = company::admit(&node.ctx, count * COLLEAGUES).await?;
    let tracker = TaskTracker::new();
    let _pulse = loops::start(&node, &tracker);
    let world = World::of(first, count * COLLEAGUES, node.ctx.plan())?;
    let mut took = Vec::new();
    for number in 0..count {
        let prospect = world.prospect(number * COLLEAGUES)?;
        let proofs = [Criterion::Vision, Criterion::Authority, Criterion::Need, Criterion::Timeframe];
        for criterion in proofs {
            tell(&node, &world, prospect, criterion).await?;
        }
        tokio::time::sleep(REST).await;
        let before = relay.count();
        ensure!(before as u64 == number, "{before} mails before handoff {number}");
        tell(&node, &world, prospect, Criterion::Budget).await?;
        let watch = Stopwatch::start();
        tokio::time::timeout(PATIENCE, relay.wait_for(before + 1)).await?;
        took.push(watch.read());
    }
    node.ctx.stop();
    tracker.close();
    tracker.wait().await;
    ensure!(relay.count() as u64 == count, "{} mails for {count} handoffs", relay.count());
    node.ctx.store().close().await;
    Ok(took)
}

async fn tell(node: &assemble::Node, world: &World, prospect: ProspectId, criterion: Criterion) -> Result<()> {
    let observed = observe(&node.ctx, &[world.proof(prospect, criterion, node.ctx.now())?]).await?;
    ensure!(matches!(observed[..], [Observed::New(_)]), "the proof was not new");
    Ok(())
}

fn plan(relay: &TestServer) -> Result<Plan> {
    let files = files();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let loaded = config::load_files(&files, &environment(relay));
    Ok(loaded.map_err(|problems| anyhow::anyhow!("{}", problems.render(false)))?.plan)
}

/// The example, with salespeople who are there day and night and take any number: nothing may have to wait for the morning.
fn files() -> Vec<(&'static str, String)> {
    let people = |text: &str| {
        let always = ["days = \"mon-fri\"", "days = \"mon-thu\"", "days  = \"mon-fri\""];
        let text = always.iter().fold(text.to_owned(), |text, days| text.replace(days, "days = \"mon-sun\""));
        let hours =
            [("\"09:00\"", "\"00:00\""), ("\"08:00\"", "\"00:00\""), ("\"18:00\"", "\"23:59\""), ("\"17:00\"", "\"23:59\"")];
        let text = hours.iter().fold(text, |text, (from, to)| text.replace(from, to));
        text.replace("at_most = 40", "at_most = 100000").replace("at_most = 25", "at_most = 100000")
    };
    let each = |(path, text): &(&'static str, &'static str)| {
        (*path, if *path == "salespeople.toml" { people(text) } else { (*text).to_owned() })
    };
    example::FILES.iter().map(each).collect()
}

fn environment(relay: &TestServer) -> Vec<(String, String)> {
    let address = relay.local_addr();
    let said = [
        ("NURTURED__PUBLIC_URL", "http://127.0.0.1:9".to_owned()),
        ("NURTURED__SMTP__HOST", address.ip().to_string()),
        ("NURTURED__SMTP__PORT", address.port().to_string()),
        ("NURTURED__SMTP__SECURITY", "plaintext".to_owned()),
    ];
    said.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
