//! readdress: a prospect writes from another address and stays the same prospect, with everything known of them. What they
//! refused is refused at the new address too.

use crate::domain::address::Address;
use crate::domain::doorway::signal::NewSignal;
use crate::domain::id::{AccountId, ProspectId};
use crate::domain::prospect::Prospect;
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::{assessment_queue, signals};
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::people::accounts::{self, Company};
use crate::store::people::former_addresses::{self, Cause};
use crate::store::people::{prospects, suppressions};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// What a change of address did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Readdressed {
    pub prospect: ProspectId,
    /// Stops of the old address that hold at the new one from now on.
    pub stops: u64,
}

/// Changes the address of the prospect who has the old one.
///
/// # Errors
/// When no prospect has the old address; when another prospect has or had the new one; when it is an erased person's.
pub async fn change(ctx: &Context, old: &Address, new: &Address) -> Result<Readdressed, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    let known = prospects::by_address(&mut tx, &[old, new]).await?;
    let id = *known.get(old).ok_or_else(|| FlowError::Missing("a prospect with the old address".to_owned()))?;
    prospects::lock(&mut tx, id).await?;
    let prospect = prospects::one(&mut tx, id).await?;
    if prospect.address.as_ref() != Some(old) {
        return Err(FlowError::Refused(format!("{old} was theirs once; name the address they have now")));
    }
    if old == new {
        return Err(FlowError::Refused("the two addresses are the same".to_owned()));
    }
    if known.get(new).is_some_and(|other| *other != id) {
        let merge = format!("nurtured prospects merge {old} {new}");
        return Err(FlowError::Refused(format!("another prospect has or had {new}; if both are one person: {merge}")));
    }
    if suppressions::of(&mut tx, &[new]).await?.iter().any(|s| s.address != new.as_str()) {
        return Err(FlowError::Refused("whoever has the new address asked to be forgotten".to_owned()));
    }
    let stops = readdress(&mut tx, &prospect, new, "by hand", now).await?;
    tx.commit().await?;
    ctx.wake();
    tracing::info!(prospect = %id, stops, "has another address");
    Ok(Readdressed { prospect: id, stops })
}

/// Gives a prospect an address that no other prospect has or had. The caller commits. Returns how many stops follow them.
pub async fn readdress(tx: &mut Tx, of: &Prospect, new: &Address, source: &str, now: Timestamp) -> Result<u64, StoreError> {
    let Some(old) = &of.address else { return Ok(0) };
    let itself = BTreeSet::from([of.id]);
    // What they said counted for the colleagues they had.
    assessment_queue::enqueue_with_colleagues(tx, &[], &itself, now).await?;
    former_addresses::remove(tx, new).await?;
    let account = account_of(tx, new).await?;
    former_addresses::set_own(tx, of.id, new, account).await?;
    former_addresses::add(tx, of.id, old, Cause::Changed, now).await?;
    let stops = suppressions::follow(tx, old, new, now).await?;
    let signal = NewSignal::readdressed(of.id, old, new, source, now);
    signals::append(tx, &[(Some(of.id), &signal)], now).await?;
    assessment_queue::enqueue_with_colleagues(tx, &[], &itself, now).await?;
    assessment_queue::enqueue(tx, [(of.id, now)]).await?;
    Ok(stops)
}

/// The account of an address; none at a mailbox provider.
async fn account_of(tx: &mut Tx, address: &Address) -> Result<Option<AccountId>, StoreError> {
    let Some(domain) = address.company_domain() else { return Ok(None) };
    let found = accounts::find_or_add(tx, &[Company { domain, name: None }]).await?;
    Ok(found.get(domain).copied())
}
