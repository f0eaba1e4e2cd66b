//! deliver: claimed ranges of deliveries go to the relay. Mark, send, result: two writes with the network between.
//!
//! Ranges are claimed ahead of the connections that work through them, so that no connection waits for a range to end.
//! Whether a range is finished is read from its deliveries, never counted along the way.

use super::context::{Context, FlowError, Progress};
use super::doors::Doors;
use super::recover;
use super::transmit::{BACK_OFF, Connections, Job, LEASE, Range};
use crate::domain::id::IssueId;
use crate::domain::span::Span;
use crate::mail::prepared::Prepared;
use crate::store::backend::Tx;
use crate::store::leases::{self, Lease};
use crate::store::{deliveries, issues};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

/// How long a delivery in doubt waits before it is tried once more.
const DOUBT: Span = Span::minutes(5);
/// How many rows are read ahead of the connections.
const AHEAD: usize = 1_024;

/// Which ranges to work through.
#[derive(Debug, Clone, Copy)]
enum Which {
    /// Every one that is due.
    Due,
    /// Those of one issue.
    Of(IssueId),
}

/// Works through every range that is due and free.
///
/// # Errors
/// The store's. What could not be recorded was not sent, or is in doubt.
pub async fn deliver(ctx: &Context, doors: &Doors) -> Result<Progress, FlowError> {
    recover::give_back(ctx).await?;
    let mut read = ctx.store().read().await?;
    let due = leases::next_due(&mut read).await?;
    drop(read);
    if due.is_none_or(|at| at > ctx.now()) {
        return Ok(Progress::until(due));
    }
    work(ctx, doors, Which::Due).await.inspect_err(|_| ctx.leave_behind(true))
}

/// Works through what is due of one issue and leaves all others alone: how a test copy goes the way of live ones.
/// Idle when nothing of it is due, or another node is at it.
///
/// # Errors
/// As [`deliver`].
pub async fn deliver_issue(ctx: &Context, doors: &Doors, issue: IssueId) -> Result<Progress, FlowError> {
    work(ctx, doors, Which::Of(issue)).await
}

async fn work(ctx: &Context, doors: &Doors, which: Which) -> Result<Progress, FlowError> {
    let (jobs, rows) = mpsc::channel(AHEAD);
    let connections = Connections::new(ctx, doors, rows);
    let (read, sent) = tokio::join!(read_ahead(ctx, which, &connections, jobs), connections.work());
    let ranges = read?;
    // Ranges are given back even when a connection failed to record something: what it left is in doubt, and is found.
    for range in &ranges {
        release(ctx, range).await?;
    }
    sent?;
    Ok(if ranges.is_empty() { Progress::Idle } else { Progress::Done })
}

/// Claims range after range and hands their rows to the connections, until nothing is due or nobody takes them.
async fn read_ahead(
    ctx: &Context,
    which: Which,
    connections: &Connections<'_>,
    jobs: mpsc::Sender<Job>,
) -> Result<Vec<Arc<Range>>, FlowError> {
    let mut ranges = Vec::new();
    let mut messages: BTreeMap<IssueId, Arc<Prepared>> = BTreeMap::new();
    while !ctx.is_stopping() && !connections.have_given_up() {
        let now = ctx.now();
        let mut tx = ctx.store().write().await?;
        let claimed = match which {
            Which::Due => leases::claim(&mut tx, ctx.node(), now, LEASE.after(now)).await?,
            Which::Of(issue) => leases::claim_of(&mut tx, issue, ctx.node(), now, LEASE.after(now)).await?,
        };
        let Some(lease) = claimed else { break };
        let open = deliveries::open_in(&mut tx, lease.issue, lease.first, lease.last).await?;
        let message = match messages.get(&lease.issue) {
            Some(message) => message.clone(),
            None => load(&mut tx, lease.issue).await?,
        };
        tx.commit().await?;
        failpoint!("deliver.claimed");
        messages.insert(lease.issue, message.clone());
        let range = Arc::new(Range::new(lease, message));
        ranges.push(range.clone());
        for row in open.into_iter().filter(|row| row.retry_at.is_none_or(|at| at <= now)) {
            if jobs.send(Job { row, range: range.clone() }).await.is_err() {
                return Ok(ranges);
            }
        }
        // Ranges that are done are given back as we go: a large issue has hundreds.
        let (done, open): (Vec<_>, Vec<_>) = ranges.into_iter().partition(|range| Arc::strong_count(range) == 1);
        ranges = open;
        for range in done {
            release(ctx, &range).await?;
        }
    }
    Ok(ranges)
}

async fn load(tx: &mut Tx, issue: IssueId) -> Result<Arc<Prepared>, FlowError> {
    let stored = issues::load(tx, issue).await?.ok_or_else(|| FlowError::Missing(format!("issue {issue}")))?;
    let unreadable = |e| FlowError::Unable(format!("read the prepared message of issue {issue}: {e}"));
    Prepared::from_json(&stored.message).map(Arc::new).map_err(unreadable)
}

/// Gives a range back: finished when every delivery of it is, else to be claimed again when the first of them is due.
async fn release(ctx: &Context, range: &Range) -> Result<(), FlowError> {
    failpoint!("deliver.before_release");
    let lease: Lease = range.lease().await;
    let (now, relay_down) = (ctx.now(), range.relay_down.load(Ordering::Relaxed));
    let mut tx = ctx.store().write().await?;
    let open = deliveries::open_in(&mut tx, lease.issue, lease.first, lease.last).await?;
    let again = |row: &deliveries::Open| -> Timestamp {
        match row.retry_at {
            Some(at) => at,
            None if row.in_doubt => DOUBT.after(now),
            None if relay_down => BACK_OFF.after(now),
            None => now,
        }
    };
    leases::release(&mut tx, &lease, open.iter().map(again).min(), now).await?;
    tx.commit().await?;
    failpoint!("deliver.after_release");
    Ok(())
}
