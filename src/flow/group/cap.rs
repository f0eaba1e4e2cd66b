//! cap: a prospect who has had enough mail of all campaigns gets the next one later, or not this time; either is recorded.
//!
//! What a prospect chose on their own page is kept with it: no mail of a topic they refused or during their pause, and fewer of all
//! campaigns together for those who chose "less often", which is a cap of their own.
//!
//! The cap is judged once, when the delivery is written, over the mails that left and those about to leave. A delivery
//! that leaves later than planned (a pause, a slow relay) is not judged again.

use crate::domain::group::campaign::Campaign;
use crate::domain::group::cap::Excess;
use crate::domain::group::delivery::State;
use crate::domain::id::{DeliveryId, ProspectId};
use crate::domain::plan::Plan;
use crate::domain::preferences::Unwanted;
use crate::flow::context::FlowError;
use crate::store::engine::backend::Tx;
use crate::store::group::caps::{self, Of, PutAside};
use crate::store::group::occurrences::Filling;
use crate::store::group::unwanted;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Makes counting and writing one critical section across nodes. To be called before a page is written.
pub async fn begin(tx: &mut Tx, plan: &Plan) -> Result<(), FlowError> {
    if plan.settings.cap.is_some() || unwanted::any_less_often(tx).await? {
        caps::count_alone(tx).await?;
    }
    Ok(())
}

/// Skips the deliveries of a page just written that their recipients do not want, and defers or skips those that exceed a cap.
pub async fn judge(
    tx: &mut Tx,
    plan: &Plan,
    (campaign, filling): (&Campaign, &Filling),
    page: (ProspectId, ProspectId),
    now: Timestamp,
) -> Result<(), FlowError> {
    // Before anything is counted: what is skipped takes nobody's place.
    let unwanted = unwanted::of_page(tx, filling.id, page, campaign.topic.as_ref(), campaign.today(now)).await?;
    let skip = |(delivery, why): (&DeliveryId, &Unwanted)| PutAside {
        delivery: *delivery,
        state: State::Skipped,
        retry_at: None,
        reply: why.to_string(),
    };
    put_aside(tx, campaign, &unwanted.iter().map(skip).collect::<Vec<_>>(), "they chose so on their own pages", now).await?;

    let everybody = plan.settings.cap.map(|cap| (Of::Everybody, cap, "over the cap of"));
    let less_often = (Of::LessOften, plan.settings.less_often, "less often, as they chose on their own page: over");
    let mut aside: BTreeMap<DeliveryId, PutAside> = BTreeMap::new();
    for (of, cap, words) in everybody.into_iter().chain([less_often]) {
        let reached = caps::nth_latest(tx, of, filling.id, page, cap.mails, &plan.closed(now), now).await?;
        for (delivery, nth_at) in reached.into_iter().filter(|(delivery, _)| !unwanted.contains_key(delivery)) {
            let Some(excess) = cap.exceeded(campaign, filling.due_at, nth_at, now) else { continue };
            let (state, leaves_at) = match excess {
                Excess::Defer(leaves_at) => (State::Pending, Some(leaves_at)),
                Excess::Skip => (State::Skipped, None),
            };
            let retry_at = leaves_at.map(Timestamp::as_millisecond);
            let row = PutAside { delivery, state, retry_at, reply: format!("{words} {cap}") };
            // Of two caps the one holds that keeps it back for longer.
            if aside.get(&delivery).is_none_or(|other| other.retry_at.is_some_and(|at| retry_at.is_none_or(|later| later > at))) {
                aside.insert(delivery, row);
            }
        }
    }
    put_aside(tx, campaign, &aside.into_values().collect::<Vec<_>>(), "over the cap", now).await
}

async fn put_aside(tx: &mut Tx, campaign: &Campaign, aside: &[PutAside], why: &str, now: Timestamp) -> Result<(), FlowError> {
    if !aside.is_empty() {
        let skipped = aside.iter().filter(|row| row.state == State::Skipped).count();
        tracing::info!(campaign = %campaign.name, deferred = aside.len() - skipped, skipped, "{why}");
        caps::put_aside(tx, aside, now).await?;
    }
    Ok(())
}
