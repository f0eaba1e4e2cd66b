//! What delivery owes, measured: `cargo bench --bench delivery [-- --what speed|memory|nodes|start|idle|all] [--prospects N]
//! [--rounds R] [--engine sqlite|postgres|both] [--quick]`.
//!
//! speed: how fast an issue is delivered, against the limits of the wire, side by side. Postfix's smtp-source sends into
//! its smtp-sink, then our daemon does: from the due occurrence's opening, with audience, snapshot, leases and last stop
//! checks, to the last durable `accepted`. The same into a relay of our own that only counts, and into one that answers
//! late; and, into the first two, with senders on cores that are two fifths as fast. Read the ratios, not the rates: both sides share the machine with the relay. The others say what they measure
//! in their own files; each ends with a line of `name=value` pairs, its goal among them.

mod arguments;
/// The cluster that the tests use; what only they need of it is idle here.
#[path = "../../tests/it/postgres.rs"]
mod postgres;
mod stopwatch;
mod progress;
mod child;
mod usage;
mod cores;
mod figures;
mod sink;
mod postfix;
mod plain;
mod company;
mod daemon;
mod issue;
mod database;
mod round;
mod speed;
mod memory;
mod nodes;
mod history;
mod start;
mod idle;

use anyhow::Result;
use arguments::{Arguments, What};
use clap::Parser;
use company::Company;

/// How long a message is, in bytes.
const LENGTH: usize = 11_500;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure(&arguments))
}

async fn measure(arguments: &Arguments) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (company, at) = (Company::found(LENGTH)?, directory.path());
    introduce()?;
    if arguments.what.includes(What::Idle) {
        idle::measure(arguments, &company, at).await?;
    }
    if arguments.what.includes(What::Memory) {
        memory::measure(arguments, &company, at).await?;
    }
    if arguments.what.includes(What::Start) {
        start::measure(arguments, &company, at).await?;
    }
    if arguments.what.includes(What::Nodes) {
        nodes::measure(arguments, &company, at).await?;
    }
    if arguments.what.includes(What::Speed) {
        speed::measure(arguments, &company, at).await?;
    }
    Ok(())
}

fn introduce() -> Result<()> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let busy = load.split_whitespace().next().unwrap_or("unknown");
    println!("{} processors, load {busy} before the start", std::thread::available_parallelism()?);
    if cfg!(debug_assertions) {
        println!("this is a debug build: it shows that the benchmark works, not how fast anything is");
    }
    println!("each figure: median (least to most) of all rounds; a ratio is taken within its round\n");
    Ok(())
}

/// Says loudly that a tool is missing, so that what needs it is not measured; where `CI` is set that is a failure.
fn missing(tool: &str, unmeasured: &str) {
    let complaint = format!("{tool} is not on this machine: {unmeasured} NOT MEASURED");
    assert!(std::env::var_os("CI").is_none(), "{complaint}");
    eprintln!("\n!!! {complaint}\n");
}
