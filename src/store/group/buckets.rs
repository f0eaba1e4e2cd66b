//! Token buckets: the tokens left of each pace, shared by all nodes, and kept across restarts.

use crate::domain::id::{IssueId, Name};
use crate::domain::pace::Bucket;
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args, locking};
use crate::store::engine::value::{instant, name as name_of, to_json};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// A bucket not used for this long is full again, at any pace, and need not be kept.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(25);

const MAKE: &str = "
    INSERT INTO buckets (name, tokens, filled_at)
    SELECT value ->> 'name', CAST(value ->> 'tokens' AS BIGINT), CAST(value ->> 'filled_at' AS BIGINT) FROM json_each($1)
    WHERE TRUE ORDER BY 1 ON CONFLICT (name) DO NOTHING";
const LOCK: Sql = locking!(
    "SELECT b.name, b.tokens, b.filled_at FROM buckets b
     WHERE b.name IN (SELECT value ->> 'name' FROM json_each($1)) ORDER BY b.name",
    "FOR UPDATE OF b"
);
const PUT: &str = "
    INSERT INTO buckets (name, tokens, filled_at)
    SELECT value ->> 'name', CAST(value ->> 'tokens' AS BIGINT), CAST(value ->> 'filled_at' AS BIGINT) FROM json_each($1)
    WHERE TRUE ORDER BY 1 ON CONFLICT (name) DO UPDATE SET tokens = excluded.tokens, filled_at = excluded.filled_at";
const FORGET: Sql = locking!(
    "DELETE FROM buckets WHERE name IN (SELECT b.name FROM buckets b WHERE b.filled_at < $1",
    "FOR UPDATE OF b SKIP LOCKED",
    ")"
);
const OF_ISSUE: &str = "SELECT campaign, test FROM issues WHERE id = $1";
/// Leased ranges and test copies are left out: the former belong to their holder, the latter do not wait.
const POSTPONE: Sql = locking!(
    "UPDATE leases SET not_before = $2 WHERE id IN (
         SELECT l.id FROM leases l JOIN issues i ON i.id = l.issue_id
         WHERE l.finished_at IS NULL AND l.owner IS NULL AND l.not_before < $2 AND NOT i.test
           AND (CAST($1 AS TEXT) IS NULL OR i.campaign = $1)",
    "FOR UPDATE OF l SKIP LOCKED",
    ")"
);

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    tokens: i64,
    filled_at: i64,
}

fn rows(buckets: &BTreeMap<String, Bucket>) -> Result<String, StoreError> {
    let rows = buckets.iter().map(|(name, b)| Row { name, tokens: b.tokens, filled_at: b.filled_at.as_millisecond() });
    to_json(&rows.collect::<Vec<_>>())
}

/// The stored buckets, locked until the transaction ends; a missing one is created as given.
pub async fn lock(tx: &mut Tx, fresh: &BTreeMap<String, Bucket>) -> Result<BTreeMap<String, Bucket>, StoreError> {
    let wanted = rows(fresh)?;
    tx.execute(MAKE, args![wanted.clone()]).await?;
    let found: Vec<(String, i64, i64)> = tx.rows(LOCK, args![wanted]).await?;
    let read = |(name, tokens, at): (String, i64, i64)| {
        let filled_at = instant(at).in_row("buckets", &name)?;
        Ok((name, Bucket { tokens, filled_at }))
    };
    found.into_iter().map(read).collect()
}

/// Stores buckets; they must have been locked.
pub async fn put(tx: &mut Tx, buckets: &BTreeMap<String, Bucket>) -> Result<(), StoreError> {
    tx.execute(PUT, args![rows(buckets)?]).await.map(drop)
}

/// Deletes buckets that have long been full. Returns how many.
pub async fn forget(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    let before = now.checked_sub(FORGOTTEN).unwrap_or(Timestamp::MIN);
    tx.execute(FORGET, args![before]).await
}

/// The campaign of an issue, and whether it is a test copy's.
///
/// # Errors
/// Also when there is no such issue.
pub async fn of_issue(tx: &mut Tx, issue: IssueId) -> Result<(Name, bool), StoreError> {
    let (campaign, test): (String, bool) = tx.one(OF_ISSUE, args![issue]).await?;
    Ok((name_of(&campaign).in_row("issues", issue)?, test))
}

/// Puts off the ranges that are not leased, of one campaign or of all, until an instant. Returns how many ranges.
pub async fn postpone(tx: &mut Tx, campaign: Option<&Name>, until: Timestamp) -> Result<u64, StoreError> {
    tx.execute(POSTPONE, args![campaign, until]).await
}
