//! Connections: each sends one mail after another, and meanwhile has results recorded and the next deliveries marked.
//!
//! A delivery that is marked and has no result may or may not have been sent; how many of those a connection may have at a
//! time bounds how many mails a crash can repeat. A mark is granted before its mail is announced to the relay, and the
//! slot of a mail goes to the next one in the commit that records the result.

use super::attempt_writer::{AttemptWriter, DeliveryResult, Entry, WriteOutcome};
use super::range::Job;
use crate::domain::dkim::{Dkim, SignError};
use crate::domain::group::delivery::Reply;
use crate::domain::group::issue::Hole;
use crate::flow::context::{Context, FlowError};
use crate::flow::group::breaker;
use crate::mail::conversation::{Announcement, Connection, Mail};
use crate::mail::dkim::seal;
use crate::mail::header::{LastDate, date};
use crate::mail::token::{Kind, Recipient, Signer, Token, WIDTH};
use crate::store::group::deliveries::Open;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The connections of one node, fed by one queue.
pub struct Connections {
    ctx: Context,
    writer: AttemptWriter,
    jobs: flume::Receiver<Job>,
    /// Jobs of connections that the relay turned away: another connection may still be served.
    turned_away: Mutex<Vec<Job>>,
    return_path: (String, String),
    max_in_doubt: usize,
    /// How many tries of one mail may end without a result.
    tries: i64,
    dkim: Option<Arc<Dkim>>,
    given_up: CancellationToken,
}

impl Connections {
    /// Connections that take their work from `jobs`.
    pub fn new(ctx: &Context, writer: &AttemptWriter, jobs: flume::Receiver<Job>) -> Arc<Self> {
        let plan = ctx.plan();
        let smtp = &plan.settings.smtp;
        Arc::new(Self {
            ctx: ctx.clone(),
            writer: writer.clone(),
            jobs,
            turned_away: Mutex::default(),
            return_path: (smtp.return_path.local().to_owned(), smtp.return_path.domain().to_owned()),
            max_in_doubt: smtp.max_in_doubt,
            tries: smtp.on_uncertain.tries(),
            dkim: smtp.dkim.clone(),
            given_up: CancellationToken::new(),
        })
    }

    /// Cancelled when the relay serves none of the connections any more, a write failed, or all jobs are done.
    pub fn given_up(&self) -> CancellationToken {
        self.given_up.clone()
    }

    /// Works until no job is left, or none can be sent or recorded any more. The queue is closed afterwards.
    pub async fn work(self: Arc<Self>) -> Result<(), FlowError> {
        let mut connections = JoinSet::new();
        for _ in 0..self.ctx.plan().settings.smtp.connections {
            let this = self.clone();
            connections.spawn(async move { this.connection().await });
        }
        let mut ended = Ok(());
        while let Some(joined) = connections.join_next().await {
            let one = joined.unwrap_or_else(|panic| Err(FlowError::Unable(format!("keep a connection going: {panic}"))));
            if ended.is_ok() {
                ended = one;
            }
        }
        self.given_up.cancel();
        for job in self.turned_away().drain(..) {
            job.range.relay_down.store(true, Ordering::Relaxed);
        }
        self.jobs.drain();
        ended
    }

    /// One connection. It is opened before any delivery is marked, so that a relay that is down uses up no delivery's
    /// attempt.
    async fn connection(&self) -> Result<(), FlowError> {
        let first = match self.waiting() {
            Some(job) => job,
            None => match self.jobs.recv_async().await {
                Ok(job) => job,
                Err(_) => return Ok(()),
            },
        };
        if self.is_over() {
            return Ok(());
        }
        match self.ctx.relay().connect().await {
            Ok(connection) => Sender::new(self, connection).work(first).await,
            Err(why) => {
                tracing::warn!(error = %why, "a connection was turned away");
                self.turned_away().push(first);
                breaker::no_connection(&self.ctx, &why).await
            }
        }
    }

    fn is_over(&self) -> bool {
        self.ctx.is_stopping() || self.given_up.is_cancelled()
    }

    /// The next job, if one is queued already.
    fn waiting(&self) -> Option<Job> {
        if self.is_over() {
            return None;
        }
        self.turned_away().pop().or_else(|| self.jobs.try_recv().ok())
    }

    fn turned_away(&self) -> std::sync::MutexGuard<'_, Vec<Job>> {
        self.turned_away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A marked mail, ready to be sent.
struct Ready {
    job: Job,
    recipient: Recipient,
    return_path: String,
    /// The message, if it had to be signed. An unsigned one is filled in when it is sent, because a queue of complete
    /// messages would not fit a processor's cache.
    signed: Option<Vec<u8>>,
    /// When this delivery was marked for the first time: its date, also when it is repeated.
    first_tried_at: Timestamp,
}

impl Ready {
    fn announcement(&self) -> Announcement<'_> {
        Announcement { return_path: &self.return_path, to: &self.job.row.address, eight_bit: self.job.eight_bit() }
    }
}

