//! The breakers: rejections, bounces and complaints are counted in the transaction that records them, and a campaign that
//! exceeds a limit is paused in that transaction, with the reason. Resuming the campaign begins a new count.
//!
//! A batch in which the relay accepted every mail is not counted here. A fault of the login pauses every campaign.

use crate::domain::excerpt::excerpt;
use crate::domain::group::breaker::{BOUNCES_AMONG, BROKEN_IN_A_ROW, COMPLAINTS_AMONG, LEAST, Tripped};
use crate::domain::group::delivery::{Reply, State};
use crate::domain::id::{DeliveryId, Name};
use crate::flow::context::{Context, FlowError};
use crate::mail::relay::RelayError;
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::group::attempts::Outcome;
use crate::store::group::breakers::{self, Kind, Trouble};
use crate::store::group::{campaigns, pause_notices};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What a reply counts as against the sender, for one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// The mailbox does not exist.
    Bounced,
    /// The connection broke during the mail, at this try.
    Broken(i64),
    /// The relay refused us as a sender (5.7.x), in these words.
    Unwelcome(String),
    /// The relay did not accept our login (530, 535), with these words.
    Login(String),
}

impl Sign {
    /// What a reply counts as, if anything; `number` is that of the mark it answers.
    pub fn of(reply: &Reply, number: i64) -> Option<Self> {
        match reply {
            Reply::NoMailbox(_) => Some(Self::Bounced),
            Reply::BrokenBefore(_) | Reply::BrokenAfter(_) => Some(Self::Broken(number)),
            Reply::Unwelcome(words) => Some(Self::Unwelcome(words.clone())),
            Reply::NoLogin(words) => Some(Self::Login(words.clone())),
            Reply::Accepted | Reply::Refused(_) | Reply::Later(_) | Reply::RelayDown(_) => None,
        }
    }
}

/// Ends test copies that the relay refused because of the sender: a test copy pauses no campaign and would be tried for
/// ever.
pub async fn end_tests<'a>(
    tx: &mut Tx,
    signs: impl Iterator<Item = (DeliveryId, Option<&'a Sign>)>,
    outcomes: &mut [Outcome],
) -> Result<(), StoreError> {
    let refused: BTreeSet<DeliveryId> =
        signs.filter(|(_, sign)| matches!(sign, Some(Sign::Unwelcome(_)))).map(|(delivery, _)| delivery).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let live = breakers::live(tx, &refused).await?;
    for outcome in outcomes.iter_mut().filter(|o| refused.contains(&o.delivery) && !live.contains_key(&o.delivery)) {
        (outcome.state, outcome.retry_at) = (State::Failed, None);
    }
    Ok(())
}

/// Counts these troubles, and pauses the campaigns that exceed a limit.
///
/// # Errors
/// The store's; nothing is committed here.
pub async fn watch<'a>(
    tx: &mut Tx,
    signs: impl Iterator<Item = (DeliveryId, Option<&'a Sign>)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let signs: Vec<(DeliveryId, &Sign)> = signs.filter_map(|(delivery, sign)| Some((delivery, sign?))).collect();
    if signs.is_empty() {
        return Ok(());
    }
    let live = breakers::live(tx, &signs.iter().map(|(delivery, _)| *delivery).collect()).await?;
    if let Some(words) = signs.iter().find_map(|(_, sign)| if let Sign::Login(words) = sign { Some(words) } else { None }) {
        stop_all(tx, words, now).await?;
    }
    for (delivery, sign) in &signs {
        if let (Sign::Unwelcome(words), Some(campaign)) = (sign, live.get(delivery)) {
            pause(tx, campaign, &Tripped::Unwelcome(*delivery, excerpt(words, 200)), now).await?;
        }
    }
    let troubles: Vec<Trouble> = signs.iter().filter_map(|(delivery, sign)| trouble(*delivery, sign)).collect();
    count(tx, &troubles, &live.into_values().collect(), now).await
}

