//! Home: whether the database that is opened is the one that was at home here. If not, it observes: nothing is sent until
//! somebody adopts it.

use crate::clock::Clock;
use crate::flow::context::FlowError;
use crate::store::engine::backend::Store;
use crate::store::operations::restore_marker::{self, Marks, Origin, RestoreMarker};
use crate::store::operations::{identity, sending};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::io;
use std::path::PathBuf;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// The daemon: where it runs is the database's home.
    Daemon,
    /// A verb of the command line, perhaps typed in another directory or by somebody else: it makes nothing its home, and
    /// misses no restore marker.
    Verb,
}

/// Looks whether this database is at home here, and has it observe if it is not.
///
/// # Errors
/// The store's; when the restore marker cannot be read, or the daemon cannot write it.
pub async fn look(store: &Store, clock: &dyn Clock, asks: Asks) -> Result<(), FlowError> {
    let Some(path) = marker_path(store) else { return Ok(()) };
    let unable = |what: &str, e: io::Error| FlowError::Unable(format!("{what} {}: {e}", path.display()));
    let marker = restore_marker::read(&path).map_err(|e| unable("read", e))?;
    let mut tx = store.read().await?;
    let database = identity::of(&mut tx).await?;
    let place = identity::place(&mut tx, &machine()).await?;
    let observes = sending::state(&mut tx).await?.observing.is_some();
    drop(tx);
    if observes {
        return Ok(());
    }
    match restore_marker::classify(&database, marker.as_ref(), &place, !store.is_shared() && asks == Asks::Daemon) {
        Origin::Foreign(why) => {
            let mut tx = store.write().await?;
            sending::observe(&mut tx, &why, clock.now()).await?;
            tx.commit().await?;
            tracing::error!(%why, "nothing is sent until somebody adopts this database");
        }
        _ if asks == Asks::Verb => return Ok(()),
        Origin::AdoptedElsewhere => {
            tracing::warn!(
                "the database was adopted on another node; if that was without this node's journal, replay it: nurtured adopt --journal FILE"
            );
            remember(store, clock).await?;
        }
        Origin::New => {
            let token = token()?;
            let mut tx = store.write().await?;
            identity::settle(&mut tx, &token, &place).await?;
            tx.commit().await?;
            remember(store, clock).await?;
        }
        Origin::Same => {
            remember(store, clock).await?;
        }
    }
    Ok(())
}

/// Remembers, outside the database, how far it has come. Returns that.
///
/// # Errors
/// The store's; when the restore marker cannot be written.
pub async fn remember(store: &Store, clock: &dyn Clock) -> Result<Marks, FlowError> {
    let mut tx = store.read().await?;
    let database = identity::of(&mut tx).await?;
    drop(tx);
    if let (Some(path), Some(token)) = (marker_path(store), database.token) {
        let known = RestoreMarker { token, marks: database.marks, at: clock.now() };
        let written = tokio::task::spawn_blocking(move || restore_marker::write(&path, &known).map_err(|e| (path, e))).await;
        let unable = |why: String| FlowError::Unable(format!("keep how far the database has come: {why}"));
        written.map_err(|e| unable(e.to_string()))?.map_err(|(path, e)| unable(format!("{}: {e}", path.display())))?;
    }
    Ok(database.marks)
}

/// How far the database had come when the daemon last looked.
#[derive(Debug, Default)]
pub struct Known {
    marks: Marks,
    commits: u64,
}

impl Known {
    /// Waits until something is written that was not seen yet.
    pub async fn is_outdated(&self, store: &Store) {
        store.commits().others_than(self.commits).await;
    }
}

/// Looks again while the daemon runs: remembers how far the database has come, or has it observe when it went back.
/// Returns whether something was written since the last look.
pub async fn keep(store: &Store, clock: &dyn Clock, known: &mut Known) -> Result<bool, FlowError> {
    let mut tx = store.read().await?;
    let marks = identity::of(&mut tx).await?.marks;
    let observes = sending::state(&mut tx).await?.observing.is_some();
    drop(tx);
    let is_moving = store.commits().number() != known.commits;
    if observes || (marks == known.marks && !is_moving) {
        return Ok(false);
    }
    if marks.is_behind(&known.marks) {
        let why = "this database was restored from a backup while the daemon ran";
        tracing::error!(why, "nothing is sent until somebody adopts this database");
        let mut tx = store.write().await?;
        sending::observe(&mut tx, why, clock.now()).await?;
        tx.commit().await?;
        return Ok(false);
    }
    if is_moving {
        let mut tx = store.write().await?;
        identity::beat(&mut tx).await?;
        // Before it commits, so that its own commit is the one that is not counted as another's.
        known.commits = store.commits().number() + 1;
        tx.commit().await?;
    }
    known.marks = remember(store, clock).await?;
    Ok(is_moving)
}

/// Where this database is, and a token no other has: what an adoption writes down.
///
/// # Errors
/// The store's; that the machine gives no randomness.
pub async fn new_identity(store: &Store) -> Result<(String, String), FlowError> {
    let mut tx = store.read().await?;
    Ok((token()?, identity::place(&mut tx, &machine()).await?))
}

fn marker_path(store: &Store) -> Option<PathBuf> {
    store.journal().map(|journal| restore_marker::beside(journal.path()))
}

fn token() -> Result<String, FlowError> {
    let mut fresh = [0; 16];
    getrandom::fill(&mut fresh).map_err(|_| FlowError::Unable("the machine gives no randomness".to_owned()))?;
    Ok(HEXLOWER.encode(&fresh))
}

/// What stands for this machine: its id is nobody else's business. Where it has none, its machines look the same.
fn machine() -> String {
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let hash = Sha256::digest(format!("nurtured {}", id.trim()).as_bytes());
    HEXLOWER.encode(&hash[..4])
}
