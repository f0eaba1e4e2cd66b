//! observe: every incoming signal is appended once, and one that asks to stop stops group mail.
//!
//! Everything that arrives becomes a signal here: clicks, answers, forms, touches, replies, bounces. What signals prove is left
//! to the step `qualify`, which is woken: nobody's history is read while others wait to write. The caller is answered only
//! after all of it is durable.

use super::enquiries;
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::ignored::PROVISIONAL;
use crate::domain::doorway::signal::{About, Detail, NewSignal};
use crate::domain::doorway::support::is_too_young;
use crate::domain::id::{Name, ProspectId, SignalId};
use crate::domain::plan::Plan;
use crate::domain::span::midnight;
use crate::domain::suppression::{Channel, StopReason};
use crate::flow::context::{Context, FlowError};
use crate::flow::group::breaker;
use crate::store::doorway::assessment_queue::{self, Later};
use crate::store::doorway::{enquiries as asked, reminders, signals};
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::engine::batch::Batch;
use crate::store::group::breakers::{Kind, Trouble};
use crate::store::group::deliveries;
use crate::store::people::prospects;
use crate::store::people::suppressions::{self, Stop};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// How many signals one transaction takes at most: the more of them write to the same page, the fewer pages go to disk.
pub const GROUP: usize = 4_000;

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    New(SignalId),
    Again,
    /// No prospect has its address.
    Unknown,
    /// A form that counts for nothing until its address answers.
    Pending,
}

/// The batch writer through which single signals are written together.
pub type SignalWriter = Batch<NewSignal, Observed>;

/// Opens the batch writer; its task ends with the last clone. It wakes the steps itself.
pub fn signal_writer(ctx: &Context) -> SignalWriter {
    let (writing, waking) = (ctx.clone(), ctx.clone());
    Batch::open(
        ctx.store().clone(),
        GROUP,
        move |tx: &mut Tx, news: &[NewSignal]| {
            let (plan, now) = (writing.plan(), writing.now());
            Box::pin(async move { write(tx, &plan, news, now).await })
        },
        move || waking.wake(),
    )
}

/// A signal and its prospect; `None` if it identifies none.
type Resolved<'a> = (Option<ProspectId>, &'a NewSignal);

/// Appends signals in one transaction of their own.
pub async fn observe(ctx: &Context, news: &[NewSignal]) -> Result<Vec<Observed>, FlowError> {
    let mut tx = ctx.store().write().await?;
    let observed = write(&mut tx, &ctx.plan(), news, ctx.now()).await?;
    commit(ctx, tx).await.map(|()| observed)
}

/// As [`observe`], ahead of everything that waits to write: for those who unsubscribe.
pub async fn observe_first(ctx: &Context, news: &[NewSignal]) -> Result<Vec<Observed>, FlowError> {
    let mut tx = ctx.store().write_first().await?;
    let observed = write(&mut tx, &ctx.plan(), news, ctx.now()).await?;
    commit(ctx, tx).await.map(|()| observed)
}

/// Commits what was observed, and wakes the steps.
pub async fn commit(ctx: &Context, tx: Tx) -> Result<(), FlowError> {
    failpoint!("signal.before_commit");
    tx.commit().await?;
    failpoint!("signal.after_commit");
    ctx.wake();
    Ok(())
}

