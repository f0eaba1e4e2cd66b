//! sweep: does what only the passing of time requires. It reminds of promises not kept (an offer not answered, a lead not
//! contacted), gives prospects whom no campaign reaches a date of review, and erases forms that no address answered for and
//! mails that nothing recognised.

use super::census::{self, CensusQuery, PAGE};
use crate::domain::census::{Census, Group};
use crate::domain::id::{Name, ProspectId};
use crate::domain::individual::event::HandoffEvent;
use crate::domain::individual::handoff::{Handoff, State};
use crate::domain::individual::letter::LetterKind;
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::domain::span::{Span, midnight};
use crate::flow::context::{Context, FlowError, Progress};
use crate::flow::individual::outbox::{self, Envelope};
use crate::flow::individual::{dossier, reassign};
use crate::store::doorway::reminders;
use crate::store::engine::backend::Tx;
use crate::store::group::audiences;
use crate::store::individual::handoffs;
use crate::store::operations::conservation::{self, Adrift};
use crate::store::operations::counts;
use crate::store::operations::erasures;
use crate::store::operations::unrecognised;
use crate::store::people::prospects;
use crate::text::notice::{self, Reminder, ReminderKind};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

/// After how long a prospect whom no campaign reaches is reviewed.
const REVIEW: Span = Span::days(90);

/// How many reviews a day are put on the queue; the rest waits until the next day.
const REVIEWS_A_DAY: usize = 5;

/// Reminds of one overdue promise (an offer not answered, a lead not contacted): its salesperson and the sales manager,
/// once.
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
    let waits = |h: &Handoff| h.state == State::Offered || (h.state == State::Owned && h.touched_at.is_none());
    let Some(handoff) = handoffs::lock(&mut tx, id).await?.filter(waits) else {
        return Ok(Progress::Done);
    };
    let prospect = prospects::one(&mut tx, handoff.prospect).await?;
    let to: BTreeSet<&Name> = [&handoff.salesperson, &plan.roster.manager].into_iter().collect();
    // A salesperson who left gets no reminder; the next review reassigns their work.
    let to = to.into_iter().filter(|id| plan.roster.has(id));
    for reader in to {
        remind_one(ctx, &mut tx, &plan, &handoff, &prospect, reader, now).await?;
    }
    let why = if handoff.state == State::Offered { "not answered in time" } else { "not contacted in time" };
    handoffs::add_event(&mut tx, id, None, &HandoffEvent::Reminded, why, now).await?;
    tx.commit().await?;
    ctx.wake();
    Ok(Progress::Done)
}

async fn remind_one(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    handoff: &Handoff,
    prospect: &Prospect,
    reader: &Name,
    now: Timestamp,
) -> Result<(), FlowError> {
    let offered = handoff.state == State::Offered;
    let reminder = Reminder {
        prospect: prospect.display_name(),
        company: prospect.company.clone(),
        about: if offered { ReminderKind::Offer } else { ReminderKind::FollowUp },
        action: if offered { "Answer the offer" } else { "Make the first contact" }.to_owned(),
        due_at: if offered { handoff.answer_until } else { handoff.touch_until },
        otherwise: None,
        page_url: dossier::page_url(ctx.signer(), plan, handoff.id, prospect, &handoff.salesperson),
        queue_url: dossier::queue_url(ctx.signer(), plan, &handoff.salesperson, now),
        zone: dossier::zone_of(plan, reader),
    };
    let letter = notice::reminder(&reminder).map_err(|e| FlowError::Unable(format!("write a reminder: {e}")))?;
    // The key is the promise and its reader: a reassigned handoff makes a new promise, and the manager is reminded of that
    // one too.
    let promise = format!("{}-{}-{}", handoff.id, handoff.state.word(), handoff.salesperson);
    let message_id = format!("<reminder-{promise}-{reader}@{}>", plan.settings.smtp.return_path.domain());
    let thread = dossier::message_id(plan, handoff.id, &handoff.salesperson);
    let envelope = Envelope {
        kind: LetterKind::Reminder,
        handoff: Some(handoff.id),
        to: reader,
        reply_to: None,
        message_id: &message_id,
        thread: Some(&thread),
        not_before: now,
    };
    outbox::post(tx, plan, &letter, &envelope, now).await
}

