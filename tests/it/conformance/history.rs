//! History: what a scan sees of every signal, and what is read of some prospects up to a number.

use super::bench::{Bench, add_some, minute, name};
use super::doorway::signal;
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::signal::{Detail, NewSignal, Signal};
use nurtured::domain::id::{DeliveryId, IssueId, ProspectId, SignalId};
use nurtured::store::doorway::{history, signals};
use nurtured::store::engine::backend::{StoreError, Tx};
use nurtured::store::operations::erasures;
use std::cell::Cell;

on_both_engines!(
    a_scan_sees_every_signal_once_and_reads_what_is_the_same_once,
    what_is_recorded_up_to_a_number_is_what_was_known_then,
    an_erasure_leaves_nothing_of_what_was_said_in_history,
);

/// Signals `from..to`, of four prospects, all kinds of them.
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

/// What a scan sees of a signal: whose it is, whether a machine's, and where it leads.
type Seen = (ProspectId, bool, u8);

/// 1 to 5: a click; 0: anything else.
fn leads_to(detail: &Detail) -> u8 {
    match detail {
        Detail::Click { target } => target.bytes().last().map_or(0, |digit| digit - b'0' + 1),
        _ => 0,
    }
}

fn seen(signals: impl IntoIterator<Item = Signal>) -> Vec<Seen> {
    let seen = |s: Signal| Some((s.prospect?, s.machine.is_some(), leads_to(&s.detail)));
    let mut seen: Vec<Seen> = signals.into_iter().filter_map(seen).collect();
    seen.sort_unstable();
    seen
}

async fn a_scan_sees_every_signal_once_and_reads_what_is_the_same_once(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 4).await?;
    assert_eq!(history::extent(&mut tx).await?, (SignalId(0), ids[3]));
    // So many that they are packed into several values; and a hit of nobody between them.
    say(&mut tx, &ids, 0, 3_000).await?;
    let hit = signal(ids[0], "a hit of nobody", 1, Detail::Click { target: "https://a.example/1".to_owned() });
    signals::append(&mut tx, &[(None, &hit)], minute(3_000)).await?;
    say(&mut tx, &ids, 3_000, 4_500).await?;
    let (newest, _) = history::extent(&mut tx).await?;
    let expected = seen(signals::of(&mut tx, &ids).await?.into_values().flatten());
    assert_eq!(expected.len(), 4_500);
    let (asked, middle) = (Cell::new(0), SignalId(newest.0 - 1_234));
    let mut found: Vec<Seen> = Vec::new();
    for range in [SignalId(0)..middle, middle..newest, newest..newest] {
        let read = |detail: Detail| {
            asked.set(asked.get() + 1);
            leads_to(&detail)
        };
        history::scan(&mut tx, range, read, |s| found.push((s.prospect, s.is_machine, s.detail))).await?;
    }
    found.sort_unstable();
    assert_eq!(found, expected);
    // Each reply is like no other one; clicks and the rest are read once in each of the two ranges.
    assert_eq!(asked.get(), 1_500 + 2 * (5 + 1));
    Ok(())
}

async fn what_is_recorded_up_to_a_number_is_what_was_known_then(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 4).await?;
    say(&mut tx, &ids, 0, 1_200).await?;
    let (newest, _) = history::extent(&mut tx).await?;
    let before = SignalId(newest.0 - 7);
    let all = signals::of(&mut tx, &ids[..3]).await?;
    let known = all.into_iter().map(|(id, of)| (id, of.into_iter().filter(|s| s.id <= before).collect::<Vec<_>>())).collect();
    assert_eq!(signals::recorded(&mut tx, &ids[..3], before).await?, known);
    assert!(signals::stated(&mut tx, &ids, newest).await?.values().all(Vec::is_empty), "who clicks and replies states nothing");
    let form = Detail::Form { form: name("quote"), fields: [("budget".to_owned(), "20000".to_owned())].into() };
    let form = signal(ids[1], "a form", 5, form);
    signals::append(&mut tx, &[(Some(ids[1]), &form)], minute(1_300)).await?;
    let (last, _) = history::extent(&mut tx).await?;
    assert_eq!(signals::stated(&mut tx, &ids, last).await?[&ids[1]].iter().map(|s| s.id).collect::<Vec<_>>(), [last]);
    assert!(signals::stated(&mut tx, &ids, newest).await?[&ids[1]].is_empty(), "it came later");
    Ok(())
}

async fn an_erasure_leaves_nothing_of_what_was_said_in_history(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 4).await?;
    say(&mut tx, &ids, 0, 1_200).await?;
    erasures::scrub(&mut tx, ids[1], minute(2_000)).await?;
    let (newest, _) = history::extent(&mut tx).await?;
    let mut said = Vec::new();
    history::scan(&mut tx, SignalId(0)..newest, |detail| detail == Detail::Erased, |s| said.push((s.prospect, s.detail))).await?;
    assert_eq!(said.len(), 1_200);
    assert!(said.into_iter().all(|(whose, is_erased)| is_erased == (whose == ids[1])));
    Ok(())
}
