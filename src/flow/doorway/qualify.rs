//! qualify: concludes from what time changes, and assesses every prospect anew when the rules change. Signals themselves
//! are concluded from when they arrive, but for a prospect who has very many: theirs are read here, before the transaction
//! that concludes from them begins, so that the record of one prospect holds up no other.

use super::conclude::{conclude, conclude_from_read, read_ahead, rules_hash};
use crate::domain::id::ProspectId;
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError, Progress};
use crate::store::doorway::{applied_rules, assessment_queue, signals};
use crate::store::engine::backend::Tx;
use jiff::Timestamp;

/// How many entries one transaction takes off the queue.
const PAGE: i64 = 4_000;

/// Assesses the prospects that are due.
pub async fn qualify(ctx: &Context) -> Result<Progress, FlowError> {
    let now = ctx.now();
    let mut read = ctx.store().read().await?;
    let due = assessment_queue::peek(&mut read).await?;
    drop(read);
    if due.is_none_or(|at| at > now) {
        return Ok(Progress::until(due));
    }
    let mut tx = ctx.store().write().await?;
    let plan = ctx.plan();
    let locked = assessment_queue::dequeue(&mut tx, PAGE, now).await?;
    if locked.is_empty() {
        return Ok(Progress::Idle);
    }
    let with_many = signals::with_many(&mut tx, &locked).await?;
    let others: Vec<ProspectId> = locked.into_iter().filter(|id| !with_many.contains(id)).collect();
    conclude(&mut tx, &plan, &others, now).await?;
    assessment_queue::enqueue(&mut tx, with_many.iter().map(|id| (*id, now))).await?;
    failpoint!("qualify.before_commit");
    tx.commit().await?;
    failpoint!("qualify.after_commit");
    for prospect in with_many {
        conclude_outside(ctx, prospect, now).await?;
    }
    ctx.wake();
    Ok(Progress::Done)
}

/// Concludes from the record of one prospect, read outside the transaction that writes. What changed meanwhile has left an
/// entry in the queue, by which the prospect is assessed once more; if another node concluded meanwhile, nothing is written.
async fn conclude_outside(ctx: &Context, prospect: ProspectId, now: Timestamp) -> Result<(), FlowError> {
    let plan = ctx.plan();
    let mut read = ctx.store().read().await?;
    let entries = assessment_queue::due_of(&mut read, prospect, now).await?;
    let known = read_ahead(&mut read, &plan, prospect).await?;
    drop(read);
    let mut tx = ctx.store().write().await?;
    if !assessment_queue::take(&mut tx, prospect, &entries).await? {
        return Ok(tx.rollback().await?);
    }
    conclude_from_read(&mut tx, &plan, prospect, &known, now).await?;
    failpoint!("qualify.before_commit");
    Ok(tx.commit().await?)
}

/// Puts a plan's rules in force. If they differ from those before, every prospect is due to be assessed; also for a node
/// that worked by other rules until now, even if another node put these in force. Returns how many are due.
pub async fn put_rules(tx: &mut Tx, plan: &Plan, had_others: bool, now: Timestamp) -> Result<u64, FlowError> {
    let are_new = applied_rules::apply(tx, &rules_hash(plan), now).await?;
    if are_new || had_others { Ok(assessment_queue::enqueue_everybody(tx, now).await?) } else { Ok(0) }
}
