//! The assessment queue: which prospects are to be assessed, and from when on. A signal that cannot be concluded from yet
//! adds an entry, and an assessment adds one for the instant at which time alone changes a verdict; a prospect may have
//! several. Entries are added and removed, never changed, so that adding one waits for no other transaction.
//!
//! On PostgreSQL the transaction that assesses a prospect holds their row of `assessment_locks`. SQLite has one writer,
//! and leaves that table empty.

use crate::domain::id::ProspectId;
use crate::store::engine::backend::{Sql, StoreError, Tx, args, locking};
use crate::store::engine::value::{ids, instant_or_none, to_json};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct Entry {
    p: ProspectId,
    at: i64,
    /// Present only to require that all five criteria are met.
    met: Option<bool>,
}

/// When to assess a prospect after a signal that changes nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later {
    pub at: Timestamp,
    /// Whether to assess only if all five criteria are met: then any action of a person may be the new signal that is
    /// still missing.
    pub if_all_met: bool,
}

const ENQUEUE: &str = "
    INSERT INTO assessment_queue (prospect_id, due_at)
    SELECT CAST(e.value ->> 'p' AS BIGINT), CAST(e.value ->> 'at' AS BIGINT) FROM json_each($1) e
    WHERE e.value ->> 'met' IS NULL
       OR (SELECT COUNT(*) FROM verdicts v WHERE v.prospect_id = CAST(e.value ->> 'p' AS BIGINT) AND v.verdict = 'met') = 5
    UNION
    SELECT c.id, CAST($3 AS BIGINT) FROM json_each($2) j
    JOIN prospects p ON p.id = CAST(j.value AS BIGINT) JOIN prospects c ON c.account_id = p.account_id
    WHERE c.id <> p.id AND c.address IS NOT NULL";
const ENQUEUE_EVERYBODY: &str = "
    INSERT INTO assessment_queue (prospect_id, due_at)
    SELECT DISTINCT prospect_id, CAST($1 AS BIGINT) FROM signals WHERE prospect_id IS NOT NULL
    UNION
    SELECT c.id, CAST($1 AS BIGINT) FROM prospects c
    WHERE c.account_id IN (SELECT p.account_id FROM prospects p WHERE p.speaks)";
const DEQUEUE: Sql = locking!(
    "WITH taken AS MATERIALIZED (SELECT id FROM assessment_queue WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2",
    "FOR UPDATE SKIP LOCKED",
    ") DELETE FROM assessment_queue WHERE id IN (SELECT id FROM taken) RETURNING prospect_id"
);
/// An entry that another transaction is taking off the queue stays: that transaction puts it back when it cannot lock the
/// prospect.
const CLEAR: Sql = locking!(
    "WITH taken AS MATERIALIZED (SELECT id FROM assessment_queue
                                 WHERE prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))",
    "FOR UPDATE SKIP LOCKED",
    ") DELETE FROM assessment_queue WHERE id IN (SELECT id FROM taken)"
);
const LOCK: &str = "
    SELECT prospect_id FROM assessment_locks WHERE prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
    FOR UPDATE SKIP LOCKED";
/// In the order of ids, so that two transactions that add the same rows do not wait for each other in a circle.
const ADD_LOCKS: &str = "
    INSERT INTO assessment_locks (prospect_id) SELECT CAST(value AS BIGINT) FROM json_each($1) ORDER BY 1
    ON CONFLICT (prospect_id) DO NOTHING";
const DUE_OF: &str = "SELECT id FROM assessment_queue WHERE prospect_id = $1 AND due_at <= $2";
const TAKE: &str = "DELETE FROM assessment_queue WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
const PEEK: &str = "SELECT MIN(due_at) FROM assessment_queue";

/// Enqueues prospects, each to be assessed from an instant on.
pub async fn enqueue(tx: &mut Tx, due: impl IntoIterator<Item = (ProspectId, Timestamp)>) -> Result<(), StoreError> {
    let entries: Vec<Entry> = due.into_iter().map(|(p, at)| Entry { p, at: at.as_millisecond(), met: None }).collect();
    add(tx, &entries, &BTreeSet::new(), Timestamp::UNIX_EPOCH).await
}

/// Enqueues prospects with a signal that changes nothing yet, and, for now, the colleagues of those who stated something
/// that may count for them.
pub async fn enqueue_with_colleagues(
    tx: &mut Tx,
    later: &[(ProspectId, Later)],
    stated: &BTreeSet<ProspectId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let entry = |(p, later): &(ProspectId, Later)| {
        let met = later.if_all_met.then_some(true);
        Entry { p: *p, at: later.at.as_millisecond(), met }
    };
    add(tx, &later.iter().map(entry).collect::<Vec<_>>(), stated, now).await
}

