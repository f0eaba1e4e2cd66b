//! What a relay's answer means for the delivery, phase by phase.
//!
//! Before the dot nothing was sent and a broken connection means a retry; after it, only a parsed answer counts. Which
//! of these it is, the caller knows.

use crate::domain::excerpt::excerpt;
use crate::domain::group::delivery::Reply;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Response;

/// How a transaction ended, and whether the conversation may go on.
pub enum Ended {
    /// The conversation can go on at once.
    Clean(Reply),
    Reset(Reply),
    Broken(Reply),
}

/// What came instead of the reply hoped for.
pub enum Trouble {
    Said(u16, String),
    /// No reply, or none that can be read.
    Broke(String),
}

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Sender,
    Recipient,
    Data,
    /// The message, up to its dot.
    Message,
}

/// What anything but the reply hoped for means, before the dot.
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
        // It is closing, or does not know us: about the relay, not the row.
        421 => Ended::Broken(Reply::RelayDown(words)),
        530 | 535 => Ended::Broken(Reply::NoLogin(words)),
        400..=499 => Ended::Reset(Reply::Later(words)),
        _ if is_no_mailbox(code, &words, phase) => Ended::Reset(Reply::NoMailbox(words)),
        // Security or policy (RFC 3463 §3.8): about us, whatever was asked.
        _ if enhanced(&words).is_some_and(|status| status.starts_with("5.7.")) => Ended::Reset(Reply::Unwelcome(words)),
        _ => Ended::Reset(Reply::Refused(words)),
    }
}

/// Whether the address is gone: 5.1.x to the recipient or the message, but for those about the sender (RFC 3463 §3.2).
/// A 550 without an enhanced status may as well be a policy; it counts only where its words say that nobody lives there.
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

/// The enhanced status a reply begins with (RFC 2034), behind the basic code lettre writes first.
fn enhanced(words: &str) -> Option<&str> {
    let said = words.split_once("): ").map_or(words, |(_, said)| said);
    let first = said.split_whitespace().next()?;
    let parts: Vec<&str> = first.split('.').collect();
    let numbers = parts.iter().all(|part| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit()));
    (parts.len() == 3 && numbers && ["2", "4", "5"].contains(&parts[0])).then_some(first)
}

/// What an error of lettre is.
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

/// What the other side said, or what broke, at most 300 characters.
pub fn words(error: &Error) -> String {
    excerpt(&error.to_string(), 300)
}
