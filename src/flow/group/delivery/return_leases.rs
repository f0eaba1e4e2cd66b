//! `return_leases`: after the store has failed during a delivery, this node still leases ranges that none of its
//! connections works on. It returns them as soon as the store can be written again, before their leases lapse.
//!
//! It returns only leases under this node's own name, and only after a failure: those of other nodes stand until they
//! lapse.

use crate::flow::context::{Context, FlowError};
use crate::store::group::leases;

/// Returns the leases that a failure left with this node; does nothing otherwise.
///
/// # Errors
/// Those of the store; the next call tries again.
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
