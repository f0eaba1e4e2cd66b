//! What a relay's reply means for the delivery, phase by phase.
//!
//! Before the dot no mail was sent, and a broken connection means a retry; after it, only a parsed reply counts. The
//! caller knows which of the two applies.

use crate::domain::excerpt::excerpt;
use crate::domain::group::delivery::Reply;
use crate::domain::group::refusal::{Phase, Refusal};
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

/// What anything but the expected reply means, before the dot, for a mail from this domain of ours.
pub fn refused(answer: Result<u16, Trouble>, phase: Phase, domain: &str) -> Ended {
    match answer {
        Ok(code) => Ended::Broken(Reply::BrokenBefore(format!("the relay answered with {code}, which fits no question"))),
        Err(Trouble::Broke(words)) => Ended::Broken(Reply::BrokenBefore(words)),
        Err(Trouble::Said(code, words)) => said(code, words, phase, domain),
    }
}

/// What a negative reply means for the delivery of a mail from this domain of ours.
pub fn said(code: u16, words: String, phase: Phase, domain: &str) -> Ended {
    match code {
        // The relay is closing the session, or does not know us: this concerns the relay, not the delivery.
        421 => Ended::Broken(Reply::RelayDown(words)),
        530 | 534 | 535 | 538 => Ended::Broken(Reply::NoLogin(words)),
        400..=499 => Ended::Reset(Reply::Later(words)),
        _ => Ended::Reset(Reply::Refused(Refusal::read(phase, code, words, domain))),
    }
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
