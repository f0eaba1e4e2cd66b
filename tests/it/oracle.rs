//! Schedules over twenty years in ten zones, against an independent reading: croner says which wall-clock times an
//! expression names, chrono-tz which instants those are. Neither shares code or zone data with ours.
//!
//! What a change of clocks does to them is our policy, said once more here, in other words (`instants`). croner has one of
//! its own, which calls a list of hours no fixed time; it is not asked.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use jiff::Timestamp;
use nurtured::domain::group::schedule::Schedule;
use std::str::FromStr;

/// Half hours, quarters of an hour, midnight, a whole day left out, fasting months, rules that came and went; and one
/// zone in which nothing ever happens.
const ZONES: [&str; 10] = [
    "Europe/Madrid",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
];

/// Expressions of every kind, and whether they follow the clock: `*` in minute or hour.
const EXPRESSIONS: [(&str, bool); 20] = [
    ("30 2 * * *", false),
    ("0 0 * * SUN", false),
    ("59 23 * * 6,7", false),
    ("30 9 * * TUE#1", false),
    ("15 0 * * SUN#2", false),
    ("45 1 * * 0#1", false),
    ("30 2 * * SUN#5", false),
    ("30 2 * * SUNL", false),
    ("0 1 * * 6L", false),
    ("0 0 L * *", false),
    ("0 10 15 1,4,7,10 *", false),
    ("30 2 29 2 *", false),
    ("0 9 13 * FRI", false),
    ("30 1 1,15,30 * SUN", false),
    ("0,30 0-3 * 2-4,9-11 SUN", false),
    ("15 1,2,3 8-14 3,10,11 *", false),
    ("*/20 0-3 * 2-4,9-11 SUN", true),
    ("30 * 25-31 3,10 *", true),
    ("*/30 */2 * 3,4,10,11 SUN#1", true),
    ("* 1,2 * 3 SUN#2", true),
];

fn when(year: i32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(year, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0)).expect("a first of January")
}

/// The wall-clock times an expression names from 2007 to 2026: croner walks through them in UTC, where clocks never change.
fn named(expression: &str) -> Vec<NaiveDateTime> {
    let cron = Cron::from_str(expression).unwrap_or_else(|e| panic!("croner cannot read {expression}: {e}"));
    let times = cron.iter_from(when(2007).and_utc(), croner::Direction::Forward);
    times.map(|at| at.naive_utc()).take_while(|wall| *wall < when(2027)).collect()
}

/// The instants of a wall-clock time, by our policy: a fixed time runs at the end of a gap and in the first pass of a fold;
/// what follows the clock runs as often as the clock shows it, which is not at all, or twice.
fn instants(wall: NaiveDateTime, zone: Tz, follows_the_clock: bool) -> Vec<DateTime<Utc>> {
    use chrono::LocalResult::{Ambiguous, None, Single};
    let found = match (zone.from_local_datetime(&wall), follows_the_clock) {
        (Single(at), _) => vec![at],
        (Ambiguous(first, second), true) => vec![first, second],
        (Ambiguous(first, _), false) => vec![first],
        (None, true) => vec![],
        // The first minute that the clock shows again.
        (None, false) => {
            let shown = (1..=1_500).find_map(|minutes| zone.from_local_datetime(&(wall + Duration::minutes(minutes))).earliest());
            vec![shown.expect("no gap is longer than a day")]
        }
    };
    found.into_iter().map(|at| at.to_utc()).collect()
}

/// Every firing there should be: the instant, and the local time that names it.
fn theirs(walls: &[NaiveDateTime], zone: Tz, follows_the_clock: bool) -> Vec<(i64, String)> {
    let named = |wall: &NaiveDateTime| wall.format("%Y-%m-%dT%H:%M").to_string();
    let all = walls.iter().flat_map(|wall| instants(*wall, zone, follows_the_clock).into_iter().map(move |at| (at, wall)));
    let mut all: Vec<_> = all.map(|(at, wall)| (at.timestamp(), named(wall))).collect();
    all.sort();
    // Several times that end at the end of one gap run once, under the name of the first.
    all.dedup_by_key(|(at, _)| *at);
    all
}

/// Every firing of ours from 2007 to 2026: the instant, and the local time that names it.
fn ours(expression: &str, zone: &str) -> Vec<(i64, String)> {
    let schedule = Schedule::parse(expression, zone).expect("a schedule");
    let from = zone.parse::<Tz>().expect("a zone").from_local_datetime(&when(2007)).earliest().expect("it begins").timestamp();
    let start = Timestamp::from_second(from - 1).expect("an instant");
    std::iter::successors(schedule.after(start), |firing| schedule.after(firing.due_at))
        .take_while(|firing| firing.nominal.as_str() < "2027")
        .map(|firing| (firing.due_at.as_second(), firing.nominal[..16].to_owned()))
        .collect()
}

fn first_difference<T: PartialEq + std::fmt::Debug>(ours: &[T], theirs: &[T]) -> Option<String> {
    let at = (0..ours.len().max(theirs.len())).find(|i| ours.get(*i) != theirs.get(*i))?;
    Some(format!("ours {:?}, theirs {:?}, after {at} that agree", ours.get(at), theirs.get(at)))
}

#[test]
fn ten_zones_over_twenty_years_agree_with_an_independent_oracle() {
    let walls = EXPRESSIONS.map(|(expression, _)| named(expression));
    let in_zone = |zone: &'static str| {
        let (mut wrong, mut compared) = (Vec::new(), 0);
        for ((expression, follows_the_clock), walls) in EXPRESSIONS.iter().zip(&walls) {
            let ours = ours(expression, zone);
            let theirs = theirs(walls, zone.parse().expect("a zone"), *follows_the_clock);
            compared += ours.len();
            wrong.extend(first_difference(&ours, &theirs).map(|how| format!("{expression} in {zone}: {how}")));
        }
        (wrong, compared)
    };
    let zones: Vec<_> = std::thread::scope(|scope| {
        let running = ZONES.map(|zone| scope.spawn(|| in_zone(zone)));
        running.into_iter().map(|thread| thread.join().expect("a zone is compared")).collect()
    });
    let wrong: Vec<String> = zones.iter().flat_map(|(wrong, _)| wrong.clone()).collect();
    assert!(wrong.is_empty(), "{} disagree:\n{}", wrong.len(), wrong.join("\n"));
    let compared: usize = zones.iter().map(|(_, compared)| compared).sum();
    assert!(compared > 200_000, "only {compared} firings were compared");
}
