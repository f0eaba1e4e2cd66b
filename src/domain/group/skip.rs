//! Skip dates: local dates on which a campaign's schedule does not fire. The schedule knows the zone.

use jiff::ToSpan;
use jiff::civil::Date;
use std::fmt;

/// The dates on which a schedule does not fire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkipDates(Vec<Dates>);

/// One entry of the list, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    /// Every year, as month and day; it may span New Year.
    EachYear {
        /// From this day…
        from: (i8, i8),
        to: (i8, i8),
    },
    /// Once.
    Once { from: Date, to: Date },
}

/// How many days in a row are searched for one that is not skipped: somewhat over a century.
const MOST_DAYS: i32 = 40_000;

impl SkipDates {
    pub const fn new(dates: Vec<Dates>) -> Self {
        Self(dates)
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn holds(&self, date: Date) -> bool {
        self.0.iter().any(|dates| dates.holds(date))
    }

    /// The first date after this one that is not skipped; `None` when there is none within `MOST_DAYS`.
    pub fn first_free_after(&self, date: Date) -> Option<Date> {
        (1..MOST_DAYS).map_while(|days| date.checked_add(days.days()).ok()).find(|date| !self.holds(*date))
    }
}

impl Dates {
    /// Reads "12-25" (every year), "12-24..01-06" (over New Year), "2027-05-01" or "2027-05-01..2027-05-04".
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "{text:?} is no date to skip; write \"12-25\" (every year), \"12-24..01-06\", \"2027-05-01\" or \"2027-05-01..2027-05-04\""
            )
        };
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let (from, to) = (from.trim(), to.trim());
        if let (Some(from), Some(to)) = (day_of_year(from), day_of_year(to)) {
            return Ok(Self::EachYear { from, to });
        }
        let (Some(from), Some(to)) = (date(from), date(to)) else { return Err(expected()) };
        if to < from {
            return Err(format!("{text:?} ends before it begins; write the earlier date first"));
        }
        Ok(Self::Once { from, to })
    }

    fn holds(self, date: Date) -> bool {
        match self {
            Self::Once { from, to } => (from..=to).contains(&date),
            Self::EachYear { from, to } => {
                let day = (date.month(), date.day());
                if from <= to { (from..=to).contains(&day) } else { day >= from || day <= to }
            }
        }
    }
}

impl fmt::Display for SkipDates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, dates) in self.0.iter().enumerate() {
            write!(f, "{}{dates}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Dates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = match self {
            Self::Once { from, to } => (from.to_string(), to.to_string()),
            Self::EachYear { from: (month, day), to: (last_month, last_day) } => {
                (format!("{month:02}-{day:02}"), format!("{last_month:02}-{last_day:02}"))
            }
        };
        if from == to { f.write_str(&from) } else { write!(f, "{from}..{to}") }
    }
}

/// "12-25": two digits each, a day of a leap year.
fn day_of_year(text: &str) -> Option<(i8, i8)> {
    // 2028 is a leap year: 29 February may be skipped in the years that have one.
    (text.len() == 5).then(|| date(&format!("2028-{text}"))).flatten().map(|date| (date.month(), date.day()))
}

/// Reads "2027-05-01"; refuses the other forms that jiff takes for a date.
fn date(text: &str) -> Option<Date> {
    let shaped =
        text.len() == 10 && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    shaped.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skips(list: &[&str]) -> SkipDates {
        SkipDates::new(list.iter().map(|text| Dates::parse(text).expect(text)).collect())
    }

    fn day(text: &str) -> Date {
        text.parse().expect("a date")
    }

    #[test]
    fn both_ends_are_skipped_and_new_year_is_crossed() {
        let skips = skips(&["12-24..01-06", "2027-05-01", "2027-08-09..2027-08-11"]);
        for (date, skipped) in [
            ("2026-12-23", false),
            ("2026-12-24", true),
            ("2026-12-31", true),
            ("2027-01-01", true),
            ("2027-01-06", true),
            ("2027-01-07", false),
            ("2030-12-25", true),
            ("2027-05-01", true),
            ("2028-05-01", false),
            ("2027-08-08", false),
            ("2027-08-09", true),
            ("2027-08-11", true),
            ("2027-08-12", false),
            ("2028-08-10", false),
        ] {
            assert_eq!(skips.holds(day(date)), skipped, "{date}");
        }
        assert_eq!(skips.to_string(), "12-24..01-06, 2027-05-01, 2027-08-09..2027-08-11");
        assert_eq!(skips.first_free_after(day("2026-12-30")), Some(day("2027-01-07")));
    }

    #[test]
    fn every_day_of_every_year_leaves_none() {
        assert_eq!(skips(&["01-01..12-31"]).first_free_after(day("2026-01-01")), None);
        assert!(skips(&["02-29"]).holds(day("2028-02-29")));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "christmas",
            "2026-02-29",
            "02-30",
            "13-01",
            "1-6",
            "12-24..",
            "12-24..2027-01-06",
            "2027-05-02..2027-05-01",
            "2027-05-01T00",
            "20270501",
            "+12-24",
            "12-24...01-06",
        ] {
            assert!(Dates::parse(text).is_err(), "{text:?}");
        }
    }
}
