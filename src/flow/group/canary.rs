//! Canaries and seeds: the first few deliveries of an occurrence, and copies for our own addresses, are sent first; the
//! others are held until these were tried and some time has passed. A breaker that trips meanwhile pauses the campaign,
//! and nothing is released.

use crate::domain::group::guard::Guards;
use crate::domain::id::{IssueId, OccurrenceId, ProspectId};
use crate::domain::span::Span;
use crate::flow::context::{Context, FlowError};
use crate::store::engine::backend::Tx;
use crate::store::group::{deliveries, holds, leases};
use jiff::Timestamp;

/// Writes a copy of each issue for each seed, once: in the transaction that writes the issues.
pub async fn write_seeds(
    tx: &mut Tx,
    guards: &Guards,
    occurrence: OccurrenceId,
    issues: &[IssueId],
    now: Timestamp,
) -> Result<(), FlowError> {
    if guards.seeds.is_empty() {
        return Ok(());
    }
    for issue in issues {
        for seed in &guards.seeds {
            deliveries::add_test(tx, occurrence, *issue, seed).await?;
        }
    }
    leases::cover_ours(tx, occurrence, now).await?;
    Ok(())
}

/// Covers a page of deliveries with leases. Canaries can be claimed at once, the others once they are released; without
/// canaries, all at once.
pub async fn cover(
    tx: &mut Tx,
    guards: &Guards,
    occurrence: OccurrenceId,
    (after, up_to): (ProspectId, ProspectId),
    now: Timestamp,
) -> Result<(), FlowError> {
    let Some(canary) = guards.canary else {
        leases::cover(tx, occurrence, after, up_to, now).await?;
        return Ok(());
    };
    let (last, released) = holds::put(tx, occurrence, canary).await?;
    let ahead = up_to.min(last);
    if ahead > after {
        leases::cover(tx, occurrence, after, ahead, now).await?;
    }
    let others = after.max(last);
    if up_to > others {
        leases::cover(tx, occurrence, others, up_to, if released { now } else { holds::NEVER }).await?;
    }
    Ok(())
}

/// Releases deliveries that were held long enough. Canaries that cannot be tried (over the cap, skipped, stopped, refused) are
/// replaced first. What the configuration, or this node's files, does not have stays held. Returns whether there were any, and
/// when the next are due for release.
pub async fn release(ctx: &Context, now: Timestamp) -> Result<(bool, Option<Timestamp>), FlowError> {
    let mut read = ctx.store().read().await?;
    let held = holds::open(&mut read).await?;
    drop(read);
    let (plan, mut any, mut next) = (ctx.plan(), false, None);
    for hold in held {
        let Some(campaign) = plan.campaign(&hold.campaign) else { continue };
        let missing = campaign.guards.canary.map_or(0, |canary| canary.first) - hold.able;
        if missing > 0 {
            let mut tx = ctx.store().write().await?;
            if holds::extend(&mut tx, &hold, missing, now).await? {
                tx.commit().await?;
                tracing::info!(occurrence = %hold.occurrence, missing, "some canaries cannot be tried: others take their place");
                any = true;
                continue;
            }
            tx.rollback().await?;
            if hold.is_filling {
                continue;
            }
        }
        let until = match hold.tried_at {
            Some(at) => Span::minutes(hold.minutes).after(at),
            // Nobody is left who could be tried.
            None if hold.all_tried && !hold.is_filling => now,
            None => continue,
        };
        if until > now {
            next = [next, Some(until)].into_iter().flatten().min();
            continue;
        }
        let mut tx = ctx.store().write().await?;
        if holds::release(&mut tx, hold.occurrence, now).await? {
            tx.commit().await?;
            tracing::info!(occurrence = %hold.occurrence, "the canaries were tried and nothing was said against them: the others follow");
            any = true;
        }
    }
    Ok((any, next))
}
