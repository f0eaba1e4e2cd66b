//! `nurtured inbox ingest`: takes one mail as a mail server pipes it.

use super::exit::Exit;
use super::{open, output};
use crate::flow::individual::receive;
use crate::inbox::taken;
use clap::Subcommand;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Read mail that came back
#[derive(Debug, Subcommand)]
pub enum Inbox {
    /// Take one mail: a bounce, a reply, a complaint
    Ingest {
        /// The raw mail [default: standard input]
        file: Option<PathBuf>,
    },
}

/// Takes a mail; a mail without meaning is taken too, and reported as such.
///
/// # Errors
/// 65 for an input that is no mail; 69 or 75 when it could not be recorded, so that the mail server keeps it.
pub async fn run(verb: Inbox, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let Inbox::Ingest { file } = verb;
    let raw = raw(file.as_deref())?;
    let mail = taken::take(&raw).map_err(|e| Exit::Data(format!("could not read the mail: {e}")))?;
    let node = open::node(config).await?;
    let taken = receive::receive(&node.ctx, &mail).await?;
    if json { output::json(&taken) } else { output::line(&taken.words) }
}

/// The whole mail, at most one byte more than the largest that is read.
fn raw(file: Option<&Path>) -> Result<Vec<u8>, Exit> {
    let most = crate::inbox::mail::mime_body::LARGEST as u64 + 1;
    let mut raw = Vec::new();
    let read = match file {
        Some(path) if path != Path::new("-") => std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut raw)),
        _ => std::io::stdin().lock().take(most).read_to_end(&mut raw),
    };
    read.map_err(|e| Exit::Data(format!("could not read the mail: {e}")))?;
    Ok(raw)
}
