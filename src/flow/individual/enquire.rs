//! `enquire`: an enquiry reaches a person: the one who has the prospect, else who had them, else by the routes. So many an hour go
//! to salespeople one by one, at once and at any hour; the rest of that hour is one list for the sales manager, with one letter
//! when the hour is over. It opens no handoff and stops no group mail.

use super::enquiry::{Known, told};
use super::outbox::{self, Envelope};
use super::{dossier, hand_off};
use crate::domain::doorway::enquiry::{Enquiry, EnquiryList, KEPT};
use crate::domain::group::campaign::Sender;
use crate::domain::id::{EnquiryId, EnquiryListId, Name, ProspectId};
use crate::domain::individual::letter::LetterKind;
use crate::domain::individual::routing::assign;
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::flow::context::{Context, FlowError, Progress};
use crate::store::engine::backend::Tx;
use crate::store::individual::{enquiries, handoffs, letters};
use crate::store::operations::erasures;
use crate::text::enquiry::{self as text, EnquiryLetter, ListLetter};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Places the next enquiry, tells of the next list, or erases what has run out.
///
/// # Errors
/// The store's; a letter that cannot be written.
pub async fn enquire(ctx: &Context) -> Result<Progress, FlowError> {
    let now = ctx.now();
    let mut read = ctx.store().read().await?;
    let due = enquiries::next_due(&mut read).await?;
    if due.is_none_or(|at| at > now) {
        return Ok(Progress::until(due));
    }
    let plan = ctx.plan();
    // What is known of them is read before the writer is taken: it may be very much.
    let next = enquiries::unplaced(&mut read).await?;
    let known = Known::load(&mut read, next.as_slice(), false).await?;
    drop(read);
    let mut tx = ctx.store().write().await?;
    // Two nodes would count the same hour, each without the other's.
    enquiries::place_alone(&mut tx).await?;
    if let Some(enquiry) = enquiries::unplaced(&mut tx).await? {
        if next.is_none_or(|next| next != enquiry) {
            return Ok(Progress::Done);
        }
        place(ctx, &mut tx, &plan, &enquiry, &known, now).await?;
    } else if let Some(list) = enquiries::untold(&mut tx).await?.filter(|list| list.ends_at <= now) {
        tell(ctx, &mut tx, &plan, &list, now).await?;
    } else {
        erasures::expired_enquiries(&mut tx, now).await?;
    }
    failpoint!("enquire.before_commit");
    tx.commit().await?;
    failpoint!("enquire.after_commit");
    ctx.wake();
    Ok(Progress::Done)
}

async fn place(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    enquiry: &Enquiry,
    known: &Known,
    now: Timestamp,
) -> Result<(), FlowError> {
    let hour = hour(plan.roster.office.zone(), now);
    let placed = enquiries::placed_since(tx, hour.0, enquiry.cause).await?;
    if placed >= i64::from(plan.max_enquiries_per_hour) {
        let listed = enquiries::put_on_list(tx, hour, &plan.roster.manager, enquiry.cause, now).await?;
        tracing::warn!(
            listed,
            "more enquiries than reach salespeople one by one in an hour; they are on the sales manager's list"
        );
        return Ok(());
    }
    let (reader, why) = reader(tx, plan, enquiry, known, now).await?;
    enquiries::place(tx, enquiry.id, &reader, now).await?;
    tracing::info!(enquiry = %enquiry.id, cause = %enquiry.cause, salesperson = %reader, "an enquiry reaches a person");
    if !has_their_words(tx, plan, enquiry, &reader).await? {
        write(ctx, tx, plan, enquiry, known, &reader, &why, now).await?;
    }
    Ok(())
}