/// A job and its result. The job keeps its range leased until the result is durable.
type Done = (Job, DeliveryResult);

/// An entry the attempt writer has not answered yet: the job whose result it holds, and the job to be marked.
type PendingWrite = (Option<Job>, Option<Job>);

/// The mails and entries of one connection.
struct Sender<'a> {
    pool: &'a Connections,
    connection: Option<Connection>,
    /// The relay refused to open the connection anew: no further delivery is marked.
    lost: bool,
    /// The first write that failed.
    failed: Option<FlowError>,
    ready: VecDeque<Ready>,
    /// The entries the attempt writer has not answered yet, in order.
    asked: VecDeque<PendingWrite>,
    answer: mpsc::UnboundedSender<WriteOutcome>,
    answers: mpsc::UnboundedReceiver<WriteOutcome>,
    message: Vec<u8>,
    date: LastDate,
}

impl<'a> Sender<'a> {
    fn new(pool: &'a Connections, connection: Connection) -> Self {
        let (answer, answers) = mpsc::unbounded_channel();
        let (ready, asked, message, date) = (VecDeque::new(), VecDeque::new(), Vec::new(), LastDate::default());
        Self { pool, connection: Some(connection), lost: false, failed: None, ready, asked, answer, answers, message, date }
    }

    async fn work(mut self, first: Job) -> Result<(), FlowError> {
        let mut first = Some(first);
        loop {
            while let Ok(answer) = self.answers.try_recv() {
                self.take(answer).await;
            }
            while self.may_mark()
                && let Some(job) = first.take().or_else(|| self.pool.waiting())
            {
                self.ask(None, Some(job)).await;
            }
            if let Some(next) = self.ready.pop_front() {
                self.send(next).await;
            } else if !self.asked.is_empty() {
                let closed = || FlowError::Unable("record what is sent: the attempt writer has ended".to_owned());
                let answer = self.answers.recv().await.ok_or_else(closed)?;
                self.take(answer).await;
            } else if self.may_mark()
                && let Ok(job) = self.pool.jobs.recv_async().await
            {
                first = Some(job);
            } else {
                break;
            }
        }
        if let Some(connection) = self.connection {
            connection.quit().await;
        }
        self.failed.map_or(Ok(()), Err)
    }

    /// Whether one more delivery may be marked: a mail takes a slot from its mark until its result is durable.
    fn may_mark(&self) -> bool {
        self.ready.len() + self.asked.len() < self.pool.max_in_doubt && !self.lost && !self.pool.is_over()
    }

    /// Has a result recorded and a job marked, in one commit.
    async fn ask(&mut self, result: Option<Done>, job: Option<Job>) {
        let job = job.filter(|job| !job.range.is_closed(self.pool.ctx.now()));
        // A delivery that may not be tried again is not marked; its final result is written instead.
        let job = match job {
            Some(job) => match job.uncertain(self.pool.tries) {
                Some(uncertain) => {
                    self.enter(Some((job, uncertain)), None).await;
                    None
                }
                None => Some(job),
            },
            None => None,
        };
        if result.is_some() || job.is_some() {
            self.enter(result, job).await;
        }
    }

    async fn enter(&mut self, done: Option<Done>, job: Option<Job>) {
        let mark = job.as_ref().map(Job::mark);
        let (ended, result) = done.unzip();
        self.asked.push_back((ended, job));
        let is_awaited = self.ready.is_empty() || self.asked.len() * 2 >= self.pool.max_in_doubt;
        self.pool.writer.enter(Entry { result, mark, is_awaited, answer: self.answer.clone() }).await;
    }

    async fn take(&mut self, answer: WriteOutcome) {
        let (_, asked) = self.asked.pop_front().expect("an answer answers an entry");
        match (answer, asked) {
            (WriteOutcome::Failed(error), _) => {
                // After a failed write nothing more is sent: deliveries already marked are returned unsent.
                self.failed = Some(FlowError::Shared(error));
                self.lost = true;
                self.connection = None;
                self.pool.given_up.cancel();
            }
            (WriteOutcome::Written { marked: true, at }, Some(job)) => {
                let recipient = self.pool.ctx.signer().recipient(job.row.prospect, job.row.address.as_str());
                let return_path = return_path(self.pool, &job, recipient);
                let first_tried_at = job.row.first_marked_at.unwrap_or(at);
                match signed(self.pool, &job, recipient, first_tried_at).await {
                    Ok(signed) => self.ready.push_back(Ready { job, recipient, return_path, signed, first_tried_at }),
                    Err(why) => {
                        let reply = Reply::BrokenBefore(format!("could not {why}"));
                        let finished = job.finished(reply, self.pool.tries, self.pool.ctx.now());
                        self.enter(Some((job, finished)), None).await;
                    }
                }
            }
            // The mark was refused, and the attempt writer has recorded why; or the entry asked for no mark.
            (WriteOutcome::Written { .. }, _) => {}
        }
    }

