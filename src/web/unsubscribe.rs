//! `GET|POST /u/TOKEN`: GET shows a button, POST unsubscribes; RFC 8058's one-click is such a POST.

use super::page;
use super::site::Site;
use crate::domain::doorway::signal::NewSignal;
use crate::flow::doorway::observe::{Observed, observe};
use crate::mail::token::Kind;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use minijinja::context;

/// Shows the button.
pub async fn show(State(site): State<Site>, Path(token): Path<String>) -> Response {
    match site.find(&[Kind::Unsubscribe], &token).await {
        Ok(Some(_)) => {
            let values = context! { organisation => site.ctx.plan().settings.organisation.name.clone() };
            page::show(StatusCode::OK, "page-unsubscribe.html", &TimeZone::UTC, values)
        }
        Ok(None) => page::unknown_link(),
        Err(error) => page::failed(&error),
    }
}

/// Unsubscribes at once, whatever the body says: nobody posts here by accident, and nobody should be asked twice.
pub async fn stop(State(site): State<Site>, Path(token): Path<String>, body: Bytes) -> Response {
    let found = match site.find(&[Kind::Unsubscribe], &token).await {
        Ok(Some(found)) => found,
        Ok(None) => return page::unknown_link(),
        Err(error) => return page::failed(&error),
    };
    let Some(origin) = found.origin else { return page::unknown_link() };
    if origin.prospect.is_none() {
        return page::say(StatusCode::OK, "This was a test copy", "You would be unsubscribed now.");
    }
    let one_click = body.starts_with(b"List-Unsubscribe=One-Click");
    let how = if one_click { "one-click" } else { "page" };
    let signal = NewSignal::unsubscribe(origin.mailed(), how, site.ctx.now());
    match observe(&site.ctx, &[signal]).await.as_deref() {
        Ok([Observed::New(_) | Observed::Again]) => page::say(
            StatusCode::OK,
            "You are unsubscribed",
            "You will get no more newsletters from us. A mail already on its way may still arrive.",
        ),
        Ok(_) => page::unknown_link(),
        Err(error) => page::failed(error),
    }
}
