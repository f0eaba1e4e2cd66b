//! resend: a letter that failed, waits or was lost behind the relay goes out again, with the same bytes.

use crate::domain::id::LetterId;
use crate::domain::span::Span;
use crate::flow::context::{Context, FlowError};
use crate::store::individual::letters::{self, Unsent};
use jiff::Timestamp;

/// Letters that failed longer ago are no alarm, and are not listed any more.
const REMEMBERED: Span = Span::days(30);

/// From when on failed letters count.
pub fn since(now: Timestamp) -> Timestamp {
    REMEMBERED.before(now)
}

/// The letters that are not sent.
pub async fn unsent(ctx: &Context) -> Result<Vec<Unsent>, FlowError> {
    let mut tx = ctx.store().read().await?;
    Ok(letters::unsent(&mut tx, since(ctx.now())).await?)
}

/// Has one letter sent again, also one that the relay took.
///
/// # Errors
/// Refused when there is no such letter, when it was erased, and while it is on its way.
pub async fn one(ctx: &Context, id: LetterId) -> Result<(), FlowError> {
    let mut tx = ctx.store().write().await?;
    if !letters::resend(&mut tx, id, ctx.now()).await? {
        let why =
            "there is no letter of that number to send: it never was, was erased with whom it told of, or is on its way just now";
        return Err(FlowError::Refused(why.to_owned()));
    }
    tx.commit().await?;
    tracing::info!(letter = %id, "a letter is sent again by hand");
    ctx.wake();
    Ok(())
}

/// Has every letter to one of ours sent again that failed. Returns how many.
pub async fn failed(ctx: &Context) -> Result<u64, FlowError> {
    let mut tx = ctx.store().write().await?;
    let count = letters::resend_failed(&mut tx, since(ctx.now()), ctx.now()).await?;
    tx.commit().await?;
    ctx.wake();
    Ok(count)
}
