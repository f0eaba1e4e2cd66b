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
/// Prospects and the colleagues of some of them, for whom it may count what those state: in one statement and in the order
/// of ids, so that two who speak at the same moment do not each hold what the other waits for.
const TOGETHER: &str = "
    INSERT INTO due_assessments (prospect_id, due_at)
    SELECT who.id, CAST($3 AS BIGINT) FROM (
        SELECT CAST(value ->> 'p' AS BIGINT) AS id FROM json_each($1)
        UNION
        SELECT c.id FROM json_each($2) j
        JOIN prospects p ON p.id = CAST(j.value ->> 'p' AS BIGINT) JOIN prospects c ON c.account_id = p.account_id
        WHERE c.id <> p.id AND c.address IS NOT NULL) who
    ORDER BY who.id
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

/// Marks prospects to be looked at now, and notes that some stated something: their colleagues, for whom it may count, are
/// looked at too.
///
/// # Errors
/// The store's.
pub async fn mark_with_colleagues(
    tx: &mut Tx,
    whom: &[ProspectId],
    stated: &[ProspectId],
    now: Timestamp,
) -> Result<(), StoreError> {
    if whom.is_empty() && stated.is_empty() {
        return Ok(());
    }
    let rows = |who: &[ProspectId]| to_json(&who.iter().map(|p| Due { p: *p, at: 0 }).collect::<Vec<_>>());
    tx.execute(TOGETHER, args![rows(whom)?, rows(stated)?, now]).await?;
    if stated.is_empty() { Ok(()) } else { tx.execute(SPEAKS, args![rows(stated)?]).await.map(drop) }
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
