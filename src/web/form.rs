//! `POST /f/NAME`: an ordinary web form, without JSON or keys. Any page of the company's website can post to it.
//!
//! It counts once its address has confirmed it. It is confirmed as it comes if it is trusted, or if it carries, in a field `t`, the
//! token of a mail to that same address: `GET /f/NAME?t=TOKEN`, as newsletters link to it, leads to the page with the token.

use super::error::WebError;
use super::page;
use super::site::Site;
use crate::domain::address::Address;
use crate::domain::doorway::signal::{Confirmation, NewSignal};
use crate::domain::id::{DeliveryId, Name};
use crate::flow::doorway::observe::Observed;
use crate::flow::doorway::take::take as record;
use crate::mail::token::Kind;
use crate::store::group::deliveries;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;

/// How many fields a form may have, and how many characters a field.
const MOST_FIELDS: usize = 60;
const MOST_CHARACTERS: usize = 4_000;

/// The field, and the part of a link, that holds the token of a mail.
const TOKEN: &str = "t";

/// Records a filled-in form.
pub async fn take(State(site): State<Site>, Path(name): Path<String>, body: Bytes) -> Result<Response, WebError> {
    let name = known(&site, &name)?;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(&body).map_err(|_| {
        let words = "It must be sent as application/x-www-form-urlencoded, as browsers do.";
        WebError::unreadable("The form could not be read", words)
    })?;
    if pairs.len() > MOST_FIELDS || pairs.iter().any(|(k, v)| k.chars().count() > 64 || v.chars().count() > MOST_CHARACTERS) {
        return Err(WebError::unreadable("The form is too large", "It may have 60 fields of 4,000 characters each."));
    }
    let clean = |text: String| text.chars().filter(|c| *c == '\n' || !c.is_control()).collect::<String>();
    let mut fields: BTreeMap<String, String> = pairs.into_iter().map(|(k, v)| (clean(k), clean(v).trim().to_owned())).collect();
    let address = fields.remove("email").and_then(|text| Address::parse(&text).ok()).ok_or_else(|| {
        let words = "Please go back and fill in a mail address, so that we can answer you.";
        WebError::unreadable("Your mail address is missing", words)
    })?;
    let token = fields.remove(TOKEN);
    let confirmation = confirmation(&site, &name, &address, token.as_deref()).await?;
    match record(&site.ctx, NewSignal::form(&name, address, fields, confirmation, site.ctx.now())).await? {
        // The same words for whoever is known and for whoever is not: the page tells nothing about an address.
        Observed::New(_) | Observed::Again | Observed::Pending => Ok(page::say(
            StatusCode::OK,
            "Thank you",
            "We have received what you sent. If a mail of ours asks you to confirm it, please do: we then know that it comes from you.",
        )),
        Observed::Unknown => Err(WebError::UnknownLink),
    }
}

/// Leads to the page of a form, with the token of the mail. It records nothing.
pub async fn lead(
    State(site): State<Site>,
    Path(name): Path<String>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Result<Response, WebError> {
    let (name, plan) = (known(&site, &name)?, site.ctx.plan());
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
    let delivery = token.and_then(|token| site.read(&[Kind::Form], token)?.delivery());
    let Some(delivery) = delivery else { return Ok(Confirmation::Unconfirmed) };
    let origin = deliveries::origin(&mut site.ctx.store().read().await?, DeliveryId(delivery)).await?;
    let is_theirs = origin.is_some_and(|origin| origin.prospect.is_some() && origin.address == *address);
    Ok(if is_theirs { Confirmation::Confirmed } else { Confirmation::Unconfirmed })
}

/// The name of a form that some rule reads; other forms are refused.
fn known(site: &Site, name: &str) -> Result<Name, WebError> {
    Name::parse(name).ok().filter(|name| site.ctx.plan().qualifying.reads_form(name)).ok_or_else(|| {
        let words = "No rule in qualification.toml reads a form of this name.";
        WebError::Refused(StatusCode::NOT_FOUND, "There is no such form", words.to_owned())
    })
}
