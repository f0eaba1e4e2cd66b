//! `nurtured adopt`: makes a restored or copied database the one that sends.

use super::exit::Exit;
use super::{open, output};
use crate::daemon::identity_guard;
use crate::flow::operations::adopt::{self, Adoption};
use crate::store::engine::journal;
use crate::store::operations::numbers::{self, Numbers};
use crate::store::operations::{restore_marker, sending};
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Let a restored or copied database send: replay the stop journal, hold what may have been sent since
#[derive(Debug, Args)]
pub struct Adopt {
    /// Another node's stop journal, or one saved from a lost machine; may be repeated. The one configured here is read anyway
    #[arg(long = "journal", value_name = "FILE")]
    journals: Vec<PathBuf>,
    /// It was moved here whole, and the old one has sent nothing since: hold nothing
    #[arg(long)]
    moved: bool,
}

/// After which time it is looked whether the adoption held.
const HELD_AFTER: Duration = Duration::from_secs(2);

/// Adopts the database.
///
/// # Errors
/// 1 when there is nothing to adopt; 65 when a journal cannot be read; 75 when another process undid it; those of the store.
pub async fn adopt(verb: &Adopt, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let store = node.ctx.store();
    let mut held = journal::JournalContents::default();
    let own = store.journal().map(|journal| journal.path().to_owned());
    let mut known = Numbers::new();
    for file in own.iter().chain(&verb.journals) {
        let unable = |e: std::io::Error| Exit::Data(format!("could not read {}: {e}", file.display()));
        let marker = restore_marker::read(&restore_marker::beside(file)).map_err(unable)?;
        // A node that never journalled a stop has a marker alone; of a journal named by mistake there is neither.
        if marker.is_none() && !file.is_file() && Some(file) != own.as_ref() {
            let words = "if that node never journalled a stop, leave it out; else give the path of its journal";
            return Err(Exit::Data(format!("there is no journal {}: {words}", file.display())));
        }
        numbers::join(&mut known, &marker.map(|marker| marker.known()).unwrap_or_default());
        held.join(journal::read(file).map_err(unable)?);
    }
    let (token, place) = identity_guard::new_identity(store).await?;
    let adoption = Adoption { journals: held, known, moved: verb.moved, token, place };
    let adopted = adopt::adopt(&node.ctx, adoption).await?;
    identity_guard::update_marker(store, &*node.ctx.clock()).await?;
    // A daemon that runs beside it looks once a second whether the database went back.
    tokio::time::sleep(HELD_AFTER).await;
    let sending = sending::state(&mut store.read().await?).await?;
    if let Some(observing) = sending.observing {
        return Err(Exit::Again(format!(
            "it was adopted, and another process made it observe again: {}; run nurtured adopt once more",
            observing.reason
        )));
    }
    if json {
        return output::json(&adopted);
    }
    let journals = own.iter().chain(&verb.journals).count();
    output::line(format!("Read {} lines of {journals} stop journals.", adopted.journal_lines))?;
    if adopted.unreadable_lines > 0 {
        output::line(format!("{} lines could not be read.", adopted.unreadable_lines))?;
    }
    for (count, what) in [
        (adopted.stopped, "addresses are stopped that the backup did not know as stopped"),
        (adopted.lifted, "stops are lifted that had been lifted since"),
        (adopted.handed_off, "prospects had been handed off since: stopped, and on the sales manager's queue"),
        (adopted.forgotten, "people had asked to be forgotten since, and are"),
        (adopted.fell_due, "occurrences fell due since: nothing of them is sent"),
        (adopted.held, "deliveries may have been sent since: held, see `nurtured uncertain list`"),
    ] {
        if count > 0 {
            output::line(format!("{count} {what}."))?;
        }
    }
    let number = |table: &str| adopted.numbers.get(table).copied().unwrap_or_default();
    let (deliveries, issues, handoffs) = (number("deliveries"), number("issues"), number("handoffs"));
    output::line(format!(
        "Numbers go on after {deliveries} (deliveries), {issues} (issues) and {handoffs} (handoffs): no link of the lost time is anybody else's."
    ))?;
    match sending.stopped {
        None => {
            output::line("This database sends from now on, as it did two seconds later. Take care that no other copy of it does.")
        }
        Some(held) => output::line(format!(
            "This database is at home here. Group mail stays stopped: {}; nurtured resume ends it.",
            held.reason
        )),
    }
}
