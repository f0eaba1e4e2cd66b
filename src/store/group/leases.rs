//! Leases: a node's claim on a range of one issue's deliveries. The fence rises with every claim.

use crate::domain::id::{DeliveryId, IssueId, Name, OccurrenceId, ProspectId};
use crate::store::engine::backend::{Sql, StoreError, Tx, args, locking};
use crate::store::engine::value::{instant_or_none, to_json};
use jiff::Timestamp;
use serde::Serialize;

/// A campaign whose window is closed, and when it opens.
pub type Closed<'a> = (&'a Name, Timestamp);

/// A lease that was claimed.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    pub id: i64,
    /// Over deliveries of this issue…
    pub issue: IssueId,
    pub first: DeliveryId,
    pub last: DeliveryId,
    /// The fence that every write under the lease carries.
    pub fence: i64,
    /// Under which words of the issue it was claimed: once others are in force, it marks nothing more.
    pub version: i64,
    pub until: Timestamp,
}

const COVER: &str = "
    INSERT INTO leases (issue_id, first_id, last_id, not_before)
    SELECT d.issue_id, MIN(d.id), MAX(d.id), CAST($4 AS BIGINT) FROM deliveries d
    WHERE d.occurrence_id = $1 AND d.prospect_id > $2 AND d.prospect_id <= $3
    GROUP BY d.issue_id";
const COVER_OURS: &str = "
    INSERT INTO leases (issue_id, first_id, last_id, not_before)
    SELECT d.issue_id, MIN(d.id), MAX(d.id), CAST($2 AS BIGINT) FROM deliveries d
    WHERE d.occurrence_id = $1 AND d.prospect_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.issue_id = d.issue_id)
    GROUP BY d.issue_id";
const NEXT: Sql = locking!(
    "SELECT l.id, l.issue_id, l.first_id, l.last_id, l.fence, i.version
     FROM leases l JOIN issues i ON i.id = l.issue_id JOIN campaigns c ON c.name = i.campaign
     WHERE l.finished_at IS NULL AND l.not_before <= $1 AND (l.owner IS NULL OR l.leased_until <= $1)
       AND (i.test OR (c.state = 'running' AND c.configured AND NOT EXISTS (SELECT 1 FROM json_each($2) w WHERE w.value ->> 'campaign' = i.campaign)))
       AND EXISTS (SELECT 1 FROM sending g WHERE g.id = 1 AND g.observing IS NULL AND (g.stopped IS NULL OR i.test))
     ORDER BY l.not_before, l.id LIMIT 1",
    "FOR UPDATE OF l SKIP LOCKED"
);
const OF_ISSUE: Sql = locking!(
    "SELECT l.id, l.issue_id, l.first_id, l.last_id, l.fence, i.version FROM leases l JOIN issues i ON i.id = l.issue_id
     WHERE l.issue_id = $2 AND l.finished_at IS NULL AND l.not_before <= $1 AND (l.owner IS NULL OR l.leased_until <= $1)
       AND EXISTS (SELECT 1 FROM sending g WHERE g.id = 1 AND g.observing IS NULL)
     ORDER BY l.id LIMIT 1",
    "FOR UPDATE OF l SKIP LOCKED"
);
const TAKE: &str = "UPDATE leases SET owner = $2, fence = fence + 1, leased_until = $3, version = $4 WHERE id = $1";
const LOCK: Sql = locking!("SELECT l.id FROM leases l WHERE l.id = $1 AND l.fence = $2", "FOR UPDATE");
const RENEW: &str = "UPDATE leases SET leased_until = $3 WHERE id = $1 AND fence = $2";
const RELEASE: &str = "UPDATE leases SET owner = NULL, leased_until = NULL, not_before = $3 WHERE id = $1 AND fence = $2";
const FINISH: &str = "UPDATE leases SET owner = NULL, leased_until = NULL, finished_at = $3 WHERE id = $1 AND fence = $2";
const EXPIRE_OF: &str = "UPDATE leases SET owner = NULL, leased_until = NULL WHERE owner = $1 AND finished_at IS NULL";
const EXPIRE_ALL: &str = "UPDATE leases SET owner = NULL, leased_until = NULL WHERE owner IS NOT NULL AND finished_at IS NULL";
const FINISHED_SINCE: &str = "
    SELECT CAST(COALESCE(SUM(l.last_id - l.first_id + 1), 0) AS BIGINT) FROM leases l JOIN issues i ON i.id = l.issue_id AND NOT i.test
    WHERE l.finished_at >= $1";
const SOONEST: &str = "
    SELECT MIN(CASE WHEN w.opens_at > l.at THEN w.opens_at ELSE l.at END)
    FROM (SELECT i.campaign, i.test, CASE WHEN l.owner IS NULL THEN l.not_before ELSE l.leased_until END AS at
          FROM leases l JOIN issues i ON i.id = l.issue_id JOIN campaigns c ON c.name = i.campaign
          WHERE l.finished_at IS NULL AND ((c.state = 'running' AND c.configured) OR i.test)
            AND EXISTS (SELECT 1 FROM sending g WHERE g.id = 1 AND g.observing IS NULL AND (g.stopped IS NULL OR i.test))) AS l
    LEFT JOIN (SELECT value ->> 'campaign' AS campaign, CAST(value ->> 'opens_at' AS BIGINT) AS opens_at
               FROM json_each($1)) AS w ON w.campaign = l.campaign AND NOT l.test";

