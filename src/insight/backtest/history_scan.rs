//! History scan: every signal on record is read once, by as many tasks as there are processors, for what each prospect can have
//! reached at most. That tells who has to be replayed; their pasts, and what their colleagues stated, are then read for them alone.

use crate::domain::doorway::account::Colleague;
use crate::domain::doorway::reach::Reach;
use crate::domain::doorway::replay::{Episode, Past, Recorded};
use crate::domain::doorway::rule::Qualifying;
use crate::domain::doorway::signal::{Detail, Judged, Signal};
use crate::domain::id::{AccountId, ProspectId, SignalId};
use crate::flow::context::FlowError;
use crate::store::doorway::{history, signals};
use crate::store::engine::backend::Store;
use crate::store::operations::replay_inputs::{self, Decided, Person, Stretch};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::task::JoinSet;

/// How many signals a task scans at a time, and how many prospects it replays.
const SCANNED: i64 = 100_000;
const REPLAYED: i64 = 500;

/// Told how many of how many signals have been scanned, and then how many of how many prospects replayed.
pub type Progress = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// Who has to be replayed of everybody who ever gave a signal.
#[derive(Debug)]
pub struct HistoryScan {
    store: Store,
    rules: Arc<Qualifying>,
    up_to: SignalId,
    /// Who has to be replayed, by number.
    chosen: Vec<ProspectId>,
    /// Who belongs to which account, by account; nobody where the rules do not ask the account.
    members: Vec<(AccountId, ProspectId)>,
    /// Who stated something that may count for somebody else who was chosen, by number.
    speakers: Vec<ProspectId>,
}

/// A prospect, what was decided about them, and their past.
#[derive(Debug)]
pub struct Life {
    pub person: Person,
    /// What was decided, in order.
    pub decided: Vec<Decided>,
    /// What to replay; none once they are erased.
    pub past: Option<Past>,
}

impl HistoryScan {
    /// Reads every signal there is, and chooses.
    pub async fn survey(store: &Store, rules: Arc<Qualifying>, tell: &Progress) -> Result<Self, FlowError> {
        let mut tx = store.read().await?;
        let (up_to, last) = history::extent(&mut tx).await?;
        let judged: Arc<BTreeSet<ProspectId>> = Arc::new(replay_inputs::judged_about(&mut tx).await?.into_iter().collect());
        let mut chosen: BTreeSet<ProspectId> = replay_inputs::decided_about(&mut tx).await?.into_iter().collect();
        let mut members = if rules.asks_the_account() { replay_inputs::members(&mut tx).await? } else { Vec::new() };
        drop(tx);
        let pages = Pages::of(SCANNED, up_to.0, tell);
        let tasks = on_every_processor(|| reached(store.clone(), rules.clone(), judged.clone(), pages.clone(), last));
        let mut reach: Vec<Reach> = Vec::new();
        for found in tasks.await? {
            if reach.is_empty() {
                reach = found;
            } else {
                reach.iter_mut().zip(found).for_each(|(reach, found)| *reach |= found);
            }
        }
        let of = |id: ProspectId| place(id).and_then(|i| reach.get(i)).copied().unwrap_or_default();
        let enough = |reach: Reach| reach.asks() || rules.met_at_most(reach) >= 4;
        let alone = (0..).zip(&reach).filter(|(_, reach)| enough(**reach)).map(|(id, _)| ProspectId(id));
        chosen.extend(alone);
        let mut speakers = BTreeSet::new();
        // Of accounts in which nobody says anything for anybody, nothing more is asked: the others move up in their place.
        let (mut first, mut asked) = (0, 0);
        while let Some((of_account, _)) = members.get(first).copied() {
            let end = first + members[first..].partition_point(|(of, _)| *of == of_account);
            let account = &members[first..end];
            let theirs = account.iter().fold(Reach::default(), |all, (_, id)| all | of(*id).for_a_colleague());
            chosen.extend(account.iter().map(|(_, id)| *id).filter(|id| enough(of(*id) | theirs)));
            let for_others = |id: &ProspectId| account.iter().any(|(_, other)| other != id && chosen.contains(other));
            let before = speakers.len();
            speakers.extend(account.iter().map(|(_, id)| *id).filter(|id| of(*id).speaks() && for_others(id)));
            if speakers.len() > before {
                members.copy_within(first..end, asked);
                asked += end - first;
            }
            first = end;
        }
        members.truncate(asked);
        members.shrink_to_fit();
        drop(reach);
        let (chosen, speakers) = (chosen.into_iter().collect(), speakers.into_iter().collect());
        Ok(Self { store: store.clone(), rules, up_to, chosen, members, speakers })
    }

