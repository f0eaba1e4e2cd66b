//! seal: settled signals are packed, shelf by shelf, so that the whole of history can be read at once. It decides nothing:
//! without it a backtest takes longer and says the same. Each shelf is a transaction of its own; whatever is killed in
//! between is done the next time.

use crate::domain::span::Span;
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::history;

/// A signal is settled an hour after it was recorded: whatever was written beside it has committed, and its ten minutes as
/// a provisional click are over.
const SETTLED: Span = Span::hours(1);
/// How many shelves are looked at at a time.
const PAGE: i64 = 64;

/// Seals every shelf that has enough new settled signals. Returns how many it sealed.
pub async fn archive(ctx: &Context) -> Result<u64, FlowError> {
    let settled_by = SETTLED.before(ctx.now());
    let mut read = ctx.store().read().await?;
    let Some(up_to) = history::settled(&mut read, settled_by).await? else { return Ok(0) };
    let (_, shelves) = history::extent(&mut read).await?;
    drop(read);
    let mut sealed = 0;
    let mut first = 0;
    while first < shelves && !ctx.is_stopping() {
        let mut read = ctx.store().read().await?;
        let worth_it = history::unsealed(&mut read, first..first + PAGE, up_to).await?;
        drop(read);
        for shelf in worth_it {
            let mut tx = ctx.store().write().await?;
            history::seal(&mut tx, shelf, up_to).await?;
            tx.commit().await?;
            sealed += 1;
        }
        first += PAGE;
    }
    if sealed > 0 {
        tracing::debug!(shelves = sealed, "history sealed");
    }
    Ok(sealed)
}
