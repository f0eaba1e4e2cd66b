//! Buckets, troubles, holds and alarms: what the guards remember.

use super::bench::{Bench, EVERY, Everybody, add_some, address, claim, issue, minute, name};
use super::sending::{mark, outcome, published};
use nurtured::domain::group::breaker::BadShare;
use nurtured::domain::group::delivery::State;
use nurtured::domain::group::guard::Canary;
use nurtured::domain::id::ProspectId;
use nurtured::domain::pace::{Bucket, MAIL};
use nurtured::domain::span::Span;
use nurtured::store::group::attempts;
use nurtured::store::group::breakers::{self, Kind, Trouble};
use nurtured::store::group::{buckets, campaigns, deliveries, holds, leases, pause_notices};
use std::collections::{BTreeMap, BTreeSet};

on_both_engines!(
    a_bucket_is_made_once_kept_as_left_and_forgotten_when_long_full,
    a_bucket_is_in_one_hand_at_a_time,
    a_trouble_is_counted_once_and_only_with_a_prospect,
    shares_are_of_what_ended_since_the_campaign_changed,
    an_occurrence_is_held_until_its_first_were_tried,
    an_alarm_is_told_once,
);

fn level(tokens: i64, at: i64) -> Bucket {
    Bucket { tokens, filled_at: minute(at) }
}

fn of(levels: &[(&str, Bucket)]) -> BTreeMap<String, Bucket> {
    levels.iter().map(|(name, bucket)| ((*name).to_owned(), *bucket)).collect()
}

async fn a_bucket_is_made_once_kept_as_left_and_forgotten_when_long_full(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let fresh = of(&[("relay", level(10 * MAIL, 1)), ("domain/a.example", level(MAIL, 1))]);
    assert_eq!(buckets::lock(&mut tx, &fresh).await?, fresh);
    let left = of(&[("relay", level(-3, 2)), ("domain/a.example", level(7, 2))]);
    buckets::put(&mut tx, &left).await?;
    assert_eq!(buckets::lock(&mut tx, &fresh).await?, left, "as left, not as new");
    assert_eq!(buckets::lock(&mut tx, &of(&[("relay", level(0, 9))])).await?, of(&[("relay", level(-3, 2))]));
    assert_eq!(buckets::forget(&mut tx, minute(2 + 25 * 60)).await?, 0);
    buckets::put(&mut tx, &of(&[("relay", level(1, 600))])).await?;
    assert_eq!(buckets::forget(&mut tx, minute(3 + 25 * 60)).await?, 1, "the domain's, which is full by now");
    assert_eq!(buckets::lock(&mut tx, &of(&[("relay", level(9, 9))])).await?, of(&[("relay", level(1, 600))]));
    Ok(())
}

async fn a_bucket_is_in_one_hand_at_a_time(bench: Bench) -> anyhow::Result<()> {
    let fresh = of(&[("relay", level(MAIL, 1))]);
    let mut tx = bench.store.write().await?;
    buckets::lock(&mut tx, &fresh).await?;
    tx.commit().await?;
    // Many at once take the one mail that is there, or find it gone.
    let mut hands = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (store, fresh) = (bench.another().await?, fresh.clone());
        hands.spawn(async move {
            let mut tx = store.write().await?;
            let mut levels = buckets::lock(&mut tx, &fresh).await?;
            let relay = levels.get_mut("relay").expect("it is there");
            let took = relay.holds_one();
            if took {
                relay.take();
            }
            buckets::put(&mut tx, &levels).await?;
            tx.commit().await?;
            anyhow::Ok(took)
        });
    }
    let mut took = 0;
    while let Some(hand) = hands.join_next().await {
        took += usize::from(hand??);
    }
    assert_eq!(took, 1);
    Ok(())
}

fn trouble(delivery: nurtured::domain::id::DeliveryId, kind: Kind, number: i64) -> Trouble {
    Trouble { delivery, kind, number }
}

