//! What every handler is given.

use super::census_cache::CensusCache;
use super::link_cache::LinkCache;
use crate::domain::group::issue::Content;
use crate::domain::id::{DeliveryId, IssueId, fingerprint};
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::observe::Door;
use crate::mail::token::{Kind, Token};
use crate::store::group::deliveries::{self, Origin};
use crate::store::group::issues;
use axum::http::{HeaderMap, header};
use std::net::SocketAddr;
use std::time::Duration;

/// How long a visitor who follows a link waits for the database, each time it is asked: for reading, and for writing.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// The house behind the door, and the shared way in for single signals.
#[derive(Clone)]
pub struct Site {
    pub ctx: Context,
    pub door: Door,
    /// Where links lead when the database does not say.
    pub targets: LinkCache,
    pub figures: CensusCache,
    /// [`PATIENCE`], unless a test can wait.
    pub patience: Duration,
}

/// Where a token of a newsletter leads.
#[derive(Debug)]
pub struct Found {
    pub token: Token,
    /// The delivery, unless the token identifies nobody.
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

    /// Reads a token of one of these kinds and finds what it belongs to. `None` for what we never signed.
    pub async fn find(&self, kinds: &[Kind], text: &str) -> Result<Option<Found>, FlowError> {
        let Some(token) = self.read(kinds, text) else { return Ok(None) };
        let mut tx = self.ctx.store().read().await?;
        let (origin, issue) = match (token.delivery(), token.issue()) {
            (Some(delivery), _) => match deliveries::origin(&mut tx, DeliveryId(delivery)).await? {
                Some(origin) => (Some(origin.clone()), origin.issue),
                None => return Ok(None),
            },
            (None, Some(issue)) => (None, IssueId(issue)),
            (None, None) => return Ok(None),
        };
        let found = issues::content(&mut tx, issue).await?;
        Ok(found.map(|i| Found { token, origin, issue, content: i.content }))
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
