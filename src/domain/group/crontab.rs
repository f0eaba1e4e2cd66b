//! Crontab's five fields, and the wall-clock times they name. Knows no time zone: `schedule` turns wall time into instants.
//!
//! The cron crate reads the fields and iterates over wall-clock time; this module adds crontab's either-or of the day fields,
//! its numbers of weekdays, `#n` and `L`.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc, Weekday};
use jiff::civil::DateTime as Wall;
use std::str::FromStr;

/// An expression as crontab reads it.
#[derive(Clone)]
pub struct Crontab {
    expression: String,
    /// Crontab's rule: when both day fields are restricted, either matches; so there are up to two walks.
    walks: Vec<Walk>,
    follows_the_clock: bool,
}

/// One iteration over wall-clock time.
#[derive(Clone)]
pub struct Walk {
    cron: cron::Schedule,
    only: Only,
}

impl Crontab {
    /// Reads an expression: minute hour day-of-month month day-of-week; names, `,`, `-`, `/`, and `#n` or `L` in a day
    /// field that holds nothing else.
    pub fn parse(expression: &str) -> Result<Self, CrontabError> {
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(CrontabError::Fields(fields.len()));
        };
        let read = |day: &str, weekday: &str, only| {
            let text = format!("0 {minute} {hour} {day} {month} {weekday}");
            // `?` and a seconds field belong to the crate and not to crontab.
            if text.contains('?') {
                return Err(CrontabError::Expression("'?' is not crontab's; write '*'".to_owned()));
            }
            let cron = cron::Schedule::from_str(&text).map_err(|e| CrontabError::Expression(e.to_string()))?;
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
        let follows_the_clock = minute.starts_with('*') || hour.starts_with('*');
        Ok(Self { expression: expression.to_owned(), walks, follows_the_clock })
    }

    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Whether both day fields are restricted, so that either matches: legal, and often not what was meant.
    pub fn either_day_matches(&self) -> bool {
        self.walks.len() > 1
    }

    /// `*` or `*/n` in minute or hour: it runs as the clock shows it, not at fixed times.
    pub const fn follows_the_clock(&self) -> bool {
        self.follows_the_clock
    }

    /// The iterations over wall-clock time; a time is named if one of them yields it.
    pub fn walks(&self) -> &[Walk] {
        &self.walks
    }
}

impl Walk {
    /// The wall-clock times from `start` on, itself included, in order. None when `start` is outside the calendar.
    pub fn times_from(&self, start: Wall) -> impl Iterator<Item = Wall> {
        let times = to_chrono(start).map(|start| self.cron.after(&start));
        times.into_iter().flatten().filter(|wall| self.only.keeps(wall.date_naive())).map_while(|wall| from_chrono(&wall))
    }
}

/// The filter for what the cron crate's syntax lacks.
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

/// Reads `TUE#1`, `5#3`, `FRIL`, `5L`: a weekday, and which one of the month.
fn nth(field: &str) -> Result<Option<(&'static str, Only)>, CrontabError> {
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
            .ok_or_else(|| CrontabError::Expression(format!("{field:?}: the number after '#' is 1 to 5")))?,
        None => 0,
    };
    let (name, weekday) = weekday_of(day).ok_or_else(|| CrontabError::Expression(format!("{day:?} is no weekday")))?;
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

/// Turns numbers into names of weekdays: crontab counts Sunday as 0 (and 7), the cron crate as 1.
fn weekday_names(field: &str) -> Result<String, CrontabError> {
    if field == "*" {
        return Ok("*".to_owned());
    }
    let wrong = || CrontabError::Expression(format!("{field:?} is no day of the week; write 0-7 or SUN-SAT"));
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
        // "FRI-MON" runs over the end of the week, as newer crons allow.
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

/// Why an expression cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CrontabError {
    #[error("a cron expression has five fields (minute hour day month weekday), this has {0}")]
    Fields(usize),
    #[error("the cron expression cannot be read: {0}")]
    Expression(String),
}
