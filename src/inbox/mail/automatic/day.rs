//! A day as people write one: with a month's name or number, a weekday, or the morrow; what is left out is made up by the day
//! on which it was written.

use super::tokens::{Kind, Token, Words};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// How far ahead a day without a year may lie, in days; one that lies further is the one just past.
const AHEAD: i32 = 200;

/// A day, as far as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Day {
    /// Day and month in the order of likelihood, and the year where it is named.
    Dated {
        options: Vec<(i8, i8)>,
        year: Option<i16>,
    },
    /// The first of a month.
    Month(Vec<i8>),
    /// "the 12th".
    OfMonth(i8),
    Weekday(i8),
    Tomorrow,
}

impl Day {
    /// The day meant, on or after the day on which it was written; `None` if it lies before, or too far ahead to be meant.
    pub(super) fn after(&self, written: Date) -> Option<Date> {
        let near = |date: Date| (0..=AHEAD).contains(&days(written, date));
        let in_year = |year: i16, month: i8, day: i8| Date::new(year, month, day).ok();
        let dated = |month: i8, day: i8| {
            [written.year(), written.year().saturating_add(1)]
                .into_iter()
                .filter_map(|year| in_year(year, month, day))
                .find(|d| near(*d))
        };
        match self {
            Self::Dated { options, year: Some(year) } => {
                let found = options.iter().filter_map(|(day, month)| in_year(*year, *month, *day));
                found.filter(|date| days(written, *date) >= 0).min()
            }
            Self::Dated { options, year: None } => {
                let found = options.iter().filter_map(|(day, month)| dated(*month, *day));
                // Of the twelfth of May and the fifth of December, the nearer.
                found.min_by_key(|date| days(written, *date))
            }
            Self::Month(months) => months.iter().filter_map(|month| dated(*month, 1)).min(),
            Self::OfMonth(day) => (0..3).find_map(|ahead| {
                let first = written.first_of_month().checked_add(i64::from(ahead).months()).ok()?;
                in_year(first.year(), first.month(), *day).filter(|date| *date > written)
            }),
            Self::Weekday(weekday) => written.nth_weekday(1, Weekday::from_monday_one_offset(*weekday).ok()?).ok(),
            Self::Tomorrow => written.tomorrow().ok(),
        }
    }
}

fn days(from: Date, to: Date) -> i32 {
    from.until(to).map_or(i32::MAX, |span| span.get_days())
}

/// The day that begins at this token, and where the next token is.
pub(super) fn day_at(tokens: &[Token], at: usize, words: &Words) -> Option<(Day, usize)> {
    if let Some((weekday, next)) = weekday_at(tokens, at, words) {
        // "Monday, 12 May", "lunes 12 de mayo".
        let mut ahead = next;
        while ahead < tokens.len().min(next + 3) {
            if let Some(dated) = dated_at(tokens, ahead, words) {
                return Some(dated);
            }
            if !(tokens[ahead].is_any(&[",", ".", "(", ")", "-"]) || words.is_between(&tokens[ahead])) {
                break;
            }
            ahead += 1;
        }
        return Some((Day::Weekday(weekday), next));
    }
    if let Some(dated) = dated_at(tokens, at, words) {
        return Some(dated);
    }
    if let Some(next) = words.tomorrow_at(tokens, at) {
        return Some((Day::Tomorrow, next));
    }
    let token = tokens.get(at)?;
    match token.kind {
        Kind::Number(day) if (1..=31).contains(&day) => {
            let ordinal = tokens.get(at + 1).is_some_and(|next| next.touches(token) && next.is_any(&["st", "nd", "rd", "th"]));
            ordinal.then_some((Day::OfMonth(i8::try_from(day).ok()?), at + 2))
        }
        Kind::Word if token.text.chars().count() >= 4 || !token.text.is_ascii() => {
            let months = words.months(&token.text);
            (!months.is_empty()).then_some((Day::Month(months), at + 1))
        }
        Kind::Number(_) | Kind::Word | Kind::Sign => None,
    }
}

fn weekday_at(tokens: &[Token], at: usize, words: &Words) -> Option<(i8, usize)> {
    let token = tokens.get(at).filter(|token| token.kind == Kind::Word)?;
    let weekday = words.weekday(&token.text)?;
    let feira = tokens.get(at + 1).is_some_and(|next| next.text == "feira");
    Some((weekday, at + 1 + usize::from(feira)))
}

fn dated_at(tokens: &[Token], at: usize, words: &Words) -> Option<(Day, usize)> {
    east_asian(tokens, at).or_else(|| numeric(tokens, at, words)).or_else(|| named(tokens, at, words))
}

fn number(tokens: &[Token], at: usize) -> Option<i16> {
    match tokens.get(at)?.kind {
        Kind::Number(value) => i16::try_from(value).ok(),
        Kind::Word | Kind::Sign => None,
    }
}

fn day_of(value: i16) -> Option<i8> {
    i8::try_from(value).ok().filter(|day| (1..=31).contains(day))
}

fn month_of(value: i16) -> Option<i8> {
    i8::try_from(value).ok().filter(|month| (1..=12).contains(month))
}

