//! The audience is asked once more before a mail leaves: set-wise, of a claimed range, and only where its answer can be another
//! one than when the mail was written, because something of the prospect or the configuration changed since. What they chose on
//! their own page is asked with it.

use crate::domain::group::delivery::State;
use crate::domain::id::{DeliveryId, ProspectId};
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError};
use crate::store::engine::backend::Tx;
use crate::store::group::attempts::{self, Outcome};
use crate::store::group::audiences;
use crate::store::group::deliveries::Open;
use crate::store::group::issues::Claimed;
use crate::store::group::leases::Lease;
use crate::store::group::unwanted;
use crate::store::people::prospects;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Those of these deliveries whose prospects have left the audience or do not want them any more, each with the reason. Whether they
/// may be mailed at all is asked by the mark.
///
/// # Errors
/// Those of the store; when the plan does not have the campaign, of which nothing may leave then.
pub async fn left(
    tx: &mut Tx,
    plan: &Plan,
    issue: &Claimed,
    lease: &Lease,
    open: &[Open],
    now: Timestamp,
) -> Result<BTreeMap<DeliveryId, String>, FlowError> {
    let mut left = BTreeMap::new();
    if issue.test || open.is_empty() {
        return Ok(left);
    }
    let campaign = plan.campaign(&issue.campaign).ok_or_else(|| {
        FlowError::Refused(format!(
            "{} is not in the configuration of this node, so its audience cannot be asked",
            issue.campaign
        ))
    })?;
    let mut asked =
        if issue.is_of_plan { audiences::changed(tx, lease).await? } else { audiences::recipients(tx, lease).await? };
    if asked.is_empty() {
        return Ok(left);
    }
    let is_open: BTreeSet<DeliveryId> = open.iter().map(|row| row.id).collect();
    asked.retain(|(delivery, _)| is_open.contains(delivery));
    let of: Vec<ProspectId> = asked.iter().map(|(_, prospect)| *prospect).collect();
    let people: BTreeMap<_, _> = prospects::load(tx, &of).await?.into_iter().map(|p| (p.id, p)).collect();
    let unwanted = unwanted::of_people(tx, &of, campaign.topic.as_ref(), campaign.today(now)).await?;
    for (delivery, prospect) in asked {
        if let Some(why) = unwanted.get(&prospect) {
            left.insert(delivery, why.to_string());
        } else if let Some(why) = people.get(&prospect).and_then(|prospect| campaign.audience.why_not(prospect)) {
            left.insert(delivery, format!("no longer in the audience: {why}"));
        }
    }
    Ok(left)
}

/// Writes down that these are skipped, or uncertain where an earlier try may have arrived, and returns the others.
pub async fn skip(
    ctx: &Context,
    lease: &Lease,
    open: Vec<Open>,
    left: &BTreeMap<DeliveryId, String>,
    now: Timestamp,
) -> Result<Vec<Open>, FlowError> {
    if left.is_empty() {
        return Ok(open);
    }
    let (out, rest): (Vec<Open>, Vec<Open>) = open.into_iter().partition(|row| left.contains_key(&row.id));
    let outcome = |row: &Open| Outcome {
        delivery: row.id,
        number: row.number + 1,
        lease: lease.id,
        fence: lease.fence,
        state: if row.kept.is_some() { State::Uncertain } else { State::Skipped },
        retry_at: None,
        reply: left.get(&row.id).cloned(),
    };
    let outcomes: Vec<Outcome> = out.iter().map(outcome).collect();
    let mut tx = ctx.store().write().await?;
    attempts::record(&mut tx, &outcomes, now).await?;
    tx.commit().await?;
    tracing::info!(lease = lease.id, mails = outcomes.len(), "skipped: they have left the audience since");
    Ok(rest)
}
