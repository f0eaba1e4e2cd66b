//! cap: a prospect who has had enough mail of all campaigns gets the next one later, or not this time; either is recorded.
//!
//! The cap is judged once, when the delivery is written, over the mails that left and those about to leave. A delivery
//! that leaves later than planned (a pause, a slow relay) is not judged again.

use crate::domain::group::campaign::Campaign;
use crate::domain::group::cap::Excess;
use crate::domain::group::delivery::State;
use crate::domain::id::ProspectId;
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use crate::store::engine::backend::Tx;
use crate::store::group::caps::{self, PutAside};
use crate::store::group::occurrences::Filling;
use jiff::Timestamp;

/// Makes counting and writing one critical section across nodes. To be called before a page is written.
pub async fn begin(tx: &mut Tx, plan: &Plan) -> Result<(), FlowError> {
    if plan.settings.cap.is_some() {
        caps::count_alone(tx).await?;
    }
    Ok(())
}

/// Defers or skips the deliveries of a page just written that exceed the cap.
pub async fn judge(
    tx: &mut Tx,
    plan: &Plan,
    (campaign, filling): (&Campaign, &Filling),
    page: (ProspectId, ProspectId),
    now: Timestamp,
) -> Result<(), FlowError> {
    let Some(cap) = plan.settings.cap else { return Ok(()) };
    let reached = caps::nth_latest(tx, filling.id, page, cap.mails, &plan.closed(now), now).await?;
    let aside = reached.into_iter().filter_map(|(delivery, nth_at)| {
        let (state, leaves_at) = match cap.exceeded(campaign, filling.due_at, nth_at, now)? {
            Excess::Defer(leaves_at) => (State::Pending, Some(leaves_at)),
            Excess::Skip => (State::Skipped, None),
        };
        let retry_at = leaves_at.map(Timestamp::as_millisecond);
        Some(PutAside { delivery, state, retry_at, reply: format!("over the cap of {cap}") })
    });
    let aside: Vec<PutAside> = aside.collect();
    if !aside.is_empty() {
        let skipped = aside.iter().filter(|row| row.state == State::Skipped).count();
        tracing::info!(campaign = %campaign.name, deferred = aside.len() - skipped, skipped, "over the cap");
        caps::put_aside(tx, &aside, now).await?;
    }
    Ok(())
}
