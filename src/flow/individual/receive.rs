//! receive: replies, bounces and complaints that come back by mail. A token we signed decides which delivery a mail is
//! about: any program can write a bounce, so one without a token stops no mail. Its author must be the prospect too, for what it says to
//! be theirs. A person's words become a signal and reach a salesperson or colleague in the same transaction.

use super::automatic;
use super::returned::arrival::Arrival;
use super::returned::reply::{self, Heard};
use super::returned::{complaint, once, token, undelivered, whose, wish};
use crate::domain::address::Address;
use crate::domain::doorway::sender::Sender;
use crate::domain::doorway::signal::{Detail, NewSignal};
use crate::domain::id::ProspectId;
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::observe::{self, Observed};
use crate::flow::doorway::trace::{Traced, trace};
use crate::flow::group::breaker;
use crate::inbox::mail::bounce::{Incoming, Returned};
use crate::inbox::mail::report::Failure;
use crate::mail::token::Signer;
use crate::store::engine::backend::Tx;
use jiff::Timestamp;
use serde::Serialize;

/// The class of a received mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Received {
    Bounce,
    AutoReply,
    Reply,
    Complaint,
    Nothing,
}

impl Received {
    /// The word for it in logs, and the signal's kind.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::AutoReply => "auto_reply",
            Self::Reply => "reply",
            Self::Complaint => "complaint",
            Self::Nothing => "nothing",
        }
    }
}

/// The receipt of a mail: its class, and what was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    pub what: Received,
    pub words: String,
    pub prospect: Option<ProspectId>,
    /// Whether it recorded anything new.
    pub new: bool,
}

/// Receives one mail. The same mail a second time changes nothing, whichever way it comes.
///
/// # Errors
/// Those of the store; when a letter that passes it on cannot be written.
pub async fn receive(ctx: &Context, mail: &Returned) -> Result<Receipt, FlowError> {
    let mut tx = ctx.store().write().await?;
    let receipt = receive_in(ctx, &mut tx, mail).await?;
    tx.commit().await?;
    ctx.wake();
    tracing::info!(what = receipt.what.word(), new = receipt.new, "mail received");
    Ok(receipt)
}

/// As [`receive`], in a transaction that also keeps where the mail was read; whoever commits it wakes the steps.
///
/// # Errors
/// As [`receive`]: nothing may be committed then.
pub async fn receive_in(ctx: &Context, tx: &mut Tx, mail: &Returned) -> Result<Receipt, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    if let Some(stopped) = wish::by_mail(ctx, tx, &plan, mail, now).await? {
        let words = if stopped.new { "Recorded: unsubscribed by mail." } else { KNOWN };
        return Ok(Receipt { what: Received::Reply, words: words.to_owned(), prospect: stopped.prospect, new: stopped.new });
    }
    let token = token::genuine(ctx.signer(), &plan, mail);
    let sent = match token {
        Some(token) => trace(tx, ctx.signer(), token).await?,
        None => None,
    };
    let what = match class(&plan, mail, token.is_some(), sent.as_ref()) {
        Err(why) => return Ok(nothing(why)),
        Ok(what) => what,
    };
    let whose = whose::of(tx, ctx.signer(), &plan, mail, token.zip(sent.as_ref())).await?;
    let authenticity = whose::authenticity(&plan, mail);
    let is_shown = match (&mail.kind, &sent) {
        (Incoming::Complaint(_), Some(sent)) => complaint::is_believed(&plan, mail, (whose, authenticity), sent),
        (Incoming::Bounce(_), _) => whose != Sender::Forged,
        _ => whose.speaks(),
    };
    let Some(key) = once::first(tx, mail, (is_shown, sent.as_ref()), what.word(), now).await? else {
        let prospect = sent.and_then(|sent| sent.mail.prospect);
        return Ok(Receipt { what, words: KNOWN.to_owned(), prospect, new: false });
    };
    let arrival = Arrival { mail, whose, authenticity, sent, key, now };
    let receipt = Box::pin(take(ctx.signer(), tx, &plan, &arrival)).await?;
    // What means nothing is not noted either: a later version may read more in it.
    if receipt.what == Received::Nothing {
        once::forget(tx, &arrival.key).await?;
    }
    Ok(receipt)
}

const KNOWN: &str = "Known already: this mail was recorded before.";

/// The class of a mail that means something.
///
/// # Errors
/// When it means nothing: the error says why.
fn class(plan: &Plan, mail: &Returned, has_token: bool, sent: Option<&Traced>) -> Result<Received, &'static str> {
    match (&mail.kind, sent) {
        (Incoming::Unknown, _) => Err("it is neither a bounce nor an answer"),
        (Incoming::Delivered(_), _) => Err("it says that a mail arrived"),
        (Incoming::Complaint(complaint), _) if !complaint.is_objection() => Err("it is neither a bounce nor an answer"),
        (Incoming::Reply { from, .. }, _) if is_ours(plan, from) => Err("one of our own people wrote it"),
        (Incoming::Reply { .. }, None) if mail.is_bulk => Err("a list sent it, and it answers no mail of ours"),
        (Incoming::Reply { .. }, _) => Ok(Received::Reply),
        (_, None) if has_token => Err("its token is of a mail of which nothing is on record, nor whom it was for"),
        (_, None) => Err("it carries no token of ours, so it stops nobody"),
        // Of a delivery on record the mailbox is known that is gone; of a lost one, whether it is the prospect's still.
        (Incoming::Bounce(_), Some(sent)) if !sent.is_present => Err("the address it is about is no longer theirs"),
        (Incoming::Bounce(_), Some(_)) => Ok(Received::Bounce),
        (Incoming::AutoReply { .. }, Some(_)) => Ok(Received::AutoReply),
        (Incoming::Complaint(_), Some(_)) => Ok(Received::Complaint),
    }
}

