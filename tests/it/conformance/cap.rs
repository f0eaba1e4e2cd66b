//! How much mail a prospect has had, and is to get, of all campaigns together.

use super::bench::{Bench, EVERY, Everybody, add_some, claim, issue, minute, name, open, states};
use super::sending::{mark, outcome};
use super::stop_means_stop::waits;
use jiff::Timestamp;
use nurtured::domain::group::cap::Cap;
use nurtured::domain::group::delivery::State;
use nurtured::domain::id::{DeliveryId, Name, OccurrenceId, ProspectId};
use nurtured::domain::plan::Plan;
use nurtured::domain::span::Span;
use nurtured::flow::context::Progress;
use nurtured::flow::group::publish::publish;
use nurtured::store::engine::backend::{Store, Tx};
use nurtured::store::group::attempts::{self, Outcome};
use nurtured::store::group::caps::{self, Of, PutAside};
use nurtured::store::group::{campaigns, deliveries, occurrences};

on_both_engines!(
    what_left_and_what_is_to_leave_counts,
    what_is_put_aside_waits_or_ends,
    what_somebody_does_not_want_is_found_from_the_few_who_chose,
);

/// Two campaigns to everybody, in force.
async fn two_campaigns(store: &Store) -> anyhow::Result<[Everybody; 2]> {
    let both = ["letters", "other"].map(|campaign| Everybody { campaign: name(campaign), ..Everybody::due(&["one"]) });
    let mut tx = store.write().await?;
    campaigns::put(&mut tx, both.iter().map(|c| (&c.campaign, "0 9 * * * in UTC".to_owned())), minute(0)).await?;
    tx.commit().await?;
    Ok(both)
}

/// Opens an occurrence of a campaign and writes everybody a delivery.
async fn written(tx: &mut Tx, to: &Everybody, now: Timestamp) -> anyhow::Result<OccurrenceId> {
    let occurrence = open(tx, &to.campaign, &format!("{} at {now}", to.campaign), now).await?;
    issue(tx, occurrence, &to.campaign, &to.newsletters[0], false).await?;
    to.fill(tx, occurrence, ProspectId(0), EVERY).await?;
    Ok(occurrence)
}

/// The `mails`-th latest mail of each prospect, by prospect.
async fn latest(
    tx: &mut Tx,
    occurrence: OccurrenceId,
    mails: u32,
    closed: &[(&Name, Timestamp)],
    now: Timestamp,
) -> anyhow::Result<Vec<(ProspectId, Timestamp)>> {
    let mut found = Vec::new();
    for (delivery, at) in caps::nth_latest(tx, Of::Everybody, occurrence, (ProspectId(0), EVERY), mails, closed, now).await? {
        found.push((deliveries::origin(tx, delivery).await?.and_then(|o| o.prospect).expect("a prospect's"), at));
    }
    Ok(found)
}

