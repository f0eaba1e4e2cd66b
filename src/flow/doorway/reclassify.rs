//! Reclassify: every hit on record is judged again by the rules of this version. What comes out otherwise is appended as a
//! judgement; what a colleague judged by hand stays.
//!
//! What a request showed beside its agent is not kept, so that a HEAD request or a prefetch stays what it was; of hits of the first
//! versions nothing is kept, and only how soon they came can be judged.

use super::hit::JUDGE;
use super::judge;
use crate::domain::doorway::machine::{self, Machine, Passed};
use crate::domain::doorway::sweep;
use crate::domain::id::{DeliveryId, Name, ProspectId, SignalId};
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::hits::{self, Kept};
use crate::store::doorway::reclassifications;
use crate::store::engine::backend::Tx;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many hits are judged at once.
const PAGE: i64 = 500;

/// A hit that is judged otherwise now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Change {
    pub signal: SignalId,
    pub prospect: ProspectId,
    /// Why it was a machine's; none for a person's.
    pub was: Option<Machine>,
    pub is: Option<Machine>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reclassified {
    /// How many hits were looked at.
    pub hits: u64,
    pub changes: Vec<Change>,
}

impl Reclassified {
    /// The signals that count no longer, with their prospects.
    pub fn withdrawn(&self) -> Vec<(SignalId, ProspectId)> {
        self.changes.iter().filter(|change| change.is.is_some()).map(|change| (change.signal, change.prospect)).collect()
    }
}

/// Judges every hit anew, page by page; what changes of a page is written in one transaction. With `dry_run` nothing is written.
///
/// # Errors
/// Those of the store; pages before it stay judged.
pub async fn reclassify(ctx: &Context, dry_run: bool) -> Result<Reclassified, FlowError> {
    let (by, note) = (Name::parse(JUDGE).expect("a name"), format!("the rules of {}", env!("CARGO_PKG_VERSION")));
    let (mut done, mut last) = (Reclassified::default(), SignalId(0));
    loop {
        let mut tx = ctx.store().read().await?;
        let page = hits::after(&mut tx, last, PAGE).await?;
        let Some(end) = page.last().map(|hit| hit.passed.signal) else { break };
        let mut changes = changes(&mut tx, &page).await?;
        drop(tx);
        if !dry_run && !changes.is_empty() {
            let now = ctx.now();
            let mut tx = ctx.store().write().await?;
            let mut changed = BTreeSet::new();
            let reasons: BTreeSet<Option<Machine>> = changes.iter().map(|change| change.is).collect();
            for is in reasons {
                let of: Vec<SignalId> = changes.iter().filter(|change| change.is == is).map(|change| change.signal).collect();
                // A colleague may have judged since it was read.
                let judged = reclassifications::add_by_rules(&mut tx, &of, is, &by, &note, now).await?;
                judge::concern(&mut tx, &judged, is.is_some(), now).await?;
                changed.extend(judged.into_iter().map(|(signal, _)| signal));
            }
            tx.commit().await?;
            changes.retain(|change| changed.contains(&change.signal));
            ctx.wake();
        }
        done.hits += page.len() as u64;
        done.changes.extend(changes);
        last = end;
    }
    Ok(done)
}

async fn changes(tx: &mut Tx, page: &[Kept]) -> Result<Vec<Change>, FlowError> {
    let together = together(tx, page).await?;
    let change = |hit: &Kept| {
        let was = hit.judged.as_ref().map_or(hit.machine, |(_, judged)| *judged);
        let is = judged_now(hit, &together);
        (was.is_some() != is.is_some()).then_some(Change { signal: hit.passed.signal, prospect: hit.passed.prospect, was, is })
    };
    Ok(page.iter().filter(|hit| is_judged_by_rules(hit)).filter_map(change).collect())
}

/// Whether the rules of now judge a hit: nobody did by hand, and what it was judged by is kept.
fn is_judged_by_rules(hit: &Kept) -> bool {
    let is_by_hand = hit.judged.as_ref().is_some_and(|(by, _)| by != JUDGE);
    let by_agent_or_time = hit.machine.is_none_or(|machine| machine.is_of_agent() || machine == Machine::Soon);
    let judged = hit.judged.as_ref().and_then(|(_, judged)| *judged);
    let by_time = hit.machine.or(judged).is_none_or(|machine| machine == Machine::Soon);
    !is_by_hand && if hit.is_kept { by_agent_or_time } else { by_time }
}

