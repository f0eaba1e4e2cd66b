//! Follow-ups: the items of personal queues. Those without a handoff are written in `doorway::reminders`.

use crate::domain::id::{FollowUpId, HandoffId, Name, ProspectId};
use crate::domain::individual::follow_up::FollowUp;
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::value::{instant, name};
use jiff::Timestamp;

const ADD: &str = "INSERT INTO follow_ups (prospect_id, handoff_id, salesperson, action, due_at) VALUES ($1, $2, $3, $4, $5)";
const DONE: &str = "UPDATE follow_ups SET done_at = $2 WHERE handoff_id = $1 AND done_at IS NULL";
const OF: &str = "
    SELECT id, prospect_id, handoff_id, salesperson, action, due_at FROM follow_ups
    WHERE salesperson = $1 AND done_at IS NULL ORDER BY due_at, id";
const OF_HANDOFF: &str = "
    SELECT id, prospect_id, handoff_id, salesperson, action, due_at FROM follow_ups WHERE handoff_id = $1 AND done_at IS NULL";
const OF_PROSPECT: &str = "
    SELECT id, prospect_id, handoff_id, salesperson, action, due_at FROM follow_ups
    WHERE prospect_id = $1 AND done_at IS NULL ORDER BY due_at, id";

/// Puts a handoff's item on a queue.
pub async fn add(
    tx: &mut Tx,
    prospect: ProspectId,
    handoff: HandoffId,
    salesperson: &Name,
    action: &str,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute_one(ADD, args![prospect, handoff, salesperson, action, due_at]).await
}

/// Takes a handoff's item off its queue.
pub async fn done(tx: &mut Tx, handoff: HandoffId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(DONE, args![handoff, now]).await.map(drop)
}

/// A salesperson's open items, soonest first.
pub async fn of(tx: &mut Tx, salesperson: &Name) -> Result<Vec<FollowUp>, StoreError> {
    tx.rows(OF, args![salesperson]).await?.into_iter().map(item).collect()
}

/// A handoff's open item.
pub async fn of_handoff(tx: &mut Tx, handoff: HandoffId) -> Result<Option<FollowUp>, StoreError> {
    tx.row(OF_HANDOFF, args![handoff]).await?.map(item).transpose()
}

/// A prospect's open items, soonest first.
pub async fn of_prospect(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<FollowUp>, StoreError> {
    tx.rows(OF_PROSPECT, args![prospect]).await?.into_iter().map(item).collect()
}

fn item(row: (i64, i64, Option<i64>, String, String, i64)) -> Result<FollowUp, StoreError> {
    let (id, prospect, handoff, salesperson, action, due_at) = row;
    Ok(FollowUp {
        id: FollowUpId(id),
        prospect: ProspectId(prospect),
        handoff: handoff.map(HandoffId),
        salesperson: name(&salesperson).in_row("follow_ups", id)?,
        action,
        due_at: instant(due_at).in_row("follow_ups", id)?,
    })
}
