//! ramp: which prospects in the doorway may be offered now. A prospect whom a change of the rules made ready waits for a
//! working day on which fewer than `max_new_offers` were offered; every other is offered at once, and so is one who asks
//! for a person or proves something new while they wait.

use crate::domain::id::ProspectId;
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use crate::store::doorway::qualifications;
use crate::store::engine::backend::Tx;
use jiff::Timestamp;

/// The prospects that may be offered now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Anybody,
    /// All but those whom a change of the rules made ready; those from this instant on.
    OthersUntil(Timestamp),
}

/// The prospects that may be offered now, by what was offered today.
pub async fn turn(tx: &mut Tx, plan: &Plan, now: Timestamp) -> Result<Turn, FlowError> {
    let Some(ramp) = plan.ramp() else { return Ok(Turn::Anybody) };
    let at = ramp.offered_at(0, made_today(tx, plan, now).await?, now);
    Ok(if at <= now { Turn::Anybody } else { Turn::OthersUntil(at) })
}

/// How many prospects whom a change of the rules made ready were offered this working day.
pub async fn made_today(tx: &mut Tx, plan: &Plan, now: Timestamp) -> Result<usize, FlowError> {
    match plan.ramp().and_then(|ramp| ramp.day(now)) {
        Some(opened_at) => Ok(qualifications::offered_by_rules(tx, opened_at).await?),
        None => Ok(0),
    }
}

/// The waiting prospects whom a change of the rules made ready, in their order, each with the instant at which it is
/// offered.
pub async fn waiting(tx: &mut Tx, plan: &Plan, now: Timestamp) -> Result<Vec<(ProspectId, Timestamp)>, FlowError> {
    let made = made_today(tx, plan, now).await?;
    let ids = qualifications::made_ready_by_rules(tx).await?;
    let at = |ahead| plan.ramp().map_or(now, |ramp| ramp.offered_at(ahead, made, now));
    Ok(ids.into_iter().enumerate().map(|(ahead, id)| (id, at(ahead))).collect())
}
