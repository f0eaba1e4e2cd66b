//! take: a signal from a website or another system is recorded. Forms are typed by anybody, about anybody.
//!
//! A confirmed form admits the person who filled it in, if new, and the details they gave are kept. One that is not confirmed
//! speaks for nobody: of an unknown address it is kept for thirty days and admits no prospect; of a known one it is an
//! unconfirmed signal, and fills details that are blank. Either way its address is asked, and a request reaches a person.

use super::observe::{Observed, SignalWriter, commit, write};
use super::{admit, enquiries as heard};
use crate::domain::address::Address;
use crate::domain::doorway::arrival::Arrival;
use crate::domain::doorway::enquiry::{NewEnquiry, WhyNoHandoff};
use crate::domain::doorway::pending_form::KEPT;
use crate::domain::doorway::signal::{About, Detail, NewSignal};
use crate::domain::id::{Name, ProspectId, SignalId};
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::pending_forms::{self, NewPendingForm};
use crate::store::doorway::{enquiries, signals};
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::engine::batch::Batch;
use crate::store::people::prospects::{self, Details};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// How many web forms one transaction takes at most: whoever unsubscribes meanwhile waits for it.
const FORMS: usize = 4;

/// Opens the batch writer of web forms: however many come at once, they are one that writes among the others.
pub fn forms(ctx: &Context) -> SignalWriter {
    let (writing, waking) = (ctx.clone(), ctx.clone());
    Batch::open(
        ctx.store().clone(),
        FORMS,
        move |tx: &mut Tx, news: &[NewSignal]| {
            let (plan, now) = (writing.plan(), writing.now());
            Box::pin(async move {
                let mut observed = Vec::with_capacity(news.len());
                for signal in news {
                    observed.push(record(tx, &plan, signal, now).await?);
                }
                Ok(observed)
            })
        },
        move || waking.wake(),
    )
}

/// As [`take`], in a transaction shared with other forms. If it fails because one of them cannot be written, each is written
/// alone, and the others do not pay for that one.
///
/// # Errors
/// As for `take`.
pub async fn take_with_others(ctx: &Context, forms: &SignalWriter, signal: NewSignal) -> Result<Observed, FlowError> {
    match forms.write(signal.clone()).await {
        Err(error) if !error.is_transient() => take(ctx, signal).await,
        written => Ok(written?),
    }
}

/// Records a signal in one transaction of its own.
pub async fn take(ctx: &Context, signal: NewSignal) -> Result<Observed, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut tx = ctx.store().write().await?;
    let observed = record(&mut tx, &plan, &signal, now).await?;
    commit(ctx, tx).await?;
    Ok(observed)
}

/// Records a signal. The caller commits.
pub async fn record(tx: &mut Tx, plan: &Plan, signal: &NewSignal, now: Timestamp) -> Result<Observed, StoreError> {
    if is_of_forgotten(tx, plan, signal, now).await? {
        return Ok(Observed::Pending);
    }
    match (&signal.about, &signal.detail) {
        (About::Address(address), Detail::UnconfirmedForm { form, fields, .. }) => {
            return keep(tx, plan, &Typed { signal, address, form, fields }, now).await;
        }
        // A repetition is as old as what it repeats: details that changed since stay as they are.
        (About::Address(_), Detail::Form { .. }) if signals::is_recorded(tx, &signal.once).await? => return Ok(Observed::Again),
        (About::Address(address), Detail::Form { form, fields }) => {
            let arrival = Arrival::by_form(address.clone(), fields, &plan.settings.fields);
            let that_day = Some(signal.occurred_at.to_zoned(TimeZone::UTC).date());
            admit::admit(tx, plan, &[arrival], &format!("form {form}"), that_day, now).await?;
        }
        _ => {}
    }
    append(tx, plan, signal, now).await
}

/// Whether it is about a person who was forgotten, of whom nothing is stored anew: not even that a form names them. If it asks, a
/// salesperson hears of it.
pub async fn is_of_forgotten(tx: &mut Tx, plan: &Plan, signal: &NewSignal, now: Timestamp) -> Result<bool, StoreError> {
    match &signal.about {
        About::Address(address) => heard::is_of_forgotten(tx, plan, address, signal, now).await,
        About::Prospect(_) | About::Nobody => Ok(false),
    }
}

async fn append(tx: &mut Tx, plan: &Plan, signal: &NewSignal, now: Timestamp) -> Result<Observed, StoreError> {
    let observed = write(tx, plan, std::slice::from_ref(signal), now).await?;
    observed.first().copied().ok_or(StoreError::Rows { expected: 1, found: 0 })
}

/// A form that anybody may have typed.
struct Typed<'a> {
    signal: &'a NewSignal,
    address: &'a Address,
    form: &'a Name,
    fields: &'a BTreeMap<String, String>,
}

/// Keeps a form for which its address has not answered.
async fn keep(tx: &mut Tx, plan: &Plan, typed: &Typed<'_>, now: Timestamp) -> Result<Observed, StoreError> {
    let prospect = prospects::by_address(tx, &[typed.address]).await?.get(typed.address).copied();
    let new = NewPendingForm {
        once: &typed.signal.once,
        address: typed.address,
        form: typed.form,
        fields: typed.fields,
        asked_at: now,
        prospect,
    };
    if pending_forms::add(tx, &new).await?.is_none() {
        return Ok(Observed::Again);
    }
    let signal = match prospect {
        Some(prospect) => note(tx, plan, typed, prospect, now).await?,
        None => None,
    };
    if plan.qualifying.asks_by_form(typed.form) {
        enquiries::add(tx, &enquiry(typed, prospect, signal, now)).await?;
    }
    Ok(Observed::Pending)
}

/// Appends the unconfirmed signal, and fills the details of the record that are blank. Declared fields stay as they are, blank
/// ones too: they choose audiences and salespeople. `None` if the signal was recorded before.
async fn note(
    tx: &mut Tx,
    plan: &Plan,
    typed: &Typed<'_>,
    prospect: ProspectId,
    now: Timestamp,
) -> Result<Option<SignalId>, StoreError> {
    let said = Arrival::by_form(typed.address.clone(), typed.fields, &BTreeMap::new());
    let details = Details {
        name: said.name.as_deref(),
        phone: said.phone.as_deref(),
        company: said.company.as_deref(),
        ..Details::default()
    };
    let filled = prospects::fill_blanks(tx, prospect, &details).await?;
    let detail = Detail::UnconfirmedForm { form: typed.form.clone(), fields: typed.fields.clone(), filled };
    let signal = NewSignal { about: About::Prospect(prospect), detail, ..typed.signal.clone() };
    Ok(match append(tx, plan, &signal, now).await? {
        Observed::New(id) => Some(id),
        Observed::Again | Observed::Unknown | Observed::Pending => None,
    })
}

fn enquiry(typed: &Typed<'_>, prospect: Option<ProspectId>, signal: Option<SignalId>, now: Timestamp) -> NewEnquiry {
    NewEnquiry {
        once: typed.signal.once.clone(),
        prospect,
        signal,
        address: prospect.is_none().then(|| typed.address.clone()),
        cause: WhyNoHandoff::Unconfirmed,
        form: typed.form.clone(),
        said: typed.fields.clone(),
        asked_at: now,
        expires_at: Some(KEPT.after(now)),
    }
}
