//! Connections: each marks a few deliveries ahead, sends them one after the other, and has their results recorded,
//! all three at the same time.
//!
//! A permit stands for each delivery that is marked and has no result yet: their number bounds how many mails a crash
//! can repeat. It is taken before the mark and given back when the result is durable.

use super::context::{Context, FlowError};
use super::doors::{Doors, Finished};
use crate::domain::delivery::{DOUBTFUL_TRIES, Reply, State, retry_after};
use crate::domain::id::DeliveryId;
use crate::domain::issue::Hole;
use crate::domain::span::Span;
use crate::mail::prepared::Prepared;
use crate::mail::relay::Connection;
use crate::mail::token::{Kind, Signer, Token, WIDTH};
use crate::store::attempts::{Mark, Outcome};
use crate::store::deliveries::Open;
use crate::store::leases::{self, Lease};
use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};

/// How long a lease holds before it must be renewed.
pub const LEASE: Span = Span::minutes(5);
/// How long a relay that does not serve us is left alone.
pub const BACK_OFF: Span = Span::minutes(1);
/// How many deliveries of one connection may be marked without a result: what one crash can repeat.
pub const MAX_IN_DOUBT: usize = 4;

/// A range in hand.
pub struct Range {
    lease: Mutex<Lease>,
    message: Arc<Prepared>,
    /// The relay did not serve us while we were at it.
    pub relay_down: AtomicBool,
}

/// One delivery of a range.
pub struct Job {
    /// The delivery.
    pub row: Open,
    /// Its range.
    pub range: Arc<Range>,
}

/// A delivery between its mark and its result.
struct Marked {
    job: Job,
    lease: Lease,
    permit: OwnedSemaphorePermit,
}

/// The connections of one node, fed from one channel.
pub struct Connections<'a> {
    ctx: &'a Context,
    doors: &'a Doors,
    jobs: Mutex<mpsc::Receiver<Job>>,
    /// Jobs of connections that were turned away: others may be served.
    turned_away: Mutex<Vec<Job>>,
    return_path: (String, String),
    given_up: AtomicBool,
}

impl Range {
    /// A range just claimed.
    #[must_use]
    pub fn new(lease: Lease, message: Arc<Prepared>) -> Self {
        Self { lease: Mutex::new(lease), message, relay_down: AtomicBool::new(false) }
    }

    /// The lease as it stands.
    pub async fn lease(&self) -> Lease {
        *self.lease.lock().await
    }

    /// The lease, renewed in time.
    async fn renewed(&self, ctx: &Context) -> Result<Lease, FlowError> {
        let mut lease = self.lease.lock().await;
        let now = ctx.now();
        if Span::minutes(2).after(now) > lease.until {
            let until = LEASE.after(now);
            let mut tx = ctx.store().write().await?;
            if leases::renew(&mut tx, &lease, until).await? {
                tx.commit().await?;
                lease.until = until;
            }
        }
        Ok(*lease)
    }
}

impl<'a> Connections<'a> {
    /// Connections that take their work from `jobs`.
    #[must_use]
    pub fn new(ctx: &'a Context, doors: &'a Doors, jobs: mpsc::Receiver<Job>) -> Self {
        let smtp = &ctx.plan().settings.smtp;
        let return_path = (smtp.return_path.local().to_owned(), smtp.return_path.domain().to_owned());
        Self { ctx, doors, jobs: Mutex::new(jobs), turned_away: Mutex::default(), return_path, given_up: AtomicBool::new(false) }
    }

    /// Whether the relay serves none of them any more, or something could not be recorded.
    #[must_use]
    pub fn have_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Works until there is nothing left, or nothing can be sent or recorded any more. Nobody takes jobs after it.
    ///
    /// # Errors
    /// The store's.
    pub async fn work(&self) -> Result<(), FlowError> {
        let connections = self.ctx.plan().settings.smtp.connections;
        let ended = join_all((0..connections).map(|_| self.connection())).await;
        self.given_up.store(true, Ordering::Relaxed);
        for job in self.turned_away.lock().await.drain(..) {
            job.range.relay_down.store(true, Ordering::Relaxed);
        }
        let mut jobs = self.jobs.lock().await;
        jobs.close();
        while jobs.try_recv().is_ok() {}
        ended.into_iter().collect()
    }

