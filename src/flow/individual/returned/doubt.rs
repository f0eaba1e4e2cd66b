//! doubt: what a reply leaves open is asked of whoever it was passed on to, by a link that works for them alone, for thirty days, and once.
//!
//! Their word is recorded as theirs and goes the way it would have gone if the reply had been clear: a request to its handoff or enquiry,
//! a wish to its stop.

use super::wish;
use crate::domain::address::Address;
use crate::domain::doorway::doubt::Doubt;
use crate::domain::doorway::signal::{About, Detail, NewSignal, Signal};
use crate::domain::id::{Name, SignalId};
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::domain::span::Span;
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::observe::{self, Observed};
use crate::flow::doorway::trace::is_about;
use crate::flow::individual::dossier::QUEUE_LINK_DAYS;
use crate::mail::token::{Kind, Signer, Token};
use crate::store::doorway::{signal_authors, signals};
use crate::store::engine::backend::Tx;
use crate::store::people::prospects;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The link to the page that asks a reader; `None` for a prospect whom no token can name.
pub fn url(
    signer: &Signer,
    plan: &Plan,
    (reader, prospect): (&Name, &Prospect),
    reply: SignalId,
    doubt: Doubt,
) -> Option<String> {
    let recipient = signer.recipient(Some(prospect.id), prospect.address.as_ref().map_or("", Address::as_str));
    recipient.prospect()?;
    let token = Token { kind: Kind::Doubt, id: reply.0, ordinal: doubt.number(), recipient };
    Some(format!("{}/d/{}", plan.settings.public_url, signer.text(token, reader.as_str())))
}

/// What a link asks.
#[derive(Debug)]
pub struct Asked {
    pub doubt: Doubt,
    pub reader: Name,
    pub prospect: Prospect,
    pub subject: String,
    pub text: String,
    pub is_answered: bool,
    reply: Signal,
}

impl Asked {
    /// When the reply came.
    pub const fn at(&self) -> Timestamp {
        self.reply.occurred_at
    }
}

/// What a link leads to.
#[derive(Debug)]
pub enum Found {
    Asked(Box<Asked>),
    /// We did not sign it, or its reader is gone.
    Unknown,
    /// The reply is no longer on record, or not that prospect's.
    Lost,
    RunOut,
}

/// What a link asks, and whether it was answered.
pub async fn find(ctx: &Context, tx: &mut Tx, text: &str) -> Result<Found, FlowError> {
    let plan = ctx.plan();
    let read = |id: &Name| Some((ctx.signer().read(Kind::Doubt, text, id.as_str())?, id.clone()));
    let Some((token, reader)) = plan.roster.all().find_map(read) else { return Ok(Found::Unknown) };
    let (Some(doubt), Some(id)) = (Doubt::of_number(token.ordinal), token.recipient.prospect()) else {
        return Ok(Found::Unknown);
    };
    let number = SignalId(token.id);
    let of = signals::recorded(tx, &[id], number).await?.remove(&id).unwrap_or_default();
    let Some(reply) = of.into_iter().rfind(|signal| signal.id == number) else { return Ok(Found::Lost) };
    let (Detail::Reply { subject, text } | Detail::ColleagueReply { subject, text, .. }) = &reply.detail else {
        return Ok(Found::Lost);
    };
    if !is_about(tx, ctx.signer(), token.recipient, id).await? {
        return Ok(Found::Lost);
    }
    if Span::days(QUEUE_LINK_DAYS).after(reply.recorded_at) < ctx.now() {
        return Ok(Found::RunOut);
    }
    let (subject, text) = (subject.clone(), text.clone());
    let is_answered = signals::is_recorded(tx, &doubt.once(number)).await?;
    let prospect = prospects::one(tx, id).await?;
    Ok(Found::Asked(Box::new(Asked { doubt, reader, prospect, subject, text, is_answered, reply })))
}

/// Records the word of a link's reader, unless they gave it before.
pub async fn answer(ctx: &Context, text: &str, yes: bool) -> Result<Found, FlowError> {
    let mut tx = ctx.store().write().await?;
    let found = find(ctx, &mut tx, text).await?;
    if let Found::Asked(asked) = &found
        && !asked.is_answered
    {
        Box::pin(record(ctx, &mut tx, asked, yes)).await?;
        observe::commit(ctx, tx).await?;
    }
    Ok(found)
}

async fn record(ctx: &Context, tx: &mut Tx, asked: &Asked, yes: bool) -> Result<(), FlowError> {
    let (plan, now, reply, doubt) = (ctx.plan(), ctx.now(), &asked.reply, asked.doubt);
    let (subject, text) = (asked.subject.clone(), asked.text.clone());
    let signal = |detail| NewSignal {
        about: About::Prospect(asked.prospect.id),
        once: doubt.once(reply.id),
        occurred_at: now,
        delivery: reply.delivery,
        issue: reply.issue,
        by: Some(asked.reader.clone()),
        machine: None,
        detail,
    };
    if let (Doubt::Wish, true, Some(address)) = (doubt, yes, &asked.prospect.address) {
        // What a stop keeps outlives its person: it names the day of the reply, and none of its words.
        let day = reply.occurred_at.to_zoned(TimeZone::UTC).date();
        let how = format!("in their own words of {day}, as {} read them", plan.roster.name_of(&asked.reader));
        let signal = signal(Detail::Unsubscribe { how });
        wish::stop(tx, &plan, signal, (&asked.prospect, address), None, &asked.reader).await?;
        return Ok(());
    }
    let detail = Detail::ReplyRead { doubt, yes, subject, text };
    let observed = observe::write(tx, &plan, &[signal(detail)], now).await?;
    // The words are a colleague's: they go when their author is forgotten.
    if let (Some(Observed::New(id)), Detail::ColleagueReply { from, .. }) = (observed.first(), &reply.detail)
        && let Ok(author) = Address::parse(from)
    {
        signal_authors::add(tx, &author, *id).await?;
    }
    Ok(())
}
