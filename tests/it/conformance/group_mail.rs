//! Campaigns, occurrences, issues, and filling them with deliveries.

use super::bench::{Bench, EVERY, Everybody, add_some, address, claim, issue, minute, name, open};
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::group::occurrence::Missed;
use nurtured::domain::group::schedule::Firing;
use nurtured::domain::id::{DeliveryId, IssueId, OccurrenceId, ProspectId};
use nurtured::store::engine::backend::{Store, Tx};
use nurtured::store::group::attempts::{self, Mark};
use nurtured::store::group::audiences;
use nurtured::store::group::{campaigns, deliveries, issues, leases, occurrences};
use nurtured::store::people::consents;

on_both_engines!(
    a_campaign_begins_running_and_remembers_why_it_paused,
    a_schedule_is_never_looked_at_backwards,
    two_nodes_open_an_occurrence_once,
    occurrences_are_filled_in_order_and_their_cursor_is_kept,
    a_newsletter_has_one_issue_at_an_occurrence,
    a_series_gives_each_prospect_the_first_they_have_not_had,
    an_edition_is_had_once,
    what_never_arrived_is_due_again,
    pages_write_one_delivery_per_prospect_and_leases_cover_exactly_these,
    tracking_is_frozen_in_the_delivery,
    a_test_copy_counts_for_nobody,
);

async fn a_campaign_begins_running_and_remembers_why_it_paused(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let (letters, other) = (name("letters"), name("other"));
    assert!(campaigns::lock(&mut tx, &letters).await?.is_none());
    campaigns::put(&mut tx, [&letters].into_iter().map(|c| (c, "0 9 * * * in UTC".to_owned())), minute(1)).await?;
    campaigns::put(&mut tx, [&letters, &other].into_iter().map(|c| (c, "0 9 * * * in UTC".to_owned())), minute(2)).await?;
    let of = |all: &std::collections::BTreeMap<nurtured::domain::id::Name, campaigns::State>| -> Vec<_> {
        all.iter().map(|(name, state)| (name.to_string(), state.paused.clone(), state.seen_until)).collect()
    };
    let all = campaigns::all(&mut tx).await?;
    assert_eq!(of(&all), [("letters".to_owned(), None, minute(1)), ("other".to_owned(), None, minute(2))]);
    assert!(!campaigns::resume(&mut tx, &letters, minute(3)).await?);
    assert!(campaigns::pause(&mut tx, &letters, "too many bounces", minute(3)).await?);
    assert!(!campaigns::pause(&mut tx, &letters, "again", minute(4)).await?);
    campaigns::put(&mut tx, [&letters].into_iter().map(|c| (c, "0 9 * * * in UTC".to_owned())), minute(5)).await?;
    let state = campaigns::lock(&mut tx, &letters).await?.expect("it is there");
    assert_eq!((state.paused.as_deref(), state.seen_until), (Some("too many bounces"), minute(1)));
    assert!(campaigns::resume(&mut tx, &letters, minute(6)).await?);
    assert_eq!(campaigns::lock(&mut tx, &letters).await?.expect("it is there").paused, None);
    Ok(())
}

async fn a_schedule_is_never_looked_at_backwards(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let letters = name("letters");
    campaigns::put(&mut tx, [&letters].into_iter().map(|c| (c, "0 9 * * * in UTC".to_owned())), minute(1)).await?;
    for (until, seen) in [(5, 5), (3, 5), (8, 8)] {
        campaigns::seen(&mut tx, &letters, minute(until)).await?;
        assert_eq!(campaigns::lock(&mut tx, &letters).await?.expect("it is there").seen_until, minute(seen));
    }
    Ok(())
}

async fn two_nodes_open_an_occurrence_once(bench: Bench) -> anyhow::Result<()> {
    let letters = name("letters");
    let mut tx = bench.store.write().await?;
    campaigns::put(&mut tx, [&letters].into_iter().map(|c| (c, "0 9 * * * in UTC".to_owned())), minute(0)).await?;
    tx.commit().await?;
    let node = |store: Store| {
        let letters = letters.clone();
        tokio::spawn(async move {
            let mut tx = store.write().await?;
            let firing = Firing { due_at: minute(5), nominal: "2026-03-02T09:30[Europe/Madrid]".to_owned() };
            let opened = occurrences::open(&mut tx, &letters, &firing, None, "plan").await?;
            tx.commit().await?;
            Ok::<_, nurtured::store::engine::backend::StoreError>(opened)
        })
    };
    let (one, two) = (node(bench.store.clone()), node(bench.another().await?));
    assert_eq!(usize::from(one.await??) + usize::from(two.await??), 1);
    let mut tx = bench.store.write().await?;
    let filling = occurrences::peek_filling(&mut tx).await?.expect("it is open");
    assert_eq!((filling.campaign, filling.due_at, filling.cursor), (letters, minute(5), ProspectId(0)));
    occurrences::filled(&mut tx, filling.id, minute(6)).await?;
    assert!(occurrences::peek_filling(&mut tx).await?.is_none());
    Ok(())
}

