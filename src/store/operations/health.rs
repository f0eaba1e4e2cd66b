//! Health: what the database says of itself. Quick checks that change nothing; `integrity` reads every page instead.

use crate::store::engine::backend::{InRow, Sql, Store, StoreError, Tx, args};
use crate::store::engine::value::{instant, instant_or_none};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What the engine finds wrong at a quick check; nothing on PostgreSQL, which offers none over SQL.
const QUICK: Sql = Sql::Each { sqlite: "PRAGMA quick_check(5)", postgres: "SELECT 'ok' WHERE FALSE" };
/// The one place where the database's clock is asked: to hold it against ours. SQLite has none of its own.
const CLOCK: Sql =
    Sql::Each { sqlite: "SELECT 0 WHERE FALSE", postgres: "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)" };
const APPLIED: &str = "SELECT version FROM _sqlx_migrations WHERE success";
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

/// How many migrations of this program the tables have not seen, and how many of theirs it does not know.
///
/// # Errors
/// Also when there are no tables at all.
pub async fn migrations(store: &Store) -> Result<(usize, usize), StoreError> {
    let mut tx = store.read().await?;
    let applied: Vec<(i64,)> = tx.rows(APPLIED, args![]).await?;
    let applied: BTreeSet<i64> = applied.into_iter().map(|(version,)| version).collect();
    let known: BTreeSet<i64> = store.known_migrations().collect();
    Ok((known.difference(&applied).count(), applied.difference(&known).count()))
}
