//! A simulation's report, for people: what will happen when, then the results, then what to look at.

use crate::cli::exit::Exit;
use crate::cli::output;
use crate::insight::simulate::calendar::ZoneCalendar;
use crate::insight::simulate::report::{CampaignReport, SimulationReport, StandingCounts};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Prints the report.
pub fn print(report: &SimulationReport) -> Result<(), Exit> {
    let last = report.until - jiff::SignedDuration::from_secs(1);
    let left_out = if report.left_out > 0 { format!(" ({} left out)", report.left_out) } else { String::new() };
    output::line(format!("{} prospects{left_out}, {}.", number(report.prospects as u64), report.prospects_from))?;
    output::line(format!("From {} to {}, seed {}.", day(report, report.from), day(report, last), report.seed))?;
    heading("Calendar")?;
    report.calendar.iter().try_for_each(calendar)?;
    heading("Mails")?;
    load(report)?;
    report.campaigns.iter().try_for_each(|c| campaign(report, c))?;
    heading("Ready and requests")?;
    quarters(report)?;
    standing(&report.standing)?;
    heading("Salespeople")?;
    salespeople(report)?;
    heading("Silence")?;
    silence(report)
}

fn heading(words: &str) -> Result<(), Exit> {
    output::line("")?;
    output::line(words)
}

fn calendar(zone: &ZoneCalendar) -> Result<(), Exit> {
    output::line(format!("  {}", zone.zone))?;
    let mut changes = zone.changes.iter().peekable();
    for date in &zone.dates {
        while let Some(change) = changes.next_if(|change| change.at <= date.due_at) {
            output::line(clock_change(change))?;
        }
        let what = match (&date.missed, date.newsletters.as_slice()) {
            (Some(why), _) => format!("not sent: {why}"),
            (None, []) => "nobody is due a letter".to_owned(),
            (None, [one]) => format!("{one}, {} mails", number(date.mails)),
            (None, several) => format!("{} newsletters, {} mails", several.len(), number(date.mails)),
        };
        output::line(format!("    {} {}  {:20} {what}", date.local, date.offset, date.campaign))?;
    }
    changes.try_for_each(|change| output::line(clock_change(change)))
}

fn clock_change(change: &crate::insight::simulate::calendar::ClockChange) -> String {
    format!("    {}         clocks go {}: {} becomes {}", change.local, change.direction, change.offsets.0, change.offsets.1)
}

fn load(report: &SimulationReport) -> Result<(), Exit> {
    let load = &report.load;
    output::line(format!(
        "  {} mails on {} days, {} letters to our own people.",
        number(load.mails),
        load.days,
        number(load.letters)
    ))?;
    let busiest: Vec<String> = load.busiest.iter().map(|(day, mails)| format!("{day} {}", number(*mails))).collect();
    if busiest.is_empty() { Ok(()) } else { output::line(format!("  Busiest: {}.", busiest.join(", "))) }
}

fn campaign(report: &SimulationReport, c: &CampaignReport) -> Result<(), Exit> {
    output::line(format!("  {}: {} mails", c.campaign, number(c.mails)))?;
    let of = |count: u64, all: u64| share(count, all);
    output::line(format!(
        "    {} clicked ({}; {} of them not tracked), {} machine hits; {} answered ({} of mails that ask), {} further answers",
        number(c.clicked),
        of(c.clicked, c.mails),
        number(c.clicked_untracked),
        number(c.machine_hits),
        number(c.answered),
        of(c.answered, c.asking),
        number(c.further_answers)
    ))?;
    output::line(format!(
        "    {} replied, {} filled in a form, {} unsubscribed ({}), {} complained",
        number(c.replied),
        number(c.forms),
        number(c.unsubscribed),
        of(c.unsubscribed, c.mails),
        number(c.complained)
    ))?;
    let mut put_off = Vec::new();
    if c.deferred_by_cap > 0 {
        put_off.push(format!("{} by the cap", number(c.deferred_by_cap.unsigned_abs())));
    }
    for (deferred, why) in [(c.deferred_by_window, "by the window"), (c.deferred_otherwise, "by paces and busy relays")] {
        if deferred.mails > 0 {
            put_off.push(format!("{} {why} (at most {})", number(deferred.mails), minutes(deferred.longest_minutes)));
        }
    }
    if !put_off.is_empty() {
        output::line(format!("    put off: {}", put_off.join(", ")))?;
    }
    for ended in &c.not_sent {
        let reason = if ended.reason.is_empty() { String::new() } else { format!(" ({})", ended.reason) };
        output::line(format!("    {} {}{reason}", number(ended.mails.unsigned_abs()), ended.state))?;
    }
    if let Some(why) = &c.paused {
        output::line(format!("    it paused, and nobody resumed it: {why}"))?;
    }
    if let Some(at) = c.letters_run_out_at {
        output::line(format!("    its letters run out: from {} on, some have had all of them", day(report, at)))?;
    }
    if let Some(at) = c.needs_letter_at {
        output::line(format!("    it needs a new letter for {}", day(report, at)))?;
    }
    if c.letters_made_up > 0 {
        output::line(format!("    {} letters were made up, like its own: `letters` in the behaviour file", c.letters_made_up))?;
    }
    Ok(())
}