/// Reviews prospects whom no running campaign reaches: those without a date of review get one, and on that date an item
/// goes on the sales manager's queue, a few a day. The work of people who left the roster is reassigned, and
/// forms whose time is over are erased. Returns the
/// census of all prospects afterwards; `None` when the node stops meanwhile.
pub async fn review(ctx: &Context) -> Result<Option<Census>, FlowError> {
    reassign::reassign_departed(ctx).await?;
    erase_expired(ctx).await?;
    sweep_unrecognised(ctx).await?;
    let mut tx = ctx.store().read().await?;
    let question = CensusQuery::ask(&ctx.plan(), &mut tx, ctx.now()).await?;
    let last = audiences::last(&mut tx).await?;
    let mut census = Census::begin(ctx.now());
    census.prospects = conservation::all(&mut tx, last).await?;
    census::count_enquiries(&mut tx, &ctx.plan(), &mut census, ctx.now()).await?;
    drop(tx);
    let (mut after, mut left) = (ProspectId(0), REVIEWS_A_DAY);
    while after < last {
        if ctx.is_stopping() {
            return Ok(None);
        }
        let mut tx = ctx.store().read().await?;
        let up_to = audiences::window(&mut tx, after, PAGE).await?.min(last);
        let mut found = question.count(&mut tx, after, up_to).await?;
        if found.of(Group::Adrift) > 0 {
            let adrift = question.adrift(&mut tx, after, up_to).await?;
            drop(tx);
            let today = review_page(ctx, &adrift, left).await?;
            left -= today;
            let (today, all) = (whole(today), whole(adrift.len()));
            found.move_over(Group::Adrift, Group::Item, today);
            found.move_over(Group::Adrift, Group::Review, all - today);
        }
        census.join(&found);
        after = up_to;
    }
    Ok(Some(census))
}

/// Erases the forms that no address answered for within thirty days.
async fn erase_expired(ctx: &Context) -> Result<(), FlowError> {
    while !ctx.is_stopping() && erasures::have_expired(&mut ctx.store().read().await?, ctx.now()).await? {
        let mut tx = ctx.store().write().await?;
        let erased = erasures::expired_forms(&mut tx, ctx.now()).await?;
        tx.commit().await?;
        tracing::info!(forms = erased, "erased: their addresses did not confirm them");
    }
    Ok(())
}

/// Sweeps the mails that nothing recognised within thirty days.
async fn sweep_unrecognised(ctx: &Context) -> Result<(), FlowError> {
    while !ctx.is_stopping() && unrecognised::has_expired(&mut ctx.store().read().await?, ctx.now()).await? {
        let mut tx = ctx.store().write().await?;
        let removed = unrecognised::remove_expired(&mut tx, ctx.now()).await?;
        tx.commit().await?;
        tracing::info!(mails = removed, "swept: nothing recognised them within thirty days");
    }
    Ok(())
}

/// Reviews one page, with this many reviews left for today. Returns how many it used.
async fn review_page(ctx: &Context, adrift: &[Adrift], left: usize) -> Result<usize, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let (due, fresh): (Vec<_>, Vec<_>) = adrift.iter().partition(|found| found.review_after.is_some());
    let due: Vec<ProspectId> = due.into_iter().map(|found| found.prospect).collect();
    let (today, later) = due.split_at(due.len().min(left));
    let again: Vec<ProspectId> = fresh.into_iter().map(|found| found.prospect).chain(today.iter().copied()).collect();
    let mut tx = ctx.store().write().await?;
    for prospect in today {
        let action = "No newsletter reaches them: look at them, and log what you did";
        reminders::add(&mut tx, *prospect, &plan.roster.manager, action, now).await?;
    }
    counts::review(&mut tx, &again, begin_of_day(REVIEW.after(now))).await?;
    counts::review(&mut tx, later, begin_of_day(Span::days(1).after(now))).await?;
    tx.commit().await?;
    tracing::info!(prospects = adrift.len(), due = today.len(), "no campaign reaches them; somebody will look at them");
    Ok(today.len())
}

/// Reviews are counted by the day, so they are dated by its beginning.
fn begin_of_day(at: Timestamp) -> Timestamp {
    midnight(at.to_zoned(TimeZone::UTC).date())
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How many prospects have no future: no campaign, no date and no item. Always zero.
pub async fn without_future(ctx: &Context) -> Result<i64, FlowError> {
    Ok(census::take(ctx.store(), &ctx.plan(), ctx.now()).await?.without_future())
}
