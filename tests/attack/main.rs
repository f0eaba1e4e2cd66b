//! Attacks the public door of a running daemon, and prints what got through: `cargo test --test attack` a little of everything,
//! as in `cargo test`; `cargo test --release --test attack -- --long [--seed S]` ten thousand posts and 5,000 idle connections;
//! `cargo test --test attack -- --document` what schemathesis makes of the document of the API.
//!
//! Its own harness, because it takes arguments of its own. The daemon is the program itself, in a process of its own, with few
//! files to open, SQLite on the disk, a relay that keeps what it accepts, and real sockets. It fails when anything got through.

/// Chance that a seed determines.
#[path = "../chaos/seeded.rs"]
mod seeded;
#[path = "../it/missing.rs"]
mod missing;
#[path = "../it/port.rs"]
mod port;
/// How much is thrown at the door.
mod size;
/// What was tried, and what got through.
mod table;
/// Who asks for pages.
mod visitor;
/// Whose door it is, and who is known there.
mod company;
/// The daemon under attack.
mod daemon;
/// The database, read with SQL of our own.
mod database;
/// What is known of the targets, before and after.
mod known;
/// What strangers type.
mod forms;
/// All of it at once, and unsubscribes meanwhile.
mod flood;
/// Whether requests reached a person, once.
mod requests;
/// Hostile words and addresses; honest people.
mod hostile;
/// What the relay was given.
mod mails;
/// Links that were forged, scanned, used twice.
mod tokens;
/// Answers in other people's names.
mod bots;
/// Reports of mail providers.
mod hooks;
/// Other people's addresses, other people's rights.
mod spoofed;
/// Requests that are broken or read in two ways.
mod crooked;
/// Bytes that come slowly or not at all.
mod slow;
/// The order of it all.
mod order;
/// The API, by its own document.
mod document;

use jiff::SignedDuration;
use missing::missing;
use order::Outcome;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use size::Size;
use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("threads are to be had");
    if std::env::args().any(|argument| argument == "--document") {
        return match runtime.block_on(document::attack()) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("attack by the document of the API: {error:?}");
                ExitCode::from(2)
            }
        };
    }
    let size = match Size::read(std::env::args().skip(1)) {
        Ok(Some(size)) => size,
        Ok(None) => return ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("could not read the arguments: {problem}");
            return ExitCode::from(2);
        }
    };
    if !may_open(size.idle) {
        missing("a limit of open files that is high enough", "an attack with so many connections is");
        return ExitCode::SUCCESS;
    }
    match runtime.block_on(order::attack(&size)) {
        Ok(outcome) => report(&size, &outcome),
        Err(error) => {
            eprintln!("attack seed={}: {error:?}", size.seed);
            ExitCode::FAILURE
        }
    }
}

/// Raises the limit of this process; returns whether it may open so many connections.
fn may_open(connections: usize) -> bool {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).is_ok() && limit.maximum.is_none_or(|most| most > connections as u64 + 500)
}

fn report(size: &Size, outcome: &Outcome) -> ExitCode {
    let Outcome { table, flooded, filled, delivered, group_mails, idle_mails, seconds } = outcome;
    println!("attack seed={}", size.seed);
    table.print();
    let (took, through) = (&flooded.took, table.through(""));
    let ms = |share: usize| {
        took.get((took.len() * share / 100).min(took.len().saturating_sub(1))).map_or(0, SignedDuration::as_millis)
    };
    println!(
        "attack seed={} posts={} form_bytes={} flood_s={} overwritten={} filled_blanks={filled} proofs={} unconfirmed_group_mails={} \
         requests={} requests_once={} in_letters={} on_lists={} unsubscribes={} unsubscribe_p50_ms={} unsubscribe_p99_ms={} \
         idle={} mails_while_idle={idle_mails} group_mails={group_mails} through={through} seconds={seconds}",
        size.seed,
        flooded.posts,
        flooded.bytes,
        flooded.seconds,
        table.through("forms about known prospects"),
        table.through("claims") + table.through("answers of bots"),
        table.through("forms about strangers"),
        flooded.requests.len(),
        delivered.once,
        delivered.in_letters,
        delivered.on_lists,
        took.len(),
        ms(50),
        ms(99),
        size.idle,
    );
    if through == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
