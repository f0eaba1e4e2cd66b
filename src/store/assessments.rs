//! Prospects to look at again: at once after a signal, or when time alone changes a verdict.

use super::backend::{Sql, StoreError, Tx, args, locking};
use super::value::{instant_or_none, to_json};
use crate::domain::id::ProspectId;
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
struct Due {
    p: ProspectId,
    at: i64,
}

const MARK: &str = "
    INSERT INTO due_assessments (prospect_id, due_at)
    SELECT CAST(value ->> 'p' AS BIGINT), MIN(CAST(value ->> 'at' AS BIGINT)) FROM json_each($1) GROUP BY 1 ORDER BY 1
    ON CONFLICT (prospect_id) DO UPDATE SET due_at = excluded.due_at WHERE due_assessments.due_at > excluded.due_at";
const CLAIM: Sql = locking!(
    "SELECT prospect_id FROM due_assessments WHERE due_at <= $1 ORDER BY due_at, prospect_id LIMIT $2",
    "FOR UPDATE SKIP LOCKED"
);
const SPEAKS: &str = "
    UPDATE prospects SET speaks = TRUE
    WHERE NOT speaks AND id IN (SELECT CAST(value ->> 'p' AS BIGINT) FROM json_each($1))";
/// Colleagues of an account: what one states may count for the others.
const COLLEAGUES: &str = "
    INSERT INTO due_assessments (prospect_id, due_at)
    SELECT DISTINCT c.id, CAST($2 AS BIGINT) FROM prospects p JOIN prospects c ON c.account_id = p.account_id AND c.id <> p.id
    WHERE p.id IN (SELECT CAST(value ->> 'p' AS BIGINT) FROM json_each($1)) AND c.address IS NOT NULL ORDER BY 1
    ON CONFLICT (prospect_id) DO UPDATE SET due_at = excluded.due_at WHERE due_assessments.due_at > excluded.due_at";
const DONE: &str = "
    DELETE FROM due_assessments WHERE prospect_id IN (SELECT CAST(value ->> 'p' AS BIGINT) FROM json_each($1))";
/// In the order of ids: two nodes that start together lock the same rows, and must not wait for each other.
const EVERYBODY: &str = "
    INSERT INTO due_assessments (prospect_id, due_at)
    SELECT DISTINCT prospect_id, CAST($1 AS BIGINT) FROM signals WHERE prospect_id IS NOT NULL
    UNION
    SELECT c.id, CAST($1 AS BIGINT) FROM prospects c
    WHERE c.account_id IN (SELECT p.account_id FROM prospects p WHERE p.speaks)
    ORDER BY 1
    ON CONFLICT (prospect_id) DO UPDATE SET due_at = excluded.due_at";
const SOONEST: &str = "SELECT MIN(due_at) FROM due_assessments";

/// Marks prospects to be looked at, each at its instant; an earlier mark stays.
///
/// # Errors
/// The store's.
pub async fn mark(tx: &mut Tx, due: impl Iterator<Item = (ProspectId, Timestamp)>) -> Result<(), StoreError> {
    let rows: Vec<Due> = due.map(|(p, at)| Due { p, at: at.as_millisecond() }).collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.execute(MARK, args![to_json(&rows)?]).await.map(drop)
}

/// Notes that these prospects stated something, and marks their colleagues, for whom it may count.
///
/// # Errors
/// The store's.
pub async fn mark_colleagues(tx: &mut Tx, of: &[ProspectId], now: Timestamp) -> Result<(), StoreError> {
    if of.is_empty() {
        return Ok(());
    }
    let rows: Vec<Due> = of.iter().map(|p| Due { p: *p, at: 0 }).collect();
    let rows = to_json(&rows)?;
    tx.execute(SPEAKS, args![rows.clone()]).await?;
    tx.execute(COLLEAGUES, args![rows, now]).await.map(drop)
}

/// Takes due marks, locked until the transaction ends: a signal that comes meanwhile marks anew after it.
///
/// # Errors
/// The store's.
pub async fn claim(tx: &mut Tx, most: i64, now: Timestamp) -> Result<Vec<ProspectId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(CLAIM, args![now, most]).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// Removes marks that were acted on.
///
/// # Errors
/// The store's.
pub async fn done(tx: &mut Tx, prospects: &[ProspectId]) -> Result<(), StoreError> {
    let rows: Vec<Due> = prospects.iter().map(|p| Due { p: *p, at: 0 }).collect();
    tx.execute(DONE, args![to_json(&rows)?]).await.map(drop)
}

/// Marks everybody who ever gave a signal: the rules changed.
///
/// # Errors
/// The store's.
pub async fn mark_everybody(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(EVERYBODY, args![now]).await
}

/// When the next mark is due.
///
/// # Errors
/// The store's.
pub async fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let row: Option<(Option<i64>,)> = tx.row(SOONEST, args![]).await?;
    instant_or_none(row.and_then(|(at,)| at))
}
