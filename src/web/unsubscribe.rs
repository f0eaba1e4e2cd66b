//! `GET|POST /u/TOKEN`: GET shows a button, POST unsubscribes; RFC 8058's one-click is such a POST.

use super::error::WebError;
use super::page;
use super::site::Site;
use crate::domain::doorway::signal::NewSignal;
use crate::flow::doorway::observe::{Observed, observe_first};
use crate::mail::token::Kind;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use minijinja::context;

/// Shows the button.
pub async fn show(State(site): State<Site>, Path(token): Path<String>) -> Result<Response, WebError> {
    site.find(&[Kind::Unsubscribe], &token).await?;
    let values = context! { organisation => site.ctx.plan().settings.organisation.name.clone() };
    Ok(page::show(StatusCode::OK, "page-unsubscribe.html", &TimeZone::UTC, values))
}

/// Unsubscribes at once, whatever the body says: the page's button and one-click programs send different ones (RFC 8058).
///
/// A second request within the minute is the same signal (`NewSignal::unsubscribe`), a later one a signal of its own; the
/// stop in force stays as it is (`store::people::suppressions::add`), and the page says the same.
pub async fn stop(State(site): State<Site>, Path(token): Path<String>, body: Bytes) -> Result<Response, WebError> {
    let found = site.find(&[Kind::Unsubscribe], &token).await?;
    let origin = found.origin.ok_or(WebError::UnknownLink)?;
    if origin.prospect.is_none() {
        return Ok(page::say(StatusCode::OK, "This was a test copy", "You would be unsubscribed now."));
    }
    let one_click = body.starts_with(b"List-Unsubscribe=One-Click");
    let how = if one_click { "one-click" } else { "page" };
    let signal = NewSignal::unsubscribe(origin.mailed(), how, site.ctx.now());
    match observe_first(&site.ctx, &[signal]).await?[..] {
        [Observed::New(_) | Observed::Again] => Ok(page::say(
            StatusCode::OK,
            "You are unsubscribed",
            "You will get no more newsletters from us. A mail already on its way may still arrive.",
        )),
        _ => Err(WebError::UnknownLink),
    }
}
