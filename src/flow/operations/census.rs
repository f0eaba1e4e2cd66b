//! census: counts every prospect by the law of conservation, a page at a time, so that a million fit into the memory of a
//! few thousand. It only reads; `sweep` handles prospects without a future.

use crate::domain::audience::Audience;
use crate::domain::census::{Census, Group};
use crate::domain::group::campaign::Campaign;
use crate::domain::id::{Name, ProspectId};
use crate::domain::plan::Plan;
use crate::domain::span::Span;
use crate::flow::context::FlowError;
use crate::store::engine::backend::{Store, Tx};
use crate::store::group::campaigns::State;
use crate::store::group::{audiences, campaigns};
use crate::store::individual::enquiries;
use crate::store::operations::audience_facts::Facts;
use crate::store::operations::conservation::{self, Adrift, Page};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tokio::sync::Mutex;

/// How many prospects one statement reads.
pub const PAGE: i64 = 20_000;

/// Within this time every enquiry has reached a queue.
pub const HEARD_WITHIN: Span = Span::hours(1);

/// The query for every page: the campaigns that come again, the people on the roster, and the time.
#[derive(Debug)]
pub struct CensusQuery {
    /// Each with its topic.
    audiences: Vec<(Audience, Option<Name>)>,
    ours: Vec<Name>,
    now: Timestamp,
}

impl CensusQuery {
    /// The query as of now.
    pub async fn ask(plan: &Plan, tx: &mut Tx, now: Timestamp) -> Result<Self, FlowError> {
        let states = campaigns::all(tx).await?;
        let audiences = coming(plan, &states, now).map(|campaign| (campaign.audience.clone(), campaign.topic.clone())).collect();
        Ok(Self { audiences, ours: plan.roster.owners().cloned().collect(), now })
    }

    /// Counts the prospects with ids after the first and up to the last.
    pub async fn count(&self, tx: &mut Tx, after: ProspectId, up_to: ProspectId) -> Result<Census, FlowError> {
        let (facts, ours) = self.parts();
        let page = Page { facts: &facts, ours: &ours, after, up_to, now: self.now };
        let mut census = Census::begin(self.now);
        for alike in conservation::count(tx, page).await? {
            // A prospect in the doorway or on a queue is counted there; a campaign outranks a wake date and a review.
            let is_reached = alike.truth.is_some_and(|truth| facts.fit(&truth));
            census.add(if is_reached { Group::Campaign } else { alike.group }, alike.prospects);
            census.in_two += alike.in_two;
        }
        Ok(census)
    }

    /// The prospects of the page for whom nothing will ever be due.
    pub async fn adrift(&self, tx: &mut Tx, after: ProspectId, up_to: ProspectId) -> Result<Vec<Adrift>, FlowError> {
        let (facts, ours) = self.parts();
        let mut adrift = conservation::adrift(tx, Page { facts: &facts, ours: &ours, after, up_to, now: self.now }).await?;
        adrift.retain(|found| !found.truth.as_ref().is_some_and(|truth| facts.fit(truth)));
        Ok(adrift)
    }

    fn parts(&self) -> (Facts<'_>, Vec<&Name>) {
        let audiences = self.audiences.iter().map(|(audience, topic)| (audience, topic.as_ref()));
        (Facts::of(audiences), self.ours.iter().collect())
    }
}

/// Counts the open enquiries, and those that are on the queue of no salesperson, nor of the manager; one younger than [`HEARD_WITHIN`] is on its way.
pub async fn count_enquiries(tx: &mut Tx, plan: &Plan, census: &mut Census, now: Timestamp) -> Result<(), FlowError> {
    let ours: Vec<&Name> = plan.roster.owners().collect();
    (census.enquiries, census.unheard) = enquiries::counts(tx, &ours, HEARD_WITHIN.before(now)).await?;
    Ok(())
}

/// The campaigns that come again: configured, not paused, with a newsletter to send and another occurrence. A prospect in
/// the audience of one has a next step, even if no newsletter is left for them this time.
pub fn coming<'a>(
    plan: &'a Plan,
    states: &'a BTreeMap<Name, State>,
    now: Timestamp,
) -> impl Iterator<Item = &'a Campaign> + use<'a> {
    let runs = |campaign: &&Campaign| states.get(&campaign.name).is_none_or(|state| state.paused.is_none());
    let comes = move |campaign: &&Campaign| !campaign.newsletters.is_empty() && campaign.schedule.after(now).is_some();
    plan.campaigns.iter().filter(runs).filter(comes)
}

/// Counts all prospects.
pub async fn take(store: &Store, plan: &Plan, now: Timestamp) -> Result<Census, FlowError> {
    let mut tx = store.read().await?;
    let question = CensusQuery::ask(plan, &mut tx, now).await?;
    let last = audiences::last(&mut tx).await?;
    let mut census = Census::begin(question.now);
    census.prospects = conservation::all(&mut tx, last).await?;
    count_enquiries(&mut tx, plan, &mut census, now).await?;
    drop(tx);
    // Two tasks count at a time. Prospects are never deleted, so each is in one page, whichever task counts it.
    let cursor = Mutex::new(ProspectId(0));
    let (one, two) = tokio::try_join!(pages(store, &question, &cursor, last), pages(store, &question, &cursor, last))?;
    census.join(&one);
    census.join(&two);
    Ok(census)
}

/// Counts pages no other task has taken, until there are no more.
async fn pages(store: &Store, question: &CensusQuery, cursor: &Mutex<ProspectId>, last: ProspectId) -> Result<Census, FlowError> {
    let mut census = Census::begin(question.now);
    loop {
        // One transaction per page: a long one would keep SQLite from truncating its log.
        let mut tx = store.read().await?;
        let mut next = cursor.lock().await;
        let after = *next;
        let up_to = audiences::window(&mut tx, after, PAGE).await?.min(last);
        if up_to <= after {
            return Ok(census);
        }
        *next = up_to;
        drop(next);
        census.join(&question.count(&mut tx, after, up_to).await?);
    }
}
