//! The identity guard: whether the opened database is the one that was last used here. If not, it observes: nothing is sent
//! until it is adopted.

use crate::clock::Clock;
use crate::flow::context::FlowError;
use crate::store::engine::backend::Store;
use crate::store::operations::numbers::{self, Numbers};
use crate::store::operations::restore_marker::{self, Identity, Marks, Origin, RestoreMarker};
use crate::store::operations::{identity, sending};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::io;
use std::path::PathBuf;

/// Who opens the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedBy {
    /// The daemon. Where it runs becomes the database's place.
    Daemon,
    /// A verb of the command line, perhaps run in another directory or by another user: it claims no place for the database,
    /// and does not miss a restore marker.
    Verb,
}

/// Checks whether this database was last used here, and makes it observe if it was not.
///
/// # Errors
/// Those of the store; when the restore marker cannot be read, or the daemon cannot write it.
pub async fn check(store: &Store, clock: &dyn Clock, opened_by: OpenedBy) -> Result<(), FlowError> {
    let Some(path) = marker_path(store) else { return Ok(()) };
    let unable = |what: &str, e: io::Error| FlowError::Unable(format!("{what} {}: {e}", path.display()));
    let marker = restore_marker::read(&path).map_err(|e| unable("read", e))?;
    let mut tx = store.read().await?;
    let database = identity::of(&mut tx).await?;
    let place = identity::place(&mut tx, &machine()).await?;
    let observes = sending::state(&mut tx).await?.observing.is_some();
    drop(tx);
    if observes {
        // A backup observes from its first moment: what is recorded in it has no number that the lost history gave.
        return lift(store, &marker.map(|marker| marker.known()).unwrap_or_default()).await;
    }
    match restore_marker::classify(&database, marker.as_ref(), &place, !store.is_shared() && opened_by == OpenedBy::Daemon) {
        Origin::Foreign(why) => {
            if observe(store, &database, &why, clock).await? {
                tracing::error!(%why, "nothing is sent until this database is adopted");
            }
        }
        _ if opened_by == OpenedBy::Verb => return Ok(()),
        Origin::AdoptedElsewhere => {
            tracing::warn!(
                "the database was adopted on another node; if that was without this node's journal, replay it: nurtured adopt --journal FILE"
            );
            update_marker(store, clock).await?;
        }
        Origin::New => {
            let token = token()?;
            let mut tx = store.write().await?;
            identity::settle(&mut tx, &token, &place).await?;
            tx.commit().await?;
            update_marker(store, clock).await?;
        }
        Origin::Same => {
            update_marker(store, clock).await?;
        }
    }
    Ok(())
}

/// Writes the database's progress into the restore marker, outside the database. Returns the progress.
///
/// # Errors
/// Those of the store; when the restore marker cannot be written.
pub async fn update_marker(store: &Store, clock: &dyn Clock) -> Result<Marks, FlowError> {
    let mut tx = store.read().await?;
    let database = identity::of(&mut tx).await?;
    let numbers = numbers::last(&mut tx).await?;
    drop(tx);
    if let (Some(path), Some(token)) = (marker_path(store), database.token) {
        let known = RestoreMarker { token, marks: database.marks, numbers, at: clock.now() };
        let written = tokio::task::spawn_blocking(move || restore_marker::write(&path, &known).map_err(|e| (path, e))).await;
        let unable = |why: String| FlowError::Unable(format!("keep how far the database has come: {why}"));
        written.map_err(|e| unable(e.to_string()))?.map_err(|(path, e)| unable(format!("{}: {e}", path.display())))?;
    }
    Ok(database.marks)
}

/// The database and its progress at the daemon's last check.
#[derive(Debug, Default)]
pub struct LastCheck {
    /// Its token; `None` before the first check.
    token: Option<String>,
    marks: Marks,
    commits: u64,
}

impl LastCheck {
    /// Waits until another commit than those seen is made.
    pub async fn is_outdated(&self, store: &Store) {
        store.commits().others_than(self.commits).await;
    }
}

/// Checks again while the daemon runs: updates the restore marker, or makes the database observe when it went back.
/// Returns whether this process had written since the last check.
///
/// A database that observes or was adopted is another one than that of the last check, and how far that one had come is
/// forgotten. Links in memory stay: the number of a lost issue is never given again.
pub async fn recheck(store: &Store, clock: &dyn Clock, last: &mut LastCheck) -> Result<bool, FlowError> {
    let mut tx = store.read().await?;
    let database = identity::of(&mut tx).await?;
    let observes = sending::state(&mut tx).await?.observing.is_some();
    drop(tx);
    let before = std::mem::replace(&mut last.token, database.token.clone());
    if observes {
        last.marks = database.marks;
        return Ok(false);
    }
    let is_another = before.is_some() && before != database.token;
    let was_adopted = is_another && before == database.former;
    if was_adopted {
        tracing::info!("the database was adopted: what is remembered of the lost one is forgotten");
        last.marks = Marks::default();
    }
    let is_moving = store.commits().number() != last.commits;
    if !is_another && database.marks == last.marks && !is_moving {
        return Ok(false);
    }
    if (is_another && !was_adopted) || database.marks.is_behind(&last.marks) {
        let why = "this database was restored from a backup while the daemon ran";
        if observe(store, &database, why, clock).await? {
            tracing::error!(why, "nothing is sent until this database is adopted");
        }
        return Ok(false);
    }
    if is_moving {
        let mut tx = store.write().await?;
        identity::beat(&mut tx).await?;
        // Set before the commit, so that this commit does not count as one to be noticed.
        last.commits = store.commits().number() + 1;
        tx.commit().await?;
    }
    last.marks = update_marker(store, clock).await?;
    Ok(is_moving)
}

/// Makes this database observe, unless somebody adopted it meanwhile, and lets its numbers go on beyond those that the marker
/// knows: what is recorded while it observes has none that the lost history gave. Returns whether it observes now.
async fn observe(store: &Store, database: &Identity, why: &str, clock: &dyn Clock) -> Result<bool, FlowError> {
    let known = marker_path(store).map(|path| restore_marker::read(&path)).transpose();
    let known = known.ok().flatten().flatten().map(|marker| marker.known()).unwrap_or_default();
    let mut tx = store.write().await?;
    sending::observe(&mut tx, why, clock.now()).await?;
    if identity::of(&mut tx).await?.token != database.token {
        return Ok(false);
    }
    numbers::lift(&mut tx, &known).await?;
    tx.commit().await?;
    Ok(true)
}

/// Lets the numbers of a database that observes go on beyond those of the lost history, unless they have.
async fn lift(store: &Store, known: &Numbers) -> Result<(), FlowError> {
    let mut tx = store.read().await?;
    let here = numbers::last(&mut tx).await?;
    drop(tx);
    if known.iter().any(|(table, last)| *last > 0 && here.get(table).is_none_or(|own| own <= last)) {
        let mut tx = store.write().await?;
        numbers::lift(&mut tx, known).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The place of this database, and a new random token: what an adoption records.
///
/// # Errors
/// Those of the store; when the machine gives no randomness.
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

/// A short hash of the machine's id, which itself stays private. Machines without an id look the same.
fn machine() -> String {
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let hash = Sha256::digest(format!("nurtured {}", id.trim()).as_bytes());
    HEXLOWER.encode(&hash[..4])
}