async fn what_left_and_what_is_to_leave_counts(bench: Bench) -> anyhow::Result<()> {
    let [letters, other] = two_campaigns(&bench.store).await?;
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 10).await?;
    tx.commit().await?;
    letters.publish(&bench.store, "first", minute(5)).await?;
    let (lease, rows) = claim(&bench.store, "n", minute(5)).await?.expect("a range is due");
    let ends = [State::Accepted, State::Uncertain, State::Failed, State::Suppressed, State::Skipped, State::Cancelled];
    let mut outcomes: Vec<Outcome> = rows.iter().zip(ends).map(|(row, end)| outcome(&lease, *row, 1, end)).collect();
    // To be tried again in an hour; again since five minutes; in doubt; and one of which nobody has said anything yet.
    for (row, retry_at) in [(6, 60), (7, 15)] {
        let again = outcome(&lease, rows[row], 1, State::Pending);
        outcomes.push(Outcome { retry_at: Some(minute(retry_at).as_millisecond()), ..again });
    }
    let mut tx = bench.store.write().await?;
    attempts::record(&mut tx, &outcomes, minute(8)).await?;
    attempts::mark(&mut tx, &[mark(&lease, rows[8], 1)], minute(7)).await?;
    let others = written(&mut tx, &other, minute(20)).await?;
    occurrences::filled(&mut tx, others, minute(20)).await?;
    // The other campaign's copies are out of this count: it is asked of them.
    let occurrence = written(&mut tx, &letters_again(&letters), minute(20)).await?;
    tx.commit().await?;
    let mut tx = bench.store.read().await?;
    let at = |of: &[(usize, i64)]| -> Vec<_> { of.iter().map(|(n, m)| (ids[*n], minute(*m))).collect() };
    let now = minute(20);
    // The latest of each is the other campaign's, which is about to leave: now, or when it opens.
    let all_now: Vec<_> = (0..10).map(|n| (n, if n == 6 { 60 } else { 20 })).collect();
    assert_eq!(latest(&mut tx, occurrence, 1, &[], now).await?, at(&all_now));
    let opens: Vec<_> = (0..10).map(|n| (n, 90)).collect();
    assert_eq!(latest(&mut tx, occurrence, 1, &[(&other.campaign, minute(90))], now).await?, at(&opens));
    // The one before it is the first letter, of those whom it reached or may yet reach.
    let second = [(0, 8), (1, 8), (6, 20), (7, 20), (8, 7), (9, 20)];
    assert_eq!(latest(&mut tx, occurrence, 2, &[], now).await?, at(&second));
    let waiting = [(0, 8), (1, 8), (6, 95), (7, 95), (8, 7), (9, 95)];
    let closed = [(&other.campaign, minute(99)), (&letters.campaign, minute(95))];
    assert_eq!(latest(&mut tx, occurrence, 2, &closed, now).await?, at(&waiting));
    assert_eq!(latest(&mut tx, occurrence, 3, &[], now).await?, []);
    Ok(())
}

/// The same campaign with its second newsletter.
fn letters_again(letters: &Everybody) -> Everybody {
    Everybody { campaign: letters.campaign.clone(), ..Everybody::due(&["two"]) }
}

