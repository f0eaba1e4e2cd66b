//! Campaigns: whether each runs, and up to when its schedule has been looked at.

use super::backend::{Sql, StoreError, Tx, args, locking};
use super::value::{instant, name as name_of, to_json};
use crate::domain::id::Name;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A campaign's row.
#[derive(Debug, Clone)]
pub struct State {
    /// Whether it is paused, and why.
    pub paused: Option<String>,
    /// Its schedule has been looked at up to here.
    pub seen_until: Timestamp,
}

const ADD: &str = "
    INSERT INTO campaigns (name, state, changed_at, seen_until)
    SELECT value ->> 'name', 'running', CAST($2 AS BIGINT), CAST($2 AS BIGINT) FROM json_each($1) WHERE TRUE
    ON CONFLICT (name) DO NOTHING";
const GET: Sql = locking!("SELECT state, reason, seen_until FROM campaigns WHERE name = $1", "FOR UPDATE");
const ALL: &str = "SELECT name, state, reason, seen_until FROM campaigns";
const SEEN: &str = "UPDATE campaigns SET seen_until = $2 WHERE name = $1 AND seen_until < $2";
const SET: &str = "UPDATE campaigns SET state = $2, reason = $3, changed_at = $4 WHERE name = $1 AND state <> $2";

/// Adds campaigns not known yet: they begin running, and nothing before `now` is due.
///
/// # Errors
/// The store's.
pub async fn add(tx: &mut Tx, names: impl Iterator<Item = &Name>, now: Timestamp) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Row<'a> {
        name: &'a Name,
    }
    let rows: Vec<Row<'_>> = names.map(|name| Row { name }).collect();
    tx.execute(ADD, args![to_json(&rows)?, now]).await.map(drop)
}

/// A campaign's row, locked until the transaction ends.
///
/// # Errors
/// The store's.
pub async fn lock(tx: &mut Tx, name: &Name) -> Result<Option<State>, StoreError> {
    let row: Option<(String, Option<String>, i64)> = tx.row(GET, args![name]).await?;
    row.map(|(state, reason, seen_until)| read(&state, reason, seen_until)).transpose()
}

/// Every campaign ever configured.
///
/// # Errors
/// The store's.
pub async fn all(tx: &mut Tx) -> Result<BTreeMap<Name, State>, StoreError> {
    let rows: Vec<(String, String, Option<String>, i64)> = tx.rows(ALL, args![]).await?;
    rows.into_iter().map(|(id, state, reason, seen_until)| Ok((name_of(&id)?, read(&state, reason, seen_until)?))).collect()
}

/// Records that the schedule has been looked at up to `until`.
///
/// # Errors
/// The store's.
pub async fn seen(tx: &mut Tx, name: &Name, until: Timestamp) -> Result<(), StoreError> {
    tx.execute(SEEN, args![name, until]).await.map(drop)
}

/// Pauses with a reason. Returns whether it ran until now.
///
/// # Errors
/// The store's.
pub async fn pause(tx: &mut Tx, name: &Name, reason: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(SET, args![name, "paused", reason, now]).await? > 0)
}

/// Resumes. Returns whether it was paused.
///
/// # Errors
/// The store's.
pub async fn resume(tx: &mut Tx, name: &Name, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(SET, args![name, "running", None::<&str>, now]).await? > 0)
}

fn read(state: &str, reason: Option<String>, seen_until: i64) -> Result<State, StoreError> {
    let paused = (state == "paused").then(|| reason.unwrap_or_default());
    Ok(State { paused, seen_until: instant(seen_until)? })
}
