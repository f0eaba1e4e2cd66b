//! Campaigns: whether each runs, and up to when its schedule has been evaluated.

use crate::domain::id::Name;
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args, locking};
use crate::store::engine::value::{instant, name as name_of, texts, to_json};
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
    /// Whether the configuration in force has it: if not, nothing of it opens or leaves.
    pub configured: bool,
    /// The name under which its history went on.
    pub renamed_to: Option<Name>,
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
const GET: Sql =
    locking!("SELECT state, reason, schedule, seen_until, configured, renamed_to FROM campaigns WHERE name = $1", "FOR UPDATE");
const ALL: &str = "SELECT name, state, reason, schedule, seen_until, configured, renamed_to FROM campaigns";
/// A name that is configured anew begins a history of its own.
const CONFIGURE: &str = "
    UPDATE campaigns SET configured = name IN (SELECT value ->> 'text' FROM json_each($1)),
           renamed_to = CASE WHEN name IN (SELECT value ->> 'text' FROM json_each($1)) THEN NULL ELSE renamed_to END
    WHERE configured <> (name IN (SELECT value ->> 'text' FROM json_each($1)))";
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

type Row = (String, Option<String>, String, i64, bool, Option<String>);
/// The same behind its name.
type NamedRow = (String, String, Option<String>, String, i64, bool, Option<String>);

/// A campaign's row, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, name: &Name) -> Result<Option<State>, StoreError> {
    let row: Option<Row> = tx.row(GET, args![name]).await?;
    row.map(|row| read(row).in_row("campaigns", name)).transpose()
}

/// Every campaign ever configured.
pub async fn all(tx: &mut Tx) -> Result<BTreeMap<Name, State>, StoreError> {
    let rows: Vec<NamedRow> = tx.rows(ALL, args![]).await?;
    let read = |(id, state, reason, schedule, seen, configured, renamed_to): NamedRow| {
        let state = read((state, reason, schedule, seen, configured, renamed_to));
        Ok((name_of(&id).in_row("campaigns", &id)?, state.in_row("campaigns", &id)?))
    };
    rows.into_iter().map(read).collect()
}

/// Says which campaigns the configuration in force has. Of the others nothing opens, is written or leaves any more.
pub async fn configure(tx: &mut Tx, names: impl Iterator<Item = &Name>) -> Result<u64, StoreError> {
    let names = texts(names.map(Name::as_str))?;
    tx.execute(CONFIGURE, args![names]).await
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

fn read((state, reason, schedule, seen_until, configured, renamed_to): Row) -> Result<State, StoreError> {
    let paused = (state == PAUSED).then(|| reason.unwrap_or_default());
    let renamed_to = renamed_to.as_deref().map(name_of).transpose()?;
    Ok(State { paused, schedule, seen_until: instant(seen_until)?, configured, renamed_to })
}
