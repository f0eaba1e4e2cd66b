//! correspond: letters leave the outbox, one to one. Written in the transaction that caused them, so none is forgotten;
//! a stable Message-ID lets a reader's mail program fold a repetition.

use super::context::{Context, FlowError, Progress};
use crate::domain::delivery::Reply;
use crate::domain::span::Span;
use crate::store::letters;

/// A letter in hand is another node's after this long.
const LEASE: Span = Span::minutes(15);
/// After so many tries a letter is given up, and said so.
const TRIES: i64 = 40;

/// Sends the next letter that is due.
///
/// # Errors
/// The store's.
pub async fn correspond(ctx: &Context) -> Result<Progress, FlowError> {
    let now = ctx.now();
    let mut read = ctx.store().read().await?;
    let due = letters::next_due(&mut read).await?;
    drop(read);
    if due.is_none_or(|at| at > now) {
        return Ok(Progress::until(due));
    }
    let mut tx = ctx.store().write().await?;
    let Some(letter) = letters::claim(&mut tx, ctx.node(), now, LEASE.after(now)).await? else {
        return Ok(Progress::Idle);
    };
    tx.commit().await?;
    failpoint!("letter.claimed");

    let return_path = ctx.plan().settings.smtp.return_path.to_string();
    let reply = match ctx.relay().connect().await {
        Ok(mut connection) => {
            let reply = connection.send(&return_path, &letter.recipient, &letter.message).await;
            connection.quit().await;
            reply
        }
        Err(why) => Reply::RelayDown(why.to_string()),
    };

    failpoint!("letter.sent");
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    match reply {
        Reply::Accepted => letters::sent(&mut tx, letter.id, now).await?,
        Reply::NoMailbox(words) | Reply::Refused(words) => {
            tracing::error!(letter = %letter.id, kind = %letter.kind, "letter refused for good; the table letters says why");
            letters::failed(&mut tx, letter.id, &words, now).await?;
        }
        Reply::Later(words) | Reply::RelayDown(words) | Reply::BrokenBefore(words) | Reply::BrokenAfter(words)
            if letter.tries < TRIES =>
        {
            tracing::warn!(letter = %letter.id, kind = %letter.kind, tries = letter.tries + 1, "letter put off");
            let wait = if letter.tries < 5 { Span::minutes(1) } else { Span::minutes(30) };
            letters::later(&mut tx, letter.id, wait.after(now), &words).await?;
        }
        Reply::Later(words) | Reply::RelayDown(words) | Reply::BrokenBefore(words) | Reply::BrokenAfter(words) => {
            tracing::error!(letter = %letter.id, kind = %letter.kind, "letter given up; the table letters says why");
            letters::failed(&mut tx, letter.id, &words, now).await?;
        }
    }
    tx.commit().await?;
    failpoint!("letter.recorded");
    Ok(Progress::Done)
}
