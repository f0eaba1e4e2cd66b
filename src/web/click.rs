//! `GET /c/TOKEN`: a link of a newsletter. The target is taken only from the issue. A GET appends a click, at most one
//! per visitor, link and day; a HEAD appends one that counts for nothing.

use super::page;
use super::site::{Found, Site, agent, visitor};
use crate::domain::machine::Machine;
use crate::domain::settings::Tracking;
use crate::domain::signal::{About, Detail, NewSignal};
use crate::mail::token::Kind;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use std::net::SocketAddr;

/// Follows the link.
pub async fn follow(
    State(site): State<Site>,
    Path(token): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let found = match site.find(&[Kind::Click, Kind::AnonymousClick], &token).await {
        Ok(Some(found)) => found,
        Ok(None) => return page::unknown_link(),
        Err(error) => return page::failed(&error),
    };
    let Some(target) = found.content.links.get(usize::from(found.token.ordinal)).cloned() else {
        return page::unknown_link();
    };
    if let Some(signal) = signal(&site, &found, &target, &method, &headers, peer) {
        // The prospect is on their way whatever becomes of our books: fail closed for mail, open for redirects.
        match site.door.write(signal).await {
            Ok(_) => site.ctx.ring(),
            Err(error) => tracing::error!(%error, "click not recorded"),
        }
    }
    match HeaderValue::from_str(&target) {
        Ok(location) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
        Err(_) => page::unknown_link(),
    }
}

/// The click, if it may be recorded: the recipient was tracked when it was sent, and still agrees.
fn signal(site: &Site, found: &Found, target: &str, method: &Method, headers: &HeaderMap, peer: SocketAddr) -> Option<NewSignal> {
    let now = site.ctx.now();
    let machine = if *method == Method::HEAD { Some(Machine::Head) } else { Machine::of_agent(agent(headers)) };
    let day = now.to_zoned(TimeZone::UTC).date();
    let visit = format!("{}:{day}:{}:{}", found.token.ordinal, visitor(headers, peer), method.as_str());
    let (about, once, delivery) = match &found.origin {
        None => (About::Nobody, format!("click:issue:{}:{visit}", found.issue), None),
        Some(origin) => {
            let agrees = match site.ctx.plan().settings.tracking {
                Tracking::All => true,
                Tracking::Consented => origin.consents,
                Tracking::None => false,
            };
            let about = origin.prospect.filter(|_| origin.tracked && agrees)?;
            (About::Prospect(about), format!("click:{}:{visit}", origin.id), Some(origin.id))
        }
    };
    let detail = Detail::Click { target: target.to_owned() };
    Some(NewSignal { about, once, occurred_at: now, delivery, issue: Some(found.issue), by: None, machine, detail })
}
