//! `nurtured signals`: logs what a salesperson or colleague heard or saw, and prints what it proves; records their decisions
//! on a criterion, and their judgements on machines.

use super::exit::Exit;
use super::reclassify::{self, Reclassify};
use super::{open, output, signal_import};
use crate::daemon::assemble::Node;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::qualification::{Obstacle, Qualification, Verdict};
use crate::domain::doorway::signal::{Detail, Touch};
use crate::domain::id::{ProspectId, SignalId};
use crate::domain::question::Power;
use crate::flow::doorway::judge::{self, Decision};
use crate::flow::doorway::observe::{self, Logged, Observed};
use crate::flow::doorway::{assess, qualify};
use crate::store::people::prospects;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use std::path::Path;

/// Log what people said
#[derive(Debug, Subcommand)]
pub enum Signals {
    /// Log a call, a meeting, a talk at a fair, or a note
    Log(Log),
    /// Take in a list of calls, meetings and booth scans
    Import(signal_import::Import),
    /// Decide that a criterion holds, or does not, until a day; a later statement beats it
    Override(Override),
    /// Judge signals to be a machine's, or a person's after all
    Judge(Judge),
    Reclassify(Reclassify),
}

/// A decision, by name and until a day
#[derive(Debug, Args)]
pub struct Override {
    /// The prospect's address
    email: String,
    /// The criterion
    #[arg(long, value_parser = open::criterion)]
    criterion: Criterion,
    /// It does not hold [default: it holds]
    #[arg(long)]
    contradicts: bool,
    /// Who decides: an id of salespeople.toml
    #[arg(long)]
    by: String,
    /// The day on which the decision stops counting
    #[arg(long, value_name = "DATE")]
    until: Date,
    /// Why
    #[arg(long)]
    note: String,
}

/// A judgement on signals
#[derive(Debug, Args)]
pub struct Judge {
    /// The signals' numbers, as `nurtured explain` shows them
    #[arg(required = true, value_name = "SIGNAL")]
    signals: Vec<i64>,
    /// Whose they were: machine or person
    #[arg(long = "as", value_name = "WHOSE", value_enum)]
    judged: Whose,
    /// Who judges: an id of salespeople.toml
    #[arg(long)]
    by: String,
    /// Why
    #[arg(long)]
    note: String,
}

/// Whose a signal was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Whose {
    Machine,
    Person,
}

/// What was heard, from whom, by whom
#[derive(Debug, Args)]
pub struct Log {
    /// The prospect's address
    email: String,
    /// How: call, meeting, fair or note
    #[arg(long, value_parser = open::touch)]
    kind: Touch,
    /// Who heard it: an id of salespeople.toml
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
struct LogOutput<'a> {
    /// Its number; absent when it was recorded already.
    signal: Option<i64>,
    new: bool,
    words: String,
    met: Vec<Criterion>,
    missing: Vec<Criterion>,
    /// What keeps a prospect with five of five from being ready.
    obstacle: Option<&'static str>,
    qualification: &'a Qualification,
}

/// Runs the verb.
///
/// # Errors
/// 1 for a touch no rule reads or an unknown prospect; 2 for arguments that make no sense; those of the store.
pub async fn run(verb: Signals, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    if let Signals::Reclassify(verb) = &verb {
        return reclassify::run(verb, config, json).await;
    }
    let node = open::node(config).await?;
    match verb {
        Signals::Reclassify(_) => Ok(()),
        Signals::Log(log) => self::log(&node, log, json).await,
        Signals::Import(verb) => signal_import::import(&node, &verb, json).await,
        Signals::Override(verb) => decide(&node, verb, json).await,
        Signals::Judge(verb) => judge(&node, verb, json).await,
    }
}