/// Covers the deliveries just written for prospects after `after` up to `up_to`, one lease per issue.
pub async fn cover(
    tx: &mut Tx,
    occurrence: OccurrenceId,
    after: ProspectId,
    up_to: ProspectId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    tx.by_key().await?;
    tx.execute(COVER, args![occurrence, after, up_to, now]).await
}

/// Covers the deliveries just written that belong to no prospect (a test copy, seeds), one lease per issue, for issues
/// without any lease.
pub async fn cover_ours(tx: &mut Tx, occurrence: OccurrenceId, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(COVER_OURS, args![occurrence, now]).await
}

/// Claims the next range that is due and free, or whose holder let its lease lapse, ignoring windows.
pub async fn claim(tx: &mut Tx, node: &str, now: Timestamp, until: Timestamp) -> Result<Option<Lease>, StoreError> {
    claim_open(tx, &[], node, now, until).await
}

/// Claims the next range of a campaign whose window is open. Test copies have no window.
pub async fn claim_open(
    tx: &mut Tx,
    closed: &[Closed<'_>],
    node: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Lease>, StoreError> {
    let row = tx.row(NEXT, args![now, windows(closed)?]).await?;
    take(tx, row, node, until).await
}

/// Claims a range of this issue that is due and free, ahead of all others.
pub async fn claim_of(
    tx: &mut Tx,
    issue: IssueId,
    node: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Lease>, StoreError> {
    let row = tx.row(OF_ISSUE, args![now, issue]).await?;
    take(tx, row, node, until).await
}

async fn take(
    tx: &mut Tx,
    row: Option<(i64, i64, i64, i64, i64, i64)>,
    node: &str,
    until: Timestamp,
) -> Result<Option<Lease>, StoreError> {
    let Some((id, issue, first, last, fence, version)) = row else {
        return Ok(None);
    };
    tx.execute_one(TAKE, args![id, node, until, version]).await?;
    let (issue, first, last) = (IssueId(issue), DeliveryId(first), DeliveryId(last));
    Ok(Some(Lease { id, issue, first, last, fence: fence + 1, version, until }))
}

/// Locks a range before its deliveries are read to give it back: what is opened again meanwhile is seen, or waits.
pub async fn lock(tx: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
    tx.row::<(i64,)>(LOCK, args![lease.id, lease.fence]).await.map(drop)
}

/// Renews a lease. Returns whether this node still held it.
pub async fn renew(tx: &mut Tx, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(RENEW, args![lease.id, lease.fence, until]).await? > 0)
}

/// Releases a range, to be claimed again at `again_at`; without an instant the range is finished.
pub async fn release(tx: &mut Tx, lease: &Lease, again_at: Option<Timestamp>, now: Timestamp) -> Result<(), StoreError> {
    match again_at {
        Some(at) => tx.execute(RELEASE, args![lease.id, lease.fence, at]).await.map(drop),
        None => tx.execute(FINISH, args![lease.id, lease.fence, now]).await.map(drop),
    }
}

/// Expires the leases of a node that is known to be dead, instead of waiting for them to lapse. The fence rises with the
/// next claim as usual, so a node that was not dead after all marks no further delivery. Returns how many.
pub async fn expire_of(tx: &mut Tx, owner: &str) -> Result<u64, StoreError> {
    tx.execute(EXPIRE_OF, args![owner]).await
}

/// Expires every lease: at the start on a store without a second node. Returns how many.
pub async fn expire_all(tx: &mut Tx) -> Result<u64, StoreError> {
    tx.execute(EXPIRE_ALL, args![]).await
}

/// About how many mails are in the ranges that were finished since; of an occurrence with several issues, each counts the others' between its own.
pub async fn mails_finished_since(tx: &mut Tx, since: Timestamp) -> Result<i64, StoreError> {
    tx.number(FINISHED_SINCE, args![since]).await
}

/// When the next range is due, if any is left, ignoring windows.
pub async fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    next_open(tx, &[]).await
}

/// When the next range is due, counting those of a closed campaign from when its window opens.
pub async fn next_open(tx: &mut Tx, closed: &[Closed<'_>]) -> Result<Option<Timestamp>, StoreError> {
    let row: Option<(Option<i64>,)> = tx.row(SOONEST, args![windows(closed)?]).await?;
    instant_or_none(row.and_then(|(at,)| at))
}

/// Closed campaigns as JSON.
pub(in crate::store) fn windows(closed: &[Closed<'_>]) -> Result<String, StoreError> {
    #[derive(Serialize)]
    struct Row<'a> {
        campaign: &'a Name,
        opens_at: i64,
    }
    let rows = closed.iter().map(|(campaign, opens_at)| Row { campaign, opens_at: opens_at.as_millisecond() });
    to_json(&rows.collect::<Vec<_>>())
}
