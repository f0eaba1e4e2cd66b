//! A stop and a mark at the same moment, on two connections of PostgreSQL (SQLite has one writer: they take turns).
//!
//! No sleeps: the server itself says when one of the two waits for the other.

use super::bench::{Bench, claim, dequeue, minute, states};
use super::sending::{mark, published};
use nurtured::domain::id::DeliveryId;
use nurtured::domain::prospect::Standing;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::store::doorway::assessment_queue;
use nurtured::store::engine::backend::{Store, StoreError, Tx};
use nurtured::store::group::attempts;
use nurtured::store::people::prospects;
use nurtured::store::people::suppressions::{self, Stop};
use std::collections::BTreeSet;
use tokio::task::JoinHandle;

/// Returns once some connection waits for another one's lock, or `false` once `task` ended without waiting.
pub(super) fn waits<T>(url: &str, task: &JoinHandle<T>) -> bool {
    while !task.is_finished() {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        if crate::postgres::ask(url, waiting) != "0" {
            return true;
        }
    }
    false
}

async fn unsubscribe(tx: &mut Tx) -> Result<u64, StoreError> {
    let stop = Stop {
        address: "p0@a.example".into(),
        channel: Channel::Email,
        reason: StopReason::Unsubscribed,
        source: "one-click".into(),
    };
    suppressions::add(tx, &[stop], minute(6)).await
}

pub(super) type Marked = JoinHandle<Result<BTreeSet<DeliveryId>, StoreError>>;

pub(super) fn marking(store: Store, lease: nurtured::store::group::leases::Lease, delivery: DeliveryId) -> Marked {
    tokio::spawn(async move {
        let mut tx = store.write().await?;
        let marked = attempts::mark(&mut tx, &[mark(&lease, delivery, 1)], minute(7)).await?;
        tx.commit().await?;
        Ok(marked)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_commits_while_a_mark_waits_is_seen_by_it() -> anyhow::Result<()> {
    let Some(bench) = Bench::postgres("a_stop_before_a_mark").await? else { return Ok(()) };
    let url = bench.url().expect("it is on a server");
    let ids = published(&bench.store, 3).await?;
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    // Unsubscribed; handed off; and a change of the row that stops nothing.
    for (n, expected) in [(0, "suppressed"), (1, "cancelled"), (2, "transmitting")] {
        let mut stop = bench.store.write().await?;
        match n {
            0 => assert_eq!(unsubscribe(&mut stop).await?, 1),
            1 => prospects::set_standing(&mut stop, ids[n], Standing::Offered, None).await?,
            _ => prospects::set_wake(&mut stop, ids[n], Some(minute(99))).await?,
        }
        let marking = marking(bench.another().await?, lease, rows[n]);
        assert!(waits(url, &marking), "the mark read past a stop that was not committed yet");
        stop.commit().await?;
        assert_eq!(marking.await??.is_empty(), expected != "transmitting");
        assert_eq!(states(&bench.store, &rows[n..=n]).await?, [expected]);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_a_mark_that_came_first() -> anyhow::Result<()> {
    let Some(bench) = Bench::postgres("a_mark_before_a_stop").await? else { return Ok(()) };
    let url = bench.url().expect("it is on a server");
    published(&bench.store, 2).await?;
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut marking = bench.store.write().await?;
    assert_eq!(attempts::mark(&mut marking, &[mark(&lease, rows[0], 1)], minute(7)).await?.len(), 1);
    let other = bench.another().await?;
    let stopping: JoinHandle<Result<u64, StoreError>> = tokio::spawn(async move {
        let mut tx = other.write().await?;
        let new = unsubscribe(&mut tx).await?;
        tx.commit().await?;
        Ok(new)
    });
    assert!(waits(url, &stopping), "the stop committed before a mark that did not see it");
    // Marks of others go on meanwhile, and so does a second mark's share of the same row.
    let mut beside = bench.store.write().await?;
    assert_eq!(attempts::mark(&mut beside, &[mark(&lease, rows[1], 1)], minute(7)).await?.len(), 1);
    beside.commit().await?;
    marking.commit().await?;
    assert_eq!(stopping.await??, 1);
    assert_eq!(states(&bench.store, &rows).await?, ["transmitting", "transmitting"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_that_comes_while_its_prospect_is_assessed_is_enqueued_and_waits_for_nothing() -> anyhow::Result<()> {
    let Some(bench) = Bench::postgres("enqueued_while_locked").await? else { return Ok(()) };
    let other = bench.another().await?;
    let mut tx = bench.store.write().await?;
    let id = super::bench::add_some(&mut tx, 1).await?[0];
    assessment_queue::enqueue(&mut tx, [(id, minute(1))]).await?;
    tx.commit().await?;
    // Once assessed, so that there is a row to lock: a first one would be waited for.
    let mut tx = bench.store.write().await?;
    assert_eq!(dequeue(&mut tx, 9, minute(2)).await?, [id]);
    assessment_queue::enqueue(&mut tx, [(id, minute(1))]).await?;
    tx.commit().await?;
    let mut assessing = bench.store.write().await?;
    assert_eq!(dequeue(&mut assessing, 9, minute(2)).await?, [id]);
    // Another node passes over it, and what is said of it meanwhile is left to be assessed.
    assert_eq!(dequeue(&mut other.write().await?, 9, minute(2)).await?, []);
    let mut tx = other.write().await?;
    assessment_queue::enqueue(&mut tx, [(id, minute(3))]).await?;
    tx.commit().await?;
    let mut tx = other.write().await?;
    assert_eq!(dequeue(&mut tx, 9, minute(4)).await?, [], "it is still locked");
    tx.commit().await?;
    assessing.commit().await?;
    assert_eq!(assessment_queue::peek(&mut bench.store.read().await?).await?, Some(minute(3)));
    assert_eq!(dequeue(&mut other.write().await?, 9, minute(4)).await?, [id]);
    Ok(())
}