async fn decide(node: &Node, verb: Override, json: bool) -> Result<(), Exit> {
    let by = open::person(&node.ctx.plan(), &verb.by)?;
    let mut tx = node.ctx.store().read().await?;
    let prospect = open::prospect(&mut tx, &verb.email).await?;
    drop(tx);
    let (criterion, holds, until) = (verb.criterion, !verb.contradicts, verb.until);
    let power = if holds { Power::Meets } else { Power::Contradicts };
    let words = Detail::Override { criterion, power, until, note: verb.note.clone() }.words();
    let decision = Decision { address: open::address(&verb.email)?, criterion, holds, until, by, note: verb.note };
    let observed = judge::decide(&node.ctx, decision).await?;
    print_logged(node, prospect, observed, words, json).await
}

async fn judge(node: &Node, verb: Judge, json: bool) -> Result<(), Exit> {
    #[derive(Serialize)]
    struct JudgedOutput {
        signal: SignalId,
        prospect: ProspectId,
        machine: bool,
    }
    let by = open::person(&node.ctx.plan(), &verb.by)?;
    let is_machine = verb.judged == Whose::Machine;
    let signals: Vec<SignalId> = verb.signals.into_iter().map(SignalId).collect();
    let judged = judge::judge(&node.ctx, &signals, is_machine, &by, &verb.note).await?;
    qualify::qualify(&node.ctx).await?;
    let judged: Vec<JudgedOutput> =
        judged.into_iter().map(|(signal, prospect)| JudgedOutput { signal, prospect, machine: is_machine }).collect();
    if json {
        return output::json(&judged);
    }
    let whose = if is_machine { "a machine's: it counts for nothing" } else { "a person's" };
    judged.iter().try_for_each(|j| output::line(format!("Signal {} is {whose} now (prospect {})", j.signal, j.prospect)))
}

async fn log(node: &Node, log: Log, json: bool) -> Result<(), Exit> {
    let (plan, now) = (node.ctx.plan(), node.ctx.now());
    let mut tx = node.ctx.store().read().await?;
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
    let observed = observe::log(&node.ctx, logged).await?;
    print_logged(node, prospect, observed, words, json).await
}

/// Prints what was recorded, and the verdicts now.
async fn print_logged(node: &Node, prospect: ProspectId, observed: Observed, words: String, json: bool) -> Result<(), Exit> {
    qualify::qualify(&node.ctx).await?;
    let plan = node.ctx.plan();
    let mut tx = node.ctx.store().read().await?;
    let (found, _) = assess::assess(&mut tx, &plan, prospect, node.ctx.now()).await?;
    let signal = match observed {
        Observed::New(id) => Some(id.0),
        Observed::Again | Observed::Unknown | Observed::Pending => None,
    };
    let met = found.findings().iter().filter(|(_, f)| f.verdict == Verdict::Met).map(|(criterion, _)| criterion).collect();
    let started_at = prospects::one(&mut tx, prospect).await?.episode_started_at;
    let obstacle = found.obstacle(started_at).filter(|_| found.met() == 5).map(Obstacle::words);
    let outcome =
        LogOutput { obstacle, signal, new: signal.is_some(), words, met, missing: found.missing(), qualification: &found };
    if json { output::json(&outcome) } else { print(&outcome) }
}

fn print(outcome: &LogOutput<'_>) -> Result<(), Exit> {
    match outcome.signal {
        Some(id) => output::line(format!("Signal {id}: {}", outcome.words))?,
        None => output::line(format!("Known already: {}", outcome.words))?,
    }
    let names = |of: &[Criterion]| of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    output::line(format!("{} of 5 met{}", outcome.met.len(), prefixed(": ", &names(&outcome.met))))?;
    match (outcome.missing.as_slice(), outcome.obstacle) {
        ([], Some(obstacle)) => output::line(format!("Nothing is missing, and yet: {obstacle}.")),
        ([], None) => output::line("Nothing is missing: they stand in the doorway, or have passed it."),
        (missing, _) => output::line(format!("Missing: {}", names(missing))),
    }
}

fn prefixed(before: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{before}{text}") }
}
