//! `reassign`: a handoff goes to another salesperson, because the first one declined it, left or became a colleague. No item stays on
//! the queue of a person who may not own it.

use super::hand_off;
use crate::domain::doorway::entry::Cause;
use crate::domain::id::{HandoffId, Name};
use crate::domain::individual::event::HandoffEvent;
use crate::domain::individual::handoff::Handoff;
use crate::domain::individual::routing::Assignment;
use crate::domain::plan::Plan;
use crate::domain::prospect::{Prospect, Standing};
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::reminders;
use crate::store::engine::backend::Tx;
use crate::store::individual::{enquiries, follow_ups, handoffs};
use crate::store::people::prospects;
use jiff::Timestamp;

/// Offers a handoff to another salesperson: its deadline starts anew, and the letter is written.
///
/// # Errors
/// Those of the store; when the handoff is closed, or the prospect has been contacted; a letter that cannot be written.
pub async fn offer_to(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    prospect: &Prospect,
    handoff: Handoff,
    assignment: &Assignment,
    now: Timestamp,
) -> Result<Handoff, FlowError> {
    let mut handoff = handoff.reassign(assignment).map_err(|e| FlowError::Refused(e.to_string()))?;
    let hours = plan.roster.hours(&handoff.salesperson);
    let promise = plan.roster.promise;
    handoff.answer_until = hours.after_working(promise.answer_within(handoff.cause), now);
    handoff.touch_until = hours.after_working(promise.touch_within(handoff.cause), now);
    handoffs::store(tx, &handoff).await?;
    handoffs::reassign(tx, handoff.id, assignment, &plan.hash).await?;
    prospects::set_standing(tx, prospect.id, Standing::Offered, Some(&handoff.salesperson)).await?;
    follow_ups::done(tx, handoff.id, now).await?;
    follow_ups::add(tx, prospect.id, handoff.id, &handoff.salesperson, "Answer the offer", handoff.answer_until).await?;
    handoffs::add_event(tx, handoff.id, None, &HandoffEvent::Offered, &assignment.words(), now).await?;
    let not_before = if handoff.cause == Cause::Request { now } else { hours.next_open(now) };
    hand_off::offer(ctx, tx, plan, handoff.id, prospect, not_before, now).await?;
    Ok(handoff)
}

/// Reassigns the work of people who are no longer on the roster, or only as colleagues, who own nothing: an offer goes to another
/// salesperson; a lead in progress keeps its next action, on another's queue; any other item goes to the sales manager. Returns how
/// many handoffs and items moved.
///
/// # Errors
/// The store's; a letter that cannot be written.
pub async fn reassign_departed(ctx: &Context) -> Result<u64, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let ours: Vec<&Name> = plan.roster.owners().collect();
    let mut read = ctx.store().read().await?;
    let left = handoffs::of_others(&mut read, &ours).await?;
    let items = reminders::are_of_others(&mut read, &ours).await? || enquiries::are_of_others(&mut read, &ours).await?;
    drop(read);
    let mut moved = 0;
    for id in left {
        if ctx.is_stopping() {
            return Ok(moved);
        }
        moved += u64::from(reassign_one(ctx, &plan, id, now).await?);
    }
    if items {
        let mut tx = ctx.store().write().await?;
        moved += reminders::inherit(&mut tx, &ours, &plan.roster.manager).await?;
        moved += enquiries::inherit(&mut tx, &ours, &plan.roster.manager).await?;
        tx.commit().await?;
    }
    if moved > 0 {
        ctx.wake();
        tracing::info!(moved, "what belonged to people who are no salespeople any more was passed on");
    }
    Ok(moved)
}

async fn reassign_one(ctx: &Context, plan: &Plan, id: HandoffId, now: Timestamp) -> Result<bool, FlowError> {
    let mut tx = ctx.store().write().await?;
    let prospect = hand_off::prospect_of(&mut tx, id).await?;
    prospects::lock(&mut tx, prospect).await?;
    let is_orphaned = |handoff: &Handoff| handoff.is_open() && !plan.roster.is_owner(&handoff.salesperson);
    // Another node may have reassigned it already.
    let Some(handoff) = handoffs::lock(&mut tx, id).await?.filter(is_orphaned) else { return Ok(false) };
    let prospect = prospects::one(&mut tx, prospect).await?;
    let assignment = hand_off::assignment(&mut tx, plan, &prospect, &[]).await?;
    let left = if plan.roster.has(&handoff.salesperson) { "a salesperson" } else { "ours" };
    let why = format!("{} is no longer {left}", handoff.salesperson);
    handoffs::add_event(&mut tx, id, None, &HandoffEvent::PassedOn, &why, now).await?;
    if handoff.touched_at.is_none() {
        offer_to(ctx, &mut tx, plan, &prospect, handoff, &assignment, now).await?;
    } else {
        let to = assignment.salesperson();
        let item = follow_ups::of_handoff(&mut tx, id).await?;
        let (action, due_at) = item.map_or_else(|| ("Get in touch".to_owned(), now), |item| (item.action, item.due_at));
        handoffs::store(&mut tx, &handoff.inherited_by(&assignment)).await?;
        handoffs::reassign(&mut tx, id, &assignment, &plan.hash).await?;
        prospects::set_standing(&mut tx, prospect.id, Standing::Owned, Some(to)).await?;
        follow_ups::done(&mut tx, id, now).await?;
        follow_ups::add(&mut tx, prospect.id, id, to, &action, due_at).await?;
        hand_off::offer(ctx, &mut tx, plan, id, &prospect, plan.roster.hours(to).next_open(now), now).await?;
    }
    tx.commit().await?;
    tracing::info!(handoff = %id, to = %assignment.salesperson(), "passed on: whoever had it is no salesperson of ours any more");
    Ok(true)
}
