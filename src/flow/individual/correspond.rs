//! correspond: one-to-one letters leave the outbox. A letter is written in the transaction that caused it, and is not given
//! up by itself unless the relay has refused it for two days, or says that the mailbox does not exist: so none is lost. Its
//! stable Message-ID lets the reader's mail program recognise a repeat.
//!
//! One that waits too long, or failed, is an alarm: the log, `nurtured doctor` and the metrics say so, `nurtured letters`
//! lists it and sends it again.

use crate::domain::group::delivery::Reply;
use crate::domain::individual::letter::{is_late, wait_after_refusal, wait_for_login, wait_for_relay};
use crate::domain::span::Span;
use crate::flow::context::{Context, FlowError, Progress};
use crate::flow::group::pace;
use crate::mail::conversation::Mail;
use crate::mail::dkim::seal;
use crate::mail::letter as mime;
use crate::mail::relay::RelayError;
use crate::store::engine::backend::Tx;
use crate::store::individual::letters::{self, Letter};
use jiff::Timestamp;

/// The lease of a letter runs out after this long; another node sends it then.
const LEASE: Span = Span::minutes(15);

/// Sends the next letter that is due.
pub async fn correspond(ctx: &Context) -> Result<Progress, FlowError> {
    let now = ctx.now();
    let mut read = ctx.store().read().await?;
    let due = letters::next_due(&mut read).await?;
    drop(read);
    if due.is_none_or(|at| at > now) {
        return Ok(Progress::until(due));
    }
    let mut tx = ctx.store().write().await?;
    let Some(mut letter) = letters::claim(&mut tx, ctx.node(), now, LEASE.after(now)).await? else {
        return Ok(Progress::Idle);
    };
    pace::letter(&mut tx, &ctx.plan(), &letter.recipient, now).await?;
    if letter.first_tried_at.is_none() {
        // It may have been written days ago, outside its reader's hours. A repeat is the same bytes.
        mime::date(&mut letter.message, now);
        letters::begin(&mut tx, &letter, now).await?;
    }
    tx.commit().await?;
    failpoint!("letter.claimed");

    let plan = ctx.plan();
    let smtp = &plan.settings.smtp;
    let reply = match seal(smtp.dkim.as_ref(), &mut letter.message).await {
        Ok(()) => send(ctx, &smtp.return_path.to_string(), &letter).await,
        Err(why) => Reply::BrokenBefore(format!("could not {why}")),
    };

    failpoint!("letter.sent");
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    let recorded = record(&mut tx, &letter, reply, now).await?;
    tx.commit().await?;
    failpoint!("letter.recorded");
    if !recorded {
        tracing::warn!(letter = %letter.id, "result dropped: the claim was lost, and the letter may go once more");
    }
    Ok(Progress::Done)
}

/// Whom a failed try is about, as far as it decides about a letter.
enum Fault {
    /// The relay takes nothing from us now: every letter waits, for as long as it takes.
    Relay { words: String, is_login: bool },
    /// This letter was refused, or broke off: it is tried again for two days.
    Letter(String),
    /// There is no such mailbox.
    Mailbox(String),
}

impl Fault {
    /// `None` where the relay took the letter.
    fn of(reply: Reply) -> Option<Self> {
        Some(match reply {
            Reply::Accepted => return None,
            Reply::RelayDown(words) => Self::Relay { words, is_login: false },
            Reply::NoLogin(words) => Self::Relay { words, is_login: true },
            Reply::Refused(refusal) if refusal.about.is_gone() => Self::Mailbox(refusal.words),
            // What is said of the contents or of us may be mended by then, and so may a mailbox that is full.
            Reply::Refused(refusal) => Self::Letter(refusal.words),
            Reply::Later(words) | Reply::BrokenBefore(words) | Reply::BrokenAfter(words) => Self::Letter(words),
        })
    }
}

/// Records what became of a try. Returns whether the claim still held.
async fn record(tx: &mut Tx, letter: &Letter, reply: Reply, now: Timestamp) -> Result<bool, FlowError> {
    let tries = letter.tries + 1;
    let (words, next, refused_since) = match Fault::of(reply) {
        None => return Ok(letters::sent(tx, letter, now).await?),
        Some(Fault::Relay { words, is_login }) => {
            let at = if is_login { wait_for_login(tries) } else { wait_for_relay(tries) }.after(now);
            letters::all_later(tx, now, at).await?;
            (words, Some(at), None)
        }
        Some(Fault::Letter(words)) => {
            let since = letter.refused_since.unwrap_or(now);
            (words, wait_after_refusal(since, now).map(|wait| wait.after(now)), Some(since))
        }
        Some(Fault::Mailbox(words)) => (words, None, None),
    };
    let (id, kind, to_ours) = (letter.id, letter.kind.word(), letter.kind.is_to_ours());
    let Some(next) = next else {
        if to_ours {
            tracing::error!(letter = %id, kind, tries, "a letter to one of ours failed; `nurtured letters` says why and sends it again");
        } else {
            // Whoever typed the address into a form may have invented it.
            tracing::info!(letter = %id, kind, tries, "an address that was to confirm a form cannot be reached");
        }
        return Ok(letters::failed(tx, letter, &words, now).await?);
    };
    if to_ours && is_late(letter.waits_since, now) {
        tracing::error!(letter = %id, kind, tries, "a letter to one of ours waits; `nurtured letters list` says why");
    } else {
        tracing::warn!(letter = %id, kind, tries, "letter put off");
    }
    Ok(letters::later(tx, letter, next, refused_since, &words).await?)
}

async fn send(ctx: &Context, return_path: &str, letter: &Letter) -> Reply {
    match ctx.relay().connect().await {
        Ok(mut connection) => {
            let reply = connection.send(&Mail::new(return_path, &letter.recipient, &letter.message), None).await;
            connection.quit().await;
            reply
        }
        Err(why @ RelayError::Login(_)) => Reply::NoLogin(why.to_string()),
        Err(why) => Reply::RelayDown(why.to_string()),
    }
}
