//! The cap over all campaigns, counted from the deliveries: which deliveries of a page would exceed it, and what was
//! decided about them. The decision itself is `domain::cap`'s.

use super::leases::{Closed, windows};
use crate::domain::group::delivery::State;
use crate::domain::id::{DeliveryId, OccurrenceId, ProspectId};
use crate::store::engine::backend::{InRow, StoreError, Tx, args, came_to_nothing, latest_attempt};
use crate::store::engine::value::{instant, to_json};
use jiff::Timestamp;
use serde::Serialize;

/// A delivery that does not leave at once.
#[derive(Debug, Serialize)]
pub struct PutAside {
    pub delivery: DeliveryId,
    /// `pending` until an instant, or `skipped`.
    pub state: State,
    /// When it may leave, epoch milliseconds.
    pub retry_at: Option<i64>,
    pub reply: String,
}

/// The number of the lock under which one node at a time counts for the cap and writes what it counted.
const COUNTING: i64 = 1;

/// For each delivery of a page, when the $5th latest of the prospect's other mails left or will leave. A mail counts
/// unless it came to nothing. One that has not left counts as leaving now; if it waits, when it may leave; if its
/// campaign's window is closed, when that opens.
macro_rules! nth {
    ($of:literal) => {
        concat!(
            "
    WITH closed AS MATERIALIZED (
        SELECT value ->> 'campaign' AS campaign, CAST(value ->> 'opens_at' AS BIGINT) AS opens_at FROM json_each($6)),
    page AS (
        SELECT d.id, (
            SELECT CASE WHEN a.state IS NOT NULL AND a.state <> 'pending' THEN a.at
                        WHEN w.opens_at > $4 AND w.opens_at > COALESCE(a.retry_at, 0) THEN w.opens_at
                        WHEN a.retry_at > $4 THEN a.retry_at
                        ELSE CAST($4 AS BIGINT) END AS leaves_at
            FROM deliveries o
            JOIN issues i ON i.id = o.issue_id
            ",
            latest_attempt!("o"),
            "
            LEFT JOIN closed w ON w.campaign = i.campaign
            WHERE o.prospect_id = d.prospect_id AND o.id <> d.id
              AND (a.state IS NULL OR a.state NOT IN ",
            came_to_nothing!(),
            ")
            ORDER BY leaves_at DESC LIMIT 1 OFFSET CAST($5 AS BIGINT) - 1) AS nth_at
        FROM ",
            $of,
            " d.occurrence_id = $1 AND d.prospect_id > $2 AND d.prospect_id <= $3)
    SELECT id, nth_at FROM page WHERE nth_at IS NOT NULL ORDER BY id"
        )
    };
}
const NTH: &str = nth!("deliveries d WHERE");
/// Found from the few who chose so.
const NTH_OF_LESS_OFTEN: &str = nth!(
    "preferences own JOIN deliveries d ON d.prospect_id = own.prospect_id
        WHERE own.less_often AND own.prospect_id > $2 AND own.prospect_id <= $3 AND"
);
/// The first attempt of these deliveries, written before any lease, so it has no fence.
const PUT_ASIDE: &str = "
    INSERT INTO attempts (delivery_id, number, state, at, fence, retry_at, reply)
    SELECT CAST(value ->> 'delivery' AS BIGINT), 1, value ->> 'state', CAST($2 AS BIGINT), 0,
           CAST(value ->> 'retry_at' AS BIGINT), value ->> 'reply'
    FROM json_each($1) WHERE TRUE
    ON CONFLICT (delivery_id, number) DO NOTHING";

/// Waits until no other node counts, and excludes the others until the transaction ends. Without the lock, two nodes that
/// write two campaigns' mails to one prospect at the same moment would not see each other's.
pub async fn count_alone(tx: &mut Tx) -> Result<(), StoreError> {
    tx.alone(COUNTING).await
}

/// Whose mails are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Everybody,
    /// Those who chose to get newsletters less often.
    LessOften,
}

/// Of the deliveries of an occurrence to prospects after `after` up to `up_to`: those whose prospect has at least `mails`
/// other mails, each with the instant of the `mails`-th latest of them.
pub async fn nth_latest(
    tx: &mut Tx,
    of: Of,
    occurrence: OccurrenceId,
    (after, up_to): (ProspectId, ProspectId),
    mails: u32,
    closed: &[Closed<'_>],
    now: Timestamp,
) -> Result<Vec<(DeliveryId, Timestamp)>, StoreError> {
    let values = args![occurrence, after, up_to, now, i64::from(mails), windows(closed)?];
    let sql = if of == Of::Everybody { NTH } else { NTH_OF_LESS_OFTEN };
    let rows: Vec<(i64, i64)> = tx.rows(sql, values).await?;
    rows.into_iter().map(|(id, at)| Ok((DeliveryId(id), instant(at).in_row("deliveries", id)?))).collect()
}

/// Records the deliveries that do not leave at once.
pub async fn put_aside(tx: &mut Tx, rows: &[PutAside], now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(PUT_ASIDE, args![to_json(rows)?, now]).await
}
