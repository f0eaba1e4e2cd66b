//! typed stop: a visitor typed an address to which no newsletter is to go. Anybody can type anybody's, and nothing else comes of it.

use super::observe::{self, Observed};
use crate::domain::address::Address;
use crate::domain::doorway::signal::NewSignal;
use crate::domain::suppression::{Channel, StopReason};
use crate::flow::context::{Context, FlowError};
use crate::store::people::suppressions::{self, Stop};

/// Stops newsletters to an address, ahead of everything that waits to write. Of a prospect it is recorded; an address that is
/// nobody's is kept from being mailed by a later list. Where a stop is in force already, under the hash of one who was forgotten too,
/// nothing is added; but a bounce is the mailbox's, and theirs follows them to another address.
pub async fn typed_stop(ctx: &Context, address: Address) -> Result<(), FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write_first().await?;
    let stops = suppressions::of(&mut tx, &[&address]).await?;
    if stops.iter().any(|stop| stop.channel == Channel::Email && stop.reason != StopReason::Bounced) {
        return Ok(());
    }
    let observed = observe::write(&mut tx, &ctx.plan(), &[NewSignal::typed_stop(address.clone(), now)], now).await?;
    if matches!(observed[..], [Observed::Unknown]) {
        let source = "unsubscribed: the address was typed".to_owned();
        let stop = Stop { address: address.to_string(), channel: Channel::Email, reason: StopReason::Unsubscribed, source };
        suppressions::add(&mut tx, &[stop], now).await?;
    }
    observe::commit(ctx, tx).await
}
