//! A mail that came back, with what was found out about it before anything is recorded.

use crate::domain::doorway::sender::Sender;
use crate::flow::doorway::trace::Traced;
use crate::inbox::mail::authentication::Authenticity;
use crate::inbox::mail::bounce::Returned;
use jiff::Timestamp;

/// A mail that came back, and whose it is.
#[derive(Debug)]
pub struct Arrival<'a> {
    pub mail: &'a Returned,
    /// Whose word it is: only of those who speak may it prove, ask or stop anything.
    pub whose: Sender,
    pub authenticity: Authenticity,
    /// The mail of ours it answers, by its genuine token.
    pub sent: Option<Traced>,
    /// The key under which what it says is recorded.
    pub key: String,
    pub now: Timestamp,
}
