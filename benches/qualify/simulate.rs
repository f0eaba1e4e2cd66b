//! What it costs to simulate a year: 10,000 prospects, 51 issues, everybody acting as the example's behaviour says, from the first
//! day to the report, on a virtual clock; beside what it costs to send its mails and to record its signals for real, in the same
//! run (Q2). All of it is processor time of this process, on SQLite.
//!
//! It is done twice, in turn; the two simulations must come out the same.

use crate::cost::Cost;
use crate::usage::most_memory;
use crate::year::{self, ISSUES, Year};
use crate::{Figure, recording, sending};
use anyhow::{Context as _, Result, ensure};

/// Of the processor time for real, at most.
const GOAL: f64 = 1.0;
const ROUNDS: u32 = 2;

/// The year once simulated, and once for real.
struct Round {
    /// By the wall clock.
    seconds: f64,
    simulated: f64,
    sent: Cost,
    recorded: Cost,
    /// All mails of the year for real, and its signals.
    real: f64,
}

/// Measures it and prints the figure beside its goal; with fewer prospects, it only shows that the measurement works.
pub(crate) async fn run(prospects: usize) -> Result<Vec<Figure>> {
    println!(
        "simulate: one year, {prospects} prospects, {ISSUES} issues, the example's behaviour; and the same for real, on SQLite"
    );
    let (mut rounds, mut reports): (Vec<Round>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut mails, mut offers, mut memory) = (0, 0, None);
    for _ in 0..ROUNDS {
        let year = Box::pin(year::simulate(prospects)).await?;
        reports.push(serde_json::to_string(&year.report)?);
        (mails, offers) = (year.report.load.mails, year.report.quarters.iter().map(|q| q.ready + q.requests).sum::<u64>());
        // The first time: the most that it ever held is then the simulation's.
        memory = memory.or(Some(most_memory(std::process::id())?));
        rounds.push(Box::pin(round(&year, prospects)).await?);
        year.scratch.close().await;
    }
    ensure!(reports.windows(2).all(|two| two[0] == two[1]), "equal seeds gave different reports");

    let mean = |of: fn(&Round) -> f64| rounds.iter().map(of).sum::<f64>() / f64::from(ROUNDS);
    let (seconds, simulated, real) = (mean(|r| r.seconds), mean(|r| r.simulated), mean(|r| r.real));
    let ratio = simulated / real;
    let each: Vec<String> = rounds.iter().map(|round| format!("{:.2}", round.simulated / round.real)).collect();
    let (last, memory) = rounds.last().zip(memory).context("there was no round")?;
    let micros = |of: fn(&Round) -> Cost| -> Result<f64> {
        let all = rounds.iter().map(of);
        let all = all.fold(Cost::default(), |a, b| Cost { count: a.count + b.count, seconds: a.seconds + b.seconds });
        Ok(1e6 * all.each()?)
    };
    let (a_mail, a_signal) = (micros(|r| r.sent)?, micros(|r| r.recorded)?);
    let simulated_mail = 1e6 * simulated / f64::from(u32::try_from(mails)?);
    println!(
        "  simulated: {mails} mails, {offers} offers; {seconds:.1} s, {simulated:.1} s of processor, {simulated_mail:.0} µs a mail \
         with all that came of it; at most {memory:.0} MB"
    );
    println!(
        "  for real: {a_mail:.0} µs a mail ({} sent, {} issues), {a_signal:.0} µs a signal ({} recorded and concluded from): \
         {real:.1} s of processor",
        last.sent.count,
        sending::ISSUES,
        last.recorded.count
    );
    println!("  ratio {ratio:.2} (goal at most {GOAL}; the rounds {})\n", each.join(" and "));
    Ok(vec![
        ("ratio_simulate".to_owned(), format!("{ratio:.2}")),
        ("simulate_s".to_owned(), format!("{seconds:.1}")),
        ("simulate_us_a_mail".to_owned(), format!("{simulated_mail:.0}")),
        ("real_us_a_mail".to_owned(), format!("{a_mail:.0}")),
        ("real_us_a_signal".to_owned(), format!("{a_signal:.0}")),
    ])
}

/// What was simulated, for real.
async fn round(year: &Year, prospects: usize) -> Result<Round> {
    let sent = sending::send(prospects).await?;
    let recorded = recording::record(year, prospects).await?;
    let real = sent.each()? * f64::from(u32::try_from(year.report.load.mails)?) + recorded.seconds;
    Ok(Round { seconds: year.seconds, simulated: year.processor_seconds, sent, recorded, real })
}
