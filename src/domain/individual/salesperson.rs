//! Salespeople, colleagues, and their working hours.

use crate::domain::address::Address;
use crate::domain::audience::Condition;
use crate::domain::doorway::entry::Cause;
use crate::domain::id::Name;
use crate::domain::span::Span;
use crate::domain::window::Window;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use sha2::{Digest, Sha256};

/// The salespeople and colleagues of the company.
#[derive(Debug, Clone)]
pub struct Roster {
    /// The sales manager, by id: a salesperson or colleague. Gets what no other can take.
    pub manager: Name,
    pub salespeople: Vec<Salesperson>,
    /// Colleagues who log touches or read replies.
    pub colleagues: Vec<Colleague>,
    /// Where handoffs go, in order.
    pub routes: Vec<Route>,
    pub promise: Promise,
    /// The hours of people who have none of their own.
    pub office: Hours,
}

/// A person who may own leads.
#[derive(Debug, Clone)]
pub struct Salesperson {
    /// Their id in files and on the command line.
    pub id: Name,
    pub name: String,
    pub address: Address,
    pub hours: Hours,
    /// Whether they take new leads.
    pub active: bool,
    /// At most so many open handoffs; `None` for no limit.
    pub at_most: Option<u32>,
}

/// A person of the company who logs touches or reads replies, and owns no leads.
#[derive(Debug, Clone)]
pub struct Colleague {
    pub id: Name,
    pub name: String,
    pub address: Address,
}

/// The deadlines for salespeople, in their working hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    pub answer: Span,
    /// From offer to the first touch.
    pub first_touch: Span,
    pub request: Span,
}

impl Promise {
    /// How soon an offer of this cause is answered.
    pub const fn answer_within(&self, cause: Cause) -> Span {
        match cause {
            Cause::Ready => self.answer,
            Cause::Request => self.request,
        }
    }

    /// How soon the prospect of such an offer is contacted.
    pub const fn touch_within(&self, cause: Cause) -> Span {
        match cause {
            Cause::Ready => self.first_touch,
            Cause::Request => self.request,
        }
    }
}

impl Default for Promise {
    fn default() -> Self {
        Self { answer: Span::hours(4), first_touch: Span::hours(24), request: Span::hours(1) }
    }
}

/// A territory rule: prospects for whom all conditions hold go to one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// All of these hold; an empty list fits every prospect.
    pub when: Vec<Condition>,
    /// The salespeople; never empty.
    pub to: Vec<Name>,
}

impl Roster {
    pub fn salesperson(&self, id: &Name) -> Option<&Salesperson> {
        self.salespeople.iter().find(|s| s.id == *id)
    }

    /// The name and address of a salesperson or colleague.
    pub fn person(&self, id: &Name) -> Option<(&str, &Address)> {
        let salesperson = self.salesperson(id).map(|s| (s.name.as_str(), &s.address));
        salesperson.or_else(|| self.colleagues.iter().find(|c| c.id == *id).map(|c| (c.name.as_str(), &c.address)))
    }

    /// Whether this person is on our side.
    pub fn has(&self, id: &Name) -> bool {
        self.person(id).is_some()
    }

    /// Everyone on our side.
    pub fn all(&self) -> impl Iterator<Item = &Name> {
        self.salespeople.iter().map(|s| &s.id).chain(self.colleagues.iter().map(|c| &c.id))
    }

    /// What a person is called; the id, for one who left.
    pub fn name_of(&self, id: &Name) -> String {
        self.person(id).map_or_else(|| id.to_string(), |(name, _)| name.to_owned())
    }

    /// Whether a person on our side has this address.
    pub fn has_address(&self, address: &Address) -> bool {
        let colleagues = self.colleagues.iter().map(|c| &c.address);
        self.salespeople.iter().map(|s| &s.address).chain(colleagues).any(|known| known == address)
    }

    /// Everyone who may own a handoff: the salespeople, and the sales manager, who may be a colleague.
    pub fn owners(&self) -> impl Iterator<Item = &Name> {
        let manager = Some(&self.manager).filter(|id| self.salesperson(id).is_none());
        self.salespeople.iter().map(|s| &s.id).chain(manager)
    }

