//! Mailboxes: each of the plan is read in turn with the others, and again after whatever broke. They are no step: no other step waits for
//! them, and a server that hangs starves no watchdog.

use crate::domain::settings::{MailSource, Mailbox, Proof};
use crate::flow::context::{Context, FlowError};
use crate::flow::group::gate;
use crate::flow::individual::mailbox::{self, LEASE};
use crate::flow::individual::take_mail::{self, Taken};
use crate::inbox::mailbox::error::MailboxError;
use crate::inbox::mailbox::imap::Session;
use crate::inbox::mailbox::maildir::Maildir;
use crate::mail::access_token::AccessTokens;
use crate::store::operations::mailboxes::Claim;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;

/// How long it waits after the first failure; twice as long after each further one…
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// …up to this.
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// A mailbox that was read as long as this is tried at once again.
const GOOD: SignedDuration = SignedDuration::from_mins(2);
/// How often it is looked whether another node has let go, or the database may be written again.
const ELSEWHERE: Duration = Duration::from_secs(30);
/// As many mails are read at once: each on a thread, so that a hostile one holds up no other.
const AT_ONCE: usize = 4;
/// How often a claim is held for longer.
const RENEW: Duration = Duration::from_secs(LEASE.as_secs().unsigned_abs() / 3);

/// Why the reading of a mailbox ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    #[error(transparent)]
    Flow(#[from] FlowError),
    #[error("another node has it")]
    Lost,
}

/// Reads every mailbox of the plan in force, until the node stops.
pub async fn read_all(ctx: &Context) {
    let mut wakes = ctx.wakes();
    while !ctx.is_stopping() {
        let plan = ctx.plan();
        let readers = join_all(plan.settings.mailboxes.iter().cloned().map(|mailbox| keep_reading(ctx.clone(), mailbox)));
        let replaced = async { while wakes.changed().await.is_ok() && ctx.plan().hash == plan.hash {} };
        tokio::select! {
            () = ctx.stopping() => {}
            () = replaced => {}
            _ = readers, if !plan.settings.mailboxes.is_empty() => {}
        }
        // So that another node need not wait until the lease lapses.
        if !plan.settings.mailboxes.is_empty()
            && let Err(error) = mailbox::release(ctx).await
        {
            tracing::warn!(%error, "the mailboxes were not given back");
        }
    }
}

