//! Numbers: they go on beyond another history's, and none is given twice.

use super::bench::{Bench, add, add_some, address, issue, minute, name, open};
use super::doorway::signal;
use nurtured::domain::doorway::signal::Detail;
use nurtured::store::doorway::signals;
use nurtured::store::group::{campaigns, deliveries};
use nurtured::store::operations::numbers::{self, Numbers};

on_both_engines!(numbers_go_on_beyond_those_of_another_history,);

async fn numbers_go_on_beyond_those_of_another_history(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let letters = name("letters");
    campaigns::put(&mut tx, [(&letters, "0 9 * * * in UTC".to_owned())].into_iter(), minute(0)).await?;
    let ids = add_some(&mut tx, 3).await?;
    tx.commit().await?;

    let mut tx = bench.store.write().await?;
    let seen =
        Numbers::from([("deliveries".to_owned(), 7_000_000_000), ("prospects".to_owned(), 2), ("unheard-of".to_owned(), 9)]);
    let lifted = numbers::lift(&mut tx, &seen).await?;
    assert!(lifted["deliveries"] > 7_000_000_000 && lifted["prospects"] > ids[2].0 && lifted["signals"] > 0, "{lifted:?}");
    assert!(!lifted.contains_key("unheard-of"));
    tx.commit().await?;

    // Another connection gives the next one.
    let other = bench.another().await?;
    let mut tx = other.write().await?;
    let late = add(&mut tx, &["late@a.example"]).await?;
    assert_eq!(late[0].0, lifted["prospects"] + 1);
    let occurrence = open(&mut tx, &letters, "2026-03-02", minute(1)).await?;
    let issue = issue(&mut tx, occurrence, &letters, &name("one"), true).await?;
    assert_eq!((occurrence.0, issue.0), (lifted["occurrences"] + 1, lifted["issues"] + 1));
    let copy = deliveries::add_test(&mut tx, occurrence, issue, &address("marta@a.example")).await?;
    assert_eq!(copy.0, lifted["deliveries"] + 1);
    // Two new signals and one that is known: each is told the number it has.
    let said = |n: i64| signal(ids[0], &format!("said {n}"), n, Detail::Unsubscribe { how: "page".to_owned() });
    for (from, to) in [(0, 2), (1, 4), (4, 6)] {
        let new: Vec<_> = (from..to).map(said).collect();
        let rows: Vec<_> = new.iter().map(|new| (Some(ids[0]), new)).collect();
        signals::append(&mut tx, &rows, minute(2)).await?;
    }
    let of = signals::of(&mut tx, &[ids[0]]).await?.remove(&ids[0]).unwrap_or_default();
    assert!(of.len() == 6 && of.iter().all(|signal| signal.id.0 > lifted["signals"]), "{of:?}");
    let alone = said(9);
    let told = signals::append(&mut tx, &[(Some(ids[1]), &alone)], minute(3)).await?;
    let newest = signals::of(&mut tx, &[ids[1]]).await?.remove(&ids[1]).unwrap_or_default();
    assert_eq!(told[&alone.once], newest[0].id);
    tx.commit().await?;

    let mut tx = bench.store.write().await?;
    let last = numbers::last(&mut tx).await?;
    assert_eq!(last["deliveries"], lifted["deliveries"] + 1);
    let again = numbers::lift(&mut tx, &Numbers::new()).await?;
    assert!(again.iter().all(|(table, number)| *number > last.get(table).copied().unwrap_or_default()), "{again:?} {last:?}");
    tx.commit().await?;
    Ok(())
}
