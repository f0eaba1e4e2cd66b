//! sweep: what time alone brings. Offers nobody answered are called to mind, and prospects whom no campaign reaches get
//! a date on which somebody looks at them.

use super::context::{Context, FlowError, Progress};
use super::dossier;
use super::publish;
use crate::domain::handoff::{Handoff, State};
use crate::domain::id::{Name, ProspectId};
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::domain::span::Span;
use crate::store::backend::Tx;
use crate::store::letters::{self, NewLetter};
use crate::store::{audiences, campaigns, counts, handoffs, prospects};
use crate::text::notice::{self, About, Reminder};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// When somebody should look at a prospect whom no campaign reaches.
const REVIEW: Span = Span::days(90);

/// Reminds of one offer whose time has run out: its salesperson and the sales manager, once.
///
/// # Errors
/// The store's.
pub async fn remind(ctx: &Context) -> Result<Progress, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut read = ctx.store().read().await?;
    let waiting = handoffs::unreminded(&mut read).await?;
    drop(read);
    let Some((id, until)) = waiting else { return Ok(Progress::Idle) };
    if until > now {
        return Ok(Progress::NotBefore(until));
    }
    let mut tx = ctx.store().write().await?;
    let Some(handoff) = handoffs::lock(&mut tx, id).await?.filter(|h| h.state == State::Offered) else {
        return Ok(Progress::Done);
    };
    let prospect = prospects::one(&mut tx, handoff.prospect).await?;
    let to: BTreeSet<&Name> = [&handoff.salesperson, &plan.roster.manager].into_iter().collect();
    for reader in to {
        remember(ctx, &mut tx, &plan, &handoff, &prospect, reader, now).await?;
    }
    handoffs::add_event(&mut tx, id, "nurtured", "reminded", "not answered in time", now).await?;
    tx.commit().await?;
    ctx.ring();
    Ok(Progress::Done)
}

async fn remember(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    handoff: &Handoff,
    prospect: &Prospect,
    reader: &Name,
    now: Timestamp,
) -> Result<(), FlowError> {
    let reminder = Reminder {
        prospect: prospect.display_name(),
        company: prospect.company.clone(),
        about: About::Offer,
        action: "Answer the offer".to_owned(),
        due_at: handoff.answer_until,
        otherwise: None,
        page_url: dossier::page_url(ctx.signer(), plan, handoff.id, &handoff.salesperson),
        queue_url: dossier::queue_url(ctx.signer(), plan, &handoff.salesperson, now),
        zone: dossier::zone_of(plan, reader),
    };
    let letter = notice::reminder(&reminder).map_err(|e| FlowError::Unable(format!("write a reminder: {e}")))?;
    let message_id = format!("<reminder-{}-{reader}@{}>", handoff.id, plan.settings.smtp.return_path.domain());
    let thread = dossier::message_id(plan, handoff.id, &handoff.salesperson);
    let message = dossier::message(plan, &letter, reader, &message_id, Some(&thread), now)?;
    let recipient = dossier::address(plan, reader)?;
    let new = NewLetter {
        kind: "reminder",
        handoff: Some(handoff.id),
        recipient: &recipient,
        message_id: &message_id,
        message,
        not_before: now,
    };
    letters::add(tx, new, now).await?;
    Ok(())
}

/// Gives everybody whom no running campaign reaches, and for whom nothing else is due, a date of review. Returns how
/// many there were.
///
/// # Errors
/// The store's.
pub async fn review(ctx: &Context) -> Result<usize, FlowError> {
    let adrift = adrift(ctx).await?;
    if !adrift.is_empty() {
        let mut tx = ctx.store().write().await?;
        counts::review(&mut tx, &adrift, REVIEW.after(ctx.now())).await?;
        tx.commit().await?;
        tracing::info!(prospects = adrift.len(), "given a date of review: no campaign reaches them");
    }
    Ok(adrift.len())
}

/// Nurturing prospects for whom nothing will ever be due, set-wise: outside every running campaign's audience, no wake
/// date, no review, no item on a queue.
///
/// # Errors
/// The store's.
pub async fn adrift(ctx: &Context) -> Result<Vec<ProspectId>, FlowError> {
    let plan = ctx.plan();
    let mut tx = ctx.store().read().await?;
    let states = campaigns::all(&mut tx).await?;
    let last = audiences::last(&mut tx).await?;
    let mut reached = BTreeSet::new();
    for campaign in &plan.campaigns {
        if states.get(&campaign.name).is_some_and(|s| s.paused.is_some()) {
            continue;
        }
        let newsletters = publish::offered(campaign);
        let mut question = publish::question(&plan, campaign, &newsletters);
        question.up_to = last;
        reached.extend(audiences::members(&mut tx, &question).await?);
    }
    Ok(counts::adrift(&mut tx, &reached).await?)
}

/// Prospects without a future: nobody will look at them and nothing is due. Always none.
///
/// # Errors
/// The store's.
pub async fn without_future(ctx: &Context) -> Result<i64, FlowError> {
    let adrift = i64::try_from(adrift(ctx).await?.len()).unwrap_or(i64::MAX);
    let mut tx = ctx.store().read().await?;
    Ok(adrift + counts::unattended(&mut tx).await?)
}
