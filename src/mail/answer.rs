//! What a relay's reply means for the delivery, phase by phase.
//!
//! Before the dot no mail was sent, and a broken connection means a retry; after it, only a parsed reply counts. The
//! caller knows which of the two applies.

use crate::domain::excerpt::excerpt;
use crate::domain::group::delivery::Reply;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Response;

/// How a transaction ended, and whether the session may continue.
pub enum Ended {
    /// The session can continue at once.
    Clean(Reply),
    Reset(Reply),
    Broken(Reply),
}

/// What came instead of the expected reply.
pub enum Trouble {
    Said(u16, String),
    /// No reply, or an unreadable one.
    Broke(String),
}

/// The phase of a transaction that the reply belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Sender,
    Recipient,
    Data,
    /// The message, up to its dot.
    Message,
}

/// What anything but the expected reply means, before the dot.
pub fn refused(answer: Result<u16, Trouble>, phase: Phase) -> Ended {
    match answer {
        Ok(code) => Ended::Broken(Reply::BrokenBefore(format!("the relay answered with {code}, which fits no question"))),
        Err(Trouble::Broke(words)) => Ended::Broken(Reply::BrokenBefore(words)),
        Err(Trouble::Said(code, words)) => said(code, words, phase),
    }
}

/// What a negative reply means for the delivery.
pub fn said(code: u16, words: String, phase: Phase) -> Ended {
    match code {
        // The relay is closing the session, or does not know us: this concerns the relay, not the delivery.
        421 => Ended::Broken(Reply::RelayDown(words)),
        530 | 535 => Ended::Broken(Reply::NoLogin(words)),
        400..=499 => Ended::Reset(Reply::Later(words)),
        _ if is_no_mailbox(code, &words, phase) => Ended::Reset(Reply::NoMailbox(words)),
        // Security or policy (RFC 3463 §3.8): this concerns us as the sender, in every phase.
        _ if enhanced(&words).is_some_and(|status| status.starts_with("5.7.")) => Ended::Reset(Reply::Unwelcome(words)),
        _ => Ended::Reset(Reply::Refused(words)),
    }
}

/// Whether the mailbox does not exist: 5.1.x to the recipient or the message, except those about the sender (RFC 3463
/// §3.2). A 550 without an enhanced status may be a policy too; it counts only if its words say that the mailbox does not
/// exist.
fn is_no_mailbox(code: u16, words: &str, phase: Phase) -> bool {
    if !matches!(phase, Phase::Recipient | Phase::Message) {
        return false;
    }
    if let Some(status) = enhanced(words) {
        return status.starts_with("5.1.") && !["5.1.7", "5.1.8", "5.1.9"].contains(&status);
    }
    let words = words.to_lowercase();
    phase == Phase::Recipient && matches!(code, 550 | 553) && NOBODY.iter().any(|phrase| words.contains(phrase))
}

const NOBODY: [&str; 9] = [
    "user unknown",
    "unknown user",
    "no such user",
    "no such mailbox",
    "no such recipient",
    "unknown recipient",
    "recipient unknown",
    "mailbox not found",
    "does not exist",
];

/// The enhanced status a reply begins with (RFC 2034), after the basic code that lettre puts first.
fn enhanced(words: &str) -> Option<&str> {
    let said = words.split_once("): ").map_or(words, |(_, said)| said);
    let first = said.split_whitespace().next()?;
    let parts: Vec<&str> = first.split('.').collect();
    let numbers = parts.iter().all(|part| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit()));
    (parts.len() == 3 && numbers && ["2", "4", "5"].contains(&parts[0])).then_some(first)
}

/// Classifies an error of lettre.
pub fn trouble(error: &Error) -> Trouble {
    match error.status() {
        Some(code) => Trouble::Said(code.into(), words(error)),
        None => Trouble::Broke(words(error)),
    }
}

/// The code of a reply.
pub fn number(response: &Response) -> u16 {
    response.code().into()
}

/// The relay's words, or the connection's error, at most 300 characters.
pub fn words(error: &Error) -> String {
    excerpt(&error.to_string(), 300)
}
