//! Databases other than the daemon's own: one that a simulation throws away when it ends, and a foreign one, opened
//! read-only.

use super::backend::{Store, StoreError};
use super::log_check;
use super::migrations;
use crate::domain::settings::DatabaseUrl;
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// How long a locked or slow foreign database is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes a database in a new file. It outlives no power cut and need not: nothing waits for the disk.
///
/// # Errors
/// When the file cannot be made.
pub async fn make(path: &Path) -> Result<Store, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "memory")
        // Room for every statement: one that is pushed out is compiled anew each time.
        .statement_cache_capacity(512)
        // Every mark and result returns a row: with sqlx's default of fifty, the two threads would wake each other for
        // each handful.
        .row_buffer_size(4_096)
        .foreign_keys(true);
    // A connection to a file does not break: a test of each before its use takes as long as a statement.
    let pool = || SqlitePoolOptions::new().test_before_acquire(false);
    let writer = pool().max_connections(1).connect_with(options.clone()).await?;
    migrations::SQLITE.run(&writer).await?;
    let readers = pool().max_connections(2).connect_with(options.read_only(true)).await?;
    Ok(Store::over(writer, readers))
}

/// Opens a database that another installation runs: nothing is created, migrated or written.
///
/// # Errors
/// When there is none, or it does not answer; when the log beside it is another file's.
pub async fn look_at(database: &DatabaseUrl) -> Result<Store, StoreError> {
    match database {
        DatabaseUrl::Sqlite(path) => {
            log_check::check_unless_held(path)?;
            let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(PATIENCE);
            let pool = SqlitePoolOptions::new().max_connections(4).acquire_timeout(PATIENCE).connect_with(options).await?;
            Ok(Store::over(pool.clone(), pool))
        }
        DatabaseUrl::Postgres(url) => {
            let read_only = [("default_transaction_read_only", "on")];
            let options = PgConnectOptions::from_str(url.expose_secret())?.options(read_only).application_name("nurtured");
            let pool = PgPoolOptions::new().max_connections(4).acquire_timeout(PATIENCE).connect_with(options.clone()).await?;
            Ok(Store::over_postgres(pool, options))
        }
    }
}
