//! Spans of time as people write them, and the company's fiscal year.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Serialize;
use std::fmt;

/// A length of time: "20m", "6h", "60d", "3 weeks", "9 months", "2 years".
///
/// Months and years follow the calendar (in UTC, so that every node agrees); the other units are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Span {
    months: i32,
    minutes: i64,
}

const DAY_MINUTES: i64 = 24 * 60;

impl Span {
    /// A span of whole days of 24 hours.
    pub const fn days(days: i64) -> Self {
        Self { months: 0, minutes: days * DAY_MINUTES }
    }

    pub const fn hours(hours: i64) -> Self {
        Self::minutes(hours * 60)
    }

    pub const fn minutes(minutes: i64) -> Self {
        Self { months: 0, minutes }
    }

    /// Reads a span: a whole number and a unit.
    pub fn parse(text: &str) -> Result<Self, SpanError> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: i32 = number.parse().map_err(|_| SpanError(text.to_owned()))?;
        let minutes = |each: i64| Self { months: 0, minutes: i64::from(number) * each };
        let months = |each: i32| number.checked_mul(each).map(|months| Self { months, minutes: 0 });
        let span = match unit.trim() {
            "m" | "min" | "minute" | "minutes" => Some(minutes(1)),
            "h" | "hour" | "hours" => Some(minutes(60)),
            "d" | "day" | "days" => Some(minutes(DAY_MINUTES)),
            "w" | "week" | "weeks" => Some(minutes(7 * DAY_MINUTES)),
            "month" | "months" => months(1),
            "y" | "year" | "years" => months(12),
            _ => None,
        };
        // A century is longer than any rule needs, and keeps the arithmetic inside the calendar.
        span.filter(|s| s.months <= 1200 && s.minutes <= 36_525 * DAY_MINUTES).ok_or_else(|| SpanError(text.to_owned()))
    }

    /// The instant this long after `at`; the calendar's end if it lies beyond.
    pub fn after(self, at: Timestamp) -> Timestamp {
        self.shift(at, 1)
    }

    /// The instant this long before `at`; the calendar's start if it lies beyond.
    pub fn before(self, at: Timestamp) -> Timestamp {
        self.shift(at, -1)
    }

    /// The length in minutes, a month taken as thirty days: for working time and for comparing, not for dates.
    pub const fn rough_minutes(self) -> i64 {
        self.months as i64 * 30 * DAY_MINUTES + self.minutes
    }

    fn shift(self, at: Timestamp, sign: i32) -> Timestamp {
        let shifted = if self.months == 0 {
            // Without the calendar, which costs ten times as much: every click is checked against its window on every assessment.
            at.checked_add(SignedDuration::from_mins(i64::from(sign) * self.minutes))
        } else {
            let span = (sign * self.months).months().minutes(i64::from(sign) * self.minutes);
            at.to_zoned(TimeZone::UTC).checked_add(span).map(|zoned| zoned.timestamp())
        };
        shifted.unwrap_or(if sign < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match *self {
            Self { months, .. } if months > 0 && months % 12 == 0 => (i64::from(months / 12), "year"),
            Self { months, .. } if months > 0 => (i64::from(months), "month"),
            Self { minutes, .. } if minutes % DAY_MINUTES == 0 => (minutes / DAY_MINUTES, "day"),
            Self { minutes, .. } if minutes % 60 == 0 => (minutes / 60, "hour"),
            Self { minutes, .. } => (minutes, "minute"),
        };
        write!(f, "{number} {unit}{}", if number == 1 { "" } else { "s" })
    }
}

/// A text that is no span.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a span of time; write a number and a unit, such as \"20m\", \"6h\", \"60d\", \"9 months\" or \"2 years\"")]
pub struct SpanError(String);

/// The day a fiscal year starts on, the same every year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FiscalYear {
    month: i8,
    day: i8,
}

impl FiscalYear {
    pub const CALENDAR: Self = Self { month: 1, day: 1 };

    /// Reads "MM-DD". 29 February is refused: most years do not have it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "a fiscal year starts on a day written MM-DD, such as \"01-01\" or \"04-01\"";
        let (month, day) = text.split_once('-').ok_or(EXPECTED)?;
        let (month, day) = (month.parse().map_err(|_| EXPECTED)?, day.parse().map_err(|_| EXPECTED)?);
        // 2025 has no 29 February.
        Date::new(2025, month, day).map_err(|_| EXPECTED)?;
        Ok(Self { month, day })
    }

    /// The first instant (UTC) of the fiscal year after the one that holds `at`.
    pub fn next_start(self, at: Timestamp) -> Timestamp {
        let today = at.to_zoned(TimeZone::UTC).date();
        let year = today.year();
        [year, year.saturating_add(1)]
            .into_iter()
            .filter_map(|year| Date::new(year, self.month, self.day).ok())
            .find(|start| *start > today)
            .map_or(Timestamp::MAX, midnight)
    }
}

impl fmt::Display for FiscalYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

/// The first instant of a date in UTC, the zone in which dates of evidence are compared.
pub fn midnight(date: Date) -> Timestamp {
    date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn spans_are_read_and_written() {
        for (text, shown) in
            [("9 months", "9 months"), ("60d", "60 days"), ("1h", "1 hour"), ("20m", "20 minutes"), ("2 years", "2 years")]
        {
            assert_eq!(Span::parse(text).expect(text).to_string(), shown);
        }
        for text in ["", "9", "months", "-3d", "3 fortnights", "99999999999d", "2000 years"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn months_follow_the_calendar() {
        let month = Span::parse("1 month").expect("span");
        assert_eq!(month.after(at("2026-01-31T10:00:00Z")), at("2026-02-28T10:00:00Z"));
        assert_eq!(month.before(at("2026-03-31T10:00:00Z")), at("2026-02-28T10:00:00Z"));
    }

    #[test]
    fn without_months_it_is_exact_and_ends_with_the_calendar() {
        let (start, week) = (at("2028-02-27T23:30:00Z"), Span::parse("1 week").expect("span"));
        let by_calendar = start.to_zoned(TimeZone::UTC).checked_add(7.days()).expect("a date");
        assert_eq!(week.after(start), by_calendar.timestamp());
        assert_eq!(week.before(week.after(start)), start);
        let century = Span::parse("36525d").expect("span");
        assert_eq!(century.after(at("9990-01-01T00:00:00Z")), Timestamp::MAX);
        assert_eq!(century.before(Timestamp::MIN), Timestamp::MIN);
    }

    #[test]
    fn the_fiscal_year_turns_on_its_day() {
        let april = FiscalYear::parse("04-01").expect("fiscal year");
        assert_eq!(april.next_start(at("2026-03-31T23:59:59Z")), at("2026-04-01T00:00:00Z"));
        assert_eq!(april.next_start(at("2026-04-01T00:00:00Z")), at("2027-04-01T00:00:00Z"));
        assert!(FiscalYear::parse("02-29").is_err());
        assert_eq!(april.to_string(), "04-01");
    }
}
