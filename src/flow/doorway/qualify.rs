//! qualify: concludes from what time changes, and assesses every prospect anew when the rules change. Signals themselves
//! are concluded from when they arrive.

use super::conclude::{conclude, rules_hash};
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError, Progress};
use crate::store::doorway::{applied_rules, assessment_queue};
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
    conclude(&mut tx, &plan, &locked, now).await?;
    failpoint!("qualify.before_commit");
    tx.commit().await?;
    failpoint!("qualify.after_commit");
    ctx.wake();
    Ok(Progress::Done)
}

/// Puts a plan's rules in force. If they differ from those before, every prospect is due to be assessed; also for a node
/// that worked by other rules until now, even if another node put these in force. Returns how many are due.
pub async fn put_rules(tx: &mut Tx, plan: &Plan, had_others: bool, now: Timestamp) -> Result<u64, FlowError> {
    let are_new = applied_rules::apply(tx, &rules_hash(plan), now).await?;
    if are_new || had_others { Ok(assessment_queue::enqueue_everybody(tx, now).await?) } else { Ok(0) }
}
