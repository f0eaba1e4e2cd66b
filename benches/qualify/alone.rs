//! The backtest by itself: `cargo bench --bench backtest [-- PROSPECTS [ROUNDS [DIRECTORY]]]`. In DIRECTORY the made-up history
//! stays for the next time.

#[path = "../delivery/stopwatch.rs"]
mod stopwatch;
mod backtest;

use anyhow::Result;
use std::path::PathBuf;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(path) = backtest::asked() {
        return runtime.block_on(backtest::measured(&path));
    }
    // Cargo says `--bench` to whatever it runs.
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let prospects = words.next().map_or(Ok(1_000_000), |word| word.parse())?;
    let rounds = words.next().map_or(Ok(5), |word| word.parse())?;
    let directory = tempfile::tempdir()?;
    let at = words.next().map_or_else(|| directory.path().to_owned(), PathBuf::from);
    runtime.block_on(backtest::run(&at, prospects, rounds))
}
