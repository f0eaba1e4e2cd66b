//! api: what other systems report under an idempotency key. A repetition counts once and gets the same answer; another body under the
//! same key is refused, because one of the two would be lost unseen.

use super::admit::{Admitted, admit};
use super::observe::{self, Observed};
use super::take;
use crate::domain::address::Address;
use crate::domain::doorway::arrival::Arrival;
use crate::domain::doorway::signal::NewSignal;
use crate::domain::id::ProspectId;
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::api_keys::{self, Claimed};
use crate::store::people::prospects;
use jiff::civil::Date;
use std::collections::BTreeMap;

pub use crate::store::doorway::api_keys::ApiKey;

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called<T> {
    /// It was carried out now, or is the same as before.
    Done(T),
    /// The same call was answered before, in these words.
    Again(String),
    /// Another body came under this key before.
    OtherBody,
}

/// Appends a signal. The key is claimed first, in a transaction of its own: whatever dies between the two, the signal is recorded
/// once, by its own key. An address of no prospect gives the key back, for when it is one.
pub async fn report(ctx: &Context, key: &ApiKey, signal: NewSignal) -> Result<Called<Observed>, FlowError> {
    let mut tx = ctx.store().write().await?;
    let claimed = api_keys::claim(&mut tx, key, ctx.now()).await?;
    tx.commit().await?;
    if claimed == Claimed::Other {
        return Ok(Called::OtherBody);
    }
    let observed = take::take(ctx, signal).await?;
    if observed == Observed::Unknown {
        let mut tx = ctx.store().write().await?;
        api_keys::release(&mut tx, key).await?;
        tx.commit().await?;
    }
    Ok(Called::Done(observed))
}

/// Appends a page of signals, none of which waits for a confirmation, in one transaction with their keys. `dry` says what would become
/// of them, and keeps nothing.
pub async fn report_page(ctx: &Context, calls: &[(ApiKey, NewSignal)], dry: bool) -> Result<Vec<Called<Observed>>, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut tx = ctx.store().write().await?;
    let mut news = Vec::new();
    let mut decided = Vec::new();
    for (key, signal) in calls {
        let called = match api_keys::claim(&mut tx, key, now).await? {
            Claimed::Other => Some(Called::OtherBody),
            Claimed::New | Claimed::Again(_) => {
                let is_kept = !take::is_of_forgotten(&mut tx, &plan, signal, now).await?;
                news.extend(is_kept.then(|| signal.clone()));
                (!is_kept).then_some(Called::Done(Observed::Pending))
            }
        };
        decided.push(called);
    }
    let mut observed = observe::write(&mut tx, &plan, &news, now).await?.into_iter();
    let mut called = Vec::new();
    for ((key, _), decided) in calls.iter().zip(decided) {
        if let Some(decided) = decided {
            called.push(decided);
            continue;
        }
        let observed = observed.next().unwrap_or(Observed::Unknown);
        if observed == Observed::Unknown {
            api_keys::release(&mut tx, key).await?;
        }
        called.push(Called::Done(observed));
    }
    if dry {
        tx.rollback().await?;
    } else {
        observe::commit(ctx, tx).await?;
    }
    Ok(called)
}

/// What became of a page of prospects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageAdmitted {
    pub count: Admitted,
    /// The prospects of the page, each with whether it was known before.
    pub prospects: BTreeMap<Address, (ProspectId, bool)>,
}

/// Admits a page of prospects, in one transaction with its key. `answer` puts into words what is kept for a repetition.
pub async fn admit_page(
    ctx: &Context,
    key: Option<&ApiKey>,
    arrivals: Vec<Arrival>,
    source: &str,
    as_of: Option<Date>,
    answer: impl FnOnce(&PageAdmitted) -> String,
) -> Result<Called<PageAdmitted>, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut tx = ctx.store().write().await?;
    if let Some(key) = key {
        match api_keys::claim(&mut tx, key, now).await? {
            Claimed::New | Claimed::Again(None) => {}
            Claimed::Again(Some(answer)) => return Ok(Called::Again(answer)),
            Claimed::Other => return Ok(Called::OtherBody),
        }
    }
    // One page holds a person once; what stands later goes before.
    let mut people: BTreeMap<Address, Arrival> = BTreeMap::new();
    for arrival in arrivals {
        match people.get_mut(&arrival.address) {
            Some(earlier) => earlier.merge(arrival),
            None => drop(people.insert(arrival.address.clone(), arrival)),
        }
    }
    let addresses: Vec<Address> = people.keys().cloned().collect();
    let people: Vec<Arrival> = people.into_values().collect();
    let of: Vec<&Address> = addresses.iter().collect();
    let before = prospects::by_address(&mut tx, &of).await?;
    let count = admit(&mut tx, &plan, &people, source, as_of, now).await?;
    let after = prospects::by_address(&mut tx, &of).await?;
    let prospects = after.into_iter().map(|(address, id)| (address.clone(), (id, before.contains_key(&address)))).collect();
    let page = PageAdmitted { count, prospects };
    if let Some(key) = key {
        api_keys::answered(&mut tx, key, &answer(&page)).await?;
    }
    tx.commit().await?;
    ctx.wake();
    Ok(Called::Done(page))
}