    /// Replays everybody who has to be: what `each` makes of their lives, in the order of their numbers.
    ///
    /// # Errors
    /// The store's, or those of `each`.
    pub async fn replay<T, E>(self: &Arc<Self>, tell: &Progress, each: E) -> Result<Vec<T>, FlowError>
    where
        T: Send + 'static,
        E: Fn(Life) -> Result<T, FlowError> + Clone + Send + Sync + 'static,
    {
        let pages = Pages::of(REPLAYED, i64::try_from(self.chosen.len()).unwrap_or(i64::MAX), tell);
        let tasks = on_every_processor(|| {
            let (scan, each, pages) = (self.clone(), each.clone(), pages.clone());
            async move {
                let mut found = Vec::new();
                while let Some(page) = pages.next() {
                    let lives = scan.lives(&page).await?.into_iter().map(&each).collect::<Result<Vec<T>, _>>()?;
                    found.push((page.start, lives));
                }
                Ok(found)
            }
        });
        let mut found: Vec<(i64, Vec<T>)> = tasks.await?.into_iter().flatten().collect();
        found.sort_by_key(|(first, _)| *first);
        Ok(found.into_iter().flat_map(|(_, lives)| lives).collect())
    }

    /// The lives of some of those who have to be replayed, by their places among them.
    async fn lives(&self, places: &Range<i64>) -> Result<Vec<Life>, FlowError> {
        let within = |place: i64| usize::try_from(place).unwrap_or(usize::MAX);
        let chosen = self.chosen.get(within(places.start)..within(places.end)).unwrap_or_default();
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
        let merged: Vec<_> = called.iter().filter_map(|p| Some((p.prospect, p.merged_at?))).collect();
        let called: BTreeMap<ProspectId, String> = called.into_iter().filter_map(|p| Some((p.prospect, p.name?))).collect();
        let judgements = replay_inputs::judgements(&mut tx, &[chosen, &theirs].concat()).await?;
        let mut signals = signals::recorded(&mut tx, chosen, self.up_to).await?;
        let mut stated = signals::stated(&mut tx, &theirs, self.up_to).await?;
        drop(tx);
        for of in stated.values_mut() {
            of.retain(|signal| self.rules.reach(signal).speaks());
        }
        stated.retain(|_, of| !of.is_empty());
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
                let (signals, suppressed) = (signals.remove(&id).unwrap_or_default(), suppressed.remove(&id));
                Past { merged: merged.clone(), ..past(&person, &decided, signals, colleagues, judgements, suppressed) }
            });
            Life { person, decided, past }
        };
        Ok(people.into_iter().map(life).collect())
    }

    /// Those of the same account who stated something, by number.
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

/// Numbers from zero on, a page at a time: every task takes the next one as soon as it is free.
#[derive(Clone)]
struct Pages {
    size: i64,
    end: i64,
    next: Arc<AtomicI64>,
    tell: Progress,
}

impl Pages {
    fn of(size: i64, end: i64, tell: &Progress) -> Self {
        Self { size, end, next: Arc::default(), tell: tell.clone() }
    }

    fn next(&self) -> Option<Range<i64>> {
        let first = self.next.fetch_add(self.size, Ordering::Relaxed);
        if first >= self.end {
            return None;
        }
        let page = first..self.end.min(first + self.size);
        (self.tell)(page.end.unsigned_abs(), self.end.unsigned_abs());
        Some(page)
    }
}

/// Runs the same task on each of up to four processors; what each of them gives.
async fn on_every_processor<T, F>(task: impl Fn() -> F) -> Result<Vec<T>, FlowError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, FlowError>> + Send + 'static,
{
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(4);
    let mut tasks: JoinSet<_> = (0..processors).map(|_| task()).collect();
    let mut found = Vec::new();
    while let Some(done) = tasks.join_next().await {
        found.push(done.map_err(|e| FlowError::Unable(format!("go through history: {e}")))??);
    }
    Ok(found)
}

/// What prospects reach at most by the signals of some pages, each at the place of its number. A machine's signals are passed over,
/// unless they are of a prospect of whom a judgement is on record.
async fn reached(
    store: Store,
    rules: Arc<Qualifying>,
    judged: Arc<BTreeSet<ProspectId>>,
    pages: Pages,
    last: ProspectId,
) -> Result<Vec<Reach>, FlowError> {
    let mut reach = vec![Reach::default(); place(last).map_or(0, |last| last + 1)];
    while let Some(page) = pages.next() {
        let mut tx = store.read().await?;
        let signals = SignalId(page.start)..SignalId(page.end);
        history::scan(
            &mut tx,
            signals,
            |detail| rules.reach(&saying(detail)),
            |signal| {
                let counts = !signal.is_machine || judged.contains(&signal.prospect);
                if let Some(reach) = place(signal.prospect).and_then(|i| reach.get_mut(i)).filter(|_| counts) {
                    *reach |= signal.detail;
                }
            },
        )
        .await?;
    }
    Ok(reach)
}

fn place(prospect: ProspectId) -> Option<usize> {
    usize::try_from(prospect.0).ok()
}

/// A signal of nobody that says this: what it reaches is told from its words alone.
fn saying(detail: Detail) -> Signal {
    Signal {
        id: SignalId(0),
        prospect: None,
        occurred_at: Timestamp::UNIX_EPOCH,
        recorded_at: Timestamp::UNIX_EPOCH,
        delivery: None,
        issue: None,
        by: None,
        machine: None,
        judged: None,
        detail,
    }
}

/// A past as the record tells it: episodes begin with a return, and end with an outcome.
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
    episodes.extend(open.map(|open| Episode { ended_at: person.merged_at, ..open }));
    Past { signals, colleagues, judgements, episodes, suppressed: suppressed.unwrap_or_default(), merged: Vec::new() }
}
