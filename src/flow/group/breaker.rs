//! The breakers: rejections, bounces and complaints are counted in the transaction that records them, and a campaign that
//! exceeds a limit is paused in that transaction, with the reason. Resuming the campaign begins a new count.
//!
//! A batch in which the relay accepted every mail is not counted here. A fault of the login pauses every campaign.

use crate::domain::address::Address;
use crate::domain::excerpt::{excerpt, without_addresses};
use crate::domain::group::alike::alike;
use crate::domain::group::breaker::{
    ALIKE_IN_A_ROW, BOUNCES_AMONG, BROKEN_IN_A_ROW, COMPLAINTS_AMONG, FULL_IN_A_ROW, LEAST, OURS_IN_A_ROW, REFUSALS_AMONG,
    Tripped,
};
use crate::domain::group::delivery::{Reply, State};
use crate::domain::group::refusal::{About, Mailbox, Pauses};
use crate::domain::id::{DeliveryId, Name};
use crate::domain::suppression::{Channel, StopReason};
use crate::flow::context::{Context, FlowError};
use crate::mail::relay::RelayError;
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::group::attempts::Outcome;
use crate::store::group::breakers::{self, Kind, Trouble};
use crate::store::group::refusals::{self, InRowOf, Refused};
use crate::store::group::{campaigns, deliveries, pause_notices, reopened};
use crate::store::people::suppressions::{self, Stop, Suppression};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What a reply counts as against the sender, for one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// It was refused for good; with the words, addresses taken out.
    Refused(Refused, String),
    /// The connection broke during the mail, at this try.
    Broken(i64),
    /// The relay did not accept our login, with these words.
    Login(String),
}

impl Sign {
    /// What a reply counts as, if anything, for a delivery to this address; `number` is that of the mark it answers.
    pub fn of(reply: &Reply, delivery: DeliveryId, to: &Address, number: i64) -> Option<Self> {
        match reply {
            Reply::Refused(refusal) => Some(Self::refused(refusal.about, &refusal.words, delivery, to, number)),
            Reply::BrokenBefore(_) | Reply::BrokenAfter(_) => Some(Self::Broken(number)),
            Reply::NoLogin(words) => Some(Self::Login(words.clone())),
            Reply::Accepted | Reply::Later(_) | Reply::RelayDown(_) => None,
        }
    }

    fn refused(about: About, words: &str, delivery: DeliveryId, to: &Address, number: i64) -> Self {
        let refused = Refused { delivery, number: number + 1, about, alike: alike(words, to.local()) };
        Self::Refused(refused, excerpt(&without_addresses(words), 200))
    }
}

/// Ends test copies that the relay refused because of the sender: a test copy pauses no campaign and would be tried for
/// ever.
pub async fn end_tests<'a>(
    tx: &mut Tx,
    signs: impl Iterator<Item = (DeliveryId, Option<&'a Sign>)>,
    outcomes: &mut [Outcome],
) -> Result<(), StoreError> {
    let refused: BTreeSet<DeliveryId> = signs
        .filter(|(_, sign)| matches!(sign, Some(Sign::Refused(refused, _)) if refused.about.is_us()))
        .map(|(d, _)| d)
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let live = breakers::live(tx, &refused).await?;
    for outcome in outcomes.iter_mut().filter(|o| refused.contains(&o.delivery) && !live.contains_key(&o.delivery)) {
        (outcome.state, outcome.retry_at) = (State::Failed, None);
    }
    Ok(())
}

/// Records the refusals among these. Returns the deliveries whose mailbox took nothing for so many issues in a row that it
/// counts as gone.
///
/// # Errors
/// The store's; nothing is committed here.
pub async fn note<'a>(
    tx: &mut Tx,
    signs: impl Iterator<Item = (DeliveryId, Option<&'a Sign>)>,
    now: Timestamp,
) -> Result<BTreeSet<DeliveryId>, StoreError> {
    let refused =
        |(_, sign): (_, Option<&'a Sign>)| if let Some(Sign::Refused(refused, _)) = sign { Some(refused.clone()) } else { None };
    let refused: Vec<Refused> = signs.filter_map(refused).collect();
    refusals::note(tx, &refused, now).await?;
    full_again(tx, &refused).await
}

async fn full_again(tx: &mut Tx, refused: &[Refused]) -> Result<BTreeSet<DeliveryId>, StoreError> {
    let mut full = BTreeSet::new();
    for one in refused.iter().filter(|one| one.about == About::Recipient(Mailbox::NotNow)) {
        if refusals::is_full_again(tx, one.delivery, FULL_IN_A_ROW).await? {
            full.insert(one.delivery);
        }
    }
    Ok(full)
}

/// Counts these troubles, whose refusals were noted, and pauses the campaigns that exceed a limit.
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
    let mut alike: BTreeMap<(&Name, &str), (About, &str)> = BTreeMap::new();
    for (delivery, sign) in &signs {
        if let (Sign::Refused(refused, words), Some(campaign)) = (sign, live.get(delivery)) {
            alike.insert((campaign, refused.alike.as_str()), (refused.about, words.as_str()));
        }
    }
    for ((campaign, key), (about, words)) in alike {
        refused(tx, campaign, key, (about, words), now).await?;
    }
    let troubles: Vec<Trouble> = signs.iter().filter_map(|(delivery, sign)| trouble(*delivery, sign)).collect();
    count(tx, &troubles, &live.into_values().collect(), now).await
}

