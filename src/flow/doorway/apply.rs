//! apply: a configuration is put in force. `nurtured apply`, SIGHUP and the start of the daemon all come here.
//!
//! One transaction writes all consequences: which configuration is in force, which campaigns it has and which of them were
//! renamed, the schedules, the rules, and, if the rules differ, that every prospect is assessed anew. A daemon on the same
//! database notices the row and runs this step too, with its own files: until then it judged by the old rules, so it enqueues
//! every prospect once more.

use super::conclude::rules_hash;
use super::qualify::put_rules;
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError};
use crate::flow::group::rename;
use crate::store::group::campaigns;
use crate::store::operations::configurations;

/// How often the transaction is tried while the database's error is transient: when daemons start at the same time, one of
/// two deadlocked transactions is ended.
const TRIES: usize = 5;

/// What putting a configuration in force changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Whether another configuration, or none, was in force before.
    pub is_new: bool,
    /// How many prospects are due to be assessed under the new rules.
    pub due: u64,
}

/// Puts a plan in force, on every node and in this process, where nobody is asked: a campaign that looks like another one renamed
/// is left paused.
///
/// # Errors
/// Those of the store, and a relay that cannot be used as configured. The old plan then stays.
pub async fn apply(ctx: &Context, plan: Plan) -> Result<Applied, FlowError> {
    in_force(ctx, &plan, Agreed::No).await
}

/// The same after somebody read what the plan does, and agreed to it.
///
/// # Errors
/// As for [`apply`].
pub async fn apply_as_agreed(ctx: &Context, plan: Plan) -> Result<Applied, FlowError> {
    in_force(ctx, &plan, Agreed::Yes).await
}

/// Whether somebody was told what the plan does, and agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreed {
    Yes,
    No,
}

async fn in_force(ctx: &Context, plan: &Plan, agreed: Agreed) -> Result<Applied, FlowError> {
    for _ in 1..TRIES {
        match apply_once(ctx, plan, agreed).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "the configuration is not in force yet; it is tried again");
            }
            applied => return applied,
        }
    }
    apply_once(ctx, plan, agreed).await
}

/// Puts in force the plan this process already works by; called at its start.
pub async fn begin(ctx: &Context) -> Result<Applied, FlowError> {
    let plan = Plan::clone(&ctx.plan());
    apply(ctx, plan).await
}

async fn apply_once(ctx: &Context, plan: &Plan, agreed: Agreed) -> Result<Applied, FlowError> {
    let (before, now) = (ctx.plan(), ctx.now());
    let had_others = rules_hash(&before) != rules_hash(plan);
    let mut tx = ctx.store().write().await?;
    let renamed = rename::carry_out(&mut tx, plan).await?;
    let is_new = configurations::put(&mut tx, &plan.hash, &plan.files, now).await?;
    campaigns::put(&mut tx, plan.schedules(), now).await?;
    campaigns::configure(&mut tx, plan.campaigns.iter().map(|campaign| &campaign.name)).await?;
    if agreed == Agreed::No {
        rename::ask_first(&mut tx, &renamed, now).await?;
    }
    let due = put_rules(&mut tx, plan, had_others, now).await?;
    ctx.replace_plan(plan.clone())?;
    if let Err(error) = tx.commit().await {
        ctx.replace_plan(Plan::clone(&before))?;
        return Err(error.into());
    }
    ctx.wake();
    Ok(Applied { is_new, due })
}

/// The hash of the configuration in force, if this process works by another one because it was applied elsewhere.
pub async fn applied_elsewhere(ctx: &Context) -> Result<Option<String>, FlowError> {
    let mut tx = ctx.store().read().await?;
    let in_force = configurations::in_force(&mut tx).await?;
    Ok(in_force.filter(|hash| *hash != ctx.plan().hash))
}
