//! confirm: an address answers for forms. Each becomes a signal as of the answer, once, and admits its prospect.

use super::observe::commit;
use super::take;
use crate::domain::doorway::signal::NewSignal;
use crate::domain::id::PendingFormId;
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::pending_forms;
use std::collections::BTreeSet;

/// Confirms these forms, together or not at all; whoever types the same address again later is again a stranger. Returns how many
/// had not been confirmed before.
///
/// # Errors
/// Those of the store; when one was erased, or its time is over.
pub async fn confirm(ctx: &Context, ids: &BTreeSet<PendingFormId>) -> Result<usize, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let gone = || FlowError::Missing("what was filled in: it is kept for thirty days, and then erased".to_owned());
    let mut tx = ctx.store().write().await?;
    let mut confirmed = 0;
    // In the order of their ids: two answers at once wait for each other, and none for ever.
    for id in ids {
        let form = pending_forms::lock(&mut tx, *id).await?.ok_or_else(gone)?;
        if form.confirmed_at.is_some() {
            continue;
        }
        if !pending_forms::confirm(&mut tx, *id, now).await? {
            return Err(gone());
        }
        take::record(&mut tx, &plan, &NewSignal::confirmed(form, now), now).await?;
        confirmed += 1;
    }
    failpoint!("confirm.before_commit");
    commit(ctx, tx).await?;
    Ok(confirmed)
}
