//! `GET /c/TOKEN`: a link of a newsletter. The target is taken only from the issue. A GET appends a click, at most one
//! per visitor, link and day; a HEAD appends one that counts for nothing. Where the database does not answer, the link leads
//! on all the same, and the click is lost.

use super::page;
use super::site::{Found, Site, agent, visitor};
use crate::domain::doorway::machine::Machine;
use crate::domain::doorway::signal::{About, Detail, NewSignal};
use crate::domain::id::IssueId;
use crate::domain::settings::Tracking;
use crate::flow::context::FlowError;
use crate::mail::token::Kind;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use std::net::SocketAddr;
use tokio::time::timeout;

const KINDS: [Kind; 3] = [Kind::PairedClick, Kind::AnonymousClick, Kind::Click];

/// Follows the link.
pub async fn follow(
    State(site): State<Site>,
    Path(token): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let found = match timeout(site.patience, site.find(&KINDS, &token)).await {
        Ok(Ok(Some(found))) => found,
        Ok(Ok(None)) => return page::unknown_link(),
        Ok(Err(error)) => return remembered(&site, &token, &error),
        Err(_) => return remembered(&site, &token, &FlowError::Unable("read the database: no answer in time".to_owned())),
    };
    let Some(target) = found.content.links.get(usize::from(found.token.ordinal)).cloned() else {
        return page::unknown_link();
    };
    site.targets.keep(found.issue, &found.content);
    if let Some(signal) = signal(&site, &found, &target, &method, &headers, peer) {
        // The prospect is on their way whatever becomes of our books: fail closed for mail, open for redirects.
        match timeout(site.patience, site.door.write(signal)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(%error, "click not recorded"),
            Err(_) => tracing::warn!("click not recorded in time; it may be later"),
        }
    }
    redirect(&target)
}

/// Where the link leads as far as we remember; if we do not, what is wrong.
fn remembered(site: &Site, token: &str, error: &FlowError) -> Response {
    let target = site.read(&KINDS, token).and_then(|token| site.targets.of(IssueId(token.issue()?), token.ordinal));
    match target {
        Some(target) => {
            tracing::error!(%error, "click not recorded");
            redirect(&target)
        }
        None => page::failed(error),
    }
}

fn redirect(target: &str) -> Response {
    match HeaderValue::from_str(target) {
        Ok(location) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
        Err(_) => page::unknown_link(),
    }
}

/// The click, if it may be recorded: the recipient was tracked when it was sent, and still agrees.
fn signal(site: &Site, found: &Found, target: &str, method: &Method, headers: &HeaderMap, peer: SocketAddr) -> Option<NewSignal> {
    let now = site.ctx.now();
    let machine = if *method == Method::HEAD { Some(Machine::Head) } else { Machine::of_agent(agent(headers)) };
    let day = now.to_zoned(TimeZone::UTC).date();
    let visit = format!("{}:{}:{}", found.token.ordinal, visitor(headers, peer), method.as_str());
    // The day comes first: what makes a click one is then looked for among the clicks of its day, however many years there are.
    let (about, once, delivery) = match &found.origin {
        None => (About::Nobody, format!("click:{day}:issue:{}:{visit}", found.issue), None),
        Some(origin) => {
            let agrees = match site.ctx.plan().settings.tracking {
                Tracking::All => true,
                Tracking::Consented => origin.consents,
                Tracking::None => false,
            };
            let about = origin.prospect.filter(|_| origin.tracked && agrees)?;
            (About::Prospect(about), format!("click:{day}:{}:{visit}", origin.id), Some(origin.id))
        }
    };
    let detail = Detail::Click { target: target.to_owned() };
    Some(NewSignal { about, once, occurred_at: now, delivery, issue: Some(found.issue), by: None, machine, detail })
}
