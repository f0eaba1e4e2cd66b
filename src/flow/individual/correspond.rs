//! correspond: one-to-one letters leave the outbox. A letter is written in the transaction that caused it, so none is
//! lost; its stable Message-ID lets the reader's mail program recognise a repeat.

use super::ask_to_confirm;
use crate::domain::group::delivery::Reply;
use crate::domain::span::Span;
use crate::flow::context::{Context, FlowError, Progress};
use crate::flow::group::pace;
use crate::mail::conversation::Mail;
use crate::mail::dkim::seal;
use crate::store::individual::letters::{self, Letter};

/// The lease of a letter runs out after this long; another node sends it then.
const LEASE: Span = Span::minutes(15);
/// After this many tries a letter is given up, and the failure is logged.
const TRIES: i64 = 40;

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
    let recorded = match reply {
        Reply::Accepted => letters::sent(&mut tx, &letter, now).await?,
        Reply::Refused(refusal) => {
            // Whoever typed the address into a form may have invented it.
            if letter.kind == ask_to_confirm::KIND {
                tracing::info!(letter = %letter.id, kind = %letter.kind, "an address that was to confirm a form refuses mail");
            } else {
                tracing::error!(letter = %letter.id, kind = %letter.kind, "letter refused for good; the table letters says why");
            }
            letters::failed(&mut tx, &letter, &refusal.words, now).await?
        }
        Reply::Later(words)
        | Reply::RelayDown(words)
        | Reply::NoLogin(words)
        | Reply::BrokenBefore(words)
        | Reply::BrokenAfter(words)
            if letter.tries < TRIES =>
        {
            tracing::warn!(letter = %letter.id, kind = %letter.kind, tries = letter.tries + 1, "letter put off");
            let wait = if letter.tries < 5 { Span::minutes(1) } else { Span::minutes(30) };
            letters::later(&mut tx, &letter, wait.after(now), &words).await?
        }
        Reply::Later(words)
        | Reply::RelayDown(words)
        | Reply::NoLogin(words)
        | Reply::BrokenBefore(words)
        | Reply::BrokenAfter(words) => {
            tracing::error!(letter = %letter.id, kind = %letter.kind, "letter given up; the table letters says why");
            letters::failed(&mut tx, &letter, &words, now).await?
        }
    };
    tx.commit().await?;
    failpoint!("letter.recorded");
    if !recorded {
        tracing::warn!(letter = %letter.id, "result dropped: the claim was lost, and the letter may go once more");
    }
    Ok(Progress::Done)
}

async fn send(ctx: &Context, return_path: &str, letter: &Letter) -> Reply {
    match ctx.relay().connect().await {
        Ok(mut connection) => {
            let reply = connection.send(&Mail::new(return_path, &letter.recipient, &letter.message), None).await;
            connection.quit().await;
            reply
        }
        Err(why) => Reply::RelayDown(why.to_string()),
    }
}
