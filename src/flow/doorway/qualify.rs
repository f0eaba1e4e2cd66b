//! qualify: concludes from what came in, from what time changes, and from rules that changed.

use super::conclude::{conclude, fold, rules_hash};
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError, Progress};
use crate::store::doorway::{applied_rules, assessment_queue};
use crate::store::engine::backend::Tx;
use jiff::Timestamp;

/// How many due entries are worked on at a time.
const PAGE: i64 = 4_000;

/// Assesses the prospects that are due. Everything is read before the transaction that writes begins, so that signals are
/// recorded meanwhile; what came in between has left an entry in the queue, by which its prospect is assessed once more.
pub async fn qualify(ctx: &Context) -> Result<Progress, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut read = ctx.store().read().await?;
    let due = assessment_queue::due(&mut read, PAGE, now).await?;
    if due.is_empty() {
        return Ok(Progress::until(assessment_queue::peek(&mut read).await?));
    }
    let found = fold(&mut read, &plan, &due.prospects(), now).await?;
    drop(read);
    let mut tx = ctx.store().write().await?;
    if ctx.plan().hash != plan.hash {
        return Ok(Progress::Done);
    }
    let Some(taken) = assessment_queue::take(&mut tx, &due, now).await? else { return Ok(Progress::Idle) };
    conclude(&mut tx, &plan, &taken, &found, now).await?;
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
