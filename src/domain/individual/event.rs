//! What happens to a handoff, as its record, its mails and its page say it.

use super::handoff::{Rejection, Stage};
use crate::domain::doorway::signal::Touch;
use jiff::civil::Date;
use std::fmt;

/// Something that happened to a handoff. Its text is kept, and SQL looks for some of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandoffEvent {
    Offered,
    Accepted,
    Declined(Rejection),
    Touched(Touch),
    Moved(Stage),
    PutOff(Date),
    Returned {
        /// In the words of `qualification.toml`.
        reason: String,
        until: Option<Date>,
    },
    /// With what it was worth, in the company's currency.
    Won(Option<i64>),
    Lost,
    /// Its salesperson left, and another got it.
    PassedOn,
    /// A promise ran out, and its salesperson was reminded.
    Reminded,
    /// Its prospect was erased.
    Erased,
}

impl fmt::Display for HandoffEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offered => f.write_str("offered"),
            Self::Accepted => f.write_str("accepted"),
            Self::Declined(Rejection::NotMine) => f.write_str("not mine"),
            Self::Declined(Rejection::DataWrong) => f.write_str("data wrong"),
            Self::Declined(Rejection::AlreadyCustomer) => f.write_str("a customer already"),
            Self::Declined(Rejection::NotReady(criterion)) => write!(f, "not ready: {}", criterion.word()),
            Self::Touched(touch) => f.write_str(touch.word()),
            Self::Moved(stage) => write!(f, "moved to {}", stage.word()),
            Self::PutOff(until) => write!(f, "put off until {until}"),
            Self::Returned { reason, until: Some(until) } => write!(f, "returned to nurture: {reason}, until {until}"),
            Self::Returned { reason, until: None } => write!(f, "returned to nurture: {reason}"),
            Self::Won(Some(value)) => write!(f, "won, {value}"),
            Self::Won(None) => f.write_str("won"),
            Self::Lost => f.write_str("lost"),
            Self::PassedOn => f.write_str("passed on"),
            Self::Reminded => f.write_str("reminded"),
            Self::Erased => f.write_str("erased"),
        }
    }
}
