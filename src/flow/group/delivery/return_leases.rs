//! `return_leases`: after the store has failed in the middle of a delivery, this node still holds ranges that none of its
//! connections works on. They are returned as soon as the store can be written again, instead of when their leases lapse.
//!
//! Only what carries this node's own name, and only after a failure: what others hold is theirs until it lapses.

use crate::flow::context::{Context, FlowError};
use crate::store::group::leases;

/// Gives back what a failure left in hand; nothing to do otherwise.
///
/// # Errors
/// The store's; it is tried again the next time.
pub async fn return_leases(ctx: &Context) -> Result<(), FlowError> {
    if !ctx.has_left_behind() {
        return Ok(());
    }
    let mut tx = ctx.store().write().await?;
    let ranges = leases::expire_of(&mut tx, ctx.node()).await?;
    tx.commit().await?;
    ctx.leave_behind(false);
    tracing::info!(ranges, "the store can be written again; what was in hand is given back");
    Ok(())
}