    /// Sends a mail and announces the next one. A connection that broke is opened anew; if that fails, the marked
    /// deliveries are returned unsent.
    async fn send(&mut self, next: Ready) {
        let ctx = &self.pool.ctx;
        if self.failed.is_some() {
            let unsent = next.job.unsent("not sent: what was sent before could not be recorded");
            return self.enter(Some((next.job, unsent)), None).await;
        }
        if !self.connection.as_ref().is_some_and(Connection::is_usable) && !self.lost {
            self.connection = match ctx.relay().connect().await {
                Ok(connection) => Some(connection),
                Err(why) => {
                    tracing::warn!(error = %why, "a connection was lost");
                    self.lost = true;
                    self.failed = breaker::no_connection(ctx, &why).await.err();
                    None
                }
            };
        }
        let reply = match self.connection.as_mut().filter(|connection| connection.is_usable()) {
            Some(_) if !next.job.range.is_ours(ctx.now()) => {
                // The mail may have been announced already, so the connection is closed.
                self.connection = None;
                Reply::BrokenBefore("not sent: the lease ran out".to_owned())
            }
            Some(connection) => {
                self.message.clear();
                if next.signed.is_none() && connection.reads_messages() {
                    let date = self.date.of(next.first_tried_at);
                    fill(self.pool, &next.job, next.recipient, date, &mut self.message);
                }
                let message = next.signed.as_ref().unwrap_or(&self.message);
                let mail = Mail::announced(next.announcement(), message);
                connection.send(&mail, self.ready.front().map(Ready::announcement).as_ref()).await
            }
            None => Reply::RelayDown("not sent: the relay does not answer".to_owned()),
        };
        let job = next.job;
        let finished = job.finished(reply, self.pool.tries, ctx.now());
        let replacement = if self.lost { None } else { self.pool.waiting() };
        self.ask(Some((job, finished)), replacement).await;
    }
}

/// Splices the tokens into the prepared bytes.
fn fill(pool: &Connections, job: &Job, recipient: Recipient, date: &str, bytes: &mut Vec<u8>) {
    let signer = pool.ctx.signer();
    // The links of the footer stand in both parts of a mail, and in its header: each is signed once.
    let mut signed: [Option<[u8; WIDTH]>; 2] = [None; 2];
    let token = |hole| {
        let token = || token(signer, hole, &job.row, recipient);
        match hole {
            Hole::Unsubscribe => *signed[0].get_or_insert_with(token),
            Hole::Preferences => *signed[1].get_or_insert_with(token),
            _ => token(),
        }
    };
    job.message().fill(&job.row.address, date, token, bytes);
}

/// The whole message, if the configuration says to sign it.
async fn signed(
    pool: &Connections,
    job: &Job,
    recipient: Recipient,
    first_tried_at: Timestamp,
) -> Result<Option<Vec<u8>>, SignError> {
    if pool.dkim.is_none() {
        return Ok(None);
    }
    let mut message = Vec::new();
    fill(pool, job, recipient, &date(first_tried_at), &mut message);
    seal(pool.dkim.as_ref(), &mut message).await?;
    Ok(Some(message))
}

/// The signed address to which a bounce of this delivery is sent.
fn return_path(pool: &Connections, job: &Job, recipient: Recipient) -> String {
    let token = pool.ctx.signer().return_path(job.row.id.0, recipient);
    format!("{}+{token}@{}", pool.return_path.0, pool.return_path.1)
}

/// The token for a hole in a delivery's message. An untracked recipient's links carry the issue's number, which identifies
/// no person.
fn token(signer: &Signer, hole: Hole, row: &Open, recipient: Recipient) -> [u8; WIDTH] {
    let (kind, id, ordinal) = match hole {
        Hole::Click(n) => {
            let token = Token::click(row.issue.0, row.id.0, Some(recipient).filter(|_| row.tracked), n);
            return signer.sign(token, "");
        }
        Hole::Answer(n) => (Kind::Answer, row.id.0, n),
        Hole::Unsubscribe => (Kind::Unsubscribe, row.id.0, 0),
        Hole::Preferences => (Kind::Preferences, row.id.0, 0),
        Hole::Form => (Kind::Form, row.id.0, 0),
        Hole::ReplyAddress => return signer.in_address(Kind::ReplyAddress, row.id.0, recipient),
        Hole::To | Hole::Date | Hole::MessageId => (Kind::MessageId, row.id.0, 0),
    };
    signer.sign(Token { kind, id, ordinal, recipient }, "")
}
