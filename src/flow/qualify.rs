//! qualify: what time brings is concluded from, and everybody is assessed anew when the rules change. Signals themselves are
//! concluded from as they arrive.

use super::conclude::rules_hash;
use super::conclude::{self, conclude};
use super::context::{Context, FlowError, Progress};
use crate::domain::handoff::Handoff;
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::domain::qualification::Qualification;
use crate::store::backend::Tx;
use crate::store::{applied_rules, assessments};
use jiff::Timestamp;

/// How many prospects one transaction assesses.
const PAGE: i64 = 1_000;
/// How often new rules are tried to be put in force, while the database says that trying again may help.
const TRIES: usize = 5;

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
/// A daemon that starts does this while other nodes record signals and mark the same prospects: it may be the one of two
/// deadlocked transactions that is ended, and that must not keep it from starting.
///
/// # Errors
/// The store's.
pub async fn apply_rules(ctx: &Context) -> Result<u64, FlowError> {
    for _ in 1..TRIES {
        match apply_once(ctx).await {
            Err(error) if error.is_transient() => tracing::warn!(%error, "the rules are not in force yet; they are tried again"),
            applied => return applied,
        }
    }
    apply_once(ctx).await
}

async fn apply_once(ctx: &Context) -> Result<u64, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut tx = ctx.store().write().await?;
    let due = put_rules(&mut tx, &plan, false, now).await?;
    tx.commit().await?;
    ctx.ring();
    Ok(due)
}

/// The same within a transaction; also for a node that worked by other rules until now, whoever put these in force.
///
/// # Errors
/// The store's.
pub async fn put_rules(tx: &mut Tx, plan: &Plan, had_others: bool, now: Timestamp) -> Result<u64, FlowError> {
    let are_new = applied_rules::apply(tx, &rules_hash(plan), now).await?;
    if are_new || had_others { Ok(assessments::mark_everybody(tx, now).await?) } else { Ok(0) }
}

/// Whether the prospect may stand in the doorway, and why. A request is one that no handoff has answered yet.
#[must_use]
pub fn doorway(qualification: Qualification, prospect: &Prospect, handoffs: &[Handoff]) -> Option<(&'static str, Qualification)> {
    let cause = qualification.doorway(prospect.episode_started_at, handed_off_at(handoffs))?;
    Some((cause, qualification))
}

/// Whether they ask for a person, and no handoff has answered yet.
#[must_use]
pub fn asks(found: &Qualification, prospect: &Prospect, handoffs: &[Handoff]) -> bool {
    conclude::asks(found, prospect.episode_started_at, handed_off_at(handoffs))
}

fn handed_off_at(handoffs: &[Handoff]) -> Option<Timestamp> {
    handoffs.iter().map(|handoff| handoff.opened_at).max()
}
