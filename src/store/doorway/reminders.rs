//! Reminders: items on a salesperson's queue about a prospect who is in nurture, in no handoff. They ask the salesperson
//! to act because a date has come, or a near miss needs a question. They share the table `follow_ups` with the items of
//! handoffs, so that a salesperson has one queue.

use crate::domain::id::{Name, ProspectId};
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::value::{ids, texts};
use jiff::Timestamp;
use std::collections::BTreeSet;

const ADD: &str = "INSERT INTO follow_ups (prospect_id, handoff_id, salesperson, action, due_at) VALUES ($1, NULL, $2, $3, $4)";
const DONE: &str = "
    UPDATE follow_ups SET done_at = $2
    WHERE handoff_id IS NULL AND done_at IS NULL AND prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
const ARE_OF_OTHERS: &str = "
    SELECT COUNT(*) FROM follow_ups
    WHERE done_at IS NULL AND handoff_id IS NULL AND salesperson NOT IN (SELECT value ->> 'text' FROM json_each($1))";
const INHERIT: &str = "
    UPDATE follow_ups SET salesperson = $2
    WHERE done_at IS NULL AND handoff_id IS NULL AND salesperson NOT IN (SELECT value ->> 'text' FROM json_each($1))";

/// Puts a reminder on a salesperson's queue.
pub async fn add(
    tx: &mut Tx,
    prospect: ProspectId,
    salesperson: &Name,
    action: &str,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute_one(ADD, args![prospect, salesperson, action, due_at]).await
}

/// Closes the reminders about these prospects.
pub async fn done(tx: &mut Tx, prospects: &BTreeSet<ProspectId>, now: Timestamp) -> Result<(), StoreError> {
    if prospects.is_empty() {
        return Ok(());
    }
    tx.execute(DONE, args![ids(prospects)?, now]).await.map(drop)
}

/// Whether an open reminder is on the queue of a person other than these.
pub async fn are_of_others(tx: &mut Tx, ours: &[&Name]) -> Result<bool, StoreError> {
    Ok(tx.number(ARE_OF_OTHERS, args![texts(ours)?]).await? > 0)
}

/// Moves the reminders of all people but these to one person's queue. Returns how many.
pub async fn inherit(tx: &mut Tx, ours: &[&Name], to: &Name) -> Result<u64, StoreError> {
    tx.execute(INHERIT, args![texts(ours)?, to]).await
}
