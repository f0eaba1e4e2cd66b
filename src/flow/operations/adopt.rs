//! adopt: a database that was restored from a backup, or copied, becomes the one that sends. The stop journal is replayed,
//! and deliveries that may have been sent since the backup are held: no person who stopped is mailed, and none is mailed
//! twice. Numbers go on beyond those the lost history gave, so that none of its links ever stands for somebody else.
//!
//! All of it happens while the database only observes, so that no delivery is marked meanwhile; ending that state is the
//! last write. After a crash before it, adopting again repairs the rest.

use super::forget;
use crate::domain::address::Address;
use crate::domain::id::ProspectId;
use crate::domain::prospect::Standing;
use crate::domain::suppression::{Channel, StopReason};
use crate::flow::context::{Context, FlowError};
use crate::flow::group::publish;
use crate::store::doorway::reminders;
use crate::store::engine::journal::{self, Entry, JournalContents, What};
use crate::store::group::campaigns;
use crate::store::operations::numbers::{self, Numbers};
use crate::store::operations::{adoptions, identity, sending};
use crate::store::people::suppressions::{self, Stop};
use crate::store::people::{erasure_keys, prospects};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What an adoption did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// How many journal lines were read.
    pub journal_lines: usize,
    /// How many lines could not be read.
    pub unreadable_lines: usize,
    /// Stops that the database did not have.
    pub stopped: u64,
    /// Stops that had been lifted since the backup.
    pub lifted: u64,
    /// Prospects handed off since the backup, whose handoff the database lacks: stopped, and put on the sales manager's
    /// queue.
    pub handed_off: u64,
    /// People who had asked to be erased since the backup, and are erased again.
    pub forgotten: u64,
    /// Occurrences that fell due since the backup: each is recorded, and its deliveries are held.
    pub fell_due: u64,
    /// Deliveries of which it is unknown whether they were sent since the backup.
    pub held: u64,
    /// After which number each table goes on: beyond all that is known of the lost history.
    pub numbers: Numbers,
}

/// How a database is adopted.
#[derive(Debug)]
pub struct Adoption {
    /// The contents of all nodes' journals.
    pub journals: JournalContents,
    /// The last numbers that the nodes' markers know of.
    pub known: Numbers,
    /// Whether the database was moved, with the record of everything sent from it: then nothing is held.
    pub moved: bool,
    pub token: String,
    pub place: String,
}

/// Adopts the database.
///
/// # Errors
/// When the database does not observe; those of the store. It still observes then, and can be adopted again.
pub async fn adopt(ctx: &Context, adoption: Adoption) -> Result<Adopted, FlowError> {
    let mut tx = ctx.store().read().await?;
    if sending::state(&mut tx).await?.observing.is_none() {
        return Err(FlowError::Refused("this database is at home here: there is nothing to adopt".to_owned()));
    }
    drop(tx);
    let journals = &adoption.journals;
    let mut adopted =
        Adopted { journal_lines: journals.entries.len(), unreadable_lines: journals.unreadable, ..Adopted::default() };
    // First of all: nothing that is written from here on has a number that the lost history gave.
    let mut tx = ctx.store().write().await?;
    adopted.numbers = numbers::lift(&mut tx, &adoption.known).await?;
    tx.commit().await?;
    let last = journals.last();
    replay(ctx, &last, &mut adopted).await?;
    adopted.forgotten = forget_again(ctx, &last).await?;
    if !adoption.moved {
        adopted.fell_due = open_due(ctx).await?;
        while publish::fill(ctx).await? {}
    }
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    if !adoption.moved {
        let words = "whether it was sent after the backup nobody knows";
        adopted.held = adoptions::hold(&mut tx, words, now).await?;
    }
    identity::adopt(&mut tx, &adoption.token, &adoption.place).await?;
    sending::open(&mut tx).await?;
    tx.commit().await?;
    ctx.wake();
    tracing::warn!(?adopted, "the database was adopted");
    Ok(adopted)
}

