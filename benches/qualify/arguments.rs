//! What is asked of the benchmark.

use clap::{Parser, ValueEnum};

/// Measures how fast signals become verdicts, and verdicts handoffs.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Arguments {
    /// What to measure.
    #[arg(long, value_enum, default_value = "all")]
    pub what: What,
    /// On which database.
    #[arg(long, value_enum, default_value = "both")]
    pub engine: Engine,
    /// How many prospects there are.
    #[arg(long, value_parser = clap::value_parser!(u64).range(100..=4_000_000))]
    prospects: Option<u64>,
    /// How many signals come in.
    #[arg(long, value_parser = clap::value_parser!(u64).range(100..))]
    signals: Option<u64>,
    /// How many report a signal at the same time, each waiting until its own is durable: at twenty thousand a second and four
    /// tenths of a second until it is, so many are on their way.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), default_value = "8000")]
    pub callers: u64,
    /// How many prospects give their fifth proof, one after the other.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    handoffs: Option<u64>,
    /// How often the backtest is repeated.
    #[arg(long, default_value = "5")]
    pub rounds: usize,
    /// Few of everything: to see that it works, not how fast.
    #[arg(long)]
    quick: bool,
    /// What `cargo bench` adds; without it somebody tests, and quick is enough.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Signals a second, observed and qualified.
    Live,
    /// One signal of a prospect who has ten thousand.
    Busy,
    /// From the fifth proof to the handoff mail at the relay.
    Latency,
    /// Other rules over ten million signals.
    Backtest,
    /// A year on a virtual clock, beside the same for real.
    Simulate,
    /// All of it.
    All,
}

impl What {
    /// Whether this is asked for when `self` is.
    pub(crate) fn includes(self, part: Self) -> bool {
        self == part || self == Self::All
    }
}

/// On which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// The embedded one.
    Sqlite,
    /// A temporary cluster.
    Postgres,
    /// One after the other.
    Both,
}

impl Engine {
    /// The engines this names.
    pub(crate) const fn each(self) -> &'static [Self] {
        match self {
            Self::Sqlite => &[Self::Sqlite],
            Self::Postgres => &[Self::Postgres],
            Self::Both => &[Self::Sqlite, Self::Postgres],
        }
    }

    /// Its name in words.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Both => "both",
        }
    }

    /// Its name in the last line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Both => "both",
        }
    }
}

impl Arguments {
    const fn is_quick(&self) -> bool {
        self.quick || !self.bench
    }

    /// How many prospects there are.
    pub(crate) fn prospects(&self) -> u64 {
        self.prospects.unwrap_or(if self.is_quick() { 2_000 } else { 100_000 })
    }

    /// How many prospects the backtest's history has, each with ten signals.
    pub(crate) fn prospects_of_history(&self) -> u64 {
        self.prospects.unwrap_or(if self.is_quick() { 10_000 } else { 1_000_000 })
    }

    /// How many prospects live through the simulated year.
    pub(crate) fn prospects_of_a_year(&self) -> usize {
        let prospects = self.prospects.unwrap_or(if self.is_quick() { 500 } else { 10_000 });
        usize::try_from(prospects).unwrap_or(usize::MAX)
    }

    /// How many signals come in.
    pub(crate) fn signals(&self) -> u64 {
        self.signals.unwrap_or(if self.is_quick() { 8_000 } else { 600_000 })
    }

    /// How many statements of one prospect are timed.
    pub(crate) const fn statements(&self) -> u64 {
        if self.is_quick() { 5 } else { 60 }
    }

    /// How many prospects give their fifth proof.
    pub(crate) fn handoffs(&self) -> u64 {
        self.handoffs.unwrap_or(if self.is_quick() { 10 } else { 300 })
    }
}
