//! Occurrences: a campaign at one nominal time. The first node to get there opens it once; it is filled page by page.

use crate::domain::group::occurrence::Missed;
use crate::domain::group::schedule::Firing;
use crate::domain::id::{Name, OccurrenceId, ProspectId};
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args, configuration, locking};
use crate::store::engine::value::{instant, name};
use jiff::Timestamp;
use serde::Serialize;

/// An occurrence that is being filled.
#[derive(Debug, Clone)]
pub struct Filling {
    pub id: OccurrenceId,
    pub campaign: Name,
    pub due_at: Timestamp,
    /// Prospects up to this id have their deliveries.
    pub cursor: ProspectId,
}

/// An occurrence as reports show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Past {
    /// Its nominal local time, with its zone.
    pub nominal: String,
    /// Its state, in the diagram's words.
    pub state: String,
    pub reason: Option<String>,
}

const OPEN: &str = concat!(
    "
    INSERT INTO occurrences (campaign, nominal, due_at, state, reason, configuration_id) VALUES ($1, $2, $3, $4, $5, ",
    configuration!("$6"),
    ")
    ON CONFLICT (campaign, nominal) DO NOTHING"
);
const OPEN_TEST: &str = concat!(
    "
    INSERT INTO occurrences (campaign, nominal, due_at, state, filled_at, configuration_id) VALUES ($1, $2, $3, 'filled', $3, ",
    configuration!("$4"),
    ") RETURNING id"
);
/// One of a campaign at a time: what the next occurrence brings a prospect depends on what this one brings.
macro_rules! filling {
    () => {
        "SELECT o.id, o.campaign, o.due_at, o.cursor FROM occurrences o JOIN campaigns c ON c.name = o.campaign AND c.state = 'running'
         WHERE o.state = 'filling' AND NOT EXISTS (
            SELECT 1 FROM occurrences e WHERE e.state = 'filling' AND e.campaign = o.campaign AND e.id < o.id)
         ORDER BY o.id LIMIT 1"
    };
}
const FILLING: Sql = locking!(filling!(), "FOR UPDATE OF o SKIP LOCKED");
const PEEK: &str = filling!();
const MISSED: &str = concat!(
    "UPDATE occurrences SET state = 'missed', reason = $2, configuration_id = ",
    configuration!("$3"),
    " WHERE id = $1 AND state = 'filling' AND NOT EXISTS (SELECT 1 FROM issues i WHERE i.occurrence_id = occurrences.id)"
);
const LATEST: &str = "
    SELECT nominal, state, reason FROM occurrences o WHERE campaign = $1
      AND NOT EXISTS (SELECT 1 FROM issues i WHERE i.occurrence_id = o.id AND i.test)
    ORDER BY due_at DESC, id DESC LIMIT $2";
const ADVANCE: &str = "UPDATE occurrences SET cursor = $2 WHERE id = $1";
const FILLED: &str = "UPDATE occurrences SET state = 'filled', filled_at = $2 WHERE id = $1";

/// Opens an occurrence to be filled, or records that it was missed, and why; and under which configuration. Returns
/// whether it is new: no restart, second node or clock change opens it twice.
pub async fn open(
    tx: &mut Tx,
    campaign: &Name,
    firing: &Firing,
    missed: Option<Missed>,
    plan_hash: &str,
) -> Result<bool, StoreError> {
    let state = if missed.is_some() { "missed" } else { "filling" };
    let values = args![campaign, firing.nominal.as_str(), firing.due_at, state, missed.map(Missed::word), plan_hash];
    Ok(tx.execute(OPEN, values).await? > 0)
}

/// Opens an occurrence for a test copy, filled at once.
pub async fn open_test(
    tx: &mut Tx,
    campaign: &Name,
    nominal: &str,
    plan_hash: &str,
    now: Timestamp,
) -> Result<OccurrenceId, StoreError> {
    tx.number(OPEN_TEST, args![campaign, nominal, now, plan_hash]).await.map(OccurrenceId)
}

/// The oldest occurrence of a running campaign that is being filled, and that no other node is filling right now: the oldest of its
/// campaign.
pub async fn next_filling(tx: &mut Tx) -> Result<Option<Filling>, StoreError> {
    read(tx.row(FILLING, args![]).await?)
}

/// The oldest occurrence of a running campaign that is being filled, read without a lock.
pub async fn peek_filling(tx: &mut Tx) -> Result<Option<Filling>, StoreError> {
    read(tx.row(PEEK, args![]).await?)
}

/// Moves the cursor; commits with the page it has passed.
pub async fn advance(tx: &mut Tx, id: OccurrenceId, cursor: ProspectId) -> Result<(), StoreError> {
    tx.execute_one(ADVANCE, args![id, cursor]).await
}

/// Records that the last page was written.
pub async fn filled(tx: &mut Tx, id: OccurrenceId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute_one(FILLED, args![id, now]).await
}

/// Records an occurrence as missed if nothing of it was written yet. Returns whether that was so.
pub async fn missed(tx: &mut Tx, id: OccurrenceId, plan_hash: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(MISSED, args![id, Missed::Late.word(), plan_hash]).await? > 0)
}

/// The latest occurrences of a campaign, the newest first, without test copies.
pub async fn latest(tx: &mut Tx, campaign: &Name, most: i64) -> Result<Vec<Past>, StoreError> {
    let rows: Vec<(String, String, Option<String>)> = tx.rows(LATEST, args![campaign, most]).await?;
    Ok(rows.into_iter().map(|(nominal, state, reason)| Past { nominal, state, reason }).collect())
}

fn read(row: Option<(i64, String, i64, i64)>) -> Result<Option<Filling>, StoreError> {
    row.map(|(id, campaign, due_at, cursor)| {
        let (campaign, due_at) = (name(&campaign).in_row("occurrences", id)?, instant(due_at).in_row("occurrences", id)?);
        Ok(Filling { id: OccurrenceId(id), campaign, due_at, cursor: ProspectId(cursor) })
    })
    .transpose()
}
