//! Whether the database was written by the command line or by another node. An idle daemon asks every few seconds, so the
//! check reads no table; on SQLite it reads the times and lengths of two files.
//!
//! The check reports neither what was written nor by which process: this node's own writes count too, and on PostgreSQL
//! those to the whole cluster.

use super::backend::{Store, StoreError, args};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Names the transactions of the whole cluster that are open and that have ended: it differs after every commit.
const POSTGRES: &str = "SELECT CAST(pg_current_snapshot() AS TEXT)";

/// The state found by the last check.
#[derive(Debug, Default)]
pub struct ExternalWrites {
    seen: Option<Seen>,
    /// Whether the files had changed at the last check.
    moved: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// Time and length of the file and of its write-ahead log; every commit writes to the log, and a checkpoint to both.
    Files([Option<(SystemTime, u64)>; 2]),
    Transactions(String),
}

impl ExternalWrites {
    /// Whether anything was committed since the last call; also true the first time, and for files once more after every
    /// change. Call it at most once a second.
    ///
    /// # Errors
    /// When the database cannot be reached; the next answer is then yes.
    pub async fn look(&mut self, store: &Store) -> Result<bool, StoreError> {
        let before = self.seen.take();
        let seen = match store.file() {
            Some(file) => Seen::Files([state(&file), state(&log_of(&file))]),
            None => Seen::Transactions(snapshot(store).await?),
        };
        let moved = before.as_ref() != Some(&seen);
        // A file's time has ticks: a write after this check, within the same tick, would leave the time as it is.
        let again = std::mem::replace(&mut self.moved, moved && matches!(seen, Seen::Files(_)));
        self.seen = Some(seen);
        Ok(moved || again)
    }
}

async fn snapshot(store: &Store) -> Result<String, StoreError> {
    let rows: Vec<(String,)> = store.at_once(POSTGRES, args![]).await?;
    rows.into_iter().next().map(|(snapshot,)| snapshot).ok_or(StoreError::Rows { expected: 1, found: 0 })
}

fn log_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// `None` without a file: SQLite removes its log when the last process closes it.
fn state(file: &Path) -> Option<(SystemTime, u64)> {
    let about = std::fs::metadata(file).ok()?;
    Some((about.modified().ok()?, about.len()))
}
