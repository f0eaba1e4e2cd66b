//! One raw mail, and what it is: a bounce, a complaint, a machine's answer, or a person's.
//!
//! Only reads. Whether it concerns a mail we sent, its token decides elsewhere: any program can write a bounce.

use super::address;
use super::authored::{Authored, authored};
use super::mime_body;
use super::own_words::own_words;
use super::phrases;
use super::prose_bounce;
use super::reply;
use super::report::{self, Complaint, Failure};
use crate::domain::address::{Address, registered};
use crate::domain::group::refusal::About;
use crate::domain::id::fingerprint;
use mail_parser::{Message, MessageParser, MimeHeaders};

/// A mail that came back to us, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Every address it was sent to, letter for letter: among them `bounces+TOKEN@…` or a colleague's. Of a complaint also the
    /// return path of the mail complained about.
    pub recipients: Vec<String>,
    /// What makes it the same mail when it arrives again: its own Message-ID, or what stands for its bytes.
    pub id: String,
    /// The ids of the mails it answers, returns or complains about.
    pub message_ids: Vec<String>,
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
        subject: String,
    },
    Reply {
        from: Address,
        subject: String,
        /// What they wrote, without quotes and signature, at most 4,000 characters.
        text: String,
    },
    /// Feedback from a mailbox provider.
    Complaint(Complaint),
    /// None of these: a list, a newsletter, noise.
    Unknown,
}

/// Why a mail was not read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReadError {
    #[error("the mail is larger than 25 MiB")]
    TooLarge,
    #[error("this is no mail: it has no header")]
    NoMail,
}

/// Reads one raw mail; an mbox `From ` line before it is ignored.
///
/// # Errors
/// When it is over 25 MiB or holds no header at all. Never panics, whatever the bytes.
pub fn read(raw: &[u8]) -> Result<Returned, ReadError> {
    if raw.len() > mime_body::LARGEST {
        return Err(ReadError::TooLarge);
    }
    let raw = without_mbox_line(raw);
    let message = MessageParser::default().parse(raw).filter(|message| !message.headers().is_empty()).ok_or(ReadError::NoMail)?;
    let authored = authored(&message);
    let (kind, mut recipients) = (kind(&message, &authored), recipients(&message));
    if let Incoming::Complaint(complaint) = &kind {
        recipients.extend(complaint.return_path.clone());
    }
    let id = message.message_id().map_or_else(|| fingerprint(&[&String::from_utf8_lossy(raw)]), str::to_owned);
    let subject = mime_body::line(&mime_body::subject(&message), 200);
    Ok(Returned { recipients, id, message_ids: mime_body::message_ids(&message), kind, subject, authored })
}

fn kind(message: &Message, authored: &Authored) -> Incoming {
    if let Some(complaint) = report::complaint(message) {
        return Incoming::Complaint(complaint);
    }
    if let Some(failures) = bounce(message) {
        return Incoming::Bounce(failures);
    }
    let subject = mime_body::subject(message);
    if reply::is_automatic(message) {
        return Incoming::AutoReply { subject: mime_body::line(&subject, 200) };
    }
    let from = mime_body::header(message, "From").and_then(|from| address::first(&from));
    match from {
        Some(from) if !reply::is_bulk(message) && !is_report(message) && !is_daemon(message) => {
            let text = own_words(&authored.text, None);
            let subject = mime_body::line(&subject, 200);
            Incoming::Reply { from, subject, text }
        }
        _ => Incoming::Unknown,
    }
}

