//! One raw mail, and what it is: a bounce, a complaint, a machine's answer, or a person's.
//!
//! Only reads. Whether it concerns a mail we sent, its token decides elsewhere: any program can write a bounce.

use super::address;
use super::authored::{Authored, authored};
use super::automatic::{self, Notice};
use super::bounds;
use super::complaint;
use super::fence::{self, Fenced};
use super::identity::{self, Identity};
use super::mime_body;
use super::notice;
use super::own_words::own_words;
use super::report::{Complaint, Failure};
use super::summary::{self, Summary};
use crate::domain::address::Address;
use crate::domain::group::bounce_class::Class;
use crate::domain::id::fingerprint;
use mail_parser::{Message, MessageParser};

/// A mail that came back to us, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Every address it was sent to, letter for letter: among them `bounces+TOKEN@…` or a colleague's. Of a complaint also the
    /// return path of the mail complained about.
    pub recipients: Vec<String>,
    /// Its own Message-ID, or what stands for its bytes.
    pub id: String,
    /// Who wrote it, and what makes it the same mail when it arrives again.
    pub identity: Identity,
    /// The ids of the mails it answers, returns or complains about.
    pub message_ids: Vec<String>,
    /// Whether a list, a group or a bulk sender passed it on.
    pub is_bulk: bool,
    pub kind: Incoming,
    /// Its decoded subject, on one line.
    pub subject: String,
    /// The parts that its author wrote, with what they quote.
    pub authored: Authored,
}

/// What a mail that came back is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// Something was not delivered, or not yet; empty when no readable address is named.
    Bounce(Vec<Failure>),
    AutoReply {
        /// Whom it is from, if that can be read.
        from: Option<Address>,
        subject: String,
        /// What it says of them.
        notice: Notice,
    },
    Reply {
        from: Address,
        subject: String,
        /// What they wrote, without quotes and signature, at most 4,000 characters.
        text: String,
    },
    /// Feedback from a mailbox provider.
    Complaint(Complaint),
    /// A report that a mail arrived, or went on.
    Delivered(Vec<Failure>),
    /// None of these: a list, a newsletter, a report about our records, noise.
    Unknown,
}

/// Why a mail was not read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReadError {
    #[error("the mail is larger than 25 MiB")]
    TooLarge,
    #[error("this is no mail: it has no header")]
    NoMail,
    /// A fault of ours: the mail is worth keeping.
    #[error("reading the mail failed")]
    Failed,
    #[error("reading the mail took longer than ten seconds")]
    TooLong,
    /// No thread could be had: nothing is known of the mail.
    #[error("the mail could not be read for want of a thread; try again")]
    Busy,
}

/// Reads one raw mail, behind a fence: whatever it holds, this returns within ten seconds and does not panic. An mbox `From ` line
/// and blank lines before the header are ignored. A mail over the bounds of `bounds` is read as far as they reach.
///
/// # Errors
/// When it is over 25 MiB or holds no header at all; when reading it failed, or took too long, or could not begin.
pub fn read(raw: &[u8]) -> Result<Returned, ReadError> {
    fenced(raw, parse)
}

/// Reads one raw mail, and what is shown of it, behind one fence.
///
/// # Errors
/// As [`read`].
pub fn read_with_summary(raw: &[u8]) -> Result<(Returned, Summary), ReadError> {
    fenced(raw, |raw| opened(raw, |message, whole| (returned(message, whole), summary::of(message))))
}

fn fenced<T: Send + 'static>(raw: &[u8], work: fn(&[u8]) -> Result<T, ReadError>) -> Result<T, ReadError> {
    if raw.len() > mime_body::LARGEST {
        return Err(ReadError::TooLarge);
    }
    let raw = raw.to_vec();
    fence::within(fence::LONGEST, move || work(&raw)).unwrap_or_else(|fenced| {
        Err(match fenced {
            Fenced::Panicked => ReadError::Failed,
            Fenced::TooLong => ReadError::TooLong,
            Fenced::Busy => ReadError::Busy,
        })
    })
}

/// Reads one raw mail without the fence.
///
/// # Errors
/// When it is over 25 MiB or holds no header at all.
pub fn parse(raw: &[u8]) -> Result<Returned, ReadError> {
    opened(raw, returned)
}

/// Work on a mail as it was parsed, and on its bytes without what stands before the header.
fn opened<T>(raw: &[u8], work: impl FnOnce(&Message, &[u8]) -> T) -> Result<T, ReadError> {
    if raw.len() > mime_body::LARGEST {
        return Err(ReadError::TooLarge);
    }
    let whole = without_lead(raw);
    let message =
        MessageParser::default().parse(bounds::bounded(notice::cut(whole))).filter(|message| !message.headers().is_empty());
    Ok(work(&message.ok_or(ReadError::NoMail)?, whole))
}

fn returned(message: &Message, whole: &[u8]) -> Returned {
    let authored = authored(message);
    let (kind, mut recipients) = (kind(message, &authored), recipients(message));
    if let Incoming::Complaint(complaint) = &kind {
        recipients.extend(complaint.return_path.clone());
    }
    let id = message.message_id().map_or_else(|| fingerprint(&[&String::from_utf8_lossy(whole)]), str::to_owned);
    let subject = mime_body::line(&mime_body::subject(message), 200);
    let is_bulk = automatic::is_bulk(message);
    let (identity, message_ids) = (Identity::read(message), mime_body::message_ids(message));
    Returned { recipients, id, identity, message_ids, is_bulk, kind, subject, authored }
}

fn kind(message: &Message, authored: &Authored) -> Incoming {
    if let Some(complaint) = complaint::complaint(message) {
        return Incoming::Complaint(complaint);
    }
    if let Some(failures) = notice::read(message) {
        let has_arrived = !failures.is_empty() && failures.iter().all(|one| one.class == Class::Delivered);
        return if has_arrived { Incoming::Delivered(failures) } else { Incoming::Bounce(failures) };
    }
    if complaint::is_record_report(message) {
        return Incoming::Unknown;
    }
    let subject = mime_body::subject(message);
    let from = identity::author(message).or_else(|| mime_body::header(message, "From").and_then(|from| address::first(&from)));
    if automatic::is_automatic(message) {
        let notice = automatic::notice(message, from.as_ref());
        return Incoming::AutoReply { from, subject: mime_body::line(&subject, 200), notice };
    }
    match from {
        Some(from) if !automatic::is_newsletter(message) && !notice::is_report(message) && !notice::is_daemon(message) => {
            let text = own_words(&authored.text, None);
            let subject = mime_body::line(&subject, 200);
            Incoming::Reply { from, subject, text }
        }
        _ => Incoming::Unknown,
    }
}

fn recipients(message: &Message) -> Vec<String> {
    let names = ["To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"];
    let mut all: Vec<String> = Vec::new();
    for value in names.iter().filter_map(|name| mime_body::header(message, name)) {
        for found in address::written(&value) {
            if all.len() < 200 && !all.iter().any(|known| known == found) {
                all.push(found.to_owned());
            }
        }
    }
    all
}

/// Without an mbox `From ` line, blank lines and a byte order mark before the header, as some filters leave them.
fn without_lead(raw: &[u8]) -> &[u8] {
    let mut rest = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = rest[..end].trim_ascii();
        if !line.is_empty() && !line.starts_with(b"From ") && !line.starts_with(b">From ") {
            break;
        }
        rest = &rest[end + 1..];
    }
    rest
}
