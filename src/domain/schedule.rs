//! When a campaign is due: crontab's five fields in an IANA zone, resolved by our own stated policy.
//!
//! The cron crate reads the fields and walks wall-clock time only; jiff maps wall-clock time to instants.
//! Policy, as Debian's cron: a fixed time inside a gap runs at the gap's end, inside a fold once, on the first
//! pass; `*` or `*/n` in minute or hour runs as the clock shows it, so not in a gap and twice in a fold.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc, Weekday};
use jiff::civil::DateTime as Wall;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use std::fmt;
use std::str::FromStr;

/// A schedule: an expression and the zone its clock hangs in.
#[derive(Clone)]
pub struct Schedule {
    expression: String,
    zone: TimeZone,
    zone_name: String,
    /// Crontab's rule: when both day fields are restricted, either matches; so there are up to two walks.
    walks: Vec<Walk>,
    /// `*` or `*/n` in minute or hour.
    follows_the_clock: bool,
}

/// One firing: the instant, and the nominal local time that identifies it for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Firing {
    /// When it is due.
    pub due_at: Timestamp,
    /// "2026-10-06T09:30[Europe/Madrid]"; a repeating schedule inside a fold adds the offset.
    pub nominal: String,
}

#[derive(Clone)]
struct Walk {
    cron: cron::Schedule,
    only: Only,
}

/// What crontab's syntax lacks and the walk filters.
#[derive(Clone, Copy, PartialEq)]
enum Only {
    Everything,
    LastDayOfMonth,
    Nth(Weekday, u32),
    Last(Weekday),
}

impl Only {
    fn keeps(self, day: NaiveDate) -> bool {
        let last_seven = || day.checked_add_days(chrono::Days::new(7)).is_none_or(|next| next.month() != day.month());
        match self {
            Self::Everything => true,
            Self::LastDayOfMonth => day.succ_opt().is_none_or(|next| next.month() != day.month()),
            Self::Nth(weekday, n) => day.weekday() == weekday && (day.day() - 1) / 7 + 1 == n,
            Self::Last(weekday) => day.weekday() == weekday && last_seven(),
        }
    }
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("SUN", Weekday::Sun),
    ("MON", Weekday::Mon),
    ("TUE", Weekday::Tue),
    ("WED", Weekday::Wed),
    ("THU", Weekday::Thu),
    ("FRI", Weekday::Fri),
    ("SAT", Weekday::Sat),
];

