//! What is asked of the benchmark.

use clap::{Parser, ValueEnum};

/// Measures delivery against Postfix's own smtp-source, side by side, in several rounds.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Arguments {
    /// How many prospects an issue goes to.
    #[arg(long, value_parser = clap::value_parser!(u64).range(100..))]
    prospects: Option<u64>,
    /// How many rounds; each runs every side once.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: Option<u64>,
    /// On which database.
    #[arg(long, value_enum, default_value = "both")]
    pub engine: Engine,
    /// 5,000 prospects and two rounds: to see that it works, not how fast.
    #[arg(long)]
    quick: bool,
    /// What `cargo bench` adds; without it somebody tests, and quick is enough.
    #[arg(long, hide = true)]
    bench: bool,
}

/// On which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// The embedded one.
    Sqlite,
    /// A temporary cluster.
    Postgres,
    /// One after the other, in every round.
    Both,
}

impl Arguments {
    const fn is_quick(&self) -> bool {
        self.quick || !self.bench
    }

    /// How many prospects an issue goes to.
    pub(crate) fn prospects(&self) -> u64 {
        self.prospects.unwrap_or(if self.is_quick() { 5_000 } else { 100_000 })
    }

    /// How many rounds.
    pub(crate) fn rounds(&self) -> u64 {
        self.rounds.unwrap_or(if self.is_quick() { 2 } else { 5 })
    }

    /// How many mails go to the relay that takes its time: enough to be past the start, few enough to be waited for.
    pub(crate) fn to_slow_relay(&self) -> u64 {
        self.prospects().min(if self.is_quick() { 400 } else { 2_000 })
    }
}
