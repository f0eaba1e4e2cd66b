//! forget: one person is erased, in one transaction. What they said, their address and the letters about them go; the
//! rows stay without them, so that counts reconcile; and the address stays stopped under its hash.

use crate::domain::address::Address;
use crate::domain::id::{HandoffId, ProspectId};
use crate::domain::individual::event::HandoffEvent;
use crate::domain::individual::handoff::{Handoff, Outcome};
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::assessments;
use crate::store::individual::{follow_ups, handoffs};
use crate::store::operations::erasures::{self, Erased};
use crate::store::people::prospects;
use serde::Serialize;
use std::collections::BTreeSet;

/// What forgetting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    pub prospect: ProspectId,
    /// The handoff that was open, and is closed now.
    pub handoff: Option<HandoffId>,
    #[serde(flatten)]
    pub erased: Erased,
}

/// Forgets the prospect with this address. Their salesperson's lead is closed as disqualified; nothing is lifted, and the
/// address stays stopped on every channel when a list brings it back.
///
/// # Errors
/// The store's; when no prospect has the address.
pub async fn forget(ctx: &Context, address: &Address) -> Result<Forgotten, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    let known = prospects::by_address(&mut tx, &[address]).await?;
    let prospect = *known.get(address).ok_or_else(|| FlowError::Missing("a prospect with that address".to_owned()))?;
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
    follow_ups::done_alone(&mut tx, prospect, now).await?;
    erasures::stop(&mut tx, address, now).await?;
    let erased = erasures::scrub(&mut tx, prospect, now).await?;
    // What they said counted for their colleagues too.
    assessments::leave(&mut tx, &[], &BTreeSet::from([prospect]), now).await?;
    prospects::erase(&mut tx, prospect).await?;
    tx.commit().await?;
    ctx.wake();
    tracing::info!(%prospect, "forgotten");
    Ok(Forgotten { prospect, handoff: open.map(|h| h.id), erased })
}
