//! The attempt writer: one task writes the marks and results of all connections, and commits together whatever has
//! arrived. Each commit costs the same, however few entries it has, so it is left to fill until a connection has few marked
//! mails left to send, but no longer than ten milliseconds from the one before: the slower the relay, the fewer commits. A
//! connection that has nothing to send never waits for others.
//!
//! A result and the mark that takes its slot are one entry, so that a connection never has more marks without results than
//! it may, and yet waits for one commit only. A result that cannot be written is kept and retried: the relay has accepted
//! that mail, and losing the result would send it twice.

use crate::domain::excerpt::excerpt;
use crate::domain::group::breaker::FULL_IN_A_ROW;
use crate::domain::group::delivery::Mailed;
use crate::domain::id::DeliveryId;
use crate::domain::span::Span;
use crate::domain::suppression::{Channel, StopReason};
use crate::flow::context::Context;
use crate::flow::group::breaker::{self, Sign};
use crate::store::engine::backend::{Store, StoreError, Tx};
use crate::store::group::attempts::{self, Mark, Outcome, Written};
use crate::store::group::deliveries;
use crate::store::people::suppressions::{self, Stop};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many entries share one commit at most.
const GROUP: usize = 512;
/// How often a commit begins that no connection waits for.
const AT_MOST_EVERY: Duration = Duration::from_millis(10);
/// How long results that cannot be written are kept: as long as a lease, after which they no longer count.
const HOLD: Span = Span::minutes(5);
/// How long to wait between tries. There is no event to await: a database does not say that it is back.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// The writer. Cheap to clone; its task ends with the last clone.
#[derive(Clone)]
pub struct AttemptWriter {
    entries: mpsc::Sender<Entry>,
}

/// What one connection wants written in one commit.
pub struct Entry {
    pub result: Option<DeliveryResult>,
    /// The delivery to mark in the slot of the result.
    pub mark: Option<Mark>,
    /// Whether the connection has few marked mails left to send, or none.
    pub is_awaited: bool,
    pub answer: mpsc::UnboundedSender<WriteOutcome>,
}

/// What became of an entry. A connection's answers come in the order of its entries.
#[derive(Debug, Clone)]
pub enum WriteOutcome {
    Written {
        /// Whether the mark, if there was one, was granted.
        marked: bool,
        /// The instant written with it.
        at: Timestamp,
    },
    Failed(Arc<StoreError>),
}

/// What became of a mail, and what else it means.
#[derive(Debug, Clone)]
pub struct DeliveryResult {
    pub delivery: DeliveryId,
    /// The result; none where the try broke off and the mail may have been sent.
    pub outcome: Option<Outcome>,
    /// The recipient's address, where there is a sign.
    pub to: Option<String>,
    pub sign: Option<Sign>,
}

impl DeliveryResult {
    /// A result with no further consequence.
    pub const fn plain(outcome: Outcome) -> Self {
        Self { delivery: outcome.delivery, outcome: Some(outcome), to: None, sign: None }
    }

    /// Whether the result has no further consequence.
    const fn is_plain(&self) -> bool {
        self.outcome.is_some() && self.sign.is_none()
    }

    /// The recipient's address and the relay's words, if the mailbox does not exist, or was full too often.
    fn gone(&self, full_again: &BTreeSet<DeliveryId>) -> Option<(&str, String)> {
        let Some(Sign::Refused(refused, words)) = &self.sign else { return None };
        let to = self.to.as_deref()?;
        if full_again.contains(&self.delivery) {
            return Some((to, format!("took nothing in {FULL_IN_A_ROW} issues in a row: {words}")));
        }
        refused.about.is_gone().then(|| (to, words.clone()))
    }
}

/// A mailbox that does not exist, as the relay said in answer to a delivery.
#[derive(Debug, Clone)]
pub struct Gone {
    pub mail: Mailed,
    /// The words of the relay.
    pub words: String,
}

