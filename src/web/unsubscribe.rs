//! `GET|POST /u/TOKEN`: GET shows a button, POST unsubscribes; RFC 8058's one-click is such a POST.

use super::error::WebError;
use super::site::Site;
use super::{language, page};
use crate::domain::doorway::signal::NewSignal;
use crate::flow::doorway::observe::{Observed, observe_first};
use crate::mail::token::Kind;
use crate::text::message::Message;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;

/// Shows the button.
pub async fn show(State(site): State<Site>, Path(token): Path<String>, headers: HeaderMap) -> Result<Response, WebError> {
    let found = site.find(&[Kind::Unsubscribe], &token).await?;
    let language = language::of_prospect(&site, found.origin.and_then(|origin| origin.prospect), &headers).await;
    let values = context! { organisation => site.ctx.plan().settings.organisation.name.clone() };
    Ok(page::speak(language, StatusCode::OK, "page-unsubscribe.html", values))
}

/// Unsubscribes at once, whatever the body says: the page's button and one-click programs send different ones (RFC 8058).
///
/// A second request within the minute is the same signal (`NewSignal::unsubscribe`), a later one a signal of its own; the
/// stop in force stays as it is (`store::people::suppressions::add`), and the page says the same.
pub async fn stop(
    State(site): State<Site>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let found = site.find(&[Kind::Unsubscribe], &token).await?;
    let origin = found.origin.ok_or(WebError::UnknownLink)?;
    if origin.prospect.is_none() {
        let language = language::of_prospect(&site, None, &headers).await;
        return Ok(page::tell(language, StatusCode::OK, &Message::TestCopyUnsubscribe));
    }
    let one_click = body.starts_with(b"List-Unsubscribe=One-Click");
    let how = if one_click { "one-click" } else { "page" };
    let signal = NewSignal::unsubscribe(origin.mailed(), how, site.ctx.now());
    match observe_first(&site.ctx, &[signal]).await?[..] {
        [Observed::New(_) | Observed::Again] => {
            // Only now: nothing is to stand between a prospect and their stop.
            let language = language::of_prospect(&site, origin.prospect, &headers).await;
            let organisation = site.ctx.plan().settings.organisation.name.clone();
            Ok(page::tell(language, StatusCode::OK, &Message::Unsubscribed { organisation }))
        }
        _ => Err(WebError::UnknownLink),
    }
}
