//! Reads the whole history partition by partition, with as many tasks as there are processors. The first pass finds what
//! each prospect can have reached at most, and so who must be replayed; then come their colleagues' statements; then their
//! pasts.

use crate::domain::doorway::account::Colleague;
use crate::domain::doorway::reach::Reach;
use crate::domain::doorway::replay::{Episode, Past, Recorded};
use crate::domain::doorway::rule::Qualifying;
use crate::domain::doorway::signal::{Judged, Signal};
use crate::domain::id::{AccountId, ProspectId, SignalId};
use crate::flow::context::FlowError;
use crate::store::doorway::history::{self, PROSPECTS, Sealed, Shelf};
use crate::store::doorway::replay_inputs::{self, Decided, Person, Stretch};
use crate::store::engine::backend::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::task::JoinSet;

/// How many partitions each task reads at a time.
const PAGE: i64 = 16;

/// Called with the number of partitions read and their total; a history is read up to three times.
pub type Progress = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// The history recorded up to an instant, and the prospects that must be replayed.
#[derive(Debug)]
pub struct HistoryScan {
    store: Store,
    up_to: SignalId,
    shelves: i64,
    /// The prospects to replay, by number.
    chosen: Vec<ProspectId>,
    /// The members of each account; empty where the rules do not count the account.
    members: Vec<(AccountId, ProspectId)>,
    /// The part of history for which only segments need to be read again.
    sealed: Sealed,
    /// The colleagues of chosen prospects who made statements that may count for them, by number.
    speakers: Vec<ProspectId>,
    /// Their statements, by partition.
    stated: BTreeMap<i64, Shelf>,
}

/// A prospect, the decisions about them, and their past.
#[derive(Debug)]
pub struct Life {
    pub person: Person,
    /// The decisions, in order.
    pub decided: Vec<Decided>,
    /// The past to replay; `None` once the prospect is erased.
    pub past: Option<Past>,
}

impl HistoryScan {
    /// Reads the whole history once and chooses whom to replay.
    pub async fn survey(store: &Store, rules: Arc<Qualifying>, tell: &Progress) -> Result<Self, FlowError> {
        let mut tx = store.read().await?;
        let (up_to, shelves) = history::extent(&mut tx).await?;
        let judged: Arc<BTreeSet<ProspectId>> = Arc::new(replay_inputs::judged_about(&mut tx).await?.into_iter().collect());
        let mut chosen: BTreeSet<ProspectId> = replay_inputs::decided_about(&mut tx).await?.into_iter().collect();
        let members = if rules.asks_the_account() { replay_inputs::members(&mut tx).await? } else { Vec::new() };
        drop(tx);
        let mut whole = Self {
            store: store.clone(),
            up_to,
            shelves,
            chosen: Vec::new(),
            members,
            sealed: Sealed::new(),
            speakers: Vec::new(),
            stated: BTreeMap::new(),
        };
        let pages = whole.go_through(tell, {
            let (store, rules) = (store.clone(), rules.clone());
            move |shelves: Range<i64>| {
                let (store, rules, judged) = (store.clone(), rules.clone(), judged.clone());
                async move { survey_page(&store, &rules, &judged, shelves, up_to).await }
            }
        });
        let (reach, sealed): (Vec<Vec<Reach>>, Vec<Sealed>) = pages.await?.into_iter().unzip();
        let (reach, sealed): (Vec<Reach>, Sealed) = (reach.concat(), sealed.into_iter().flatten().collect());
        let of = |id: ProspectId| usize::try_from(id.0).ok().and_then(|i| reach.get(i)).copied().unwrap_or_default();
        let enough = |reach: Reach| reach.asks() || rules.met_at_most(reach) >= 4;
        let alone = (0..).zip(&reach).filter(|(_, reach)| enough(**reach)).map(|(id, _)| ProspectId(id));
        chosen.extend(alone);
        let mut speakers = BTreeSet::new();
        let mut asked: Vec<(AccountId, ProspectId)> = Vec::new();
        for account in whole.members.chunk_by(|a, b| a.0 == b.0) {
            let theirs = account.iter().fold(Reach::default(), |all, (_, id)| all | of(*id).for_a_colleague());
            chosen.extend(account.iter().map(|(_, id)| *id).filter(|id| enough(of(*id) | theirs)));
            let for_others = |id: &ProspectId| account.iter().any(|(_, other)| other != id && chosen.contains(other));
            let before = speakers.len();
            speakers.extend(account.iter().map(|(_, id)| *id).filter(|id| of(*id).speaks() && for_others(id)));
            if speakers.len() > before {
                asked.extend(account);
            }
        }
        // Accounts without a statement that may count for a colleague need nothing more.
        asked.shrink_to_fit();
        whole.members = asked;
        whole.chosen = chosen.into_iter().collect();
        drop(reach);
        if !speakers.is_empty() {
            let (store, seen) = (store.clone(), Arc::new(sealed.clone()));
            let told = Arc::new(speakers.clone());
            let pages = whole.go_through(tell, move |shelves: Range<i64>| {
                let (store, rules, speakers, seen) = (store.clone(), rules.clone(), told.clone(), seen.clone());
                async move { stated_page(&store, &rules, &speakers, shelves, up_to, &seen).await }
            });
            whole.stated = pages.await?.into_iter().flatten().map(|shelf| (shelf.number, shelf)).collect();
            whole.speakers = speakers.into_iter().collect();
        }
        whole.sealed = sealed;
        Ok(whole)
    }

