//! deliver: claimed ranges of deliveries go to the relay. Mark, send, result: two writes with the network between.
//!
//! Marks and results share group commits. Whatever is not recorded is not sent; whatever was marked and has no result
//! is in doubt, and is repeated at most once, with the same bytes.

use super::context::{Context, FlowError, Progress};
use crate::clock::Clock;
use crate::domain::delivery::{DOUBTFUL_TRIES, Reply, State, retry_after};
use crate::domain::id::{DeliveryId, IssueId, ProspectId};
use crate::domain::issue::Hole;
use crate::domain::signal::{About, Detail, NewSignal};
use crate::domain::span::Span;
use crate::mail::prepared::Prepared;
use crate::mail::relay::{Connection, Relay};
use crate::mail::token::{Kind, Signer, Token};
use crate::store::attempts::{self, Mark, Outcome};
use crate::store::backend::{Store, StoreError, Tx};
use crate::store::batch::Batch;
use crate::store::deliveries::{self, Open};
use crate::store::leases::{self, Lease};
use crate::store::suppressions::{self, Channel, Stop};
use crate::store::{assessments, issues, signals};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::Mutex;

/// How long a lease holds before it must be renewed.
const LEASE: Span = Span::minutes(5);
/// How long a relay that does not serve us is left alone.
const BACK_OFF: Span = Span::minutes(1);
/// How many marks or results share one commit at most.
const GROUP: usize = 512;

/// The doors through which marks and results are written together.
#[derive(Clone)]
pub struct Doors {
    marks: Batch<Mark, bool>,
    results: Batch<Finished, bool>,
}

/// A result, and what else it means.
struct Finished {
    outcome: Outcome,
    /// The mailbox does not exist: whose, and what the relay said.
    gone: Option<(String, String)>,
}

impl Doors {
    /// Opens the doors; their tasks end with the last clone.
    #[must_use]
    pub fn open(store: &Store, clock: &Arc<dyn Clock>) -> Self {
        let (at_mark, at_result) = (clock.clone(), clock.clone());
        let marks = Batch::open(store.clone(), GROUP, move |tx: &mut Tx, marks: &[Mark]| {
            let now = at_mark.now();
            Box::pin(async move {
                let marked = attempts::mark(tx, marks, now).await?;
                Ok(marks.iter().map(|m| marked.contains(&m.delivery)).collect())
            })
        });
        let results = Batch::open(store.clone(), GROUP, move |tx: &mut Tx, finished: &[Finished]| {
            let now = at_result.now();
            Box::pin(record(tx, finished, now))
        });
        Self { marks, results }
    }
}

/// Claims one range that is due and works through it.
///
/// # Errors
/// The store's. What could not be recorded was not sent, or is in doubt and will be swept.
pub async fn deliver(ctx: &Context, doors: &Doors) -> Result<Progress, FlowError> {
    let now = ctx.now();
    let mut read = ctx.store().read().await?;
    let due = leases::next_due(&mut read).await?;
    drop(read);
    if due.is_none_or(|at| at > now) {
        return Ok(Progress::until(due));
    }
    let mut tx = ctx.store().write().await?;
    let Some(lease) = leases::claim(&mut tx, ctx.node(), now, LEASE.after(now)).await? else {
        return Ok(Progress::Idle);
    };
    work_through(ctx, doors, tx, lease).await
}

/// Works through what is due of one issue and leaves all others alone: how a test copy goes the way of live ones.
/// Idle when nothing of it is due, or another node is at it.
///
/// # Errors
/// As [`deliver`].
pub async fn deliver_issue(ctx: &Context, doors: &Doors, issue: IssueId) -> Result<Progress, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    match leases::claim_of(&mut tx, issue, ctx.node(), now, LEASE.after(now)).await? {
        Some(lease) => work_through(ctx, doors, tx, lease).await,
        None => Ok(Progress::Idle),
    }
}

/// What follows a claim, whose transaction it commits.
async fn work_through(ctx: &Context, doors: &Doors, mut tx: Tx, lease: Lease) -> Result<Progress, FlowError> {
    let open = deliveries::open_in(&mut tx, lease.issue, lease.first, lease.last).await?;
    let issue = issues::load(&mut tx, lease.issue).await?;
    tx.commit().await?;

    let message = issue.map(|i| Prepared::from_json(&i.message)).transpose();
    let again_at = match message {
        Ok(Some(message)) => Range::new(ctx, doors, lease, message, open).work().await?,
        _ if open.is_empty() => None,
        _ => return Err(FlowError::Unable(format!("read the prepared message of issue {}", lease.issue))),
    };
    let mut tx = ctx.store().write().await?;
    leases::release(&mut tx, &lease, again_at, ctx.now()).await?;
    tx.commit().await?;
    Ok(Progress::Done)
}

/// One range in hand, shared by its connections.
struct Range<'a> {
    ctx: &'a Context,
    doors: &'a Doors,
    issue: IssueId,
    message: Prepared,
    relay: Relay,
    return_path: (String, String),
    lease: Mutex<Lease>,
    todo: Mutex<Vec<Open>>,
    /// When what remains should be tried again.
    again_at: Mutex<Option<Timestamp>>,
}

