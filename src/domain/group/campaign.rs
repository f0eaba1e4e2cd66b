//! Campaigns: a programme of group mail to one audience, as configured.

use super::guard::Guards;
use super::schedule::Schedule;
use crate::domain::address::Address;
use crate::domain::audience::Audience;
use crate::domain::id::Name;
use crate::domain::span::Span;
use crate::domain::window::Window;
use jiff::Timestamp;
use jiff::civil::Date;
use std::fmt;

/// A configured campaign.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The name of its file without `.toml`.
    pub name: Name,
    /// What its newsletters are about, for those who choose on their own page; without one, only unsubscribing from all keeps it away.
    pub topic: Option<Name>,
    pub from: Sender,
    /// The colleague or salesperson who gets the replies of people.
    pub reply_to: Name,
    pub schedule: Schedule,
    /// What becomes of an occurrence that is late.
    pub late: Late,
    /// When its mail may leave; without a window, at any time.
    pub window: Option<Window>,
    pub order: Order,
    pub audience: Audience,
    /// Its newsletters, in file-name order. Never empty.
    pub newsletters: Vec<Newsletter>,
    pub guards: Guards,
    /// The name it had before: its history, its series and its pause go on under this one.
    pub renamed_from: Option<Name>,
}

impl Campaign {
    /// The first instant, not before `at`, at which its mail may leave.
    pub fn opens(&self, at: Timestamp) -> Timestamp {
        self.window.as_ref().map_or(at, |window| window.next_opening(at))
    }

    /// The day it is in the campaign's zone.
    pub fn today(&self, now: Timestamp) -> Date {
        now.to_zoned(self.schedule.zone().clone()).date()
    }

    /// The newsletter of that id, if the campaign still has it.
    pub fn newsletter(&self, id: &Name) -> Option<&Newsletter> {
        self.newsletters.iter().find(|n| n.id == *id)
    }
}

/// What becomes of an occurrence that is late: after downtime, or because its prospect has had enough mail. A retry is never
/// judged by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// How late it may still be sent.
    pub send_within: Span,
    pub otherwise: Otherwise,
}

/// What becomes of an occurrence that is too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    Skip,
    Send,
}

impl Default for Late {
    fn default() -> Self {
        Self { send_within: Span::hours(6), otherwise: Otherwise::Skip }
    }
}

impl Late {
    /// The instant until which an occurrence due at `due_at` is not late.
    pub fn fresh_until(&self, due_at: Timestamp) -> Timestamp {
        self.send_within.after(due_at)
    }

    /// Whether an occurrence due at `due_at` is skipped because it is late.
    pub fn misses(&self, due_at: Timestamp, now: Timestamp) -> bool {
        self.otherwise == Otherwise::Skip && self.fresh_until(due_at) < now
    }
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let otherwise = match self.otherwise {
            Otherwise::Skip => "skipped",
            Otherwise::Send => "sent all the same",
        };
        write!(f, "sent within {}, then {otherwise}", self.send_within)
    }
}

/// A display name and the address behind it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sender {
    /// As shown; safe for a header.
    pub name: String,
    pub address: Address,
}

/// What an occurrence carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Each prospect gets the next newsletter they have not received.
    Series,
    /// All prospects get the newest one, once.
    Edition,
}

/// One authored text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newsletter {
    /// Its identity: renaming the file does not send it again.
    pub id: Name,
    pub subject: String,
    /// The line shown beside the subject in a list of mails.
    pub preheader: String,
    /// Markdown, with `:::ask CRITERION` blocks.
    pub markdown: String,
}
