//! Adoptions: the rows of a database that was restored or copied. A delivery without a final result may have been sent by
//! the original database, so it is held as uncertain.

use crate::domain::address::Address;
use crate::domain::id::ProspectId;
use crate::domain::prospect::Standing;
use crate::store::engine::backend::{InRow, StoreError, Tx, args, latest_attempt};
use crate::store::engine::value::{address, word};
use jiff::Timestamp;

const ADDRESSES: &str = "SELECT id, address FROM prospects WHERE id > $1 AND address IS NOT NULL ORDER BY id LIMIT $2";
const ELSEWHERE: &str =
    "SELECT address, standing FROM prospects WHERE standing <> 'nurturing' AND address IS NOT NULL ORDER BY id";
const HOLD: &str = concat!(
    "
    INSERT INTO attempts (delivery_id, number, state, at, fence, reply)
    SELECT d.id, COALESCE(a.number, 0) + 1, 'uncertain', CAST($1 AS BIGINT), l.fence, CAST($2 AS TEXT)
    FROM leases l JOIN deliveries d ON d.issue_id = l.issue_id AND d.id BETWEEN l.first_id AND l.last_id
    ",
    latest_attempt!("d"),
    "
    WHERE l.finished_at IS NULL AND (a.state IS NULL OR a.state IN ('pending', 'transmitting'))
    ON CONFLICT (delivery_id, number) DO NOTHING"
);
/// The fence rises, and beyond what it can have been in a history that was lost: a node that still holds a lease, of that history
/// too, writes nothing more under it.
const FINISH: &str = "
    UPDATE leases SET owner = NULL, leased_until = NULL, fence = fence + 1000000, finished_at = $1 WHERE finished_at IS NULL";
/// An occurrence of a paused campaign may be half written: the rest of it is never written.
const CLOSE: &str = "UPDATE occurrences SET state = 'filled', filled_at = $1 WHERE state = 'filling'";

/// The next prospects after `after` who have an address.
pub async fn addresses(tx: &mut Tx, after: ProspectId, most: i64) -> Result<Vec<(ProspectId, Address)>, StoreError> {
    let rows: Vec<(i64, String)> = tx.rows(ADDRESSES, args![after, most]).await?;
    rows.into_iter().map(|(id, text)| Ok((ProspectId(id), address(&text).in_row("prospects", id)?))).collect()
}

/// Every address whose prospect is not nurturing, with the standing.
pub async fn elsewhere(tx: &mut Tx) -> Result<Vec<(String, Standing)>, StoreError> {
    let rows: Vec<(String, String)> = tx.rows(ELSEWHERE, args![]).await?;
    rows.into_iter()
        .map(|(address, standing)| {
            let standing = word("standing", &standing, Standing::parse).in_row("prospects", &address)?;
            Ok((address, standing))
        })
        .collect()
}

/// Holds every delivery that is not finished as uncertain, in these words, finishes its range, and closes what is still
/// being written. Returns how many.
pub async fn hold(tx: &mut Tx, words: &str, now: Timestamp) -> Result<u64, StoreError> {
    let held = tx.execute(HOLD, args![now, words]).await?;
    tx.execute(FINISH, args![now]).await?;
    tx.execute(CLOSE, args![now]).await?;
    Ok(held)
}