/// Appends signals, stops group mail to those who asked for it, and puts whomever they concern on the queue of those to be
/// assessed. The caller commits.
pub async fn write(tx: &mut Tx, plan: &Plan, news: &[NewSignal], now: Timestamp) -> Result<Vec<Observed>, StoreError> {
    let addresses: BTreeSet<&Address> = news.iter().filter_map(address_of).collect();
    let known = if addresses.is_empty() {
        BTreeMap::new()
    } else {
        prospects::by_address(tx, &addresses.into_iter().collect::<Vec<_>>()).await?
    };
    let resolved: Vec<_> = news.iter().map(|signal| resolve(signal, &known)).collect();
    let rows: Vec<Resolved<'_>> = resolved.iter().flatten().copied().collect();
    let new = signals::append(tx, &rows, now).await?;
    let appended: Vec<Resolved<'_>> = rows.into_iter().filter(|(_, signal)| new.contains_key(&signal.once)).collect();
    let appended = || appended.iter();
    let due = due(plan, appended().filter_map(|(id, s)| Some(((*id)?, *s))), now);
    let concerns = |s: &NewSignal| plan.qualifying.concerns_colleagues(&s.detail);
    let stated = appended().filter(|(_, s)| concerns(s)).filter_map(|(id, _)| *id).collect();
    assessment_queue::enqueue_with_colleagues(tx, &due, &stated, now).await?;
    let speaking = appended().filter(|(_, s)| s.detail.may_speak_for_colleagues()).filter_map(|(id, _)| *id);
    prospects::flag_speakers(tx, &speaking.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()).await?;

    let waits = appended().filter_map(|(id, s)| Some(((*id)?, not_before(&s.detail).filter(|at| *at > now)?)));
    for (id, wake_at) in waits {
        prospects::set_wake(tx, id, Some(wake_at)).await?;
    }
    // A recorded touch completes the reminder that asked for one, and answers what was asked before it.
    let touches = appended().filter(|(_, s)| matches!(s.detail, Detail::Touch { .. }));
    let touches: Vec<_> = touches.filter_map(|(id, s)| Some(((*id)?, s.occurred_at))).collect();
    reminders::done(tx, &touches.iter().map(|(id, _)| *id).collect(), now).await?;
    asked::touched(tx, &touches, now).await?;
    let stopping: Vec<_> = appended().filter_map(|(id, s)| Some(((*id)?, reason(&s.detail)?, *s))).collect();
    if !stopping.is_empty() {
        // A mailbox that is gone is the one the mail went to; the prospect may have another address by now.
        let bounced = stopping.iter().filter(|(_, reason, _)| !reason.follows_the_person());
        let went_to = deliveries::addresses(tx, &bounced.filter_map(|(.., s)| s.delivery).collect::<Vec<_>>()).await?;
        let ids: Vec<ProspectId> = stopping.iter().map(|(id, ..)| *id).collect();
        let addresses: BTreeMap<ProspectId, Address> =
            prospects::load(tx, &ids).await?.into_iter().filter_map(|p| Some((p.id, p.address?))).collect();
        let stops: Vec<Stop> = stopping
            .into_iter()
            .filter_map(|(id, reason, signal)| {
                let bounced = signal.delivery.and_then(|delivery| went_to.get(&delivery));
                let address = addresses.get(&id).map(|own| bounced.unwrap_or(own).to_string())?;
                Some(Stop { address, channel: Channel::Email, reason, source: signal.detail.words() })
            })
            .collect();
        suppressions::add(tx, &stops, now).await?;
        failpoint!("stop.before_commit");
    }
    let troubles: Vec<Trouble> = appended().filter_map(|(_, signal)| trouble(signal)).collect();
    breaker::returned(tx, &troubles, now).await?;
    let asking = appended().filter(|(_, signal)| plan.qualifying.asks(&signal.detail));
    let asking: Vec<_> = asking.filter_map(|(id, s)| Some(((*id)?, *new.get(&s.once)?, *s))).collect();
    enquiries::put_down(tx, &asking, now).await?;
    let mut told = BTreeSet::new();
    let answer = |(resolved, signal): (&Option<Resolved<'_>>, &NewSignal)| match (resolved, new.get(&signal.once)) {
        (None, _) => Observed::Unknown,
        // The same signal twice in one batch was appended once.
        (Some(_), Some(id)) if told.insert(*id) => Observed::New(*id),
        (Some(_), _) => Observed::Again,
    };
    Ok(resolved.iter().zip(news).map(answer).collect())
}

/// A signal with its prospect, if it identifies one; `None` if the address is not known.
fn resolve<'a>(signal: &'a NewSignal, known: &BTreeMap<Address, ProspectId>) -> Option<Resolved<'a>> {
    match &signal.about {
        About::Prospect(id) => Some((Some(*id), signal)),
        About::Nobody => Some((None, signal)),
        About::Address(address) => known.get(address).map(|id| (Some(*id), signal)),
    }
}