async fn occurrences_are_filled_in_order_and_their_cursor_is_kept(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let (letters, others) = (name("letters"), name("others"));
    campaigns::put(&mut tx, [&letters, &others].into_iter().map(|c| (c, "0 9 * * * in UTC".to_owned())), minute(0)).await?;
    for (campaign, nominal, missed) in
        [(&letters, "missed", true), (&letters, "first", false), (&letters, "second", false), (&others, "first", false)]
    {
        let firing = Firing { due_at: minute(5), nominal: nominal.to_owned() };
        assert!(occurrences::open(&mut tx, campaign, &firing, missed.then_some(Missed::Late), "plan").await?);
    }
    let first = occurrences::next_filling(&mut tx).await?.expect("two are open").id;
    occurrences::advance(&mut tx, first, ProspectId(40)).await?;
    tx.commit().await?;

    let mut tx = bench.store.write().await?;
    let again = occurrences::next_filling(&mut tx).await?.expect("two are open");
    assert_eq!((again.id, again.cursor), (first, ProspectId(40)));
    if bench.store.is_shared() {
        // Another node takes another campaign's instead of waiting, and not the next of this one: who is due what depends on what this
        // one brings. Looking ahead waits for nobody.
        let mut other = bench.store.write().await?;
        assert_eq!(occurrences::next_filling(&mut other).await?.expect("one is free").campaign, others);
        assert_eq!(occurrences::peek_filling(&mut other).await?.expect("two are open").id, first);
        other.commit().await?;
    }
    occurrences::filled(&mut tx, first, minute(7)).await?;
    let second = occurrences::next_filling(&mut tx).await?.expect("one is open").id;
    assert!(second > first);
    occurrences::filled(&mut tx, second, minute(7)).await?;
    let third = occurrences::next_filling(&mut tx).await?.expect("one is open").id;
    occurrences::filled(&mut tx, third, minute(7)).await?;
    assert!(occurrences::next_filling(&mut tx).await?.is_none());
    Ok(())
}

async fn a_newsletter_has_one_issue_at_an_occurrence(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let letters = name("letters");
    campaigns::put(&mut tx, [&letters].into_iter().map(|c| (c, "0 9 * * * in UTC".to_owned())), minute(0)).await?;
    let occurrence = open(&mut tx, &letters, "first", minute(5)).await?;
    assert!(issues::id(&mut tx, occurrence, &name("one")).await.is_err());
    let one = issue(&mut tx, occurrence, &letters, &name("one"), false).await?;
    assert_eq!(issue(&mut tx, occurrence, &letters, &name("one"), false).await?, one);
    let two = issue(&mut tx, occurrence, &letters, &name("two"), false).await?;
    assert_eq!(issues::of_occurrence(&mut tx, occurrence).await?.into_iter().collect::<Vec<_>>(), [name("one"), name("two")]);
    let loaded = issues::load(&mut tx, two).await?.expect("it is there");
    assert_eq!((loaded.id, loaded.campaign, loaded.subject.as_str(), loaded.message.as_str()), (two, letters, "About two", "{}"));
    let content = issues::content(&mut tx, two).await?.expect("it is there");
    assert_eq!((content.content.links, content.message.as_str()), (vec!["https://a.example/prices".to_owned()], ""));
    assert!(issues::load(&mut tx, IssueId(99)).await?.is_none());
    Ok(())
}

