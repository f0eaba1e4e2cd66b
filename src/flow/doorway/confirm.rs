//! confirm: an address answers for a form. The form becomes a signal as of the answer, once, and admits its prospect.

use super::observe::commit;
use super::take;
use crate::domain::doorway::signal::NewSignal;
use crate::domain::id::PendingFormId;
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::pending_forms;

/// What an answer changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    Now,
    /// The address had answered before: nothing changed.
    Before,
}

/// Confirms a form. Whoever types the same address again later is again a stranger: this form alone is confirmed.
///
/// # Errors
/// Those of the store; when the form was erased, or its time is over.
pub async fn confirm(ctx: &Context, id: PendingFormId) -> Result<Confirmed, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let gone = || FlowError::Missing("what was filled in: it is kept for thirty days, and then erased".to_owned());
    let mut tx = ctx.store().write().await?;
    let form = pending_forms::lock(&mut tx, id).await?.ok_or_else(gone)?;
    if form.confirmed_at.is_some() {
        return Ok(Confirmed::Before);
    }
    if !pending_forms::confirm(&mut tx, id, now).await? {
        return Err(gone());
    }
    take::record(&mut tx, &plan, &NewSignal::confirmed(form, now), now).await?;
    commit(ctx, tx).await?;
    Ok(Confirmed::Now)
}
