//! The state every handler is given, and how the token of a mail is resolved.

use super::census_cache::CensusCache;
use super::error::WebError;
use super::limits::Limits;
use super::link_cache::LinkCache;
use super::rooms::Rooms;
use super::sns_client::SnsClient;
use crate::domain::group::issue::Content;
use crate::domain::id::IssueId;
use crate::flow::context::Context;
use crate::flow::doorway::hit::HitWriter;
use crate::flow::doorway::observe::SignalWriter;
use crate::flow::doorway::spooled::Spooled;
use crate::flow::doorway::trace::{Traced, trace};
use crate::mail::token::{Kind, Token};
use crate::store::group::issues;
use crate::text::message::Message;
use axum::http::StatusCode;
use std::time::Duration;

/// How long a visitor who follows a link waits for the database, at each read and each write.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// The state every handler is given.
#[derive(Clone)]
pub struct Site {
    pub ctx: Context,
    /// The batch writer of followed links, and that of posted answers.
    pub clicks: HitWriter,
    pub posts: HitWriter,
    /// Clicks that wait for the database.
    pub spooled: Spooled,
    /// The batch writer of web forms.
    pub forms: SignalWriter,
    pub limits: Limits,
    pub rooms: Rooms,
    /// The targets of links for when the database does not answer.
    pub links: LinkCache,
    pub census: CensusCache,
    /// Fetches the certificates that sign what Amazon SNS sends.
    pub sns: SnsClient,
    /// [`PATIENCE`], or longer in tests.
    pub patience: Duration,
}

/// What a newsletter's token resolves to.
#[derive(Debug)]
pub struct Found {
    pub token: Token,
    /// Whom the mail went to, unless the token names an issue alone.
    pub sent: Option<Traced>,
    pub issue: IssueId,
    /// The targets and questions of the issue's tokens.
    pub content: Content,
}

impl Site {
    /// Reads a token of one of these kinds; `None` if we did not sign it.
    pub fn read(&self, kinds: &[Kind], text: &str) -> Option<Token> {
        kinds.iter().find_map(|kind| self.ctx.signer().read(*kind, text, ""))
    }

    /// Reads a token of one of these kinds and finds its issue and whom the mail went to.
    pub async fn find(&self, kinds: &[Kind], text: &str) -> Result<Found, WebError> {
        let token = self.read(kinds, text).ok_or(WebError::UnknownLink)?;
        let mut tx = self.ctx.store().read().await?;
        let (sent, issue) = match (token.delivery(), token.issue()) {
            (Some(_), named) => {
                let sent = trace(&mut tx, self.ctx.signer(), token).await?.ok_or_else(|| self.lost())?;
                // Issues are numbered once for all: the one a lost delivery names is the one it was of, if it is still there.
                let issue = sent.mail.issue.or(named.map(IssueId)).ok_or_else(|| self.lost())?;
                (Some(sent), issue)
            }
            (None, Some(issue)) => (None, IssueId(issue)),
            (None, None) => return Err(WebError::UnknownLink),
        };
        let found = issues::content(&mut tx, issue).await?.ok_or_else(|| self.lost())?;
        Ok(Found { token, sent, issue, content: found.content })
    }

    /// Reads a token of one of these kinds and finds whom its mail went to.
    pub async fn trace(&self, kinds: &[Kind], text: &str) -> Result<Option<Traced>, WebError> {
        let Some(token) = self.read(kinds, text) else { return Ok(None) };
        Ok(trace(&mut self.ctx.store().read().await?, self.ctx.signer(), token).await?)
    }

    /// A token of ours, of a mail that is no longer on record.
    pub fn lost(&self) -> WebError {
        let organisation = self.ctx.plan().settings.organisation.name.clone();
        WebError::Told(StatusCode::GONE, Message::LostMail { organisation })
    }
}