/// What every prospect of `ids` got at an occurrence, as the subjects tell.
async fn got(tx: &mut Tx, newsletters: &[(IssueId, &str)], ids: &[ProspectId]) -> anyhow::Result<Vec<String>> {
    let mut of = std::collections::BTreeMap::new();
    for (issue, newsletter) in newsletters {
        for row in deliveries::open_in(tx, *issue, DeliveryId(0), DeliveryId(1_000_000)).await? {
            let origin = deliveries::origin(tx, row.id).await?.expect("it was just read");
            assert_eq!((origin.issue, &origin.address), (*issue, &row.address));
            of.insert(origin.prospect.expect("no test copy"), (*newsletter).to_owned());
        }
    }
    Ok(ids.iter().map(|id| of.get(id).cloned().unwrap_or_default()).collect())
}

/// The issues of an occurrence.
async fn issues_of(tx: &mut Tx, occurrence: OccurrenceId) -> anyhow::Result<Vec<(IssueId, &'static str)>> {
    let mut found = Vec::new();
    let known = ["one", "two", "three"];
    for newsletter in issues::of_occurrence(tx, occurrence).await? {
        let word = known.into_iter().find(|k| *k == newsletter.as_str()).expect("a newsletter of the test");
        found.push((issues::id(tx, occurrence, &newsletter).await?, word));
    }
    Ok(found)
}

async fn a_series_gives_each_prospect_the_first_they_have_not_had(bench: Bench) -> anyhow::Result<()> {
    let series = Everybody::due(&["one", "two", "three"]);
    let mut tx = bench.store.write().await?;
    let mut ids = add_some(&mut tx, 2).await?;
    tx.commit().await?;
    for (nominal, expected) in [
        ("first", vec!["one", "one"]),
        ("second", vec!["two", "two", "one"]),
        ("third", vec!["three", "three", "two", "one"]),
        ("fourth", vec!["", "", "three", "two"]),
        ("fifth", vec!["", "", "", "three"]),
    ] {
        let occurrence = series.publish(&bench.store, nominal, minute(5)).await?;
        let mut tx = bench.store.write().await?;
        let issues = issues_of(&mut tx, occurrence).await?;
        assert_eq!(got(&mut tx, &issues, &ids).await?, expected, "{nominal}");
        if ids.len() < 4 {
            let late = format!("late{}@a.example", ids.len());
            ids.extend(super::bench::add(&mut tx, &[&late]).await?);
        }
        tx.commit().await?;
    }
    let mut tx = bench.store.read().await?;
    assert_eq!(series.newsletters_due(&mut tx).await?, []);
    let question = series.question(&[], ProspectId(0), EVERY);
    assert_eq!(audiences::size(&mut tx, &question).await?, 4, "out of letters is still in the audience");
    Ok(())
}

async fn an_edition_is_had_once(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    tx.commit().await?;
    Everybody::due(&["one"]).publish(&bench.store, "first", minute(5)).await?;
    assert_eq!(Everybody::due(&["one"]).newsletters_due(&mut bench.store.read().await?).await?, []);
    let second = Everybody::due(&["three"]).publish(&bench.store, "second", minute(6)).await?;
    let mut tx = bench.store.read().await?;
    let issues = issues_of(&mut tx, second).await?;
    assert_eq!(got(&mut tx, &issues, &ids).await?, ["three", "three"]);
    // The same newsletter in another campaign is another newsletter.
    let other = Everybody { campaign: name("other"), ..Everybody::due(&["one"]) };
    assert_eq!(other.newsletters_due(&mut tx).await?, [name("one")]);
    Ok(())
}

async fn what_never_arrived_is_due_again(bench: Bench) -> anyhow::Result<()> {
    use nurtured::domain::group::delivery::State;
    let ends = [State::Accepted, State::Uncertain, State::Failed, State::Suppressed, State::Skipped, State::Cancelled];
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, ends.len()).await?;
    tx.commit().await?;
    let series = Everybody::due(&["one", "two"]);
    series.publish(&bench.store, "first", minute(5)).await?;
    let (lease, rows) = claim(&bench.store, "n", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    let outcomes: Vec<_> = rows.iter().zip(ends).map(|(row, state)| super::sending::outcome(&lease, *row, 1, state)).collect();
    assert_eq!(attempts::record(&mut tx, &outcomes, minute(6)).await?.len(), ends.len());
    leases::release(&mut tx, &lease, None, minute(6)).await?;
    tx.commit().await?;
    let second = series.publish(&bench.store, "second", minute(7)).await?;
    let mut tx = bench.store.read().await?;
    let issues = issues_of(&mut tx, second).await?;
    assert_eq!(got(&mut tx, &issues, &ids).await?, ["two", "two", "one", "one", "one", "one"]);
    Ok(())
}

