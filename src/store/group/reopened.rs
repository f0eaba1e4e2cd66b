//! Deliveries that failed and are open again: an attempt `pending` is appended to them, and the ranges they lie in can be
//! claimed again. No row is edited, and the latest attempt says the state.

use crate::domain::id::{DeliveryId, Name};
use crate::store::engine::backend::{
    Sql, StoreError, Tx, args, came_to_nothing, has_come_to_nothing, kept_version, latest_attempt, locking, may_be_mailed,
};
use crate::store::engine::value::ids;
use jiff::Timestamp;

/// A failed delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    pub delivery: DeliveryId,
    /// The name of the address, before the `@`.
    pub local: String,
    pub reply: String,
    /// Whether it may be sent again: the prospect may be mailed, at this address, no try of it may have arrived, its issue is not
    /// cancelled, and no later delivery brings them the same newsletter.
    pub may_go: bool,
}

/// Locks the ranges, leased or not: whoever gives one back reads its deliveries after this.
const LOCK: Sql = locking!(
    "SELECT l.id FROM leases l WHERE l.id IN (
         SELECT o.id FROM json_each($1) j JOIN deliveries d ON d.id = CAST(j.value AS BIGINT)
         JOIN leases o ON o.issue_id = d.issue_id AND d.id BETWEEN o.first_id AND o.last_id) ORDER BY l.id",
    "FOR UPDATE OF l"
);
/// Whether a delivery `d` of an issue `i` is the one that still owes its newsletter: nothing more leaves of a cancelled issue, and a
/// newsletter of a series that failed is offered again by the next issue.
macro_rules! is_still_owed {
    () => {
        "NOT EXISTS (SELECT 1 FROM cancellations x WHERE x.issue_id = i.id)
                AND NOT EXISTS (SELECT 1 FROM deliveries o JOIN issues had ON had.id = o.issue_id AND NOT had.test
                                WHERE o.prospect_id = d.prospect_id AND o.id > d.id AND had.campaign = i.campaign
                                  AND had.newsletter = i.newsletter)"
    };
}

/// Whoever asks for it, a delivery is opened only while it is owed.
const APPEND: &str = concat!(
    "
    INSERT INTO attempts (delivery_id, number, state, at, fence, reply)
    SELECT a.delivery_id, a.number + 1, 'pending', CAST($2 AS BIGINT), a.fence, CAST($3 AS TEXT)
    FROM json_each($1) j JOIN attempts a ON a.delivery_id = CAST(j.value AS BIGINT)
    WHERE a.state = 'failed'
      AND NOT EXISTS (SELECT 1 FROM attempts later WHERE later.delivery_id = a.delivery_id AND later.number > a.number)
      AND EXISTS (SELECT 1 FROM deliveries d JOIN issues i ON i.id = d.issue_id WHERE d.id = a.delivery_id AND ",
    is_still_owed!(),
    ")
    ON CONFLICT (delivery_id, number) DO NOTHING"
);
const REOPEN: &str = "
    UPDATE leases SET finished_at = NULL, not_before = CAST($2 AS BIGINT)
    WHERE finished_at IS NOT NULL AND id IN (
        SELECT o.id FROM json_each($1) j JOIN deliveries d ON d.id = CAST(j.value AS BIGINT)
        JOIN leases o ON o.issue_id = d.issue_id AND d.id BETWEEN o.first_id AND o.last_id)";
/// A range that is not finished may wait for an hour that comes later.
const HASTEN: &str = "
    UPDATE leases SET not_before = CAST($2 AS BIGINT)
    WHERE finished_at IS NULL AND owner IS NULL AND not_before > $2 AND not_before < $3 AND id IN (
        SELECT o.id FROM json_each($1) j JOIN deliveries d ON d.id = CAST(j.value AS BIGINT)
        JOIN leases o ON o.issue_id = d.issue_id AND d.id BETWEEN o.first_id AND o.last_id)";
/// Ranges are found by issue, and every delivery lies in one. A try without a result may have arrived.
const FAILED: &str = concat!(
    "
    SELECT d.id, d.address, COALESCE(a.reply, ''),
           CAST(CASE WHEN ",
    may_be_mailed!("p"),
    " AND p.address = d.address
                AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.address = d.address AND s.channel = 'email' AND s.lifted_at IS NULL)
                AND ",
    kept_version!("d"),
    " IS NULL
                AND NOT EXISTS (SELECT 1 FROM attempts u WHERE u.delivery_id = d.id AND u.state IN ('uncertain', 'accepted'))
                AND NOT EXISTS (SELECT 1 FROM deliveries o JOIN issues had ON had.id = o.issue_id AND NOT had.test
                                WHERE o.prospect_id = d.prospect_id AND o.id < d.id AND had.campaign = i.campaign
                                  AND had.newsletter = i.newsletter AND NOT ",
    has_come_to_nothing!("o"),
    ")
                AND ",
    is_still_owed!(),
    "
           THEN 1 ELSE 0 END AS BIGINT)
    FROM issues i JOIN leases l ON l.issue_id = i.id
    JOIN deliveries d ON d.id BETWEEN l.first_id AND l.last_id AND d.issue_id = i.id
    JOIN prospects p ON p.id = d.prospect_id
    ",
    latest_attempt!("d"),
    "
    WHERE i.campaign = $1 AND NOT i.test AND d.id > $2 AND a.state = 'failed' ORDER BY d.id LIMIT $3"
);

/// Opens failed deliveries again, with these words. Returns how many.
pub async fn reopen(tx: &mut Tx, deliveries: &[DeliveryId], words: &str, now: Timestamp) -> Result<u64, StoreError> {
    if deliveries.is_empty() {
        return Ok(0);
    }
    let which = ids(deliveries)?;
    let _: Vec<(i64,)> = tx.rows(LOCK, args![which.clone()]).await?;
    let opened = tx.execute(APPEND, args![which.clone(), now, words]).await?;
    tx.execute(REOPEN, args![which.clone(), now]).await?;
    tx.execute(HASTEN, args![which, now, super::holds::NEVER]).await?;
    Ok(opened)
}

/// The campaign's deliveries that failed, after this one, at most so many.
pub async fn failed(tx: &mut Tx, campaign: &Name, after: DeliveryId, most: i64) -> Result<Vec<Failed>, StoreError> {
    let rows: Vec<(i64, String, String, i64)> = tx.rows(FAILED, args![campaign, after, most]).await?;
    let failed = |(delivery, address, reply, may_go): (i64, String, String, i64)| {
        let local = address.rsplit_once('@').map_or("", |(local, _)| local).to_owned();
        Failed { delivery: DeliveryId(delivery), local, reply, may_go: may_go == 1 }
    };
    Ok(rows.into_iter().map(failed).collect())
}
