//! `nurtured run`: the daemon.

use super::exit::Exit;
use super::open;
use crate::clock::{Clock, SystemClock};
use crate::config;
use crate::daemon::lifecycle::{self, Signals};
use std::path::Path;

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// 78 for a configuration that is wrong or still an example; 69 when the database or the port is not available, 75 when another daemon
/// has the file.
pub async fn run(said: Option<&Path>) -> Result<(), Exit> {
    let signals = Signals::listen().map_err(|e| Exit::Unavailable(format!("could not listen to signals: {e}")))?;
    let loaded = open::load(said)?;
    for warning in loaded.warnings_at(SystemClock.now()) {
        tracing::warn!("{}", warning.render(false));
    }
    config::production_check::check(&loaded.plan)?;
    open::refuse_a_second(&open::named(said)?)?;
    let directory = said.map(Path::to_owned);
    let reread = move || {
        let loaded = open::load(directory.as_deref()).map_err(|e| e.words().to_owned())?;
        config::production_check::check(&loaded.plan).map_err(|e| e.render(false))?;
        Ok(loaded.plan)
    };
    Box::pin(lifecycle::run(loaded.plan, Box::new(reread), signals)).await.map_err(Exit::from)
}