fn quarters(report: &SimulationReport) -> Result<(), Exit> {
    let rows: Vec<[String; 6]> = report
        .quarters
        .iter()
        .map(|q| {
            let near: u64 = q.end.known[3] + q.end.known[4];
            let bottleneck = q.end.bottleneck.map_or_else(|| "-".to_owned(), |c| c.to_string());
            [format!("  {}", q.quarter), number(q.ready), number(q.requests), number(q.won), number(near), bottleneck]
        })
        .collect();
    output::table(["  QUARTER", "READY", "REQUESTS", "WON", "NEAR MISSES", "HELD BACK BY"], &rows)
}

fn standing(s: &StandingCounts) -> Result<(), Exit> {
    let known: Vec<String> = s.known.iter().enumerate().map(|(n, count)| format!("{n} of 5: {}", number(*count))).collect();
    output::line(format!("  Known at the end: {}.", known.join(", ")))?;
    let lack = if s.near_misses_lack.is_empty() { &s.others_lack } else { &s.near_misses_lack };
    let who = if s.near_misses_lack.is_empty() { "those of whom anything is known" } else { "near misses" };
    let lack: Vec<String> = lack.iter().map(|(criterion, count)| format!("{criterion} {}", number(*count))).collect();
    match s.bottleneck {
        Some(bottleneck) => output::line(format!("  {bottleneck} holds most people back. What {who} lack: {}.", lack.join(", "))),
        None => output::line("  Of nobody is anything known."),
    }
}

fn salespeople(report: &SimulationReport) -> Result<(), Exit> {
    let rows: Vec<[String; 6]> = report
        .salespeople
        .iter()
        .map(|s| {
            let at_most = s.at_most.map_or_else(|| "no limit".to_owned(), |most| number(u64::from(most)));
            [format!("  {}", s.salesperson), number(s.offers), number(s.requests), number(s.won), number(s.most_open), at_most]
        })
        .collect();
    output::table(["  SALESPERSON", "OFFERS", "REQUESTS", "WON", "MOST OPEN AT ONCE", "AT MOST"], &rows)?;
    output::line(format!("  The desk called {} times and reached {}.", number(report.desk.calls), number(report.desk.reached)))
}

fn silence(report: &SimulationReport) -> Result<(), Exit> {
    let s = &report.silence;
    output::line(format!("  The longest between two mails to somebody who could have had one: {} days.", s.longest_days))?;
    output::line(format!(
        "  At the end, {} of {} who can be written to have had none for more than {} days.",
        number(s.in_a_long_one),
        number(s.reachable),
        s.long_days
    ))?;
    output::line(format!("  Prospects without a future: {}.", report.without_future))
}

/// A date in the zone of the office.
fn day(report: &SimulationReport, at: Timestamp) -> String {
    at.to_zoned(TimeZone::get(&report.zone).unwrap_or(TimeZone::UTC)).date().to_string()
}

/// A number with thousands separators.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let lead = digits.len() % 3;
    let (first, rest) = digits.split_at(lead);
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let parts: Vec<String> = Some(first.to_owned()).filter(|f| !f.is_empty()).into_iter().chain(groups).collect();
    parts.join(",")
}

fn share(count: u64, all: u64) -> String {
    let hundredths = (count * 10_000 + all / 2).checked_div(all).unwrap_or(0);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

fn minutes(minutes: i64) -> String {
    match minutes {
        0..120 => format!("{minutes} minutes"),
        120..2_880 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        for (value, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(number(value), text);
        }
        assert_eq!(share(1, 300), "0.33 %");
        assert_eq!(share(1, 0), "0.00 %");
        assert_eq!((minutes(119), minutes(120), minutes(2_880)), ("119 minutes".into(), "2 hours".into(), "2 days".into()));
    }
}
