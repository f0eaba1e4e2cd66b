//! `nurtured backtest`: replays the past under other rules, and prints the result of `insight::backtest`.

use super::exit::Exit;
use super::{open, output};
use crate::config;
use crate::insight::backtest::compare::{Compared, DecisionChange};
use crate::insight::backtest::history_scan::Progress;
use crate::insight::backtest::metrics::Side;
use crate::insight::backtest::run::{self, Backtest as Found};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Replay all past signals under other rules: who would have become ready, and when
#[derive(Debug, Args)]
pub struct Backtest {
    /// The rules: a file as qualification.toml, checked like it; qualification.toml itself reproduces what was decided
    #[arg(long, value_name = "FILE")]
    rules: PathBuf,
    /// As if they had come into force on this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    since: Option<Date>,
    /// How many different decisions are listed at most; JSON has them all
    #[arg(long, value_name = "N", default_value_t = 30)]
    most: usize,
}

/// Replays and prints.
///
/// # Errors
/// explains it; those of the store.
/// explains it; the store's.
pub async fn backtest(verb: &Backtest, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let now = node.ctx.now();
    let loaded = config::load_with_rules(&open::directory(config), &verb.rules, &open::environment())?;
    let shown = verb.rules.display().to_string();
    for warning in loaded.warnings_at(now).filter(|warning| warning.place.path() == shown) {
        output::aside(warning);
    }
    let since = verb.since.map(|day| day.to_zoned(TimeZone::UTC).map(|day| day.timestamp()));
    let since = since.transpose().map_err(|e| Exit::Usage(format!("--since: {e}")))?;
    if since.is_some_and(|since| since > now) {
        return Err(Exit::Usage("--since is a day to come: nothing is on record from then on".to_owned()));
    }
    // Shown on a terminal only.
    let bar = ProgressBar::new(0);
    bar.set_style(
        ProgressStyle::with_template("{spinner} {bar:30} {percent}% of history").unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let tell: Progress = Arc::new({
        let bar = bar.clone();
        move |done, of| {
            bar.set_length(of);
            bar.set_position(done);
        }
    });
    let found = run::backtest(&node.ctx, &loaded.plan, since, &tell).await;
    bar.finish_and_clear();
    let found = found?;
    if json {
        output::json(&found)?;
    } else {
        print(&found, verb.most)?;
    }
    match found.reproduction.not {
        0 => Ok(()),
        not => Err(Exit::No(format!(
            "{not} decisions were made under these rules and are not reproduced, and nothing explains it; --json lists them"
        ))),
    }
}

fn print(found: &Found, most: usize) -> Result<(), Exit> {
    let since = found.since.map_or_else(|| "the beginning".to_owned(), day);
    let rules = if found.unchanged { "The rules in force" } else { "These rules" };
    output::line(format!("{rules}, over what was recorded from {since} to {}", output::instant(Some(found.until))))?;
    reproduction(found)?;
    output::line("")?;
    let side = |name: &str, side: &Side| {
        let whole = [side.ready, side.requests, side.accepted, side.rejected, side.won].map(|n| n.to_string());
        let [ready, requests, accepted, rejected, won] = whole;
        let [precision, recall, of_won] = [side.precision, side.recall, side.recall_of_won].map(percent);
        [name.to_owned(), ready, requests, accepted, rejected, won, precision, recall, of_won]
    };
    let headings = ["", "READY", "REQUESTS", "ACCEPTED", "REJECTED", "WON", "PRECISION", "RECALL", "OF WON"];
    output::table(headings, &[side("as it was", &found.was), side("by these rules", &found.would)])?;
    let c = &found.changes;
    output::line(format!(
        "{} the same, {} earlier, {} later, {} for another cause; {} gained, {} lost",
        c.same, c.earlier, c.later, c.otherwise, c.gained, c.lost
    ))?;
    if !found.quarters.is_empty() {
        output::line("")?;
        let arrow = |was: u64, would: u64| if was == would { was.to_string() } else { format!("{was} -> {would}") };
        let quarter = |q: &crate::insight::backtest::metrics::Quarter| {
            [q.quarter.clone(), arrow(q.was_ready, q.would_be_ready), arrow(q.was_request, q.would_be_request)]
        };
        output::table(["QUARTER", "READY", "REQUESTS"], &found.quarters.iter().map(quarter).collect::<Vec<_>>())?;
        output::line("")?;
        let workload = |w: &crate::insight::backtest::workload::Workload| {
            let (was, would) = w.busiest();
            [w.salesperson.to_string(), arrow(w.was, w.would), arrow(was, would)]
        };
        output::table(["SALESPERSON", "OFFERS", "BUSIEST WEEK"], &found.workload.iter().map(workload).collect::<Vec<_>>())?;
    }
    output::line("")?;
    match found.held_back.first() {
        Some(first) => {
            let all: Vec<String> = found.held_back.iter().map(|h| format!("{} {}", h.criterion, h.prospects)).collect();
            output::line(format!(
                "What holds most people back: {}. At four of five today, by what is missing: {}",
                first.criterion,
                all.join(", ")
            ))?;
        }
        None => output::line("Nobody is at four of five today.")?,
    }
    if !found.different.is_empty() {
        output::line("")?;
        found.different.iter().take(most).try_for_each(different)?;
        let left = found.different.len().saturating_sub(most);
        if left > 0 {
            output::line(format!("… and {left} more; --json lists all of them"))?;
        }
    }
    Ok(())
}

/// Prints how many decisions on record these rules reproduce, and what cannot be replayed.
fn reproduction(found: &Found) -> Result<(), Exit> {
    let r = &found.reproduction;
    let of = r.recorded - r.other_rules - r.erased;
    output::line(format!("{} of {of} decisions made under these rules are reproduced exactly", r.exactly))?;
    let told = [
        (r.reworded, "reproduced in other words: a name has changed, or how we word what is cited"),
        (r.other_rules, "made while other rules were in force"),
        (r.erased, "cannot be replayed: what they rested on was erased since"),
        (r.not, "not reproduced, and nothing explains it"),
    ];
    told.into_iter().filter(|(count, _)| *count > 0).try_for_each(|(count, words)| output::line(format!("{count} {words}")))
}

fn different(c: &Compared) -> Result<(), Exit> {
    let would = c.would.map(|w| format!("{} {}", w.cause, day(w.at)));
    let was = c.was.as_ref().map(|w| format!("{} {}", w.cause, day(w.at)));
    let (would, was) = (would.unwrap_or_default(), was.unwrap_or_default());
    let said = match c.change {
        DecisionChange::Gained => format!("gained     {}: {would}", c.name),
        DecisionChange::Lost => {
            let missing: Vec<String> = c.missing.iter().map(ToString::to_string).collect();
            let missing = if missing.is_empty() { String::new() } else { format!(", without {}", missing.join(", ")) };
            format!("lost       {}: was {was}{missing}", c.name)
        }
        DecisionChange::Earlier => format!("earlier    {}: {would}, was {was}", c.name),
        DecisionChange::Later => format!("later      {}: {would}, was {was}", c.name),
        DecisionChange::Otherwise => format!("otherwise  {}: {would}, was {was}", c.name),
        DecisionChange::Same => format!("not reproduced  {}: was {was}", c.name),
    };
    output::line(said)
}

fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}
