//! mailbox: takes batches of mails out of a mailbox. How far it is read moves on in the transaction that records what was read, under the
//! fence of the claim: after a death, or when another node has the mailbox, nothing is lost and nothing is there twice.

use super::take_mail::{self, Taken};
use crate::domain::id::fingerprint;
use crate::domain::settings::{MailSource, Mailbox};
use crate::flow::context::{Context, FlowError};
use crate::store::operations::mailboxes::{self, Claim};
use crate::store::operations::unrecognised;
use jiff::SignedDuration;

/// How long a node has a mailbox without saying that it lives.
pub const LEASE: SignedDuration = SignedDuration::from_secs(90);

/// Claims a mailbox; `None` while another node reads it.
pub async fn claim(ctx: &Context, mailbox: &Mailbox) -> Result<Option<Claim>, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    let claim = mailboxes::claim(&mut tx, &mailbox.name, &place(mailbox), ctx.node(), now, now + LEASE).await?;
    tx.commit().await?;
    Ok(claim)
}

/// Holds a claim for longer. Returns whether it still holds.
pub async fn renew(ctx: &Context, claim: &Claim) -> Result<bool, FlowError> {
    let mut tx = ctx.store().write().await?;
    let holds = mailboxes::renew(&mut tx, claim, ctx.now() + LEASE).await?;
    tx.commit().await?;
    Ok(holds)
}

/// Notes why a mailbox cannot be read, or that it can, and gives it back if it cannot.
pub async fn note(ctx: &Context, claim: &Claim, why: Option<&str>) -> Result<(), FlowError> {
    let mut tx = ctx.store().write().await?;
    mailboxes::trouble(&mut tx, claim, why).await?;
    if why.is_some() {
        mailboxes::release(&mut tx, claim).await?;
    }
    Ok(tx.commit().await?)
}

/// Gives back every mailbox that this node has.
pub async fn release(ctx: &Context) -> Result<(), FlowError> {
    let mut tx = ctx.store().write().await?;
    mailboxes::release_of(&mut tx, ctx.node()).await?;
    Ok(tx.commit().await?)
}

/// Takes a batch of mails and notes that the mailbox is read so far, all of it or nothing. Where the batch cannot be recorded, each mail is
/// tried alone, and one that the store refuses for good is set aside. Returns whether the claim still holds: if not, nothing was recorded.
///
/// # Errors
/// Those after which the same batch is to be taken again.
pub async fn take_batch(ctx: &Context, claim: &Claim, mails: &[Taken]) -> Result<bool, FlowError> {
    match record(ctx, claim, mails).await {
        Err(error) if !error.is_transient() && !mails.is_empty() => {
            tracing::warn!(mails = mails.len(), "mails of a batch cannot be recorded together: each is tried alone");
        }
        recorded => return recorded,
    }
    for mail in mails {
        if let Err(error) = take_mail::take(ctx, mail, Some(&claim.mailbox)).await {
            if error.is_transient() {
                return Err(error);
            }
            tracing::error!(%error, "a mail cannot be recorded: it is set aside");
            take_mail::set_apart(ctx, &mail.raw).await?;
        }
    }
    record(ctx, claim, &[]).await
}

async fn record(ctx: &Context, claim: &Claim, mails: &[Taken]) -> Result<bool, FlowError> {
    take_mail::set_apart_unread(ctx, mails).await?;
    let mut tx = ctx.store().write().await?;
    // First, so that another node that has claimed it meanwhile is noticed before anything is written.
    if !mailboxes::advance(&mut tx, claim, ctx.now()).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    for mail in mails {
        take_mail::take_in(ctx, &mut tx, mail, Some(&claim.mailbox)).await?;
    }
    if !mails.is_empty() {
        unrecognised::shed(&mut tx).await?;
    }
    failpoint!("mailbox.before_commit");
    tx.commit().await?;
    failpoint!("mailbox.after_commit");
    ctx.wake();
    Ok(true)
}

/// What stands for the place a mailbox is read at: at another place its mails are others.
fn place(mailbox: &Mailbox) -> String {
    match &mailbox.source {
        MailSource::Imap(imap) => fingerprint(&["imap", &imap.host, &imap.port.to_string(), &imap.login.user, &imap.folder]),
        MailSource::Maildir(path) => fingerprint(&["maildir", &path.to_string_lossy()]),
    }
}