/// Reads a mailbox again and again, later and later while it fails.
async fn keep_reading(ctx: Context, mailbox: Mailbox) {
    let (ctx, mailbox) = (&ctx, &mailbox);
    let tokens = match &mailbox.source {
        MailSource::Imap(imap) => match &imap.login.proof {
            Proof::Token(command) => Some(AccessTokens::new(command.clone())),
            Proof::Password(_) => None,
        },
        MailSource::Maildir(_) => None,
    };
    let name = mailbox.name.as_str();
    let (mut wait, mut told) = (FIRST_WAIT, None);
    loop {
        match claimed(ctx, mailbox).await {
            Err(error) => tracing::warn!(mailbox = name, %error, "a mailbox is not read"),
            Ok(None) => {
                sleep(ELSEWHERE).await;
                continue;
            }
            Ok(Some(claim)) => {
                let began = ctx.clock().steady();
                let Err(ended) = read(ctx, mailbox, claim.clone(), tokens.as_ref()).await;
                if ctx.clock().steady() - began > GOOD {
                    (wait, told) = (FIRST_WAIT, None);
                }
                let why = ended.to_string();
                // Once for each reason: a server may be away for days.
                if told.as_ref() != Some(&why) {
                    tracing::warn!(mailbox = name, %why, "a mailbox is not read; it is tried again by itself");
                }
                if let Ended::Mailbox(_) = &ended
                    && let Err(error) = mailbox::note(ctx, &claim, Some(&why)).await
                {
                    tracing::warn!(mailbox = name, %error, "why a mailbox is not read was not kept");
                }
                told = Some(why);
            }
        }
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// A claim, unless the database only observes, or another node reads the mailbox.
async fn claimed(ctx: &Context, mailbox: &Mailbox) -> Result<Option<Claim>, FlowError> {
    // A copy on another machine must not take away the mails of the service.
    if gate::state(ctx).await?.observing.is_some() {
        return Ok(None);
    }
    mailbox::claim(ctx, mailbox).await
}

/// Reads a mailbox under a claim until that ends.
async fn read(
    ctx: &Context,
    mailbox: &Mailbox,
    claim: Claim,
    tokens: Option<&AccessTokens>,
) -> Result<std::convert::Infallible, Ended> {
    let held = claim.clone();
    let reading = async {
        match &mailbox.source {
            MailSource::Imap(imap) => {
                let session = Session::open(imap, tokens).await?;
                read_imap(ctx, session, claim).await
            }
            MailSource::Maildir(path) => read_maildir(ctx, path, &claim).await,
        }
    };
    tokio::select! {
        ended = reading => ended,
        lost = hold(ctx, &held) => Err(lost),
    }
}

/// Holds a claim until it is lost. Where there can be no other node, there is nothing to hold.
async fn hold(ctx: &Context, claim: &Claim) -> Ended {
    if !ctx.store().is_shared() {
        return std::future::pending().await;
    }
    loop {
        sleep(RENEW).await;
        match mailbox::renew(ctx, claim).await {
            Ok(true) => {}
            Ok(false) => return Ended::Lost,
            Err(error) => return error.into(),
        }
    }
}

async fn read_imap(ctx: &Context, mut session: Session, mut claim: Claim) -> Result<std::convert::Infallible, Ended> {
    if claim.validity != Some(session.validity) {
        if claim.validity.is_some() {
            tracing::warn!(mailbox = %claim.mailbox, "a mailbox has numbered its mails anew: all are read again, and recorded once");
        }
        (claim.validity, claim.last_uid) = (Some(session.validity), 0);
    }
    mailbox::note(ctx, &claim, None).await?;
    tracing::info!(mailbox = %claim.mailbox, mails = session.mails, "a mailbox is read");
    loop {
        while let Some((uids, reaches)) = session.since(claim.last_uid).await? {
            let mut left = uids.as_slice();
            while !left.is_empty() {
                let (mails, up_to) = session.fetch(left).await?;
                let reading = mails.into_iter().map(|mail| take_mail::read(mail.raw)).collect::<Vec<_>>();
                let mails: Vec<Taken> = stream::iter(reading).buffered(AT_ONCE).collect().await;
                claim.last_uid = up_to;
                take(ctx, &claim, &mails).await?;
                left = &left[left.partition_point(|uid| *uid <= up_to)..];
            }
            claim.last_uid = claim.last_uid.max(reaches);
        }
        session.wait().await?;
    }
}

async fn read_maildir(ctx: &Context, path: &Path, claim: &Claim) -> Result<std::convert::Infallible, Ended> {
    let mut maildir = Maildir::open(path)?;
    mailbox::note(ctx, claim, None).await?;
    loop {
        loop {
            let mut delivered = maildir.delivered().await?;
            if delivered.is_empty() {
                break;
            }
            let reading = delivered.iter_mut().map(|mail| take_mail::read(std::mem::take(&mut mail.raw))).collect::<Vec<_>>();
            let mails: Vec<Taken> = stream::iter(reading).buffered(AT_ONCE).collect().await;
            take(ctx, claim, &mails).await?;
            // Recorded: a death before this lets them be read again, and recorded once.
            for mail in &delivered {
                maildir.done(mail)?;
            }
        }
        maildir.wait().await;
    }
}

async fn take(ctx: &Context, claim: &Claim, mails: &[Taken]) -> Result<(), Ended> {
    if mailbox::take_batch(ctx, claim, mails).await? { Ok(()) } else { Err(Ended::Lost) }
}
