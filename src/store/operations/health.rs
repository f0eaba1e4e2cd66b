//! Health: what the database says of itself. Quick checks that change nothing; `integrity` reads every page instead.

use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args};
use crate::store::engine::connection::Connection;
use crate::store::engine::value::{instant, instant_or_none};
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// What the engine finds wrong at a quick check; nothing on PostgreSQL, which offers none over SQL.
const QUICK: Sql = Sql::Each { sqlite: "PRAGMA quick_check(5)", postgres: "SELECT 'ok' WHERE FALSE" };
/// The one place where the database's clock is asked: to hold it against ours. SQLite has none of its own.
const CLOCK: Sql =
    Sql::Each { sqlite: "SELECT 0 WHERE FALSE", postgres: "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)" };
const LAST_SIGNAL: &str = "SELECT id, recorded_at FROM signals ORDER BY id DESC LIMIT 1";
const LATEST: &str = "SELECT MAX(seen_until) FROM campaigns";

/// What a quick check of its file finds wrong.
pub async fn quick_complaints(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    Ok(complaints(tx.rows(QUICK, args![]).await?))
}

fn complaints(rows: Vec<(String,)>) -> Vec<String> {
    rows.into_iter().map(|(said,)| said).filter(|said| said != "ok").collect()
}

/// After how many steps or pages a check asks whether it was given up.
const ASKS: i32 = 1_000;

/// As [`quick_complaints`], of a SQLite file in which nothing is changed before; `None` when it took longer than the limit. Given up or
/// not, it has ended when this returns, and reads the file no more.
///
/// # Errors
/// When the file cannot be read.
pub async fn quick_complaints_within(limit: Duration, file: &Path) -> Result<Option<Vec<String>>, StoreError> {
    let mut connection = SqliteConnectOptions::new().filename(file).read_only(true).connect().await?;
    let is_given_up = Arc::new(AtomicBool::new(false));
    let asked = is_given_up.clone();
    connection.lock_handle().await?.set_progress_handler(ASKS, move || !asked.load(Ordering::Relaxed));
    let mut check = Box::pin(Connection::Sqlite(&mut connection).rows(QUICK, args![]));
    let found = if let Ok(rows) = timeout(limit, &mut check).await {
        rows.map(|rows| Some(complaints(rows)))
    } else {
        is_given_up.store(true, Ordering::Relaxed);
        drop(check.as_mut().await);
        Ok(None)
    };
    drop(check);
    connection.close().await?;
    found
}

/// What the database takes for the present instant, where it has a clock.
pub async fn clock(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let row: Option<(i64,)> = tx.row(CLOCK, args![]).await?;
    instant_or_none(row.map(|(at,)| at))
}

/// When the last signal was recorded, by the clock of that time.
pub async fn last_signal(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let row: Option<(i64, i64)> = tx.row(LAST_SIGNAL, args![]).await?;
    row.map(|(id, at)| instant(at).in_row("signals", id)).transpose()
}

/// Up to when any schedule has been evaluated, by the clock of that time.
pub async fn seen_until(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let row: Option<(Option<i64>,)> = tx.row(LATEST, args![]).await?;
    instant_or_none(row.and_then(|(at,)| at))
}