async fn a_trouble_is_counted_once_and_only_with_a_prospect(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 2).await?;
    let letters = name("letters");
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    let occurrence = nurtured::store::group::occurrences::open_test(&mut tx, &letters, "a test", "plan", minute(6)).await?;
    let test = issue(&mut tx, occurrence, &letters, &name("one"), true).await?;
    let copy = deliveries::add_test(&mut tx, occurrence, test, &address("us@a.example")).await?;
    let live = name("seeded");
    let seeded = issue(&mut tx, occurrence, &letters, &live, false).await?;
    let seed = deliveries::add_test(&mut tx, occurrence, seeded, &address("us@a.example")).await?;
    assert_eq!(lease.fence, 1);
    for _ in 0..2 {
        let all = [rows[0], copy, seed].map(|delivery| trouble(delivery, Kind::Bounced, 0));
        breakers::note(&mut tx, &all, minute(7)).await?;
        let broken = [trouble(rows[0], Kind::Broken, 1), trouble(rows[0], Kind::Broken, 3)];
        breakers::note(&mut tx, &broken, minute(7)).await?;
    }
    breakers::note(&mut tx, &[], minute(7)).await?;
    let mut noted = Vec::new();
    for kind in [Kind::Bounced, Kind::Complained, Kind::Broken] {
        noted.push(breakers::noted(&mut tx, &letters, kind).await?);
    }
    assert_eq!(noted, [1, 0, 2]);
    let found = breakers::live(&mut tx, &BTreeSet::from([rows[0], copy, seed])).await?;
    assert_eq!(
        found.into_keys().collect::<Vec<_>>(),
        [rows[0], seed],
        "a seed's refusal is about us, a test copy's about a test"
    );
    assert_eq!(breakers::running(&mut tx).await?, std::slice::from_ref(&letters));
    campaigns::pause(&mut tx, &letters, "asked", minute(8)).await?;
    assert!(breakers::running(&mut tx).await?.is_empty());
    Ok(())
}

async fn shares_are_of_what_ended_since_the_campaign_changed(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 8).await?;
    let letters = name("letters");
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    attempts::mark(&mut tx, &rows.iter().map(|row| mark(&lease, *row, 1)).collect::<Vec<_>>(), minute(6)).await?;
    let end = |n: usize, state| outcome(&lease, rows[n], 2, state);
    attempts::record(&mut tx, &[end(0, State::Accepted), end(1, State::Failed), end(2, State::Pending)], minute(6)).await?;
    breakers::note(&mut tx, &[trouble(rows[1], Kind::Bounced, 0), trouble(rows[0], Kind::Complained, 0)], minute(6)).await?;
    assert_eq!(breakers::share(&mut tx, &letters, Kind::Bounced, 500).await?, BadShare { bad: 1, of: 2 });
    assert_eq!(breakers::share(&mut tx, &letters, Kind::Complained, 10_000).await?, BadShare { bad: 1, of: 2 });
    campaigns::pause(&mut tx, &letters, "asked", minute(7)).await?;
    campaigns::resume(&mut tx, &letters, minute(8)).await?;
    assert_eq!(breakers::share(&mut tx, &letters, Kind::Bounced, 500).await?, BadShare { bad: 0, of: 0 });
    attempts::record(&mut tx, &[end(3, State::Accepted), end(4, State::Uncertain), end(5, State::Failed)], minute(9)).await?;
    breakers::note(&mut tx, &[trouble(rows[3], Kind::Bounced, 0), trouble(rows[3], Kind::Complained, 0)], minute(9)).await?;
    assert_eq!(breakers::share(&mut tx, &letters, Kind::Bounced, 500).await?, BadShare { bad: 1, of: 3 });
    assert_eq!(breakers::share(&mut tx, &letters, Kind::Complained, 10_000).await?, BadShare { bad: 1, of: 3 });
    assert_eq!(breakers::share(&mut tx, &name("other"), Kind::Bounced, 500).await?, BadShare { bad: 0, of: 0 });
    Ok(())
}

