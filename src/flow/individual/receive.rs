//! receive: replies, bounces and complaints that come back by mail. A token we signed decides which delivery a mail is
//! about: any program can write a bounce, so one without a token stops no mail. A person's words become a signal and reach
//! a salesperson or colleague in the same transaction.

use super::dossier;
use super::outbox::{self, Envelope};
use crate::domain::address::Address;
use crate::domain::doorway::signal::{Detail, NewSignal};
use crate::domain::group::breaker::FULL_IN_A_ROW;
use crate::domain::group::campaign::Sender;
use crate::domain::id::{Name, ProspectId, fingerprint};
use crate::domain::individual::handoff::Handoff;
use crate::domain::individual::letter::LetterKind;
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::domain::suppression::{Channel, StopReason};
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::enquiries;
use crate::flow::doorway::observe::{self, Observed};
use crate::flow::doorway::trace::{Traced, trace};
use crate::flow::group::breaker;
use crate::inbox::mail::bounce::{Incoming, Returned};
use crate::inbox::mail::report::Failure;
use crate::mail::token::{Kind, Token};
use crate::store::engine::backend::Tx;
use crate::store::group::issues;
use crate::store::individual::handoffs;
use crate::store::operations::erasures;
use crate::store::people::prospects;
use crate::store::people::suppressions::{self, Stop};
use crate::text::notice::{self, Reply};
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

/// Receives one mail. The same mail a second time changes nothing.
///
/// # Errors
/// Those of the store; a letter that cannot be written. Nothing is recorded then.
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
    // A bounce goes to the return path; an answer carries the Message-ID it answers.
    let path = read_path(ctx, &plan, &mail.recipients);
    let genuine = path.or_else(|| read_id(ctx, &plan, &mail.message_ids));
    let token = match (&mail.kind, path) {
        (Incoming::Bounce(_), None) => None,
        _ => genuine,
    };
    let sent = match token {
        Some(token) => trace(tx, ctx.signer(), token).await?,
        None => None,
    };
    Ok(match (&mail.kind, sent) {
        (Incoming::Unknown, _) => nothing("it is neither a bounce nor an answer"),
        (Incoming::Complaint(complaint), _) if !complaint.is_objection() => nothing("it is neither a bounce nor an answer"),
        (Incoming::Reply { from, .. }, _) if is_ours(&plan, from) => nothing("one of our own people wrote it"),
        (Incoming::Reply { from, subject, text }, sent) => reply(tx, &plan, mail, sent, (from, subject, text), now).await?,
        (_, None) if token.is_some() => nothing("its token is of a mail of which nothing is on record, nor whom it was for"),
        (_, None) => nothing("it carries no token of ours, so it stops nobody"),
        // Of a delivery on record the mailbox is known that is gone; of a lost one, whether it is the prospect's still.
        (Incoming::Bounce(_), Some(sent)) if !sent.is_present => nothing("the address it is about is no longer theirs"),
        (Incoming::Bounce(failures), Some(sent)) => {
            let failure = decisive(failures, &sent.address);
            let receipt = record(tx, &plan, Received::Bounce, mail, &sent, undelivered(failure), now).await?;
            if let Some(failure) = failure.filter(|f| receipt.new && f.given_up && !f.hard && !sent.is_of_forgotten()) {
                refused(tx, &sent, failure, now).await?;
            }
            receipt
        }
        (Incoming::AutoReply { subject }, Some(sent)) => {
            let detail = Detail::AutoReply { subject: subject.clone() };
            record(tx, &plan, Received::AutoReply, mail, &sent, detail, now).await?
        }
        (Incoming::Complaint(complaint), Some(sent)) => {
            let detail = Detail::Complaint { feedback: complaint.feedback.clone() };
            record(tx, &plan, Received::Complaint, mail, &sent, detail, now).await?
        }
    })
}

fn nothing(why: &str) -> Receipt {
    Receipt { what: Received::Nothing, words: format!("It means nothing here: {why}."), prospect: None, new: false }
}

