//! The generation of a SQLite file: begun by each run of the daemon, so that the log of a killed run is told from any other
//! (`log_check` says how).

use crate::store::engine::backend::{Store, StoreError};
use crate::store::engine::log_check::{self, Generation};
use std::collections::BTreeSet;
use std::path::Path;

const FOLD: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
const NOW: &str = "PRAGMA application_id";

/// Gives the file another generation. Nothing else may begin one at the same time. On PostgreSQL it does nothing.
///
/// # Errors
/// When the database, or the note beside it, cannot be written.
pub async fn begin(store: &Store, fresh: Generation) -> Result<(), StoreError> {
    let (Some(writer), Some(file)) = (store.sqlite_writer(), store.file()) else { return Ok(()) };
    let present: i64 = sqlx::query_scalar(NOW).fetch_one(writer).await?;
    // Until the log is folded in, the file may still have an earlier one.
    let mut noted = log_check::noted(&file).unwrap_or_default();
    if fold(store).await? {
        noted.clear();
    }
    noted.extend([number(present), fresh]);
    note(&file, &noted).await?;
    sqlx::raw_sql(set(fresh)).execute(writer).await?;
    // Somebody who reads for long keeps the log from being folded in: then the note keeps the earlier ones too.
    if fold(store).await? {
        note(&file, &BTreeSet::from([fresh])).await?;
    }
    Ok(())
}

/// Folds the log into the file, and waits for readers as long as for any lock. Returns whether nothing is left of it.
///
/// # Errors
/// When the file cannot be written.
pub async fn fold(store: &Store) -> Result<bool, StoreError> {
    let Some(writer) = store.sqlite_writer() else { return Ok(true) };
    let (busy, _, _): (i64, i64, i64) = sqlx::query_as(FOLD).fetch_one(writer).await?;
    Ok(busy == 0)
}

/// The statement that sets a generation: a pragma takes no parameter.
pub(super) fn set(generation: Generation) -> sqlx::AssertSqlSafe<String> {
    // The header's field has a sign in SQLite's eyes.
    sqlx::AssertSqlSafe(format!("PRAGMA application_id = {}", i32::from_be_bytes(generation.to_be_bytes())))
}

fn number(application_id: i64) -> Generation {
    let bytes = application_id.to_be_bytes();
    u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]])
}

async fn note(file: &Path, generations: &BTreeSet<Generation>) -> Result<(), StoreError> {
    let (path, generations) = (file.to_owned(), generations.clone());
    let noted = tokio::task::spawn_blocking(move || log_check::note(&path, &generations)).await;
    let unable = |why: String| StoreError::File(format!("note the generation of {}: {why}", file.display()));
    noted.map_err(|e| unable(e.to_string()))?.map_err(|e| unable(e.to_string()))
}