    /// One connection. It is opened before anything is marked, so that a relay that is down costs no delivery an
    /// attempt.
    async fn connection(&self) -> Result<(), FlowError> {
        let Some(first) = self.next().await else { return Ok(()) };
        let connection = match self.ctx.relay().connect().await {
            Ok(connection) => connection,
            Err(why) => {
                tracing::warn!(error = %why, "a connection was turned away");
                self.turned_away.lock().await.push(first);
                return Ok(());
            }
        };
        let (ahead, marked) = mpsc::channel(MAX_IN_DOUBT);
        let (replied, replies) = mpsc::channel(MAX_IN_DOUBT);
        let lost = AtomicBool::new(false);
        let (fed, (), recorded) =
            tokio::join!(self.feed(first, ahead, &lost), self.send(connection, marked, replied, &lost), self.record(replies));
        fed.and(recorded).inspect_err(|_| self.given_up.store(true, Ordering::Relaxed))
    }

    async fn next(&self) -> Option<Job> {
        if self.ctx.is_stopping() || self.have_given_up() {
            return None;
        }
        if let Some(job) = self.turned_away.lock().await.pop() {
            return Some(job);
        }
        self.jobs.lock().await.recv().await
    }

    /// Marks ahead: as many as there are permits, in one commit with the other connections' marks.
    async fn feed(&self, first: Job, ahead: mpsc::Sender<Marked>, lost: &AtomicBool) -> Result<(), FlowError> {
        let permits = Arc::new(Semaphore::new(MAX_IN_DOUBT));
        let mut first = Some(first);
        while let Ok(permit) = permits.clone().acquire_owned().await {
            if lost.load(Ordering::Relaxed) {
                break;
            }
            let Some(job) = (match first.take() {
                Some(job) => Some(job),
                None => self.next().await,
            }) else {
                break;
            };
            let mut taken = vec![(job, permit)];
            while let Ok(permit) = permits.clone().try_acquire_owned() {
                // Only what is there already: a job that is still being read must not hold up those that are not.
                let Some(job) = self.jobs.try_lock().ok().and_then(|mut jobs| jobs.try_recv().ok()) else { break };
                taken.push((job, permit));
            }
            let marks = taken.into_iter().map(|(job, permit)| self.mark(job, permit));
            for marked in try_join_all(marks).await?.into_iter().flatten() {
                if ahead.send(marked).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Marks one delivery; `None` if it may not be sent, which the mark's own statement wrote down.
    async fn mark(&self, job: Job, permit: OwnedSemaphorePermit) -> Result<Option<Marked>, FlowError> {
        let lease = job.range.renewed(self.ctx).await?;
        if job.row.in_doubt && job.row.doubts >= DOUBTFUL_TRIES {
            let words = "two tries ended in doubt".to_owned();
            self.write(outcome(&job.row, job.row.number + 1, &lease, State::Uncertain, None, Some(words)), None).await?;
            return Ok(None);
        }
        let mark = Mark { delivery: job.row.id, number: job.row.number + 1, lease: lease.id, fence: lease.fence };
        let marked = self.doors.marks.write(mark).await?;
        failpoint!("mark.after_commit");
        Ok(marked.then_some(Marked { job, lease, permit }))
    }

    /// Sends what is marked. A connection that broke is opened anew; if that fails, what is marked goes back unsent.
    async fn send(
        &self,
        connection: Connection,
        mut marked: mpsc::Receiver<Marked>,
        replied: mpsc::Sender<(Marked, Reply)>,
        lost: &AtomicBool,
    ) {
        let mut connection = Some(connection);
        let mut bytes = Vec::new();
        while let Some(next) = marked.recv().await {
            if !connection.as_ref().is_some_and(Connection::is_usable) && !lost.load(Ordering::Relaxed) {
                connection = match self.ctx.relay().connect().await {
                    Ok(connection) => Some(connection),
                    Err(why) => {
                        tracing::warn!(error = %why, "a connection was lost");
                        lost.store(true, Ordering::Relaxed);
                        None
                    }
                };
            }
            let reply = match connection.as_mut().filter(|c| c.is_usable()) {
                Some(open) => {
                    let path = self.fill(&next.job, &mut bytes);
                    open.send(&path, &next.job.row.address, &bytes).await
                }
                None => Reply::RelayDown("not sent: the relay does not answer".to_owned()),
            };
            if replied.send((next, reply)).await.is_err() {
                // Nothing can be recorded: nothing more is sent.
                return;
            }
        }
        if let Some(open) = connection.filter(Connection::is_usable) {
            open.quit().await;
        }
    }

    /// Has results recorded, several in one commit; their permits come back when they are durable.
    async fn record(&self, mut replies: mpsc::Receiver<(Marked, Reply)>) -> Result<(), FlowError> {
        let mut batch = Vec::with_capacity(MAX_IN_DOUBT);
        while replies.recv_many(&mut batch, MAX_IN_DOUBT).await > 0 {
            try_join_all(batch.drain(..).map(|(marked, reply)| self.finish(marked, reply))).await?;
        }
        Ok(())
    }

    async fn finish(&self, marked: Marked, reply: Reply) -> Result<(), FlowError> {
        let Marked { job: Job { row, range }, lease, permit } = marked;
        let now = self.ctx.now();
        let retry = |words: String| {
            let first = row.first_marked_at.unwrap_or(now);
            match retry_after(row.marks + 2, first, now) {
                Some(wait) => (State::Pending, Some(jitter(wait, row.id).after(now)), Some(words), None),
                None => (State::Failed, None, Some(words), None),
            }
        };
        let (state, retry_at, words, gone) = match reply {
            Reply::Accepted => (State::Accepted, None, None, None),
            Reply::NoMailbox(words) => (State::Failed, None, Some(words.clone()), Some((row.address.to_string(), words))),
            Reply::Refused(words) => (State::Failed, None, Some(words), None),
            Reply::Later(words) | Reply::BrokenBefore(words) => retry(words),
            Reply::RelayDown(words) => {
                range.relay_down.store(true, Ordering::Relaxed);
                (State::Pending, Some(BACK_OFF.after(now)), Some(words), None)
            }
            Reply::BrokenAfter(words) if row.doubts + 1 >= DOUBTFUL_TRIES => (State::Uncertain, None, Some(words), None),
            // The mark stays without a result: that is what doubt is.
            Reply::BrokenAfter(_) => return Ok(()),
        };
        self.write(outcome(&row, row.number + 2, &lease, state, retry_at, words), gone).await?;
        drop(permit);
        Ok(())
    }

    async fn write(&self, outcome: Outcome, gone: Option<(String, String)>) -> Result<(), FlowError> {
        let delivery = outcome.delivery;
        if !self.doors.results.write(Finished { outcome, gone }).await? {
            tracing::warn!(%delivery, "result dropped: the lease was lost");
        }
        failpoint!("result.after_commit");
        Ok(())
    }

    /// Splices the tokens into the prepared bytes; returns the return path.
    fn fill(&self, job: &Job, bytes: &mut Vec<u8>) -> String {
        let signer = self.ctx.signer();
        bytes.clear();
        job.range.message.fill(&job.row.address, |hole| token(signer, hole, &job.row), bytes);
        let token = signer.caseless(Token { kind: Kind::ReturnPath, id: job.row.id.0, ordinal: 0 });
        format!("{}+{token}@{}", self.return_path.0, self.return_path.1)
    }
}

fn outcome(row: &Open, number: i64, lease: &Lease, state: State, retry_at: Option<Timestamp>, reply: Option<String>) -> Outcome {
    let retry_at = retry_at.map(Timestamp::as_millisecond);
    Outcome { delivery: row.id, number, lease: lease.id, fence: lease.fence, state, retry_at, reply }
}

/// Fills a hole for a delivery. An untracked recipient's links carry the issue, which identifies nobody.
fn token(signer: &Signer, hole: Hole, row: &Open) -> [u8; WIDTH] {
    let (kind, id, ordinal) = match hole {
        Hole::Click(n) if row.tracked => (Kind::Click, row.id.0, n),
        Hole::Click(n) => (Kind::AnonymousClick, row.issue.0, n),
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
