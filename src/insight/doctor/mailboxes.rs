//! Whether each mailbox can be opened: connected to, logged in at, its folder read. No mail is taken.

use super::finding::{Finding, within};
use crate::config::mailbox::UNREAD_ANSWERS;
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::domain::settings::{Imap, MailSource, Mailbox, MailboxRole, Proof, Security};
use crate::domain::span::Span;
use crate::flow::context::FlowError;
use crate::inbox::mailbox::error::MailboxError;
use crate::inbox::mailbox::imap::Session;
use crate::inbox::mailbox::maildir::Maildir;
use crate::mail::access_token::AccessTokens;
use crate::store::engine::backend::Store;
use crate::store::group::leases;
use crate::store::operations::mailboxes;
use futures_util::future::join_all;
use jiff::Timestamp;
use std::path::Path;
use std::time::Duration;

/// The time limit of each mailbox: some servers slow a login down.
const LIMIT: Duration = Duration::from_secs(20);
/// Of so many mails…
const MANY: i64 = 500;
/// …that went out in so many days some come back, be it as an absence: bounces that are never seen do not arrive.
const SILENT: Span = Span::days(30);

/// A finding for each mailbox, and one where answers come to none.
pub async fn mailboxes(plan: &Plan) -> Vec<Finding> {
    let mut found = join_all(plan.settings.mailboxes.iter().map(check)).await;
    found.extend(plan.settings.unfetched_reply_address().map(|address| {
        let says = format!("answers to newsletters go to {address}, and no mailbox is fetched to which they come");
        Finding::notice("mailbox", says, UNREAD_ANSWERS)
    }));
    found
}

/// What the daemon could not read when it last tried, and where nothing comes although something should.
pub async fn trouble(store: &Store, plan: &Plan, now: Timestamp) -> Result<Vec<Finding>, FlowError> {
    let mut tx = store.read().await?;
    let states = mailboxes::list(&mut tx).await?;
    let since = SILENT.before(now);
    let sent = leases::mails_finished_since(&mut tx, since).await?;
    let read = |name: &Name| plan.settings.mailboxes.iter().find(|mailbox| mailbox.name == *name);
    let found = states.into_iter().filter_map(|state| {
        let mailbox = read(&state.mailbox)?;
        if let Some(trouble) = state.trouble {
            let since = state.read_at.map_or_else(|| "never".to_owned(), |at| format!("last at {at}"));
            let says =
                format!("{}: the daemon has taken mails {since}, and could not at its last attempt: {trouble}", state.mailbox);
            return Some(Finding::notice("mailbox", says, "it is tried again by itself; if it lasts, see to what is said here"));
        }
        let is_silent = mailbox.role == MailboxRole::Bounces && sent >= MANY && state.read_at.is_none_or(|at| at < since);
        is_silent.then(|| {
            let says = format!("{}: about {sent} mails went out in thirty days, and nothing came back into it", state.mailbox);
            let path = &plan.settings.smtp.return_path;
            let fix = format!(
                "send a mail to {}+test@{} and see whether `inbox list` shows it; docs/mail-server.md says what splits at the +",
                path.local(),
                path.domain()
            );
            Finding::notice("mailbox", says, fix)
        })
    });
    Ok(found.collect())
}

async fn check(mailbox: &Mailbox) -> Finding {
    let name = &mailbox.name;
    let opened = match &mailbox.source {
        MailSource::Imap(imap) => imap_of(imap).await,
        MailSource::Maildir(path) => maildir_of(path),
    };
    match opened {
        Ok(says) => Finding::well("mailbox", format!("{name}: {says}; {} are expected there", mailbox.role.word())),
        Err(error) => Finding::wrong("mailbox", format!("{name}: {error}"), error.remedy()),
    }
}

async fn imap_of(imap: &Imap) -> Result<String, MailboxError> {
    let tokens = match &imap.login.proof {
        Proof::Token(command) => Some(AccessTokens::new(command.clone())),
        Proof::Password(_) => None,
    };
    let session = within(LIMIT, Session::open(imap, tokens.as_ref())).await.map_err(MailboxError::Unreachable)??;
    let how = match imap.security {
        Security::Implicit => "TLS",
        Security::StartTls => "STARTTLS",
        Security::Plaintext => "no protection",
    };
    let idle = if session.can_idle() { "tells when one comes" } else { "is asked every minute" };
    let says = format!("{}:{} over {how}, {} has {} mails; it {idle}", imap.host, imap.port, imap.folder, session.mails);
    session.close().await;
    Ok(says)
}

fn maildir_of(path: &Path) -> Result<String, MailboxError> {
    Ok(format!("{} mails wait in {}", Maildir::open(path)?.waiting(), path.join("new").display()))
}