/// Writes what follows when mailboxes do not exist, in the transaction that records the relay's answer. The writer is
/// given this function when it is opened, because what a missing mailbox proves about a prospect does not belong to the
/// group side.
pub type OnMailboxGone = for<'a> fn(&'a mut Tx, &'a [Gone], Timestamp) -> Writing<'a>;
pub type Writing<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

impl AttemptWriter {
    pub fn open(ctx: &Context, on_gone: OnMailboxGone) -> Self {
        let (entries, mut arriving) = mpsc::channel(GROUP * 2);
        let ctx = ctx.clone();
        tokio::spawn(async move {
            let mut batch: Vec<Entry> = Vec::with_capacity(GROUP);
            let mut earliest = Box::pin(tokio::time::sleep(Duration::ZERO));
            while arriving.recv_many(&mut batch, GROUP).await > 0 {
                let mut seen = 0;
                while batch.len() < GROUP && !batch[seen..].iter().any(|entry| entry.is_awaited) {
                    seen = batch.len();
                    tokio::select! {
                        more = arriving.recv_many(&mut batch, GROUP - seen) => if more == 0 { break },
                        () = &mut earliest => break,
                    }
                }
                earliest = Box::pin(tokio::time::sleep(AT_MOST_EVERY));
                write(&ctx, &batch, on_gone).await;
                batch.clear();
            }
        });
        Self { entries }
    }

    /// Queues an entry; its answer comes through the entry's own channel, and none comes if the writer has ended.
    pub async fn enter(&self, entry: Entry) {
        // The writer ends before a connection does only when the runtime shuts down.
        let _ = self.entries.send(entry).await;
    }
}

/// Writes a batch and answers every entry. A receiver that was dropped needs no answer.
async fn write(ctx: &Context, batch: &[Entry], on_gone: OnMailboxGone) {
    let results: Vec<DeliveryResult> = batch.iter().filter_map(|entry| entry.result.clone()).collect();
    let marks: Vec<Mark> = batch.iter().filter_map(|entry| entry.mark).collect();
    let now = ctx.now();
    let (written, failure) = match commit(ctx, &results, &marks, on_gone, now).await {
        Ok(written) => (Some(written), None),
        Err(error) => {
            tracing::error!(%error, results = results.len(), "what was sent cannot be recorded; nothing more is sent");
            (hold(ctx, &results, &error, on_gone).await, Some(Arc::new(error)))
        }
    };
    if !marks.is_empty() {
        failpoint!("mark.after_commit");
    }
    if !results.is_empty() {
        failpoint!("result.after_commit");
    }
    for finished in &results {
        let delivery = finished.delivery;
        if finished.outcome.is_some() && written.as_ref().is_some_and(|written| !written.recorded.contains(&delivery)) {
            tracing::warn!(%delivery, "result not counted: the lease was lost, or it was written before its answer broke off");
        }
    }
    for entry in batch {
        let answer = match (&failure, entry.mark) {
            (Some(error), Some(_)) => WriteOutcome::Failed(error.clone()),
            (Some(error), None) if written.is_none() => WriteOutcome::Failed(error.clone()),
            (_, mark) => WriteOutcome::Written {
                marked: mark.is_some_and(|m| written.as_ref().is_some_and(|w| w.marked.contains(&m.delivery))),
                at: now,
            },
        };
        let _ = entry.answer.send(answer);
    }
}

/// Retries writing results until it succeeds, their leases have lapsed or the process is to end.
async fn hold(ctx: &Context, results: &[DeliveryResult], error: &StoreError, on_gone: OnMailboxGone) -> Option<Written> {
    let until = HOLD.after(ctx.now());
    while !results.is_empty() && error.is_transient() && !ctx.is_stopping() && ctx.now() < until {
        tokio::select! {
            () = tokio::time::sleep(TRY_AGAIN) => {}
            () = ctx.stopping() => {}
        }
        match commit(ctx, results, &[], on_gone, ctx.now()).await {
            Ok(written) => {
                tracing::info!(results = results.len(), "what was sent is recorded");
                return Some(written);
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, results = results.len(), "what was sent still cannot be recorded; nothing more is sent");
            }
            Err(_) => return None,
        }
    }
    None
}

