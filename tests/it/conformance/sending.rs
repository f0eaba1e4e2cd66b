//! Leases and attempts: who may send what, and what became of it.

use super::bench::{Bench, Everybody, add_some, address, claim, minute, name, states};
use nurtured::domain::group::delivery::State;
use nurtured::domain::id::{DeliveryId, ProspectId};
use nurtured::domain::prospect::Standing;
use nurtured::store::engine::backend::{Store, StoreError, Tx};
use nurtured::store::group::attempts::{self, Mark, Outcome};
use nurtured::store::group::leases::{self, Lease};
use nurtured::store::group::{campaigns, deliveries};
use nurtured::store::people::prospects;
use nurtured::store::people::suppressions::{self, Channel, Stop};
use std::collections::BTreeSet;

on_both_engines!(
    a_range_is_claimed_by_one_node_at_a_time,
    a_lapsed_lease_passes_on_and_its_first_holder_may_not_write,
    the_ranges_of_a_dead_node_are_given_back_by_its_name,
    a_range_given_back_waits_until_its_time,
    a_paused_campaign_gives_no_range,
    every_stop_refuses_the_mark_and_says_so,
    a_mark_needs_its_lease_and_a_running_campaign,
    a_stop_after_a_doubtful_try_leaves_the_doubt,
    a_result_is_recorded_once_and_only_with_the_fence,
    a_delivery_passes_the_states_of_the_diagram,
    what_was_received_is_told_newest_first,
);

pub(super) fn mark(lease: &Lease, delivery: DeliveryId, number: i64) -> Mark {
    Mark { delivery, number, lease: lease.id, fence: lease.fence }
}

pub(super) fn outcome(lease: &Lease, delivery: DeliveryId, number: i64, state: State) -> Outcome {
    Outcome { delivery, number, lease: lease.id, fence: lease.fence, state, retry_at: None, reply: Some(state.word().to_owned()) }
}

/// Publishes one newsletter to so many prospects at minute 5.
pub(super) async fn published(store: &Store, prospects: usize) -> Result<Vec<ProspectId>, StoreError> {
    let mut tx = store.write().await?;
    let ids = add_some(&mut tx, prospects).await?;
    tx.commit().await?;
    Everybody::due(&["one"]).publish(store, "first", minute(5)).await?;
    Ok(ids)
}

async fn marked(tx: &mut Tx, marks: &[Mark], at: i64) -> Result<Vec<DeliveryId>, StoreError> {
    Ok(attempts::mark(tx, marks, minute(at)).await?.into_iter().collect())
}

async fn a_range_is_claimed_by_one_node_at_a_time(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 2).await?;
    assert_eq!(leases::next_due(&mut bench.store.read().await?).await?, Some(minute(5)));
    assert!(claim(&bench.store, "early", minute(4)).await?.is_none());
    if bench.store.is_shared() {
        // While one node is claiming it, another passes over it instead of waiting.
        let (mut claiming, mut other) = (bench.store.write().await?, bench.another().await?.write().await?);
        assert!(leases::claim(&mut claiming, "one", minute(5), minute(9)).await?.is_some());
        let passing = leases::claim(&mut other, "two", minute(5), minute(9));
        assert!(tokio::time::timeout(std::time::Duration::from_mins(2), passing).await??.is_none());
        claiming.rollback().await?;
    }
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    assert_eq!((rows.len(), lease.fence, lease.until), (2, 1, minute(15)));
    assert!(claim(&bench.another().await?, "two", minute(14)).await?.is_none());
    assert_eq!(leases::next_due(&mut bench.store.read().await?).await?, Some(minute(15)));
    let mut tx = bench.store.write().await?;
    assert!(leases::renew(&mut tx, &lease, minute(30)).await?);
    tx.commit().await?;
    assert!(claim(&bench.store, "two", minute(29)).await?.is_none());
    let mut tx = bench.store.write().await?;
    leases::release(&mut tx, &lease, None, minute(20)).await?;
    tx.commit().await?;
    assert!(claim(&bench.store, "two", minute(99)).await?.is_none());
    assert_eq!(leases::next_due(&mut bench.store.read().await?).await?, None);
    Ok(())
}

