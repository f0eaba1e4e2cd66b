//! Guards: how carefully a campaign's issues go out.

use crate::domain::address::Address;
use crate::domain::pace::PerMinute;
use crate::domain::span::Span;
use std::collections::BTreeMap;

/// What `send` of a campaign says. Without it everything goes out at once, to everybody.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    /// How many mails a minute.
    pub per_minute: Option<PerMinute>,
    /// How many go ahead, and how long the others wait.
    pub canary: Option<Canary>,
    /// To how many at most.
    pub at_most: Option<i64>,
    /// Our own addresses that get a copy of each issue.
    pub seeds: Vec<Address>,
}

/// The first few of an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canary {
    pub first: i64,
    /// How long the others wait after the last of these was tried.
    pub hold: Span,
}

/// How fast the relay and the receiving domains are served.
#[derive(Debug, Clone, Default)]
pub struct Paces {
    /// The relay: everything together.
    pub relay: Option<PerMinute>,
    /// By receiving domain, as it stands behind the @.
    pub domains: BTreeMap<String, PerMinute>,
    /// Every other receiving domain.
    pub other: Option<PerMinute>,
}

impl Paces {
    /// Whether anything is said at all.
    pub fn is_free(&self) -> bool {
        self.relay.is_none() && self.domains.is_empty() && self.other.is_none()
    }

    /// How fast this receiving domain is served, if it matters.
    pub fn of(&self, domain: &str) -> Option<PerMinute> {
        self.domains.get(domain).copied().or(self.other)
    }
}
