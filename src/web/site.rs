//! What every handler is given, and how a token of a mail is followed.

use super::census_cache::CensusCache;
use super::error::WebError;
use super::link_cache::LinkCache;
use crate::domain::group::issue::Content;
use crate::domain::id::{DeliveryId, IssueId, fingerprint};
use crate::flow::context::Context;
use crate::flow::doorway::observe::Door;
use crate::mail::token::{Kind, Token};
use crate::store::group::deliveries::{self, Origin};
use crate::store::group::issues;
use axum::http::{HeaderMap, header};
use std::net::SocketAddr;

/// What every handler is given.
#[derive(Clone)]
pub struct Site {
    pub ctx: Context,
    pub door: Door,
    /// Where links lead when the database does not say.
    pub links: LinkCache,
    pub census: CensusCache,
}

/// Where a token of a newsletter leads.
#[derive(Debug)]
pub struct Found {
    pub token: Token,
    /// The delivery, unless the token names an issue alone.
    pub origin: Option<Origin>,
    pub issue: IssueId,
    /// What the issue's tokens point to.
    pub content: Content,
}

impl Site {
    /// Reads a token of one of these kinds; `None` for what we never signed.
    pub fn read(&self, kinds: &[Kind], text: &str) -> Option<Token> {
        kinds.iter().find_map(|kind| self.ctx.signer().read(*kind, text, ""))
    }

    /// Reads a token of one of these kinds and finds what it belongs to.
    pub async fn find(&self, kinds: &[Kind], text: &str) -> Result<Found, WebError> {
        let token = self.read(kinds, text).ok_or(WebError::UnknownLink)?;
        let mut tx = self.ctx.store().read().await?;
        let (origin, issue) = match (token.delivery(), token.issue()) {
            (Some(delivery), _) => {
                let origin = deliveries::origin(&mut tx, DeliveryId(delivery)).await?.ok_or(WebError::UnknownLink)?;
                (Some(origin.clone()), origin.issue)
            }
            (None, Some(issue)) => (None, IssueId(issue)),
            (None, None) => return Err(WebError::UnknownLink),
        };
        let found = issues::content(&mut tx, issue).await?.ok_or(WebError::UnknownLink)?;
        Ok(Found { token, origin, issue, content: found.content })
    }
}

/// Sixteen characters that stand for one visitor's program and address: two visits of it are one, and neither can be
/// read back.
pub fn visitor(headers: &HeaderMap, peer: SocketAddr) -> String {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let from = headers.get("x-forwarded-for").and_then(|v| v.to_str().ok()).map_or_else(|| peer.ip().to_string(), str::to_owned);
    fingerprint(&[text(header::USER_AGENT), &from])
}

/// The agent a request names.
pub fn agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok())
}
