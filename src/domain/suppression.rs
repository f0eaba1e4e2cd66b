//! Suppression: on which channel an address must not be used, and why.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Email,
    Phone,
}

impl Channel {
    pub const ALL: [Self; 2] = [Self::Email, Self::Phone];

    /// The word in SQL, in the stop journal and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.word() == word)
    }
}

/// Why an address must not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    Unsubscribed,
    /// The mailbox does not exist.
    Bounced,
    Complained,
    /// A list says so.
    OptedOut,
    /// The person asked to be forgotten: never lifted.
    Erased,
    /// A salesperson or an operator stopped it by hand. In a stop journal also a reason that this version does not know: it stops.
    #[serde(other)]
    Manual,
}

impl StopReason {
    const ALL: [Self; 6] = [Self::Unsubscribed, Self::Bounced, Self::Complained, Self::OptedOut, Self::Erased, Self::Manual];

    /// The word in SQL, in the stop journal and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unsubscribed => "unsubscribed",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::OptedOut => "opted_out",
            Self::Erased => "erased",
            Self::Manual => "manual",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// Whether it holds for every address of the person. A mailbox that is gone is the address's; an erased person has none.
    pub const fn follows_the_person(self) -> bool {
        !matches!(self, Self::Bounced | Self::Erased)
    }

    /// Whether the person asked for it themselves: writing again needs their new word.
    pub const fn is_their_wish(self) -> bool {
        matches!(self, Self::Unsubscribed | Self::Complained | Self::OptedOut)
    }
}

/// As people read it: "opted out".
impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word().replace('_', " "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_a_later_version_still_stops() {
        let reads = |word: &str| serde_json::from_str::<StopReason>(&format!("{word:?}")).expect("a reason");
        assert_eq!(reads("no_such_person"), StopReason::Manual);
        for reason in StopReason::ALL {
            assert_eq!(reads(reason.word()), reason);
        }
    }
}
