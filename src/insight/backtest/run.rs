//! Replays all past signals under other rules: who would have become ready, and when; which decisions are gained and lost;
//! what salespeople answered; how the load would have been spread. It reads, and writes nothing.
//!
//! A backtest tells what these rules make of what happened, not what would have happened: what a salesperson would have
//! learnt from a call that was never made is unknown.

use super::compare::{BacktestRequest, Compared, DecisionChange, ProspectComparison, Reproduced};
use super::history_scan::{HistoryScan, Progress};
use super::metrics::{self, DecisionChanges, HeldBack, Quarter, Reproduction, Side};
use super::workload::{Workload, workload};
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::conclude;
use crate::store::doorway::applied_rules;
use jiff::Timestamp;
use serde::Serialize;
use std::sync::Arc;

/// The result of a backtest.
#[derive(Debug, Serialize)]
pub struct Backtest {
    /// The instant at which the rules are taken to have come into force; absent: at the beginning.
    pub since: Option<Timestamp>,
    pub until: Timestamp,
    /// Whether these are the rules in force.
    pub unchanged: bool,
    /// How many decisions on record they reproduce.
    pub reproduction: Reproduction,
    /// How many decisions differ.
    pub changes: DecisionChanges,
    pub was: Side,
    pub would: Side,
    pub quarters: Vec<Quarter>,
    /// The criteria that keep prospects at four of five today under these rules, most frequent first.
    pub held_back: Vec<HeldBack>,
    /// The load of each salesperson.
    pub workload: Vec<Workload>,
    /// The decisions that differ, or should be reproduced and are not, ordered by time.
    pub different: Vec<Compared>,
}

/// Replays every prospect who may be concerned by the rules or by a decision on record, ordered by prospect number.
pub async fn compare_all(
    ctx: &Context,
    plan: &Plan,
    since: Option<Timestamp>,
    progress: &Progress,
) -> Result<Vec<ProspectComparison>, FlowError> {
    let (until, hash) = (ctx.now(), conclude::rules_hash(plan));
    let mut tx = ctx.store().read().await?;
    let in_force = applied_rules::all(&mut tx).await?;
    drop(tx);
    let rules = plan.qualifying.clone();
    let scan = Arc::new(HistoryScan::survey(ctx.store(), Arc::new(rules.clone()), progress).await?);
    let request = Arc::new(BacktestRequest { rules, hash, in_force, from: since.unwrap_or(Timestamp::MIN), until });
    scan.replay(progress, move |life| request.compare(life)).await
}

/// Replays all past signals under the rules of a plan, and routes prospects by that plan.
pub async fn backtest(ctx: &Context, plan: &Plan, since: Option<Timestamp>, progress: &Progress) -> Result<Backtest, FlowError> {
    let (until, hash) = (ctx.now(), conclude::rules_hash(plan));
    let mut tx = ctx.store().read().await?;
    let in_force = applied_rules::all(&mut tx).await?;
    drop(tx);
    let unchanged = match in_force.last() {
        Some((_, applied)) => *applied == hash,
        None => hash == conclude::rules_hash(&ctx.plan()),
    };
    let comparisons = compare_all(ctx, plan, since, progress).await?;
    let held_back = metrics::held_back(comparisons.iter().filter_map(|c| c.lacks));
    let all: Vec<Compared> = comparisons.into_iter().flat_map(|c| c.compared).collect();
    let ((reproduction, changes), (was, would)) = (metrics::counts(&all), metrics::sides(&all));
    let quarters = metrics::quarters(&all);
    let mut tx = ctx.store().read().await?;
    let workload = workload(&mut tx, &plan.roster, &all).await?;
    let mut different = all;
    different.retain(|c| c.change != DecisionChange::Same || c.reproduced == Reproduced::No);
    different.sort_by_key(|c| (c.would.map(|w| w.at).into_iter().chain(c.was.as_ref().map(|w| w.at)).min(), c.prospect));
    Ok(Backtest { since, until, unchanged, reproduction, changes, was, would, quarters, held_back, workload, different })
}
