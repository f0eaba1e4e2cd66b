//! Enquiries begin: a request that is recorded, and that no handoff can answer, is put down for a salesperson in the same
//! transaction. A request whose prospect can be handed off becomes a handoff, and no enquiry.

use crate::domain::address::Address;
use crate::domain::doorway::enquiry::{NewEnquiry, WhyNoHandoff};
use crate::domain::doorway::signal::{Detail, HISTORY, NewSignal, Signal};
use crate::domain::id::{ProspectId, SignalId, fingerprint};
use crate::domain::plan::Plan;
use crate::domain::prospect::Standing;
use crate::store::doorway::assessment_inputs::{self, AssessmentInput};
use crate::store::doorway::enquiries;
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::people::{prospects, suppressions};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Puts down those of these new requests whose prospects cannot be handed off for them.
pub async fn put_down(tx: &mut Tx, requests: &[(ProspectId, SignalId, &NewSignal)], now: Timestamp) -> Result<(), StoreError> {
    let is_recent = |signal: &NewSignal| HISTORY.after(signal.occurred_at) > now;
    let asked: Vec<_> = requests.iter().filter(|(.., signal)| signal.machine.is_none() && is_recent(signal)).collect();
    if asked.is_empty() {
        return Ok(());
    }
    let ids: BTreeSet<ProspectId> = asked.iter().map(|(id, ..)| *id).collect();
    let inputs = assessment_inputs::of(tx, &ids.into_iter().collect::<Vec<_>>()).await?;
    let inputs: BTreeMap<ProspectId, AssessmentInput> = inputs.into_iter().map(|input| (input.prospect, input)).collect();
    for (id, signal, said) in asked {
        let Some(input) = inputs.get(id) else { continue };
        if input.standing == Standing::Nurturing && input.entry().waits(said.occurred_at) {
            continue;
        }
        put_down_one(tx, *id, input.standing, *signal, &said.detail, said.occurred_at).await?;
    }
    Ok(())
}

/// Puts down one request of a prospect with this standing.
pub async fn put_down_one(
    tx: &mut Tx,
    prospect: ProspectId,
    standing: Standing,
    signal: SignalId,
    detail: &Detail,
    asked_at: Timestamp,
) -> Result<(), StoreError> {
    let cause = WhyNoHandoff::by_standing(standing);
    let Some(enquiry) = NewEnquiry::of_signal(prospect, signal, detail, cause, asked_at) else { return Ok(()) };
    let address = prospects::one(tx, prospect).await?.address;
    let waits_already = enquiries::vouch(tx, &enquiry, address.as_ref().map(Address::as_str)).await?;
    if !waits_already && enquiries::add(tx, &enquiry).await? {
        tracing::info!(%prospect, %cause, "asks for a person, and no handoff can be opened");
    }
    Ok(())
}

/// Puts down a request that was recorded while its prospect nurtured: by now they do not, so no handoff will answer it.
pub async fn put_down_unheard(tx: &mut Tx, input: &AssessmentInput, asked: &Signal, now: Timestamp) -> Result<(), StoreError> {
    if HISTORY.after(asked.occurred_at) <= now {
        return Ok(());
    }
    put_down_one(tx, input.prospect, input.standing, asked.id, &asked.detail, asked.occurred_at).await
}

/// Whether the owner of the address was forgotten. If they ask for a person, the request is put down, and it is all that is
/// kept: no signal, no prospect. The caller records nothing else of them.
pub async fn is_of_forgotten(
    tx: &mut Tx,
    plan: &Plan,
    address: &Address,
    signal: &NewSignal,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if suppressions::forgotten_at(tx, address).await?.is_none() {
        return Ok(false);
    }
    let asks = match &signal.detail {
        Detail::UnconfirmedForm { form, .. } => plan.qualifying.asks_by_form(form),
        detail => plan.qualifying.asks(detail),
    };
    if asks && HISTORY.after(signal.occurred_at) > now {
        hear(tx, address, &signal.once, &signal.detail, now).await?;
    }
    Ok(true)
}

/// Puts down what a forgotten person asks; `key` is the same for a repetition. Returns whether it is new.
pub async fn hear(tx: &mut Tx, address: &Address, key: &str, detail: &Detail, now: Timestamp) -> Result<bool, StoreError> {
    let once = format!("forgotten:{}", fingerprint(&[key]));
    let Some(enquiry) = NewEnquiry::of_forgotten(once, address.clone(), detail, now) else { return Ok(false) };
    enquiries::add(tx, &enquiry).await
}
