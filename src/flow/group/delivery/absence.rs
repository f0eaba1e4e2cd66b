//! absence: whoever is away gets the next mail of a campaign when they are back, and none of those that follow it meanwhile.
//!
//! It is asked of a claimed range, before anything is marked, so that what waited for another reason is put off as well. A
//! mail that was tried already goes on: the other server may have it.

use crate::domain::group::campaign::Campaign;
use crate::domain::group::delivery::State;
use crate::domain::id::DeliveryId;
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError};
use crate::store::engine::backend::Tx;
use crate::store::group::attempts::{self, Outcome};
use crate::store::group::deliveries::Open;
use crate::store::group::issues::Claimed;
use crate::store::group::leases::Lease;
use crate::store::people::absences::{self, Away};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Those of these deliveries whose prospects are away.
pub async fn away(
    tx: &mut Tx,
    issue: &Claimed,
    lease: &Lease,
    open: &[Open],
    now: Timestamp,
) -> Result<BTreeMap<DeliveryId, Away>, FlowError> {
    if issue.test || open.is_empty() {
        return Ok(BTreeMap::new());
    }
    let away = absences::among(tx, lease.issue, (lease.first, lease.last), now).await?;
    Ok(away.into_iter().map(|away| (away.delivery, away)).collect())
}

/// Puts off what goes to people who are away, or skips it where a mail of the campaign waits for them already, and returns
/// the others.
pub async fn put_off(
    ctx: &Context,
    plan: &Plan,
    issue: &Claimed,
    lease: &Lease,
    open: Vec<Open>,
    away: &BTreeMap<DeliveryId, Away>,
    now: Timestamp,
) -> Result<Vec<Open>, FlowError> {
    let (off, rest): (Vec<Open>, Vec<Open>) = open.into_iter().partition(|row| row.marks == 0 && away.contains_key(&row.id));
    if off.is_empty() {
        return Ok(rest);
    }
    let campaign = plan.campaign(&issue.campaign);
    let outcome = |row: &Open| {
        let away = away.get(&row.id)?;
        let day = away.until_at.to_zoned(TimeZone::UTC).date();
        let (state, retry_at, reply) = if away.another_waits {
            (State::Skipped, None, format!("away until {day}, and a mail of this campaign waits for them already"))
        } else {
            (
                State::Pending,
                Some(leaves(campaign, away.until_at, now).as_millisecond()),
                format!("away until {day}, says an automatic reply"),
            )
        };
        Some(Outcome {
            delivery: row.id,
            number: row.number + 1,
            lease: lease.id,
            fence: lease.fence,
            state,
            retry_at,
            reply: Some(reply),
        })
    };
    let outcomes: Vec<Outcome> = off.iter().filter_map(outcome).collect();
    let mut tx = ctx.store().write().await?;
    attempts::record(&mut tx, &outcomes, now).await?;
    tx.commit().await?;
    tracing::info!(lease = lease.id, mails = outcomes.len(), "put off: they are away");
    Ok(rest)
}

/// When a mail that would leave now leaves instead: on the day they are back, at this hour of the campaign's zone.
fn leaves(campaign: Option<&Campaign>, until: Timestamp, now: Timestamp) -> Timestamp {
    let Some(campaign) = campaign else { return until };
    let day = until.to_zoned(TimeZone::UTC).date();
    let hour = now.to_zoned(campaign.schedule.zone().clone()).time();
    let at = day.to_datetime(hour).to_zoned(campaign.schedule.zone().clone()).map_or(until, |zoned| zoned.timestamp());
    campaign.opens(at.max(until))
}
