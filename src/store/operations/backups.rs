//! Backups of a SQLite database: complete copies in files of their own, made while other connections write. PostgreSQL has
//! `pg_dump`.
//!
//! A copy is made in observing state: it sends nothing until it is adopted.

use crate::store::engine::backend::{Store, StoreError};
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::Path;

const OBSERVE: &str = "UPDATE sending SET observing = $1, observing_at = $2";

/// Writes a copy of `from`, as it is at one moment, into the new or empty file `to`.
///
/// # Errors
/// When the file holds anything, or cannot be written.
pub async fn copy(from: &Path, to: &Path, now: Timestamp) -> Result<(), StoreError> {
    let mut source: SqliteConnection = SqliteConnectOptions::new().filename(from).read_only(true).connect().await?;
    sqlx::query("VACUUM INTO $1").bind(to.to_string_lossy().into_owned()).execute(&mut source).await?;
    source.close().await?;
    let mut copy: SqliteConnection = SqliteConnectOptions::new().filename(to).connect().await?;
    let why = format!("this is a backup of {now}");
    sqlx::query(OBSERVE).bind(why).bind(now.as_millisecond()).execute(&mut copy).await?;
    copy.close().await?;
    Ok(())
}

/// Opens a copy to read it, and changes nothing in it.
///
/// # Errors
/// When it cannot be read.
pub async fn open(path: &Path) -> Result<Store, StoreError> {
    // A copy is never written: without this, reading one in WAL mode would make files beside it.
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    Ok(Store::over(pool.clone(), pool))
}
