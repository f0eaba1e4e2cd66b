//! One daemon a file: an operating-system lock on a file beside a SQLite database. The kernel takes it back when the process
//! dies, however it dies, so no stale lock is left. Verbs that only read and write through SQLite need none.
//!
//! The lock is on a file of its own: SQLite loses its locks on the database when another descriptor of it is closed.

use super::error::StoreError;
use jiff::Timestamp;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

/// How often the lock is tried: a verb that asks whether it is held holds it for a moment itself.
const TRIES: usize = 10;
const APART: Duration = Duration::from_millis(50);

impl FileLock {
    /// Takes the lock of a database, and writes down who has it. The database need not exist yet; its folder must. The path has no
    /// links: two paths of one file would have two locks.
    ///
    /// # Errors
    /// When another process has it, with what that one wrote down; when the file cannot be written.
    pub fn take(database: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let path = beside(database, "lock");
        let unable = |e: io::Error| StoreError::File(format!("lock the database: {}: {e}", path.display()));
        let options = || OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = options().map_err(unable)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => {
                    let who = format!("process {}, since {now}", std::process::id());
                    // It only helps to find us: a full disk keeps nobody from holding the lock.
                    drop(file.set_len(0).and_then(|()| file.write_all(who.as_bytes())));
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(APART),
                Err(TryLockError::Error(error)) => return Err(unable(error)),
            }
        }
        let mut who = String::new();
        // What is written there only helps to find the other one.
        drop(file.take(200).read_to_string(&mut who));
        Err(StoreError::Held { database: database.to_owned(), who: who.chars().filter(|c| !c.is_control()).collect() })
    }

    /// Whether another process has the lock of this database.
    pub fn is_held(database: &Path) -> bool {
        let Ok(file) = File::open(beside(database, "lock")) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

/// The path of what lies beside a database: `nurtured.db` and "lock" give `nurtured.db.lock`, "-wal" gives `nurtured.db-wal`.
pub fn beside(database: &Path, what: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    if !what.starts_with('-') {
        name.push(".");
    }
    name.push(what);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_the_file_and_the_next_gets_it_afterwards() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.db");
        let now = "2026-03-02T08:00:00Z".parse().expect("an instant");
        assert!(!FileLock::is_held(&file), "nobody has taken it yet");
        let lock = FileLock::take(&file, now).expect("free");
        let refused = FileLock::take(&file, now).expect_err("taken");
        assert!(refused.is_transient() && refused.to_string().contains("since 2026-03-02T08:00:00Z"), "{refused}");
        assert!(FileLock::is_held(&file));
        drop(lock);
        assert!(!FileLock::is_held(&file));
        FileLock::take(&file, now).expect("free again");
    }
}
