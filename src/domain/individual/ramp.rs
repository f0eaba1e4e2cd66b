//! The ramp: a change of rules can make hundreds ready at once. Only so many of them are offered on a working day; the others
//! wait in the doorway, each with a date. A prospect whom a signal or the calendar made ready never waits for it.

use super::salesperson::Hours;
use jiff::Timestamp;

/// How many offers a working day, and by whose hours.
#[derive(Debug, Clone, Copy)]
pub struct Ramp<'a> {
    most: u32,
    hours: &'a Hours,
}

impl<'a> Ramp<'a> {
    /// `most` offers (at least one) on each working day of these hours.
    pub const fn new(most: u32, hours: &'a Hours) -> Self {
        Self { most, hours }
    }

    pub const fn most(&self) -> u32 {
        self.most
    }

    /// When the present working day began; `None` while the office is closed.
    pub fn day(&self, now: Timestamp) -> Option<Timestamp> {
        self.days(now).next().filter(|opens| *opens <= now)
    }

    /// When the prospect with `ahead` others before them is offered, if `made` were offered this day already.
    pub fn offered_at(&self, ahead: usize, made: usize, now: Timestamp) -> Timestamp {
        let most = usize::try_from(self.most).unwrap_or(usize::MAX).max(1);
        let left = self.day(now).map_or(0, |_| most.saturating_sub(made));
        if ahead < left {
            return now;
        }
        let opens = self.days(now).filter(|opens| *opens > now).nth((ahead - left) / most);
        opens.unwrap_or(Timestamp::MAX)
    }

    /// The beginnings of the working days that end after `now`.
    fn days(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.hours.0.openings(now).filter(move |(_, closes)| *closes > now).map(|(opens, _)| opens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn so_many_a_working_day_and_the_rest_on_the_days_that_follow() {
        let office = Hours::office(TimeZone::get("Europe/Madrid").expect("a zone"));
        let ramp = Ramp::new(2, &office);
        // Thursday, noon in Madrid, in winter.
        let (now, friday, monday) = (at("2026-11-19T11:00:00Z"), at("2026-11-20T08:00:00Z"), at("2026-11-23T08:00:00Z"));
        assert_eq!(ramp.day(now), Some(at("2026-11-19T08:00:00Z")));
        let offered = |made| (0..5).map(|ahead| ramp.offered_at(ahead, made, now)).collect::<Vec<_>>();
        assert_eq!(offered(0), [now, now, friday, friday, monday]);
        assert_eq!(offered(1), [now, friday, friday, monday, monday]);
        assert_eq!(offered(2), [friday, friday, monday, monday, at("2026-11-24T08:00:00Z")]);
        assert_eq!(offered(7), offered(2), "more than that were made when more were allowed");
    }

    #[test]
    fn nobody_is_offered_while_the_office_is_closed() {
        let office = Hours::office(TimeZone::get("Europe/Madrid").expect("a zone"));
        let ramp = Ramp::new(1, &office);
        for (now, opens) in [
            ("2026-11-20T17:00:00Z", "2026-11-23T08:00:00Z"),
            ("2026-11-21T11:00:00Z", "2026-11-23T08:00:00Z"),
            ("2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z"),
        ] {
            assert_eq!((ramp.day(at(now)), ramp.offered_at(0, 0, at(now))), (None, at(opens)), "{now}");
        }
        assert_eq!(ramp.offered_at(0, 0, at("2026-11-23T08:00:00Z")), at("2026-11-23T08:00:00Z"));
        assert_eq!(ramp.offered_at(9_999_999, 0, at("2026-11-23T08:00:00Z")), Timestamp::MAX, "beyond the calendar");
    }
}
