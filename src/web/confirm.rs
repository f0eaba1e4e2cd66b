//! `GET|POST /k/TOKEN`: whether forms were filled in by the owner of their address. GET shows all that wait for its answer; POST
//! confirms those that are ticked.
//!
//! The same page asks an address to which a prospect asked to be written (`flow::individual::new_address`).
//!
//! Strangers' forms stand among them: only the one that the link names is ticked beforehand. Scanners open links, and some press
//! buttons: a visitor who names itself a program confirms nothing.

use super::error::WebError;
use super::site::Site;
use super::visitor::Visitor;
use super::{language, page};
use crate::domain::doorway::arrival::EMAIL_OPT_OUT;
use crate::domain::doorway::machine::Machine;
use crate::domain::doorway::pending_form::PendingForm;
use crate::domain::id::PendingFormId;
use crate::domain::language::Language;
use crate::flow::context::FlowError;
use crate::flow::doorway::confirm;
use crate::flow::individual::new_address::{self, Answered};
use crate::mail::token::Kind;
use crate::store::doorway::pending_forms;
use crate::text::message::Message;
use crate::text::words;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;
use std::collections::BTreeSet;

/// How many forms a page shows at most: the link's own, and the newest others.
const MOST: i64 = 20;

/// The field of the page that has a value for each form that is ticked.
const TICKED: &str = "form";

/// The field that a page with boxes sends along: without a tick it confirms nothing.
const BOXES: &str = "boxes";

/// The forms of an address that wait for its answer, that of the link first.
struct Waiting {
    own: PendingForm,
    others: Vec<PendingForm>,
}

/// Shows what was filled in, and the button.
pub async fn show(State(site): State<Site>, Path(token): Path<String>, headers: HeaderMap) -> Result<Response, WebError> {
    let waiting = find(&site, &token).await?;
    let language = spoken(&site, &waiting, &headers);
    Ok(if waiting.own.confirmed_at.is_some() { thanks(&site, &waiting, language) } else { ask(&site, &waiting, language) })
}

/// Confirms the forms that are ticked; without boxes, that of the link.
pub async fn confirm(
    State(site): State<Site>,
    Path(token): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let waiting = find(&site, &token).await?;
    let language = spoken(&site, &waiting, &headers);
    // A link is used once: whoever has it later answers for nothing more.
    if waiting.own.confirmed_at.is_some() {
        return Ok(thanks(&site, &waiting, language));
    }
    let ticked = waiting.ticked(&body);
    if Machine::of_agent(visitor.agent()).is_some() || ticked.is_empty() {
        return Ok(ask(&site, &waiting, language));
    }
    if waiting.own.is_new_address() {
        let organisation = site.ctx.plan().settings.organisation.name.clone();
        return match new_address::confirm(&site.ctx, waiting.own.id).await? {
            Answered::Moved => Ok(thanks(&site, &waiting, language)),
            Answered::Taken => Ok(page::tell(language, StatusCode::CONFLICT, &Message::ReaddressTaken { organisation })),
            Answered::Gone => Err(WebError::Told(StatusCode::GONE, Message::FormExpired)),
        };
    }
    match confirm::confirm(&site.ctx, &ticked).await {
        Ok(_) => Ok(thanks(&site, &waiting, language)),
        Err(FlowError::Missing(_)) => Err(WebError::Told(StatusCode::GONE, Message::FormExpired)),
        Err(error) => Err(error.into()),
    }
}

async fn find(site: &Site, token: &str) -> Result<Waiting, WebError> {
    let token = site.read(&[Kind::Confirmation], token).ok_or(WebError::UnknownLink)?;
    let (now, mut tx) = (site.ctx.now(), site.ctx.store().read().await?);
    let own = pending_forms::one(&mut tx, PendingFormId(token.id)).await?;
    let own = own.filter(|form| {
        let is_its = form.mark() == token.ordinal && site.ctx.signer().is_for(token.recipient, form.address.as_str());
        form.expires_at > now && is_its
    });
    let own = own.ok_or(WebError::Told(StatusCode::GONE, Message::FormExpired))?;
    let mut others = pending_forms::of_address(&mut tx, &own.address, MOST, now).await?;
    // Another address for somebody's newsletters is asked about alone.
    others.retain(|other| other.id != own.id && !other.is_new_address() && !own.is_new_address());
    Ok(Waiting { own, others })
}

impl Waiting {
    /// The forms that the page shows and that are ticked.
    fn ticked(&self, body: &[u8]) -> BTreeSet<PendingFormId> {
        let said: Vec<(String, String)> = serde_urlencoded::from_bytes(body).unwrap_or_default();
        if !said.iter().any(|(field, _)| field == BOXES) {
            return [self.own.id].into();
        }
        let is_ticked = |form: &&PendingForm| said.iter().any(|(field, value)| field == TICKED && *value == value_of(form));
        [&self.own].into_iter().chain(&self.others).filter(is_ticked).map(|form| form.id).collect()
    }
}

/// What a box sends. Beside the id it says what the form is: in a database that was restored, an id may come again.
fn value_of(form: &PendingForm) -> String {
    format!("{}-{:04x}", form.id, form.mark())
}

/// A form as the page shows it.
#[derive(Serialize)]
struct Shown<'a> {
    value: String,
    ticked: bool,
    form: &'a str,
    asked_on: String,
    said: Vec<(&'a String, &'a String)>,
    /// Whether it says no to mail.
    no_mail: bool,
}

/// Their own, which the page on which they asked spoke; else the visitor's.
fn spoken(site: &Site, waiting: &Waiting, headers: &HeaderMap) -> Language {
    let asked_in = new_address::language_of(&waiting.own);
    asked_in.unwrap_or_else(|| language::of_visitor(&site.ctx.plan().settings.organisation, headers))
}

fn ask(site: &Site, waiting: &Waiting, language: Language) -> Response {
    let plan = site.ctx.plan();
    if waiting.own.is_new_address() {
        let organisation = plan.settings.organisation.name.clone();
        let values = context! { organisation, address => new_address::goes_to(&waiting.own) };
        return page::speak(language, StatusCode::OK, "page-readdress.html", values);
    }
    let zone = plan.roster.office.zone();
    let forms: Vec<Shown<'_>> = [&waiting.own]
        .into_iter()
        .chain(&waiting.others)
        .map(|form| Shown {
            value: value_of(form),
            ticked: form.id == waiting.own.id,
            form: form.form.as_str(),
            asked_on: words::day(language, form.asked_at.to_zoned(zone.clone()).date()),
            said: form.fields.iter().filter(|(name, value)| !value.is_empty() && *name != EMAIL_OPT_OUT).collect(),
            no_mail: form.fields.contains_key(EMAIL_OPT_OUT),
        })
        .collect();
    let values = context! {
        organisation => plan.settings.organisation.name.clone(),
        several => forms.len() > 1,
        forms => Value::from(Serde(&forms)),
    };
    page::speak(language, StatusCode::OK, "page-confirm.html", values)
}

fn thanks(site: &Site, waiting: &Waiting, language: Language) -> Response {
    let organisation = site.ctx.plan().settings.organisation.name.clone();
    let message = if waiting.own.is_new_address() { Message::Readdressed { organisation } } else { Message::Confirmed };
    page::tell(language, StatusCode::OK, &message)
}
