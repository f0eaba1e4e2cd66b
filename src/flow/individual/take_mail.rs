//! `take_mail`: takes mails as they come, piped or fetched. What is recognised is recorded; what nothing recognises is kept for thirty days;
//! what cannot be read is set aside. None is dropped, and none is written down twice.

use super::receive::{self, Receipt, Received};
use crate::domain::id::Name;
use crate::flow::context::{Context, FlowError};
use crate::inbox::mail::bounce::{self, Incoming, Returned};
use crate::inbox::mail::summary::{Summary, summary};
use crate::store::engine::backend::Tx;
use crate::store::operations::set_aside;
use crate::store::operations::unrecognised::{self, NewUnrecognised};
use crate::store::people::suppressions;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How long a mail may be read: a hostile one is set aside then.
const PATIENCE: Duration = Duration::from_secs(10);

/// A mail as it was read.
#[derive(Debug)]
pub struct Taken {
    pub raw: Arc<[u8]>,
    /// What it says; `None` of one that could not be read, which is set aside.
    pub read: Option<(Returned, Summary)>,
}

/// Reads a mail, away from the steps: one that takes too long, or over which the reader stumbles, is one that cannot be read.
pub async fn read(raw: Vec<u8>) -> Taken {
    let raw: Arc<[u8]> = raw.into();
    let bytes = raw.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let mail = bounce::read(&bytes).ok().filter(|mail| !is_noise(mail))?;
        Some((mail, summary(&bytes)))
    });
    let read = if let Ok(Ok(read)) = tokio::time::timeout(PATIENCE, reading).await {
        read
    } else {
        tracing::warn!(bytes = raw.len(), "a mail could not be read: it is set aside");
        None
    };
    Taken { raw, read }
}

/// Whether it has nothing of a mail: nobody it was sent to, and none of the kinds that are known.
fn is_noise(mail: &Returned) -> bool {
    mail.kind == Incoming::Unknown && mail.recipients.is_empty()
}

/// Takes a mail that a mail server handed over, or that lies in this mailbox; `None` of one that was set aside.
///
/// # Errors
/// Those of the store, and of the folder of what is set aside; nothing is recorded then.
pub async fn take(ctx: &Context, mail: &Taken, mailbox: Option<&Name>) -> Result<Option<Receipt>, FlowError> {
    set_apart_unread(ctx, std::slice::from_ref(mail)).await?;
    let mut tx = ctx.store().write().await?;
    let receipt = take_in(ctx, &mut tx, mail, mailbox).await?;
    unrecognised::shed(&mut tx).await?;
    tx.commit().await?;
    ctx.wake();
    Ok(receipt)
}

/// Sets the mails aside that could not be read. They are on the disk when this returns, and a repetition changes nothing, because each is
/// named by its content. It is done ahead of the transaction that takes the others, so that none waits to write for the disk.
///
/// # Errors
/// When the disk does not take one.
pub async fn set_apart_unread(ctx: &Context, mails: &[Taken]) -> Result<(), FlowError> {
    for mail in mails.iter().filter(|mail| mail.read.is_none()) {
        set_apart(ctx, &mail.raw).await?;
        tracing::info!(what = "unreadable", "mail set aside");
    }
    Ok(())
}

/// Takes a mail in a transaction; `None` of one that could not be read, which was set aside before. The caller sheds what is too many of
/// the unrecognised, commits, and wakes the steps.
///
/// # Errors
/// Those of the store: nothing may be committed then.
pub async fn take_in(ctx: &Context, tx: &mut Tx, mail: &Taken, mailbox: Option<&Name>) -> Result<Option<Receipt>, FlowError> {
    let Some((read, _)) = &mail.read else { return Ok(None) };
    let receipt = receive::receive_in(ctx, tx, read).await?;
    tracing::info!(what = receipt.what.word(), new = receipt.new, "mail received");
    if receipt.what == Received::Nothing {
        keep(ctx, tx, mail, mailbox, &receipt).await?;
    }
    Ok(Some(receipt))
}

/// Keeps a mail that nothing recognised.
async fn keep(ctx: &Context, tx: &mut Tx, mail: &Taken, mailbox: Option<&Name>, receipt: &Receipt) -> Result<(), FlowError> {
    let Some((_, shown)) = &mail.read else { return Ok(()) };
    if is_of_forgotten(tx, shown).await? {
        return Ok(());
    }
    let (why, sender, subject, addresses) = (&receipt.words, &shown.sender, &shown.subject, &shown.addresses);
    let new = NewUnrecognised { mailbox, why, sender, subject, addresses, raw: &mail.raw };
    unrecognised::keep(tx, &new, ctx.now()).await?;
    Ok(())
}

/// What became of a mail that was taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    Recognised,
    Unrecognised,
    Unreadable,
}

/// Takes a mail again that is kept, under this number or in a file: one that is recognised now is not kept any more. The file is the
/// caller's to remove.
///
/// # Errors
/// Those of the store; nothing is recorded then.
pub async fn again(ctx: &Context, mail: &Taken, number: Option<i64>) -> Result<Again, FlowError> {
    let Some((read, _)) = &mail.read else { return Ok(Again::Unreadable) };
    let mut tx = ctx.store().write().await?;
    let receipt = receive::receive_in(ctx, &mut tx, read).await?;
    let is_recognised = receipt.what != Received::Nothing;
    match number {
        Some(_) if !is_recognised => {
            tx.rollback().await?;
            return Ok(Again::Unrecognised);
        }
        Some(number) => unrecognised::remove(&mut tx, number).await?,
        None if !is_recognised => keep(ctx, &mut tx, mail, None, &receipt).await?,
        None => {}
    }
    tx.commit().await?;
    ctx.wake();
    Ok(if is_recognised { Again::Recognised } else { Again::Unrecognised })
}

/// Sets a mail aside that cannot be read, or that the store refuses, so that it holds up no other.
///
/// # Errors
/// When the disk does not take it.
pub async fn set_apart(ctx: &Context, raw: &Arc<[u8]>) -> Result<(), FlowError> {
    let (journal, raw) = (ctx.plan().settings.stop_journal.clone(), raw.clone());
    let kept = tokio::task::spawn_blocking(move || set_aside::keep(&journal, &raw, io::empty())).await;
    let unable = |why: String| FlowError::Unable(format!("keep an unreadable mail: {why}"));
    kept.map_err(|error| unable(error.to_string()))?.map_err(|error| unable(error.to_string())).map(drop)
}

/// Whether anybody who was forgotten stands in it: of them nothing is kept anew.
async fn is_of_forgotten(tx: &mut Tx, shown: &Summary) -> Result<bool, FlowError> {
    for address in &shown.addresses {
        if suppressions::forgotten_at(tx, address).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