impl<'a> Range<'a> {
    fn new(ctx: &'a Context, doors: &'a Doors, lease: Lease, message: Prepared, mut open: Vec<Open>) -> Self {
        let smtp = ctx.plan().settings.smtp.clone();
        let return_path = (smtp.return_path.local().to_owned(), smtp.return_path.domain().to_owned());
        let now = ctx.now();
        let waiting = |row: &Open| row.retry_at.filter(|at| *at > now);
        let again_at = open.iter().filter_map(waiting).min();
        open.retain(|row| waiting(row).is_none());
        open.reverse(); // taken from the end, so in order
        Self {
            ctx,
            doors,
            issue: lease.issue,
            message,
            relay: ctx.relay(),
            return_path,
            lease: Mutex::new(lease),
            todo: Mutex::new(open),
            again_at: Mutex::new(again_at),
        }
    }

    /// Works through the range on several connections; returns when to come back to it, if ever.
    async fn work(self) -> Result<Option<Timestamp>, FlowError> {
        let rows = self.todo.lock().await.len();
        let connections = self.ctx.plan().settings.smtp.connections.min(rows);
        let workers = (0..connections).map(|_| self.connection());
        for done in futures_util::future::join_all(workers).await {
            done?;
        }
        let left = self.todo.into_inner();
        let mut again_at = self.again_at.into_inner();
        if !left.is_empty() {
            // Stopped in between: whoever comes next goes on at once. Otherwise the relay is left alone for a while.
            let now = self.ctx.now();
            again_at = Some(if self.ctx.is_stopping() { now } else { BACK_OFF.after(now) });
        }
        Ok(again_at)
    }

    /// One connection: opened before anything is marked, so that a relay that is down costs no delivery an attempt.
    async fn connection(&self) -> Result<(), FlowError> {
        let mut connection: Option<Connection> = None;
        let mut bytes = Vec::new();
        loop {
            if self.ctx.is_stopping() {
                break;
            }
            let Some(row) = self.todo.lock().await.pop() else { break };
            let mut open = match connection.take().filter(Connection::is_usable) {
                Some(open) => open,
                None => match self.relay.connect().await {
                    Ok(open) => open,
                    Err(why) => {
                        tracing::warn!(error = %why, "relay not available; backing off");
                        self.todo.lock().await.push(row);
                        return Ok(());
                    }
                },
            };
            let (sent, mark) = match self.mark(&row).await? {
                Marked::Yes(mark) => {
                    let path = self.fill(&row, &mut bytes);
                    (open.send(&path, &row.address, &bytes).await, mark)
                }
                Marked::No => {
                    connection = Some(open);
                    continue;
                }
            };
            connection = Some(open);
            self.finish(&row, mark, sent).await?;
        }
        if let Some(open) = connection.filter(Connection::is_usable) {
            open.quit().await;
        }
        Ok(())
    }

    async fn mark(&self, row: &Open) -> Result<Marked, FlowError> {
        let lease = self.lease_in_hand().await?;
        if row.in_doubt && row.marks >= DOUBTFUL_TRIES {
            let reply = "two tries ended in doubt".to_owned();
            self.write(row, row.number + 1, lease, State::Uncertain, None, Some(reply), None).await?;
            return Ok(Marked::No);
        }
        let mark = Mark { delivery: row.id, number: row.number + 1, lease: lease.id, fence: lease.fence };
        Ok(if self.doors.marks.write(mark).await? { Marked::Yes(lease) } else { Marked::No })
    }

    /// The lease, renewed in time.
    async fn lease_in_hand(&self) -> Result<Lease, FlowError> {
        let mut lease = self.lease.lock().await;
        let now = self.ctx.now();
        if Span::minutes(2).after(now) > lease.until {
            let until = LEASE.after(now);
            let mut tx = self.ctx.store().write().await?;
            if leases::renew(&mut tx, &lease, until).await? {
                tx.commit().await?;
                lease.until = until;
            }
        }
        Ok(*lease)
    }

    /// Splices the tokens into the prepared bytes; returns the return path.
    fn fill(&self, row: &Open, bytes: &mut Vec<u8>) -> String {
        let (signer, issue) = (self.ctx.signer(), self.issue.0);
        bytes.clear();
        self.message.fill(&row.address, |hole| token(signer, hole, row, issue), bytes);
        let token = signer.caseless(Token { kind: Kind::ReturnPath, id: row.id.0, ordinal: 0 });
        format!("{}+{token}@{}", self.return_path.0, self.return_path.1)
    }

