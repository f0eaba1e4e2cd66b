//! Attempts: marks and results, appended. A mark carries the last stop check in its own statement.

use super::backend::{Sql, Store, StoreError, Tx, args, locking};
use super::value::to_json;
use crate::domain::delivery::State;
use crate::domain::id::DeliveryId;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// A delivery about to be transmitted.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Mark {
    /// Which.
    pub delivery: DeliveryId,
    /// The number this attempt gets.
    pub number: i64,
    /// Under which lease.
    pub lease: i64,
    /// With which fence.
    pub fence: i64,
}

/// What became of an attempt.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// The number this attempt gets.
    pub number: i64,
    /// Under which lease.
    pub lease: i64,
    /// With which fence.
    pub fence: i64,
    /// The state it is in now.
    #[serde(serialize_with = "word")]
    pub state: State,
    /// When to try again, epoch milliseconds.
    pub retry_at: Option<i64>,
    /// What the relay said.
    pub reply: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn word<S: serde::Serializer>(state: &State, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.word())
}

/// Results and marks in one statement, and so in one commit without a round trip more than it needs.
///
/// A result counts where its fence still holds. A mark carries the last stop check: sending not stopped, the lease ours, the campaign
/// running, the prospect still nurturing, not stopped, at the same address, and the address itself not suppressed (a copy to one
/// of us always goes): a list and a stop that commit at the same moment may leave a new prospect without its stop. On PostgreSQL it share-locks the
/// prospect's row, which every stop updates: a stop that commits first is seen, one that commits later waits for this mark.
const WRITE: Sql = locking!(
    "INSERT INTO attempts (delivery_id, number, state, at, fence, retry_at, reply)
     SELECT CAST(j.value ->> 'delivery' AS BIGINT), CAST(j.value ->> 'number' AS BIGINT), j.value ->> 'state', CAST($3 AS BIGINT), l.fence,
            CAST(j.value ->> 'retry_at' AS BIGINT), j.value ->> 'reply'
     FROM json_each($1) j
     JOIN leases l ON l.id = CAST(j.value ->> 'lease' AS BIGINT) AND l.fence = CAST(j.value ->> 'fence' AS BIGINT)
     UNION ALL
     SELECT d.id, CAST(j.value ->> 'number' AS BIGINT), 'transmitting', CAST($3 AS BIGINT), l.fence, NULL, NULL
     FROM json_each($2) j
     JOIN deliveries d ON d.id = CAST(j.value ->> 'delivery' AS BIGINT)
     JOIN issues i ON i.id = d.issue_id
     JOIN campaigns c ON c.name = i.campaign AND (c.state = 'running' OR i.test)
     JOIN leases l ON l.id = CAST(j.value ->> 'lease' AS BIGINT) AND l.fence = CAST(j.value ->> 'fence' AS BIGINT)
          AND l.leased_until > $3
     WHERE (d.prospect_id IS NULL OR EXISTS (SELECT 1 FROM prospects p WHERE p.id = d.prospect_id AND p.standing = 'nurturing'
            AND p.mail_stop IS NULL AND p.address = d.address",
    "FOR SHARE",
    ")) AND EXISTS (SELECT 1 FROM sending g WHERE g.id = 1 AND g.observing IS NULL AND (g.stopped IS NULL OR i.test))
       AND (d.prospect_id IS NULL OR NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.address = d.address AND s.channel = 'email' AND s.lifted_at IS NULL))
     ON CONFLICT (delivery_id, number) DO NOTHING RETURNING delivery_id, state"
);
/// Whoever was refused a mark because of a stop gets that written down: as uncertain when an earlier mark has no result,
/// for then nobody knows. Whoever was refused for another reason (the campaign paused, the lease lost) gets nothing and
/// stays as they were.
const STOPPED: &str = "
    INSERT INTO attempts (delivery_id, number, state, at, fence, reply)
    SELECT d.id, CAST(j.value ->> 'number' AS BIGINT),
           CASE WHEN EXISTS (SELECT 1 FROM attempts m WHERE m.delivery_id = d.id AND m.state = 'transmitting'
                             AND m.number = CAST(j.value ->> 'number' AS BIGINT) - 1) THEN 'uncertain'
                WHEN p.mail_stop IS NOT NULL OR s.id IS NOT NULL THEN 'suppressed' ELSE 'cancelled' END,
           CAST($2 AS BIGINT), l.fence,
           CASE WHEN p.mail_stop IS NOT NULL OR s.id IS NOT NULL THEN COALESCE(p.mail_stop, s.reason) WHEN p.standing <> 'nurturing' THEN p.standing ELSE 'address changed' END
    FROM json_each($1) j
    JOIN deliveries d ON d.id = CAST(j.value ->> 'delivery' AS BIGINT)
    JOIN prospects p ON p.id = d.prospect_id
    JOIN leases l ON l.id = CAST(j.value ->> 'lease' AS BIGINT) AND l.fence = CAST(j.value ->> 'fence' AS BIGINT) AND l.leased_until > $2
    LEFT JOIN suppressions s ON s.address = d.address AND s.channel = 'email' AND s.lifted_at IS NULL
    WHERE p.mail_stop IS NOT NULL OR s.id IS NOT NULL OR p.standing <> 'nurturing' OR p.address IS NULL OR p.address <> d.address
    ON CONFLICT (delivery_id, number) DO NOTHING";

/// What was written of what was asked.
#[derive(Debug, Default)]
pub struct Written {
    /// Those that may be transmitted now.
    pub marked: BTreeSet<DeliveryId>,
    /// Those whose result counts.
    pub recorded: BTreeSet<DeliveryId>,
}

impl Written {
    fn of(rows: Vec<(i64, String)>) -> Self {
        let (marked, recorded): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, state)| state == State::Transmitting.word());
        let ids = |rows: Vec<(i64, String)>| rows.into_iter().map(|(id, _)| DeliveryId(id)).collect();
        Self { marked: ids(marked), recorded: ids(recorded) }
    }
}