const fn trouble(delivery: DeliveryId, sign: &Sign) -> Option<Trouble> {
    match sign {
        Sign::Bounced => Some(Trouble { delivery, kind: Kind::Bounced, number: 0 }),
        Sign::Broken(number) => Some(Trouble { delivery, kind: Kind::Broken, number: *number }),
        Sign::Unwelcome(_) | Sign::Login(_) => None,
    }
}

/// Counts bounces and complaints that arrive later about deliveries, and pauses the campaigns that exceed a limit.
///
/// # Errors
/// The store's; nothing is committed here.
pub async fn returned(tx: &mut Tx, troubles: &[Trouble], now: Timestamp) -> Result<(), StoreError> {
    if troubles.is_empty() {
        return Ok(());
    }
    let live = breakers::live(tx, &troubles.iter().map(|t| t.delivery).collect()).await?;
    count(tx, troubles, &live.into_values().collect(), now).await
}

/// Records the troubles, and checks the limits of the campaigns they belong to.
async fn count(tx: &mut Tx, troubles: &[Trouble], campaigns: &BTreeSet<Name>, now: Timestamp) -> Result<(), StoreError> {
    breakers::note(tx, troubles, now).await?;
    let kinds: BTreeSet<Kind> = troubles.iter().map(|t| t.kind).collect();
    for campaign in campaigns {
        for kind in &kinds {
            if let Some(tripped) = tripped(tx, campaign, *kind).await? {
                pause(tx, campaign, &tripped, now).await?;
            }
        }
    }
    Ok(())
}

/// The most expensive query comes last: most campaigns never have enough troubles to need it.
async fn tripped(tx: &mut Tx, campaign: &Name, kind: Kind) -> Result<Option<Tripped>, StoreError> {
    let least = if kind == Kind::Broken { BROKEN_IN_A_ROW } else { LEAST };
    if breakers::noted(tx, campaign, kind).await? < least {
        return Ok(None);
    }
    Ok(match kind {
        Kind::Bounced => {
            let share = breakers::share(tx, campaign, kind, BOUNCES_AMONG).await?;
            share.is_too_many_bounces().then_some(Tripped::Bounces(share))
        }
        Kind::Complained => {
            let share = breakers::share(tx, campaign, kind, COMPLAINTS_AMONG).await?;
            share.is_too_many_complaints().then_some(Tripped::Complaints(share))
        }
        Kind::Broken => breakers::broke_in_a_row(tx, campaign).await?.then_some(Tripped::Broken(BROKEN_IN_A_ROW)),
    })
}

/// Pauses a campaign, unless it is paused already. The reason can contain a relay's words, so it goes into the table and
/// not into the log.
///
/// # Errors
/// The store's; nothing is committed here.
pub async fn pause(tx: &mut Tx, campaign: &Name, tripped: &Tripped, now: Timestamp) -> Result<(), StoreError> {
    let reason = tripped.reason(campaign);
    if campaigns::pause(tx, campaign, &reason, now).await? {
        pause_notices::add(tx, campaign, &reason, now).await?;
        tracing::warn!(%campaign, breaker = tripped.word(), "campaign paused; `nurtured campaigns list` says why");
    }
    Ok(())
}

/// The relay does not accept our login: nothing is sent until an operator has corrected it and resumed each campaign.
async fn stop_all(tx: &mut Tx, words: &str, now: Timestamp) -> Result<(), StoreError> {
    for campaign in breakers::running(tx).await? {
        pause(tx, &campaign, &Tripped::Login(excerpt(words, 200)), now).await?;
    }
    Ok(())
}

/// Stops all sending if no connection could be opened because the relay refused our login; else does nothing.
pub async fn no_connection(ctx: &Context, why: &RelayError) -> Result<(), FlowError> {
    if let RelayError::Login(words) = why {
        let mut tx = ctx.store().write().await?;
        stop_all(&mut tx, words, ctx.now()).await?;
        tx.commit().await?;
    }
    Ok(())
}
