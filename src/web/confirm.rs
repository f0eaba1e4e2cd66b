//! `GET|POST /k/TOKEN`: whether a form was filled in by the owner of its address. GET shows what it says; POST confirms it.
//!
//! Scanners open links, and some press buttons: a visitor who names itself a program confirms nothing.

use super::error::WebError;
use super::page;
use super::site::Site;
use super::visitor::Visitor;
use crate::domain::doorway::machine::Machine;
use crate::domain::doorway::pending_form::PendingForm;
use crate::domain::id::PendingFormId;
use crate::flow::doorway::confirm::{self, Confirmed};
use crate::mail::token::Kind;
use crate::store::doorway::pending_forms;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use minijinja::context;
use minijinja::value::{Serde, Value};

/// Shows what was filled in, and the button.
pub async fn show(State(site): State<Site>, Path(token): Path<String>) -> Result<Response, WebError> {
    let form = find(&site, &token).await?;
    Ok(if form.confirmed_at.is_some() { thanks() } else { ask(&site, &form) })
}

/// Confirms the form, whatever the body says.
pub async fn confirm(State(site): State<Site>, Path(token): Path<String>, visitor: Visitor) -> Result<Response, WebError> {
    let form = find(&site, &token).await?;
    if Machine::of_agent(visitor.agent()).is_some() {
        return Ok(ask(&site, &form));
    }
    match confirm::confirm(&site.ctx, form.id).await? {
        Confirmed::Now | Confirmed::Before => Ok(thanks()),
    }
}

async fn find(site: &Site, token: &str) -> Result<PendingForm, WebError> {
    let token = site.read(&[Kind::Confirmation], token).ok_or(WebError::UnknownLink)?;
    let form = pending_forms::one(&mut site.ctx.store().read().await?, PendingFormId(token.id)).await?;
    form.filter(|form| form.expires_at > site.ctx.now() && form.mark() == token.ordinal).ok_or_else(|| {
        WebError::gone(
            "This link has expired",
            "What was filled in was kept for thirty days and is erased. You can send it again.",
        )
    })
}

fn ask(site: &Site, form: &PendingForm) -> Response {
    let plan = site.ctx.plan();
    let said: Vec<(&String, &String)> = form.fields.iter().filter(|(_, value)| !value.is_empty()).collect();
    let values = context! {
        organisation => plan.settings.organisation.name.clone(),
        form => form.form.as_str(),
        asked_at => form.asked_at.to_string(),
        said => Value::from(Serde(&said)),
    };
    page::show(StatusCode::OK, "page-confirm.html", plan.roster.office.zone(), values)
}

fn thanks() -> Response {
    page::say(StatusCode::OK, "Thank you", "It is confirmed: we know now that it comes from you.")
}
