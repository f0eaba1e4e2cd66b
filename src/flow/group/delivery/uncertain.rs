//! `uncertain`: deliveries of which it is unknown whether they were sent are listed for a colleague who can ask the relay's
//! own log, and the answer is kept.

use crate::domain::group::delivery::Resolution;
use crate::domain::id::Name;
use crate::flow::context::{Context, FlowError};
use crate::mail::token::{Kind, Token};
use crate::store::group::uncertain::{self, Uncertain, Which};
use serde::Serialize;

/// An uncertain delivery, with the data by which it is found in the relay's log.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    #[serde(flatten)]
    pub doubt: Uncertain,
    /// Its Message-ID, the same in every try.
    pub message_id: String,
}

/// Every uncertain delivery, by issue.
pub async fn list(ctx: &Context) -> Result<Vec<Listed>, FlowError> {
    let mut tx = ctx.store().read().await?;
    let doubts = uncertain::list(&mut tx).await?;
    let plan = ctx.plan();
    let domain = plan.settings.smtp.return_path.domain();
    let listed = |doubt: Uncertain| {
        let recipient = ctx.signer().recipient(doubt.prospect, &doubt.address);
        let token = ctx.signer().sign(Token { kind: Kind::MessageId, id: doubt.id.0, ordinal: 0, recipient }, "");
        Listed { message_id: format!("<{}@{domain}>", String::from_utf8_lossy(&token)), doubt }
    };
    Ok(doubts.into_iter().map(listed).collect())
}

/// Records what a colleague says about uncertain deliveries, under their name. Returns about how many it changed.
pub async fn resolve(ctx: &Context, which: Which, how: Resolution, by: &Name) -> Result<u64, FlowError> {
    let words = match how {
        Resolution::Accepted => format!("{by} says that it was sent"),
        Resolution::Failed => format!("{by} gave it up"),
        Resolution::Resend => format!("{by} has it sent again"),
    };
    let mut tx = ctx.store().write().await?;
    let resolved = uncertain::resolve(&mut tx, which, how, &words, ctx.now()).await?;
    tx.commit().await?;
    ctx.wake();
    tracing::info!(resolved, as_what = how.state().word(), %by, "uncertain deliveries were resolved");
    Ok(resolved)
}
