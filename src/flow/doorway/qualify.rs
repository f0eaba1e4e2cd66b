//! qualify: what time brings is concluded from, and everybody is assessed anew when the rules change. Signals themselves are
//! concluded from as they arrive.

use super::conclude::{conclude, rules_hash};
use super::prefetch::Prefetched;
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError, Progress};
use crate::store::doorway::{applied_rules, assessments};
use crate::store::engine::backend::Tx;
use jiff::Timestamp;
use std::sync::Arc;

/// How many prospects one transaction assesses.
const PAGE: i64 = 4_000;

/// Assesses the prospects that are due.
pub async fn qualify(ctx: &Context) -> Result<Progress, FlowError> {
    let now = ctx.now();
    let mut read = ctx.store().read().await?;
    let due = assessments::next_due(&mut read).await?;
    drop(read);
    if due.is_none_or(|at| at > now) {
        return Ok(Progress::until(due));
    }
    let plan = ctx.plan();
    let mut ahead = Prefetched::of_due(ctx.store(), &plan, PAGE, now).await?;
    let mut tx = ctx.store().write().await?;
    if !Arc::ptr_eq(&plan, &ctx.plan()) {
        // Other rules came meanwhile, and have everybody looked at.
        return Ok(Progress::Done);
    }
    let claimed = match ahead.claim(&mut tx).await? {
        Some(claimed) => claimed,
        None => assessments::claim(&mut tx, PAGE, now).await?,
    };
    if claimed.is_empty() {
        return Ok(Progress::Idle);
    }
    conclude(&mut tx, &plan, &claimed, &mut ahead, now).await?;
    failpoint!("qualify.before_commit");
    tx.commit().await?;
    failpoint!("qualify.after_commit");
    ctx.wake();
    Ok(Progress::Done)
}

/// Puts a plan's rules in force: if they differ from those before, everybody is due to be assessed; also for a node that
/// worked by other rules until now, whoever put these in force. Returns how many.
pub async fn put_rules(tx: &mut Tx, plan: &Plan, had_others: bool, now: Timestamp) -> Result<u64, FlowError> {
    let are_new = applied_rules::apply(tx, &rules_hash(plan), now).await?;
    if are_new || had_others { Ok(assessments::mark_everybody(tx, now).await?) } else { Ok(0) }
}