/// Pauses a campaign that was refused alike too often in a row, or too often because of us. Whoever refuses in the same words
/// too often does not speak of the recipients: their deliveries are open again.
async fn refused(
    tx: &mut Tx,
    campaign: &Name,
    alike: &str,
    (about, words): (About, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    if about == About::Us(Pauses::AtOnce) {
        return pause(tx, campaign, &Tripped::Sender(words.to_owned()), now).await;
    }
    // Nodes that record at the same moment count one after the other, so that none of a row is missed.
    refusals::lock(tx, campaign).await?;
    let enough = if about.is_us() { OURS_IN_A_ROW } else { ALIKE_IN_A_ROW };
    let mut row = refusals::row(tx, campaign, alike, REFUSALS_AMONG).await?;
    if many(&row) >= enough {
        row = refusals::since_accepted(tx, campaign, row).await?;
    }
    if many(&row) >= enough {
        let tripped = if about.is_us() { Tripped::Ours } else { Tripped::Alike };
        open_again(tx, &row, now).await?;
        return pause(tx, campaign, &tripped(many(&row), words.to_owned()), now).await;
    }
    if about.is_us() { share_about_us(tx, campaign, words, now).await } else { Ok(()) }
}

/// Pauses a campaign that was refused because of us too often among its latest mails.
async fn share_about_us(tx: &mut Tx, campaign: &Name, words: &str, now: Timestamp) -> Result<(), StoreError> {
    if refusals::about_us(tx, campaign).await? >= OURS_IN_A_ROW {
        let share = refusals::share(tx, campaign).await?;
        if share.is_too_many_refusals() {
            return pause(tx, campaign, &Tripped::OursAmong(share, words.to_owned()), now).await;
        }
    }
    Ok(())
}

fn many(row: &[InRowOf]) -> i64 {
    i64::try_from(row.len()).unwrap_or(i64::MAX)
}

/// Opens the deliveries of a row again. A mailbox that counted as gone for its refusal no longer does.
async fn open_again(tx: &mut Tx, row: &[InRowOf], now: Timestamp) -> Result<(), StoreError> {
    let gone: Vec<DeliveryId> = row.iter().filter(|one| one.about.is_gone()).map(|one| one.delivery).collect();
    for (_, address) in deliveries::addresses(tx, &gone).await? {
        let stops = suppressions::of(tx, &[&address]).await?;
        let begun_at = row.iter().map(|one| one.at).min().unwrap_or(now);
        let is_ours =
            |stop: &Suppression| stop.reason == StopReason::Bounced && stop.since >= begun_at && stop.channel == Channel::Email;
        if stops.iter().any(is_ours) && suppressions::lift(tx, &address, Channel::Email, now).await? {
            suppressions::note_lifted(tx, &address, Channel::Email, "; lifted: many in a row were refused alike", now).await?;
        }
    }
    let all: Vec<DeliveryId> = row.iter().map(|one| one.delivery).collect();
    let opened = reopened::reopen(tx, &all, "open again: many in a row were refused alike", now).await?;
    if opened > 0 {
        tracing::warn!(opened, "deliveries refused in the same words are open again");
    }
    Ok(())
}

const fn trouble(delivery: DeliveryId, sign: &Sign) -> Option<Trouble> {
    match sign {
        Sign::Refused(Refused { about: About::Recipient(Mailbox::Gone), .. }, _) => {
            Some(Trouble { delivery, kind: Kind::Bounced, number: 0 })
        }
        Sign::Broken(number) => Some(Trouble { delivery, kind: Kind::Broken, number: *number }),
        Sign::Refused(..) | Sign::Login(_) => None,
    }
}

/// Records a refusal that came back by mail, for a delivery the relay had accepted, and pauses its campaign if too many of the
/// latest mails were refused because of us. A mailbox that took nothing for so many issues in a row counts as gone: no more is sent to it.
///
/// # Errors
/// The store's; nothing is committed here.
pub async fn came_back(
    tx: &mut Tx,
    delivery: DeliveryId,
    to: &Address,
    (about, words): (About, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    let refused = [Refused { delivery, number: 0, about, alike: alike(words, to.local()) }];
    refusals::note(tx, &refused, now).await?;
    if about.is_us() {
        for campaign in breakers::live(tx, &BTreeSet::from([delivery])).await?.into_values() {
            share_about_us(tx, &campaign, &excerpt(&without_addresses(words), 200), now).await?;
        }
    }
    if full_again(tx, &refused).await?.contains(&delivery) {
        let source = format!("took nothing in {FULL_IN_A_ROW} issues in a row");
        let stop = Stop { address: to.to_string(), channel: Channel::Email, reason: StopReason::Bounced, source };
        suppressions::add(tx, &[stop], now).await?;
    }
    Ok(())
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
