//! `hand_off`: a prospect in the doorway whom the ramp admits is assessed again, assigned to a named salesperson and
//! offered.
//!
//! Qualification snapshot, assignment, stop of group mail, follow-up and the handoff letter's outbox row commit
//! together or not at all.

use super::dossier;
use super::outbox::{self, Envelope};
use crate::domain::doorway::enquiry::request;
use crate::domain::doorway::entry::{Cause, Grounds};
use crate::domain::doorway::signal::Signal;
use crate::domain::id::{HandoffId, ProspectId, QualificationId};
use crate::domain::individual::event::HandoffEvent;
use crate::domain::individual::handoff::{Opening, entry};
use crate::domain::individual::letter::LetterKind;
use crate::domain::individual::routing::{Assignment, assign};
use crate::domain::plan::Plan;
use crate::domain::prospect::{Prospect, Standing};
use crate::flow::context::{Context, FlowError, Progress};
use crate::flow::doorway::ramp::{self, Turn};
use crate::flow::doorway::{assess, enquiries};
use crate::store::doorway::qualifications::{self, Waiting};
use crate::store::doorway::reminders;
use crate::store::engine::backend::Tx;
use crate::store::individual::{enquiries as heard_of, follow_ups, handoffs};
use crate::store::people::{accounts, prospects};
use crate::text::letter;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Hands off the next prospect in the doorway.
///
/// # Errors
/// The store's; a letter that cannot be written.
pub async fn hand_off(ctx: &Context) -> Result<Progress, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut read = ctx.store().read().await?;
    let waiting = qualifications::waiting(&mut read).await?;
    let turn = if waiting.by_rules { ramp::turn(&mut read, &plan, now).await? } else { Turn::Anybody };
    drop(read);
    if let Some(until) = not_now(waiting, turn) {
        return Ok(until);
    }
    let mut tx = ctx.store().write().await?;
    let (mut next, mut until) = (qualifications::next_at_once(&mut tx).await?, Progress::Idle);
    if next.is_none() {
        // Another node may have made today's last offer in the meantime.
        qualifications::count_alone(&mut tx).await?;
        match ramp::turn(&mut tx, &plan, now).await? {
            Turn::Anybody => next = qualifications::next(&mut tx).await?,
            Turn::OthersUntil(at) => until = Progress::NotBefore(at),
        }
    }
    let Some((id, prospect)) = next else { return Ok(until) };
    let standing = prospects::lock(&mut tx, prospect).await?;
    let mut prospect = prospects::one(&mut tx, prospect).await?;
    let (qualification, signals) = assess::assess(&mut tx, &plan, prospect.id, now).await?;
    let earlier = handoffs::of_prospect(&mut tx, prospect.id).await?;
    let entry = entry(&prospect, &earlier);
    let asked = qualification.request().filter(|_| entry.asks(&qualification)).map(|asked| asked.signal);
    if let Some(grounds) = entry.grounds(qualification).filter(|_| standing == Standing::Nurturing) {
        let asked = signals.iter().filter(|signal| entry.waits(signal.occurred_at) && plan.qualifying.asks(&signal.detail));
        answer_enquiries(&mut tx, &plan, &mut prospect, asked, now).await?;
        let handoff = open(ctx, &mut tx, &plan, id, &prospect, grounds, now).await?;
        tracing::info!(prospect = %prospect.id, %handoff, "handed off");
    } else {
        // They asked, waited, and cannot be handed off any more: nobody has heard of it.
        let unheard = signals.iter().find(|signal| Some(signal.id) == asked && standing != Standing::Nurturing);
        if let Some(signal) = unheard {
            enquiries::put_down_one(&mut tx, prospect.id, standing, signal.id, &signal.detail, signal.occurred_at).await?;
        }
        qualifications::withdraw(&mut tx, id, now).await?;
    }
    failpoint!("hand_off.before_commit");
    tx.commit().await?;
    failpoint!("hand_off.after_commit");
    ctx.wake();
    Ok(Progress::Done)
}

