//! Configurations that were put in force, and whom their rules made ready.

use super::bench::{Bench, add_some, minute, name, stand};
use super::doorway::{ready, signal};
use super::sales::offer;
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::doorway::in_force::InForce;
use nurtured::domain::doorway::signal::Detail;
use nurtured::domain::id::SignalId;
use nurtured::domain::prospect::Standing;
use nurtured::store::doorway::qualifications::Waiting;
use nurtured::store::doorway::{applied_rules, qualifications, signals};
use nurtured::store::group::campaigns;
use nurtured::store::operations::configurations;
use nurtured::store::people::{accounts, prospects};
use std::collections::BTreeMap;

on_both_engines!(
    the_newest_configuration_is_the_one_in_force,
    rules_are_changed_by_the_second_ones,
    whom_rules_made_ready_comes_after_the_others,
    offers_are_counted_by_the_day,
    accounts_are_known_with_their_owners,
    campaigns_are_added_without_another_schedule,
);

async fn the_newest_configuration_is_the_one_in_force(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    assert!(configurations::newest(&mut tx).await?.is_none() && configurations::in_force(&mut tx).await?.is_none());
    let files = |text: &str| BTreeMap::from([("qualification.toml".to_owned(), text.to_owned())]);
    let (one, two) = (files("agreed_by = [\"é\"] # \\u0000"), files("x"));
    assert!(configurations::put(&mut tx, "a", &one, minute(1)).await?);
    assert!(!configurations::put(&mut tx, "a", &one, minute(2)).await?, "the same twice is one");
    assert!(configurations::put(&mut tx, "a", &two, minute(3)).await?, "another environment");
    assert!(configurations::put(&mut tx, "b", &two, minute(4)).await?);
    assert!(configurations::put(&mut tx, "a", &one, minute(5)).await?, "back to what was before");
    tx.commit().await?;
    let mut tx = bench.store.read().await?;
    let newest = configurations::newest(&mut tx).await?.expect("one is in force");
    assert_eq!((newest.hash.as_str(), newest.files, newest.applied_at), ("a", one, minute(5)));
    assert_eq!(configurations::in_force(&mut tx).await?.as_deref(), Some("a"));
    Ok(())
}

async fn rules_are_changed_by_the_second_ones(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let id = add_some(&mut tx, 1).await?[0];
    assert!(applied_rules::newest(&mut tx).await?.is_none());
    assert!(applied_rules::apply(&mut tx, "one", minute(1)).await?);
    assert_eq!(applied_rules::changed(&mut tx).await?, None, "there were none before");
    assert!(applied_rules::apply(&mut tx, "two", minute(2)).await?);
    let of = |since, last| Some(InForce { since: minute(since), last_signal: SignalId(last) });
    assert_eq!(applied_rules::changed(&mut tx).await?, of(2, 0));
    let click = signal(id, "c", 3, Detail::Click { target: "https://a.example/".into() });
    let new = signals::append(&mut tx, &[(Some(id), &click)], minute(3)).await?;
    assert!(!applied_rules::apply(&mut tx, "two", minute(4)).await?);
    assert_eq!(applied_rules::changed(&mut tx).await?, of(2, 0), "they were in force already");
    assert!(applied_rules::apply(&mut tx, "one", minute(5)).await?);
    assert_eq!(applied_rules::changed(&mut tx).await?, of(5, new["c"].0));
    assert_eq!(applied_rules::newest(&mut tx).await?.as_deref(), Some("one"));
    Ok(())
}

async fn whom_rules_made_ready_comes_after_the_others(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 4).await?;
    let found = ready(&mut tx, ids[0], 1).await?;
    for id in &ids[..3] {
        assert!(stand(&mut tx, *id, Cause::Ready, found.qualification(), ids[..2].contains(id), "plan").await?);
    }
    assert_eq!(qualifications::waiting(&mut tx).await?, Waiting { at_once: true, by_rules: true });
    assert_eq!(qualifications::made_ready_by_rules(&mut tx).await?, ids[..2]);
    let (last, who) = qualifications::next_at_once(&mut tx).await?.expect("one waits for nobody");
    assert_eq!(who, ids[2]);
    assert_eq!(qualifications::next(&mut tx).await?, Some((last, who)), "and comes first");
    qualifications::withdraw(&mut tx, last, minute(2)).await?;
    assert_eq!(qualifications::waiting(&mut tx).await?, Waiting { at_once: false, by_rules: true });
    assert_eq!(qualifications::next_at_once(&mut tx).await?, None);
    assert_eq!(qualifications::next(&mut tx).await?.map(|(_, p)| p), Some(ids[0]));
    // Let go, they are before the others again; and who leaves the doorway stands there no more.
    qualifications::release(&mut tx, &[]).await?;
    qualifications::release(&mut tx, &ids[1..2]).await?;
    assert_eq!(qualifications::next_at_once(&mut tx).await?.map(|(_, p)| p), Some(ids[1]));
    qualifications::withdraw_all(&mut tx, &[], minute(3)).await?;
    qualifications::withdraw_all(&mut tx, &ids, minute(3)).await?;
    assert_eq!(qualifications::waiting(&mut tx).await?, Waiting { at_once: true, by_rules: false }, "who was let go stays");
    Ok(())
}

