//! What it costs to send the year's mails: the issues of its first quarter, from their dates to the last durable `accepted`, into
//! a relay that only counts. The store is on disk, the clock is moved from date to date, and there are as many connections and mails
//! in doubt as delivery's benchmark has for that relay. Nobody answers, so that everybody gets every issue.

use crate::cost::{Cost, processor};
use crate::relay::Relay;
use crate::year;
use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use nurtured::clock::ManualClock;
use nurtured::domain::group::campaign::{Newsletter, Order};
use nurtured::domain::id::Name;
use nurtured::domain::plan::Plan;
use nurtured::domain::settings::Security;
use nurtured::flow::context::{Context, Progress};
use nurtured::flow::doorway::mailbox_gone;
use nurtured::flow::group::delivery::attempt_writer::AttemptWriter;
use nurtured::flow::group::delivery::deliver;
use nurtured::flow::group::publish;
use nurtured::store::engine::backend::Store;
use nurtured::store::operations::counts;
use std::net::SocketAddr;
use std::sync::Arc;

const UNTIL: &str = "2026-04-12T00:00:00Z";
/// How many issues there are until then: nine of the edition, three of the series.
pub(crate) const ISSUES: u64 = 12;
const CONNECTIONS: usize = 16;
const MAX_IN_DOUBT: usize = 32;

/// Sends them. The admission of the prospects is not counted.
pub(crate) async fn send(prospects: usize) -> Result<Cost> {
    let directory = tempfile::tempdir()?;
    let store = Store::open_sqlite(&directory.path().join("nurtured.db")).await?;
    let (relay, clock) = (Relay::start()?, Arc::new(ManualClock::at(year::from()?)));
    let ctx = year::context(store.clone(), clock.clone(), plan(relay.address())?).await?;
    year::admit(&ctx, prospects).await?;
    // On a task, as in the daemon: what runs on the main thread is woken across threads.
    let seconds = tokio::spawn(all(ctx, clock, UNTIL.parse()?)).await??;
    let mut read = store.read().await?;
    let accepted = u64::try_from(counts::summary(&mut read).await?.accepted)?;
    drop(read);
    store.close().await;
    let (received, expected) = (relay.end()?, ISSUES * prospects as u64);
    ensure!(accepted == expected, "{accepted} mails are accepted, not {expected}");
    ensure!(received.messages == expected, "the relay counts {} mails, not {expected}", received.messages);
    ensure!(received.length > 1_000, "a mail has {} bytes: that is no letter", received.length);
    Ok(Cost { count: received.messages, seconds })
}

/// The processor time of publishing and delivering everything due until an instant.
async fn all(ctx: Context, clock: Arc<ManualClock>, until: Timestamp) -> Result<f64> {
    let writer = AttemptWriter::open(&ctx, mailbox_gone::record);
    let mut seconds = 0.0;
    for number in 0.. {
        let before = processor()?;
        let due = loop {
            match publish::publish(&ctx).await? {
                Progress::Done => {}
                progress => break progress,
            }
        };
        let open = loop {
            match deliver::deliver(&ctx, &writer).await? {
                Progress::Done => {}
                progress => break progress,
            }
        };
        seconds += processor()? - before;
        let next = [due, open].into_iter().filter_map(|p| if let Progress::NotBefore(at) = p { Some(at) } else { None }).min();
        let Some(next) = next.filter(|at| *at < until) else { break };
        write_another_letter(&ctx, number)?;
        clock.move_to(next);
    }
    Ok(seconds)
}

/// Gives the edition a letter that nobody had, a copy of one of its own in turn, as the simulation does.
fn write_another_letter(ctx: &Context, number: usize) -> Result<()> {
    let mut plan = Plan::clone(&ctx.plan());
    for campaign in plan.campaigns.iter_mut().filter(|c| c.order == Order::Edition) {
        let own = campaign.newsletters.iter().filter(|n| !n.id.as_str().starts_with("another-")).count();
        let like = campaign.newsletters.get(number % own.max(1)).context("the edition has no letter")?.clone();
        campaign.newsletters.push(Newsletter { id: Name::parse(&format!("another-{number}"))?, ..like });
    }
    Ok(ctx.replace_plan(plan)?)
}

fn plan(relay: SocketAddr) -> Result<Plan> {
    let mut plan = year::plan()?;
    let smtp = &mut plan.settings.smtp;
    (smtp.host, smtp.port, smtp.security) = (relay.ip().to_string(), relay.port(), Security::Plaintext);
    (smtp.connections, smtp.max_in_doubt) = (CONNECTIONS, MAX_IN_DOUBT);
    Ok(plan)
}
