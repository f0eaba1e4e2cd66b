//! What the doorway owes, measured: `cargo bench --bench qualify [-- --what live|busy|latency|backtest|simulate|all]
//! [--engine sqlite|postgres|both] [--prospects N] [--signals N] [--handoffs N] [--quick]`.
//!
//! Each part says what it measures in its own file, and prints its figures beside their goals; the last line is all of
//! them as `name=value` pairs. What was not run is not in it.

mod arguments;
/// The cluster that the tests use; what only they need of it is idle here.
#[path = "../../tests/it/postgres.rs"]
#[expect(dead_code, reason = "copies of databases, and questions beside the store, are what the tests need")]
mod postgres;
#[path = "../delivery/stopwatch.rs"]
mod stopwatch;
#[path = "../delivery/sink.rs"]
#[expect(dead_code, reason = "delivery's benchmark asks who received what, too")]
mod sink;
#[path = "../delivery/usage.rs"]
#[expect(dead_code, reason = "memory and sleeps are what delivery's benchmark looks at")]
mod usage;
mod cost;
mod dice;
mod database;
mod company;
mod world;
mod live;
mod busy;
mod latency;
mod backtest;
mod relay;
mod year;
mod sending;
mod recording;
mod simulate;

use anyhow::Result;
use arguments::{Arguments, What};
use clap::Parser;

/// A figure, as the last line names it.
type Figure = (String, String);

fn main() -> Result<()> {
    // The processes that a measurement starts for itself.
    if relay::asked() {
        return relay::serve();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(asked) = backtest::asked() {
        return runtime.block_on(backtest::measured(asked));
    }
    runtime.block_on(measure(Arguments::parse()))
}

async fn measure(arguments: Arguments) -> Result<()> {
    introduce()?;
    let mut figures: Vec<Figure> = Vec::new();
    if arguments.what.includes(What::Live) {
        figures.extend(live::measure(&arguments).await?);
    }
    if arguments.what.includes(What::Busy) {
        figures.extend(busy::measure(&arguments).await?);
    }
    if arguments.what.includes(What::Latency) {
        figures.extend(latency::measure(&arguments).await?);
    }
    if arguments.what.includes(What::Backtest) {
        figures.extend(backtest::run(arguments.prospects_of_history(), arguments.rounds).await?);
    }
    if arguments.what.includes(What::Simulate) {
        figures.extend(simulate::run(arguments.prospects_of_a_year()).await?);
    }
    let line: Vec<String> = figures.iter().map(|(name, value)| format!("{name}={value}")).collect();
    println!("{}", line.join(" "));
    Ok(())
}

fn introduce() -> Result<()> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let busy = load.split_whitespace().next().unwrap_or("unknown");
    println!("{} processors, load {busy} before the start", std::thread::available_parallelism()?);
    if cfg!(debug_assertions) {
        println!("this is a debug build: it shows that the benchmark works, not how fast anything is");
    }
    println!();
    Ok(())
}

/// Says loudly that a tool is missing, so that what needs it is not measured; where `CI` is set that is a failure.
fn missing(tool: &str, unmeasured: &str) {
    let complaint = format!("{tool} is not on this machine: {unmeasured} NOT MEASURED");
    assert!(std::env::var_os("CI").is_none(), "{complaint}");
    eprintln!("\n!!! {complaint}\n");
}
