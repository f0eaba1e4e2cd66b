//! cancel: what waits of a campaign is taken back, by name and reason. From the first commit on nothing of it is marked; what was
//! marked before runs its course, and is not tried again. The rest is writing that down, range after range: whatever dies in
//! between, the next claim or the next call goes on with it.

use crate::domain::id::{IssueId, Name};
use crate::flow::context::{Context, FlowError};
use crate::store::group::{campaigns, cancellations, occurrences};

/// What a cancellation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled {
    /// Issues of which nothing more leaves, and of which something would have.
    pub issues: u64,
    /// Mails that do not leave any more.
    pub mails: u64,
    /// Occurrences of which the rest is not written any more.
    pub occurrences: u64,
}

/// Cancels what waits of a campaign, configured or not: of all its issues, or of one.
///
/// # Errors
/// Those of the store: what was begun is in force all the same, and goes on when it is asked for again.
pub async fn cancel(
    ctx: &Context,
    campaign: &Name,
    issue: Option<IssueId>,
    (reason, by): (&str, Option<&str>),
) -> Result<Cancelled, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    // Whoever opens an occurrence holds this row.
    campaigns::lock(&mut tx, campaign).await?;
    let occurrences = match issue {
        // The first statement waits for a page that is just being written; the next one sees its issues.
        None => occurrences::close(&mut tx, campaign, "cancelled", now).await?,
        Some(_) => 0,
    };
    let issues = cancellations::cancel(&mut tx, campaign, issue, (reason, by), now).await?;
    failpoint!("cancel.before_commit");
    tx.commit().await?;
    failpoint!("cancel.after_commit");
    let mut mails = 0;
    let open = cancellations::open(&mut ctx.store().read().await?, campaign, issue).await?;
    for issue in open {
        let mut after = 0;
        while let Some(range) = cancellations::next_range(&mut ctx.store().read().await?, issue, after).await? {
            let mut tx = ctx.store().write().await?;
            mails += cancellations::write_range(&mut tx, range, now).await?;
            tx.commit().await?;
            failpoint!("cancel.range");
            after = range;
        }
    }
    ctx.wake();
    tracing::info!(%campaign, issues, mails, occurrences, "what waited is cancelled");
    Ok(Cancelled { issues, mails, occurrences })
}
