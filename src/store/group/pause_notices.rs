//! Pause notices: a campaign that a breaker paused is reported once to the colleagues responsible for it.

use crate::domain::id::Name;
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args, locking};
use crate::store::engine::value::{instant, name as name_of};
use jiff::Timestamp;

/// A campaign that a breaker paused.
#[derive(Debug, Clone)]
pub struct PauseNotice {
    pub id: i64,
    pub campaign: Name,
    pub reason: String,
    pub at: Timestamp,
}

const ADD: &str = "INSERT INTO pause_notices (campaign, reason, at) VALUES ($1, $2, $3)";
const WAITING: &str = "SELECT COUNT(*) FROM pause_notices WHERE told_at IS NULL";
const NEXT: Sql = locking!(
    "SELECT id, campaign, reason, at FROM pause_notices WHERE told_at IS NULL ORDER BY id LIMIT 1",
    "FOR UPDATE SKIP LOCKED"
);
const TOLD: &str = "UPDATE pause_notices SET told_at = $2 WHERE id = $1 AND told_at IS NULL";

/// Records that a breaker paused a campaign.
pub async fn add(tx: &mut Tx, campaign: &Name, reason: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute_one(ADD, args![campaign, reason, now]).await
}

/// Whether a pause is not reported yet.
pub async fn waits(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.number(WAITING, args![]).await? > 0)
}

/// Takes the oldest pause not reported yet; it counts as reported when the transaction commits.
pub async fn take(tx: &mut Tx, now: Timestamp) -> Result<Option<PauseNotice>, StoreError> {
    let row: Option<(i64, String, String, i64)> = tx.row(NEXT, args![]).await?;
    let Some((id, campaign, reason, at)) = row else { return Ok(None) };
    tx.execute_one(TOLD, args![id, now]).await?;
    let (campaign, at) = (name_of(&campaign).in_row("pause_notices", id)?, instant(at).in_row("pause_notices", id)?);
    Ok(Some(PauseNotice { id, campaign, reason, at }))
}