/// Who hears of it, and why, in a sentence: the salesperson who has the prospect; who heard of them last; who had them before;
/// else by the routes, of which those that read what a stranger typed do not apply; in the end the sales manager.
async fn reader(tx: &mut Tx, plan: &Plan, enquiry: &Enquiry, known: &Known, now: Timestamp) -> Result<(Name, String), FlowError> {
    if let Some(lead) = known.open(enquiry).filter(|lead| plan.roster.is_owner(&lead.salesperson)) {
        return Ok((lead.salesperson.clone(), "They are your lead.".to_owned()));
    }
    let takes = |id: &Name| *id == plan.roster.manager || plan.roster.salesperson(id).is_some_and(|s| s.active);
    if let Some(earlier) = enquiries::earlier(tx, enquiry).await?.filter(takes) {
        return Ok((earlier, "They asked before, and you heard of it.".to_owned()));
    }
    let assignment = match known.prospect(enquiry) {
        Some(person) => hand_off::assignment(tx, plan, person, &[]).await?,
        None => assign(&plan.roster, &Prospect::unknown(ProspectId(0), now), None, &handoffs::load_of_all(tx).await?, &[]),
    };
    // Strangers' enquiries are no leads, so they are shared out by their own count.
    let loads = enquiries::loads(tx, KEPT.before(now)).await?;
    let fewest = assignment.candidates().iter().min_by_key(|id| loads.get(*id).copied().unwrap_or(0));
    Ok((fewest.unwrap_or(assignment.salesperson()).clone(), assignment.words()))
}

/// Whether the reader has been sent the mail that asks: a reply is passed on when it comes.
async fn has_their_words(tx: &mut Tx, plan: &Plan, enquiry: &Enquiry, reader: &Name) -> Result<bool, FlowError> {
    let (Some(prospect), Some(signal), Some((_, address))) = (enquiry.prospect, enquiry.signal, plan.roster.person(reader))
    else {
        return Ok(false);
    };
    Ok(letters::passed_on(tx, signal, &erasures::letter_about(prospect), address).await?)
}

#[expect(clippy::too_many_arguments, reason = "one letter, told in one place")]
async fn write(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    enquiry: &Enquiry,
    known: &Known,
    reader: &Name,
    why_you: &str,
    now: Timestamp,
) -> Result<(), FlowError> {
    let asked = told(ctx, plan, enquiry, known, reader);
    let (zone, queue_url) = (dossier::zone_of(plan, reader), dossier::queue_url(ctx.signer(), plan, reader, now));
    let letter = text::enquiry(&EnquiryLetter { asked: &asked, why_you, queue_url: &queue_url, zone: &zone });
    let letter = letter.map_err(|e| FlowError::Unable(format!("write of an enquiry: {e}")))?;
    let message_id = format!("{}{reader}@{}>", erasures::letter_of_enquiry(enquiry.id), plan.settings.smtp.return_path.domain());
    // An answer by the reply button goes to the address only where its owner is known to ask.
    let asker = asked.address.clone().filter(|_| asked.confirmed).map(|address| Sender { name: asked.name.clone(), address });
    let thread = known.open(enquiry).map(|lead| dossier::message_id(plan, lead.id, reader));
    let envelope = Envelope {
        kind: LetterKind::Enquiry,
        handoff: None,
        to: reader,
        reply_to: asker.as_ref(),
        message_id: &message_id,
        thread: thread.as_deref(),
        not_before: now,
    };
    outbox::post(tx, plan, &letter, &envelope, now).await
}

/// Writes the one letter about a list whose hour is over.
async fn tell(ctx: &Context, tx: &mut Tx, plan: &Plan, list: &EnquiryList, now: Timestamp) -> Result<(), FlowError> {
    enquiries::told(tx, list.id, now).await?;
    if list.count == 0 {
        // Whoever stood on it has confirmed, or is forgotten.
        return Ok(());
    }
    // Whoever left the roster gets no mail; the review passes their list on, and it stands on the manager's queue.
    let reader = if plan.roster.has(&list.salesperson) { &list.salesperson } else { &plan.roster.manager };
    let (zone, queue_url) = (dossier::zone_of(plan, reader), dossier::queue_url(ctx.signer(), plan, reader, now));
    let letter = text::list(&ListLetter {
        count: list.count,
        from: list.begins_at,
        until: list.ends_at,
        bound: plan.max_enquiries_per_hour,
        list_url: &list_url(&queue_url, list.id),
        queue_url: &queue_url,
        zone: &zone,
    });
    let letter = letter.map_err(|e| FlowError::Unable(format!("write of a list of enquiries: {e}")))?;
    let message_id = format!("<enquiries-{}-{reader}@{}>", list.id, plan.settings.smtp.return_path.domain());
    let envelope = Envelope {
        kind: LetterKind::Enquiries,
        handoff: None,
        to: reader,
        reply_to: None,
        message_id: &message_id,
        thread: None,
        not_before: now,
    };
    outbox::post(tx, plan, &letter, &envelope, now).await
}

