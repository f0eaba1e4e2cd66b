//! deliver: sends claimed ranges of deliveries to the relay. Each mail is marked, sent, and given its result: two writes
//! with the network between them.
//!
//! Ranges are claimed before the connections need them, so that no connection waits for the end of a range. Whether a
//! range is finished is read from its deliveries, never counted during the run.

use super::absence;
use super::attempt_writer::AttemptWriter;
use super::audience;
use super::range::{BACK_OFF, Job, LEASE, Range};
use super::return_leases;
use super::transmit::Connections;
use crate::domain::id::{IssueId, Name};
use crate::domain::plan::Plan;
use crate::domain::span::Span;
use crate::flow::context::{Context, FlowError, Progress};
use crate::flow::group::pace::{self, Pace};
use crate::mail::prepared::Prepared;
use crate::store::engine::backend::Tx;
use crate::store::group::deliveries::{self, Open};
use crate::store::group::holds::NEVER;
use crate::store::group::leases::{self, Closed, Lease};
use crate::store::group::{campaigns, cancellations, corrections, issues};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a delivery whose mark has no result waits before it is tried once more.
const DOUBT: Span = Span::minutes(5);
/// How many rows are read ahead of the connections.
const AHEAD: usize = 1_024;
/// How long one step goes on claiming: the watchdog must see the step end.
const STINT: Span = Span::minutes(5);
/// How often the leases held are renewed. A relay may take longer to answer than a lease lasts.
const RENEW_EVERY: Duration = Duration::from_mins(1);

/// Which ranges to work through.
#[derive(Debug, Clone, Copy)]
enum Which {
    Due,
    Of(IssueId),
}

/// Works through every range that is due and free.
///
/// # Errors
/// Those of the store. A mail whose mark could not be recorded was not sent; one whose result could not be recorded may
/// have been.
pub async fn deliver(ctx: &Context, writer: &AttemptWriter) -> Result<Progress, FlowError> {
    return_leases::return_leases(ctx).await?;
    let mut read = ctx.store().read().await?;
    let plan = ctx.plan();
    let unknown = unknown(&mut read, &plan).await?;
    let due = leases::next_open(&mut read, &closed(&plan, &unknown, ctx.now())).await?;
    drop(read);
    if due.is_none_or(|at| at > ctx.now()) {
        return Ok(Progress::until(due));
    }
    work(ctx, writer, Which::Due).await.inspect_err(|_| ctx.leave_behind(true))
}

/// Sends the due deliveries of one issue and no others, so that a test copy takes the same path as live mail. Idle when
/// none is due, or another node holds their lease.
pub async fn deliver_issue(ctx: &Context, writer: &AttemptWriter, issue: IssueId) -> Result<Progress, FlowError> {
    work(ctx, writer, Which::Of(issue)).await
}

async fn work(ctx: &Context, writer: &AttemptWriter, which: Which) -> Result<Progress, FlowError> {
    let (jobs, rows) = flume::bounded(AHEAD);
    let connections = Connections::new(ctx, writer, rows);
    let given_up = connections.given_up();
    let ranges = Ranges::default();
    let (read, sent, ()) =
        tokio::join!(read_ahead(ctx, which, &given_up, &ranges, jobs), connections.work(), keep(ctx, &ranges, &given_up),);
    // Ranges are released even when a connection failed to record a result: the delivery then has a mark without a result,
    // and the next claim finds it.
    let left = std::mem::take(&mut *lock(&ranges));
    for range in &left {
        release(ctx, range).await?;
    }
    sent?;
    Ok(if read? || !left.is_empty() { Progress::Done } else { Progress::Idle })
}

/// The ranges this node has leased.
type Ranges = Mutex<Vec<Arc<Range>>>;

fn lock(ranges: &Ranges) -> MutexGuard<'_, Vec<Arc<Range>>> {
    ranges.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Renews the leases of these ranges until the connections are done.
