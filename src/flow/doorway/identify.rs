//! identify: who the people of a page are, before they are admitted. Whoever was forgotten is left out; whoever comes under a former
//! address is taken for whose it was; whoever comes by a known id under another address has that address from now on.

use super::readdress::readdress;
use crate::domain::address::Address;
use crate::domain::doorway::arrival::Arrival;
use crate::domain::doorway::external_id::{ExternalId, may_be};
use crate::domain::id::ProspectId;
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::people::external_ids::{self, Whose};
use crate::store::people::suppressions::Suppression;
use crate::store::people::{erasure_keys, former_addresses, prospects, suppressions};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The people of a page, each once and under the address they have now.
#[derive(Debug, Default)]
pub struct Identified {
    pub arrivals: Vec<Arrival>,
    pub counts: Counts,
}

/// What was found out about who they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// People who asked to be forgotten: nothing of them is stored.
    pub forgotten: u64,
    /// Known prospects who have another address now.
    pub readdressed: u64,
    /// Ids that are another prospect's already, and do not fit this person: the id was left out.
    pub doubtful: u64,
    /// Rows that turned out to be a person of another row of the page.
    #[serde(skip)]
    pub repeated: u64,
}

/// Says who they are, and gives those who moved their new address. The caller commits.
pub async fn identify(tx: &mut Tx, arrivals: &[Arrival], source: &str, now: Timestamp) -> Result<Identified, StoreError> {
    let addresses: Vec<&Address> = arrivals.iter().map(|a| &a.address).collect();
    let hashes = erasure_keys::load(tx).await?;
    let stopped: BTreeSet<String> = suppressions::of(tx, &addresses).await?.into_iter().map(|s: Suppression| s.address).collect();
    let erased = |address: &Address| !stopped.is_empty() && hashes.all(address).iter().any(|hash| stopped.contains(hash));
    let ids: Vec<&ExternalId> = arrivals.iter().filter_map(|a| a.external_id.as_ref()).collect();
    let whose = external_ids::find(tx, &ids, &hashes).await?;
    let known = if ids.is_empty() { BTreeMap::new() } else { prospects::by_address(tx, &addresses).await? };

    let mut found = Identified::default();
    let mut seen: BTreeMap<&ExternalId, &Address> = BTreeMap::new();
    for arrival in arrivals {
        let id = arrival.external_id.as_ref().and_then(|id| Some((id, whose.get(id)?)));
        if erased(&arrival.address) || matches!(id, Some((_, Whose::Erased))) {
            found.counts.forgotten += 1;
            continue;
        }
        let mut person = arrival.clone();
        if let Some(id) = &arrival.external_id {
            // An id that stands twice in a page under two addresses identifies nobody.
            let first = *seen.entry(id).or_insert(&arrival.address) == &arrival.address;
            let holder = whose.get(id).and_then(|whose| if let Whose::Known(holder) = whose { Some(*holder) } else { None });
            let fits = match (holder, known.get(&arrival.address)) {
                (None, _) => first,
                (Some(holder), Some(own)) => holder == *own,
                (Some(holder), None) => first && moves(tx, holder, arrival, source, now).await?,
            };
            if !fits {
                person.external_id = None;
                found.counts.doubtful += 1;
            } else if holder.is_some() && !known.contains_key(&arrival.address) {
                found.counts.readdressed += 1;
            }
        }
        found.arrivals.push(person);
    }
    under_their_own(tx, found).await
}

/// Whether the holder of an id is this person, who then has this address from now on.
async fn moves(tx: &mut Tx, holder: ProspectId, arrival: &Arrival, source: &str, now: Timestamp) -> Result<bool, StoreError> {
    prospects::lock(tx, holder).await?;
    let prospect = prospects::one(tx, holder).await?;
    let fits = may_be(&prospect, arrival.name.as_deref(), &arrival.address);
    if fits {
        readdress(tx, &prospect, &arrival.address, source, now).await?;
    }
    Ok(fits)
}

/// Puts the address that a person has now in the place of a former one, and joins the rows that are one person's.
async fn under_their_own(tx: &mut Tx, found: Identified) -> Result<Identified, StoreError> {
    let addresses: Vec<&Address> = found.arrivals.iter().map(|a| &a.address).collect();
    let current = former_addresses::current(tx, &addresses).await?;
    if current.is_empty() {
        return Ok(found);
    }
    let mut joined = Identified { arrivals: Vec::new(), ..found };
    let mut places: BTreeMap<Address, usize> = BTreeMap::new();
    for mut arrival in found.arrivals {
        if let Some(own) = current.get(&arrival.address) {
            arrival.address = own.clone();
        }
        match places.entry(arrival.address.clone()) {
            Entry::Occupied(place) => {
                joined.arrivals[*place.get()].merge(arrival);
                joined.counts.repeated += 1;
            }
            Entry::Vacant(place) => {
                place.insert(joined.arrivals.len());
                joined.arrivals.push(arrival);
            }
        }
    }
    Ok(joined)
}