/// The token of a signed return path among these recipients.
fn read_path(ctx: &Context, plan: &Plan, recipients: &[String]) -> Option<Token> {
    let ours = &plan.settings.smtp.return_path;
    recipients.iter().find_map(|recipient| {
        let (local, domain) = recipient.rsplit_once('@')?;
        let (name, token) = local.rsplit_once('+')?;
        let is_ours = domain.eq_ignore_ascii_case(ours.domain()) && name.eq_ignore_ascii_case(ours.local());
        ctx.signer().read_return_path(token).filter(|_| is_ours)
    })
}

/// The token of a signed Message-ID among these ids.
fn read_id(ctx: &Context, plan: &Plan, ids: &[String]) -> Option<Token> {
    let ours = plan.settings.smtp.return_path.domain();
    ids.iter().find_map(|id| {
        let (token, domain) = id.rsplit_once('@')?;
        ctx.signer().read(Kind::MessageId, token, "").filter(|_| domain.eq_ignore_ascii_case(ours))
    })
}

fn is_ours(plan: &Plan, from: &Address) -> bool {
    *from == plan.settings.smtp.return_path || plan.roster.has_address(from)
}

/// A failure that names the address decides; if none does, any failure counts, because the mailbox may forward to one that
/// does not exist.
fn decisive<'a>(failures: &'a [Failure], address: &Address) -> Option<&'a Failure> {
    let named = failures.iter().find(|f| f.address == *address);
    named.or_else(|| failures.iter().find(|f| f.hard)).or_else(|| failures.first())
}

fn undelivered(failure: Option<&Failure>) -> Detail {
    match failure {
        Some(f) => Detail::Bounce { hard: f.hard, status: f.status.clone(), diagnostic: f.diagnostic.clone() },
        None => Detail::Bounce { hard: false, status: None, diagnostic: "a notice that names nobody".to_owned() },
    }
}

/// Counts a refusal that does not say that the mailbox is gone; if it took nothing too often, no more is sent to it.
async fn refused(tx: &mut Tx, sent: &Traced, failure: &Failure, now: Timestamp) -> Result<(), FlowError> {
    // The number of a lost delivery says nothing of anybody.
    let Some(delivery) = sent.mail.on_record() else { return Ok(()) };
    if breaker::came_back(tx, delivery, &sent.address, (failure.about, &failure.diagnostic), now).await? {
        let source = format!("took nothing in {FULL_IN_A_ROW} issues in a row");
        let address = sent.address.to_string();
        let stop = Stop { address, channel: Channel::Email, reason: StopReason::Bounced, source };
        suppressions::add(tx, &[stop], now).await?;
    }
    Ok(())
}

async fn record(
    tx: &mut Tx,
    plan: &Plan,
    what: Received,
    mail: &Returned,
    sent: &Traced,
    detail: Detail,
    now: Timestamp,
) -> Result<Receipt, FlowError> {
    // Of a person who was forgotten nothing is kept anew, and a bounce or an automatic reply may name them.
    let detail = if sent.is_of_forgotten() { wordless(detail) } else { detail };
    let (words, prospect) = (detail.words(), sent.mail.prospect);
    let signal = NewSignal::by_mail(&mail.id, Some(sent.mail), prospect, detail, now);
    let observed = observe::write(tx, plan, &[signal], now).await?;
    let new = matches!(observed.first(), Some(Observed::New(_)));
    Ok(Receipt { what, words: sentence(&words, new), prospect, new })
}

/// That something came back, without what it says.
fn wordless(detail: Detail) -> Detail {
    match detail {
        Detail::Bounce { hard, status, .. } => Detail::Bounce { hard, status, diagnostic: String::new() },
        Detail::AutoReply { .. } => Detail::AutoReply { subject: String::new() },
        other => other,
    }
}

fn sentence(words: &str, new: bool) -> String {
    if new { format!("Recorded: {words}.") } else { format!("Known already: {words}.") }
}

