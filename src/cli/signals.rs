//! `nurtured signals log`: what somebody of ours heard or saw, in the record, and what it proves.

use super::exit::Exit;
use super::{open, screen};
use crate::domain::criterion::Criterion;
use crate::domain::qualification::{Qualification, Verdict};
use crate::domain::signal::{Detail, Touch};
use crate::flow::observe::{self, Logged, Observed};
use crate::flow::{look, qualify};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use std::path::Path;

/// Log what people said
#[derive(Debug, Subcommand)]
pub enum Signals {
    /// Log a call, a meeting, a talk at a fair, or a note
    Log(Log),
}

/// What was heard, from whom, by whom
#[derive(Debug, Args)]
pub struct Log {
    /// The prospect's address
    email: String,
    /// How: call, meeting, fair or note
    #[arg(long, value_parser = open::touch)]
    kind: Touch,
    /// Who of ours heard it: an id of salespeople.toml
    #[arg(long)]
    by: String,
    /// A criterion it proves; may be repeated
    #[arg(long, value_name = "CRITERION", value_parser = open::criterion)]
    proves: Vec<Criterion>,
    /// A criterion it shows to be false; may be repeated
    #[arg(long, value_name = "CRITERION", value_parser = open::criterion)]
    contradicts: Vec<Criterion>,
    /// The date they named, for the timeframe
    #[arg(long)]
    date: Option<Date>,
    /// They asked not to be approached before this date
    #[arg(long, value_name = "DATE")]
    not_before: Option<Date>,
    /// When it happened [default: now], such as 2026-03-02T10:30:00+01:00
    #[arg(long, value_name = "INSTANT")]
    at: Option<Timestamp>,
    /// What was said, best in their own words
    #[arg(long, default_value = "")]
    note: String,
}

#[derive(Serialize)]
struct Outcome<'a> {
    /// Its number; absent when it was there already.
    signal: Option<i64>,
    new: bool,
    words: String,
    met: Vec<Criterion>,
    missing: Vec<Criterion>,
    qualification: &'a Qualification,
}

/// Obeys.
///
/// # Errors
/// 1 for a touch no rule reads or a prospect nobody knows; 2 for what makes no sense; the store's.
pub async fn obey(verb: Signals, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let Signals::Log(log) = verb;
    let house = open::house(config).await?;
    let (plan, now) = (house.ctx.plan(), house.ctx.now());
    let mut tx = house.ctx.store().read().await?;
    let prospect = open::prospect(&mut tx, &log.email).await?;
    drop(tx);
    let occurred_at = log.at.unwrap_or(now);
    if occurred_at > now {
        return Err(Exit::Usage(format!("--at {occurred_at} lies in the future; what is still to come is no signal")));
    }
    let detail = Detail::Touch {
        touch: log.kind,
        proves: log.proves,
        contradicts: log.contradicts,
        date: log.date,
        not_before: log.not_before,
        note: log.note,
    };
    let words = detail.words();
    let by = open::person(&plan, &log.by)?;
    let logged = Logged { address: open::address(&log.email)?, by, occurred_at, detail };
    let observed = observe::log(&house.ctx, logged).await?;
    qualify::qualify(&house.ctx).await?;

    let mut tx = house.ctx.store().read().await?;
    let (found, _) = look::look(&mut tx, &plan, prospect, house.ctx.now()).await?;
    let signal = match observed {
        Observed::New(id) => Some(id.0),
        Observed::Again | Observed::Unknown => None,
    };
    let met = found.findings().iter().filter(|(_, f)| f.verdict == Verdict::Met).map(|(criterion, _)| criterion).collect();
    let outcome = Outcome { signal, new: signal.is_some(), words, met, missing: found.missing(), qualification: &found };
    if json { screen::json(&outcome) } else { print(&outcome) }
}

fn print(outcome: &Outcome<'_>) -> Result<(), Exit> {
    match outcome.signal {
        Some(id) => screen::line(format!("Signal {id}: {}", outcome.words))?,
        None => screen::line(format!("Known already: {}", outcome.words))?,
    }
    let names = |of: &[Criterion]| of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    screen::line(format!("{} of 5 met{}", outcome.met.len(), prefixed(": ", &names(&outcome.met))))?;
    match outcome.missing.as_slice() {
        [] => screen::line("Nothing is missing: they stand in the doorway."),
        missing => screen::line(format!("Missing: {}", names(missing))),
    }
}

fn prefixed(before: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{before}{text}") }
}