async fn pages_write_one_delivery_per_prospect_and_leases_cover_exactly_these(bench: Bench) -> anyhow::Result<()> {
    let letters = Everybody::due(&["one", "two"]);
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    tx.commit().await?;
    letters.publish(&bench.store, "first", minute(5)).await?;
    let (lease, _) = claim(&bench.store, "n", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    leases::release(&mut tx, &lease, None, minute(5)).await?;
    let late = super::bench::add(&mut tx, &["a@late.example", "b@late.example", "c@late.example"]).await?;

    // Two are due "two", three are due "one"; pages of two, each with its leases; the last page comes twice.
    let occurrence = open(&mut tx, &letters.campaign, "second", minute(6)).await?;
    for newsletter in letters.newsletters_due(&mut tx).await? {
        issue(&mut tx, occurrence, &letters.campaign, &newsletter, false).await?;
    }
    let mut after = ProspectId(0);
    for (written, ranges) in [(2, 1), (2, 1), (1, 1)] {
        let up_to = audiences::window(&mut tx, after, 2).await?;
        assert_eq!(letters.fill(&mut tx, occurrence, after, up_to).await?, written);
        assert_eq!(leases::cover(&mut tx, occurrence, after, up_to, minute(6)).await?, ranges);
        assert_eq!(letters.fill(&mut tx, occurrence, after, up_to).await?, 0);
        after = up_to;
    }
    tx.commit().await?;
    let mut covered = Vec::new();
    while let Some((lease, rows)) = claim(&bench.store, "n", minute(6)).await? {
        assert_eq!((rows.first(), rows.last()), (Some(&lease.first), Some(&lease.last)));
        let mut tx = bench.store.read().await?;
        for row in rows {
            covered.push(deliveries::origin(&mut tx, row).await?.and_then(|o| o.prospect).expect("a prospect's"));
        }
    }
    assert_eq!(covered, [ids, late].concat());
    Ok(())
}

async fn tracking_is_frozen_in_the_delivery(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    let consent = |given, source: &str| (ids[0], Consent::undated(Purpose::Tracking, given, source));
    consents::add(&mut tx, &[consent(true, "form")], minute(1)).await?;
    tx.commit().await?;
    Everybody::due(&["one"]).publish(&bench.store, "first", minute(5)).await?;
    let (_, rows) = claim(&bench.store, "n", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    consents::add(&mut tx, &[consent(false, "page")], minute(6)).await?;
    let mut found = Vec::new();
    for row in rows {
        let origin = deliveries::origin(&mut tx, row).await?.expect("it was written");
        found.push((origin.tracked, origin.consents));
    }
    assert_eq!(found, [(true, false), (false, false)]);
    assert!(deliveries::origin(&mut tx, DeliveryId(99)).await?.is_none());
    Ok(())
}

async fn a_test_copy_counts_for_nobody(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let letters = name("letters");
    add_some(&mut tx, 1).await?;
    campaigns::put(&mut tx, [&letters].into_iter().map(|c| (c, "0 9 * * * in UTC".to_owned())), minute(0)).await?;
    campaigns::pause(&mut tx, &letters, "not yet", minute(0)).await?;
    let occurrence = occurrences::open_test(&mut tx, &letters, "test of minute 1", "plan", minute(1)).await?;
    assert!(occurrences::peek_filling(&mut tx).await?.is_none());
    let copy = issue(&mut tx, occurrence, &letters, &name("one"), true).await?;
    let delivery = deliveries::add_test(&mut tx, occurrence, copy, &address("p0@a.example")).await?;
    assert_eq!(leases::cover_ours(&mut tx, occurrence, minute(1)).await?, 1);
    tx.commit().await?;
    assert_eq!(Everybody::due(&["one"]).newsletters_due(&mut bench.store.read().await?).await?, [name("one")]);
    // Claimed and marked although the campaign is paused.
    let (lease, rows) = claim(&bench.store, "n", minute(1)).await?.expect("the copy is due");
    assert_eq!(rows, [delivery]);
    let mut tx = bench.store.write().await?;
    let mark = Mark { delivery, number: 1, lease: lease.id, fence: lease.fence };
    assert_eq!(attempts::mark(&mut tx, &[mark], minute(2)).await?.into_iter().collect::<Vec<_>>(), [delivery]);
    assert_eq!(deliveries::origin(&mut tx, delivery).await?.expect("it was written").prospect, None);
    Ok(())
}