async fn a_lapsed_lease_passes_on_and_its_first_holder_may_not_write(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 3).await?;
    let (old, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    assert_eq!(marked(&mut tx, &[mark(&old, rows[0], 1)], 6).await?, [rows[0]]);
    // Lapsed by the clock alone: no mark, though nobody else has it yet.
    assert_eq!(marked(&mut tx, &[mark(&old, rows[1], 1)], 15).await?, []);
    tx.commit().await?;
    let (new, again) = claim(&bench.another().await?, "two", minute(15)).await?.expect("it lapsed");
    assert_eq!((new.id, new.fence, &again), (old.id, 2, &rows));
    let mut tx = bench.store.write().await?;
    assert!(!leases::renew(&mut tx, &old, minute(60)).await?);
    assert_eq!(marked(&mut tx, &[mark(&old, rows[1], 1)], 16).await?, []);
    assert!(attempts::record(&mut tx, &[outcome(&old, rows[0], 2, State::Accepted)], minute(16)).await?.is_empty());
    leases::release(&mut tx, &old, None, minute(16)).await?;
    assert!(leases::renew(&mut tx, &new, minute(40)).await?, "what the first holder gives back is not theirs");
    assert_eq!(marked(&mut tx, &[mark(&new, rows[1], 1)], 17).await?, [rows[1]]);
    let open = deliveries::open_in(&mut tx, new.issue, new.first, new.last).await?;
    let seen: Vec<_> = open.iter().map(|row| (row.id, row.number, row.in_doubt, row.marks, row.first_marked_at)).collect();
    assert_eq!(
        seen,
        [(rows[0], 1, true, 1, Some(minute(6))), (rows[1], 1, true, 1, Some(minute(17))), (rows[2], 0, false, 0, None)]
    );
    Ok(())
}

async fn the_ranges_of_a_dead_node_are_given_back_by_its_name(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 2).await?;
    let (old, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    assert_eq!(leases::expire_of(&mut tx, "two").await?, 0, "it is another's");
    assert_eq!(marked(&mut tx, &[mark(&old, rows[0], 1)], 6).await?, [rows[0]]);
    assert_eq!(leases::expire_of(&mut tx, "one").await?, 1);
    assert_eq!(leases::expire_of(&mut tx, "one").await?, 0, "nothing of it is left");
    // Not dead after all: it marks no more, and what it had marked it may record until somebody else has the range.
    assert_eq!(marked(&mut tx, &[mark(&old, rows[1], 1)], 6).await?, []);
    tx.commit().await?;
    assert_eq!(states(&bench.store, &rows).await?, ["transmitting", "pending"]);
    let (new, again) = claim(&bench.store, "two", minute(6)).await?.expect("free at once, not at minute ten");
    assert_eq!((new.id, new.fence, again), (old.id, old.fence + 1, rows.clone()));
    let mut tx = bench.store.write().await?;
    assert!(attempts::record(&mut tx, &[outcome(&old, rows[0], 2, State::Accepted)], minute(7)).await?.is_empty());
    // Whoever it belongs to: for a store that nobody else is at.
    assert_eq!(leases::expire_all(&mut tx).await?, 1);
    assert_eq!(leases::expire_all(&mut tx).await?, 0);
    tx.commit().await?;
    Ok(())
}

async fn a_range_given_back_waits_until_its_time(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 1).await?;
    let (lease, _) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    leases::release(&mut tx, &lease, Some(minute(20)), minute(6)).await?;
    tx.commit().await?;
    assert_eq!(leases::next_due(&mut bench.store.read().await?).await?, Some(minute(20)));
    assert!(claim(&bench.store, "two", minute(19)).await?.is_none());
    assert_eq!(claim(&bench.store, "two", minute(20)).await?.expect("its time has come").0.fence, 2);
    Ok(())
}

async fn a_paused_campaign_gives_no_range(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 1).await?;
    let mut tx = bench.store.write().await?;
    campaigns::pause(&mut tx, &name("letters"), "asked", minute(5)).await?;
    assert_eq!(leases::next_due(&mut tx).await?, None);
    assert!(leases::claim(&mut tx, "one", minute(5), minute(9)).await?.is_none());
    campaigns::resume(&mut tx, &name("letters"), minute(6)).await?;
    assert!(leases::claim(&mut tx, "one", minute(6), minute(9)).await?.is_some());
    Ok(())
}

