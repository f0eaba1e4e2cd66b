//! `nurtured run`: the daemon.

use super::exit::Exit;
use super::open;
use crate::clock::{Clock, SystemClock};
use crate::config;
use crate::daemon::lifecycle;
use std::path::Path;

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// 78 for a configuration that is wrong or still an example; 69 when the database or the port is not available.
pub async fn run(said: Option<&Path>) -> Result<(), Exit> {
    let loaded = open::load(said)?;
    for warning in loaded.warnings_at(SystemClock.now()) {
        tracing::warn!("{}", warning.render(false));
    }
    config::production_check::check(&loaded.plan)?;
    let directory = said.map(Path::to_owned);
    let reread = move || {
        let loaded = open::load(directory.as_deref()).map_err(|e| e.words().to_owned())?;
        config::production_check::check(&loaded.plan).map_err(|e| e.render(false))?;
        Ok(loaded.plan)
    };
    lifecycle::run(loaded.plan, Box::new(reread)).await.map_err(Exit::from)
}
