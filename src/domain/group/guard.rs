//! Guards: limits on how an issue is sent (rate, canary, size, seeds).

use crate::domain::address::Address;
use crate::domain::pace::PerMinute;
use crate::domain::span::Span;
use std::collections::BTreeMap;

/// The table `send` of a campaign. Without it an issue goes to all recipients at once.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    /// Mails a minute.
    pub per_minute: Option<PerMinute>,
    /// How many mails go first, and how long the others wait.
    pub canary: Option<Canary>,
    /// The most recipients an issue may have.
    pub at_most: Option<i64>,
    /// The company's own addresses that get a copy of each issue.
    pub seeds: Vec<Address>,
}

/// The first mails of an issue, sent before the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canary {
    pub first: i64,
    /// How long the others wait after the last of the first was tried.
    pub hold: Span,
}

/// The rates at which the relay and the receiving domains are served.
#[derive(Debug, Clone, Default)]
pub struct Paces {
    /// The rate of the relay, for all mail together.
    pub relay: Option<PerMinute>,
    /// By receiving domain, as it stands behind the `@`.
    pub domains: BTreeMap<String, PerMinute>,
    /// The rate of every other receiving domain.
    pub other: Option<PerMinute>,
}

impl Paces {
    /// Whether no rate is set.
    pub fn is_free(&self) -> bool {
        self.relay.is_none() && self.domains.is_empty() && self.other.is_none()
    }

    /// The rate of a receiving domain, if it has one.
    pub fn of(&self, domain: &str) -> Option<PerMinute> {
        self.domains.get(domain).copied().or(self.other)
    }
}
