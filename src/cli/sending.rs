//! `nurtured stop` and `nurtured resume`: all group mail, on every node, at once. They need the database alone: what is wrong with the
//! rest of the configuration may be the reason.

use super::exit::Exit;
use super::{open, output, waiting};
use crate::clock::{Clock, SystemClock};
use crate::flow::group::gate;
use crate::flow::operations::adopt;
use crate::insight::plan::waiting as waits;
use crate::store::operations::sending;
use clap::Args;
use std::path::Path;

/// Stop all group mail, on every node and after restarts too, until `nurtured resume`
#[derive(Debug, Args)]
pub struct Stop {
    /// Why, in your words; shown wherever the stop is
    #[arg(long, default_value = "stopped by hand")]
    reason: String,
}

/// Stops group mail. What was marked before this returns may still arrive; nothing is marked after it.
///
/// # Errors
/// 2 without a reason; those of the store.
pub async fn stop(verb: &Stop, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let reason = verb.reason.trim();
    if reason.is_empty() {
        return Err(Exit::Usage("say why: --reason \"the prices are wrong\"".to_owned()));
    }
    let store = open::database(config).await?;
    let new = gate::stop_all(&store, reason, SystemClock.now()).await?;
    let state = sending::state(&mut store.read().await?).await?;
    if json {
        return output::json(&serde_json::json!({ "changed": new, "sending": state }));
    }
    let held = state.stopped.map(|held| held.reason).unwrap_or_default();
    output::line(if new {
        "Nothing more is sent to prospects, until `nurtured resume`. Letters to salespeople go on.".to_owned()
    } else {
        format!("It was stopped already: {held}. The reason it had stays.")
    })
}

/// Resumes group mail: what is open is sent; what fell due meanwhile is sent only if it is not late.
pub async fn resume(config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let store = open::database(config).await?;
    let before = sending::state(&mut store.read().await?).await?.stopped;
    if before.is_some_and(|held| held.reason.starts_with(gate::JOURNAL_TROUBLE)) {
        // Suppressions that the stop journal lacks are written now; if that fails, sending stays stopped.
        adopt::backfill_journal(&store).await?;
    }
    let resumed = gate::resume_all(&store).await?;
    let state = sending::state(&mut store.read().await?).await?;
    if json {
        return output::json(&serde_json::json!({ "changed": resumed, "sending": state }));
    }
    let how = if resumed { "Group mail goes on." } else { "Group mail was not stopped." };
    match state.why_not() {
        Some(why) => output::line(format!("{how} Yet nothing is sent: {why}."))?,
        None => output::line(how)?,
    }
    // What waits is named by the files, and these may be what is wrong.
    match open::load(config) {
        Ok(loaded) => waiting::print(&waits::waiting(&mut store.read().await?, &loaded.plan, None).await?),
        Err(_) => Ok(()),
    }
}