async fn an_occurrence_is_held_until_its_first_were_tried(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 5).await?;
    tx.commit().await?;
    let everybody = Everybody::due(&["one"]);
    let mut tx = bench.store.write().await?;
    campaigns::put(&mut tx, std::iter::once((&everybody.campaign, "0 9 * * * in UTC".to_owned())), minute(0)).await?;
    let occurrence = super::bench::open(&mut tx, &everybody.campaign, "first", minute(5)).await?;
    issue(&mut tx, occurrence, &everybody.campaign, &everybody.newsletters[0], false).await?;
    let canary = Canary { first: 2, hold: Span::hours(1) };
    // The first page has one of the two, the second the other.
    everybody.fill(&mut tx, occurrence, ProspectId(0), ids[0]).await?;
    assert_eq!(holds::put(&mut tx, occurrence, canary).await?, (ids[0], false));
    leases::cover(&mut tx, occurrence, ProspectId(0), ids[0], minute(5)).await?;
    everybody.fill(&mut tx, occurrence, ids[0], EVERY).await?;
    assert_eq!(holds::put(&mut tx, occurrence, canary).await?, (ids[1], false));
    leases::cover(&mut tx, occurrence, ids[0], ids[1], minute(5)).await?;
    leases::cover(&mut tx, occurrence, ids[1], EVERY, holds::NEVER).await?;
    tx.commit().await?;
    let mut sent = 0;
    while let Some((lease, rows)) = claim(&bench.store, "one", minute(6)).await? {
        let mut tx = bench.store.write().await?;
        let held = holds::open(&mut tx).await?;
        assert_eq!((held[0].minutes, held[0].tried_at), (60, None), "not tried yet");
        attempts::mark(&mut tx, &[mark(&lease, rows[0], 1)], minute(6)).await?;
        assert_eq!(holds::open(&mut tx).await?[0].tried_at, None, "a mark is no answer");
        // Put off is an answer.
        attempts::record(&mut tx, &[outcome(&lease, rows[0], 2, State::Pending)], minute(6 + sent)).await?;
        leases::release(&mut tx, &lease, None, minute(6)).await?;
        tx.commit().await?;
        sent += 1;
    }
    assert_eq!(sent, 2);
    let mut tx = bench.store.write().await?;
    assert_eq!(holds::open(&mut tx).await?[0].tried_at, Some(minute(7)));
    campaigns::pause(&mut tx, &everybody.campaign, "too much of it", minute(8)).await?;
    assert!(holds::open(&mut tx).await?.is_empty(), "a paused campaign lets nobody go");
    campaigns::resume(&mut tx, &everybody.campaign, minute(9)).await?;
    assert!(holds::release(&mut tx, occurrence, minute(70)).await?);
    assert!(!holds::release(&mut tx, occurrence, minute(71)).await?);
    assert_eq!(holds::put(&mut tx, occurrence, canary).await?, (ids[1], true));
    tx.commit().await?;
    assert!(claim(&bench.store, "two", minute(69)).await?.is_none());
    let (_, rows) = claim(&bench.store, "two", minute(70)).await?.expect("the others");
    assert_eq!(rows.len(), 3);
    Ok(())
}

async fn an_alarm_is_told_once(bench: Bench) -> anyhow::Result<()> {
    published(&bench.store, 1).await?;
    let mut tx = bench.store.write().await?;
    assert!(!pause_notices::waits(&mut tx).await?);
    pause_notices::add(&mut tx, &name("letters"), "too many bounces", minute(6)).await?;
    assert!(pause_notices::waits(&mut tx).await?);
    let alarm = pause_notices::take(&mut tx, minute(7)).await?.expect("it waits");
    assert_eq!((alarm.campaign, alarm.reason.as_str(), alarm.at), (name("letters"), "too many bounces", minute(6)));
    assert!(pause_notices::take(&mut tx, minute(8)).await?.is_none() && !pause_notices::waits(&mut tx).await?);
    Ok(())
}