async fn every_stop_refuses_the_mark_and_says_so(bench: Bench) -> anyhow::Result<()> {
    let ids = published(&bench.store, 7).await?;
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    let stop =
        |n: usize, channel| Stop { address: format!("p{n}@a.example"), channel, reason: "unsubscribed", source: "page".into() };
    suppressions::add(&mut tx, &[stop(0, Channel::Email), stop(6, Channel::Phone)], minute(6)).await?;
    prospects::set_standing(&mut tx, ids[1], Standing::Offered, None).await?;
    prospects::set_standing(&mut tx, ids[2], Standing::Closed, None).await?;
    prospects::erase(&mut tx, ids[3]).await?;
    // Stopped and started again between claim and mark: nothing stops it.
    suppressions::add(&mut tx, &[stop(4, Channel::Email)], minute(6)).await?;
    suppressions::lift(&mut tx, &address("p4@a.example"), Channel::Email, minute(6)).await?;
    prospects::set_standing(&mut tx, ids[5], Standing::Owned, None).await?;
    prospects::return_to_nurture(&mut tx, ids[5], None, minute(6)).await?;
    let marks: Vec<Mark> = rows.iter().map(|row| mark(&lease, *row, 1)).collect();
    assert_eq!(marked(&mut tx, &marks, 7).await?, [rows[4], rows[5], rows[6]]);
    tx.commit().await?;
    assert_eq!(
        states(&bench.store, &rows).await?,
        ["suppressed", "cancelled", "cancelled", "suppressed", "transmitting", "transmitting", "transmitting"]
    );
    // What is stopped is finished; nothing of it is open again.
    let mut tx = bench.store.write().await?;
    assert_eq!(deliveries::open_in(&mut tx, lease.issue, lease.first, lease.last).await?.len(), 3);
    prospects::set_standing(&mut tx, ids[1], Standing::Owned, None).await?;
    prospects::return_to_nurture(&mut tx, ids[1], None, minute(8)).await?;
    assert_eq!(marked(&mut tx, &[mark(&lease, rows[1], 1)], 9).await?, []);
    Ok(())
}

async fn a_mark_needs_its_lease_and_a_running_campaign(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 2).await?;
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    assert_eq!(marked(&mut tx, &[], 6).await?, []);
    let wrong_fence = Mark { fence: lease.fence + 1, ..mark(&lease, rows[0], 1) };
    let wrong_lease = Mark { lease: lease.id + 1, ..mark(&lease, rows[0], 1) };
    assert_eq!(marked(&mut tx, &[wrong_fence, wrong_lease], 6).await?, []);
    campaigns::pause(&mut tx, &name("letters"), "asked", minute(6)).await?;
    assert_eq!(marked(&mut tx, &[mark(&lease, rows[0], 1)], 7).await?, []);
    campaigns::resume(&mut tx, &name("letters"), minute(8)).await?;
    // None of these refusals left a trace.
    assert_eq!(marked(&mut tx, &[mark(&lease, rows[0], 1), mark(&lease, rows[0], 1)], 9).await?, [rows[0]]);
    assert_eq!(marked(&mut tx, &[mark(&lease, rows[0], 1)], 9).await?, [], "a number is marked once");
    tx.commit().await?;
    assert_eq!(states(&bench.store, &rows).await?, ["transmitting", "claimed"]);
    Ok(())
}

async fn a_stop_after_a_doubtful_try_leaves_the_doubt(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 2).await?;
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    // One was marked and has no result; the other was refused for now.
    marked(&mut tx, &[mark(&lease, rows[0], 1), mark(&lease, rows[1], 1)], 6).await?;
    attempts::record(&mut tx, &[outcome(&lease, rows[1], 2, State::Pending)], minute(6)).await?;
    let stop =
        |n| Stop { address: format!("p{n}@a.example"), channel: Channel::Email, reason: "complained", source: "loop".into() };
    suppressions::add(&mut tx, &[stop(0), stop(1)], minute(7)).await?;
    assert_eq!(marked(&mut tx, &[mark(&lease, rows[0], 2), mark(&lease, rows[1], 3)], 8).await?, []);
    tx.commit().await?;
    assert_eq!(states(&bench.store, &rows).await?, ["uncertain", "suppressed"]);
    Ok(())
}

