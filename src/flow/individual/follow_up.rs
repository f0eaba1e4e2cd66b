//! `follow_up`: what salespeople do with a handoff, by a button, a command or a call.
//!
//! Every change is one transaction: the handoff, the prospect's standing, the signal, the next action with its date, and
//! the confirmation by mail.

use super::outbox::{self, Envelope};
use super::{dossier, hand_off, reassign};
use crate::domain::criterion::Criterion;
use crate::domain::doorway::rule::RecycleReason;
use crate::domain::doorway::signal::{Detail, NewSignal, Touch};
use crate::domain::id::{HandoffId, Name};
use crate::domain::individual::event::HandoffEvent;
use crate::domain::individual::handoff::{Handoff, Outcome, Rejection, Stage, State};
use crate::domain::individual::salesperson::Hours;
use crate::domain::plan::Plan;
use crate::domain::prospect::{Prospect, Standing};
use crate::domain::span::midnight;
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::observe;
use crate::store::engine::backend::Tx;
use crate::store::individual::{follow_ups, handoffs};
use crate::store::people::prospects;
use crate::text::notice::{self, HandoffChange, Moved};
use jiff::Timestamp;
use jiff::civil::Date;

/// An action of a salesperson on a handoff.
#[derive(Debug, Clone)]
pub enum Action {
    Accept,
    Reject(Rejection, String),
    /// They were in touch; contact is also acceptance.
    Touch {
        touch: Touch,
        proves: Vec<Criterion>,
        /// The date stated for Timeframe.
        date: Option<Date>,
        note: String,
    },
    Stage(Stage),
    Snooze(Date, String),
    Recycle {
        /// A reason of `qualification.toml`.
        reason: String,
        /// The wake date, if it differs from the one the reason sets.
        wake: Option<Date>,
        /// In the salesperson's words.
        note: String,
    },
    Won(Option<i64>),
    /// The prospect bought elsewhere or not at all.
    Lost(String),
}

/// What follows from an action: the text of the event, the next item, the signal.
struct Consequence {
    handoff: Handoff,
    what: HandoffEvent,
    note: String,
    next: Next,
    signal: Option<Detail>,
}

/// The item that stands on the queue afterwards.
enum Next {
    Item(String, Timestamp),
    /// No item: the handoff is closed, and the prospect has this standing.
    Closed(Standing, Option<Date>),
    Reassigned,
}

/// Carries out an action that a salesperson or colleague (`by`) asks for.
///
/// # Errors
/// Those of the store; when there is no such handoff; when its state does not allow the action; an unknown reason.
pub async fn act(ctx: &Context, id: HandoffId, by: &Name, action: Action) -> Result<Handoff, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut tx = ctx.store().write().await?;
    let prospect = hand_off::prospect_of(&mut tx, id).await?;
    prospects::lock(&mut tx, prospect).await?;
    let handoff = handoffs::lock(&mut tx, id).await?.ok_or_else(|| FlowError::Missing(format!("handoff {id}")))?;
    let prospect = prospects::one(&mut tx, prospect).await?;
    let hours = plan.roster.hours(&handoff.salesperson);
    let before = handoff.salesperson.clone();
    let done = consequence(&plan, hours, handoff, action, now)?;
    let after = write(ctx, &mut tx, &plan, &prospect, done, by, &before, now).await?;
    tx.commit().await?;
    ctx.wake();
    tracing::info!(handoff = %id, %by, state = after.state.word(), "handoff changed");
    Ok(after)
}

