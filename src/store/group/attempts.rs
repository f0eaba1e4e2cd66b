//! Attempts: marks and results, appended. A mark carries the last stop check in its own statement.

use crate::domain::group::delivery::State;
use crate::domain::id::DeliveryId;
use crate::store::engine::backend::{Sql, Store, StoreError, Tx, args, kept_version, locking};
use crate::store::engine::value::to_json;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A delivery about to be transmitted.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Mark {
    pub delivery: DeliveryId,
    /// The number this attempt gets.
    pub number: i64,
    pub lease: i64,
    pub fence: i64,
}

/// What became of an attempt.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub delivery: DeliveryId,
    /// The number this attempt gets.
    pub number: i64,
    pub lease: i64,
    pub fence: i64,
    pub state: State,
    /// When to try again, epoch milliseconds.
    pub retry_at: Option<i64>,
    pub reply: Option<String>,
}

/// Attempts that differ only in the delivery: a batch consists of a few such groups, and each row then costs one number.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Common<'a> {
    lease: i64,
    fence: i64,
    number: i64,
    state: &'static str,
    retry_at: Option<i64>,
    reply: Option<&'a str>,
}

/// A group with its deliveries.
#[derive(Debug, Serialize)]
struct Group<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    deliveries: Vec<DeliveryId>,
}

const TRANSMITTING: &str = State::Transmitting.word();

/// Results and marks as JSON, grouped by what they have in common.
fn groups(outcomes: &[Outcome], marks: &[Mark]) -> Result<String, StoreError> {
    let mut groups: BTreeMap<Common<'_>, Vec<DeliveryId>> = BTreeMap::new();
    for Outcome { delivery, number, lease, fence, state, retry_at, reply } in outcomes {
        let (state, reply) = (state.word(), reply.as_deref());
        let common = Common { lease: *lease, fence: *fence, number: *number, state, retry_at: *retry_at, reply };
        groups.entry(common).or_default().push(*delivery);
    }
    for Mark { delivery, number, lease, fence } in marks {
        let common = Common { lease: *lease, fence: *fence, number: *number, state: TRANSMITTING, retry_at: None, reply: None };
        groups.entry(common).or_default().push(*delivery);
    }
    to_json(&groups.into_iter().map(|(common, deliveries)| Group { common, deliveries }).collect::<Vec<_>>())
}

/// Writes results and marks in one statement, and so in one commit with no extra round trip.
///
/// A result counts where its fence still holds. A mark carries the last stop check: sending not stopped, the lease ours and
/// claimed under the words in force, the issue not cancelled, the campaign configured and running, the prospect still
/// nurturing, not stopped, at the same address, and the address itself not suppressed (a copy to one of us always goes): a
/// list and a stop that commit at the same moment may leave a new prospect without its stop. On PostgreSQL it share-locks the
/// prospect's row, which every stop updates: a stop that commits first is seen, one that commits later waits for this mark.
macro_rules! write {
    ($returning:literal) => {
        locking!(
            "
    WITH held AS MATERIALIZED (
        SELECT CAST(value ->> 'number' AS BIGINT) AS number, value ->> 'state' AS state,
               CAST(value ->> 'retry_at' AS BIGINT) AS retry_at, value ->> 'reply' AS reply, value ->> 'deliveries' AS deliveries,
               l.fence, l.issue_id, NULLIF(l.version, 1) AS version, (l.leased_until > $2 AND EXISTS (
                   SELECT 1 FROM issues i JOIN campaigns c ON c.name = i.campaign AND ((c.state = 'running' AND c.configured) OR i.test)
                   JOIN sending s ON s.id = 1 AND s.observing IS NULL AND (s.stopped IS NULL OR i.test)
                   WHERE i.id = l.issue_id AND i.version = l.version
                     AND NOT EXISTS (SELECT 1 FROM cancellations x WHERE x.issue_id = i.id))) AS may_go
        FROM json_each($1)
        JOIN leases l ON l.id = CAST(value ->> 'lease' AS BIGINT) AND l.fence = CAST(value ->> 'fence' AS BIGINT))
    INSERT INTO attempts (delivery_id, number, state, at, fence, retry_at, reply, version)
     SELECT CAST(j.value AS BIGINT), h.number, h.state, CAST($2 AS BIGINT), h.fence, h.retry_at, h.reply, NULL
     FROM held h CROSS JOIN json_each(h.deliveries) j
     WHERE h.state <> 'transmitting'
     UNION ALL
     SELECT d.id, h.number, h.state, CAST($2 AS BIGINT), h.fence, NULL, NULL, h.version
     FROM held h CROSS JOIN json_each(h.deliveries) j
     CROSS JOIN deliveries d
     WHERE h.state = 'transmitting' AND h.may_go AND d.id = CAST(j.value AS BIGINT) AND d.issue_id = h.issue_id
       AND (d.prospect_id IS NULL OR (SELECT s.id FROM suppressions s
            WHERE s.address = d.address AND s.channel = 'email' AND s.lifted_at IS NULL) IS NULL)
       AND (d.prospect_id IS NULL OR EXISTS (SELECT 1 FROM prospects p WHERE p.id = d.prospect_id AND p.standing = 'nurturing'
            AND p.mail_stop IS NULL AND p.address = d.address",
            "FOR SHARE",
            concat!(
                "))
     ON CONFLICT (delivery_id, number) DO NOTHING",
                $returning
            )
        )
    };
}
/// From this many rows on, a transaction that returns none of them is cheaper than one statement that returns all.
const TOLD: usize = 32;
const WRITE: Sql = write!("");
const WRITE_AND_TELL: Sql = write!(" RETURNING delivery_id, state");
/// A delivery that a stop refused a mark gets that as its result: `uncertain` when an earlier mark has no result, because
/// the mail may have been sent. A delivery refused for another reason (the campaign paused, the lease lost) stays as it
/// was.
const STOPPED: &str = concat!(
    "
    INSERT INTO attempts (delivery_id, number, state, at, fence, reply)
    SELECT d.id, CAST(j.value ->> 'number' AS BIGINT),
           CASE WHEN ",
    kept_version!("d"),
    " IS NOT NULL THEN 'uncertain'
                WHEN p.mail_stop IS NOT NULL OR s.id IS NOT NULL THEN 'suppressed' ELSE 'cancelled' END,
           CAST($2 AS BIGINT), l.fence,
           CASE WHEN p.mail_stop IS NOT NULL OR s.id IS NOT NULL THEN COALESCE(p.mail_stop, s.reason)
                WHEN p.standing <> 'nurturing' THEN p.standing ELSE 'address changed' END
    FROM json_each($1) j
    JOIN deliveries d ON d.id = CAST(j.value ->> 'delivery' AS BIGINT)
    JOIN prospects p ON p.id = d.prospect_id
    JOIN leases l ON l.id = CAST(j.value ->> 'lease' AS BIGINT) AND l.fence = CAST(j.value ->> 'fence' AS BIGINT) AND l.leased_until > $2
    LEFT JOIN suppressions s ON s.address = d.address AND s.channel = 'email' AND s.lifted_at IS NULL
    WHERE p.mail_stop IS NOT NULL OR s.id IS NOT NULL OR p.standing <> 'nurturing' OR p.address IS NULL OR p.address <> d.address
    ON CONFLICT (delivery_id, number) DO NOTHING"
);

/// What the statement wrote.
#[derive(Debug, Default)]
pub struct Written {
    /// The deliveries that may be transmitted now.
    pub marked: BTreeSet<DeliveryId>,
    pub recorded: BTreeSet<DeliveryId>,
}

impl Written {
    fn of(rows: Vec<(i64, String)>) -> Self {
        let (marked, recorded): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, state)| state == TRANSMITTING);
        let ids = |rows: Vec<(i64, String)>| rows.into_iter().map(|(id, _)| DeliveryId(id)).collect();
        Self { marked: ids(marked), recorded: ids(recorded) }
    }

    fn all(outcomes: &[Outcome], marks: &[Mark]) -> Self {
        Self { marked: marks.iter().map(|m| m.delivery).collect(), recorded: outcomes.iter().map(|o| o.delivery).collect() }
    }
}