async fn what_is_put_aside_waits_or_ends(bench: Bench) -> anyhow::Result<()> {
    let letters = Everybody::due(&["one"]);
    let mut tx = bench.store.write().await?;
    add_some(&mut tx, 3).await?;
    tx.commit().await?;
    letters.publish(&bench.store, "first", minute(5)).await?;
    let (lease, rows) = claim(&bench.store, "n", minute(5)).await?.expect("a range is due");
    let aside = |delivery: DeliveryId, state, retry_at: Option<Timestamp>| PutAside {
        delivery,
        state,
        retry_at: retry_at.map(Timestamp::as_millisecond),
        reply: "enough".to_owned(),
    };
    let mut tx = bench.store.write().await?;
    let both = [aside(rows[0], State::Pending, Some(minute(30))), aside(rows[1], State::Skipped, None)];
    assert_eq!(caps::put_aside(&mut tx, &both, minute(5)).await?, 2);
    assert_eq!(caps::put_aside(&mut tx, &both, minute(5)).await?, 0, "said once");
    tx.commit().await?;
    assert_eq!(states(&bench.store, &rows).await?, ["claimed", "skipped", "claimed"]);
    let mut tx = bench.store.read().await?;
    let open = deliveries::open_in(&mut tx, lease.issue, lease.first, lease.last).await?;
    let waits: Vec<_> = open.iter().map(|row| (row.id, row.retry_at, row.marks)).collect();
    assert_eq!(waits, [(rows[0], Some(minute(30)), 0), (rows[2], None, 0)]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_write_at_the_same_moment_count_one_after_the_other() -> anyhow::Result<()> {
    let Some(bench) = Bench::postgres("two_nodes_count").await? else { return Ok(()) };
    let url = bench.url().expect("it is on a server");
    let [letters, other] = two_campaigns(&bench.store).await?;
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    tx.commit().await?;
    let mut one = bench.store.write().await?;
    caps::count_alone(&mut one).await?;
    let first = written(&mut one, &letters, minute(5)).await?;
    occurrences::filled(&mut one, first, minute(5)).await?;
    let store = bench.another().await?;
    let two = tokio::spawn(async move {
        let mut two = store.write().await?;
        caps::count_alone(&mut two).await?;
        let occurrence = written(&mut two, &other, minute(5)).await?;
        let found = latest(&mut two, occurrence, 1, &[], minute(5)).await?;
        two.commit().await?;
        anyhow::Ok(found)
    });
    assert!(waits(url, &two), "the second node counted before the first had written");
    one.commit().await?;
    assert_eq!(two.await??, ids.iter().map(|id| (*id, minute(5))).collect::<Vec<_>>(), "and sees what it wrote");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_waits_for_a_node_that_counts() -> anyhow::Result<()> {
    let Some(bench) = Bench::postgres("publishing_waits").await? else { return Ok(()) };
    let url = bench.url().expect("it is on a server");
    let town = crate::stories::found(bench.another().await?).await;
    town.admit(&[crate::stories::somebody("ada@albareda.example")], "import").await?;
    let mut plan = Plan::clone(&town.node.ctx.plan());
    plan.settings.cap = Some(Cap { mails: 1, within: Span::days(7) });
    // A limit is counted in steps of its own, before anything is written.
    plan.campaigns.iter_mut().for_each(|campaign| campaign.guards.at_most = None);
    town.node.ctx.replace_plan(plan)?;
    town.run_until_idle().await?;
    town.clock.move_to("2026-02-03T08:30:00Z".parse()?);
    let mut counting = bench.store.write().await?;
    caps::count_alone(&mut counting).await?;
    let ctx = town.node.ctx.clone();
    let publishing = tokio::spawn(async move { publish(&ctx).await });
    assert!(waits(url, &publishing), "a page was written while another node counted");
    counting.commit().await?;
    assert_eq!(publishing.await??, Progress::Done);
    Ok(())
}

async fn what_somebody_does_not_want_is_found_from_the_few_who_chose(bench: Bench) -> anyhow::Result<()> {
    use nurtured::domain::preferences::{Preferences, Unwanted};
    use nurtured::store::group::unwanted;
    use nurtured::store::people::preferences;
    let [letters, _] = two_campaigns(&bench.store).await?;
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 9).await?;
    let (topic, day) = (name("prices"), minute(0).to_zoned(jiff::tz::TimeZone::UTC).date());
    let soon = day.tomorrow()?;
    let refuses = Preferences { refused_topics: [topic.clone()].into(), ..Preferences::default() };
    let paused = Preferences { paused_until: Some(soon), ..Preferences::default() };
    for (n, chosen) in [(2, &refuses), (5, &paused)] {
        preferences::choose(&mut tx, ids[n], chosen, "their own page", minute(1)).await?;
    }
    let occurrence = written(&mut tx, &letters, minute(5)).await?;
    let mut of = Vec::new();
    let found = unwanted::of_page(&mut tx, occurrence, (ProspectId(0), EVERY), Some(&topic), day).await?;
    for (delivery, why) in found {
        of.push((deliveries::origin(&mut tx, delivery).await?.and_then(|o| o.prospect).expect("a prospect's"), why));
    }
    assert_eq!(of, [(ids[2], Unwanted::Topic(topic.clone())), (ids[5], Unwanted::Paused(soon))]);
    for (topic, day, expected) in [(Some(&topic), soon, vec![ids[2]]), (None, day, vec![ids[5]]), (None, soon, vec![])] {
        let found = unwanted::of_people(&mut tx, &ids, topic, day).await?;
        assert_eq!(found.into_keys().collect::<Vec<_>>(), expected, "{topic:?} {day}");
    }
    let plan = unwanted::plan(&mut tx).await?.join("\n");
    println!("{plan}");
    for read in ["SCAN d", "SCAN t", "Seq Scan on deliveries"] {
        assert!(!plan.contains(read), "{read}:\n{plan}");
    }
    assert!(plan.contains(if bench.store.is_shared() { "delivery_once" } else { "SEARCH d USING" }), "{plan}");
    Ok(())
}