/// Decides what follows from an action, without writing.
fn consequence(plan: &Plan, hours: &Hours, handoff: Handoff, action: Action, now: Timestamp) -> Result<Consequence, FlowError> {
    let refused = |e: crate::domain::individual::handoff::Refused| FlowError::Refused(e.to_string());
    let again = |stage: Stage| hours.working_days_later(stage.cadence_days(), now);
    let plain = |handoff, what: HandoffEvent, note: String, next| Consequence { handoff, what, note, next, signal: None };
    Ok(match action {
        Action::Accept => {
            let until = handoff.touch_until.max(now);
            plain(
                handoff.accept(now).map_err(refused)?,
                HandoffEvent::Accepted,
                String::new(),
                Next::Item("Make the first contact".to_owned(), until),
            )
        }
        Action::Touch { touch, proves, date, note } => {
            let handoff = handoff.touch(now).map_err(refused)?;
            let next = Next::Item(format!("Follow up on the {}", touch.word()), again(handoff.stage));
            let signal = Detail::Touch { touch, proves, contradicts: Vec::new(), date, not_before: None, note: note.clone() };
            observe::check_touch(plan, &signal)?;
            Consequence { signal: Some(signal), ..plain(handoff, HandoffEvent::Touched(touch), note, next) }
        }
        Action::Stage(stage) => {
            let handoff = handoff.move_to(stage).map_err(refused)?;
            let next = Next::Item(format!("Move on from {}", stage.word()), again(stage));
            plain(handoff, HandoffEvent::Moved(stage), String::new(), next)
        }
        Action::Snooze(until, note) => {
            let at = hours.next_open(midnight(until));
            if !handoff.is_open() {
                return Err(FlowError::Refused(format!("handoff {} is closed; there is nothing to put off", handoff.id)));
            }
            if at <= now {
                return Err(FlowError::Refused(format!("{until} is not in the future; choose a later date")));
            }
            let next = Next::Item(if note.is_empty() { "Get in touch again".to_owned() } else { note.clone() }, at);
            plain(handoff, HandoffEvent::PutOff(until), note, next)
        }
        Action::Recycle { reason, wake, note } => {
            let reason = plan.qualifying.recycle_reason(&reason).ok_or_else(|| unknown_reason(plan, &reason))?;
            let wake = wake.or_else(|| reason.wake.map(|wake| wake.date(plan.qualifying.fiscal_year, now)));
            if wake.is_some_and(|date| midnight(date) <= now) {
                return Err(FlowError::Refused("the wake date is not in the future; choose a later one".to_owned()));
            }
            recycled(handoff, reason, wake, note, now)?
        }
        Action::Won(value) => {
            let handoff = handoff.close(Outcome::Won, value, now).map_err(refused)?;
            plain(handoff, HandoffEvent::Won(value), String::new(), Next::Closed(Standing::Closed, None))
        }
        Action::Lost(note) => {
            let handoff = handoff.close(Outcome::Lost, None, now).map_err(refused)?;
            let signal = returned("lost", vec![Criterion::Timeframe], Vec::new(), None, &note);
            Consequence {
                signal: Some(signal),
                ..plain(handoff, HandoffEvent::Lost, note, Next::Closed(Standing::Nurturing, None))
            }
        }
        Action::Reject(why @ Rejection::NotMine, note) => {
            if handoff.touched_at.is_some() || handoff.state == State::Closed {
                return Err(FlowError::Refused(format!(
                    "handoff {} has been worked on; return it to nurture instead",
                    handoff.id
                )));
            }
            plain(handoff, HandoffEvent::Declined(why), note, Next::Reassigned)
        }
        Action::Reject(why @ Rejection::DataWrong, note) => plain(handoff, HandoffEvent::Declined(why), note, Next::Reassigned),
        Action::Reject(why @ Rejection::AlreadyCustomer, note) => {
            let handoff = handoff.close(Outcome::Disqualified, None, now).map_err(refused)?;
            plain(handoff, HandoffEvent::Declined(why), note, Next::Closed(Standing::Closed, None))
        }
        Action::Reject(why @ Rejection::NotReady(criterion), note) => {
            let handoff = handoff.close(Outcome::NotNow, None, now).map_err(refused)?;
            let signal = returned("not ready", vec![criterion], Vec::new(), None, &note);
            Consequence {
                signal: Some(signal),
                ..plain(handoff, HandoffEvent::Declined(why), note, Next::Closed(Standing::Nurturing, None))
            }
        }
    })
}

fn recycled(
    handoff: Handoff,
    reason: &RecycleReason,
    wake: Option<Date>,
    note: String,
    now: Timestamp,
) -> Result<Consequence, FlowError> {
    let wrong_person = reason.contradicts.contains(&Criterion::Authority);
    let outcome = if wrong_person { Outcome::WrongPerson } else { Outcome::NotNow };
    let handoff = handoff.close(outcome, None, now).map_err(|e| FlowError::Refused(e.to_string()))?;
    let signal = returned(&reason.reason, reason.lapses.clone(), reason.contradicts.clone(), wake, &note);
    let what = HandoffEvent::Returned { reason: reason.reason.clone(), until: wake };
    Ok(Consequence { handoff, what, note, next: Next::Closed(Standing::Nurturing, wake), signal: Some(signal) })
}

fn returned(reason: &str, lapses: Vec<Criterion>, contradicts: Vec<Criterion>, wake: Option<Date>, note: &str) -> Detail {
    Detail::Recycled { reason: reason.to_owned(), lapses, contradicts, wake, note: note.to_owned() }
}

fn unknown_reason(plan: &Plan, reason: &str) -> FlowError {
    let known: Vec<&str> = plan.qualifying.recycle.iter().map(|r| r.reason.as_str()).collect();
    FlowError::Refused(format!("{reason:?} is no reason in qualification.toml; choose one of: {}", known.join(", ")))
}