async fn commit(
    ctx: &Context,
    results: &[DeliveryResult],
    marks: &[Mark],
    on_gone: OnMailboxGone,
    now: Timestamp,
) -> Result<Written, StoreError> {
    let store = ctx.store();
    if !marks.is_empty() {
        failpoint!("mark.before_commit", StoreError::Rows { expected: 1, found: 0 });
    }
    if !results.is_empty() {
        failpoint!("result.before_commit", StoreError::Rows { expected: 1, found: 0 });
    }
    let mut outcomes: Vec<Outcome> = results.iter().filter_map(|finished| finished.outcome.clone()).collect();
    if !results.iter().all(DeliveryResult::is_plain) {
        let mut tx = store.write().await?;
        breaker::end_tests(&mut tx, signs(results), &mut outcomes).await?;
        let recorded = attempts::record(&mut tx, &outcomes, now).await?;
        let counts = |finished: &&DeliveryResult| finished.outcome.is_none() || recorded.contains(&finished.delivery);
        let full_again = breaker::note(&mut tx, signs(results.iter().filter(counts)), now).await?;
        let lost = results.iter().filter(counts).filter_map(|finished| Some((finished.delivery, finished.gone(&full_again)?)));
        gone(&mut tx, lost.collect(), on_gone, now).await?;
        breaker::watch(&mut tx, signs(results.iter().filter(counts)), now).await?;
        // Marks come after the breakers, so that a campaign that has just paused marks no further delivery.
        let marked = attempts::mark(&mut tx, marks, now).await?;
        tx.commit().await?;
        return Ok(Written { marked, recorded });
    }
    let written = attempts::write(store, &outcomes, marks, now).await?;
    // What was written is durable by now. A delivery that was refused a mark stays as it was until the reason can be
    // recorded.
    if written.marked.len() < marks.len()
        && let Err(error) = explain(store, marks, &written, now).await
    {
        tracing::warn!(%error, "why some mails may not go is not written down yet");
    }
    Ok(written)
}

fn signs<'a>(results: impl IntoIterator<Item = &'a DeliveryResult>) -> impl Iterator<Item = (DeliveryId, Option<&'a Sign>)> {
    results.into_iter().map(|finished| (finished.delivery, finished.sign.as_ref()))
}

/// Records why some marks were refused.
async fn explain(store: &Store, marks: &[Mark], written: &Written, now: Timestamp) -> Result<(), StoreError> {
    let refused: Vec<Mark> = marks.iter().filter(|mark| !written.marked.contains(&mark.delivery)).copied().collect();
    let mut tx = store.write().await?;
    attempts::refused(&mut tx, &refused, now).await?;
    tx.commit().await
}

/// Suppresses a mailbox that does not exist, in the transaction that records the relay's answer, and writes what else
/// follows from it.
async fn gone(
    tx: &mut Tx,
    finished: Vec<(DeliveryId, (&str, String))>,
    on_gone: OnMailboxGone,
    now: Timestamp,
) -> Result<(), StoreError> {
    if finished.is_empty() {
        return Ok(());
    }
    let stops: Vec<Stop> = finished.iter().map(|(_, (address, words))| bounced(address, words)).collect();
    suppressions::add(tx, &stops, now).await?;
    let mut gone = Vec::new();
    for (delivery, (_, words)) in finished {
        let Some(origin) = deliveries::origin(tx, delivery).await? else { continue };
        gone.push(Gone { mail: origin.mailed(), words });
    }
    on_gone(tx, &gone, now).await
}

fn bounced(address: &str, words: &str) -> Stop {
    Stop {
        address: address.to_owned(),
        channel: Channel::Email,
        reason: StopReason::Bounced,
        source: format!("refused at delivery: {}", excerpt(words, 100)),
    }
}