    async fn finish(&self, row: &Open, lease: Lease, reply: Reply) -> Result<(), FlowError> {
        let now = self.ctx.now();
        let first = row.first_marked_at.unwrap_or(now);
        let tries = row.marks + 1;
        let retry = |words: String| match retry_after(tries + 1, first, now) {
            Some(wait) => (State::Pending, Some(jitter(wait, row.id).after(now)), Some(words), None),
            None => (State::Failed, None, Some(words), None),
        };
        let (state, retry_at, words, gone) = match reply {
            Reply::Accepted => (State::Accepted, None, None, None),
            Reply::NoMailbox(words) => (State::Failed, None, Some(words.clone()), Some((row.address.to_string(), words))),
            Reply::Refused(words) => (State::Failed, None, Some(words), None),
            Reply::Later(words) | Reply::BrokenBefore(words) => retry(words),
            Reply::RelayDown(words) => (State::Pending, Some(BACK_OFF.after(now)), Some(words), None),
            Reply::BrokenAfter(words) if tries >= DOUBTFUL_TRIES => (State::Uncertain, None, Some(words), None),
            Reply::BrokenAfter(words) => (State::Pending, Some(Span::minutes(5).after(now)), Some(words), None),
        };
        self.write(row, row.number + 2, lease, state, retry_at, words, gone).await
    }

    #[expect(clippy::too_many_arguments, reason = "one row, written in one place")]
    async fn write(
        &self,
        row: &Open,
        number: i64,
        lease: Lease,
        state: State,
        retry_at: Option<Timestamp>,
        reply: Option<String>,
        gone: Option<(String, String)>,
    ) -> Result<(), FlowError> {
        let outcome = Outcome {
            delivery: row.id,
            number,
            lease: lease.id,
            fence: lease.fence,
            state,
            retry_at: retry_at.map(Timestamp::as_millisecond),
            reply,
        };
        if !self.doors.results.write(Finished { outcome, gone }).await? {
            tracing::warn!(delivery = %row.id, "result dropped: the lease was lost");
        }
        if let Some(at) = retry_at {
            let mut again_at = self.again_at.lock().await;
            *again_at = Some(again_at.map_or(at, |earlier| earlier.min(at)));
        }
        Ok(())
    }
}

enum Marked {
    Yes(Lease),
    No,
}

/// Fills a hole for a delivery. An untracked recipient's links carry the issue, which identifies nobody.
fn token(signer: &Signer, hole: Hole, row: &Open, issue: i64) -> [u8; crate::mail::token::WIDTH] {
    let (kind, id, ordinal) = match hole {
        Hole::Click(n) if row.tracked => (Kind::Click, row.id.0, n),
        Hole::Click(n) => (Kind::AnonymousClick, issue, n),
        Hole::Answer(n) => (Kind::Answer, row.id.0, n),
        Hole::Unsubscribe => (Kind::Unsubscribe, row.id.0, 0),
        Hole::To | Hole::MessageId => (Kind::MessageId, row.id.0, 0),
    };
    signer.sign(Token { kind, id, ordinal }, "")
}

/// Twenty per cent either way, from the delivery's number: the same on every node, spread over a list.
fn jitter(wait: Span, id: DeliveryId) -> Span {
    let share = id.0.wrapping_mul(2_654_435_761).rem_euclid(41) - 20;
    Span::minutes((wait.rough_minutes() * (100 + share) / 100).max(1))
}

/// Writes results; a mailbox that does not exist is suppressed and becomes a signal in the same transaction.
async fn record(tx: &mut Tx, finished: &[Finished], now: Timestamp) -> Result<Vec<bool>, StoreError> {
    let outcomes: Vec<Outcome> = finished.iter().map(|f| f.outcome.clone()).collect();
    let recorded = attempts::record(tx, &outcomes, now).await?;
    let gone: Vec<_> =
        finished.iter().filter(|f| recorded.contains(&f.outcome.delivery)).filter_map(|f| Some((f, f.gone.as_ref()?))).collect();
    if !gone.is_empty() {
        let stops: Vec<Stop> = gone.iter().map(|(_, (address, words))| bounced(address, words)).collect();
        suppressions::add(tx, &stops, now).await?;
        let mut news = Vec::new();
        for (f, (_, words)) in &gone {
            let origin = deliveries::origin(tx, f.outcome.delivery).await?;
            let prospect = origin.as_ref().and_then(|o| o.prospect);
            news.push((prospect, refused(f.outcome.delivery, origin.map(|o| o.issue), prospect, words, now)));
        }
        let rows: Vec<_> = news.iter().map(|(prospect, signal)| (*prospect, signal)).collect();
        signals::append(tx, &rows, now).await?;
        assessments::mark(tx, rows.iter().filter_map(|(p, _)| Some(((*p)?, now)))).await?;
    }
    Ok(finished.iter().map(|f| recorded.contains(&f.outcome.delivery)).collect())
}

fn bounced(address: &str, words: &str) -> Stop {
    Stop {
        address: address.to_owned(),
        channel: Channel::Email,
        reason: "bounced",
        source: format!("refused at delivery: {}", crate::domain::signal::excerpt(words, 100)),
    }
}

fn refused(delivery: DeliveryId, issue: Option<IssueId>, prospect: Option<ProspectId>, words: &str, now: Timestamp) -> NewSignal {
    NewSignal {
        about: prospect.map_or(About::Nobody, About::Prospect),
        once: format!("bounce:{delivery}"),
        occurred_at: now,
        delivery: Some(delivery),
        issue,
        by: None,
        machine: None,
        detail: Detail::Bounce { hard: true, status: None, diagnostic: words.to_owned() },
    }
}
