//! `GET /c/TOKEN`: a link of a newsletter. The target is taken only from the issue. A GET appends a click, at most one per
//! visitor, link and day; a HEAD appends a click that proves nothing. The click is durable before the redirect: in the database,
//! or, while that does not answer, in the spool.

use super::error::WebError;
use super::limits::Whose;
use super::site::Site;
use super::visitor::Visitor;
use crate::domain::door::Limit;
use crate::domain::doorway::machine::{Machine, TRAP};
use crate::domain::id::{DeliveryId, IssueId};
use crate::flow::context::FlowError;
use crate::flow::doorway::hit::{Followed, Hit, LINKS, Requester, Taken, What};
use crate::mail::token::Token;
use crate::text::token::TRAP_ORDINAL;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use tokio::time::timeout;

/// How many clicks of one mail are recorded: it may have been forwarded to a whole department.
const CLICKS: Limit = Limit { most: 300, within: Duration::from_hours(1) };

/// How many clicks of an issue's untracked mails are recorded: they are many mails, and nobody is told apart.
pub const UNTRACKED_CLICKS: Limit = Limit { most: 20_000, within: Duration::from_hours(1) };

/// Redirects to the link's target, and records the click.
pub async fn follow(
    State(site): State<Site>,
    Path(text): Path<String>,
    visitor: Visitor,
    method: Method,
) -> Result<Response, WebError> {
    let token = site.read(&LINKS, &text).ok_or(WebError::UnknownLink)?;
    let is_trap = token.ordinal == TRAP_ORDINAL;
    let target = if is_trap { TRAP.to_owned() } else { target(&site, token, &text).await? };
    if may_be_recorded(&site, token) {
        let machine = visitor.machine(&method).or_else(|| is_trap.then_some(Machine::Trap));
        // What a browser loaded beforehand does not take the place of the click that follows it.
        let visit = format!("{}:{}:{}", token.ordinal, visitor.fingerprint(), machine.map_or("GET", Machine::word));
        let followed = Followed { token: text, target: target.clone(), visit, machine, at: site.ctx.now() };
        // Of an untracked mail's click nothing is kept that tells one visitor from another, not even until the database is back.
        let from = if token.delivery().is_some() { visitor.requester() } else { Requester::default() };
        record(&site, followed, from).await?;
    }
    if is_trap {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let location = HeaderValue::from_str(&target).map_err(|_| WebError::UnknownLink)?;
    Ok((StatusCode::FOUND, [(header::LOCATION, location)]).into_response())
}

/// Where a link leads: from memory; else from its issue, which is then kept in memory.
async fn target(site: &Site, token: Token, text: &str) -> Result<String, WebError> {
    if let Some(target) = token.issue().and_then(|issue| site.links.of(IssueId(issue), token.ordinal)) {
        return Ok(target);
    }
    let silent = || FlowError::Unable("read the database: no answer in time".to_owned());
    let found = timeout(site.patience, site.find(&LINKS, text)).await.map_err(|_| silent())??;
    let target = found.content.links.get(usize::from(token.ordinal)).cloned().ok_or(WebError::UnknownLink)?;
    site.links.keep(found.issue, &found.content);
    Ok(target)
}

/// Whoever follows links as ever new visitors is led on, and recorded no further.
fn may_be_recorded(site: &Site, token: Token) -> bool {
    let (whose, limit) = match (token.delivery(), token.issue()) {
        (Some(delivery), _) => (Whose::Clicks(DeliveryId(delivery)), CLICKS),
        (None, Some(issue)) => (Whose::Issue(IssueId(issue)), UNTRACKED_CLICKS),
        (None, None) => return false,
    };
    site.limits.take(whose, limit, site.ctx.clock().steady()).is_ok()
}

/// Records a click, or keeps it for later. The prospect is led on even if neither works: a failure stops mail, never a redirect.
async fn record(site: &Site, followed: Followed, from: Requester) -> Result<(), WebError> {
    let hit = Hit { what: What::Followed(followed.clone()), from: from.clone() };
    let error = match timeout(site.patience, site.clicks.write(hit)).await {
        Ok(Ok(Taken::Lost)) => return Err(site.lost()),
        Ok(Ok(Taken::Observed(_) | Taken::LetPass)) => return Ok(()),
        Ok(Err(error)) => FlowError::from(error),
        Err(_) => FlowError::Unable("write into the database: no answer in time".to_owned()),
    };
    match site.spooled.keep(followed, from).await {
        Ok(()) => tracing::warn!(%error, "click kept until the database is back"),
        Err(lost) => tracing::error!(%error, %lost, "click not recorded"),
    }
    Ok(())
}
