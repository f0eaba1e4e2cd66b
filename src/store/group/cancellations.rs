//! Cancellations: issues of which nothing more leaves. One row keeps every mark back; the deliveries are written down as cancelled
//! range after range, so that no transaction grows with the audience.

use super::leases::Lease;
use crate::domain::id::{IssueId, Name};
use crate::store::engine::backend::{StoreError, Tx, args, kept_version, latest_attempt};
use jiff::Timestamp;

/// More may come to wait of an occurrence that is still being written, whatever has left of it.
const CANCEL: &str = "
    INSERT INTO cancellations (issue_id, reason, cancelled_by, cancelled_at)
    SELECT i.id, CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT)
    FROM issues i JOIN occurrences o ON o.id = i.occurrence_id
    WHERE i.campaign = $1 AND NOT i.test AND (CAST($2 AS BIGINT) IS NULL OR i.id = $2)
      AND (o.state = 'filling' OR EXISTS (SELECT 1 FROM leases l WHERE l.issue_id = i.id AND l.finished_at IS NULL))
    ORDER BY i.id
    ON CONFLICT (issue_id) DO NOTHING";
/// Every cancelled issue with a range that is not finished: also those that an earlier call did not come to.
const OPEN: &str = "
    SELECT i.id FROM issues i JOIN cancellations x ON x.issue_id = i.id
    WHERE i.campaign = $1 AND (CAST($2 AS BIGINT) IS NULL OR i.id = $2)
      AND EXISTS (SELECT 1 FROM leases l WHERE l.issue_id = i.id AND l.finished_at IS NULL)
    ORDER BY i.id";
const NEXT_RANGE: &str = "SELECT id FROM leases WHERE issue_id = $1 AND finished_at IS NULL AND id > $2 ORDER BY id LIMIT 1";
/// What may have arrived is not called cancelled. A mail that is being transmitted is left to whoever holds its range: to $3,
/// the fence under which this range is held here, or to nobody. The reason, which may name somebody, stands once, with the
/// cancellation.
const WRITE: &str = concat!(
    "
    INSERT INTO attempts (delivery_id, number, state, at, fence, reply)
    SELECT d.id, COALESCE(a.number, 0) + 1, CASE WHEN ",
    kept_version!("d"),
    " IS NULL THEN 'cancelled' ELSE 'uncertain' END, CAST($2 AS BIGINT), l.fence,
           CASE WHEN x.cancelled_by IS NULL THEN 'cancelled' ELSE 'cancelled by ' || x.cancelled_by END
    FROM leases l JOIN cancellations x ON x.issue_id = l.issue_id
    JOIN deliveries d ON d.issue_id = l.issue_id AND d.id BETWEEN l.first_id AND l.last_id
    ",
    latest_attempt!("d"),
    "
    WHERE l.id = $1 AND l.finished_at IS NULL
      AND (a.state IS NULL OR a.state = 'pending' OR (a.state = 'transmitting' AND l.fence = CAST($3 AS BIGINT)))
    ON CONFLICT (delivery_id, number) DO NOTHING"
);
/// A range that a node holds is finished by that node.
const FINISH: &str = concat!(
    "
    UPDATE leases SET finished_at = $2
    WHERE id = $1 AND owner IS NULL AND finished_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM deliveries d ",
    latest_attempt!("d"),
    " WHERE d.issue_id = leases.issue_id AND d.id BETWEEN leases.first_id AND leases.last_id
            AND (a.state IS NULL OR a.state IN ('pending', 'transmitting')))"
);

/// Keeps back what waits of a campaign, of all its issues or of one, from this commit on. Returns how many issues.
pub async fn cancel(
    tx: &mut Tx,
    campaign: &Name,
    issue: Option<IssueId>,
    (reason, by): (&str, Option<&str>),
    now: Timestamp,
) -> Result<u64, StoreError> {
    tx.execute(CANCEL, args![campaign, issue, reason, by, now]).await
}

/// The cancelled issues of a campaign of which something is not written down yet.
pub async fn open(tx: &mut Tx, campaign: &Name, issue: Option<IssueId>) -> Result<Vec<IssueId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(OPEN, args![campaign, issue]).await?;
    Ok(rows.into_iter().map(|(id,)| IssueId(id)).collect())
}

/// The next unfinished range of an issue after this one.
pub async fn next_range(tx: &mut Tx, issue: IssueId, after: i64) -> Result<Option<i64>, StoreError> {
    let row: Option<(i64,)> = tx.row(NEXT_RANGE, args![issue, after]).await?;
    Ok(row.map(|(id,)| id))
}

/// Writes down as cancelled what waits in a range of a cancelled issue, whoever holds it. Returns how many.
pub async fn write_range(tx: &mut Tx, range: i64, now: Timestamp) -> Result<u64, StoreError> {
    tx.by_key().await?;
    let written = tx.execute(WRITE, args![range, now, None::<i64>]).await?;
    tx.execute(FINISH, args![range, now]).await?;
    Ok(written)
}

/// The same for a range that this node holds: what its earlier holder left in doubt is not tried again either.
pub async fn write_held(tx: &mut Tx, lease: &Lease, now: Timestamp) -> Result<u64, StoreError> {
    tx.by_key().await?;
    tx.execute(WRITE, args![lease.id, now, lease.fence]).await
}
