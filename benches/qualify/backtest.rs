//! How long a backtest takes over ten million signals of a million prospects, and how much memory it ever holds: on SQLite,
//! history sealed, in a process of its own that does nothing else. The history is made up, the same each time: two years of
//! clicks, scanners, imports, replies and calls; one in thirty answers all five questions, one in twelve some of them.

use crate::Figure;
use crate::stopwatch::Stopwatch;
use crate::usage::{most_memory, processor_seconds};
use anyhow::{Result, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use nurtured::clock::ManualClock;
use nurtured::config::example;
use nurtured::daemon::assemble;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::rule::Qualifying;
use nurtured::domain::doorway::signal::{About, Detail, NewSignal, Touch};
use nurtured::domain::id::{AccountId, DeliveryId, Name, ProspectId};
use nurtured::domain::span::Span;
use nurtured::insight::backtest::run::backtest;
use nurtured::store::doorway::{history, signals};
use nurtured::store::engine::backend::Store;
use nurtured::store::people::accounts::{self, Company};
use nurtured::store::people::prospects::{self, Details, NewProspect};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Seconds, and megabytes.
const GOAL: (f64, f64) = (5.0, 128.0);
/// Names the database to the process that does the backtest.
const ASKED: &str = "NURTURED_BENCH_BACKTEST";
/// Signals of each prospect.
const EACH: u64 = 10;
const PAGE: u64 = 5_000;

/// Fills a database with `prospects` times ten signals, and backtests it `rounds` times. What it gives is for the last line.
///
/// # Errors
/// When anything goes wrong; when a backtest finds nobody.
pub(crate) async fn run(prospects: u64, rounds: usize) -> Result<Vec<Figure>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("history.db");
    println!("backtest: {} signals of {prospects} prospects, sealed, on SQLite", prospects * EACH);
    fill(&path, prospects).await?;
    let mut found: Vec<(f64, f64, f64)> = Vec::new();
    for _ in 0..rounds {
        let output = Command::new(std::env::current_exe()?).env(ASKED, &path).output()?;
        ensure!(output.status.success(), "the backtest failed: {}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout)?;
        print!("  {said}");
        let figure = |name: &str| said.split_whitespace().find_map(|word| word.strip_prefix(name)?.parse::<f64>().ok());
        let figures = (figure("seconds="), figure("megabytes="), figure("processor_seconds="));
        let (Some(seconds), Some(megabytes), Some(processor)) = figures else { bail!("the backtest said nothing: {said}") };
        found.push((seconds, megabytes, processor));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (seconds, megabytes) = (found[found.len() / 2].0, found.iter().map(|f| f.1).fold(0.0, f64::max));
    let processor = found[found.len() / 2].2;
    println!(
        "  {seconds:.2} s (goal: at most {}), {megabytes:.0} MB (goal: at most {}), {processor:.2} s of processor\n",
        GOAL.0, GOAL.1
    );
    Ok(vec![("backtest_s".to_owned(), format!("{seconds:.2}")), ("backtest_mb".to_owned(), format!("{megabytes:.0}"))])
}

/// The database to backtest, where this process was started for that.
pub(crate) fn asked() -> Option<PathBuf> {
    std::env::var_os(ASKED).map(PathBuf::from)
}

/// Backtests it, and says how long it took and what it held at most.
///
/// # Errors
/// The store's; when nobody would have become ready.
pub(crate) async fn measured(path: &Path) -> Result<()> {
    let store = Store::open_sqlite(path).await?;
    let clock = Arc::new(ManualClock::at(ends()));
    let node = assemble::assemble(store, clock, example::load_embedded(&[])?.plan).await?;
    let stopwatch = Stopwatch::start();
    let found = backtest(&node.ctx, &node.ctx.plan(), None, &(Arc::new(|_, _| {}) as _)).await?;
    let seconds = stopwatch.read().as_secs_f64();
    ensure!(found.would.ready > 0, "nobody would have become ready");
    let me = std::process::id();
    let (processor, most) = (processor_seconds(me)?, most_memory(me)?);
    let (ready, requests) = (found.would.ready, found.would.requests);
    println!("seconds={seconds:.2} megabytes={most:.0} processor_seconds={processor:.2} ready={ready} requests={requests}");
    Ok(())
}

fn begins() -> Timestamp {
    Timestamp::from_second(1_704_067_200).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A day after the last signal.
fn ends() -> Timestamp {
    Span::days(731).after(begins())
}

async fn fill(path: &Path, count: u64) -> Result<()> {
    let _ = std::fs::remove_file(path);
    let store = Store::open_sqlite(path).await?;
    let rules = example::load_embedded(&[])?.plan.qualifying;
    for first in (0..count).step_by(usize::try_from(PAGE)?) {
        let mut tx = store.write().await?;
        let page = first..count.min(first + PAGE);
        let domains: Vec<String> = page.clone().step_by(4).map(|p| format!("company{}.example", p / 4)).collect();
        let companies: Vec<Company<'_>> = domains.iter().map(|domain| Company { domain, name: None }).collect();
        let known = accounts::find_or_add(&mut tx, &companies).await?;
        let of = |p: u64| known.get(&format!("company{}.example", p / 4)).copied().unwrap_or(AccountId(0));
        let addresses: Vec<(String, AccountId)> = page.map(|p| (format!("p{p}@company{}.example", p / 4), of(p))).collect();
        let new: Vec<NewProspect<'_>> = addresses
            .iter()
            .map(|(address, account)| NewProspect {
                address,
                details: Details { account: Some(*account), ..Details::default() },
                mail_stop: None,
            })
            .collect();
        prospects::add(&mut tx, &new, begins()).await?;
        tx.commit().await?;
    }
    for nth in 0..EACH {
        for first in (0..count).step_by(usize::try_from(PAGE)?) {
            // Seventy-three days for each round: two years in all.
            let minutes = 73 * 24 * 60 * nth + 73 * 24 * 60 * first / count + 60;
            let now = begins() + SignedDuration::from_mins(i64::try_from(minutes)?);
            let new: Vec<NewSignal> = (first..count.min(first + PAGE)).map(|p| signal(&rules, p, nth, now)).collect();
            let rows: Vec<(Option<ProspectId>, &NewSignal)> =
                new.iter().map(|s| (if let About::Prospect(id) = s.about { Some(id) } else { None }, s)).collect();
            let mut tx = store.write().await?;
            signals::append(&mut tx, &rows, now).await?;
            tx.commit().await?;
        }
    }
    let mut read = store.read().await?;
    let (newest, shelves) = history::extent(&mut read).await?;
    drop(read);
    for shelf in 0..shelves {
        let mut tx = store.write().await?;
        history::seal(&mut tx, shelf, newest).await?;
        tx.commit().await?;
    }
    store.close().await;
    Ok(())
}

/// The same number for the same question (`SplitMix64`).
fn number(p: u64, nth: u64, of: u64) -> u64 {
    let mut z = (p * 31 + nth).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) % of
}

fn signal(rules: &Qualifying, p: u64, nth: u64, now: Timestamp) -> NewSignal {
    let signed = |n: u64| i64::try_from(n).unwrap_or(0);
    let name = |text: &str| Name::parse(text).expect("a name of ours is one");
    let dice = |of: u64| number(p, nth, of);
    // Three in a hundred answer all five questions, eight more the first three.
    let asked = match (number(p, 99, 100), nth) {
        (0..3, 4..9) | (3..11, 4..7) => Some(
            [Criterion::Vision, Criterion::Need, Criterion::Authority, Criterion::Budget, Criterion::Timeframe]
                [usize::try_from(nth - 4).unwrap_or(0)],
        ),
        _ => None,
    };
    let mut machine = None;
    let detail = if let Some(criterion) = asked {
        let answer = &rules.criteria[criterion].answers[0];
        let date = answer.due.as_ref().map(|due| due.0.after(now).to_zoned(jiff::tz::TimeZone::UTC).date());
        Detail::Answer { criterion, say: answer.say.clone(), date }
    } else if nth == 0 {
        let changed = [(name("industry"), Some("food".to_owned())), (name("lines"), Some(dice(6).to_string()))];
        Detail::Fields { changed: changed.into(), source: "import list.csv".to_owned(), as_of: None }
    } else {
        match dice(200) {
            0 | 1 => Detail::Reply {
                subject: "Re: your letter".to_owned(),
                text: format!("Thank you, we look at it in week {}.", dice(50_000)),
            },
            2 => Detail::Touch {
                touch: Touch::Call,
                proves: vec![Criterion::Need],
                contradicts: Vec::new(),
                date: None,
                not_before: None,
                note: format!("Line {} stops twice a shift", dice(90_000)),
            },
            3 if dice(7) == 0 => Detail::Form {
                form: name("call-me"),
                fields: [("message".to_owned(), format!("Call me on {}", dice(1_000_000)))].into(),
            },
            n => {
                machine = (n < 40).then_some(Machine::Agent);
                let pages =
                    ["prices", "calculator", "plants/mill", "plants/dairy", "blog/energy", "blog/changeovers", "jobs", "about"];
                Detail::Click { target: format!("https://tecnofab.example/{}", pages[usize::try_from(dice(8)).unwrap_or(0)]) }
            }
        }
    };
    NewSignal {
        about: About::Prospect(ProspectId(signed(p + 1))),
        once: format!("{nth}-{p}"),
        occurred_at: now - SignedDuration::from_secs(signed(dice(3_600))),
        delivery: Some(DeliveryId(signed(nth * 10_000_000 + p))),
        issue: None,
        by: matches!(detail, Detail::Touch { .. }).then(|| name("marta")),
        machine,
        detail,
    }
}