impl Schedule {
    /// Reads an expression (minute hour day-of-month month day-of-week; names, `,`, `-`, `/`, and `#n` or `L` in a
    /// day field that holds nothing else) and a zone.
    ///
    /// # Errors
    /// Says which part is wrong, or that it can never fire.
    pub fn parse(expression: &str, zone: &str) -> Result<Self, ScheduleError> {
        let tz = TimeZone::get(zone).map_err(|_| ScheduleError::Zone(zone.to_owned()))?;
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(ScheduleError::Fields(fields.len()));
        };
        let read = |day: &str, weekday: &str, only| {
            let text = format!("0 {minute} {hour} {day} {month} {weekday}");
            // The crate's `?` and seconds are not crontab's.
            if text.contains('?') {
                return Err(ScheduleError::Expression("'?' is not crontab's; write '*'".to_owned()));
            }
            let cron = cron::Schedule::from_str(&text).map_err(|e| ScheduleError::Expression(e.to_string()))?;
            Ok(Walk { cron, only })
        };
        let by_day = || match day {
            "L" | "l" => read("*", "*", Only::LastDayOfMonth),
            _ => read(day, "*", Only::Everything),
        };
        let by_weekday = || match nth(weekday)? {
            Some((name, only)) => read("*", name, only),
            None => read("*", &weekday_names(weekday)?, Only::Everything),
        };
        // As vixie cron: a day field that starts with '*' does not restrict in the either-or sense.
        let walks = match (day.starts_with('*'), weekday.starts_with('*')) {
            (false, false) => vec![by_day()?, by_weekday()?],
            (true, false) if day == "*" => vec![by_weekday()?],
            (false, true) if weekday == "*" => vec![by_day()?],
            _ => vec![read(day, &weekday_names(weekday)?, Only::Everything)?],
        };
        let schedule = Self {
            expression: expression.to_owned(),
            zone: tz,
            zone_name: zone.to_owned(),
            walks,
            follows_the_clock: minute.starts_with('*') || hour.starts_with('*'),
        };
        // The calendar repeats itself after 28 years, but for the century; a date such as 30 February never comes.
        match schedule.after("2024-01-01T00:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH)) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never),
        }
    }

    /// Whether both day fields are restricted, so that either matches: legal, and often not what was meant.
    #[must_use]
    pub fn either_day_matches(&self) -> bool {
        self.walks.len() > 1
    }

    /// The expression as written.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The IANA name of the zone.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    /// The zone.
    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first firing strictly after `at`.
    #[must_use]
    pub fn after(&self, at: Timestamp) -> Option<Firing> {
        self.walks.iter().filter_map(|walk| self.first(walk, at)).min()
    }

    /// The next `count` firings after `at`.
    #[must_use]
    pub fn next(&self, at: Timestamp, count: usize) -> Vec<Firing> {
        std::iter::successors(self.after(at), |firing| self.after(firing.due_at)).take(count).collect()
    }

    /// The latest firing after `since` and not after `now`, and how many came before it in that time (counted up to
    /// 1,000).
    #[must_use]
    pub fn latest_due(&self, since: Timestamp, now: Timestamp) -> Option<(Firing, usize)> {
        let due = std::iter::successors(self.after(since), |f| self.after(f.due_at)).take_while(|f| f.due_at <= now);
        due.take(1_001).enumerate().last().map(|(earlier, firing)| (firing, earlier))
    }

    fn first(&self, walk: &Walk, at: Timestamp) -> Option<Firing> {
        let local = at.to_zoned(self.zone.clone()).datetime();
        // Wall clocks have been set back by up to three hours (and a day, once, on an island).
        let start = local.checked_sub(26.hours()).ok()?;
        let mut best: Option<(Firing, Wall)> = None;
        for wall in walk.cron.after(&to_chrono(start)?).filter(|w| walk.only.keeps(w.date_naive())) {
            let wall = from_chrono(&wall)?;
            if best.as_ref().is_some_and(|(_, found)| wall.checked_sub(26.hours()).is_ok_and(|w| w > *found)) {
                break;
            }
            for firing in self.instants(wall).into_iter().flatten().filter(|f| f.due_at > at) {
                if best.as_ref().is_none_or(|(b, _)| firing < *b) {
                    best = Some((firing, wall));
                }
            }
        }
        best.map(|(firing, _)| firing)
    }

    /// The instants at which a wall clock shows `wall`: none, one or two, by our policy.
    fn instants(&self, wall: Wall) -> [Option<Firing>; 2] {
        let nominal =
            |offset: &str| format!("{}T{:02}:{:02}{offset}[{}]", wall.date(), wall.hour(), wall.minute(), self.zone_name);
        let firing = |offset: jiff::tz::Offset, suffix: &str| {
            offset.to_timestamp(wall).ok().map(|due_at| Firing { due_at, nominal: nominal(suffix) })
        };
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => [firing(offset, ""), None],
            AmbiguousOffset::Gap { .. } if self.follows_the_clock => [None, None],
            AmbiguousOffset::Gap { before, .. } => {
                // The first instant after the gap: the transition itself.
                let inside = before.to_timestamp(wall).ok();
                let end = inside.and_then(|t| self.zone.preceding(t.checked_add(1.second()).ok()?).next());
                [end.map(|transition| Firing { due_at: transition.timestamp(), nominal: nominal("") }), None]
            }
            AmbiguousOffset::Fold { before, after } if self.follows_the_clock => {
                [firing(before, &before.to_string()), firing(after, &after.to_string())]
            }
            AmbiguousOffset::Fold { before, .. } => [firing(before, ""), None],
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.expression, self.zone_name)
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// `TUE#1`, `5#3`, `FRI L` written `FRIL` or `5L`: one weekday, and which one of the month.
fn nth(field: &str) -> Result<Option<(&'static str, Only)>, ScheduleError> {
    let (day, only): (&str, fn(Weekday, u32) -> Only) = match field.split_once('#') {
        Some((day, _)) => (day, Only::Nth),
        None => match field.strip_suffix(['L', 'l']) {
            Some(day) if !day.is_empty() => (day, |weekday, _| Only::Last(weekday)),
            _ => return Ok(None),
        },
    };
    let n = match field.split_once('#') {
        Some((_, n)) => n
            .parse()
            .ok()
            .filter(|n| (1..=5).contains(n))
            .ok_or_else(|| ScheduleError::Expression(format!("{field:?}: the number after '#' is 1 to 5")))?,
        None => 0,
    };
    let (name, weekday) = weekday_of(day).ok_or_else(|| ScheduleError::Expression(format!("{day:?} is no weekday")))?;
    Ok(Some((name, only(weekday, n))))
}

