//! `POST /f/NAME`: an ordinary web form, without JSON or keys. Any page of the company's website can post to it.
//!
//! It counts once its address has confirmed it. It is confirmed as it comes if it is trusted, or if it carries, in a field `t`, the
//! token of a mail to that same address: `GET /f/NAME?t=TOKEN`, as newsletters link to it, leads to the page with the token.

use super::error::WebError;
use super::form_guard;
use super::site::Site;
use super::{language, page};
use crate::domain::address::Address;
use crate::domain::doorway::signal::{Confirmation, NewSignal};
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::flow::doorway::observe::Observed;
use crate::flow::doorway::take::take_with_others;
use crate::inbox::form::problem::Problem;
use crate::inbox::form::read::read;
use crate::mail::token::Kind;
use crate::text::message::Message;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;

/// The field that names the page to which the visitor returns.
const REDIRECT: &str = "redirect";

/// The field, and the part of a link, that holds the token of a mail.
const TOKEN: &str = "t";

/// Records a filled-in form, and leads its visitor back to a page of the company's own or thanks them.
pub async fn take(
    State(site): State<Site>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let plan = site.ctx.plan();
    let organisation = || plan.settings.organisation.name.clone();
    let name = known(&plan, &name)?;
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let mut form = read(content_type, &body).map_err(|problem| {
        tracing::info!(form = %name, %problem, "form refused");
        refused(problem, organisation())
    })?;
    let (redirect, token) = (form.take(REDIRECT), form.take(TOKEN));
    let address = form.take_address().and_then(|text| Address::parse(&text).ok());
    let address = address.ok_or(WebError::Told(StatusCode::UNPROCESSABLE_ENTITY, Message::FormWithoutAddress))?;
    let confirmation = confirmation(&site, &name, &address, token.as_deref()).await?;
    let mut fields = form.by_name();
    form_guard::check(&site, &name, &address, &mut fields)?;
    let signal = NewSignal::form(&name, address, fields, confirmation, site.ctx.now());
    match take_with_others(&site.ctx, &site.forms, signal).await? {
        // The same words for whoever is known and for whoever is not: the page tells nothing about an address.
        Observed::New(_) | Observed::Again | Observed::Pending => {}
        Observed::Unknown => return Err(WebError::UnknownLink),
    }
    let back = redirect.and_then(|page| lead_back(&plan, &page));
    Ok(back.unwrap_or_else(|| {
        let language = language::of_visitor(&plan.settings.organisation, &headers);
        page::tell(language, StatusCode::OK, &Message::Thanks { organisation: organisation() })
    }))
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

/// Leads to the page of a form, with the token of the mail. It records nothing.
pub async fn lead(
    State(site): State<Site>,
    Path(name): Path<String>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Result<Response, WebError> {
    let plan = site.ctx.plan();
    let name = known(&plan, &name)?;
    let page = plan.forms.get(&name).and_then(|settings| settings.page.as_deref()).ok_or(WebError::UnknownLink)?;
    let token = asked.get(TOKEN).filter(|token| site.read(&[Kind::Form], token).is_some());
    let joint = if page.contains('?') { '&' } else { '?' };
    let target = token.map_or_else(|| page.to_owned(), |token| format!("{page}{joint}{TOKEN}={token}"));
    let location = HeaderValue::from_str(&target).map_err(|_| WebError::UnknownLink)?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

/// Whether the form comes from the address it names: the form is trusted, or was opened from a mail of ours to that address.
async fn confirmation(site: &Site, name: &Name, address: &Address, token: Option<&str>) -> Result<Confirmation, WebError> {
    if site.ctx.plan().trusts(name) {
        return Ok(Confirmation::Confirmed);
    }
    let Some(token) = token else { return Ok(Confirmation::Unconfirmed) };
    let sent = site.trace(&[Kind::Form], token).await?;
    let is_theirs = sent.is_some_and(|sent| sent.mail.prospect.is_some() && sent.address == *address);
    Ok(if is_theirs { Confirmation::Confirmed } else { Confirmation::Unconfirmed })
}

/// The name of a form that some rule reads; other forms are refused.
fn known(plan: &Plan, name: &str) -> Result<Name, WebError> {
    let no_such_form = || Message::NoSuchForm { organisation: plan.settings.organisation.name.clone() };
    let name = Name::parse(name).ok().filter(|name| plan.qualifying.reads_form(name));
    name.ok_or_else(|| WebError::Told(StatusCode::NOT_FOUND, no_such_form()))
}
