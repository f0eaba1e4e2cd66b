//! Restoring a backup of SQLite: a whole copy is prepared beside the database, then takes its place by one rename; what was
//! there lies aside, with its log. Whoever calls this holds the file's lock.
//!
//! After a kill the database is the old one, or the new one, or `.restored` lies beside it: then nothing opens it until the restore is
//! repeated (`log_check`).

use super::{generation, sending};
use crate::store::engine::backend::StoreError;
use crate::store::engine::file_lock::beside;
use crate::store::engine::log_check::{self, Generation};
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

/// Its name while it is written.
const DRAFT: &str = "restoring";
/// What SQLite writes beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Writes a whole copy of `file` beside the database: the log of `file` folded in, observing, of the new generation, on the disk.
///
/// # Errors
/// When it cannot be written, or has no tables of ours.
pub async fn prepare(file: &Path, database: &Path, fresh: Generation, now: Timestamp) -> Result<(), StoreError> {
    let draft = beside(database, DRAFT);
    let unable = |e: io::Error| StoreError::File(format!("write {}: {e}", draft.display()));
    for left in [draft.clone(), beside(&draft, "-wal"), beside(&draft, "-shm")] {
        if left.exists() {
            fs::remove_file(left).map_err(unable)?;
        }
    }
    let (from, to) = (file.to_owned(), draft.clone());
    let copied = tokio::task::spawn_blocking(move || copy(&from, &to).and_then(|()| copy_if_there(&from, &to, "-wal"))).await;
    copied.map_err(io::Error::other).flatten().map_err(unable)?;
    let options = SqliteConnectOptions::new().filename(&draft).journal_mode(SqliteJournalMode::Wal);
    let mut copy: SqliteConnection = options.synchronous(SqliteSynchronous::Full).connect().await?;
    let why = format!("this was restored from a copy, {now}");
    sqlx::query(sending::OBSERVE).bind(why).bind(now.as_millisecond()).execute(&mut copy).await?;
    sqlx::raw_sql(generation::set(fresh)).execute(&mut copy).await?;
    // The last connection folds the log in.
    copy.close().await?;
    if fs::metadata(beside(&draft, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(StoreError::File(format!("fold the log into {}", draft.display())));
    }
    let owner = fs::metadata(database).ok();
    let kept = || {
        if let Some(owner) = owner {
            chown(&draft, Some(owner.uid()), Some(owner.gid()))?;
        }
        File::open(&draft)?.sync_all()?;
        fs::rename(&draft, beside(database, log_check::RESTORED))?;
        log_check::sync_folder(database)
    };
    kept().map_err(unable)
}

/// Moves the database and its log aside, and the prepared copy into its place. Returns where the old one lies, if there was one.
///
/// # Errors
/// When a file cannot be moved; repeating the restore mends it.
pub async fn replace(database: &Path, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
    let unable =
        |e: io::Error| StoreError::File(format!("put the restored database in the place of {}: {e}", database.display()));
    // Its log may be there without it: whoever moved a copy away that was put in its place left that.
    let is_there = database.exists() || BESIDE.iter().any(|what| beside(database, what).exists());
    let aside = is_there.then(|| lay_aside(database, now)).transpose().map_err(unable)?;
    failpoint!("restore.aside");
    tokio::fs::rename(beside(database, log_check::RESTORED), database).await.map_err(unable)?;
    let put = || {
        // The note is of the file that lies aside.
        match fs::remove_file(beside(database, log_check::NOTE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => log_check::sync_folder(database),
        }
    };
    put().map_err(unable)?;
    Ok(aside)
}

/// Gives the database a second name, and its log that name alone. The database's own name is never without a file. A second name
/// that a restore broken off gave it is kept: its log lies there.
fn lay_aside(database: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let has_log = |file: &Path| beside(file, "-wal").exists();
    let aside = match second_name(database)? {
        Some(aside) if !(has_log(&aside) && has_log(database)) => aside,
        _ => new_name(database, now)?,
    };
    for what in BESIDE {
        let path = beside(database, what);
        if path.exists() {
            fs::rename(path, beside(&aside, what))?;
        }
    }
    Ok(aside)
}

/// The name under which the database lies aside already.
fn second_name(database: &Path) -> io::Result<Option<PathBuf>> {
    let inode = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let (Some(own), Some(folder)) = (inode(database), database.parent()) else { return Ok(None) };
    let names = beside(database, "before-");
    for entry in fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })? {
        let path = folder.join(entry?.file_name());
        if path.as_os_str().as_bytes().starts_with(names.as_os_str().as_bytes()) && inode(&path) == Some(own) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn new_name(database: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let mut aside = beside(database, &format!("before-{stamp}"));
    let mut more = 1;
    while aside.exists() || beside(&aside, "-wal").exists() {
        more += 1;
        aside = beside(database, &format!("before-{stamp}-{more}"));
    }
    if database.exists() {
        fs::hard_link(database, &aside)?;
    }
    Ok(aside)
}

fn copy_if_there(from: &Path, to: &Path, what: &str) -> io::Result<()> {
    let from = beside(from, what);
    if from.exists() { copy(&from, &beside(to, what)) } else { Ok(()) }
}

/// Copies into a new file for its owner alone: it holds personal data.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut File::open(from)?, &mut to).map(drop)
}
