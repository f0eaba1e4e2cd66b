//! Campaigns: whether each runs, and up to when its schedule has been evaluated.

use crate::domain::id::Name;
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args, locking};
use crate::store::engine::value::{instant, name as name_of, to_json};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A campaign's row.
#[derive(Debug, Clone)]
pub struct State {
    /// Whether it is paused, and why.
    pub paused: Option<String>,
    pub schedule: String,
    /// The schedule has been evaluated up to here.
    pub seen_until: Timestamp,
}

const RUNNING: &str = "running";
const PAUSED: &str = "paused";

const PUT: &str = "
    INSERT INTO campaigns (name, state, changed_at, schedule, seen_until)
    SELECT value ->> 'name', 'running', CAST($2 AS BIGINT), value ->> 'schedule', CAST($2 AS BIGINT) FROM json_each($1) WHERE TRUE
    ON CONFLICT (name) DO UPDATE SET schedule = excluded.schedule, seen_until = excluded.seen_until
        WHERE campaigns.schedule <> excluded.schedule";
const ADD: &str = "
    INSERT INTO campaigns (name, state, changed_at, schedule, seen_until)
    SELECT value ->> 'name', 'running', CAST($2 AS BIGINT), value ->> 'schedule', CAST($2 AS BIGINT) FROM json_each($1) WHERE TRUE
    ON CONFLICT (name) DO NOTHING";
const GET: Sql = locking!("SELECT state, reason, schedule, seen_until FROM campaigns WHERE name = $1", "FOR UPDATE");
const ALL: &str = "SELECT name, state, reason, schedule, seen_until FROM campaigns";
const SEEN: &str = "UPDATE campaigns SET seen_until = $2 WHERE name = $1 AND seen_until < $2";
const SET: &str = "UPDATE campaigns SET state = $2, reason = $3, changed_at = $4 WHERE name = $1 AND state <> $2";

/// Puts campaigns with their schedules in force: those not known yet begin running; of a new campaign, and of another
/// schedule, nothing before `now` is due.
pub async fn put(tx: &mut Tx, campaigns: impl Iterator<Item = (&Name, String)>, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(PUT, args![rows(campaigns)?, now]).await.map(drop)
}

/// The same for those not known yet; the schedule of the others stays in force.
pub async fn add(tx: &mut Tx, campaigns: impl Iterator<Item = (&Name, String)>, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(ADD, args![rows(campaigns)?, now]).await.map(drop)
}

fn rows<'a>(campaigns: impl Iterator<Item = (&'a Name, String)>) -> Result<String, StoreError> {
    #[derive(Serialize)]
    struct Row<'a> {
        name: &'a Name,
        schedule: String,
    }
    to_json(&campaigns.map(|(name, schedule)| Row { name, schedule }).collect::<Vec<_>>())
}

/// A campaign's row, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, name: &Name) -> Result<Option<State>, StoreError> {
    let row: Option<(String, Option<String>, String, i64)> = tx.row(GET, args![name]).await?;
    row.map(|(state, reason, schedule, seen_until)| read(&state, reason, schedule, seen_until).in_row("campaigns", name))
        .transpose()
}

/// Every campaign ever configured.
pub async fn all(tx: &mut Tx) -> Result<BTreeMap<Name, State>, StoreError> {
    let rows: Vec<(String, String, Option<String>, String, i64)> = tx.rows(ALL, args![]).await?;
    let read = |(id, state, reason, schedule, seen): (String, String, _, _, _)| {
        let state = read(&state, reason, schedule, seen);
        Ok((name_of(&id).in_row("campaigns", &id)?, state.in_row("campaigns", &id)?))
    };
    rows.into_iter().map(read).collect()
}

/// Records that the schedule has been evaluated up to `until`.
pub async fn seen(tx: &mut Tx, name: &Name, until: Timestamp) -> Result<(), StoreError> {
    tx.execute(SEEN, args![name, until]).await.map(drop)
}

/// Pauses with a reason. Returns whether it ran until now.
pub async fn pause(tx: &mut Tx, name: &Name, reason: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(SET, args![name, PAUSED, reason, now]).await? > 0)
}

/// Resumes. Returns whether it was paused.
pub async fn resume(tx: &mut Tx, name: &Name, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(SET, args![name, RUNNING, None::<&str>, now]).await? > 0)
}

fn read(state: &str, reason: Option<String>, schedule: String, seen_until: i64) -> Result<State, StoreError> {
    let paused = (state == PAUSED).then(|| reason.unwrap_or_default());
    Ok(State { paused, schedule, seen_until: instant(seen_until)? })
}
