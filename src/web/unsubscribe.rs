//! `GET|POST /u/TOKEN`: GET shows a button, POST unsubscribes; RFC 8058's one-click is such a POST.
//!
//! Where the link does not tell whose it is, because it was cut or its mail is no longer on record, the visitor types their
//! address: `GET|POST /u`. Anybody can type anybody's, and all that comes of it is that no newsletter goes there: each visitor
//! and all of them together are limited as with forms, and the page says the same of every address.

use super::error::WebError;
use super::limits::Whose;
use super::site::Site;
use super::visitor::Visitor;
use super::{language, page, preferences};
use crate::domain::address::Address;
use crate::domain::doorway::signal::NewSignal;
use crate::flow::doorway::observe::{Observed, observe_first};
use crate::flow::doorway::prefer;
use crate::flow::doorway::typed_stop::typed_stop;
use crate::inbox::form::clean;
use crate::mail::token::Kind;
use crate::text::message::Message;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;

/// The field in which an address is typed.
const ADDRESS: &str = "email";

/// Shows the button, or the field.
pub async fn show(State(site): State<Site>, Path(token): Path<String>, headers: HeaderMap) -> Result<Response, WebError> {
    let Some(sent) = site.trace(&[Kind::Unsubscribe], &token).await? else {
        return Ok(ask(&site, &headers, StatusCode::OK, false));
    };
    let language = language::of_prospect(&site, sent.mail.prospect, &headers).await;
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
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let Some(sent) = site.trace(&[Kind::Unsubscribe], &token).await? else {
        // The page posts to its own address. A program is told that nothing was stopped; a person reads the page.
        return match typed(&body) {
            Some(text) => stop_address(&site, &visitor, &headers, &text).await,
            None => Ok(ask(&site, &headers, StatusCode::NOT_FOUND, false)),
        };
    };
    if sent.mail.prospect.is_none() {
        let language = language::of_prospect(&site, None, &headers).await;
        return Ok(page::tell(language, StatusCode::OK, &Message::TestCopyUnsubscribe));
    }
    if !body.starts_with(b"List-Unsubscribe=One-Click") {
        let since = prefer::stop(&site.ctx, sent.mail).await?;
        let language = language::of_prospect(&site, sent.mail.prospect, &headers).await;
        return Ok(preferences::unsubscribed(&site, &sent, language, since));
    }
    let signal = NewSignal::unsubscribe(sent.mail, "one-click", site.ctx.now());
    match observe_first(&site.ctx, &[signal]).await?[..] {
        [Observed::New(_) | Observed::Again] => {
            // Only now: nothing is to stand between a prospect and their stop.
            let language = language::of_prospect(&site, sent.mail.prospect, &headers).await;
            let organisation = site.ctx.plan().settings.organisation.name.clone();
            Ok(page::tell(language, StatusCode::OK, &Message::Unsubscribed { organisation }))
        }
        _ => Ok(ask(&site, &headers, StatusCode::NOT_FOUND, false)),
    }
}

/// Shows the field.
pub async fn show_field(State(site): State<Site>, headers: HeaderMap) -> Response {
    ask(&site, &headers, StatusCode::OK, false)
}

/// Stops mail to the address that was typed.
pub async fn stop_typed(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    stop_address(&site, &visitor, &headers, &typed(&body).unwrap_or_default()).await
}

/// What stands in the field.
fn typed(body: &[u8]) -> Option<String> {
    let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(body).unwrap_or_default();
    fields.into_iter().find(|(key, _)| key == ADDRESS).map(|(_, value)| value)
}

async fn stop_address(site: &Site, visitor: &Visitor, headers: &HeaderMap, text: &str) -> Result<Response, WebError> {
    let plan = site.ctx.plan();
    let (limits, now) = (&plan.settings.http.door.limits, site.ctx.clock().steady());
    let take = |whose, limit| site.limits.take(whose, limit, now).map_err(WebError::TooMany);
    take(Whose::Visitor(visitor.household), limits.visitor)?;
    take(Whose::TypedStops, limits.form)?;
    let Ok(address) = Address::parse(&clean::address(text)) else {
        return Ok(ask(site, headers, StatusCode::UNPROCESSABLE_ENTITY, true));
    };
    typed_stop(&site.ctx, address).await?;
    let organisation = plan.settings.organisation.name.clone();
    let language = language::of_visitor(&plan.settings.organisation, headers);
    Ok(page::tell(language, StatusCode::OK, &Message::Unsubscribed { organisation }))
}

/// The page with the field; `again`: what was typed is no address.
fn ask(site: &Site, headers: &HeaderMap, status: StatusCode, again: bool) -> Response {
    let plan = site.ctx.plan();
    let language = language::of_visitor(&plan.settings.organisation, headers);
    let organisation = plan.settings.organisation.name.clone();
    page::speak(language, status, "page-unsubscribe-typed.html", context! { organisation, again, field => ADDRESS })
}