/// Records what a mail says. Whatever it may prove, ask or stop hangs on `arrival.whose`.
async fn take(signer: &Signer, tx: &mut Tx, plan: &Plan, arrival: &Arrival<'_>) -> Result<Receipt, FlowError> {
    match (&arrival.mail.kind, &arrival.sent) {
        (Incoming::Reply { from, .. }, _) => Ok(heard(Box::pin(reply::take(signer, tx, plan, arrival, from)).await?)),
        (Incoming::Bounce(failures), Some(sent)) => {
            let failure = undelivered::failure(arrival, sent, failures);
            let detail = undelivered::detail(failure.as_ref());
            let receipt = record(tx, plan, Received::Bounce, arrival, sent, detail).await?;
            if let Some(failure) = failure.filter(|failure| receipt.new && undelivered::counts(arrival, sent, failure)) {
                refused(tx, sent, &failure, arrival.now).await?;
            }
            Ok(receipt)
        }
        (Incoming::AutoReply { from, subject, notice }, Some(sent)) => {
            let from = from.as_ref().filter(|_| arrival.whose == Sender::Prospect);
            let notice = automatic::theirs(sent, from, notice);
            let detail = Detail::AutoReply { subject: subject.clone(), back_on: notice.back_on, left: notice.left.is_some() };
            let receipt = record(tx, plan, Received::AutoReply, arrival, sent, detail).await?;
            if receipt.new {
                automatic::heed(tx, plan, arrival, sent, &notice).await?;
            }
            Ok(receipt)
        }
        (Incoming::Complaint(complaint), Some(sent)) => {
            let detail = complaint::detail(plan, arrival, sent, complaint);
            record(tx, plan, Received::Complaint, arrival, sent, detail).await
        }
        (Incoming::Unknown | Incoming::Delivered(_), _) | (_, None) => Ok(nothing("it answers nothing of ours")),
    }
}

fn heard(heard: Heard) -> Receipt {
    let what = Received::Reply;
    match heard {
        Heard::Nothing(why) => nothing(why),
        Heard::PassedOn { prospect, reader, words } => {
            let passed_on = reader.map_or_else(String::new, |reader| format!(", and passed on to {reader}"));
            Receipt { what, words: format!("Recorded{passed_on}: {words}."), prospect: Some(prospect), new: true }
        }
        Heard::OfStranger(reader) => {
            Receipt { what, words: format!("Not verified, and passed on to {reader}."), prospect: None, new: true }
        }
        Heard::OfForgotten { new } => {
            let words = "A person who was forgotten wrote it: a salesperson hears of it, and it is not kept.".to_owned();
            Receipt { what, words, prospect: None, new }
        }
    }
}

fn nothing(why: &str) -> Receipt {
    Receipt { what: Received::Nothing, words: format!("It means nothing here: {why}."), prospect: None, new: false }
}

fn is_ours(plan: &Plan, from: &Address) -> bool {
    let smtp = &plan.settings.smtp;
    // Our reply address is a prospect's as little with a token as without one.
    let name = from.local().rsplit_once('+').map_or(from.local(), |(name, _)| name);
    let is_reply_address = smtp.reply_address.as_ref().is_some_and(|ours| ours.domain() == from.domain() && ours.local() == name);
    *from == smtp.return_path || is_reply_address || plan.roster.has_address(from)
}

/// Counts a refusal that does not say that the mailbox is gone; if it took nothing too often, no more is sent to it.
async fn refused(tx: &mut Tx, sent: &Traced, failure: &Failure, now: Timestamp) -> Result<(), FlowError> {
    // The number of a lost delivery says nothing of anybody.
    let Some(delivery) = sent.mail.on_record() else { return Ok(()) };
    Ok(breaker::came_back(tx, delivery, &sent.address, (failure.about, &failure.diagnostic), now).await?)
}

async fn record(
    tx: &mut Tx,
    plan: &Plan,
    what: Received,
    arrival: &Arrival<'_>,
    sent: &Traced,
    detail: Detail,
) -> Result<Receipt, FlowError> {
    // Of a person who was forgotten nothing is kept anew, and a bounce or an automatic reply may name them.
    let detail = if sent.is_of_forgotten() { wordless(detail) } else { detail };
    let (words, prospect) = (detail.words(), sent.mail.prospect);
    let signal = NewSignal::by_mail(&arrival.key, Some(sent.mail), prospect, detail, arrival.now);
    let observed = observe::write(tx, plan, &[signal], arrival.now).await?;
    let new = matches!(observed.first(), Some(Observed::New(_)));
    let words = if new { format!("Recorded: {words}.") } else { KNOWN.to_owned() };
    Ok(Receipt { what, words, prospect, new })
}

/// That something came back, without what it says.
fn wordless(detail: Detail) -> Detail {
    match detail {
        Detail::Bounce { hard, status, .. } => Detail::Bounce { hard, status, diagnostic: String::new() },
        Detail::AutoReply { .. } => Detail::AutoReply { subject: String::new(), back_on: None, left: false },
        other => other,
    }
}