/// Brings every address to the state its last journal entry gives.
async fn replay(ctx: &Context, last: &[Entry], adopted: &mut Adopted) -> Result<(), FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    let mut in_force = BTreeMap::new();
    for suppression in suppressions::all(&mut tx).await? {
        in_force.insert((suppression.address.clone(), suppression.channel), suppression.since);
    }
    let (mut stops, mut gone) = (Vec::new(), Vec::new());
    for Entry { at, address, what } in last {
        match what {
            What::Stopped { channel, reason, source } => {
                if !in_force.contains_key(&(address.clone(), *channel)) {
                    let source = format!("{source} (from the stop journal, {at})");
                    stops.push(Stop { address: address.clone(), channel: *channel, reason: *reason, source });
                }
            }
            What::Lifted { channel } => {
                let known = in_force.get(&(address.clone(), *channel)).is_some_and(|since| since <= at);
                if let (true, Ok(address)) = (known, Address::parse(address)) {
                    adopted.lifted += u64::from(suppressions::lift(&mut tx, &address, *channel, now).await?);
                }
            }
            What::Stands { .. } if what.lets_go() => {}
            What::Stands { standing } => gone.extend(Address::parse(address).ok().map(|address| (address, standing, *at))),
        }
    }
    adopted.stopped = suppressions::add(&mut tx, &stops, now).await?;
    let wanted: Vec<&Address> = gone.iter().map(|(address, ..)| address).collect();
    let known = prospects::by_address(&mut tx, &wanted).await?;
    for (address, standing, at) in &gone {
        let prospect = known.get(address);
        if let Some(id) = prospect
            && prospects::lock(&mut tx, *id).await? != Standing::Nurturing
        {
            continue;
        }
        let source = format!("was {} at {at}, which the backup does not know", standing.word());
        let stop = Stop { address: address.to_string(), channel: Channel::Email, reason: StopReason::Manual, source };
        adopted.handed_off += suppressions::add(&mut tx, &[stop], now).await?;
        if let Some(id) = prospect {
            let action =
                format!("Was {} when the database was lost: find out how they stand, then lift the stop", standing.word());
            reminders::add(&mut tx, *id, &ctx.plan().roster.manager, &action, now).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Erases the prospects whom the journals know by a hash alone and the database still has by address.
async fn forget_again(ctx: &Context, last: &[Entry]) -> Result<u64, FlowError> {
    const PAGE: i64 = 1_000;
    let is_erased = |what: &What| matches!(what, What::Stopped { reason: StopReason::Erased, .. });
    let hashes: BTreeSet<&str> = last.iter().filter(|e| is_erased(&e.what)).map(|e| e.address.as_str()).collect();
    let (mut after, mut forgotten) = (ProspectId(0), 0);
    if hashes.is_empty() {
        return Ok(0);
    }
    let mut tx = ctx.store().write().await?;
    let keyed = erasure_keys::load_or_make(&mut tx, ctx.now()).await?;
    tx.commit().await?;
    loop {
        let page = adoptions::addresses(&mut ctx.store().read().await?, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (_, address) in
            page.iter().filter(|(_, address)| keyed.all(address).iter().any(|hash| hashes.contains(hash.as_str())))
        {
            forget::forget(ctx, address).await?;
            forgotten += 1;
        }
    }
    Ok(forgotten)
}

/// Opens every occurrence that fell due since the backup. Its deliveries are written so that they can be held: the lost
/// database may have sent them, and a series must not send them again.
async fn open_due(ctx: &Context) -> Result<u64, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut tx = ctx.store().write().await?;
    campaigns::put(&mut tx, plan.schedules(), now).await?;
    let mut opened = 0;
    for campaign in &plan.campaigns {
        opened += publish::open_every(&mut tx, campaign, &plan.hash, now).await?;
    }
    tx.commit().await?;
    Ok(opened)
}

/// Appends the stops that the database has and the journal lacks: at the first start with a journal, and after it could
/// not be written. Returns how many lines.
///
/// # Errors
/// Those of the store; when the journal cannot be read or written.
pub async fn backfill_journal(ctx: &Context) -> Result<usize, FlowError> {
    let Some(journal) = ctx.store().journal().cloned() else { return Ok(0) };
    let unable = |e: &dyn std::fmt::Display| FlowError::Unable(format!("keep stops in {}: {e}", journal.path().display()));
    let last = journal::read(journal.path()).map_err(|e| unable(&e))?.last();
    let known: BTreeSet<(String, Option<Channel>)> = last
        .into_iter()
        .filter(|entry| !entry.what.lets_go())
        .map(|entry| match entry.what {
            What::Stopped { channel, .. } => (entry.address, Some(channel)),
            What::Lifted { .. } | What::Stands { .. } => (entry.address, None),
        })
        .collect();
    let mut tx = ctx.store().read().await?;
    let stops = suppressions::all(&mut tx).await?.into_iter().map(|s| {
        let key = (s.address.clone(), Some(s.channel));
        (key, (s.address, What::Stopped { channel: s.channel, reason: s.reason, source: s.source }))
    });
    let elsewhere = adoptions::elsewhere(&mut tx).await?.into_iter();
    let elsewhere = elsewhere.map(|(address, standing)| ((address.clone(), None), (address, What::Stands { standing })));
    let missing: Vec<(String, What)> =
        stops.chain(elsewhere).filter(|(key, _)| !known.contains(key)).map(|(_, line)| line).collect();
    drop(tx);
    let lines = missing.len();
    let keeper = journal.clone();
    let written = tokio::task::spawn_blocking(move || {
        keeper.begin()?;
        if !missing.is_empty() {
            keeper.write(missing);
        }
        std::io::Result::Ok(())
    });
    written.await.map_err(|e| unable(&e))?.map_err(|e| unable(&e))?;
    match journal.trouble() {
        Some(why) => Err(unable(&why)),
        None => Ok(lines),
    }
}
