//! `POST /f/NAME`: an ordinary web form, without JSON or keys. Any page of the company's website can post to it.

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

/// How many fields a form may have, and how many characters each.
const MOST_FIELDS: usize = 60;
const MOST_CHARACTERS: usize = 4_000;

/// Takes a filled-in form.
pub async fn take(State(site): State<Site>, Path(name): Path<String>, body: Bytes) -> Response {
    let refuse = |title: &str, words: &str| page::say(StatusCode::UNPROCESSABLE_ENTITY, title, words);
    let Some(name) = Name::parse(&name).ok().filter(|name| is_read(&site.ctx.plan(), name)) else {
        return page::say(
            StatusCode::NOT_FOUND,
            "There is no such form",
            "No rule in qualification.toml reads a form of this name.",
        );
    };
    let Ok(pairs) = serde_urlencoded::from_bytes::<Vec<(String, String)>>(&body) else {
        return refuse("The form could not be read", "It must be sent as application/x-www-form-urlencoded, as browsers do.");
    };
    if pairs.len() > MOST_FIELDS || pairs.iter().any(|(k, v)| k.chars().count() > 64 || v.chars().count() > MOST_CHARACTERS) {
        return refuse("The form is too large", "It may have 60 fields of 4,000 characters each.");
    }
    let clean = |text: String| text.chars().filter(|c| *c == '\n' || !c.is_control()).collect::<String>();
    let mut fields: BTreeMap<String, String> = pairs.into_iter().map(|(k, v)| (clean(k), clean(v).trim().to_owned())).collect();
    let Some(address) = fields.remove("email").and_then(|text| Address::parse(&text).ok()) else {
        return refuse("Your mail address is missing", "Please go back and fill in a mail address, so that we can answer you.");
    };
    match observe::take(&site.ctx, NewSignal::form(&name, address, fields, site.ctx.now())).await {
        Ok(Observed::New(_) | Observed::Again) => page::say(StatusCode::OK, "Thank you", "We have received what you sent."),
        Ok(Observed::Unknown) => page::unknown_link(),
        Err(error) => page::failed(&error),
    }
}

/// Whether any rule reads a form of this name; others are nobody's.
fn is_read(plan: &Plan, name: &Name) -> bool {
    let rules = &plan.qualifying;
    rules.requests.contains(&RequestRule::Form(name.clone()))
        || rules
            .criteria
            .iter()
            .any(|(_, c)| c.rules.iter().any(|r| matches!(&r.reads, Reads::Form { form, .. } if form == name)))
}
