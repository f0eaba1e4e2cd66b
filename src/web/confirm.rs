//! `GET|POST /k/TOKEN`: whether a form was filled in by the owner of its address. GET shows what it says; POST confirms it.
//!
//! Scanners open links, and some press buttons: a visitor who names itself a program confirms nothing.

use super::error::WebError;
use super::site::Site;
use super::visitor::Visitor;
use super::{language, page};
use crate::domain::doorway::machine::Machine;
use crate::domain::doorway::pending_form::PendingForm;
use crate::domain::id::PendingFormId;
use crate::domain::language::Language;
use crate::flow::doorway::confirm::{self, Confirmed};
use crate::mail::token::Kind;
use crate::store::doorway::pending_forms;
use crate::text::message::Message;
use crate::text::words;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;
use minijinja::value::{Serde, Value};

/// Shows what was filled in, and the button.
pub async fn show(State(site): State<Site>, Path(token): Path<String>, headers: HeaderMap) -> Result<Response, WebError> {
    let form = find(&site, &token).await?;
    let language = language::of_visitor(&site.ctx.plan().settings.organisation, &headers);
    Ok(if form.confirmed_at.is_some() { thanks(language) } else { ask(&site, &form, language) })
}

/// Confirms the form, whatever the body says.
pub async fn confirm(
    State(site): State<Site>,
    Path(token): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let form = find(&site, &token).await?;
    let language = language::of_visitor(&site.ctx.plan().settings.organisation, &headers);
    if Machine::of_agent(visitor.agent()).is_some() {
        return Ok(ask(&site, &form, language));
    }
    match confirm::confirm(&site.ctx, form.id).await? {
        Confirmed::Now | Confirmed::Before => Ok(thanks(language)),
    }
}

async fn find(site: &Site, token: &str) -> Result<PendingForm, WebError> {
    let token = site.read(&[Kind::Confirmation], token).ok_or(WebError::UnknownLink)?;
    let form = pending_forms::one(&mut site.ctx.store().read().await?, PendingFormId(token.id)).await?;
    let form = form.filter(|form| {
        let is_its = form.mark() == token.ordinal && site.ctx.signer().is_for(token.recipient, form.address.as_str());
        form.expires_at > site.ctx.now() && is_its
    });
    form.ok_or(WebError::Told(StatusCode::GONE, Message::FormExpired))
}

fn ask(site: &Site, form: &PendingForm, language: Language) -> Response {
    let plan = site.ctx.plan();
    let said: Vec<(&String, &String)> = form.fields.iter().filter(|(_, value)| !value.is_empty()).collect();
    let asked_on = form.asked_at.to_zoned(plan.roster.office.zone().clone()).date();
    let values = context! {
        organisation => plan.settings.organisation.name.clone(),
        form => form.form.as_str(),
        asked_on => words::day(language, asked_on),
        said => Value::from(Serde(&said)),
    };
    page::speak(language, StatusCode::OK, "page-confirm.html", values)
}

fn thanks(language: Language) -> Response {
    page::tell(language, StatusCode::OK, &Message::Confirmed)
}
