//! Sealed history says what the rows say: before it is sealed, half of it, after it, and after an erasure.

use super::bench::{Bench, add_some, minute, name};
use super::doorway::signal;
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::signal::{Detail, NewSignal, Signal};
use nurtured::domain::id::{DeliveryId, IssueId, ProspectId, SignalId};
use nurtured::store::doorway::{history, signals};
use nurtured::store::engine::backend::{Store, StoreError, Tx};
use nurtured::store::operations::erasures;
use std::collections::BTreeMap;

on_both_engines!(
    what_is_sealed_says_what_its_rows_say,
    nothing_is_worth_sealing_twice_and_what_was_undone_is_sealed_again,
    an_erasure_reaches_into_segments,
    a_survey_asks_once_and_passes_machines_over,
);

type All = BTreeMap<ProspectId, Vec<Signal>>;

/// Signals `from..to`, of three prospects of one shelf and one of another, all kinds of them.
async fn say(tx: &mut Tx, ids: &[ProspectId], from: i64, to: i64) -> Result<(), StoreError> {
    for first in (from..to).step_by(500) {
        let new: Vec<(ProspectId, NewSignal)> = (first..to.min(first + 500))
            .map(|n| (ids[usize::try_from(n % 4).expect("few")], n))
            .map(|(id, n)| {
                let detail = match n % 3 {
                    0 => Detail::Click { target: format!("https://a.example/{}", n % 5) },
                    1 => Detail::Reply { subject: "Re: “stops”".to_owned(), text: format!("Número {n} 🏭") },
                    _ => Detail::Unsubscribe { how: "page".to_owned() },
                };
                let new = signal(id, &format!("said {n}"), n % 700 - 300, detail);
                let delivery = (n % 2 == 0).then_some(DeliveryId(n * 1_000_003));
                let (by, machine) = ((n % 7 == 0).then(|| name("marta")), (n % 5 == 0).then_some(Machine::Agent));
                (id, NewSignal { delivery, issue: (n % 9 == 0).then_some(IssueId(n)), by, machine, ..new })
            })
            .collect();
        let rows: Vec<_> = new.iter().map(|(id, new)| (Some(*id), new)).collect();
        signals::append(tx, &rows, minute(first)).await?;
    }
    Ok(())
}

async fn whole(store: &Store, up_to: SignalId) -> Result<All, StoreError> {
    let mut tx = store.read().await?;
    let (_, shelves) = history::extent(&mut tx).await?;
    let mut all = All::new();
    let mut sealed = history::Sealed::new();
    for shelf in history::read(&mut tx, 0..shelves, up_to, &sealed).await? {
        sealed.extend(shelf.sealed.map(|sealed| (shelf.number, sealed)));
        all.extend(shelf.signals(|_| true)?);
    }
    let mut again = All::new();
    for shelf in history::read(&mut tx, 0..shelves, up_to, &sealed).await? {
        again.extend(shelf.signals(|_| true)?);
    }
    assert_eq!(again, all, "read once more");
    // Segments that are not those any more are worth no trust.
    for sealed in sealed.values_mut() {
        sealed.0 += 1;
    }
    for shelf in history::read(&mut tx, 0..shelves, up_to, &sealed).await? {
        for (prospect, signals) in shelf.signals(|_| true)? {
            assert_eq!(signals, all[&prospect], "read with care");
        }
    }
    Ok(all)
}

async fn seal(store: &Store, up_to: SignalId) -> Result<Vec<i64>, StoreError> {
    let mut tx = store.write().await?;
    let shelves = history::unsealed(&mut tx, 0..9, up_to).await?;
    for shelf in &shelves {
        history::seal(&mut tx, *shelf, up_to).await?;
    }
    tx.commit().await?;
    Ok(shelves)
}

/// Three prospects of the first shelf and one of the second.
async fn four(store: &Store) -> Result<Vec<ProspectId>, StoreError> {
    let mut tx = store.write().await?;
    let ids = add_some(&mut tx, 300).await?;
    tx.commit().await?;
    Ok(vec![ids[0], ids[1], ids[200], ids[290]])
}

async fn what_is_sealed_says_what_its_rows_say(bench: Bench) -> anyhow::Result<()> {
    let ids = four(&bench.store).await?;
    let mut sealed_shelves = Vec::new();
    // So many that the first shelf takes two segments.
    for (from, to) in [(0, 400), (400, 450), (450, 5_000), (5_000, 6_400)] {
        let mut tx = bench.store.write().await?;
        say(&mut tx, &ids, from, to).await?;
        let (newest, shelves) = history::extent(&mut tx).await?;
        let rows = signals::of(&mut tx, &ids).await?;
        tx.commit().await?;
        assert_eq!(shelves, 2);
        assert_eq!(whole(&bench.store, newest).await?, rows, "before it is sealed, up to {to}");
        sealed_shelves.push(seal(&bench.store, newest).await?);
        assert_eq!(whole(&bench.store, newest).await?, rows, "sealed up to {to}");
        // As it was known before: whoever began to read earlier is not told what came since.
        let before = SignalId(newest.0 - 7);
        let known = |all: &All| all.values().flatten().filter(|s| s.id <= before).cloned().collect::<Vec<_>>();
        assert_eq!(whole(&bench.store, before).await?.into_values().flatten().collect::<Vec<_>>(), known(&rows));
    }
    assert_eq!(sealed_shelves, [vec![0], vec![], vec![0, 1], vec![0, 1]], "a few are not worth it");
    Ok(())
}

