//! When a campaign is due: crontab's five fields in an IANA zone, resolved by the policy below, except on skip dates.
//!
//! Policy at clock changes, as Debian's cron: a fixed time inside a gap runs at the gap's end, inside a fold once, on the first
//! pass; `*` or `*/n` in minute or hour runs as the clock shows it, so not in a gap and twice in a fold.

use super::crontab::{Crontab, CrontabError, Walk};
use super::skip::SkipDates;
use jiff::civil::{Date, DateTime as Wall};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::fmt;

/// A schedule: an expression, its time zone, and the dates it skips.
#[derive(Clone)]
pub struct Schedule {
    crontab: Crontab,
    zone: TimeZone,
    zone_name: String,
    skip: SkipDates,
}

/// One firing: the instant, and the nominal local time that identifies it for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Firing {
    pub due_at: Timestamp,
    /// "2026-10-06T09:30[Europe/Madrid]"; a repeating schedule inside a fold adds the offset.
    pub nominal: String,
}

/// How far around a clock change wall time may be out of order: clocks have been set back by up to three hours, and once, on
/// an island, by a day.
const AROUND: SignedDuration = SignedDuration::from_hours(26);

impl Schedule {
    /// Reads an expression and a zone.
    ///
    /// # Errors
    /// Says which part is wrong, or that it can never fire.
    pub fn parse(expression: &str, zone: &str) -> Result<Self, ScheduleError> {
        let tz = TimeZone::get(zone).map_err(|_| ScheduleError::Zone(zone.to_owned()))?;
        let crontab = Crontab::parse(expression)?;
        Self { crontab, zone: tz, zone_name: zone.to_owned(), skip: SkipDates::default() }.that_fires(ScheduleError::Never)
    }

    /// The same schedule, without these local dates.
    pub fn skipping(self, skip: SkipDates) -> Result<Self, ScheduleError> {
        Self { skip, ..self }.that_fires(ScheduleError::Skipped)
    }

    /// Checks that it fires at all: the calendar repeats after 28 years, but for the century; 30 February never comes.
    fn that_fires(self, otherwise: ScheduleError) -> Result<Self, ScheduleError> {
        match self.after("2024-01-01T00:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH)) {
            Some(_) => Ok(self),
            None => Err(otherwise),
        }
    }

    pub const fn crontab(&self) -> &Crontab {
        &self.crontab
    }

    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The dates on which nothing fires.
    pub const fn skip(&self) -> &SkipDates {
        &self.skip
    }

    /// The first firing strictly after `at` that is not on a skip date.
    pub fn after(&self, mut at: Timestamp) -> Option<Firing> {
        loop {
            let firing = self.named_after(at)?;
            if !self.skips(&firing) {
                return Some(firing);
            }
            // The instant before the first day that is not skipped.
            let free = self.skip.first_free_after(self.date_of(&firing))?.to_zoned(self.zone.clone()).ok()?.timestamp();
            at = free.checked_sub(1.nanosecond()).ok()?.max(firing.due_at);
        }
    }

    /// The first firing strictly after `at` that the expression names, on a skip date or not: occurrences are recorded from
    /// this.
    pub fn named_after(&self, at: Timestamp) -> Option<Firing> {
        self.crontab.walks().iter().filter_map(|walk| self.first(walk, at)).min()
    }

    /// Whether a firing falls on a skip date.
    pub fn skips(&self, firing: &Firing) -> bool {
        !self.skip.is_empty() && self.skip.holds(self.date_of(firing))
    }

    /// The next `count` firings after `at` that are not on skip dates.
    pub fn next(&self, at: Timestamp, count: usize) -> Vec<Firing> {
        std::iter::successors(self.after(at), |firing| self.after(firing.due_at)).take(count).collect()
    }

    fn date_of(&self, firing: &Firing) -> Date {
        firing.due_at.to_zoned(self.zone.clone()).date()
    }