fn weekday_of(text: &str) -> Option<(&'static str, Weekday)> {
    let number = text.parse::<usize>().ok();
    WEEKDAYS
        .into_iter()
        .enumerate()
        .find(|(i, (name, _))| name.eq_ignore_ascii_case(text) || number.is_some_and(|n| n <= 7 && n % 7 == *i))
        .map(|(_, d)| d)
}

/// Crontab counts Sunday as 0 (and 7), the cron crate as 1: numbers become the list of names they mean.
fn weekday_names(field: &str) -> Result<String, ScheduleError> {
    if field == "*" {
        return Ok("*".to_owned());
    }
    let wrong = || ScheduleError::Expression(format!("{field:?} is no day of the week; write 0-7 or SUN-SAT"));
    let index = |text: &str| match text.parse::<usize>() {
        Ok(n) if n <= 7 => Some(n),
        Ok(_) => None,
        Err(_) => WEEKDAYS.iter().position(|(name, _)| name.eq_ignore_ascii_case(text)),
    };
    let mut days = [false; 7];
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|s| *s > 0).ok_or_else(wrong)?),
            None => (part, 1),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (0, 6),
            (_, Some((from, to))) => (index(from).ok_or_else(wrong)?, index(to).ok_or_else(wrong)?),
            (_, None) => {
                let day = index(range).ok_or_else(wrong)?;
                (day, if part.contains('/') { 7 } else { day })
            }
        };
        // "FRI-MON" runs over the week's end, as newer crons allow.
        let to = if from > to { to + 7 } else { to };
        (from..=to).step_by(step).for_each(|day| days[day % 7] = true);
    }
    let names: Vec<&str> = WEEKDAYS.iter().zip(days).filter(|(_, on)| *on).map(|((name, _), _)| *name).collect();
    Ok(names.join(","))
}

fn to_chrono(wall: Wall) -> Option<DateTime<Utc>> {
    let day = NaiveDate::from_ymd_opt(wall.year().into(), wall.month().try_into().ok()?, wall.day().try_into().ok()?)?;
    let time = day.and_hms_opt(wall.hour().try_into().ok()?, wall.minute().try_into().ok()?, wall.second().try_into().ok()?)?;
    // One second back, so that "after" includes the start.
    Some(time.and_utc() - chrono::TimeDelta::seconds(1))
}

fn from_chrono(wall: &DateTime<Utc>) -> Option<Wall> {
    let part = |n: u32| i8::try_from(n).ok();
    Wall::new(
        wall.year().try_into().ok()?,
        part(wall.month())?,
        part(wall.day())?,
        part(wall.hour())?,
        part(wall.minute())?,
        0,
        0,
    )
    .ok()
}

/// Why a schedule cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScheduleError {
    /// Not five fields.
    #[error("a cron expression has five fields (minute hour day month weekday), this has {0}")]
    Fields(usize),
    /// A field is wrong.
    #[error("the cron expression cannot be read: {0}")]
    Expression(String),
    /// No such zone.
    #[error("{0:?} is no IANA time zone; write one such as \"Europe/Madrid\"")]
    Zone(String),
    /// No date fits.
    #[error("this never fires: no date fits the day and month")]
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, zone: &str, at: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(expression, zone).expect("a schedule");
        schedule.next(at.parse().expect("an instant"), count).into_iter().map(|f| f.due_at.to_string()).collect()
    }

    #[test]
    fn vectors_across_dst_edges() {
        let vectors = include_str!("../../tests/data/cron-dst/vectors.jsonl");
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
        assert_eq!(error("0 9 * *"), ScheduleError::Fields(4));
        assert_eq!(error("0 9 30 2 *"), ScheduleError::Never);
        for expression in ["61 9 * * *", "0 25 * * *", "0 9 * * MOON", "0 9 * * 8", "0 9 * * TUE#6", "0 9 ? * *", "a b c d e"] {
            assert!(matches!(error(expression), ScheduleError::Expression(_)), "{expression}");
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
}
