//! gate: whether group mail may go out at all. It shuts by itself when the clock has jumped.
//!
//! While it is shut, no occurrence opens and no delivery is written; what fell due meanwhile is judged by its lateness
//! once the gate is open again. It does not keep deliveries from being marked: every mark reads the same row in its own
//! statement.

use crate::domain::span::Span;
use crate::flow::context::{Context, FlowError};
use crate::store::engine::backend::Store;
use crate::store::operations::sending::{self, Sending};
use jiff::Timestamp;

/// How the reason begins when stops cannot be recorded outside the database.
pub const JOURNAL_TROUBLE: &str = "the stop journal cannot be written";

/// Checks for a reason to shut the gate before any step runs, and shuts it.
pub async fn check(ctx: &Context) -> Result<(), FlowError> {
    if let Some(jump) = ctx.jumped() {
        let minutes = Span::minutes(jump.as_mins());
        tracing::error!(minutes = jump.as_mins(), "the clock jumped forward: no group mail until somebody resumes");
        stop(ctx, &format!("the clock jumped forward by {minutes}: check it")).await?;
        // The jump is acknowledged last: a concurrent check must not see a clock that seems right and a gate still open.
        ctx.clock_seen_to();
    }
    journal_trouble(ctx.store(), ctx.now()).await.map(drop)
}

/// Shuts the gate if stops could not be written outside the database and still cannot be. Returns why not.
pub async fn journal_trouble(store: &Store, now: Timestamp) -> Result<Option<String>, FlowError> {
    let Some(why) = store.journal().filter(|journal| journal.is_broken()).and_then(|journal| journal.trouble()) else {
        return Ok(None);
    };
    if sending::state(&mut store.read().await?).await?.stopped.is_none() {
        tracing::error!(%why, "the stop journal cannot be written: no group mail until it can, and somebody resumes");
        stop_all(store, &format!("{JOURNAL_TROUBLE}: {why}"), now).await?;
    }
    Ok(Some(why))
}

/// Whether the gate is shut, after checking the clock.
pub async fn is_shut(ctx: &Context) -> Result<bool, FlowError> {
    check(ctx).await?;
    let why = state(ctx).await?.why_not();
    if ctx.is_news(why.as_deref()) {
        if let Some(why) = &why {
            tracing::warn!(%why, "no group mail is sent");
        } else {
            tracing::info!("group mail goes on");
        }
    }
    Ok(why.is_some())
}

/// Whether mail may leave, and if not, why.
pub async fn state(ctx: &Context) -> Result<Sending, FlowError> {
    let mut tx = ctx.store().read().await?;
    Ok(sending::state(&mut tx).await?)
}

/// Stops all group mail on every node, also after a restart, until an operator resumes it. When this returns, no further
/// delivery is marked. Returns whether it ran until now; if it was stopped already, the earlier reason stays.
pub async fn stop(ctx: &Context, reason: &str) -> Result<bool, FlowError> {
    let new = stop_all(ctx.store(), reason, ctx.now()).await?;
    ctx.wake();
    Ok(new)
}

/// As [`stop`], with the database alone.
pub async fn stop_all(store: &Store, reason: &str, now: Timestamp) -> Result<bool, FlowError> {
    let mut tx = store.write_first().await?;
    let new = sending::stop(&mut tx, reason, now).await?;
    tx.commit().await?;
    Ok(new)
}

/// Resumes group mail. Returns whether it was stopped.
pub async fn resume(ctx: &Context) -> Result<bool, FlowError> {
    let resumed = resume_all(ctx.store()).await?;
    ctx.wake();
    Ok(resumed)
}

/// As [`resume`], with the database alone.
pub async fn resume_all(store: &Store) -> Result<bool, FlowError> {
    let mut tx = store.write().await?;
    let resumed = sending::resume(&mut tx).await?;
    tx.commit().await?;
    Ok(resumed)
}