fn year_of(value: i16) -> Option<i16> {
    match value {
        0..=99 => Some(2000 + value),
        2000..=2199 => Some(value),
        _ => None,
    }
}

/// `5月12日`, `2026年5月12日`, `5월 12일`.
fn east_asian(tokens: &[Token], at: usize) -> Option<(Day, usize)> {
    let unit =
        |at: usize, units: [&str; 2]| tokens.get(at).is_some_and(|token| units.iter().any(|unit| token.text.starts_with(unit)));
    let (year, at) = match number(tokens, at).and_then(year_of) {
        Some(year) if unit(at + 1, ["年", "년"]) => (Some(year), at + 2),
        _ => (None, at),
    };
    let (month, day) = (month_of(number(tokens, at)?)?, day_of(number(tokens, at + 2)?)?);
    // What follows stays in the unit's token: 12日まで.
    (unit(at + 1, ["月", "월"]) && unit(at + 3, ["日", "일"]))
        .then_some((Day::Dated { options: vec![(day, month)], year }, at + 3))
}

/// `2026-05-12`, `12.05.`, `12. 5. 2026`, `12/05/26`.
fn numeric(tokens: &[Token], at: usize, words: &Words) -> Option<(Day, usize)> {
    let (first, second) = (number(tokens, at)?, number(tokens, at + 2)?);
    let sign = tokens.get(at + 1).filter(|sign| sign.is_any(&[".", "/", "-"]) && sign.touches(&tokens[at]))?;
    if sign.text != "." && !tokens[at + 2].touches(sign) {
        return None;
    }
    let third = tokens
        .get(at + 3)
        .filter(|next| next.text == sign.text && next.touches(&tokens[at + 2]))
        .and_then(|_| number(tokens, at + 4));
    if (2000..=2199).contains(&first) {
        let day = Day::Dated { options: vec![(day_of(third?)?, month_of(second)?)], year: Some(first) };
        return Some((day, at + 5));
    }
    let year = third.and_then(year_of);
    // `3-14 May` is a span, and `8.30 Uhr` an hour.
    if sign.text == "-" && year.is_none() || tokens.get(at + 3).is_some_and(|next| words.is_hour(next) || next.text == ":") {
        return None;
    }
    let by_day = day_of(first).zip(month_of(second));
    let by_month = day_of(second).zip(month_of(first)).filter(|_| sign.text == "/");
    let options: Vec<(i8, i8)> = by_day.into_iter().chain(by_month).collect();
    let ends = at + 3 + if year.is_some() { 2 } else { usize::from(tokens.get(at + 3).is_some_and(|next| next.text == ".")) };
    (!options.is_empty()).then_some((Day::Dated { options, year }, ends))
}

/// `12 May`, `12. Mai 2026`, `12th of May`, `May 12th, 2026`, `12 de mayo de 2026`, `május 12-ig`, `12 tháng 5`.
fn named(tokens: &[Token], at: usize, words: &Words) -> Option<(Day, usize)> {
    let months = |at: usize| {
        tokens.get(at).filter(|token| token.kind == Kind::Word).map(|token| words.months(&token.text)).unwrap_or_default()
    };
    if let Some(day) = number(tokens, at).and_then(day_of) {
        let mut next = at + 1;
        while next < tokens.len().min(at + 4)
            && tokens[next]
                .is_any(&[".", "st", "nd", "rd", "th", "er", "o", "a", "e", "de", "of", "d", "'", "di", "del", "ta", "-"])
        {
            next += 1;
        }
        let found = months(next);
        if found.is_empty() {
            let month = tokens
                .get(next)
                .filter(|token| token.text == "thang")
                .and_then(|_| number(tokens, next + 1))
                .and_then(month_of)?;
            return Some((Day::Dated { options: vec![(day, month)], year: None }, next + 2));
        }
        let (year, next) = year_at(tokens, next + 1);
        return Some((Day::Dated { options: found.into_iter().map(|month| (day, month)).collect(), year }, next));
    }
    let found = months(at);
    let point = usize::from(tokens.get(at + 1).is_some_and(|token| token.text == "."));
    let the = usize::from(tokens.get(at + 1 + point).is_some_and(|token| token.text == "the"));
    let day = number(tokens, at + 1 + point + the).and_then(day_of).filter(|_| !found.is_empty())?;
    let mut next = at + 2 + point + the;
    if tokens.get(next).is_some_and(|token| token.is_any(&["st", "nd", "rd", "th"])) {
        next += 1;
    }
    let (year, next) = year_at(tokens, next);
    Some((Day::Dated { options: found.into_iter().map(|month| (day, month)).collect(), year }, next))
}

/// A year here, behind a comma, a point or a small word.
fn year_at(tokens: &[Token], at: usize) -> (Option<i16>, usize) {
    let skipped = usize::from(tokens.get(at).is_some_and(|token| token.is_any(&[",", ".", "de", "del", "'"])));
    match number(tokens, at + skipped) {
        Some(year) if (2000..=2199).contains(&year) => (Some(year), at + skipped + 1),
        _ => (None, at),
    }
}
