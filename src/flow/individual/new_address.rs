//! `new_address`: a prospect asks on their own page to be written to at another address. Nothing changes until that address has answered a
//! mail, which waits and is bounded as those that ask about forms are (`ask_to_confirm`). Then the old address is told: whoever was passed
//! one of our mails could ask too, and from there it is put right.

use crate::domain::address::Address;
use crate::domain::doorway::pending_form::{APART, PendingForm, new_address_once};
use crate::domain::group::campaign::Sender;
use crate::domain::id::{DeliveryId, Name, PendingFormId, ProspectId, fingerprint};
use crate::domain::individual::letter::LetterKind;
use crate::domain::language::Language;
use crate::domain::plan::Plan;
use crate::domain::preferences::today;
use crate::domain::suppression::Channel;
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::prefer::present;
use crate::flow::doorway::readdress::readdress;
use crate::mail::letter::{self as mime, Headers};
use crate::mail::token::{Kind, Signer, Token};
use crate::store::doorway::pending_forms::{self, NewPendingForm};
use crate::store::engine::backend::Tx;
use crate::store::individual::letters::{self, NewLetter};
use crate::store::operations::erasures;
use crate::store::people::{prospects, suppressions};
use crate::text::letter::Letter;
use crate::text::readdress::{self as words, Readdress};
use crate::text::template::TextError;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How many addresses one prospect may ask for within [`APART`].
const ADDRESSES: i64 = 3;

/// What is kept beside a wish: the address to which newsletters go, as its page showed it; the language of that page; its delivery.
const GOES_TO: &str = "goes_to";
const LANGUAGE: &str = "language";
const DELIVERY: &str = "delivery";

/// On which page it was asked.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    pub prospect: ProspectId,
    pub delivery: DeliveryId,
    /// The address its mail went to.
    pub address: &'a Address,
    pub language: Language,
}

/// What came of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    Moved,
    /// Another prospect has or had the address.
    Taken,
    /// Its time is over, or it was erased with the prospect.
    Gone,
}

/// Notes that an address is to be asked. Whoever asks too often is noted no more; they are told the same.
pub async fn ask(ctx: &Context, page: &Page<'_>, new: &Address) -> Result<(), FlowError> {
    let now = ctx.now();
    let form = Name::parse("preferences").map_err(|e| FlowError::Unable(format!("name a form: {e}")))?;
    let mut tx = ctx.store().write().await?;
    let Some(person) = present(&mut tx, page.prospect).await? else { return Ok(()) };
    if person.address == *new || pending_forms::new_addresses_of(&mut tx, person.id, APART.before(now)).await? >= ADDRESSES {
        return Ok(());
    }
    let fields =
        [(GOES_TO, page.address.masked()), (LANGUAGE, page.language.code().to_owned()), (DELIVERY, page.delivery.to_string())];
    let fields: BTreeMap<String, String> = fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let once = new_address_once(person.id, new, today(now));
    let wish =
        NewPendingForm { once: &once, address: new, form: &form, fields: &fields, asked_at: now, prospect: Some(person.id) };
    pending_forms::add(&mut tx, &wish).await?;
    tx.commit().await?;
    ctx.wake();
    Ok(())
}

/// The mail that asks the address.
pub fn question(plan: &Plan, wish: &PendingForm, url: String) -> Result<Letter, TextError> {
    words::ask(&mail(plan, wish, url))
}

/// The new address has answered: newsletters go there from now on.
pub async fn confirm(ctx: &Context, id: PendingFormId) -> Result<Answered, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut tx = ctx.store().write().await?;
    let Some(wish) = pending_forms::lock(&mut tx, id).await?.filter(PendingForm::is_new_address) else {
        return Ok(Answered::Gone);
    };
    if wish.confirmed_at.is_some() {
        return Ok(Answered::Moved);
    }
    let person = match wish.prospect {
        Some(prospect) => present(&mut tx, prospect).await?,
        None => None,
    };
    let (Some(person), true) = (person, pending_forms::confirm(&mut tx, id, now).await?) else { return Ok(Answered::Gone) };
    let new = &wish.address;
    if prospects::by_address(&mut tx, &[new]).await?.get(new).is_some_and(|other| *other != person.id) {
        return Ok(Answered::Taken);
    }
    // Whoever had the address may have been forgotten since it was asked.
    if suppressions::of(&mut tx, &[new]).await?.iter().any(|stop| stop.address != new.as_str()) {
        return Ok(Answered::Gone);
    }
    if person.address != *new {
        let prospect = prospects::one(&mut tx, person.id).await?;
        readdress(&mut tx, &prospect, new, "their own page", now).await?;
        tell(ctx, &mut tx, &plan, &wish, (person.id, &person.address), now).await?;
    }
    tx.commit().await?;
    ctx.wake();
    tracing::info!(prospect = %person.id, "has another address");
    Ok(Answered::Moved)
}

/// The address to which newsletters went when it was asked, as its page showed it.
pub fn goes_to(wish: &PendingForm) -> String {
    wish.fields.get(GOES_TO).cloned().unwrap_or_default()
}

/// The language of the page on which it was asked.
pub fn language_of(wish: &PendingForm) -> Option<Language> {
    wish.fields.get(LANGUAGE).filter(|_| wish.is_new_address()).and_then(|code| Language::parse(code))
}

/// Tells the old address, unless it is not to be mailed.
async fn tell(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    wish: &PendingForm,
    (prospect, old): (ProspectId, &Address),
    now: Timestamp,
) -> Result<(), FlowError> {
    if suppressions::of(tx, &[old]).await?.iter().any(|stop| stop.channel == Channel::Email) {
        return Ok(());
    }
    let unable = |e: &dyn std::fmt::Display| FlowError::Unable(format!("tell an address that newsletters go elsewhere: {e}"));
    let letter = words::told(&mail(plan, wish, url(ctx.signer(), plan, wish, prospect, old))).map_err(|e| unable(&e))?;
    let return_path = &plan.settings.smtp.return_path;
    let from = Sender { name: plan.settings.organisation.name.clone(), address: return_path.clone() };
    let key = fingerprint(&[&wish.once]);
    let message_id = &format!("{}{key}@{}>", erasures::letter_of_wish(prospect), return_path.domain());
    let kind = LetterKind::Confirmation;
    let headers = Headers { kind, from: &from, to: ("", old), reply_to: None, message_id, in_reply_to: None, date: now };
    let message = mime::message(&letter, &headers).map_err(|e| unable(&e))?;
    letters::add(tx, NewLetter { kind, handoff: None, recipient: old, message_id, message, not_before: now }).await?;
    Ok(())
}

/// The prospect's own page, for the old address.
fn url(signer: &Signer, plan: &Plan, wish: &PendingForm, prospect: ProspectId, old: &Address) -> String {
    let id = wish.fields.get(DELIVERY).and_then(|id| id.parse().ok()).unwrap_or_default();
    let recipient = signer.recipient(Some(prospect), old.as_str());
    let token = signer.text(Token { kind: Kind::Preferences, id, ordinal: 0, recipient }, "");
    format!("{}/p/{token}", plan.settings.public_url)
}

fn mail(plan: &Plan, wish: &PendingForm, url: String) -> Readdress {
    let organisation = &plan.settings.organisation;
    Readdress {
        organisation: organisation.name.clone(),
        postal_address: organisation.postal_address.lines().map(|line| line.trim().to_owned()).collect(),
        address: goes_to(wish),
        url,
        expires_at: wish.expires_at,
        zone: plan.roster.office.zone().clone(),
        language: language_of(wish).unwrap_or_else(|| organisation.language()),
    }
}
