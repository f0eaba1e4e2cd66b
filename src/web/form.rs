//! `POST /f/NAME`: an ordinary web form, without JSON or keys. Any page of the company's website can post to it.

use super::error::WebError;
use super::form_guard;
use super::page;
use super::site::Site;
use crate::domain::address::Address;
use crate::domain::doorway::rule::{Reads, RequestRule};
use crate::domain::doorway::signal::NewSignal;
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::flow::doorway::observe::{self, Observed};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::BTreeMap;

/// How many fields a form may have, and how many characters a field.
const MOST_FIELDS: usize = 60;
const MOST_CHARACTERS: usize = 4_000;

/// Records a filled-in form.
pub async fn take(State(site): State<Site>, Path(name): Path<String>, body: Bytes) -> Result<Response, WebError> {
    let name = Name::parse(&name).ok().filter(|name| is_read(&site.ctx.plan(), name)).ok_or_else(|| {
        let words = "No rule in qualification.toml reads a form of this name.";
        WebError::Refused(StatusCode::NOT_FOUND, "There is no such form", words.to_owned())
    })?;
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
    form_guard::check(&site, &name, &address, &mut fields)?;
    match observe::take_with_others(&site.ctx, &site.forms, NewSignal::form(&name, address, fields, site.ctx.now())).await? {
        Observed::New(_) | Observed::Again => Ok(page::say(StatusCode::OK, "Thank you", "We have received what you sent.")),
        Observed::Unknown => Err(WebError::UnknownLink),
    }
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
