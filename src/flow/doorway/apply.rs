//! apply: a configuration is put in force. `nurtured apply`, SIGHUP and the start of the daemon all come here.
//!
//! What it means for everybody is in one transaction: which configuration is in force, the schedules, the rules, and that
//! everybody is assessed anew where the rules are others. A daemon beside it sees the row and comes here too, with its own files:
//! until then it has judged by the old ones, so it enqueues everybody once more.

use super::conclude::rules_hash;
use super::qualify::put_rules;
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError};
use crate::store::group::campaigns;
use crate::store::operations::configurations;

/// How often it is tried, while the database says that trying again may help: a daemon that starts beside others may be the
/// one of two deadlocked transactions that is ended.
const TRIES: usize = 5;

/// What was put in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Whether another configuration was in force before, or none.
    pub is_new: bool,
    /// How many prospects are due to be assessed under other rules.
    pub due: u64,
}

/// Puts a plan in force, for every node and in this process.
///
/// # Errors
/// The store's; when its relay cannot be spoken to as configured. Then the old one stays.
pub async fn apply(ctx: &Context, plan: Plan) -> Result<Applied, FlowError> {
    for _ in 1..TRIES {
        match apply_once(ctx, &plan).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "the configuration is not in force yet; it is tried again");
            }
            applied => return applied,
        }
    }
    apply_once(ctx, &plan).await
}

/// Puts the plan in force that this process works by already: at its start.
pub async fn begin(ctx: &Context) -> Result<Applied, FlowError> {
    let plan = Plan::clone(&ctx.plan());
    apply(ctx, plan).await
}

async fn apply_once(ctx: &Context, plan: &Plan) -> Result<Applied, FlowError> {
    let (before, now) = (ctx.plan(), ctx.now());
    let had_others = rules_hash(&before) != rules_hash(plan);
    let mut tx = ctx.store().write().await?;
    let is_new = configurations::put(&mut tx, &plan.hash, &plan.files, now).await?;
    campaigns::put(&mut tx, plan.schedules(), now).await?;
    let due = put_rules(&mut tx, plan, had_others, now).await?;
    ctx.replace_plan(plan.clone())?;
    if let Err(error) = tx.commit().await {
        ctx.replace_plan(Plan::clone(&before))?;
        return Err(error.into());
    }
    ctx.wake();
    Ok(Applied { is_new, due })
}

/// What identifies the configuration in force, if this process works by another one: it was applied elsewhere.
pub async fn applied_elsewhere(ctx: &Context) -> Result<Option<String>, FlowError> {
    let mut tx = ctx.store().read().await?;
    let in_force = configurations::in_force(&mut tx).await?;
    Ok(in_force.filter(|hash| *hash != ctx.plan().hash))
}
