//! How long a backtest takes over ten million signals of a million prospects, beside a bare scan of the same rows in the same
//! run, and how much memory it ever holds (Q1): on SQLite, each in a process of its own, in turn. The bare scan reads the columns
//! that the backtest reads of every signal, a thousand rows packed into one value, and makes nothing of them.
//!
//! The history is made up, the same each time: two years of clicks, scanners, imports, replies and calls; one in thirty answers
//! all five questions, one in twelve some of them.

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
use nurtured::store::doorway::signals;
use nurtured::store::engine::backend::Store;
use nurtured::store::people::accounts::{self, Company};
use nurtured::store::people::prospects::{self, Details, NewProspect};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Times as long as the bare scan, and megabytes.
const GOAL: (f64, f64) = (4.0, 128.0);
/// Name the database to the processes that backtest it and that scan it.
const BACKTESTED: &str = "NURTURED_BENCH_BACKTEST";
const SCANNED: &str = "NURTURED_BENCH_SCAN";
/// How many rows the bare scan packs into one value.
const PACKED: i64 = 1_000;
const SCAN: &str = "
    SELECT string_agg(format('%s\t%s\t%s', prospect_id, machine, detail), '\n') FROM signals WHERE id > $1 AND id <= $2";
/// Signals of each prospect.
const EACH: u64 = 10;
const PAGE: u64 = 5_000;

/// Fills a database with `prospects` times ten signals, and scans and backtests it `rounds` times in turn. What it gives is for
/// the last line.
///
/// # Errors
/// When anything goes wrong; when a backtest finds nobody, or a scan not every row.
pub(crate) async fn run(prospects: u64, rounds: usize) -> Result<Vec<Figure>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("history.db");
    println!("backtest: {} signals of {prospects} prospects, from the rows alone, on SQLite", prospects * EACH);
    fill(&path, prospects).await?;
    let (mut scanned, mut backtested) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        scanned.push(Took::of(SCANNED, &path)?);
        backtested.push(Took::of(BACKTESTED, &path)?);
    }
    let mut ratios: Vec<f64> = backtested.iter().zip(&scanned).map(|(ours, bare)| ours.seconds / bare.seconds).collect();
    let megabytes = backtested.iter().map(|took| took.megabytes).fold(0.0, f64::max);
    let (ours, bare) = (median(backtested.iter().map(|took| took.seconds)), median(scanned.iter().map(|took| took.seconds)));
    let worked = |all: &[Took]| median(all.iter().map(|took| took.processor_seconds));
    ratios.sort_by(f64::total_cmp);
    let ratio = median(ratios.iter().copied());
    println!(
        "  {ours:.2} s, {:.2} s of processor; bare scan {bare:.2} s, {:.2} s of processor; ratio {ratio:.2} (goal at most {}; the \
         rounds {:.2} to {:.2}), {megabytes:.0} MB (goal at most {})\n",
        worked(&backtested),
        worked(&scanned),
        GOAL.0,
        ratios[0],
        ratios[ratios.len() - 1],
        GOAL.1
    );
    Ok(vec![
        ("ratio_backtest".to_owned(), format!("{ratio:.2}")),
        ("backtest_s".to_owned(), format!("{ours:.2}")),
        ("backtest_mb".to_owned(), format!("{megabytes:.0}")),
    ])
}

fn median(of: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = of.collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// What a process took that did one thing and said so.
struct Took {
    seconds: f64,
    megabytes: f64,
    processor_seconds: f64,
}

impl Took {
    fn of(variable: &str, path: &Path) -> Result<Self> {
        let output = Command::new(std::env::current_exe()?).env(variable, path).output()?;
        ensure!(output.status.success(), "{variable} failed: {}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout)?;
        print!("  {said}");
        let figure = |name: &str| said.split_whitespace().find_map(|word| word.strip_prefix(name)?.parse::<f64>().ok());
        let figures = (figure("seconds="), figure("megabytes="), figure("processor_seconds="));
        let (Some(seconds), Some(megabytes), Some(processor_seconds)) = figures else { bail!("it said nothing: {said}") };
        Ok(Self { seconds, megabytes, processor_seconds })
    }

    fn say(what: &str, stopwatch: Stopwatch, found: &str) -> Result<()> {
        let (seconds, me) = (stopwatch.read().as_secs_f64(), std::process::id());
        let (processor, most) = (processor_seconds(me)?, most_memory(me)?);
        println!("{what}: seconds={seconds:.2} megabytes={most:.0} processor_seconds={processor:.2} {found}");
        Ok(())
    }
}

/// What this process was started for by [`run`].
pub(crate) enum Asked {
    Backtest(PathBuf),
    Scan(PathBuf),
}

/// The database to scan or to backtest, where this process was started for that.
pub(crate) fn asked() -> Option<Asked> {
    let backtest = std::env::var_os(BACKTESTED).map(|path| Asked::Backtest(path.into()));
    backtest.or_else(|| std::env::var_os(SCANNED).map(|path| Asked::Scan(path.into())))
}

/// Does it, and says how long it took and what it held at most.
///
/// # Errors
/// The store's; when nobody would have become ready.
pub(crate) async fn measured(asked: Asked) -> Result<()> {
    match asked {
        Asked::Backtest(path) => backtested(&path).await,
        Asked::Scan(path) => scanned(&path).await,
    }
}

async fn backtested(path: &Path) -> Result<()> {
    let store = Store::open_sqlite(path).await?;
    let clock = Arc::new(ManualClock::at(ends()));
    let node = assemble::assemble(store, clock, example::load_embedded(&[])?.plan).await?;
    let stopwatch = Stopwatch::start();
    let found = backtest(&node.ctx, &node.ctx.plan(), None, &(Arc::new(|_, _| {}) as _)).await?;
    ensure!(found.would.ready > 0, "nobody would have become ready");
    Took::say("backtest", stopwatch, &format!("ready={} requests={}", found.would.ready, found.would.requests))
}

async fn scanned(path: &Path) -> Result<()> {
    let stopwatch = Stopwatch::start();
    let mut connection = SqliteConnectOptions::new().filename(path).read_only(true).connect().await?;
    let newest: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(id), 0) FROM signals").fetch_one(&mut connection).await?;
    let (mut lines, mut bytes) = (0, 0);
    for first in (0..newest).step_by(usize::try_from(PACKED)?) {
        let packed = sqlx::query_scalar(SCAN).bind(first).bind(first + PACKED).fetch_one(&mut connection).await?;
        let packed: String = packed;
        lines += packed.lines().count();
        bytes += packed.len();
    }
    connection.close().await?;
    ensure!(i64::try_from(lines)? == newest, "{lines} of {newest} rows");
    Took::say("scan", stopwatch, &format!("rows={lines} bytes={bytes}"))
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
        Detail::Answer { criterion, id: answer.id.clone(), say: answer.say.clone(), date, posted: None }
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
