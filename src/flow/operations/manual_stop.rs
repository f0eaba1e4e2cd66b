//! `manual_stop`: an operator stops a campaign or an address by hand, and resumes it.

use crate::domain::address::Address;
use crate::domain::id::Name;
use crate::domain::suppression::{Channel, StopReason};
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::assessment_queue;
use crate::store::engine::backend::Store;
use crate::store::group::campaigns;
use crate::store::people::prospects;
use crate::store::people::suppressions::{self, Stop, Suppression};
use jiff::Timestamp;

/// Pauses a campaign. No delivery of it is sent after this, even of open issues; returns whether it ran until now.
pub async fn pause(ctx: &Context, campaign: &Name, reason: &str) -> Result<bool, FlowError> {
    let mut tx = ctx.store().write().await?;
    let paused = campaigns::pause(&mut tx, campaign, reason, ctx.now()).await?;
    tx.commit().await?;
    tracing::info!(%campaign, paused, "pause asked for");
    Ok(paused)
}

/// Resumes a campaign; returns whether it was paused.
pub async fn resume(ctx: &Context, campaign: &Name) -> Result<bool, FlowError> {
    let mut tx = ctx.store().write().await?;
    let resumed = campaigns::resume(&mut tx, campaign, ctx.now()).await?;
    tx.commit().await?;
    ctx.wake();
    tracing::info!(%campaign, resumed, "resume asked for");
    Ok(resumed)
}

/// Stops an address on a channel, in an operator's words; returns whether this stop is new.
pub async fn suppress(ctx: &Context, address: &Address, channel: Channel, words: &str) -> Result<bool, FlowError> {
    stop_address(ctx.store(), address, channel, words, ctx.now()).await
}

/// As [`suppress`], with the database alone.
pub async fn stop_address(
    store: &Store,
    address: &Address,
    channel: Channel,
    words: &str,
    now: Timestamp,
) -> Result<bool, FlowError> {
    let mut tx = store.write_first().await?;
    let stop = Stop { address: address.to_string(), channel, reason: StopReason::Manual, source: words.to_owned() };
    let new = suppressions::add(&mut tx, &[stop], now).await? > 0;
    tx.commit().await?;
    Ok(new)
}

/// Lifts the stop of an address on a channel, in an operator's words, which are kept with the stop's reason. Returns what
/// was lifted.
///
/// # Errors
/// Those of the store; when the address was erased, because an erasure is final.
pub async fn lift(ctx: &Context, address: &Address, channel: Channel, words: &str) -> Result<Option<Suppression>, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    let in_force = suppressions::of(&mut tx, &[address]).await?.into_iter().filter(|s| s.channel == channel);
    let (own, erased): (Vec<_>, Vec<_>) = in_force.partition(|s| s.address == address.as_str());
    let Some(lifted) = own.into_iter().next() else {
        if erased.is_empty() {
            return Ok(None);
        }
        return Err(FlowError::Refused("that person asked to be forgotten: the stop stays, and cannot be lifted".to_owned()));
    };
    suppressions::lift(&mut tx, address, channel, now).await?;
    suppressions::note_lifted(&mut tx, address, channel, &format!("; lifted: {words}"), now).await?;
    // A date the prospect asked for may have passed while they were suppressed.
    let known = prospects::by_address(&mut tx, &[address]).await?;
    assessment_queue::enqueue(&mut tx, known.into_values().map(|id| (id, now))).await?;
    tx.commit().await?;
    ctx.wake();
    Ok(Some(lifted))
}
