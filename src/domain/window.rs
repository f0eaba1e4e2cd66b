//! Windows: days of the week and a time of day, by the wall clock of a zone. A campaign's mail leaves inside one,
//! and people work inside one.
//!
//! A window that ends when it begins or earlier runs over midnight and belongs to the day it begins on. Where clocks are put
//! forward over its beginning it opens right after the gap; where they are put back, the time the clock shows counts.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use std::fmt;

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A window. It opens on at least one day.
#[derive(Debug, Clone)]
pub struct Window {
    /// The days it opens on, Monday first.
    pub days: [bool; 7],
    pub from: Time,
    /// When it closes: the same day if later than `from`, else the next.
    pub to: Time,
    pub zone: TimeZone,
}

impl Window {
    /// Reads days: "mon-fri", "mon,wed,fri", "fri-mon,wed".
    pub fn parse_days(text: &str) -> Option<[bool; 7]> {
        let index = |name: &str| NAMES.iter().position(|n| n.eq_ignore_ascii_case(name.trim()));
        let mut days = [false; 7];
        for part in text.split(',') {
            let (from, to) = match part.split_once('-') {
                Some((from, to)) => (index(from)?, index(to)?),
                None => (index(part)?, index(part)?),
            };
            let to = if to < from { to + 7 } else { to };
            (from..=to).for_each(|day| days[day % 7] = true);
        }
        Some(days)
    }

    pub fn is_open(&self, at: Timestamp) -> bool {
        let local = at.to_zoned(self.zone.clone());
        let (day, time) = (local.weekday(), local.time());
        if self.from < self.to {
            return self.opens_on(day) && time >= self.from && time < self.to;
        }
        (self.opens_on(day) && time >= self.from) || (self.opens_on(day.previous()) && time < self.to)
    }

    /// `at` itself while it is open, else the first instant after it at which it is; the calendar's end if it never is.
    pub fn next_opening(&self, at: Timestamp) -> Timestamp {
        if self.is_open(at) {
            return at;
        }
        let day = at.to_zoned(self.zone.clone()).date();
        // A week and a day: a window whose only day lost its hours to a clock change opens a week later.
        let days = (0..16).filter_map(|n| day.checked_add(n.days()).ok());
        let opens = days.flat_map(|day| self.shown_at(day, self.from)).find(|opens| *opens > at && self.is_open(*opens));
        // A clock change may open the window in its middle.
        let opens = opens.unwrap_or(Timestamp::MAX);
        let changes = self.zone.following(at).map(|change| change.timestamp());
        changes.take_while(|change| *change < opens).find(|change| self.is_open(*change)).unwrap_or(opens)
    }

    /// The first instant after `at` at which it is closed; `at` itself while it is closed, the calendar's end if it
    /// never is.
    pub fn next_closing(&self, at: Timestamp) -> Timestamp {
        if !self.is_open(at) {
            return at;
        }
        let day = at.to_zoned(self.zone.clone()).date();
        let days = (0..16).filter_map(|n| day.checked_add(n.days()).ok());
        let closes = days.flat_map(|day| self.shown_at(day, self.to)).find(|closes| *closes > at && !self.is_open(*closes));
        let closes = closes.unwrap_or(Timestamp::MAX);
        let changes = self.zone.following(at).map(|change| change.timestamp());
        changes.take_while(|change| *change < closes).find(|change| !self.is_open(*change)).unwrap_or(closes)
    }

    /// The pairs of opening and closing, from the day that holds `at` on; empty when no day is open.
    pub fn openings(&self, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let first = at.to_zoned(self.zone.clone()).date();
        let most = if self.days.contains(&true) { 3_700 } else { 0 };
        let days = (0..most).filter_map(move |n| first.checked_add(n.days()).ok());
        days.filter(|day| self.opens_on(day.weekday())).filter_map(|day| {
            let instant = |day: Date, time: Time| self.zone.to_ambiguous_timestamp(day.to_datetime(time)).compatible().ok();
            let last = if self.from < self.to { day } else { day.tomorrow().ok()? };
            Some((instant(day, self.from)?, instant(last, self.to)?))
        })
    }

