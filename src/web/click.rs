//! `GET /c/TOKEN`: a link of a newsletter. The target is taken only from the issue. A GET appends a click, at most one per
//! visitor, link and day; a HEAD appends a click that proves nothing. If the database does not answer, the redirect still
//! works, and the click is lost.

use super::error::WebError;
use super::limits::Whose;
use super::site::{Found, Site};
use super::visitor::Visitor;
use crate::domain::door::Limit;
use crate::domain::doorway::machine::Machine;
use crate::domain::doorway::new_signal::Clicked;
use crate::domain::doorway::signal::NewSignal;
use crate::domain::id::IssueId;
use crate::domain::settings::Tracking;
use crate::flow::context::FlowError;
use crate::mail::token::Kind;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use tokio::time::timeout;

/// How many clicks of one mail are recorded: it may have been forwarded to a whole department.
const CLICKS: Limit = Limit { most: 300, within: Duration::from_hours(1) };

/// How many clicks of an issue's untracked mails are recorded: they are many mails, and nobody is told apart.
pub const UNTRACKED_CLICKS: Limit = Limit { most: 20_000, within: Duration::from_hours(1) };

const KINDS: [Kind; 3] = [Kind::PairedClick, Kind::AnonymousClick, Kind::Click];

/// Redirects to the link's target, and records the click.
pub async fn follow(
    State(site): State<Site>,
    Path(token): Path<String>,
    visitor: Visitor,
    method: Method,
) -> Result<Response, WebError> {
    let found = match timeout(site.patience, site.find(&KINDS, &token)).await {
        Ok(Err(WebError::Failed(error))) => return remembered(&site, &token, error),
        Ok(found) => found?,
        Err(_) => return remembered(&site, &token, FlowError::Unable("read the database: no answer in time".to_owned())),
    };
    let target = found.content.links.get(usize::from(found.token.ordinal)).cloned().ok_or(WebError::UnknownLink)?;
    site.links.keep(found.issue, &found.content);
    if let Some(signal) = signal(&site, &found, &target, &method, &visitor) {
        // The prospect is redirected even if the click cannot be recorded: a failure stops mail, but never a redirect.
        match timeout(site.patience, site.door.write(signal)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(%error, "click not recorded"),
            Err(_) => tracing::warn!("click not recorded in time; it may be later"),
        }
    }
    redirect(&target)
}

/// Redirects to the cached target; without one, returns the error.
fn remembered(site: &Site, token: &str, error: FlowError) -> Result<Response, WebError> {
    let target = site.read(&KINDS, token).and_then(|token| site.links.of(IssueId(token.issue()?), token.ordinal));
    match target {
        Some(target) => {
            tracing::error!(%error, "click not recorded");
            redirect(&target)
        }
        None => Err(error.into()),
    }
}

fn redirect(target: &str) -> Result<Response, WebError> {
    let location = HeaderValue::from_str(target).map_err(|_| WebError::UnknownLink)?;
    Ok((StatusCode::FOUND, [(header::LOCATION, location)]).into_response())
}

/// The click, if it may be recorded: the recipient was tracked when the mail was sent, and still consents.
fn signal(site: &Site, found: &Found, target: &str, method: &Method, visitor: &Visitor) -> Option<NewSignal> {
    let now = site.ctx.now();
    let machine = if *method == Method::HEAD { Some(Machine::Head) } else { Machine::of_agent(visitor.agent()) };
    let visit = format!("{}:{}:{}", found.token.ordinal, visitor.fingerprint(), method.as_str());
    // Whoever follows links as ever new visitors is led on, and recorded no further.
    let take = |whose, limit| site.limits.take(whose, limit, site.ctx.clock().steady()).ok();
    let clicked = match &found.sent {
        None => {
            take(Whose::Issue(found.issue), UNTRACKED_CLICKS)?;
            Clicked::Untracked(found.issue)
        }
        Some(sent) => {
            let agrees = match site.ctx.plan().settings.tracking {
                Tracking::All => true,
                Tracking::Consented => sent.consents,
                Tracking::None => false,
            };
            sent.mail.prospect.filter(|_| sent.tracked && agrees)?;
            take(Whose::Clicks(sent.mail.delivery), CLICKS)?;
            Clicked::By(sent.mail)
        }
    };
    Some(NewSignal::click(clicked, &visit, target, machine, now))
}
