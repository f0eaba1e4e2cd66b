//! `nurtured adopt`: makes a restored or copied database the one that sends.

use super::exit::Exit;
use super::{open, output};
use crate::daemon::identity_guard;
use crate::flow::operations::adopt::{self, Adoption};
use crate::store::engine::journal;
use clap::Args;
use std::path::{Path, PathBuf};

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

/// Adopts the database.
///
/// # Errors
/// 1 when there is nothing to adopt; 65 when a journal cannot be read; those of the store.
pub async fn adopt(verb: &Adopt, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let store = node.ctx.store();
    let mut held = journal::JournalContents::default();
    let own = store.journal().map(|journal| journal.path().to_owned());
    if let Some(file) = verb.journals.iter().find(|file| !file.is_file()) {
        return Err(Exit::Data(format!("there is no journal {}", file.display())));
    }
    for file in own.iter().chain(&verb.journals) {
        held.join(journal::read(file).map_err(|e| Exit::Data(format!("could not read {}: {e}", file.display())))?);
    }
    let (token, place) = identity_guard::new_identity(store).await?;
    let adopted = adopt::adopt(&node.ctx, Adoption { journals: held, moved: verb.moved, token, place }).await?;
    identity_guard::update_marker(store, &*node.ctx.clock()).await?;
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
    output::line("This database sends from now on. Take care that no other copy of it does.")
}
