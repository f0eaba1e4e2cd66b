//! Whether the database was written: by the command line beside the daemon, or by other nodes. An idle daemon asks every few
//! seconds, so the check reads no table; of SQLite it reads the times and lengths of two files.
//!
//! It does not say what was written, nor by which process: our own writes count too, and on PostgreSQL those to the whole
//! cluster.

use super::backend::{Store, StoreError, args};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Names the transactions of the whole cluster that are open and that have ended: it differs after every commit.
const POSTGRES: &str = "SELECT CAST(pg_current_snapshot() AS TEXT)";

/// What was seen last.
#[derive(Debug, Default)]
pub struct ExternalWrites {
    seen: Option<Seen>,
    /// The files were not as they had been before.
    moved: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// When and how long the file and its write-ahead log were; every commit writes to the log, and a checkpoint to both.
    Files([Option<(SystemTime, u64)>; 2]),
    Transactions(String),
}

impl ExternalWrites {
    /// Whether anything was committed since this was last asked; yes also the first time, and of files once more than
    /// need be after every change. Not to be asked more than once a second.
    ///
    /// # Errors
    /// When the database cannot be reached; the next answer will be yes.
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

/// Nothing where there is no file; SQLite removes its log when the last process closes it.
fn state(file: &Path) -> Option<(SystemTime, u64)> {
    let about = std::fs::metadata(file).ok()?;
    Some((about.modified().ok()?, about.len()))
}