    /// Replays every chosen prospect; returns what `each` makes of their lives, ordered by prospect number.
    pub async fn replay<T, E>(self: &Arc<Self>, tell: &Progress, each: E) -> Result<Vec<T>, FlowError>
    where
        T: Send + 'static,
        E: Fn(Life) -> Result<T, FlowError> + Clone + Send + Sync + 'static,
    {
        let whole = self.clone();
        let pages = self.go_through(tell, move |shelves: Range<i64>| {
            let (whole, each) = (whole.clone(), each.clone());
            async move { whole.lives(shelves).await?.into_iter().map(each).collect::<Result<Vec<T>, _>>() }
        });
        Ok(pages.await?.into_iter().flatten().collect())
    }

    /// Runs `work` on every page of partitions, on all processors; the results are in the order of the partitions.
    async fn go_through<T, W, F>(&self, tell: &Progress, work: W) -> Result<Vec<T>, FlowError>
    where
        T: Send + 'static,
        W: Fn(Range<i64>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<T, FlowError>> + Send,
    {
        let next = Arc::new(AtomicI64::new(0));
        let shelves = self.shelves;
        let mut tasks = JoinSet::new();
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(4) {
            let (next, work, tell) = (next.clone(), work.clone(), tell.clone());
            tasks.spawn(async move {
                let mut found = Vec::new();
                loop {
                    let first = next.fetch_add(PAGE, Ordering::Relaxed);
                    if first >= shelves {
                        return Ok::<_, FlowError>(found);
                    }
                    let page = first..shelves.min(first + PAGE);
                    tell(page.end.unsigned_abs(), shelves.unsigned_abs());
                    found.push((first, work(page).await?));
                }
            });
        }
        let mut found = Vec::new();
        while let Some(done) = tasks.join_next().await {
            found.extend(done.map_err(|e| FlowError::Unable(format!("go through history: {e}")))??);
        }
        found.sort_by_key(|(first, _)| *first);
        Ok(found.into_iter().map(|(_, page)| page).collect())
    }

    /// The lives of the chosen prospects in some partitions.
    async fn lives(&self, shelves: Range<i64>) -> Result<Vec<Life>, FlowError> {
        let within = |id: i64| self.chosen.partition_point(|chosen| chosen.0 < id);
        let chosen = &self.chosen[within(shelves.start * PROSPECTS)..within(shelves.end * PROSPECTS)];
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.store.read().await?;
        let people = replay_inputs::people(&mut tx, chosen).await?;
        let mut decided = replay_inputs::decided(&mut tx, chosen).await?;
        let mut suppressed = replay_inputs::suppressed(&mut tx, chosen).await?;
        let theirs: BTreeSet<ProspectId> = people.iter().flat_map(|p| self.colleagues_of(p)).collect();
        let theirs: Vec<ProspectId> = theirs.into_iter().collect();
        let called = replay_inputs::people(&mut tx, &theirs).await?;
        let called: BTreeMap<ProspectId, String> = called.into_iter().filter_map(|p| Some((p.prospect, p.name?))).collect();
        let judgements = replay_inputs::judgements(&mut tx, &[chosen, &theirs].concat()).await?;
        let shelves = history::read(&mut tx, shelves, self.up_to, &self.sealed).await?;
        drop(tx);
        let mut signals: BTreeMap<ProspectId, Vec<Signal>> = BTreeMap::new();
        for shelf in shelves {
            signals.extend(shelf.signals(|id| chosen.binary_search(&id).is_ok())?);
        }
        let mut stated: BTreeMap<ProspectId, Vec<Signal>> = BTreeMap::new();
        for of_shelf in theirs.chunk_by(|a, b| a.0 / PROSPECTS == b.0 / PROSPECTS) {
            if let Some(shelf) = self.stated.get(&(of_shelf[0].0 / PROSPECTS)) {
                stated.extend(shelf.signals(|id| of_shelf.binary_search(&id).is_ok())?);
            }
        }
        let life = |person: Person| {
            let id = person.prospect;
            let decided = decided.remove(&id).unwrap_or_default();
            let past = (!person.erased).then(|| {
                let colleague = |id: ProspectId| {
                    let (prospect, name) = (id, called.get(&id).cloned()?);
                    Some(Colleague { prospect, name, signals: stated.get(&id)?.clone() })
                };
                let colleagues: Vec<Colleague> = self.colleagues_of(&person).filter_map(colleague).collect();
                let judged = std::iter::once(&id).chain(colleagues.iter().map(|c| &c.prospect));
                let judgements = judged.filter_map(|id| judgements.get(id)).flatten().copied().collect();
                past(&person, &decided, signals.remove(&id).unwrap_or_default(), colleagues, judgements, suppressed.remove(&id))
            });
            Life { person, decided, past }
        };
        Ok(people.into_iter().map(life).collect())
    }

    /// The colleagues of the same account who made statements, by number.
    fn colleagues_of(&self, person: &Person) -> impl Iterator<Item = ProspectId> {
        let (account, own) = (person.account, person.prospect);
        let account = account.map_or(&self.members[..0], |account| {
            let first = self.members.partition_point(|(of, _)| *of < account);
            let length = self.members[first..].partition_point(|(of, _)| *of == account);
            &self.members[first..first + length]
        });
        account.iter().map(|(_, id)| *id).filter(move |id| *id != own && self.speakers.binary_search(id).is_ok())
    }
}

async fn survey_page(
    store: &Store,
    rules: &Qualifying,
    judged: &BTreeSet<ProspectId>,
    shelves: Range<i64>,
    up_to: SignalId,
) -> Result<(Vec<Reach>, Sealed), FlowError> {
    let (first, last) = (shelves.start * PROSPECTS, shelves.end * PROSPECTS);
    let mut tx = store.read().await?;
    let read = history::read(&mut tx, shelves, up_to, &Sealed::new()).await?;
    drop(tx);
    let sealed = read.iter().filter_map(|shelf| Some((shelf.number, shelf.sealed?))).collect();
    let mut reach = vec![Reach::default(); usize::try_from(last - first).unwrap_or(0)];
    for shelf in read {
        for (prospect, found) in shelf.survey(|id| judged.contains(&id), |signal| rules.reach(signal))? {
            if let Some(reach) = usize::try_from(prospect.0 - first).ok().and_then(|i| reach.get_mut(i)) {
                *reach = found;
            }
        }
    }
    Ok((reach, sealed))
}

async fn stated_page(
    store: &Store,
    rules: &Qualifying,
    speakers: &BTreeSet<ProspectId>,
    shelves: Range<i64>,
    up_to: SignalId,
    seen: &Sealed,
) -> Result<Vec<Shelf>, FlowError> {
    let (first, last) = (ProspectId(shelves.start * PROSPECTS), ProspectId(shelves.end * PROSPECTS));
    if speakers.range(first..last).next().is_none() {
        return Ok(Vec::new());
    }
    let mut tx = store.read().await?;
    let read = history::read(&mut tx, shelves, up_to, seen).await?;
    drop(tx);
    let kept = read
        .iter()
        .filter_map(|shelf| shelf.only(|id| speakers.contains(&id), |signal| rules.reach(signal).speaks()).transpose());
    Ok(kept.collect::<Result<_, _>>()?)
}

/// A past from the record: an episode begins with a return to nurture, and ends with an outcome.
fn past(
    person: &Person,
    decided: &[Decided],
    signals: Vec<Signal>,
    colleagues: Vec<Colleague>,
    mut judgements: Vec<(SignalId, Judged)>,
    suppressed: Option<Vec<Stretch>>,
) -> Past {
    judgements.sort_by_key(|(_, judged)| judged.recorded_at);
    let mut episodes = Vec::new();
    let first = Episode { number: 1, started_at: person.admitted_at, ended_at: None, answered_at: None, recorded: Vec::new() };
    let mut open = Some(first);
    for decision in decided {
        let Some(episode) = &mut open else { break };
        let withdrawn_at = if decision.handoff.is_none() { decision.settled_at } else { None };
        episode.recorded.push(Recorded { at: decision.at, known_up_to: decision.known_up_to, withdrawn_at });
        let ended = decision.handoff.as_ref().and_then(|h| Some((h.closed_at?, h.outcome?, h.opened_at)));
        if let Some((ended_at, outcome, opened_at)) = ended {
            let number = episode.number + 1;
            episode.ended_at = Some(ended_at);
            episodes.extend(open.take());
            let again =
                Episode { number, started_at: ended_at, ended_at: None, answered_at: Some(opened_at), recorded: Vec::new() };
            open = outcome.returns().then_some(again);
        }
    }
    episodes.extend(open);
    Past { signals, colleagues, judgements, episodes, suppressed: suppressed.unwrap_or_default() }
}