/// Records a person's reply: the prospect is found by the token, else by the address.
async fn reply(
    tx: &mut Tx,
    plan: &Plan,
    mail: &Returned,
    sent: Option<Traced>,
    (from, subject, text): (&Address, &str, &str),
    now: Timestamp,
) -> Result<Receipt, FlowError> {
    let detail = Detail::Reply { subject: subject.to_owned(), text: text.to_owned() };
    let prospect = match &sent {
        Some(sent) if sent.is_of_forgotten() => return hear(tx, mail, from, &detail, now).await,
        Some(sent) if sent.mail.prospect.is_none() => return Ok(nothing("it answers a test copy")),
        Some(sent) => sent.mail.prospect,
        None => prospects::by_address(tx, &[from]).await?.get(from).copied(),
    };
    let Some(prospect) = prospect else {
        let forgotten = suppressions::forgotten_at(tx, from).await?.is_some() && plan.qualifying.asks(&detail);
        return if forgotten { hear(tx, mail, from, &detail, now).await } else { Ok(nothing("nobody we know wrote it")) };
    };
    let said = detail.words();
    let signal = NewSignal::by_mail(&mail.id, sent.as_ref().map(|sent| sent.mail), Some(prospect), detail, now);
    let observed = observe::write(tx, plan, &[signal], now).await?;
    let new = matches!(observed.first(), Some(Observed::New(_)));
    if !new {
        return Ok(Receipt { what: Received::Reply, words: sentence(&said, false), prospect: Some(prospect), new });
    }
    let campaign = match sent.and_then(|sent| sent.mail.issue) {
        Some(issue) => issues::content(tx, issue).await?.map(|issue| issue.campaign),
        None => None,
    };
    let prospect = prospects::one(tx, prospect).await?;
    let lead = handoffs::of_prospect(tx, prospect.id).await?.into_iter().find(Handoff::is_open);
    let reader = reader(plan, lead.as_ref(), campaign.as_ref());
    let letter = Reply {
        prospect: prospect.display_name(),
        company: prospect.company.clone(),
        address: from.clone(),
        campaign: campaign.map(|name| name.to_string()).unwrap_or_default(),
        subject: subject.to_owned(),
        text: text.to_owned(),
        at: now,
        lead_of: lead.map(|h| h.salesperson).filter(|id| *id != reader).map(|id| id.to_string()),
        zone: dossier::zone_of(plan, &reader),
    };
    pass_on(tx, plan, &letter, &prospect, &reader, &mail.id, now).await?;
    Ok(Receipt {
        what: Received::Reply,
        words: format!("Recorded, and passed on to {reader}: {said}."),
        prospect: Some(prospect.id),
        new,
    })
}

/// Puts down what a forgotten person wrote, for a salesperson; nothing else of it is kept.
async fn hear(tx: &mut Tx, mail: &Returned, from: &Address, detail: &Detail, now: Timestamp) -> Result<Receipt, FlowError> {
    let new = enquiries::hear(tx, from, &mail.id, detail, now).await?;
    let words = "A person who was forgotten wrote it: a salesperson hears of it, and it is not kept.".to_owned();
    Ok(Receipt { what: Received::Reply, words, prospect: None, new })
}

/// The reader of a reply: the salesperson who has the lead, else the campaign's colleague, else the sales manager.
fn reader(plan: &Plan, lead: Option<&Handoff>, campaign: Option<&Name>) -> Name {
    let colleague = campaign.and_then(|name| plan.campaign(name)).map(|campaign| &campaign.reply_to);
    let readers = [lead.map(|handoff| &handoff.salesperson), colleague];
    let known = readers.into_iter().flatten().find(|id| plan.roster.has(id));
    known.unwrap_or(&plan.roster.manager).clone()
}

/// Writes the letter that forwards a reply into the outbox; answering it answers the prospect.
async fn pass_on(
    tx: &mut Tx,
    plan: &Plan,
    reply: &Reply,
    prospect: &Prospect,
    reader: &Name,
    mail: &str,
    now: Timestamp,
) -> Result<(), FlowError> {
    let unable = |e: &dyn std::fmt::Display| FlowError::Unable(format!("pass on a reply: {e}"));
    let letter = notice::reply(reply).map_err(|e| unable(&e))?;
    let domain = plan.settings.smtp.return_path.domain();
    let message_id = format!("{}{}@{domain}>", erasures::letter_about(prospect.id), fingerprint(&[mail]));
    let reply_to = Sender { name: reply.prospect.clone(), address: reply.address.clone() };
    let envelope = Envelope {
        kind: LetterKind::Reply,
        handoff: None,
        to: reader,
        reply_to: Some(&reply_to),
        message_id: &message_id,
        thread: None,
        not_before: now,
    };
    outbox::post(tx, plan, &letter, &envelope, now).await
}