/// What a hit is by the rules of now.
fn judged_now(hit: &Kept, together: &BTreeMap<SignalId, Machine>) -> Option<Machine> {
    let soon = || hit.handed_over_at.is_some_and(|at| machine::too_soon(at, hit.passed.at)).then_some(Machine::Soon);
    if !hit.is_kept {
        return soon();
    }
    // Of a crowd or a sweep that was, some hits may have been erased since.
    let by_rules = hit.judged.as_ref().filter(|(by, _)| by == JUDGE).and_then(|(_, judged)| *judged);
    let was = by_rules.filter(|machine| matches!(machine, Machine::Crowd | Machine::Trap));
    let is = || was.or_else(|| together.get(&hit.passed.signal).copied());
    Machine::of_agent(hit.agent.as_deref()).or_else(soon).or_else(is)
}

/// What the hits of a page are by the hits around them.
async fn together(tx: &mut Tx, page: &[Kept]) -> Result<BTreeMap<SignalId, Machine>, FlowError> {
    let mails: BTreeSet<DeliveryId> = page.iter().filter_map(|hit| hit.delivery).collect();
    let swept = sweep::sweeps(&hits::of_trapped(tx, &mails.into_iter().collect::<Vec<_>>()).await?);
    let mut together: BTreeMap<_, _> = crowd(tx, page).await?.into_iter().map(|signal| (signal, Machine::Crowd)).collect();
    together.extend(swept.into_iter().map(|signal| (signal, Machine::Trap)));
    Ok(together)
}

/// The hits of a page that are part of a crowd, with the hits around the page.
async fn crowd(tx: &mut Tx, page: &[Kept]) -> Result<BTreeSet<SignalId>, FlowError> {
    let of_companies = || page.iter().filter(|hit| !hit.passed.company.is_empty()).map(|hit| &hit.passed);
    let mut by_network: BTreeMap<&str, (Timestamp, Timestamp)> = BTreeMap::new();
    for Passed { network, at, .. } in of_companies() {
        by_network
            .entry(network)
            .and_modify(|(from, to)| (*from, *to) = ((*from).min(*at), (*to).max(*at)))
            .or_insert((*at, *at));
    }
    let mut around: Vec<Passed> = of_companies().cloned().collect();
    for (network, (from, to)) in by_network {
        around.extend(hits::around(tx, [network].into_iter(), from, to).await?);
    }
    around.sort_by_key(|passed| passed.signal);
    around.dedup_by_key(|passed| passed.signal);
    Ok(machine::crowds(&around))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_one_of_a_crowd_stays_so_when_another_of_it_is_erased() {
        let hit = |agent: &str, judged: Option<Machine>| Kept {
            passed: Passed {
                signal: SignalId(1),
                prospect: ProspectId(1),
                network: "n".to_owned(),
                company: "albareda.example".to_owned(),
                at: Timestamp::UNIX_EPOCH,
            },
            delivery: None,
            agent: Some(agent.to_owned()),
            is_kept: true,
            handed_over_at: None,
            machine: None,
            judged: judged.map(|machine| (JUDGE.to_owned(), Some(machine))),
        };
        let (browser, nobody) = ("Mozilla/5.0 (X11; Linux x86_64; rv:152.0) Gecko/20100101 Firefox/152.0", BTreeMap::new());
        assert_eq!(judged_now(&hit(browser, Some(Machine::Crowd)), &nobody), Some(Machine::Crowd));
        assert_eq!(judged_now(&hit(browser, Some(Machine::Trap)), &nobody), Some(Machine::Trap));
        assert_eq!(judged_now(&hit("curl/8.5.0", Some(Machine::Crowd)), &nobody), Some(Machine::Agent));
        assert_eq!(judged_now(&hit(browser, Some(Machine::Agent)), &nobody), None);
        assert_eq!(judged_now(&hit(browser, None), &nobody), None);
        // Of what is kept no longer, a judgement that took more than its time stays.
        let gone = Kept { is_kept: false, ..hit("", Some(Machine::Agent)) };
        assert!(!is_judged_by_rules(&gone) && is_judged_by_rules(&hit(browser, Some(Machine::Agent))));
    }
}
