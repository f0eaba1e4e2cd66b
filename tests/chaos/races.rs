//! The scenario: a stop against a send, thousands of times. Two connections to the database begin at the same moment: one
//! marks a delivery, the other stops its prospect, by turns an unsubscribe and a handoff. Whoever commits first, no mark
//! may be later than the stop: the stop counts the marks it can see before it commits, and there must never be more.

use crate::checker::{Remains, Stopped, Verdict, check};
use crate::database::{Database, MARKS, rows};
use crate::relay::Relay;
use anyhow::ensure;
use nurtured::clock::{Clock, SystemClock};
use nurtured::domain::id::{DeliveryId, ProspectId};
use nurtured::domain::prospect::Standing;
use nurtured::store::engine::backend::{Store, Tx};
use nurtured::store::group::attempts::{self, Mark};
use nurtured::store::group::leases::{self, Lease};
use nurtured::store::people::prospects;
use nurtured::store::people::suppressions::{self, Channel, Stop};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// How many pairs race beside each other: on SQLite one, for its writers take turns anyway.
const BESIDE: usize = 4;
const ROWS: &str = "SELECT id, address, prospect_id FROM deliveries ORDER BY id";

/// What it came to.
pub(crate) struct Outcome {
    pub(crate) races: usize,
    /// How many the stop won.
    pub(crate) stopped_first: usize,
    /// How many the mark won.
    pub(crate) marked_first: usize,
    pub(crate) verdict: Verdict,
}

/// One of the two: where it stands, and who is raced about.
struct Race {
    lease: Lease,
    delivery: DeliveryId,
    prospect: ProspectId,
    recipient: String,
    by_handoff: bool,
}

/// Plays so many races, one for each prospect.
pub(crate) async fn play(directory: &Path, database: &Database, races: usize) -> anyhow::Result<Outcome> {
    let relay = Relay::start(&directory.join("journal"), None, 1)?;
    database.publish(directory, relay.addresses[0], races).await?;
    let (one, other) = (database.open().await?, database.open().await?);
    let mut waiting: Vec<Race> = races_over(&one).await?;
    ensure!(waiting.len() == races, "{} deliveries are there", waiting.len());
    let beside = if matches!(database, Database::Sqlite(_)) { 1 } else { BESIDE };
    let mut running = JoinSet::new();
    let mut stops = Vec::new();
    loop {
        while running.len() < beside
            && let Some(race) = waiting.pop()
        {
            let (one, other) = (one.clone(), other.clone());
            running.spawn(run(race, one, other));
        }
        let Some(ended) = running.join_next().await else { break };
        stops.push(ended??);
    }
    one.close().await;
    other.close().await;

    // Nothing was sent here: a mark counts as a mail.
    let deliveries = database.deliveries().await?;
    let marks: BTreeMap<&str, usize> = deliveries.iter().map(|d| (d.recipient.as_str(), d.marked_at.len())).collect();
    let stopped_first = stops.iter().filter(|stop| marks.get(stop.recipient.as_str()) == Some(&0)).count();
    let by_the_count = |stop: Stopped| Stopped { committed_at: i64::MAX, ..stop };
    let remains =
        Remains { stops: stops.into_iter().map(by_the_count).collect(), finished: true, deliveries, ..Remains::default() };
    let mut verdict = check(&remains);
    // Nothing came to an end, by design: only the stops are looked at.
    verdict.broken.retain(|said| said.starts_with("C4"));
    let marked_first = races - stopped_first;
    // How often each wins is the scheduler's affair; where one never does, nothing is shown.
    let is_race = stopped_first.min(marked_first) > 0;
    ensure!(is_race || !verdict.broken.is_empty(), "it is no race: the stop won {stopped_first} of {races}");
    Ok(Outcome { races, stopped_first, marked_first, verdict })
}

/// A race about each delivery, all under leases of this process.
async fn races_over(store: &Store) -> anyhow::Result<Vec<Race>> {
    let now = SystemClock.now();
    let mut tx = store.write().await?;
    let mut held = Vec::new();
    while let Some(lease) = leases::claim(&mut tx, "races", now, now + jiff::SignedDuration::from_hours(1)).await? {
        held.push(lease);
    }
    let found: Vec<(i64, String, i64)> = rows!(&mut tx, ROWS)?;
    tx.commit().await?;
    let races = found.into_iter().enumerate().filter_map(|(number, (delivery, recipient, prospect))| {
        let delivery = DeliveryId(delivery);
        let lease = *held.iter().find(|lease| (lease.first..=lease.last).contains(&delivery))?;
        Some(Race { lease, delivery, prospect: ProspectId(prospect), recipient, by_handoff: number % 2 == 0 })
    });
    Ok(races.collect())
}

async fn run(race: Race, one: Store, other: Store) -> anyhow::Result<Stopped> {
    let start = Arc::new(Barrier::new(2));
    let (race, ready) = (Arc::new(race), start.clone());
    let marker = race.clone();
    let marking = tokio::spawn(async move {
        ready.wait().await;
        let mut tx = one.write().await?;
        let mark = Mark { delivery: marker.delivery, number: 1, lease: marker.lease.id, fence: marker.lease.fence };
        attempts::mark(&mut tx, &[mark], SystemClock.now()).await?;
        tx.commit().await?;
        anyhow::Ok(())
    });
    start.wait().await;
    let mut tx = other.write().await?;
    if race.by_handoff {
        prospects::set_standing(&mut tx, race.prospect, Standing::Offered, None).await?;
    } else {
        let stop =
            Stop { address: race.recipient.clone(), channel: Channel::Email, reason: "unsubscribed", source: "race".into() };
        suppressions::add(&mut tx, &[stop], SystemClock.now()).await?;
    }
    let marks: Vec<(i64,)> = rows!(&mut tx, MARKS, race.recipient.as_str())?;
    tx.commit().await?;
    marking.await??;
    Ok(Stopped { recipient: race.recipient.clone(), committed_at: 0, marks: usize::try_from(marks[0].0)?, journalled: 0 })
}
