//! The cap: how many mails of all campaigns together a prospect gets within a span of time, and what becomes of a mail beyond it.

use super::campaign::Campaign;
use crate::domain::span::Span;
use jiff::Timestamp;
use std::fmt;

/// At most so many mails within so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// The number of mails; at least one.
    pub mails: u32,
    /// The length of the window, which slides with every mail.
    pub within: Span,
}

impl Cap {
    /// The default of `sending.less_often`: of a monthly letter every third. "At most one a month" would change nothing for whoever gets
    /// one a month and asks for less.
    pub const LESS_OFTEN: Self = Self { mails: 1, within: Span::days(84) };
}

/// What becomes of a mail beyond the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// It is deferred to this instant, when the cap allows it.
    Defer(Timestamp),
    /// It is not sent, because it would be late by the time the cap allows it.
    Skip,
}

impl Cap {
    /// What becomes of a mail of a campaign that was due at `due_at` and is decided now. The prospect's other mails are ordered
    /// latest first, and the n-th of them (n is `mails`) leaves or left at `nth_at`. `None`: the mail may go.
    ///
    /// Fewer than n mails are later than that one, so a place becomes free when that one leaves the window.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Address;
    use crate::domain::audience::Audience;
    use crate::domain::group::campaign::{Late, Order, Sender};
    use crate::domain::group::schedule::Schedule;
    use crate::domain::id::Name;
    use crate::domain::window::Window;
    use jiff::civil::Time;
    use jiff::tz::TimeZone;

    /// Due on Tuesday 3 March 2026 at nine, fresh for six hours.
    fn campaign(window: Option<Window>) -> Campaign {
        let name = || Name::parse("letter").expect("a name");
        Campaign {
            name: name(),
            from: Sender { name: "Marta".to_owned(), address: Address::parse("letter@x.example").expect("an address") },
            reply_to: name(),
            schedule: Schedule::parse("0 9 * * TUE#1", "UTC").expect("a schedule"),
            late: Late::default(),
            window,
            order: Order::Series,
            audience: Audience::default(),
            newsletters: Vec::new(),
            guards: crate::domain::group::guard::Guards::default(),
            renamed_from: None,
            topic: None,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn one_too_many_waits_while_it_is_fresh_and_is_skipped_when_it_would_not_be() {
        let (cap, due) = (Cap { mails: 1, within: Span::days(7) }, at("2026-03-03T09:00:00Z"));
        let exceeded = |nth| cap.exceeded(&campaign(None), due, at(nth), due);
        assert_eq!(exceeded("2026-02-24T09:00:00Z"), None, "seven days ago to the second");
        assert_eq!(exceeded("2026-02-24T09:00:01Z"), Some(Excess::Defer(at("2026-03-03T09:00:01Z"))));
        assert_eq!(exceeded("2026-02-24T15:00:00Z"), Some(Excess::Defer(at("2026-03-03T15:00:00Z"))), "six hours late");
        assert_eq!(exceeded("2026-02-24T15:00:01Z"), Some(Excess::Skip));
        assert_eq!(exceeded("2026-03-05T09:00:00Z"), Some(Excess::Skip), "one that is yet to leave counts too");
    }

    #[test]
    fn the_hours_of_the_campaign_count() {
        let time = |hour| Time::new(hour, 0, 0, 0).expect("a time");
        let afternoons = Window { days: [true; 7], from: time(14), to: time(18), zone: TimeZone::UTC };
        let (cap, due) = (Cap { mails: 3, within: Span::days(7) }, at("2026-03-03T09:00:00Z"));
        let exceeded = |nth| cap.exceeded(&campaign(Some(afternoons.clone())), due, at(nth), due);
        assert_eq!(exceeded("2026-02-24T14:00:00Z"), None, "it leaves at two, and by then there is room");
        assert_eq!(exceeded("2026-02-24T14:30:00Z"), Some(Excess::Defer(at("2026-03-03T14:30:00Z"))));
        assert_eq!(cap.to_string(), "3 mails within 7 days");
    }
}