async fn add(tx: &mut Tx, entries: &[Entry], stated: &BTreeSet<ProspectId>, now: Timestamp) -> Result<(), StoreError> {
    if entries.is_empty() && stated.is_empty() {
        return Ok(());
    }
    tx.execute(ENQUEUE, args![to_json(entries)?, ids(stated)?, now]).await.map(drop)
}

/// Enqueues, after a change of the rules, every prospect with a signal, and those for whom a colleague's may count.
/// Returns how many.
pub async fn enqueue_everybody(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(ENQUEUE_EVERYBODY, args![now]).await
}

/// Locks prospects who are assessed before the transaction ends, removes their entries, and returns them in the order of
/// ids. Of two nodes that record signals of one prospect, the later one reads what the earlier one wrote. A prospect whom
/// another transaction has locked is not waited for, but enqueued for now.
///
/// To be called once in a transaction, before the signals are read: an entry that is removed came with signals that can be
/// read.
pub async fn lock(tx: &mut Tx, whom: Vec<ProspectId>, now: Timestamp) -> Result<Vec<ProspectId>, StoreError> {
    tx.by_key().await?;
    if whom.is_empty() {
        return Ok(whom);
    }
    let locked = if tx.is_shared() { lock_rows(tx, whom, now).await? } else { whom };
    tx.execute(CLEAR, args![ids(&locked)?]).await?;
    Ok(locked)
}

async fn lock_rows(tx: &mut Tx, whom: Vec<ProspectId>, now: Timestamp) -> Result<Vec<ProspectId>, StoreError> {
    let mut locked = lock_free(tx, &whom).await?;
    if locked.len() < whom.len() {
        // The prospects without a row yet, or whom another transaction has locked.
        let rest: Vec<ProspectId> = whom.into_iter().filter(|p| !locked.contains(p)).collect();
        tx.execute(ADD_LOCKS, args![ids(&rest)?]).await?;
        locked.extend(lock_free(tx, &rest).await?);
        enqueue(tx, rest.into_iter().filter(|p| !locked.contains(p)).map(|p| (p, now))).await?;
    }
    Ok(locked.into_iter().collect())
}

async fn lock_free(tx: &mut Tx, whom: &[ProspectId]) -> Result<BTreeSet<ProspectId>, StoreError> {
    let locked: Vec<(i64,)> = tx.rows(LOCK, args![ids(whom)?]).await?;
    Ok(locked.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// Takes up to `most` due entries off the queue, and locks their prospects. A signal that arrives meanwhile adds a new
/// entry.
pub async fn dequeue(tx: &mut Tx, most: i64, now: Timestamp) -> Result<Vec<ProspectId>, StoreError> {
    tx.by_key().await?;
    let taken: Vec<(i64,)> = tx.rows(DEQUEUE, args![now, most]).await?;
    let whom: BTreeSet<ProspectId> = taken.into_iter().map(|(id,)| ProspectId(id)).collect();
    lock(tx, whom.into_iter().collect(), now).await
}

/// The due entries of a prospect, by number. They are read before the signals they came with, and [`take`] removes them
/// once these are concluded from.
pub async fn due_of(tx: &mut Tx, prospect: ProspectId, now: Timestamp) -> Result<Vec<i64>, StoreError> {
    let due: Vec<(i64,)> = tx.rows(DUE_OF, args![prospect, now]).await?;
    Ok(due.into_iter().map(|(id,)| id).collect())
}

/// Locks a prospect and removes these entries of theirs. `false` if another transaction has locked them or has removed an
/// entry: it knew as much as those who read the entries, or more. An entry added since they were read stays.
pub async fn take(tx: &mut Tx, prospect: ProspectId, entries: &[i64]) -> Result<bool, StoreError> {
    tx.by_key().await?;
    if tx.is_shared() {
        tx.execute(ADD_LOCKS, args![ids(&[prospect])?]).await?;
        if lock_free(tx, &[prospect]).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(tx.execute(TAKE, args![to_json(entries)?]).await? == entries.len() as u64)
}

/// When the first entry is due.
pub async fn peek(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let row: Option<(Option<i64>,)> = tx.row(PEEK, args![]).await?;
    instant_or_none(row.and_then(|(at,)| at))
}