/// Records results whose fence still holds, and marks deliveries that no stop, pause or lost lease forbids, in a
/// transaction of their own. Deliveries that were refused a mark go to [`refused`].
///
/// # Errors
/// When it cannot be written: nothing was.
pub async fn write(store: &Store, outcomes: &[Outcome], marks: &[Mark], now: Timestamp) -> Result<Written, StoreError> {
    // A stop that is missing from the journal would be lost with the database, so nothing is marked.
    let marks = if store.journal().is_some_and(|journal| journal.is_broken()) { &[] } else { marks };
    let groups = groups(outcomes, marks)?;
    // Usually no mark is refused, and the count of rows shows it. On SQLite each returned row costs as much as a written
    // one, on PostgreSQL next to nothing; there the transaction costs round trips.
    let all = outcomes.len() + marks.len();
    if !store.is_shared() && all > TOLD {
        let mut tx = store.write().await?;
        if tx.execute(WRITE, args![groups.as_str(), now]).await? == all as u64 {
            tx.commit().await?;
            return Ok(Written::all(outcomes, marks));
        }
        tx.rollback().await?;
    }
    let written = store.at_once(WRITE_AND_TELL, args![groups, now]).await;
    // The outcome is unknown whatever the error: a connection that broke may have committed.
    store.commits().count();
    written.map(Written::of)
}

/// Writes the result of the deliveries that a stop refused a mark.
pub async fn refused(tx: &mut Tx, marks: &[Mark], now: Timestamp) -> Result<(), StoreError> {
    tx.execute(STOPPED, args![to_json(marks)?, now]).await.map(drop)
}

/// Marks deliveries as being transmitted, those that no stop, pause or lost lease forbids. Returns which.
pub async fn mark(tx: &mut Tx, marks: &[Mark], now: Timestamp) -> Result<BTreeSet<DeliveryId>, StoreError> {
    if tx.notes().are_lost() {
        // A stop that is missing from the journal would be lost with the database, so nothing is marked.
        return Ok(BTreeSet::new());
    }
    let marked = Written::of(tx.rows(WRITE_AND_TELL, args![groups(&[], marks)?, now]).await?).marked;
    if marked.len() < marks.len() {
        refused(tx, marks, now).await?;
    }
    Ok(marked)
}

/// Records results whose fence still holds. Returns which were recorded.
pub async fn record(tx: &mut Tx, outcomes: &[Outcome], now: Timestamp) -> Result<BTreeSet<DeliveryId>, StoreError> {
    Ok(Written::of(tx.rows(WRITE_AND_TELL, args![groups(outcomes, &[])?, now]).await?).recorded)
}
