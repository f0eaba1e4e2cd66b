//! `POST /f/NAME`: an ordinary web form, without JSON or keys. Any page of the company's website can post to it.

use super::error::WebError;
use super::site::Site;
use super::{language, page};
use crate::domain::address::Address;
use crate::domain::doorway::rule::{Reads, RequestRule};
use crate::domain::doorway::signal::NewSignal;
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::flow::doorway::observe::{self, Observed};
use crate::inbox::form::problem::Problem;
use crate::inbox::form::read::{Form, read};
use crate::text::message::Message;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The field that names the page to which the visitor returns.
const REDIRECT: &str = "redirect";

/// Records a filled-in form, and leads its visitor back to a page of the company's own or thanks them.
pub async fn take(
    State(site): State<Site>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, WebError> {
    let plan = site.ctx.plan();
    let organisation = || plan.settings.organisation.name.clone();
    let name = Name::parse(&name)
        .ok()
        .filter(|name| is_read(&plan, name))
        .ok_or_else(|| WebError::Told(StatusCode::NOT_FOUND, Message::NoSuchForm { organisation: organisation() }))?;
    let mut form = parse(&headers, body).map_err(|problem| {
        tracing::info!(form = %name, %problem, "form refused");
        refused(problem, organisation())
    })?;
    let redirect = form.take(REDIRECT);
    let address = form.take_address().and_then(|text| Address::parse(&text).ok());
    let address = address.ok_or(WebError::Told(StatusCode::UNPROCESSABLE_ENTITY, Message::FormWithoutAddress))?;
    match observe::take(&site.ctx, NewSignal::form(&name, address, form.by_name(), site.ctx.now())).await? {
        Observed::New(_) | Observed::Again => {}
        Observed::Unknown => return Err(WebError::UnknownLink),
    }
    let back = redirect.and_then(|page| lead_back(&plan, &page));
    Ok(back.unwrap_or_else(|| {
        let language = language::of_visitor(&plan.settings.organisation, &headers);
        page::tell(language, StatusCode::OK, &Message::Thanks { organisation: organisation() })
    }))
}

fn parse(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Form, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
        _ => Problem::NotAForm,
    })?;
    read(headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes), &body)
}

fn refused(problem: Problem, organisation: String) -> WebError {
    match problem {
        Problem::TooLarge | Problem::TooManyFields => WebError::Told(StatusCode::PAYLOAD_TOO_LARGE, Message::FormTooLarge),
        Problem::NotAForm => WebError::Told(StatusCode::UNSUPPORTED_MEDIA_TYPE, Message::FormNotReadable { organisation }),
        Problem::NoParts => WebError::Told(StatusCode::UNPROCESSABLE_ENTITY, Message::FormNotReadable { organisation }),
    }
}

/// A redirect to this page, if the company names it as its own.
fn lead_back(plan: &Plan, page: &str) -> Option<Response> {
    let is_ours = plan.settings.http.form_redirects.iter().any(|own| own.covers(page));
    let location = HeaderValue::from_str(page).ok().filter(|_| is_ours)?;
    Some((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

/// Whether any rule reads a form of this name; other forms are refused.
fn is_read(plan: &Plan, name: &Name) -> bool {
    let rules = &plan.qualifying;
    rules.requests.contains(&RequestRule::Form(name.clone()))
        || rules
            .criteria
            .iter()
            .any(|(_, c)| c.rules.iter().any(|r| matches!(&r.reads, Reads::Form { form, .. } if form == name)))
}
