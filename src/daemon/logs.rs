//! Logs: to the journal under systemd, else as text to standard error. No address and no body is ever logged.

use anyhow::Context as _;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{filter::Targets, fmt};

/// Starts logging, in colour or not, at the level `NURTURED_LOG` says (default `info`).
///
/// # Errors
/// When the journal cannot be reached though systemd says it is there, or `NURTURED_LOG` cannot be read.
pub fn start(under_systemd: bool, level: Option<&str>, colour: bool) -> anyhow::Result<()> {
    // The libraries' own messages could contain an address or the values of a statement.
    let directives = level.map_or_else(|| "warn,nurtured=info".to_owned(), |level| format!("warn,nurtured={level}"));
    // Levels by target: to filter by fields too would compile regular expressions, which nothing else here needs.
    let filter: Targets = directives.parse().context("could not read NURTURED_LOG; write error, warn, info, debug or trace")?;
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