/// The page of a list, behind its salesperson's queue link.
pub fn list_url(queue_url: &str, list: EnquiryListId) -> String {
    format!("{queue_url}/{list}")
}

/// The hour of the clock on the wall in which an instant lies.
fn hour(zone: &TimeZone, at: Timestamp) -> (Timestamp, Timestamp) {
    let local = at.to_zoned(zone.clone());
    let past = i64::from(local.minute()) * 60 + i64::from(local.second());
    let begins_at = Timestamp::from_second(at.as_second() - past).unwrap_or(at);
    (begins_at, begins_at.saturating_add(SignedDuration::from_hours(1)).unwrap_or(begins_at))
}

/// What a salesperson does with an item of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It is done.
    Settle,
    /// It was not done after all.
    Reopen,
}

/// Settles an enquiry on this salesperson's queue, or opens it again. What a forgotten person asked is erased when it is settled.
/// Returns whether anything changed.
///
/// # Errors
/// The store's.
pub async fn act(ctx: &Context, id: EnquiryId, by: &Name, act: Act) -> Result<bool, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    let changed = match act {
        Act::Settle => enquiries::settle(&mut tx, id, by, now).await?,
        Act::Reopen => enquiries::reopen(&mut tx, id, by).await?,
    };
    let found = enquiries::load(&mut tx, id).await?;
    if changed && act == Act::Settle && found.is_some_and(|enquiry| enquiry.is_kept_only_to_be_heard()) {
        erasures::enquiry(&mut tx, id, now).await?;
    }
    tx.commit().await?;
    if changed {
        ctx.wake();
        tracing::info!(enquiry = %id, %by, ?act, "enquiry changed");
    }
    Ok(changed)
}

/// The same for a list, with all that stands on it.
///
/// # Errors
/// The store's.
pub async fn act_on_list(ctx: &Context, id: EnquiryListId, by: &Name, act: Act) -> Result<bool, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    let changed = match act {
        Act::Settle => enquiries::settle_list(&mut tx, id, by, now).await?,
        Act::Reopen => enquiries::reopen_list(&mut tx, id, by).await?,
    };
    if changed && act == Act::Settle {
        erasures::forgotten_of_list(&mut tx, id, now).await?;
    }
    tx.commit().await?;
    if changed {
        ctx.wake();
        tracing::info!(list = %id, %by, ?act, "list of enquiries changed");
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_that_of_the_clock_on_the_wall() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        for (zone, now, begins, ends) in [
            ("Europe/Madrid", "2026-01-12T09:59:59.9Z", "2026-01-12T09:00:00Z", "2026-01-12T10:00:00Z"),
            ("Europe/Madrid", "2026-01-12T10:00:00Z", "2026-01-12T10:00:00Z", "2026-01-12T11:00:00Z"),
            ("Asia/Kolkata", "2026-01-12T09:59:00Z", "2026-01-12T09:30:00Z", "2026-01-12T10:30:00Z"),
            // The clocks go back: the hour from two to three comes twice.
            ("Europe/Madrid", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"),
        ] {
            let zone = TimeZone::get(zone).expect("a zone");
            assert_eq!(hour(&zone, at(now)), (at(begins), at(ends)), "{now}");
        }
    }
}
