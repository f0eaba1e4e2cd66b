//! forget: erases one person in one transaction. Their words, their address and the letters about them are removed; the
//! rows stay without them, so that counts reconcile; the address stays stopped under its hash.

use crate::domain::address::Address;
use crate::domain::id::{HandoffId, ProspectId};
use crate::domain::individual::event::HandoffEvent;
use crate::domain::individual::handoff::{Handoff, Outcome};
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::signal_authors;
use crate::store::doorway::{assessment_queue, reminders};
use crate::store::individual::{follow_ups, handoffs};
use crate::store::operations::authored;
use crate::store::operations::erasures::{self, Erased};
use crate::store::operations::{reasons, set_aside, unrecognised};
use crate::store::people::prospects;
use serde::Serialize;
use std::collections::BTreeSet;

/// What an erasure did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// The prospect; absent for an address that only filled in forms.
    pub prospect: Option<ProspectId>,
    /// The handoff that was open and is now closed.
    pub handoff: Option<HandoffId>,
    #[serde(flatten)]
    pub erased: Erased,
    /// What they were known by: for a look at the pages of the file, and for nothing else.
    #[serde(skip)]
    pub known_by: Vec<String>,
}

/// Erases the prospect with this address, whether it is theirs or was, and what their addresses asked. Their open handoff is closed
/// as disqualified; no stop is lifted, and the address
/// stays stopped on every channel if a list brings it back.
///
/// # Errors
/// Those of the store; when no prospect has the address, and no form names it.
pub async fn forget(ctx: &Context, address: &Address) -> Result<Forgotten, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    let known = prospects::by_address(&mut tx, &[address]).await?;
    let mut asked = erasures::enquiries_from(&mut tx, address, now).await?;
    asked.forms = erasures::pending_forms(&mut tx, address, now).await?;
    asked.mails = unrecognised::remove_of(&mut tx, address).await?;
    asked += authored::by(&mut tx, address, now).await?;
    let Some(prospect) = known.get(address).copied() else {
        if asked == Erased::default() {
            // Files are read outside of the transaction, so that none waits to write for the disk.
            tx.rollback().await?;
            if !is_set_aside(ctx, address).await? {
                return Err(FlowError::Missing("a prospect with that address".to_owned()));
            }
            tx = ctx.store().write().await?;
        }
        erasures::stop(&mut tx, address, now).await?;
        let known_by = vec![address.to_string()];
        reasons::erase(&mut tx, &known_by).await?;
        tx.commit().await?;
        ctx.wake();
        asked.mails += forget_set_aside(ctx, std::slice::from_ref(address)).await?;
        return Ok(Forgotten { prospect: None, handoff: None, erased: asked, known_by });
    };
    prospects::lock(&mut tx, prospect).await?;
    let open = handoffs::of_prospect(&mut tx, prospect).await?.into_iter().find(Handoff::is_open);
    if let Some(handoff) = open.as_ref() {
        let locked =
            handoffs::lock(&mut tx, handoff.id).await?.ok_or_else(|| FlowError::Missing("the open handoff".to_owned()))?;
        let closed = locked.close(Outcome::Disqualified, None, now).map_err(|e| FlowError::Refused(e.to_string()))?;
        handoffs::store(&mut tx, &closed).await?;
        handoffs::add_event(&mut tx, closed.id, None, &HandoffEvent::Erased, "", now).await?;
        follow_ups::done(&mut tx, closed.id, now).await?;
    }
    reminders::done(&mut tx, &BTreeSet::from([prospect]), now).await?;
    let mut known_by = erasures::known_by(&mut tx, prospect).await?;
    for row in erasures::merged_into(&mut tx, prospect).await? {
        known_by.extend(erasures::known_by(&mut tx, row).await?);
    }
    reasons::erase(&mut tx, &known_by).await?;
    let mut erased = erasures::scrub(&mut tx, prospect, now).await?;
    let addresses = erasures::addresses(&mut tx, prospect).await?;
    for address in &addresses {
        erasures::stop(&mut tx, address, now).await?;
        erased += erasures::enquiries_from(&mut tx, address, now).await?;
        erased.forms += erasures::pending_forms(&mut tx, address, now).await?;
        erased.mails += unrecognised::remove_of(&mut tx, address).await?;
        erased += authored::by(&mut tx, address, now).await?;
    }
    signal_authors::remove_of(&mut tx, prospect).await?;
    erased += asked;
    // What they said counted for their colleagues too.
    assessment_queue::enqueue_with_colleagues(&mut tx, &[], &BTreeSet::from([prospect]), now).await?;
    for row in erasures::merged_into(&mut tx, prospect).await? {
        erased += erasures::scrub(&mut tx, row, now).await?;
        signal_authors::remove_of(&mut tx, row).await?;
        erasures::person(&mut tx, row).await?;
    }
    erasures::person(&mut tx, prospect).await?;
    erasures::companies(&mut tx, &addresses).await?;
    tx.commit().await?;
    ctx.wake();
    tracing::info!(%prospect, "forgotten");
    erased.mails += forget_set_aside(ctx, &addresses).await?;
    Ok(Forgotten { prospect: Some(prospect), handoff: open.map(|h| h.id), erased, known_by })
}

/// Whether an address stands in a mail that was set aside on this machine.
async fn is_set_aside(ctx: &Context, address: &Address) -> Result<bool, FlowError> {
    let (journal, address) = (ctx.plan().settings.stop_journal.clone(), address.clone());
    let found = tokio::task::spawn_blocking(move || set_aside::naming(&journal, &[address.as_str()])).await;
    let unable = |why: String| FlowError::Unable(format!("look through the mails that were set aside: {why}"));
    let found = found.map_err(|error| unable(error.to_string()))?.map_err(|error| unable(error.to_string()))?;
    Ok(!found.is_empty())
}

/// Removes the mails in which an address stands that were set aside on this machine because they could not be read. Returns how many. It
/// follows the commit: if it fails, the database has forgotten the person already.
async fn forget_set_aside(ctx: &Context, addresses: &[Address]) -> Result<u64, FlowError> {
    let (journal, addresses) = (ctx.plan().settings.stop_journal.clone(), addresses.to_vec());
    let removed = tokio::task::spawn_blocking(move || {
        let words: Vec<&str> = addresses.iter().map(Address::as_str).collect();
        set_aside::remove_naming(&journal, &words)
    });
    let unable = |why: String| {
        FlowError::Unable(format!("look through the mails that were set aside, but the database has forgotten the person: {why}"))
    };
    removed.await.map_err(|error| unable(error.to_string()))?.map_err(|error| unable(error.to_string()))
}
