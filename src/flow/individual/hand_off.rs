//! `hand_off`: whoever stands in the doorway, and whose turn it is, is assessed again, assigned to a named salesperson, and
//! offered.
//!
//! Qualification snapshot, assignment, stop of group mail, follow-up and the handoff letter's outbox row commit
//! together or not at all.

use super::dossier;
use super::outbox::{self, Envelope};
use crate::domain::doorway::qualification::Qualification;
use crate::domain::id::{HandoffId, ProspectId, QualificationId};
use crate::domain::individual::handoff::{Cause, Opening};
use crate::domain::individual::routing::{Assignment, assign};
use crate::domain::plan::Plan;
use crate::domain::prospect::{Prospect, Standing};
use crate::flow::context::{Context, FlowError, Progress};
use crate::flow::doorway::ramp::{self, Turn};
use crate::flow::doorway::{assess, qualify};
use crate::store::doorway::qualifications;
use crate::store::doorway::qualifications::Waiting;
use crate::store::engine::backend::Tx;
use crate::store::individual::{follow_ups, handoffs};
use crate::store::people::{accounts, prospects};
use crate::text::letter;
use jiff::Timestamp;

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
    if let Some(until) = nobody(waiting, turn) {
        return Ok(until);
    }
    let mut tx = ctx.store().write().await?;
    let (mut next, mut until) = (qualifications::next_at_once(&mut tx).await?, Progress::Idle);
    if next.is_none() {
        // Another node may have made today's last offer meanwhile.
        qualifications::count_alone(&mut tx).await?;
        match ramp::turn(&mut tx, &plan, now).await? {
            Turn::Anybody => next = qualifications::next(&mut tx).await?,
            Turn::OthersUntil(at) => until = Progress::NotBefore(at),
        }
    }
    let Some((id, prospect)) = next else { return Ok(until) };
    let standing = prospects::lock(&mut tx, prospect).await?;
    let prospect = prospects::one(&mut tx, prospect).await?;
    let (qualification, _) = assess::assess(&mut tx, &plan, prospect.id, now).await?;
    let earlier = handoffs::of_prospect(&mut tx, prospect.id).await?;
    match cause(qualification, &prospect, &earlier).filter(|_| standing == Standing::Nurturing) {
        Some(cause) => {
            let handoff = open(ctx, &mut tx, &plan, id, &prospect, cause, now).await?;
            tracing::info!(prospect = %prospect.id, %handoff, "handed off");
        }
        None => qualifications::withdraw(&mut tx, id, now).await?,
    }
    failpoint!("hand_off.before_commit");
    tx.commit().await?;
    failpoint!("hand_off.after_commit");
    ctx.wake();
    Ok(Progress::Done)
}

/// Nobody is handed off now: nobody waits, or it is not their turn.
fn nobody(waiting: Waiting, turn: Turn) -> Option<Progress> {
    match (waiting, turn) {
        (Waiting { at_once: true, .. }, _) | (Waiting { by_rules: true, .. }, Turn::Anybody) => None,
        (Waiting { by_rules: true, .. }, Turn::OthersUntil(at)) => Some(Progress::NotBefore(at)),
        (Waiting { by_rules: false, .. }, _) => Some(Progress::Idle),
    }
}

fn cause(
    qualification: Qualification,
    prospect: &Prospect,
    earlier: &[crate::domain::individual::handoff::Handoff],
) -> Option<Cause> {
    let (_, found) = qualify::doorway(qualification, prospect, earlier)?;
    match found.clone().into_ready(prospect.episode_started_at) {
        Some(ready) => Some(Cause::Ready(ready)),
        None => found.into_request(Timestamp::MIN).map(Cause::Request),
    }
}

async fn open(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    qualification: QualificationId,
    prospect: &Prospect,
    cause: Cause,
    now: Timestamp,
) -> Result<HandoffId, FlowError> {
    let assignment = assignment(tx, plan, prospect, &[]).await?;
    let hours = plan.roster.hours(assignment.salesperson());
    let promise = plan.roster.promise;
    let is_request = matches!(cause, Cause::Request(_));
    let answer = if is_request { promise.request } else { promise.answer };
    let touch = if is_request { promise.request } else { promise.first_touch };
    let opening = Opening {
        prospect: prospect.id,
        cause,
        assignment,
        opened_at: now,
        answer_until: hours.after_working(answer, now),
        touch_until: hours.after_working(touch, now),
    };
    qualifications::settle(tx, qualification, opening.cause.word(), opening.cause.qualification(), &plan.hash, now).await?;
    let id = handoffs::open(tx, &opening, qualification).await?;
    let salesperson = opening.assignment.salesperson();
    prospects::set_standing(tx, prospect.id, Standing::Offered, Some(salesperson)).await?;
    follow_ups::done_alone(tx, prospect.id, now).await?;
    follow_ups::add(tx, prospect.id, Some(id), salesperson, "Answer the offer", opening.answer_until).await?;
    handoffs::add_event(tx, id, "nurtured", "offered", &opening.assignment.words(), now).await?;
    // At night the letter waits for the start of their hours; a request does not wait.
    let not_before = if is_request { now } else { hours.next_open(now) };
    offer(ctx, tx, plan, id, prospect, not_before, now).await?;
    Ok(id)
}

/// Finds the salesperson, passing over those in `not_to`.
pub async fn assignment(
    tx: &mut Tx,
    plan: &Plan,
    prospect: &Prospect,
    not_to: &[crate::domain::id::Name],
) -> Result<Assignment, FlowError> {
    let owner = match prospect.account {
        Some(account) => accounts::owner(tx, account).await?,
        None => None,
    };
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
    let told = dossier::compile(ctx, tx, plan, id, prospect, now).await?;
    let letter = letter::handoff(&told.dossier).map_err(|e| FlowError::Unable(format!("write the handoff letter: {e}")))?;
    let to = &told.salesperson;
    let message_id = dossier::message_id(plan, id, to);
    let envelope =
        Envelope { kind: "handoff", handoff: Some(id), to, reply_to: None, message_id: &message_id, thread: None, not_before };
    outbox::post(tx, plan, &letter, &envelope, now).await
}

/// Which prospect a handoff is of, for callers that have only its number.
///
/// # Errors
/// The store's; when there is no such handoff.
pub async fn prospect_of(tx: &mut Tx, id: HandoffId) -> Result<ProspectId, FlowError> {
    let handoff = handoffs::load(tx, id).await?.ok_or_else(|| FlowError::Missing(format!("handoff {id}")))?;
    Ok(handoff.prospect)
}
