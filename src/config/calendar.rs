//! Keys about time: a campaign's schedule with its skip dates, its window, what becomes of a late occurrence; the cap
//! over all campaigns; and the days and times of day in which working hours are written too.

use crate::config::node::Node;
use crate::config::place::Place;
use crate::config::problem::{Log, Problem};
use crate::config::reader::Reader;
use crate::domain::group::campaign::{Late, Otherwise};
use crate::domain::group::cap::Cap;
use crate::domain::group::crontab::CrontabError;
use crate::domain::group::schedule::{Schedule, ScheduleError};
use crate::domain::group::skip::{Dates, SkipDates};
use crate::domain::span::Span;
use crate::domain::window::Window;
use jiff::civil::Time;
use jiff::tz::TimeZone;

/// What a cron expression looks like.
const CRON: &str = "minute hour day month weekday, such as \"30 9 * * TUE#1\": the first Tuesday, at 9:30";
/// What a window looks like.
const WINDOW: &str = "such as { days = \"mon-fri\", from = \"08:00\", to = \"18:00\" }";

/// Reads `schedule`. `None` after a problem.
pub fn schedule(log: &Log, node: &Node) -> Option<Schedule> {
    let mut reader = Reader::table(log, node)?;
    let cron = reader.need("cron", CRON);
    let zone = reader.need("zone", "an IANA time zone such as \"Europe/Madrid\"");
    // All are read before any failure ends the reading: every problem at once.
    let skip: Vec<Option<Dates>> = reader.list("skip").iter().map(|node| node.parse(log, "", Dates::parse)).collect();
    let skip: Option<Vec<Dates>> = skip.into_iter().collect();
    let skip_place = reader.has("skip").then(|| reader.get("skip").map(|node| node.place.clone())).flatten();
    reader.finish();
    let (cron, zone) = (cron?, zone?);
    let (expression, zone_name) = (cron.text(log)?, zone.text(log)?);
    let schedule = match Schedule::parse(expression, zone_name) {
        Ok(schedule) => schedule,
        Err(error) => return refused(log, &error, &cron.place, &zone.place),
    };
    if schedule.crontab().either_day_matches() {
        let problem = Problem::warning(&cron.place, "both day fields are restricted: either of them fires this");
        log.add(problem.label("crontab's rule").help("that is seldom meant; `*` in one of the two leaves the other alone"));
    }
    match (schedule.skipping(SkipDates::new(skip?)), skip_place) {
        (Ok(schedule), _) => Some(schedule),
        (Err(error), place) => refused(log, &error, place.as_ref().unwrap_or(&cron.place), &zone.place),
    }
}

fn refused(log: &Log, error: &ScheduleError, place: &Place, zone: &Place) -> Option<Schedule> {
    let (place, help) = match error {
        ScheduleError::Zone(_) => (zone, ""),
        ScheduleError::Never => (place, "day and month must meet at least once in a calendar"),
        ScheduleError::Skipped => (place, "leave at least one date of the schedule, or pause the campaign"),
        ScheduleError::Crontab(CrontabError::Fields(_) | CrontabError::Expression(_)) => (place, CRON),
    };
    let text = error.to_string();
    let (title, more) = text.rsplit_once("; ").unwrap_or((&text, help));
    log.add(Problem::error(place, title).help(if help.is_empty() { more } else { help }));
    None
}

/// Reads `late`; a missing key has its default. `None` after a problem.
pub fn late(log: &Log, node: &Node) -> Option<Late> {
    let usual = Late::default();
    let mut reader = Reader::table(log, node)?;
    let within = reader.get("send_within").map(|node| node.parse(log, "", Span::parse));
    let words = [("skip", Otherwise::Skip), ("send", Otherwise::Send)];
    let otherwise = reader.get("otherwise").map(|node| node.one_of(log, &words));
    reader.finish();
    Some(Late { send_within: within.unwrap_or(Some(usual.send_within))?, otherwise: otherwise.unwrap_or(Some(usual.otherwise))? })
}

/// Reads `window`, in the campaign's zone. `from` and `to` are midnight where they are missing. `None` after a problem.
pub fn window(log: &Log, node: &Node, zone: TimeZone) -> Option<Window> {
    let mut reader = Reader::table(log, node)?;
    let days = reader.get("days").map_or(Some([true; 7]), |node| node.parse(log, "", days));
    let from = reader.get("from").map(|node| (node.parse(log, "", time_of_day), &node.place));
    let until = |text: &str| if text == "24:00" { Ok(Time::midnight()) } else { time_of_day(text) };
    let to = reader.get("to").map(|node| (node.parse(log, "", until), &node.place));
    let place = reader.place.clone();
    let empty = !["days", "from", "to"].into_iter().any(|key| reader.has(key));
    reader.finish();
    if empty {
        log.add(Problem::error(&place, "this window says nothing").help(WINDOW));
    }
    let last = to.as_ref().or(from.as_ref()).map(|(_, place)| *place);
    let midnight = Time::midnight();
    let (from, to) = (from.map_or(Some(midnight), |(at, _)| at)?, to.map_or(Some(midnight), |(at, _)| at)?);
    if let Some(place) = last.filter(|_| from == to && from != midnight) {
        let problem = Problem::error(place, "this window closes when it opens").label("the same time as `from`");
        log.add(problem.help(format!("write two times, {WINDOW}; for whole days leave both out")));
        return None;
    }
    Some(Window { days: days?, from, to, zone })
}

/// Reads the table `sending` of `nurtured.toml`: the cap over all campaigns, if there is one, and that of those who chose "less often".
/// `None` after a problem.
pub fn sending(log: &Log, node: &Node) -> Option<(Option<Cap>, Cap)> {
    let mut reader = Reader::table(log, node)?;
    let everybody = reader.get("cap").map(|node| cap(log, node));
    let less_often = reader.get("less_often").map_or(Some(Cap::LESS_OFTEN), |node| cap(log, node));
    reader.finish();
    match everybody {
        Some(cap) => Some((Some(cap?), less_often?)),
        None => Some((None, less_often?)),
    }
}

fn cap(log: &Log, node: &Node) -> Option<Cap> {
    let mut reader = Reader::table(log, node)?;
    let mails = reader.need("mails", "how many mails a prospect gets at most").and_then(|node| node.integer(log, 1, 1_000));
    let within = reader.need("within", "within which time, such as \"7d\"");
    let within = within.and_then(|node| node.parse(log, "", some_time));
    reader.finish();
    Some(Cap { mails: mails?, within: within? })
}

fn some_time(text: &str) -> Result<Span, String> {
    let span = Span::parse(text).map_err(|error| error.to_string())?;
    if span.rough_minutes() > 0 { Ok(span) } else { Err(format!("{text:?} is no time at all; write one such as \"7d\"")) }
}

/// Reads days of the week.
pub fn days(text: &str) -> Result<[bool; 7], &'static str> {
    Window::parse_days(text).ok_or("this names no days; write \"mon-fri\" or \"mon,wed,fri\"")
}

/// Reads a time of day.
pub fn time_of_day(text: &str) -> Result<Time, String> {
    let digits = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let read = || {
        let (hour, minute) = text.split_once(':').filter(|(hour, minute)| digits(hour) && digits(minute))?;
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    read().ok_or_else(|| format!("{text:?} is no time of day; write one such as \"09:00\""))
}
