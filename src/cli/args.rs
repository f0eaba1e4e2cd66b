//! The command line: its arguments, and the verb they name.

use super::exit::{Exit, colour, joined};
use super::{
    adopt, apply, backtest, campaigns, check, db, demo, desk, doctor, explain, handoffs, inbox, ingest, init, letters, open,
    output, owner, plan, prospects, queue, run, sending, signals, simulate, suppress, uncertain,
};
use crate::daemon::logs;
use clap::{Parser, Subcommand};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Nurture automation for people who are interested, just not now.
#[derive(Debug, Parser)]
#[command(name = "nurtured", version, arg_required_else_help = true)]
struct Arguments {
    /// The configuration's directory [default: `$NURTURED_CONFIG`, then /etc/nurtured, then ./config]
    #[arg(long, global = true, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Tell the whole story in one minute, with nothing to configure
    Demo(demo::Demo),
    /// Write a configuration to start from
    Init {
        /// Where to
        directory: PathBuf,
    },
    /// Show every problem of every file, or OK with the next dates
    Check,
    /// Show what this configuration would do to people
    Plan(plan::Plan),
    /// Put this configuration in force
    Apply(apply::Apply),
    /// Check the whole installation: database, relay, web address, keys, clock, letters, and that no prospect is without a future
    Doctor,
    /// Run the daemon
    Run,
    /// Stop all group mail at once, on every node, until `nurtured resume`
    Stop(sending::Stop),
    /// Let group mail go on
    Resume,
    /// Let a restored or copied database send
    Adopt(adopt::Adopt),
    /// Back up, verify, restore or migrate the database
    #[command(subcommand)]
    Db(db::Db),
    /// Import, list, show, export, merge or forget prospects
    #[command(subcommand)]
    Prospects(prospects::Prospects),
    /// List, preview, test, pause, resume, retry, cancel or correct campaigns
    #[command(subcommand)]
    Campaigns(campaigns::Campaigns),
    /// List letters to our own people that are not sent, or send them again
    #[command(subcommand)]
    Letters(letters::Letters),
    /// List deliveries whose result is unknown, or say what became of them
    #[command(subcommand)]
    Uncertain(uncertain::Uncertain),
    /// Log what people said, decide what holds, judge what a machine did
    #[command(subcommand)]
    Signals(signals::Signals),
    /// Read mail that came back
    #[command(subcommand)]
    Inbox(inbox::Inbox),
    /// Show the five verdicts on a prospect, and the signals that say so
    Explain(explain::Explain),
    /// List near misses: three or four of five, and what is missing
    Desk(desk::Desk),
    /// Show what would happen over months and years: the real engine on a virtual clock
    Simulate(simulate::Simulate),
    /// Show a salesperson's personal queue
    Queue(queue::Queue),
    /// Answer and work handoffs
    #[command(subcommand)]
    Handoffs(handoffs::Handoffs),
    /// Replay all past signals under other rules: who would have become ready, and when
    Backtest(backtest::Backtest),
    /// List, add or lift suppressions
    #[command(subcommand)]
    Suppress(suppress::Suppress),
}

/// Parses, runs, and turns what became of it into an exit code.
pub fn main() -> ExitCode {
    if ingest::is_asked(std::env::args_os()) {
        return ingest::answer(|| {
            let arguments = Arguments::try_parse().map_err(|error| {
                // Somebody reads the help; behind a pipe, this is a mail that is not kept.
                if !error.use_stderr() && std::io::stdout().is_terminal() {
                    error.exit();
                }
                Exit::Usage(error.to_string())
            })?;
            perform(arguments)
        });
    }
    match perform(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            print(&exit);
            exit.code()
        }
    }
}

fn print(exit: &Exit) {
    match exit {
        Exit::Configuration(words) => print_error(words),
        other => print_error(&output::harmless(other.words(), |c| c == '\n')),
    }
}

/// Runs the verb, and closes what it opened.
fn perform(arguments: Arguments) -> Result<(), Exit> {
    if !matches!(arguments.verb, Verb::Init { .. } | Verb::Check | Verb::Demo(_)) {
        owner::become_owner(arguments.config.as_deref())?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Exit::No(format!("could not start: {error}")))?;
    runtime.block_on(async {
        let done = Box::pin(run(arguments)).await;
        joined(done, open::finish().await)
    })
}

async fn run(arguments: Arguments) -> Result<(), Exit> {
    let (config, json) = (arguments.config.as_deref(), arguments.json);
    let level = std::env::var_os("NURTURED_LOG").filter(|level| !level.is_empty());
    let level = level.map(|level| logs::Level::parse(&level.to_string_lossy())).transpose().map_err(Exit::Configuration)?;
    // Only the daemon talks of its own accord; a command speaks through its output.
    let is_daemon = matches!(arguments.verb, Verb::Run);
    let journal = is_daemon && std::env::var_os("JOURNAL_STREAM").is_some();
    let usual = match arguments.verb {
        Verb::Run => logs::Level::Info,
        // It tells its story itself, and a year of a small town has dates on which nobody is due anything.
        Verb::Demo(_) => logs::Level::Error,
        _ => logs::Level::Warn,
    };
    // What is said behind a mail server's pipe, a stranger may read.
    if !matches!(arguments.verb, Verb::Inbox(inbox::Inbox::Ingest { .. })) || std::io::stderr().is_terminal() {
        logs::start(journal, level.unwrap_or(usual), colour()).map_err(|e| Exit::Usage(format!("{e:#}")))?;
    }
    match arguments.verb {
        Verb::Demo(demo) => demo::demo(&demo, json).await,
        Verb::Init { directory } => Box::pin(init::init(&directory)).await,
        Verb::Check => check::check(config, json).await,
        Verb::Plan(verb) => Box::pin(plan::plan(&verb, config, json)).await,
        Verb::Apply(verb) => Box::pin(apply::apply(&verb, config, json)).await,
        Verb::Doctor => Box::pin(doctor::doctor(config, json)).await,
        Verb::Run => Box::pin(run::run(config)).await,
        Verb::Stop(verb) => sending::stop(&verb, config, json).await,
        Verb::Resume => sending::resume(config, json).await,
        Verb::Adopt(verb) => adopt::adopt(&verb, config, json).await,
        Verb::Db(verb) => Box::pin(db::run(verb, config, json)).await,
        Verb::Prospects(verb) => prospects::run(verb, config, json).await,
        Verb::Campaigns(verb) => Box::pin(campaigns::run(verb, config, json)).await,
        Verb::Letters(verb) => letters::run(verb, config, json).await,
        Verb::Uncertain(verb) => uncertain::run(verb, config, json).await,
        Verb::Signals(verb) => signals::run(verb, config, json).await,
        Verb::Inbox(verb) => Box::pin(inbox::run(verb, config, json)).await,
        Verb::Explain(verb) => explain::explain(&verb, config, json).await,
        Verb::Desk(verb) => desk::desk(&verb, config, json).await,
        Verb::Simulate(verb) => Box::pin(simulate::simulate(&verb, config, json)).await,
        Verb::Queue(verb) => queue::queue(&verb, config, json).await,
        Verb::Handoffs(verb) => handoffs::run(verb, config, json).await,
        Verb::Backtest(verb) => Box::pin(backtest::backtest(&verb, config, json)).await,
        Verb::Suppress(verb) => suppress::run(verb, config, json).await,
    }
}

/// Says on standard error why it did not work.
fn print_error(words: &str) {
    if !words.is_empty() {
        // A failure is ignored: standard error may be closed.
        drop(writeln!(std::io::stderr(), "{}", words.trim_end()));
    }
}
