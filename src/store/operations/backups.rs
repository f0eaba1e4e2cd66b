//! Backups of a SQLite database: complete copies in files of their own, made while other connections write. PostgreSQL has
//! `pg_dump`.
//!
//! A copy is made in observing state: it sends nothing until it is adopted. It has a generation of its own, so that the log of the
//! database it was copied from is never taken for its own.

use super::integrity;
use crate::store::engine::backend::{Store, StoreError};
use crate::store::engine::file_lock::beside;
use crate::store::engine::log_check::{self, Generation};
use crate::store::engine::migrations;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::Path;

const OBSERVE: &str = "UPDATE sending SET observing = $1, observing_at = $2";

/// Writes a copy of `from`, as it is at one moment, into the new or empty file `to`.
///
/// # Errors
/// When the file holds anything, or cannot be written.
pub async fn copy(from: &Path, to: &Path, fresh: Generation, now: Timestamp) -> Result<(), StoreError> {
    let mut source: SqliteConnection = SqliteConnectOptions::new().filename(from).read_only(true).connect().await?;
    sqlx::query("VACUUM INTO $1").bind(to.to_string_lossy().into_owned()).execute(&mut source).await?;
    source.close().await?;
    let mut copy: SqliteConnection = SqliteConnectOptions::new().filename(to).connect().await?;
    let why = format!("this is a backup of {now}");
    sqlx::query(OBSERVE).bind(why).bind(now.as_millisecond()).execute(&mut copy).await?;
    sqlx::raw_sql(super::generation::set(fresh)).execute(&mut copy).await?;
    copy.close().await?;
    Ok(())
}

/// Opens a copy to read it, with the log that lies beside it, and changes nothing in either.
///
/// # Errors
/// When it cannot be read; when the log is another file's.
pub async fn open(path: &Path) -> Result<Store, StoreError> {
    let has_log = log_check::check_copy(path)?;
    // Without a log, reading must not make files beside the copy; with one, SQLite needs its index beside it.
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(!has_log);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    Ok(Store::over(pool.clone(), pool))
}

/// What is wrong with a copy, read with what lies beside it; and how many migrations it is behind and ahead of this program.
///
/// # Errors
/// As [`open`].
pub async fn examine(path: &Path) -> Result<(Vec<String>, (usize, usize)), StoreError> {
    let index = beside(path, "-shm");
    let was_there = index.exists();
    let store = open(path).await?;
    let found = look(&store).await;
    store.close().await;
    if !was_there {
        // SQLite's index of the log, which reading made; there is none where there was no log.
        drop(std::fs::remove_file(&index));
    }
    found
}

async fn look(store: &Store) -> Result<(Vec<String>, (usize, usize)), StoreError> {
    let mut tx = store.read().await?;
    let mut complaints = integrity::complaints(&mut tx).await?;
    drop(tx);
    // Tables of a damaged file may be unreadable, and that is said already.
    let found = if complaints.is_empty() { store.migrations().await? } else { (0, 0) };
    if found.0 == migrations::SQLITE.iter().count() {
        complaints.push("it is no database of nurtured: it has none of its tables".to_owned());
    }
    Ok((complaints, found))
}