/// Settles the enquiries that say the same as these requests: the handoff is opened for them. A prospect whom no salesperson had
/// before comes to the one who heard of the enquiry.
async fn answer_enquiries(
    tx: &mut Tx,
    plan: &Plan,
    prospect: &mut Prospect,
    asked: impl Iterator<Item = &Signal>,
    now: Timestamp,
) -> Result<(), FlowError> {
    let address = prospect.address.as_ref().map(ToString::to_string);
    for (form, said) in asked.filter_map(|signal| request(&signal.detail)) {
        let heard = heard_of::confirm(tx, (prospect.id, address.as_deref()), &form, &said, now).await?;
        let heard = heard.filter(|id| plan.roster.salesperson(id).is_some());
        prospect.previous_salesperson = prospect.previous_salesperson.take().or(heard);
    }
    Ok(())
}

/// Why no prospect is handed off now: none waits, or the ramp admits none yet.
fn not_now(waiting: Waiting, turn: Turn) -> Option<Progress> {
    match (waiting, turn) {
        (Waiting { at_once: true, .. }, _) | (Waiting { by_rules: true, .. }, Turn::Anybody) => None,
        (Waiting { by_rules: true, .. }, Turn::OthersUntil(at)) => Some(Progress::NotBefore(at)),
        (Waiting { by_rules: false, .. }, _) => Some(Progress::Idle),
    }
}

async fn open(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    qualification: QualificationId,
    prospect: &Prospect,
    grounds: Grounds,
    now: Timestamp,
) -> Result<HandoffId, FlowError> {
    let assignment = assignment(tx, plan, prospect, &[]).await?;
    let hours = plan.roster.hours(assignment.salesperson());
    let promise = plan.roster.promise;
    let is_request = grounds.cause() == Cause::Request;
    let (answer, touch) = (promise.answer_within(grounds.cause()), promise.touch_within(grounds.cause()));
    let opening = Opening {
        prospect: prospect.id,
        episode: prospect.episode,
        grounds,
        assignment,
        opened_at: now,
        answer_until: hours.after_working(answer, now),
        touch_until: hours.after_working(touch, now),
    };
    qualifications::settle(tx, qualification, opening.grounds.cause(), opening.grounds.qualification(), &plan.hash, now).await?;
    let id = handoffs::open(tx, &opening, qualification).await?;
    let salesperson = opening.assignment.salesperson();
    prospects::set_standing(tx, prospect.id, Standing::Offered, Some(salesperson)).await?;
    reminders::done(tx, &BTreeSet::from([prospect.id]), now).await?;
    follow_ups::add(tx, prospect.id, id, salesperson, "Answer the offer", opening.answer_until).await?;
    handoffs::add_event(tx, id, None, &HandoffEvent::Offered, &opening.assignment.words(), now).await?;
    // Outside their hours the letter waits until these begin; the letter of a request does not wait.
    let not_before = if is_request { now } else { hours.next_open(now) };
    offer(ctx, tx, plan, id, prospect, not_before, now).await?;
    Ok(id)
}

/// Finds the salesperson to assign, skipping those in `not_to`.
pub async fn assignment(
    tx: &mut Tx,
    plan: &Plan,
    prospect: &Prospect,
    not_to: &[crate::domain::id::Name],
) -> Result<Assignment, FlowError> {
    let owner = accounts::owner(tx, prospect.id).await?;
    let load = handoffs::load_of_all(tx).await?;
    Ok(assign(&plan.roster, prospect, owner.as_ref(), &load, not_to))
}

/// Writes the handoff letter into the outbox.
///
/// # Errors
/// The store's; a letter that cannot be written.
pub async fn offer(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    id: HandoffId,
    prospect: &Prospect,
    not_before: Timestamp,
    now: Timestamp,
) -> Result<(), FlowError> {
    let compiled = dossier::compile(ctx, tx, plan, id, prospect, now).await?;
    let letter = letter::handoff(&compiled.dossier).map_err(|e| FlowError::Unable(format!("write the handoff letter: {e}")))?;
    let to = &compiled.salesperson;
    let message_id = dossier::message_id(plan, id, to);
    let envelope = Envelope {
        kind: LetterKind::Handoff,
        handoff: Some(id),
        to,
        reply_to: None,
        message_id: &message_id,
        thread: None,
        not_before,
    };
    outbox::post(tx, plan, &letter, &envelope, now).await
}

/// The prospect of a handoff, for callers that have only the handoff's number.
///
/// # Errors
/// The store's; when there is no such handoff.
pub async fn prospect_of(tx: &mut Tx, id: HandoffId) -> Result<ProspectId, FlowError> {
    let handoff = handoffs::load(tx, id).await?.ok_or_else(|| FlowError::Missing(format!("handoff {id}")))?;
    Ok(handoff.prospect)
}
