//! merge: two prospects turn out to be one person. The row is kept that sales know best, with the details of the one that was named
//! first; nothing is lost, and the stricter word holds.

use crate::domain::address::Address;
use crate::domain::consent::{Consent, Purpose};
use crate::domain::doorway::signal::NewSignal;
use crate::domain::id::ProspectId;
use crate::domain::individual::handoff::Handoff;
use crate::domain::preferences::Preferences;
use crate::domain::prospect::{Prospect, Standing};
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::{assessment_queue, signals};
use crate::store::engine::backend::Tx;
use crate::store::individual::handoffs;
use crate::store::operations::merges::{self, Kept, Moved};
use crate::store::people::former_addresses::{self, Cause};
use crate::store::people::prospects::{self, FieldChange};
use crate::store::people::{consents, preferences, suppressions};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// What a merge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// The row that is theirs now.
    pub kept: ProspectId,
    /// The row that was found to be the same person.
    pub merged: ProspectId,
    #[serde(flatten)]
    pub moved: Moved,
    /// Stops that hold for the other address too from now on.
    pub stops: u64,
}

/// One of the two rows.
struct Side {
    prospect: Prospect,
    handoffs: Vec<Handoff>,
    consents: Vec<Consent>,
    preferences: Preferences,
}

impl Side {
    async fn load(tx: &mut Tx, id: ProspectId, now: Timestamp) -> Result<Self, FlowError> {
        prospects::lock(tx, id).await?;
        Ok(Self {
            prospect: prospects::one(tx, id).await?,
            handoffs: handoffs::of_prospect(tx, id).await?,
            consents: consents::of(tx, id).await?,
            preferences: preferences::of(tx, id, now).await?,
        })
    }

    fn open(&self) -> Option<&Handoff> {
        self.handoffs.iter().find(|h| h.is_open())
    }

    /// How well sales know the row: an open handoff, then an end, then the latest handoff that came back.
    fn known_to_sales(&self) -> (bool, bool, Option<Timestamp>) {
        let latest = self.handoffs.iter().map(|h| h.opened_at).max();
        (self.open().is_some(), self.prospect.standing == Standing::Closed, latest)
    }

    /// The latest word about a purpose.
    fn says(&self, purpose: Purpose) -> Option<&Consent> {
        self.consents.iter().rev().find(|said| said.purpose == purpose)
    }
}

/// Merges the prospect at `other` with the one at `first`: one row, both addresses, and the first one is written to.
///
/// # Errors
/// When an address is no prospect's; when both are the same one; when both have an open handoff.
pub async fn merge(ctx: &Context, first: &Address, other: &Address) -> Result<Merged, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    let known = prospects::by_address(&mut tx, &[first, other]).await?;
    let id = |a: &Address| known.get(a).copied().ok_or_else(|| FlowError::Missing(format!("a prospect with the address {a}")));
    let (a, b) = (id(first)?, id(other)?);
    if a == b {
        return Err(FlowError::Refused(format!("{first} and {other} are one prospect already")));
    }
    // In the order of ids, so that two merges do not wait for each other.
    let (lower, higher) = (Side::load(&mut tx, a.min(b), now).await?, Side::load(&mut tx, a.max(b), now).await?);
    let (a, b) = if a < b { (lower, higher) } else { (higher, lower) };
    if let (Some(one), Some(two)) = (a.open(), b.open()) {
        return Err(FlowError::Refused(format!(
            "both have an open handoff: {} with {} and {} with {}; close one of them, then merge",
            one.id, one.salesperson, two.id, two.salesperson
        )));
    }
    let merged = join(&mut tx, a, b, now).await?;
    tx.commit().await?;
    ctx.wake();
    tracing::info!(kept = %merged.kept, merged = %merged.merged, "merged");
    Ok(merged)
}

async fn join(tx: &mut Tx, a: Side, b: Side, now: Timestamp) -> Result<Merged, FlowError> {
    let mut details = details(&a.prospect, &b.prospect);
    let (kept, gone) = if b.known_to_sales() > a.known_to_sales() { (&b, &a) } else { (&a, &b) };
    let (kept_id, gone_id) = (kept.prospect.id, gone.prospect.id);
    if let Some(open) = kept.open() {
        // Whoever has the open handoff is their salesperson, whatever the other row says.
        details.previous_salesperson = Some(open.salesperson.clone());
    }
    // What either said counted for the colleagues they had.
    let both = BTreeSet::from([kept_id, gone_id]);
    assessment_queue::enqueue_with_colleagues(tx, &[], &both, now).await?;
    let moved = merges::take_over(tx, gone_id, kept_id, now).await?;
    let wake_at = a.prospect.wake_at.max(b.prospect.wake_at);
    merges::keep(tx, &Kept { id: kept_id, details: &details, wake_at }).await?;
    let fields = details.fields.iter();
    let fields: Vec<_> = fields.map(|(name, v)| FieldChange { prospect: kept_id, name: name.as_str(), value: Some(v) }).collect();
    prospects::set_fields(tx, &fields).await?;
    let said: Vec<(ProspectId, Consent)> = gone.consents.iter().chain(&stricter(&a, &b)).map(|c| (kept_id, c.clone())).collect();
    consents::add(tx, &said, now).await?;

    preferences::choose(tx, kept_id, &a.preferences.joined(&b.preferences), "merged: the stricter word of two rows", now).await?;

    let mut stops = 0;
    if let (Some(own), Some(other)) = (&a.prospect.address, &b.prospect.address) {
        former_addresses::set_own(tx, kept_id, own, a.prospect.account).await?;
        former_addresses::add(tx, kept_id, other, Cause::Merged, now).await?;
        stops = suppressions::follow(tx, other, own, now).await? + suppressions::follow(tx, own, own, now).await?;
        let signal = NewSignal::merged(kept_id, gone_id, other, now);
        signals::append(tx, &[(Some(kept_id), &signal)], now).await?;
    }
    assessment_queue::enqueue_with_colleagues(tx, &[], &BTreeSet::from([kept_id]), now).await?;
    assessment_queue::enqueue(tx, [(kept_id, now)]).await?;
    Ok(Merged { kept: kept_id, merged: gone_id, moved, stops })
}

/// The details of the one, and in its blanks those of the other.
fn details(a: &Prospect, b: &Prospect) -> Prospect {
    let mut one = a.clone();
    one.name = one.name.or_else(|| b.name.clone());
    one.phone = one.phone.or_else(|| b.phone.clone());
    one.company = one.company.or_else(|| b.company.clone());
    one.previous_salesperson = one.previous_salesperson.or_else(|| b.previous_salesperson.clone());
    for (name, value) in &b.fields {
        one.fields.entry(name.clone()).or_insert_with(|| value.clone());
    }
    one
}

/// A no that is to be said last, where one of them said no and another yes.
fn stricter(a: &Side, b: &Side) -> Vec<Consent> {
    let no = |purpose| {
        let (one, two) = (a.says(purpose)?, b.says(purpose)?);
        let refused = [one, two].into_iter().find(|said| !said.given)?;
        let source = format!("merged: one of two rows said no ({})", refused.source);
        (one.given != two.given).then_some(Consent { purpose, given: false, source, given_at: None, wording: None })
    };
    [Purpose::Mail, Purpose::Tracking].into_iter().filter_map(no).collect()
}