async fn keep(ctx: &Context, ranges: &Ranges, done: &CancellationToken) {
    while tokio::time::timeout(RENEW_EVERY, done.cancelled()).await.is_err() {
        let held = lock(ranges).clone();
        for range in held {
            let until = LEASE.after(ctx.now());
            match renew(ctx, range.lease(), until).await {
                Ok(true) => range.renewed(until),
                Ok(false) => tracing::warn!(lease = range.lease().id, "a lease was lost"),
                Err(error) => tracing::warn!(%error, "could not renew a lease"),
            }
        }
    }
}

async fn renew(ctx: &Context, lease: &Lease, until: Timestamp) -> Result<bool, FlowError> {
    let mut tx = ctx.store().write().await?;
    let renewed = leases::renew(&mut tx, lease, until).await?;
    tx.commit().await?;
    Ok(renewed)
}

/// Claims range after range and queues their rows for the connections, until none is due, the connections take no more, or
/// the time of the step is over. Returns whether there was any range.
async fn read_ahead(
    ctx: &Context,
    which: Which,
    given_up: &CancellationToken,
    ranges: &Ranges,
    jobs: flume::Sender<Job>,
) -> Result<bool, FlowError> {
    let mut messages = Messages::default();
    let mut pace = Pace::new(ctx.now());
    let (end, mut any) = (STINT.after(ctx.now()), false);
    while !ctx.is_stopping() && !given_up.is_cancelled() && ctx.now() < end {
        let (plan, now) = (ctx.plan(), ctx.now());
        let mut tx = ctx.store().write().await?;
        let claimed = match which {
            // Asked by each claim: a campaign may have got another name since the last one.
            Which::Due => {
                let unknown = unknown(&mut tx, &plan).await?;
                leases::claim_open(&mut tx, &closed(&plan, &unknown, now), ctx.node(), now, LEASE.after(now)).await?
            }
            Which::Of(issue) => leases::claim_of(&mut tx, issue, ctx.node(), now, LEASE.after(now)).await?,
        };
        let Some(lease) = claimed else {
            tx.rollback().await?;
            if !pace.wait(ctx).await {
                break;
            }
            return_leases(ctx, ranges).await?;
            continue;
        };
        tx.commit().await?;
        failpoint!("deliver.claimed");
        any = true;
        let mut read = ctx.store().read().await?;
        let issue = issues::claimed(&mut read, lease.issue, &plan.hash).await?;
        let message = messages.of(&mut read, lease.issue, lease.version).await?;
        let closes_at = if issue.test { None } else { plan.closes(&issue.campaign, now) };
        let range = Arc::new(Range::new(lease, message, closes_at));
        lock(ranges).push(range.clone());
        if issue.is_cancelled {
            drop(read);
            cancel(ctx, &range, now).await?;
            continue;
        }
        let mut open = deliveries::open_in(&mut read, lease.issue, lease.first, lease.last).await?;
        open.retain(|row| row.retry_at.is_none_or(|at| at <= now));
        let left = audience::left(&mut read, &plan, &issue, range.lease(), &open, now).await?;
        let away = absence::away(&mut read, &issue, range.lease(), &open, now).await?;
        let mut former = BTreeMap::new();
        for version in open.iter().filter_map(|row| row.kept).filter(|kept| *kept != lease.version) {
            former.insert(version, messages.of(&mut read, lease.issue, version).await?);
        }
        drop(read);
        let due = audience::skip(ctx, range.lease(), open, &left, now).await?;
        let due = absence::put_off(ctx, &plan, &issue, range.lease(), due, &away, now).await?;
        for row in admit(ctx, &mut pace, &range, due, now).await? {
            let former = row.kept.and_then(|kept| former.get(&kept)).cloned();
            if jobs.send_async(Job { row, range: range.clone(), former }).await.is_err() {
                return Ok(any);
            }
        }
        drop(range);
        return_leases(ctx, ranges).await?;
    }
    Ok(any)
}

/// Writes down as cancelled what this range of a cancelled issue still had.
async fn cancel(ctx: &Context, range: &Range, now: Timestamp) -> Result<(), FlowError> {
    let mut tx = ctx.store().write().await?;
    cancellations::write_held(&mut tx, range.lease(), now).await?;
    tx.commit().await?;
    Ok(())
}

