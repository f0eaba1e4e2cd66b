//! Whether anything may leave at all: stopped and observing, as marks, claims and letters see it.

use super::bench::{Bench, claim, minute, states};
use super::sending::{mark, published};
use super::stop_means_stop::{marking, waits};
use nurtured::domain::address::Address;
use nurtured::domain::id::{IssueId, OccurrenceId};
use nurtured::domain::individual::letter::LetterKind;
use nurtured::store::engine::backend::StoreError;
use nurtured::store::group::{attempts, deliveries, issues, leases, occurrences};
use nurtured::store::individual::letters::{self, NewLetter};
use nurtured::store::operations::sending;
use tokio::task::JoinHandle;

on_both_engines!(
    after_a_stop_nothing_is_claimed_or_marked_until_somebody_resumes,
    a_test_copy_passes_a_stop_and_not_the_observing,
    while_observing_no_letter_leaves,
);

async fn after_a_stop_nothing_is_claimed_or_marked_until_somebody_resumes(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 3).await?;
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    assert_eq!(sending::state(&mut tx).await?, sending::Sending::default());
    assert_eq!(attempts::mark(&mut tx, &[mark(&lease, rows[0], 1)], minute(5)).await?.len(), 1);
    tx.commit().await?;

    let mut tx = bench.another().await?.write().await?;
    assert!(sending::stop(&mut tx, "wrong prices", minute(6)).await?);
    assert!(!sending::stop(&mut tx, "again", minute(7)).await?, "one stop is enough");
    tx.commit().await?;
    let mut tx = bench.store.write().await?;
    assert!(attempts::mark(&mut tx, &[mark(&lease, rows[1], 1)], minute(6)).await?.is_empty());
    leases::release(&mut tx, &lease, Some(minute(6)), minute(6)).await?;
    tx.commit().await?;
    assert_eq!(states(&bench.store, &rows).await?, ["transmitting", "pending", "pending"], "nothing is written of who must wait");
    assert!(claim(&bench.store, "two", minute(30)).await?.is_none());
    assert_eq!(leases::next_due(&mut bench.store.read().await?).await?, None);

    let mut tx = bench.store.write().await?;
    let state = sending::state(&mut tx).await?;
    let held = state.stopped.as_ref().expect("it is stopped");
    assert_eq!((held.reason.as_str(), held.since), ("wrong prices", minute(6)));
    assert!(state.why_not().expect("a reason").contains("nurtured resume"));
    assert!(sending::resume(&mut tx).await? && !sending::resume(&mut tx).await?);
    tx.commit().await?;
    let (lease, again) = claim(&bench.store, "two", minute(30)).await?.expect("it goes on");
    assert_eq!(again, rows);
    let mut tx = bench.store.write().await?;
    assert_eq!(attempts::mark(&mut tx, &[mark(&lease, rows[1], 1)], minute(30)).await?.len(), 1);
    Ok(())
}

async fn a_test_copy_passes_a_stop_and_not_the_observing(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 1).await?;
    let to = Address::parse("me@a.example")?;
    let mut tx = bench.store.write().await?;
    let campaign = super::bench::name("letters");
    let occurrence: OccurrenceId = occurrences::open_test(&mut tx, &campaign, "test", "plan", minute(6)).await?;
    let issue: IssueId = super::bench::issue(&mut tx, occurrence, &campaign, &super::bench::name("one"), true).await?;
    let copy = deliveries::add_test(&mut tx, occurrence, issue, &to).await?;
    leases::cover_ours(&mut tx, occurrence, minute(6)).await?;
    assert!(issues::load(&mut tx, issue).await?.is_some());
    tx.commit().await?;

    let mut tx = bench.store.write().await?;
    assert!(sending::stop(&mut tx, "the relay refuses our password", minute(7)).await?);
    let lease = leases::claim(&mut tx, "one", minute(8), minute(20)).await?.expect("the copy's range");
    assert_eq!(lease.issue, issue);
    assert!(sending::observe(&mut tx, "a copy", minute(8)).await?);
    assert!(attempts::mark(&mut tx, &[mark(&lease, copy, 1)], minute(8)).await?.is_empty());
    assert!(sending::resume(&mut tx).await?, "the two do not know of each other");
    assert!(attempts::mark(&mut tx, &[mark(&lease, copy, 1)], minute(8)).await?.is_empty());
    leases::release(&mut tx, &lease, Some(minute(8)), minute(8)).await?;
    assert!(leases::claim_of(&mut tx, issue, "one", minute(9), minute(20)).await?.is_none());
    assert!(leases::claim(&mut tx, "one", minute(9), minute(20)).await?.is_none());
    assert!(sending::open(&mut tx).await? && sending::stop(&mut tx, "again", minute(9)).await?);
    let lease = leases::claim_of(&mut tx, issue, "one", minute(9), minute(20)).await?.expect("the copy's range");
    assert_eq!(attempts::mark(&mut tx, &[mark(&lease, copy, 1)], minute(9)).await?.len(), 1);
    Ok(())
}

async fn while_observing_no_letter_leaves(bench: Bench) -> anyhow::Result<()> {
    let recipient = Address::parse("dana@a.example")?;
    let mut tx = bench.store.write().await?;
    let letter = NewLetter {
        kind: LetterKind::Reminder,
        handoff: None,
        recipient: &recipient,
        message_id: "<one@a.example>",
        message: b"Subject: one\r\n\r\n".to_vec(),
        not_before: minute(1),
    };
    letters::add(&mut tx, letter).await?;
    sending::stop(&mut tx, "wrong prices", minute(1)).await?;
    assert_eq!(letters::next_due(&mut tx).await?, Some(minute(1)), "what is stopped is group mail");
    sending::observe(&mut tx, "a copy", minute(1)).await?;
    assert_eq!(letters::next_due(&mut tx).await?, None);
    assert!(letters::claim(&mut tx, "one", minute(2), minute(3)).await?.is_none());
    sending::open(&mut tx).await?;
    assert!(letters::claim(&mut tx, "one", minute(2), minute(3)).await?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_of_all_sending_and_a_mark_at_the_same_moment_take_turns() -> anyhow::Result<()> {
    let Some(bench) = Bench::postgres("a_stop_of_all").await? else { return Ok(()) };
    let url = bench.url().expect("it is on a server");
    published(&bench.store, 2).await?;
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    // The mark came first: the stop commits after it.
    let mut first = bench.store.write().await?;
    assert_eq!(attempts::mark(&mut first, &[mark(&lease, rows[0], 1)], minute(6)).await?.len(), 1);
    let other = bench.another().await?;
    let stopping: JoinHandle<Result<bool, StoreError>> = tokio::spawn(async move {
        let mut tx = other.write().await?;
        let stopped = sending::stop(&mut tx, "wrong prices", minute(7)).await?;
        tx.commit().await?;
        Ok(stopped)
    });
    assert!(waits(url, &stopping), "the stop committed beside a mark that did not see it");
    // The next mark queues behind the stop instead of starving it, and sees it.
    let late = marking(bench.another().await?, lease, rows[1]);
    let queue = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while crate::postgres::ask(url, queue) != "2" {
        assert!(!late.is_finished(), "a mark overtook the stop");
    }
    first.commit().await?;
    assert!(stopping.await??);
    assert!(late.await??.is_empty(), "a mark that waited for the stop read past it");
    assert_eq!(states(&bench.store, &rows).await?, ["transmitting", "claimed"]);
    Ok(())
}
