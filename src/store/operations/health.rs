//! Health: what the database says of itself. Quick checks that change nothing; `integrity` reads every page instead.

use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args};
use crate::store::engine::value::{instant, instant_or_none};
use jiff::Timestamp;

/// What the engine finds wrong at a quick check; nothing on PostgreSQL, which offers none over SQL.
const QUICK: Sql = Sql::Each { sqlite: "PRAGMA quick_check(5)", postgres: "SELECT 'ok' WHERE FALSE" };
/// The one place where the database's clock is asked: to hold it against ours. SQLite has none of its own.
const CLOCK: Sql =
    Sql::Each { sqlite: "SELECT 0 WHERE FALSE", postgres: "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)" };
const LAST_SIGNAL: &str = "SELECT id, recorded_at FROM signals ORDER BY id DESC LIMIT 1";
const LATEST: &str = "SELECT MAX(seen_until) FROM campaigns";

/// What a quick check of its file finds wrong.
pub async fn quick_complaints(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = tx.rows(QUICK, args![]).await?;
    Ok(rows.into_iter().map(|(said,)| said).filter(|said| said != "ok").collect())
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