/// The campaigns that this node has no file of: it sends nothing of them, whatever the database says, because it cannot ask
/// their audience.
async fn unknown(tx: &mut Tx, plan: &Plan) -> Result<Vec<Name>, FlowError> {
    Ok(campaigns::all(tx).await?.into_keys().filter(|name| plan.campaign(name).is_none()).collect())
}

/// The campaigns of which nothing is claimed now, each until when.
fn closed<'a>(plan: &'a Plan, unknown: &'a [Name], now: Timestamp) -> Vec<Closed<'a>> {
    plan.closed(now).into_iter().chain(unknown.iter().map(|name| (name, NEVER))).collect()
}

/// The deliveries of a range that may go now, limited by the configured paces.
async fn admit(ctx: &Context, pace: &mut Pace, range: &Range, due: Vec<Open>, now: Timestamp) -> Result<Vec<Open>, FlowError> {
    let plan = ctx.plan();
    if pace::is_free(&plan) {
        return Ok(due);
    }
    let mut tx = ctx.store().write().await?;
    let admitted = pace.admit(&mut tx, &plan, range.lease().issue, due, now).await?;
    tx.commit().await?;
    if let Some(held) = admitted.held {
        range.hold(held);
    }
    Ok(admitted.rows)
}

/// Releases finished ranges during the run: a large issue has hundreds, and deliveries that wait for a token are claimed
/// anew.
async fn return_leases(ctx: &Context, ranges: &Ranges) -> Result<(), FlowError> {
    let done: Vec<_> = lock(ranges).extract_if(.., |range| Arc::strong_count(range) == 1).collect();
    for range in done {
        release(ctx, &range).await?;
    }
    Ok(())
}

/// The messages of the issues a step has met, by the version of their words.
#[derive(Default)]
struct Messages(BTreeMap<(IssueId, i64), Arc<Prepared>>);

impl Messages {
    /// An issue's message in the words of a version. If the issue was corrected since the version was read, the range that was
    /// claimed under it marks nothing, so any words will do.
    async fn of(&mut self, tx: &mut Tx, issue: IssueId, version: i64) -> Result<Arc<Prepared>, FlowError> {
        if let Some(message) = self.0.get(&(issue, version)) {
            return Ok(message.clone());
        }
        let stored = match corrections::former(tx, issue, version).await? {
            Some(message) => message,
            None => issues::load(tx, issue).await?.ok_or_else(|| FlowError::Missing(format!("issue {issue}")))?.message,
        };
        let unreadable = |e| FlowError::Unable(format!("read the prepared message of issue {issue}: {e}"));
        let message = Prepared::from_json(&stored).map(Arc::new).map_err(unreadable)?;
        self.0.insert((issue, version), message.clone());
        Ok(message)
    }
}

/// Releases a range: it is finished when every delivery of it is, else it can be claimed again when its first delivery is
/// due.
async fn release(ctx: &Context, range: &Range) -> Result<(), FlowError> {
    failpoint!("deliver.before_release");
    let lease = range.lease();
    let (now, relay_down) = (ctx.now(), range.relay_down.load(Ordering::Relaxed));
    let untried = if relay_down { BACK_OFF.after(now) } else { now };
    let mut tx = ctx.store().write().await?;
    leases::lock(&mut tx, lease).await?;
    let again = match range.held() {
        None => deliveries::due_again(&mut tx, lease, untried, DOUBT.after(now)).await?,
        Some(held) => {
            let open = deliveries::open_in(&mut tx, lease.issue, lease.first, lease.last).await?;
            let again = |row: &Open| match row.retry_at {
                _ if held.deliveries.contains(&row.id) => held.until,
                Some(at) => at,
                None if row.in_doubt => DOUBT.after(now),
                None => untried,
            };
            open.iter().map(again).min()
        }
    };
    leases::release(&mut tx, lease, again, now).await?;
    tx.commit().await?;
    failpoint!("deliver.after_release");
    Ok(())
}