    fn first(&self, walk: &Walk, at: Timestamp) -> Option<Firing> {
        let local = at.to_zoned(self.zone.clone()).datetime();
        let start = if self.clocks_change_near(at) { local.checked_sub(AROUND).ok()? } else { local };
        let mut best: Option<(Firing, Wall)> = None;
        for wall in walk.times_from(start) {
            if best.as_ref().is_some_and(|(_, found)| wall.checked_sub(AROUND).is_ok_and(|w| w > *found)) {
                break;
            }
            for firing in self.instants(wall).into_iter().flatten().filter(|f| f.due_at > at) {
                if best.as_ref().is_none_or(|(b, _)| firing < *b) {
                    best = Some((firing, wall));
                }
            }
            if best.as_ref().is_some_and(|(firing, _)| !self.clocks_change_near(firing.due_at)) {
                break;
            }
        }
        best.map(|(firing, _)| firing)
    }

    /// Whether the order of wall-clock times may differ from that of instants around this one.
    fn clocks_change_near(&self, at: Timestamp) -> bool {
        let (Ok(from), Ok(to)) = (at.checked_sub(AROUND), at.checked_add(AROUND)) else { return true };
        self.zone.following(from).next().is_some_and(|change| change.timestamp() <= to)
    }

    /// The instants at which a wall clock shows `wall`: none, one or two, by the policy above.
    fn instants(&self, wall: Wall) -> [Option<Firing>; 2] {
        let nominal =
            |offset: &str| format!("{}T{:02}:{:02}{offset}[{}]", wall.date(), wall.hour(), wall.minute(), self.zone_name);
        let firing = |offset: jiff::tz::Offset, suffix: &str| {
            offset.to_timestamp(wall).ok().map(|due_at| Firing { due_at, nominal: nominal(suffix) })
        };
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => [firing(offset, ""), None],
            AmbiguousOffset::Gap { .. } if self.crontab.follows_the_clock() => [None, None],
            AmbiguousOffset::Gap { before, .. } => {
                // The first instant after the gap: the transition itself.
                let inside = before.to_timestamp(wall).ok();
                let end = inside.and_then(|t| self.zone.preceding(t.checked_add(1.second()).ok()?).next());
                [end.map(|transition| Firing { due_at: transition.timestamp(), nominal: nominal("") }), None]
            }
            AmbiguousOffset::Fold { before, after } if self.crontab.follows_the_clock() => {
                [firing(before, &before.to_string()), firing(after, &after.to_string())]
            }
            AmbiguousOffset::Fold { before, .. } => [firing(before, ""), None],
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.crontab.expression(), self.zone_name)
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a schedule cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScheduleError {
    #[error(transparent)]
    Crontab(#[from] CrontabError),
    #[error("{0:?} is no IANA time zone; write one such as \"Europe/Madrid\"")]
    Zone(String),
    #[error("this never fires: no date fits the day and month")]
    Never,
    #[error("this never fires: every date of it is skipped")]
    Skipped,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::group::skip::Dates;

    fn next(expression: &str, zone: &str, at: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(expression, zone).expect("a schedule");
        schedule.next(at.parse().expect("an instant"), count).into_iter().map(|f| f.due_at.to_string()).collect()
    }

    #[test]
    fn vectors_across_dst_edges() {
        let vectors = include_str!("../../../tests/data/cron-dst/vectors.jsonl");
        let mut wrong = Vec::new();
        for line in vectors.lines() {
            let vector: serde_json::Value = serde_json::from_str(line).expect("a vector");
            let text = |key: &str| vector[key].as_str().expect("text");
            let expected: Vec<&str> = vector["next_utc"].as_array().expect("list").iter().filter_map(|v| v.as_str()).collect();
            let got = next(text("expr"), text("tz"), text("start"), expected.len());
            if got != expected {
                wrong.push(format!("{line}\n  got {got:?}"));
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {} wrong:\n{}",
            wrong.len(),
            vectors.lines().count(),
            wrong[..wrong.len().min(8)].join("\n")
        );
    }

    #[test]
    fn either_day_field_matches_when_both_are_restricted() {
        assert_eq!(
            next("0 9 13 * FRI", "UTC", "2026-11-01T00:00:00Z", 3),
            ["2026-11-06T09:00:00Z", "2026-11-13T09:00:00Z", "2026-11-20T09:00:00Z"]
        );
    }

    #[test]
    fn the_first_tuesday_the_last_friday_and_the_last_day() {
        assert_eq!(
            next("30 9 * * TUE#1", "Europe/Madrid", "2026-10-01T00:00:00Z", 2),
            ["2026-10-06T07:30:00Z", "2026-11-03T08:30:00Z"]
        );
        assert_eq!(next("0 12 * * 5L", "UTC", "2026-11-01T00:00:00Z", 1), ["2026-11-27T12:00:00Z"]);
        assert_eq!(next("0 12 L * *", "UTC", "2026-02-01T00:00:00Z", 2), ["2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z"]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let error = |expression| Schedule::parse(expression, "UTC").expect_err(expression);
        assert_eq!(error("0 9 * *"), ScheduleError::Crontab(CrontabError::Fields(4)));
        assert_eq!(error("0 9 30 2 *"), ScheduleError::Never);
        for expression in ["61 9 * * *", "0 25 * * *", "0 9 * * MOON", "0 9 * * 8", "0 9 * * TUE#6", "0 9 ? * *", "a b c d e"] {
            assert!(matches!(error(expression), ScheduleError::Crontab(CrontabError::Expression(_))), "{expression}");
        }
        assert!(matches!(Schedule::parse("0 9 * * *", "Mars/Olympus"), Err(ScheduleError::Zone(_))));
    }

    #[test]
    fn sunday_is_zero_and_seven() {
        for sunday in ["0", "7", "SUN", "sun"] {
            assert_eq!(
                next(&format!("0 9 * * {sunday}"), "UTC", "2026-11-22T10:00:00Z", 1),
                ["2026-11-29T09:00:00Z"],
                "{sunday}"
            );
        }
    }

    #[test]
    fn skip_dates_are_passed_over_and_still_named() {
        let skip = SkipDates::new(["12-24..01-06", "2026-12-22"].iter().map(|d| Dates::parse(d).expect(d)).collect());
        let schedule = Schedule::parse("30 9 * * TUE", "Europe/Madrid").expect("a schedule").skipping(skip).expect("it fires");
        let at = "2026-12-16T00:00:00Z".parse().expect("an instant");
        let dates = |firings: Vec<Firing>| firings.iter().map(|f| f.due_at.to_string()).collect::<Vec<_>>();
        assert_eq!(dates(schedule.next(at, 2)), ["2027-01-12T08:30:00Z", "2027-01-19T08:30:00Z"]);
        let named = std::iter::successors(schedule.named_after(at), |f| schedule.named_after(f.due_at)).take(4).collect();
        assert_eq!(
            dates(named),
            ["2026-12-22T08:30:00Z", "2026-12-29T08:30:00Z", "2027-01-05T08:30:00Z", "2027-01-12T08:30:00Z"]
        );
    }

    #[test]
    fn the_date_that_is_skipped_is_the_zones() {
        // Half past midnight in Auckland is noon of the day before in London.
        let skip = || SkipDates::new(vec![Dates::parse("2026-11-25").expect("a date")]);
        for (zone, first) in [("Pacific/Auckland", "2026-11-25T11:30:00Z"), ("UTC", "2026-11-24T00:30:00Z")] {
            let schedule = Schedule::parse("30 0 * * *", zone).expect("a schedule").skipping(skip()).expect("it fires");
            let firing = schedule.after("2026-11-23T12:00:00Z".parse().expect("an instant")).expect("it fires");
            assert_eq!(firing.due_at.to_string(), first, "{zone}");
        }
    }

    #[test]
    fn a_schedule_of_which_nothing_is_left_is_refused() {
        for (expression, skipped) in [("0 9 25 12 *", "12-25"), ("* * * * *", "01-01..12-31"), ("0 9 29 2 *", "02-01..03-01")] {
            let skip = SkipDates::new(vec![Dates::parse(skipped).expect("a date")]);
            let error = Schedule::parse(expression, "Europe/Madrid").expect("a schedule").skipping(skip).expect_err(expression);
            assert_eq!(error, ScheduleError::Skipped);
        }
    }
}
