//! The offers that a changed configuration makes: when, of whom and to whom, as `hand_off` would make them if nothing else
//! happened.

use crate::domain::criterion::Verdict;
use crate::domain::doorway::entry::Cause;
use crate::domain::id::{AccountId, Name, ProspectId};
use crate::domain::individual::handoff::entry;
use crate::domain::individual::routing::assign;
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::flow::context::FlowError;
use crate::flow::doorway::assess::KnownSignals;
use crate::flow::doorway::ramp;
use crate::store::engine::backend::Tx;
use crate::store::individual::handoffs;
use crate::store::people::verdicts::VerdictsByCriterion;
use crate::store::people::{accounts, prospects};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A prospect who will be offered.
#[derive(Debug, Clone)]
pub struct ToBeOffered {
    pub prospect: ProspectId,
    pub cause: Cause,
    /// Whether the ramp applies to them.
    pub by_rules: bool,
    /// Whether they were in the doorway already.
    pub waited: bool,
    pub at: Timestamp,
    /// The verdicts at that time.
    pub known: VerdictsByCriterion,
}

/// A future offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedOffer {
    pub prospect: ProspectId,
    pub address: Option<String>,
    pub cause: Cause,
    /// Whether they were in the doorway already.
    pub waited: bool,
    pub at: Timestamp,
    pub salesperson: Name,
}

/// The offers to one salesperson.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OfferShare {
    /// Leads and offers open now.
    pub open: u32,
    /// How many are offered at once.
    pub now: u64,
    /// How many are offered on later days.
    pub later: u64,
    pub last_at: Option<Timestamp>,
}

/// How many are loaded at a time.
const PAGE: usize = 1_000;

/// Prospects who wait in the doorway because rules changed, as the new configuration will find them: those who stay, in
/// order, each with a date. If the rules do not change, all stay.
pub async fn waiting(tx: &mut Tx, after: &Plan, other_rules: bool, now: Timestamp) -> Result<Vec<ToBeOffered>, FlowError> {
    let made = ramp::made_today(tx, after, now).await?;
    let ids: Vec<ProspectId> = ramp::waiting(tx, after, now).await?.into_iter().map(|(id, _)| id).collect();
    let (mut found, mut ahead) = (Vec::new(), 0);
    for page in ids.chunks(PAGE) {
        let people: BTreeMap<ProspectId, Prospect> = prospects::load(tx, page).await?.into_iter().map(|p| (p.id, p)).collect();
        let list: Vec<Prospect> = people.values().cloned().collect();
        let record = KnownSignals::load(tx, after, &list, Timestamp::MAX).await?;
        for prospect in page.iter().filter_map(|id| people.get(id)) {
            let (mut cause, mut asks, mut known) = (Cause::Ready, false, prospect.verdicts.clone());
            if other_rules {
                let q = record.assess(after, prospect, now);
                let earlier = handoffs::of_prospect(tx, prospect.id).await?;
                let entry = entry(prospect, &earlier);
                let Some(found) = entry.cause(&q) else { continue };
                (cause, asks, known) = (found, entry.asks(&q), verdicts_of(&q));
            }
            let at = if asks { now } else { offered_at(after, ahead, made, now) };
            ahead += usize::from(!asks);
            found.push(ToBeOffered { prospect: prospect.id, cause, by_rules: !asks, waited: true, at, known });
        }
    }
    Ok(found)
}

/// When the prospect with `ahead` others before them is offered.
pub fn offered_at(after: &Plan, ahead: usize, made: usize, now: Timestamp) -> Timestamp {
    after.ramp().map_or(now, |ramp| ramp.offered_at(ahead, made, now))
}

/// Routes the prospects in the order in which they will be handed off: first those to whom the ramp does not apply.
pub async fn route_offers(
    tx: &mut Tx,
    after: &Plan,
    mut coming: Vec<ToBeOffered>,
    now: Timestamp,
) -> Result<(Vec<PlannedOffer>, BTreeMap<Name, OfferShare>), FlowError> {
    coming.sort_by_key(|c| c.by_rules);
    let mut load = handoffs::load_of_all(tx).await?;
    let mut shares: BTreeMap<Name, OfferShare> =
        load.open.iter().map(|(id, open)| (id.clone(), OfferShare { open: *open, ..OfferShare::default() })).collect();
    let mut offers = Vec::new();
    // A colleague who is offered before makes the account that salesperson's.
    let mut planned: BTreeMap<AccountId, Vec<(ProspectId, Name)>> = BTreeMap::new();
    for page in coming.chunks(PAGE) {
        let ids: Vec<ProspectId> = page.iter().map(|c| c.prospect).collect();
        let people: BTreeMap<ProspectId, Prospect> = prospects::load(tx, &ids).await?.into_iter().map(|p| (p.id, p)).collect();
        let owners = accounts::owners(tx, &ids).await?;
        for coming in page {
            let Some(prospect) = people.get(&coming.prospect) else { continue };
            let prospect = Prospect { verdicts: coming.known.clone(), ..prospect.clone() };
            let mut owners = owners.get(&prospect.id).cloned().unwrap_or_default();
            for (colleague, to) in prospect.account.and_then(|account| planned.get(&account)).into_iter().flatten() {
                owners.offer(*colleague, to);
            }
            let salesperson = assign(&after.roster, &prospect, owners.first(), &load, &[]).salesperson().clone();
            if let Some(account) = prospect.account {
                planned.entry(account).or_default().push((prospect.id, salesperson.clone()));
            }
            *load.open.entry(salesperson.clone()).or_default() += 1;
            load.last_assigned_at.insert(salesperson.clone(), coming.at);
            let share = shares.entry(salesperson.clone()).or_default();
            *(if coming.at <= now { &mut share.now } else { &mut share.later }) += 1;
            share.last_at = share.last_at.max(Some(coming.at));
            let address = prospect.address.as_ref().map(ToString::to_string);
            let ToBeOffered { prospect, cause, waited, at, .. } = *coming;
            offers.push(PlannedOffer { prospect, address, cause, waited, at, salesperson });
        }
    }
    shares.retain(|_, share| share.now + share.later > 0);
    Ok((offers, shares))
}

/// The verdicts of a qualification, as they are stored.
pub fn verdicts_of(found: &crate::domain::doorway::qualification::Qualification) -> VerdictsByCriterion {
    let known = found.findings().iter().filter(|(_, finding)| finding.verdict != Verdict::Unknown);
    known.map(|(criterion, finding)| (criterion, finding.verdict)).collect()
}
