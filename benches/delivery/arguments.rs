//! The command line of the benchmark.

use clap::{Parser, ValueEnum};

/// Measures delivery beside Postfix's own smtp-source, in several rounds; and memory, nodes, start and idle time
#[derive(Debug, Clone, Parser)]
pub(crate) struct Arguments {
    /// What to measure
    #[arg(long, value_enum, default_value = "speed")]
    pub what: What,
    /// How many prospects; the default depends on what is measured
    #[arg(long, value_parser = clap::value_parser!(u64).range(100..=4_000_000))]
    prospects: Option<u64>,
    /// How many rounds; each runs every side once
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: Option<u64>,
    /// On which database
    #[arg(long, value_enum, default_value = "both")]
    pub engine: Engine,
    /// A few prospects and two rounds: to see that it works, not how fast
    #[arg(long)]
    quick: bool,
    /// Added by `cargo bench`; without it (`cargo test`) the quick sizes are used
    #[arg(long, hide = true)]
    bench: bool,
}

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Messages a second beside the limits of the wire, processor time, and how time grows with prospects
    Speed,
    /// The most memory while an issue goes to a million prospects
    Memory,
    /// Two nodes on one PostgreSQL beside one
    Nodes,
    /// From the start to the first claim behind ten million deliveries
    Start,
    /// Memory and wake-ups while nothing is due
    Idle,
    /// All of it, speed last
    All,
}

impl What {
    /// Whether `self` asks for this part.
    pub(crate) fn includes(self, part: Self) -> bool {
        self == part || self == Self::All
    }
}

/// The database to measure on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// The embedded one
    Sqlite,
    /// A temporary cluster
    Postgres,
    /// One after the other, in every round
    Both,
}

impl Arguments {
    const fn is_quick(&self) -> bool {
        self.quick || !self.bench
    }

    /// How many prospects there are when this is measured.
    pub(crate) fn prospects(&self, what: What) -> u64 {
        let (few, asked) = match what {
            What::Speed | What::All => (5_000, 100_000),
            What::Memory | What::Start => (5_000, 1_000_000),
            // Enough ranges for both nodes: the node with the last range works alone.
            What::Nodes => (6_000, 30_000),
            What::Idle => (100, 1_000),
        };
        self.prospects.unwrap_or(if self.is_quick() { few } else { asked })
    }

    pub(crate) fn rounds(&self) -> u64 {
        self.rounds.unwrap_or(if self.is_quick() { 2 } else { 5 })
    }

    /// How many mails go to the slow relay: enough to be past the start, few enough to be waited for.
    pub(crate) fn to_slow_relay(&self) -> u64 {
        self.prospects(What::Speed).min(if self.is_quick() { 400 } else { 2_000 })
    }
}