async fn a_result_is_recorded_once_and_only_with_the_fence(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 2).await?;
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    marked(&mut tx, &[mark(&lease, rows[0], 1), mark(&lease, rows[1], 1)], 6).await?;
    let wrong = Outcome { fence: lease.fence + 1, ..outcome(&lease, rows[0], 2, State::Failed) };
    let right = outcome(&lease, rows[1], 2, State::Accepted);
    // Recorded also after the lease has lapsed, as long as nobody else has claimed the range.
    let recorded = attempts::record(&mut tx, &[wrong, right], minute(60)).await?;
    assert_eq!(recorded, BTreeSet::from([rows[1]]));
    assert!(attempts::record(&mut tx, &[outcome(&lease, rows[1], 2, State::Failed)], minute(61)).await?.is_empty());
    assert!(attempts::record(&mut tx, &[], minute(61)).await?.is_empty());
    tx.commit().await?;
    assert_eq!(states(&bench.store, &rows).await?, ["transmitting", "accepted"]);
    Ok(())
}

async fn a_delivery_passes_the_states_of_the_diagram(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 1).await?;
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    leases::release(&mut tx, &lease, Some(minute(6)), minute(5)).await?;
    tx.commit().await?;
    assert_eq!(states(&bench.store, &rows).await?, ["pending"]);
    let (lease, _) = claim(&bench.store, "one", minute(6)).await?.expect("a range is due");
    assert_eq!(states(&bench.store, &rows).await?, ["claimed"]);
    let mut number = 0;
    // Tried twice in vain; then every end, each over the one before: what is appended last counts.
    for state in [
        State::Pending,
        State::Failed,
        State::Suppressed,
        State::Skipped,
        State::Cancelled,
        State::Missed,
        State::Uncertain,
        State::Accepted,
    ] {
        let mut tx = bench.store.write().await?;
        assert_eq!(marked(&mut tx, &[mark(&lease, rows[0], number + 1)], 7).await?, rows);
        tx.commit().await?;
        assert_eq!(states(&bench.store, &rows).await?, ["transmitting"]);
        let mut tx = bench.store.write().await?;
        let retry_at = (state == State::Pending).then(|| minute(30).as_millisecond());
        let result = Outcome { retry_at, ..outcome(&lease, rows[0], number + 2, state) };
        assert_eq!(attempts::record(&mut tx, &[result], minute(8)).await?.len(), 1);
        let open = deliveries::open_in(&mut tx, lease.issue, lease.first, lease.last).await?;
        tx.commit().await?;
        if state == State::Pending {
            assert_eq!((open[0].number, open[0].in_doubt, open[0].marks), (2, false, 1));
            assert_eq!((open[0].retry_at, open[0].first_marked_at), (Some(minute(30)), Some(minute(7))));
            assert_eq!(states(&bench.store, &rows).await?, ["claimed"]);
        } else {
            assert!(open.is_empty(), "{state:?} is an end");
            assert_eq!(states(&bench.store, &rows).await?, [state.word()]);
        }
        number += 2;
    }
    assert_eq!(deliveries::state(&mut bench.store.read().await?, DeliveryId(99)).await?, None);
    Ok(())
}

async fn what_was_received_is_told_newest_first(bench: Bench) -> anyhow::Result<()> {
    let ids = published(&bench.store, 1).await?;
    let mut sent = Vec::new();
    for (newsletter, state, at) in
        [("one", State::Accepted, 10), ("two", State::Failed, 20), ("three", State::Accepted, 30), ("four", State::Accepted, 40)]
    {
        if newsletter != "one" {
            Everybody::due(&[newsletter]).publish(&bench.store, newsletter, minute(at)).await?;
        }
        let (lease, rows) = claim(&bench.store, "one", minute(at)).await?.expect("a range is due");
        let mut tx = bench.store.write().await?;
        attempts::record(&mut tx, &[outcome(&lease, rows[0], 1, state)], minute(at)).await?;
        leases::release(&mut tx, &lease, None, minute(at)).await?;
        tx.commit().await?;
        sent.push(lease.issue);
    }
    let mut tx = bench.store.read().await?;
    let expected = [("About four".to_owned(), minute(40), sent[3]), ("About three".to_owned(), minute(30), sent[2])];
    assert_eq!(deliveries::received(&mut tx, ids[0], 2).await?, expected);
    assert_eq!(deliveries::received(&mut tx, ids[0], 9).await?.len(), 3);
    Ok(())
}
