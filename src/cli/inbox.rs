//! `nurtured inbox ingest`: takes one mail as a mail server pipes it. What is kept of others is in `inbox_kept`.

use super::exit::Exit;
use super::{inbox_kept, open, output};
use crate::clock::SystemClock;
use crate::config;
use crate::daemon::assemble::{self, Node};
use crate::daemon::identity_guard::{self, OpenedBy};
use crate::flow::individual::take_mail;
use crate::inbox::mail::mime_body;
use crate::store::operations::{configurations, set_aside};
use clap::Subcommand;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Read mail that came back
#[derive(Debug, Subcommand)]
pub enum Inbox {
    /// Take one mail: a bounce, a reply, a complaint
    Ingest {
        /// The raw mail [default: standard input]
        file: Option<PathBuf>,
    },
    /// List the mails that nothing recognised, and those that could not be read
    List,
    /// Show one of them
    Show {
        /// Its id, as `inbox list` shows it
        id: String,
    },
    /// Take them again, as if they came now: after an upgrade, or a correction
    Retry {
        /// Their ids, as `inbox list` shows them [default: all]
        ids: Vec<String>,
    },
}

/// Takes a mail. Prints its class and nothing of what it says: a mail server may send that to a stranger.
///
/// # Errors
/// When it was neither recorded nor set aside. The exit code is 75 then, whatever it was (`ingest`).
pub async fn run(verb: Inbox, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let file = match verb {
        Inbox::Ingest { file } => file,
        Inbox::List => return inbox_kept::list(config, json).await,
        Inbox::Show { id } => return inbox_kept::show(&id, config, json).await,
        Inbox::Retry { ids } => return inbox_kept::retry(&ids, config, json).await,
    };
    let mut source = source(file.as_deref())?;
    let mut raw = Vec::new();
    // One byte more than the largest that is read.
    let most = mime_body::LARGEST as u64 + 1;
    source.by_ref().take(most).read_to_end(&mut raw).map_err(|e| Exit::Data(format!("could not read the mail: {e}")))?;
    if raw.is_empty() {
        return Err(Exit::Data("no mail came".to_owned()));
    }
    let mail = take_mail::read(raw).await;
    if mail.read.is_none() {
        let journal = open::named(config)?.stop_journal;
        set_aside::keep(&journal, &mail.raw, source).map_err(|e| Exit::No(format!("could not keep an unreadable mail: {e}")))?;
        say(json, "unreadable", true, "Set aside: it could not be read.");
        return Ok(());
    }
    let node = node(config).await?;
    let Some(receipt) = take_mail::take(&node.ctx, &mail, None).await? else {
        return Err(Exit::No("the mail was not read".to_owned()));
    };
    failpoint!("ingest.kept");
    open::journalled(node.ctx.store()).await?;
    let how = if receipt.new { "Recorded" } else { "Nothing new" };
    say(json, receipt.what.word(), receipt.new, &format!("{how}: {}.", receipt.what.word().replace('_', " ")));
    Ok(())
}

fn say(json: bool, what: &str, new: bool, words: &str) {
    // It is kept: a failure to say so changes nothing.
    drop(if json { output::json(&serde_json::json!({ "what": what, "new": new })) } else { output::line(words) });
}

/// A node under the configuration as it is written; under the one in force, as the database keeps it, while the files are broken, or hold
/// secrets that only the service can read.
async fn node(config: Option<&Path>) -> Result<Node, Exit> {
    let broken = match open::load(config) {
        Ok(loaded) => return open::node_of(loaded.plan).await,
        Err(broken) => broken,
    };
    let store = open::database(config).await?;
    let kept = configurations::newest(&mut store.read().await?).await?;
    let files = kept.map(|kept| kept.files).unwrap_or_default();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let Ok(loaded) = config::load_files(&files, &[]) else { return Err(broken) };
    Box::pin(identity_guard::check(&store, &SystemClock, OpenedBy::Verb)).await?;
    Ok(assemble::assemble(store, Arc::new(SystemClock), loaded.plan).await?)
}

fn source(file: Option<&Path>) -> Result<Box<dyn Read + Send>, Exit> {
    match file {
        Some(path) if path != Path::new("-") => {
            let file = std::fs::File::open(path).map_err(|e| Exit::Data(format!("could not read the mail: {e}")))?;
            Ok(Box::new(file))
        }
        _ => Ok(Box::new(std::io::stdin())),
    }
}
