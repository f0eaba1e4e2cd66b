//! backtest: other rules over all past signals. Who would have become ready, and when; gained and lost against what was
//! decided; what salespeople said to it; what it would have put on whom. Reads, and writes nothing.
//!
//! It tells what these rules would have made of what happened, not what would have happened: nobody knows what a
//! salesperson would have learnt from a call that was never made.

use super::compare::{Asked, Change, Compared, Fate, Reproduced};
use super::history_scan::{HistoryScan, Progress};
use super::metrics::{self, Changes, HeldBack, Quarter, Reproduction, Side};
use super::workload::{Workload, workload};
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::conclude;
use crate::store::doorway::applied_rules;
use jiff::Timestamp;
use serde::Serialize;
use std::sync::Arc;

/// What a backtest found.
#[derive(Debug, Serialize)]
pub struct Backtest {
    /// As if the rules had come into force then; absent: from the beginning.
    pub since: Option<Timestamp>,
    pub until: Timestamp,
    /// Whether these are the rules in force.
    pub unchanged: bool,
    /// How much of the record they reproduce.
    pub reproduction: Reproduction,
    /// How many decisions are different.
    pub changes: Changes,
    pub was: Side,
    pub would: Side,
    pub quarters: Vec<Quarter>,
    /// What keeps people at four of five today, by these rules; the first keeps most.
    pub held_back: Vec<HeldBack>,
    /// What it puts on each salesperson.
    pub workload: Vec<Workload>,
    /// Every decision that is different, or that is not reproduced and should be, in the order of time.
    pub different: Vec<Compared>,
}

/// Replays everybody whom the rules of a plan, or what was decided, may concern: each in the order of their numbers.
pub async fn fates(ctx: &Context, plan: &Plan, since: Option<Timestamp>, tell: &Progress) -> Result<Vec<Fate>, FlowError> {
    let (until, hash) = (ctx.now(), conclude::rules_hash(plan));
    let mut tx = ctx.store().read().await?;
    let in_force = applied_rules::all(&mut tx).await?;
    drop(tx);
    let rules = plan.qualifying.clone();
    let whole = Arc::new(HistoryScan::survey(ctx.store(), Arc::new(rules.clone()), tell).await?);
    let asked = Arc::new(Asked { rules, hash, in_force, from: since.unwrap_or(Timestamp::MIN), until });
    whole.replay(tell, move |life| asked.compare(life)).await
}

/// Replays all past signals under the rules of a plan; people are routed by that plan too.
pub async fn backtest(ctx: &Context, plan: &Plan, since: Option<Timestamp>, tell: &Progress) -> Result<Backtest, FlowError> {
    let (until, hash) = (ctx.now(), conclude::rules_hash(plan));
    let mut tx = ctx.store().read().await?;
    let in_force = applied_rules::all(&mut tx).await?;
    drop(tx);
    let unchanged = match in_force.last() {
        Some((_, applied)) => *applied == hash,
        None => hash == conclude::rules_hash(&ctx.plan()),
    };
    let fates = fates(ctx, plan, since, tell).await?;
    let held_back = metrics::held_back(fates.iter().filter_map(|fate| fate.lacks));
    let all: Vec<Compared> = fates.into_iter().flat_map(|fate| fate.compared).collect();
    let ((reproduction, changes), (was, would)) = (metrics::counts(&all), metrics::sides(&all));
    let quarters = metrics::quarters(&all);
    let mut tx = ctx.store().read().await?;
    let workload = workload(&mut tx, &plan.roster, &all).await?;
    let mut different = all;
    different.retain(|c| c.change != Change::Same || c.reproduced == Reproduced::No);
    different.sort_by_key(|c| (c.would.map(|w| w.at).into_iter().chain(c.was.as_ref().map(|w| w.at)).min(), c.prospect));
    Ok(Backtest { since, until, unchanged, reproduction, changes, was, would, quarters, held_back, workload, different })
}
