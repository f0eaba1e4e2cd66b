//! qualify: what time brings is concluded from, and everybody is assessed anew when the rules change. Signals themselves are
//! concluded from as they arrive.

use super::conclude::{self, conclude};
use super::context::{Context, FlowError, Progress};
use crate::domain::handoff::Handoff;
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::domain::qualification::Qualification;
use crate::store::{applied_rules, assessments};

/// How many prospects one transaction assesses.
const PAGE: i64 = 1_000;

/// Assesses the prospects that are due.
///
/// # Errors
/// The store's.
pub async fn qualify(ctx: &Context) -> Result<Progress, FlowError> {
    let now = ctx.now();
    let mut read = ctx.store().read().await?;
    let due = assessments::next_due(&mut read).await?;
    drop(read);
    if due.is_none_or(|at| at > now) {
        return Ok(Progress::until(due));
    }
    let plan = ctx.plan();
    let mut tx = ctx.store().write().await?;
    let claimed = assessments::claim(&mut tx, PAGE, now).await?;
    if claimed.is_empty() {
        return Ok(Progress::Idle);
    }
    conclude(&mut tx, &plan, &claimed, now).await?;
    failpoint!("qualify.before_commit");
    tx.commit().await?;
    failpoint!("qualify.after_commit");
    ctx.ring();
    Ok(Progress::Done)
}

/// Puts the plan's rules in force: if they differ from those before, everybody is due to be assessed. Returns how many.
///
/// # Errors
/// The store's.
pub async fn apply_rules(ctx: &Context) -> Result<u64, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let hash = conclude::rules_hash(&plan);
    let mut tx = ctx.store().write().await?;
    let due = if applied_rules::apply(&mut tx, &hash, now).await? { assessments::mark_everybody(&mut tx, now).await? } else { 0 };
    tx.commit().await?;
    ctx.ring();
    Ok(due)
}

/// What identifies the rules of a plan.
///
/// # Errors
/// When they cannot be written down.
pub fn rules_hash(plan: &Plan) -> Result<String, FlowError> {
    Ok(conclude::rules_hash(plan))
}

/// Whether the prospect may stand in the doorway, and why. A request is one that no handoff has answered yet.
#[must_use]
pub fn doorway(qualification: Qualification, prospect: &Prospect, handoffs: &[Handoff]) -> Option<(&'static str, Qualification)> {
    let handed_off_at = handoffs.iter().map(|h| h.opened_at).max();
    let cause = conclude::doorway(&qualification, prospect.episode_started_at, handed_off_at)?;
    Some((cause, qualification))
}