    fn opens_on(&self, day: Weekday) -> bool {
        self.days[usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)]
    }

    /// The instants at which the clock shows a time of a day: one; two when it is put back; the end of the gap when it is
    /// put forward over it.
    fn shown_at(&self, day: Date, time: Time) -> impl Iterator<Item = Timestamp> + use<> {
        let wall = day.to_datetime(time);
        let found = match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => [offset.to_timestamp(wall).ok(), None],
            AmbiguousOffset::Fold { before, after } => [before.to_timestamp(wall).ok(), after.to_timestamp(wall).ok()],
            AmbiguousOffset::Gap { before, .. } => {
                let inside = before.to_timestamp(wall).ok().and_then(|at| at.checked_add(1.second()).ok());
                [inside.and_then(|at| self.zone.preceding(at).next()).map(|change| change.timestamp()), None]
            }
        };
        found.into_iter().flatten()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<&str> = NAMES.iter().zip(self.days).filter(|(_, on)| *on).map(|(name, _)| *name).collect();
        write!(f, "{} {} to {}", days.join(","), self.from.strftime("%H:%M"), self.to.strftime("%H:%M"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &str, from: &str, to: &str, zone: &str) -> Window {
        let time = |text: &str| text.parse().expect("a time");
        let days = Window::parse_days(days).expect("days");
        Window { days, from: time(from), to: time(to), zone: TimeZone::get(zone).expect("a zone") }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn days_are_read() {
        assert_eq!(Window::parse_days("mon-fri"), Some([true, true, true, true, true, false, false]));
        assert_eq!(Window::parse_days("sat-mon,wed"), Some([true, false, true, false, false, true, true]));
        assert_eq!(Window::parse_days("someday"), None);
        assert_eq!(Window::parse_days(""), None);
    }

    #[test]
    fn it_opens_and_closes_by_the_clock_on_the_wall() {
        let office = window("mon-fri", "08:00", "18:00", "Europe/Madrid");
        // Friday 20 November 2026, in winter time.
        for (instant, open) in [("06:59:59", false), ("07:00:00", true), ("16:59:59", true), ("17:00:00", false)] {
            assert_eq!(office.is_open(at(&format!("2026-11-20T{instant}Z"))), open, "{instant}");
        }
        assert_eq!(office.next_opening(at("2026-11-20T12:00:00Z")), at("2026-11-20T12:00:00Z"));
        assert_eq!(office.next_opening(at("2026-11-20T17:00:00Z")), at("2026-11-23T07:00:00Z"), "over the weekend");
        assert_eq!(office.next_closing(at("2026-11-20T12:00:00Z")), at("2026-11-20T17:00:00Z"));
        // Clocks go forward on Sunday 29 March: the same hour on the wall is an hour earlier.
        assert_eq!(office.next_opening(at("2026-03-27T17:00:00Z")), at("2026-03-30T06:00:00Z"));
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins_on() {
        let nights = window("mon-fri", "22:00", "06:00", "UTC");
        for (instant, open) in [
            ("2026-11-16T05:00:00Z", false), // Monday morning is Sunday's night
            ("2026-11-16T22:00:00Z", true),
            ("2026-11-17T05:59:59Z", true),
            ("2026-11-17T06:00:00Z", false),
            ("2026-11-20T23:00:00Z", true),  // Friday's night …
            ("2026-11-21T05:00:00Z", true),  // … runs into Saturday
            ("2026-11-21T22:30:00Z", false), // and Saturday has none
        ] {
            assert_eq!(nights.is_open(at(instant)), open, "{instant}");
        }
        assert_eq!(nights.next_opening(at("2026-11-21T06:00:00Z")), at("2026-11-23T22:00:00Z"));
        assert_eq!(nights.next_closing(at("2026-11-20T23:00:00Z")), at("2026-11-21T06:00:00Z"));
    }

    #[test]
    fn whole_days_are_one_window() {
        let weekend = window("sat,sun", "00:00", "00:00", "UTC");
        assert_eq!(weekend.next_opening(at("2026-11-20T12:00:00Z")), at("2026-11-21T00:00:00Z"));
        assert_eq!(weekend.next_closing(at("2026-11-21T12:00:00Z")), at("2026-11-23T00:00:00Z"));
        let always = window("mon-sun", "00:00", "00:00", "UTC");
        assert!(always.is_open(at("2026-11-20T12:00:00Z")));
        assert_eq!(always.next_closing(at("2026-11-20T12:00:00Z")), Timestamp::MAX);
    }

    #[test]
    fn a_window_inside_the_hour_that_is_left_out_opens_when_clocks_have_moved_or_not_that_day() {
        // 29 March 2026 in Madrid: 02:00 becomes 03:00.
        let half = window("mon-sun", "02:30", "03:30", "Europe/Madrid");
        assert_eq!(half.next_opening(at("2026-03-29T00:00:00Z")), at("2026-03-29T01:00:00Z"), "at what is three now");
        assert_eq!(half.next_closing(at("2026-03-29T01:00:00Z")), at("2026-03-29T01:30:00Z"));
        let lost = window("mon-sun", "02:10", "02:50", "Europe/Madrid");
        assert_eq!(lost.next_opening(at("2026-03-29T00:00:00Z")), at("2026-03-30T00:10:00Z"), "the next day's");
        let sundays = window("sun", "02:10", "02:50", "Europe/Madrid");
        assert_eq!(sundays.next_opening(at("2026-03-29T00:00:00Z")), at("2026-04-05T00:10:00Z"), "the next week's");
    }

    #[test]
    fn an_hour_that_comes_twice_counts_twice() {
        // 25 October 2026 in Madrid: 03:00 becomes 02:00.
        let night = window("sat", "22:00", "02:30", "Europe/Madrid");
        assert_eq!(night.next_closing(at("2026-10-24T21:00:00Z")), at("2026-10-25T00:30:00Z"), "half past two, the first time");
        assert_eq!(night.next_opening(at("2026-10-25T00:30:00Z")), at("2026-10-25T01:00:00Z"), "two o'clock again");
        assert_eq!(night.next_closing(at("2026-10-25T01:00:00Z")), at("2026-10-25T01:30:00Z"));
        let early = window("sun", "02:15", "02:45", "Europe/Madrid");
        assert_eq!(early.next_opening(at("2026-10-25T00:45:00Z")), at("2026-10-25T01:15:00Z"), "and once more");
    }

    #[test]
    fn openings_and_closings_are_where_it_changes() {
        // For every minute of the weeks around both clock changes: what is computed is what is seen.
        for (days, from, to) in
            [("mon-fri", "08:00", "18:00"), ("sat,sun", "22:00", "06:00"), ("sun", "01:30", "02:30"), ("sat", "23:00", "02:30")]
        {
            for (zone, start) in [
                ("Europe/Madrid", "2026-03-26T00:00:00Z"),
                ("Europe/Madrid", "2026-10-22T00:00:00Z"),
                ("America/Havana", "2026-10-29T00:00:00Z"),
                ("Australia/Lord_Howe", "2026-04-02T00:00:00Z"),
            ] {
                let window = window(days, from, to, zone);
                let start = at(start);
                let minute = |n: i64| start + jiff::SignedDuration::from_mins(n);
                let open: Vec<bool> = (0..8 * 1440).map(|n| window.is_open(minute(n))).collect();
                for n in (0..4 * 1440).step_by(7) {
                    let index = usize::try_from(n).expect("small");
                    let next = |state: bool| {
                        open[index..]
                            .iter()
                            .position(|o| *o == state)
                            .map(|ahead| minute(n + i64::try_from(ahead).expect("small")))
                    };
                    if let Some(opening) = next(true) {
                        assert_eq!(window.next_opening(minute(n)), opening, "{window} in {zone} at {}", minute(n));
                    }
                    if let Some(closing) = next(false) {
                        assert_eq!(window.next_closing(minute(n)), closing, "{window} in {zone} at {}", minute(n));
                    }
                }
            }
        }
    }
}