/// Records results whose fence still holds, and marks deliveries that no stop, pause or lost lease forbids, in a
/// transaction of their own. Who was refused a mark is for [`refused`].
///
/// # Errors
/// The store's; nothing was written then.
pub async fn write(store: &Store, outcomes: &[Outcome], marks: &[Mark], now: Timestamp) -> Result<Written, StoreError> {
    // A stop that only the database knows would be forgotten with it.
    let marks = if store.journal().is_some_and(|journal| journal.is_broken()) { &[] } else { marks };
    let written = store.at_once(WRITE, args![to_json(outcomes)?, to_json(marks)?, now]).await;
    // Whatever it says: a connection that broke may have committed.
    store.commits().count();
    written.map(Written::of)
}

/// Writes down why those were refused whom a stop refused a mark.
///
/// # Errors
/// The store's.
pub async fn refused(tx: &mut Tx, marks: &[Mark], now: Timestamp) -> Result<(), StoreError> {
    tx.execute(STOPPED, args![to_json(marks)?, now]).await.map(drop)
}

/// Marks deliveries as being transmitted, those that no stop, pause or lost lease forbids. Returns which.
///
/// # Errors
/// The store's.
pub async fn mark(tx: &mut Tx, marks: &[Mark], now: Timestamp) -> Result<BTreeSet<DeliveryId>, StoreError> {
    if tx.notes().are_lost() {
        // A stop that only the database knows would be forgotten with it.
        return Ok(BTreeSet::new());
    }
    let marked = Written::of(tx.rows(WRITE, args!["[]", to_json(marks)?, now]).await?).marked;
    if marked.len() < marks.len() {
        refused(tx, marks, now).await?;
    }
    Ok(marked)
}

/// Records results whose fence still holds. Returns which were recorded.
///
/// # Errors
/// The store's.
pub async fn record(tx: &mut Tx, outcomes: &[Outcome], now: Timestamp) -> Result<BTreeSet<DeliveryId>, StoreError> {
    Ok(Written::of(tx.rows(WRITE, args![to_json(outcomes)?, "[]", now]).await?).recorded)
}