/// The prospects to assess, each from an instant on. A young click changes nothing until it counts; a click that no rule reads
/// matters only where nothing but a new signal is missing.
fn due<'a>(plan: &Plan, appended: impl Iterator<Item = (ProspectId, &'a NewSignal)>, now: Timestamp) -> Vec<(ProspectId, Later)> {
    let (mut at_once, mut later) = (BTreeSet::new(), Vec::new());
    for (id, signal) in appended.filter(|(_, signal)| signal.detail.bears_on_verdicts()) {
        match &signal.detail {
            // A machine's click changes no verdict while it is young.
            Detail::Click { .. } if is_too_young(signal.occurred_at, now) && signal.machine.is_some() => {}
            Detail::Click { target } if is_too_young(signal.occurred_at, now) => {
                let at = PROVISIONAL.after(signal.occurred_at);
                later.push((id, Later { at, if_all_met: !plan.qualifying.reads_click(target) }));
            }
            _ => drop(at_once.insert(id)),
        }
    }
    later.extend(at_once.into_iter().map(|id| (id, Later { at: now, if_all_met: false })));
    later
}

/// Why a signal stops group mail, if it does.
const fn reason(detail: &Detail) -> Option<StopReason> {
    match detail {
        Detail::Unsubscribe { .. } => Some(StopReason::Unsubscribed),
        Detail::Bounce { hard: true, .. } => Some(StopReason::Bounced),
        Detail::Complaint { .. } => Some(StopReason::Complained),
        _ => None,
    }
}

/// The trouble a signal reports about the delivery it answers, if it does; the breakers count it.
fn trouble(signal: &NewSignal) -> Option<Trouble> {
    let kind = match &signal.detail {
        Detail::Bounce { hard: true, .. } => Kind::Bounced,
        Detail::Complaint { .. } => Kind::Complained,
        _ => return None,
    };
    Some(Trouble { delivery: signal.delivery?, kind, number: 0 })
}

/// The date before which the prospect asked not to be approached, if the signal says so: they wake on it.
fn not_before(detail: &Detail) -> Option<Timestamp> {
    match detail {
        Detail::Touch { not_before, .. } => not_before.map(midnight),
        _ => None,
    }
}

const fn address_of(signal: &NewSignal) -> Option<&Address> {
    match &signal.about {
        About::Address(address) => Some(address),
        About::Prospect(_) | About::Nobody => None,
    }
}

/// Whether a touch can be recorded as it is: every criterion it proves has a rule that reads such a touch, and a timeframe
/// has its date. Any other signal passes.
///
/// # Errors
/// When something is missing; the error says what.
pub fn check_touch(plan: &Plan, detail: &Detail) -> Result<(), FlowError> {
    let Detail::Touch { touch, proves, date, .. } = detail else {
        return Ok(());
    };
    if proves.contains(&Criterion::Timeframe) && date.is_none() {
        return Err(FlowError::Refused(
            "proving the timeframe needs its date: on the command line, --date YYYY-MM-DD".to_owned(),
        ));
    }
    match proves.iter().find(|criterion| !plan.qualifying.reads_touch(**criterion, *touch)) {
        None => Ok(()),
        Some(criterion) => Err(FlowError::Refused(format!(
            "no rule in qualification.toml reads a {} as evidence of {criterion}: add one under [criteria.{}], or log another kind",
            touch.word(),
            criterion.word()
        ))),
    }
}

/// Whether the person who reports is on the roster.
///
/// # Errors
/// When they are not; the error names everyone who is.
pub fn known(plan: &Plan, by: &Name) -> Result<(), FlowError> {
    if plan.roster.has(by) {
        return Ok(());
    }
    let ids: Vec<&str> = plan.roster.ids().map(Name::as_str).collect();
    Err(FlowError::Missing(format!("{by} among our people: {}", ids.join(", "))))
}

/// What a colleague logs: a call, a meeting, a fair, a note.
#[derive(Debug, Clone)]
pub struct Logged {
    pub address: Address,
    pub by: Name,
    pub occurred_at: Timestamp,
    pub detail: Detail,
}

/// Appends a colleague's log entry. The same words about the same person at the same instant are the same signal.
///
/// # Errors
/// When no prospect has the address; when it proves a criterion that no rule reads from such a touch.
pub async fn log(ctx: &Context, logged: Logged) -> Result<Observed, FlowError> {
    let plan = ctx.plan();
    known(&plan, &logged.by)?;
    check_touch(&plan, &logged.detail)?;
    let signal = NewSignal::logged(logged.address, logged.by, logged.detail, logged.occurred_at);
    match observe(ctx, &[signal]).await?.first() {
        Some(Observed::Unknown) | None => Err(FlowError::Missing("a prospect with that address; import them first".to_owned())),
        Some(observed) => Ok(*observed),
    }
}