/// What was not delivered; `None` when the mail is no bounce.
fn bounce(message: &Message) -> Option<Vec<Failure>> {
    if let Some(mut failures) = report::failures(message) {
        // A report whose fields say nothing has a text for people.
        if let [only] = failures.as_mut_slice()
            && only.about == About::Unclear
        {
            let notice = prose_bounce::before_copy(&mime_body::words(message));
            let read = Failure::read(only.address.clone(), None, &notice, only.given_up, "");
            (only.about, only.hard) = (read.about, read.hard);
        }
        return Some(failures);
    }
    let notice = prose_bounce::before_copy(&mime_body::words(message));
    let subject = mime_body::subject(message);
    // Exim names them in a header of their own.
    let marked: Vec<Address> = mime_body::header(message, "X-Failed-Recipients")
        .iter()
        .flat_map(|value| address::find(value))
        .map(|f| f.address)
        .collect();
    let (daemon, titled, told) = (is_daemon(message), is_title(&subject), phrases::says_undelivered(&notice));
    let answer = reply::is_automatic(message) && !daemon && !titled && !is_report(message);
    let own = own(message);
    // Blocks are read in any language.
    let certain = !marked.is_empty() || daemon && (titled || told || prose_bounce::has_block(&notice, &own));
    if answer || !(certain || told && (titled || is_report(message))) {
        return None;
    }
    let host = from_host(message);
    let mut found = prose_bounce::recipients(&notice, &own, host.as_deref());
    if !marked.is_empty() {
        found.retain(|(address, _)| marked.contains(address));
        let unsaid: Vec<Address> = marked.into_iter().filter(|address| found.iter().all(|(known, _)| known != address)).collect();
        found.extend(unsaid.into_iter().map(|address| (address, notice.clone())));
    }
    // A colleague who only writes about a failed delivery names no recipient in any of the known ways.
    if found.is_empty() && !certain {
        return None;
    }
    let delayed = prose_bounce::says_delayed(&format!("{subject}\n{notice}"));
    Some(found.into_iter().map(|(address, words)| Failure::read(address, None, &words, !delayed, "")).collect())
}

fn is_report(message: &Message) -> bool {
    message.content_type().is_some_and(|kind| {
        kind.ctype().eq_ignore_ascii_case("multipart") && kind.subtype().is_some_and(|s| s.eq_ignore_ascii_case("report"))
    })
}

/// Whether a mail system speaks: by its sender, or by the empty return path that RFC 5321 asks of it.
fn is_daemon(message: &Message) -> bool {
    let sender = mime_body::sender(message).to_lowercase();
    let empty = |name| mime_body::header(message, name).is_some_and(|path| path.trim() == "<>");
    DAEMONS.iter().any(|name| sender.contains(name)) || empty("Return-Path") || empty("From")
}

fn is_title(subject: &str) -> bool {
    let subject = subject.to_lowercase();
    TITLES.iter().any(|title| subject.contains(title))
}

/// The addresses of the notice itself: never the ones it reports.
fn own(message: &Message) -> Vec<Address> {
    let names = ["To", "From", "Sender", "Reply-To", "Errors-To", "Delivered-To"];
    let values = names.iter().filter_map(|name| mime_body::header(message, name));
    values.flat_map(|value| address::find(&value)).map(|found| found.address).collect()
}

fn from_host(message: &Message) -> Option<String> {
    let from = mime_body::header(message, "From").and_then(|from| address::first(&from))?;
    registered(from.domain()).map(str::to_owned)
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

fn without_mbox_line(raw: &[u8]) -> &[u8] {
    let separator = raw.starts_with(b"From ") || raw.starts_with(b">From ");
    match raw.iter().position(|byte| *byte == b'\n') {
        Some(end) if separator => &raw[end + 1..],
        _ => raw,
    }
}

const DAEMONS: [&str; 9] = [
    "mailer-daemon",
    "mailer daemon",
    "mdaemon@",
    "postmaster",
    "mail delivery",
    "mail.delivery.system",
    "delivery subsystem",
    "mail administrator",
    "system administrator",
];

const TITLES: [&str; 33] = [
    "undeliver",
    "delivery status notification",
    "delivery fail",
    "delivery report",
    "delivery notification",
    "delivery error",
    "delivery problem",
    "delivery warning",
    "delivery delayed",
    "mail delivery",
    "failure notice",
    "failure delivery",
    "failed delivery",
    "failed mail",
    "mail failed",
    "returned mail",
    "returned to sender",
    "returning to sender",
    "returning message to sender",
    "non-delivery",
    "nondeliverable",
    "could not be delivered",
    "not delivered",
    "message delayed",
    "delayed mail",
    "user unknown",
    "processing error",
    "automatically rejected",
    "no se puede entregar",
    "no se ha podido entregar",
    "unzustellbar",
    "nicht zugestellt",
    "non remis",
];
