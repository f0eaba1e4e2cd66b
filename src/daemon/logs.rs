//! Logs: to the journal under systemd, else as text to standard error. No address and no body is ever logged.

use anyhow::Context as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How much this program says of itself. There is no filter by target: the libraries' own messages could contain an address or the
/// values of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    /// Reads the value of `NURTURED_LOG`.
    ///
    /// # Errors
    /// Says what can be written.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(match text.trim().to_ascii_lowercase().as_str() {
            "error" => Self::Error,
            "warn" => Self::Warn,
            "info" => Self::Info,
            "debug" => Self::Debug,
            "trace" => Self::Trace,
            _ => return Err("NURTURED_LOG takes a level and nothing else: write error, warn, info, debug or trace".to_owned()),
        })
    }

    const fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// Starts logging, in colour or not. Libraries say no more than warnings.
///
/// # Errors
/// When the journal cannot be reached though systemd says it is there.
pub fn start(under_systemd: bool, level: Level, colour: bool) -> anyhow::Result<()> {
    let libraries = level.filter().min(LevelFilter::WARN);
    let filter = Targets::new().with_default(libraries).with_target("nurtured", level.filter());
    let registry = tracing_subscriber::registry().with(filter);
    if under_systemd {
        use tracing_journald::{Priority, PriorityMappings};
        let mappings = PriorityMappings {
            error: Priority::Error,
            warn: Priority::Warning,
            info: Priority::Informational,
            debug: Priority::Debug,
            trace: Priority::Debug,
        };
        let journal = tracing_journald::layer().context("could not reach the journal")?.with_priority_mappings(mappings);
        registry.with(journal.with_syslog_identifier("nurtured".to_owned())).init();
    } else {
        registry.with(fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colour)).init();
    }
    Ok(())
}