    /// Whether this person may own a handoff. A colleague may not, though they are on our side.
    pub fn is_owner(&self, id: &Name) -> bool {
        self.owners().any(|owner| owner == id)
    }

    /// The salespeople but the sales manager.
    pub fn all_but_the_manager(&self) -> Vec<Name> {
        self.salespeople.iter().map(|s| &s.id).filter(|id| **id != self.manager).cloned().collect()
    }

    /// The salesperson who had a prospect before, if they still take leads; else the sales manager.
    pub fn active_or_manager<'a>(&'a self, previous: Option<&'a Name>) -> &'a Name {
        previous.filter(|id| self.salesperson(id).is_some_and(|s| s.active)).unwrap_or(&self.manager)
    }

    /// When one of our people works.
    pub fn hours(&self, id: &Name) -> &Hours {
        self.salesperson(id).map_or(&self.office, |s| &s.hours)
    }

    pub fn ids(&self) -> impl Iterator<Item = &Name> {
        self.salespeople.iter().map(|s| &s.id).chain(self.colleagues.iter().map(|c| &c.id))
    }

    /// The salesperson whom a CRM export means by this text: an id, a name or an address.
    pub fn salesperson_called(&self, text: &str) -> Option<&Salesperson> {
        let text = text.trim();
        self.salespeople.iter().find(|s| {
            s.id.as_str().eq_ignore_ascii_case(text)
                || s.name.eq_ignore_ascii_case(text)
                || s.address.as_str().eq_ignore_ascii_case(text)
        })
    }
}

/// A number that stands for a salesperson or colleague in a signed link: the first eight bytes of the id's SHA-256.
pub fn link_number(id: &Name) -> i64 {
    let hash = Sha256::digest(id.as_str().as_bytes());
    i64::from_be_bytes(std::array::from_fn(|i| hash[i]))
}

/// Working hours: a window within the day.
#[derive(Debug, Clone)]
pub struct Hours(pub Window);

impl Hours {
    /// Monday to Friday, nine to six.
    pub fn office(zone: TimeZone) -> Self {
        let days = [true, true, true, true, true, false, false];
        Self(Window { days, from: Time::constant(9, 0, 0, 0), to: Time::constant(18, 0, 0, 0), zone })
    }

    pub const fn zone(&self) -> &TimeZone {
        &self.0.zone
    }

    /// `at` itself during working hours, else when they next begin.
    pub fn next_open(&self, at: Timestamp) -> Timestamp {
        self.0.next_opening(at)
    }

    /// The instant after so much working time.
    pub fn after_working(&self, span: Span, at: Timestamp) -> Timestamp {
        let mut left = span.rough_minutes() * 60;
        for (opens, closes) in self.0.openings(at).take(4_000) {
            let from = opens.max(at);
            let there = closes.duration_since(from).as_secs();
            if there <= 0 {
                continue;
            }
            if left <= there {
                return from.checked_add(left.seconds()).unwrap_or(from);
            }
            left -= there;
        }
        span.after(at)
    }

    /// The start of the working day that comes `days` working days after `at`.
    pub fn working_days_later(&self, days: usize, at: Timestamp) -> Timestamp {
        let later = self.0.openings(at).filter(|(opens, _)| *opens > at);
        later.map(|(opens, _)| opens).nth(days.saturating_sub(1)).unwrap_or_else(|| Span::days(1).after(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn madrid() -> Hours {
        Hours::office(TimeZone::get("Europe/Madrid").expect("zone"))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn working_time_skips_nights_and_weekends() {
        // Friday 16:00 in Madrid; two hours are left, two more follow on Monday.
        assert_eq!(madrid().after_working(Span::hours(4), at("2026-11-20T15:00:00Z")), at("2026-11-23T10:00:00Z"));
        assert_eq!(madrid().next_open(at("2026-11-21T12:00:00Z")), at("2026-11-23T08:00:00Z"));
        assert_eq!(madrid().next_open(at("2026-11-20T15:00:00Z")), at("2026-11-20T15:00:00Z"));
        assert_eq!(madrid().working_days_later(3, at("2026-11-20T15:00:00Z")), at("2026-11-25T08:00:00Z"));
    }
}
