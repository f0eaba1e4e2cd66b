//! `nurtured doctor`: checks the installation and prints the findings of `insight::doctor`. Each failure names what
//! fixes it; nothing is changed.

use super::exit::Exit;
use super::{open, output};
use crate::clock::{Clock, SystemClock};
use crate::domain::census::{Census, Group};
use crate::insight::doctor::examine::{DoctorReport, examine, examine_alone};
use crate::insight::doctor::finding::{Finding, State};
use std::path::Path;

/// Runs all checks.
///
/// # Errors
/// 1 when something is wrong, 69 when the database is down, 78 for the configuration.
pub async fn doctor(config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let now = SystemClock.now();
    let (report, broken) = match open::load(config) {
        Ok(loaded) => (Box::pin(examine(&loaded.plan, &loaded.secrets, now)).await, None),
        Err(broken) => {
            // Without [database] there is nothing to look at.
            let Ok(named) = open::named(config) else { return Err(broken) };
            (Box::pin(examine_alone(&named.url, &named.stop_journal, now)).await, Some(broken))
        }
    };
    if json {
        output::json(&report)?;
    } else {
        report.checks.iter().try_for_each(print)?;
        report.census.iter().try_for_each(table)?;
        output::line(verdict(&report))?;
    }
    if let Some(broken) = broken {
        return Err(broken);
    }
    match report.well {
        true => Ok(()),
        false if report.is_down() => Err(Exit::Unavailable(String::new())),
        false => Err(Exit::No(String::new())),
    }
}

fn print(finding: &Finding) -> Result<(), Exit> {
    output::line(format!("{:13}  {:13}  {}", finding.state.word(), finding.check, finding.says))?;
    finding.fix.iter().try_for_each(|fix| output::line(format!("{:30} -> {fix}", "")))
}

fn table(census: &Census) -> Result<(), Exit> {
    let row = |group: &Group| [census.of(*group).to_string(), group.words().to_owned()];
    let is_shown = |group: &&Group| !group.is_without_future() || census.of(**group) > 0;
    let mut rows: Vec<[String; 2]> = Group::ALL.iter().filter(is_shown).map(row).collect();
    rows.push([census.counted().to_string(), format!("together, of {} prospects", census.prospects)]);
    rows.push([census.without_future().to_string(), "without a future".to_owned()]);
    output::line("")?;
    output::table(["prospects", "where they are, and what comes next"], &rows)?;
    output::line("")
}

fn verdict(report: &DoctorReport) -> String {
    let of = |state| report.checks.iter().filter(|finding| finding.state == state).count();
    let wrong = of(State::Wrong) + of(State::Down);
    match wrong {
        0 => "All is well.".to_owned(),
        1 => "One thing is wrong.".to_owned(),
        wrong => format!("{wrong} things are wrong."),
    }
}
