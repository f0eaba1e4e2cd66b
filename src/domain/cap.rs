//! The cap: how many mails of all campaigns together a prospect gets within a span of time, and what becomes of one more.

use super::campaign::Campaign;
use super::span::Span;
use jiff::Timestamp;
use std::fmt;

/// At most so many mails within so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// So many; at least one.
    pub mails: u32,
    /// Within this span, wherever it begins.
    pub within: Span,
}

/// What becomes of a mail that would be one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// It leaves at this instant, when it is none any more.
    Defer(Timestamp),
    /// It is not sent: by then it would be late.
    Skip,
}

impl Cap {
    /// What becomes of a mail of a campaign, due at `due_at` and written now, to a prospect of whose other mails, the
    /// latest first, the last that the cap allows leaves or left at `nth_at`; `None`: it may go.
    ///
    /// Mails later than that one are fewer than the cap, so that it frees when that one is out of the span.
    #[must_use]
    pub fn exceeded(self, campaign: &Campaign, due_at: Timestamp, nth_at: Timestamp, now: Timestamp) -> Option<Excess> {
        let frees_at = self.within.after(nth_at);
        if frees_at <= campaign.opens(now) {
            return None;
        }
        let in_time = frees_at <= campaign.late.fresh_until(due_at);
        Some(if in_time { Excess::Defer(campaign.opens(frees_at)) } else { Excess::Skip })
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} mail{} within {}", self.mails, if self.mails == 1 { "" } else { "s" }, self.within)
    }
}