async fn nothing_is_worth_sealing_twice_and_what_was_undone_is_sealed_again(bench: Bench) -> anyhow::Result<()> {
    let ids = four(&bench.store).await?;
    let mut tx = bench.store.write().await?;
    say(&mut tx, &ids, 0, 800).await?;
    let (newest, _) = history::extent(&mut tx).await?;
    assert_eq!(history::settled(&mut tx, minute(499)).await?, Some(SignalId(newest.0 - 300)));
    assert_eq!(history::settled(&mut tx, minute(-1)).await?, None);
    tx.commit().await?;
    // Killed before its commit.
    let mut tx = bench.store.write().await?;
    assert_eq!(history::seal(&mut tx, 0, newest).await?, 600);
    drop(tx);
    assert_eq!(seal(&bench.store, newest).await?, [0, 1]);
    assert!(seal(&bench.store, newest).await?.is_empty());
    let mut tx = bench.store.write().await?;
    let before = whole(&bench.store, newest).await?;
    assert_eq!(history::seal(&mut tx, 0, newest).await?, 600, "sealing anew what is sealed");
    // Of the first five hundred each of the four said as many, one after the other, and the fourth is on another shelf.
    assert_eq!(history::seal(&mut tx, 0, SignalId(400)).await?, 375, "less than is sealed");
    tx.commit().await?;
    assert_eq!(whole(&bench.store, newest).await?, before);
    Ok(())
}

async fn an_erasure_reaches_into_segments(bench: Bench) -> anyhow::Result<()> {
    let ids = four(&bench.store).await?;
    let mut tx = bench.store.write().await?;
    say(&mut tx, &ids, 0, 1_200).await?;
    let (newest, _) = history::extent(&mut tx).await?;
    tx.commit().await?;
    assert_eq!(seal(&bench.store, newest).await?, [0, 1]);
    let mut tx = bench.store.write().await?;
    erasures::scrub(&mut tx, ids[1], minute(2_000)).await?;
    tx.commit().await?;
    let all = whole(&bench.store, newest).await?;
    assert!(all[&ids[1]].iter().all(|s| s.detail == Detail::Erased), "words of somebody erased");
    assert!(all[&ids[0]].iter().all(|s| s.detail != Detail::Erased));
    assert_eq!(seal(&bench.store, newest).await?, [0], "the shelf alone");
    assert_eq!(whole(&bench.store, newest).await?, all);
    Ok(())
}

async fn a_survey_asks_once_and_passes_machines_over(bench: Bench) -> anyhow::Result<()> {
    let ids = four(&bench.store).await?;
    let mut tx = bench.store.write().await?;
    say(&mut tx, &ids, 0, 1_200).await?;
    let (newest, _) = history::extent(&mut tx).await?;
    tx.commit().await?;
    // Targets 1 to 4 as bits: what ends in 0 is by machines (every fifth).
    let look = |s: &Signal| match &s.detail {
        Detail::Click { target } => 1_u32 << target.chars().last().and_then(|c| c.to_digit(10)).unwrap_or(9),
        _ => 0,
    };
    for sealed in [false, true] {
        if sealed {
            seal(&bench.store, newest).await?;
        }
        let mut tx = bench.store.read().await?;
        let shelves = history::read(&mut tx, 0..2, newest, &history::Sealed::new()).await?;
        let found = shelves[0].survey(|id| id == ids[2], look)?;
        let only = shelves[0].only(|id| id != ids[0], |s| look(s) == 0b10)?.expect("some led there");
        let kept = only.signals(|_| true)?;
        let told = shelves[0].signals(|id| id != ids[0])?;
        let expected = told.into_iter().map(|(id, all)| (id, all.into_iter().filter(|s| look(s) == 0b10).collect::<Vec<_>>()));
        assert_eq!(kept, expected.filter(|(_, all)| !all.is_empty()).collect::<All>());
        assert!(shelves[1].only(|id| id == ids[0], |_| true)?.is_none());
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), ids[..3]);
        assert_eq!([found[&ids[0]], found[&ids[1]], found[&ids[2]]], [0b1_1110, 0b1_1110, 0b1_1111], "sealed: {sealed}");
    }
    Ok(())
}
