//! Enquiry: somebody asked for a person, and no handoff can be opened for it. It reaches a salesperson all the same.

use crate::domain::address::Address;
use crate::domain::id::{Name, PendingFormId, ProspectId, SignalId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Why no handoff can be opened for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhyNoHandoff {
    /// The address has not answered for the form.
    Unconfirmed,
    /// A salesperson has the prospect.
    Owned,
    Won,
    Lost,
    /// The address was erased at its owner's wish.
    Forgotten,
}

impl WhyNoHandoff {
    const ALL: [Self; 5] = [Self::Unconfirmed, Self::Owned, Self::Won, Self::Lost, Self::Forgotten];

    /// The word in SQL and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::Owned => "owned",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Forgotten => "forgotten",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.word() == word)
    }
}

impl fmt::Display for WhyNoHandoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// An enquiry to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEnquiry {
    /// The key under which it is recorded once, however often it arrives.
    pub once: String,
    pub prospect: Option<ProspectId>,
    pub pending_form: Option<PendingFormId>,
    pub signal: Option<SignalId>,
    /// Who asks, where no prospect's row says so.
    pub address: Option<Address>,
    pub cause: WhyNoHandoff,
    pub form: Name,
    /// The fields of the form.
    pub said: BTreeMap<String, String>,
    pub asked_at: Timestamp,
    /// When it is erased whether or not it was settled; `None`: with its prospect.
    pub expires_at: Option<Timestamp>,
}