#[expect(clippy::too_many_arguments, reason = "one transaction, told in one place")]
async fn write(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    prospect: &Prospect,
    done: Consequence,
    by: &Name,
    before: &Name,
    now: Timestamp,
) -> Result<Handoff, FlowError> {
    let Consequence { mut handoff, what, note, next, signal } = done;
    let id = handoff.id;
    handoffs::add_event(tx, id, Some(by), &what, &note, now).await?;
    let happens_next = match next {
        Next::Item(action, due_at) => {
            handoffs::store(tx, &handoff).await?;
            if handoff.state == State::Owned {
                prospects::set_standing(tx, prospect.id, Standing::Owned, Some(&handoff.salesperson)).await?;
            }
            follow_ups::done(tx, id, now).await?;
            follow_ups::add(tx, prospect.id, id, &handoff.salesperson, &action, due_at).await?;
            let zone = dossier::zone_of(plan, &handoff.salesperson);
            format!("{action}, by {}.", due_at.to_zoned(zone).strftime("%A %-d %B, %H:%M"))
        }
        Next::Closed(standing, wake) => {
            handoffs::store(tx, &handoff).await?;
            follow_ups::done(tx, id, now).await?;
            if standing == Standing::Nurturing {
                prospects::return_to_nurture(tx, prospect.id, wake.map(midnight), now).await?;
                match wake {
                    Some(date) => format!("Group mail goes on. On {date} we look again, and you come first."),
                    None => "Group mail goes on. If they become ready again, you come first.".to_owned(),
                }
            } else {
                prospects::set_standing(tx, prospect.id, standing, None).await?;
                "It is closed; group mail has ended.".to_owned()
            }
        }
        Next::Reassigned => {
            handoff = reassign(ctx, tx, plan, prospect, handoff, &what, now).await?;
            format!("It is offered to {} now.", plan.roster.name_of(&handoff.salesperson))
        }
    };
    if let Some(detail) = signal {
        let words = [what.to_string(), note.clone()];
        let signal = NewSignal::worked(id, prospect.id, by, &words.each_ref().map(String::as_str), detail, now);
        observe::write(tx, plan, &[signal], now).await?;
    }
    confirm(ctx, tx, plan, prospect, &handoff, before, by, &what, &happens_next, now).await?;
    Ok(handoff)
}

/// Offers the handoff to a salesperson who has not declined it; in the end to the sales manager, who cannot decline.
async fn reassign(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    prospect: &Prospect,
    handoff: Handoff,
    why: &HandoffEvent,
    now: Timestamp,
) -> Result<Handoff, FlowError> {
    let mut not_to = handoffs::declined_by(tx, handoff.id).await?;
    if *why == HandoffEvent::Declined(Rejection::DataWrong) {
        not_to = plan.roster.all_but_the_manager();
    }
    not_to.push(handoff.salesperson.clone());
    let assignment = hand_off::assignment(tx, plan, prospect, &not_to).await?;
    if assignment.salesperson() == &handoff.salesperson {
        return Err(FlowError::Refused(
            "nobody else can take it, and you are the sales manager: return it to nurture instead".to_owned(),
        ));
    }
    reassign::offer_to(ctx, tx, plan, prospect, handoff, &assignment, now).await
}

/// Writes the confirmation into the outbox, to the salesperson who had the handoff before the action; they may still have
/// it.
#[expect(clippy::too_many_arguments, reason = "one letter, told in one place")]
async fn confirm(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    prospect: &Prospect,
    handoff: &Handoff,
    before: &Name,
    by: &Name,
    what: &HandoffEvent,
    next: &str,
    now: Timestamp,
) -> Result<(), FlowError> {
    let unable = |e: &dyn std::fmt::Display| FlowError::Unable(format!("write the confirmation: {e}"));
    // A salesperson who left the roster gets no mail; the record says what was done.
    if !plan.roster.has(before) {
        return Ok(());
    }
    let (name, company, zone) = (prospect.display_name(), prospect.company.clone(), dossier::zone_of(plan, before));
    let letter = if handoff.salesperson == *before {
        let page_url = dossier::page_url(ctx.signer(), plan, handoff.id, prospect, before);
        notice::changed(&HandoffChange {
            prospect: name,
            company,
            what: what.to_string(),
            by: plan.roster.name_of(by),
            at: now,
            next: next.to_owned(),
            page_url,
            zone,
        })
    } else {
        let queue_url = dossier::queue_url(ctx.signer(), plan, before, now);
        let to = Some(plan.roster.name_of(&handoff.salesperson));
        notice::moved(&Moved {
            prospect: name,
            company,
            to,
            why: format!("{}: {what}.", plan.roster.name_of(by)),
            at: now,
            queue_url,
            zone,
        })
    };
    let letter = letter.map_err(|e| unable(&e))?;
    let count = handoffs::events(tx, handoff.id).await?.len();
    let message_id = format!("<change-{}-{count}@{}>", handoff.id, plan.settings.smtp.return_path.domain());
    let thread = dossier::message_id(plan, handoff.id, before);
    let envelope = Envelope {
        kind: "changed",
        handoff: Some(handoff.id),
        to: before,
        reply_to: None,
        message_id: &message_id,
        thread: Some(&thread),
        not_before: now,
    };
    outbox::post(tx, plan, &letter, &envelope, now).await
}