async fn offers_are_counted_by_the_day(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 4).await?;
    let found = ready(&mut tx, ids[0], 1).await?;
    // One offered at minute 5 and not by the rules; one by them at 6; one withdrawn; one still waiting, of somebody suppressed.
    offer(&mut tx, ids[0], "dana", 5).await?;
    for id in &ids[1..] {
        stand(&mut tx, *id, Cause::Ready, found.qualification(), true, "plan").await?;
    }
    offer(&mut tx, ids[1], "dana", 6).await?;
    let (withdrawn, who) = qualifications::next(&mut tx).await?.expect("two wait");
    assert_eq!(who, ids[2]);
    qualifications::withdraw(&mut tx, withdrawn, minute(7)).await?;
    for (since, made) in [(0, 1), (6, 1), (7, 0)] {
        assert_eq!(qualifications::offered_by_rules(&mut tx, minute(since)).await?, made, "since {since}");
    }
    assert_eq!(qualifications::made_ready_by_rules(&mut tx).await?, [ids[3]]);
    prospects::set_standing(&mut tx, ids[3], Standing::Suppressed, None).await?;
    assert!(qualifications::made_ready_by_rules(&mut tx).await?.is_empty());
    Ok(())
}

async fn accounts_are_known_with_their_owners(bench: Bench) -> anyhow::Result<()> {
    use super::bench::address;
    use nurtured::store::people::prospects::{self, Details, NewProspect};
    let mut tx = bench.store.write().await?;
    let companies = ["a.example", "b.example", "c.example"].map(|domain| accounts::Company { domain, name: None });
    let found = accounts::find_or_add(&mut tx, &companies).await?;
    let ids = ["a.example", "b.example", "c.example"].map(|domain| found[domain]);
    let addresses = ["a@a.example", "b@a.example", "c@b.example", "d@c.example"];
    let of = |n: usize| ids[[0, 0, 1, 2][n]];
    let new = addresses.iter().enumerate().map(|(n, address)| NewProspect {
        address,
        details: Details { account: Some(of(n)), ..Details::default() },
        mail_stop: None,
    });
    let known = prospects::add(&mut tx, &new.collect::<Vec<_>>(), minute(0)).await?;
    let [a, b, c, d] = addresses.map(|text| known[&address(text)]);
    accounts::own(&mut tx, ids[0], &name("dana")).await?;
    accounts::own(&mut tx, ids[2], &name("luc")).await?;
    let owners = accounts::owners(&mut tx, &[a, b, c]).await?;
    let first: Vec<_> = owners.iter().map(|(id, owners)| (*id, owners.first().cloned())).collect();
    assert_eq!(first, [(a, Some(name("dana"))), (b, Some(name("dana"))), (c, None)]);
    assert!(accounts::owners(&mut tx, &[]).await?.is_empty());
    assert_eq!(accounts::owner(&mut tx, d).await?, Some(name("luc")));
    Ok(())
}

async fn campaigns_are_added_without_another_schedule(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let (old, new) = (name("old"), name("new"));
    let all = |schedule: &str| [(&old, schedule.to_owned()), (&new, schedule.to_owned())].into_iter();
    campaigns::put(&mut tx, all("0 9 * * * in UTC").take(1), minute(1)).await?;
    campaigns::add(&mut tx, all("0 8 * * * in UTC"), minute(2)).await?;
    let known = campaigns::all(&mut tx).await?;
    assert_eq!((known[&old].schedule.as_str(), known[&old].seen_until), ("0 9 * * * in UTC", minute(1)));
    assert_eq!((known[&new].schedule.as_str(), known[&new].seen_until), ("0 8 * * * in UTC", minute(2)));
    Ok(())
}
