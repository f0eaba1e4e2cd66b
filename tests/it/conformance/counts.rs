//! Numbers over all tables: they reconcile with what was put in.

use super::bench::{Bench, Everybody, add_some, address, claim, issue, minute, name};
use super::doorway::signal;
use super::sales::offer;
use super::sending::{mark, outcome};
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::signal::{Detail, NewSignal};
use nurtured::domain::group::delivery::State;
use nurtured::domain::individual::handoff::Outcome;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::store::doorway::signals;
use nurtured::store::group::{attempts, deliveries, occurrences};
use nurtured::store::individual::handoffs;
use nurtured::store::operations::counts;
use nurtured::store::people::suppressions::{self, Stop};

on_both_engines!(an_empty_house_counts_nothing, a_small_world_adds_up,);

async fn an_empty_house_counts_nothing(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.read().await?;
    let json = serde_json::to_value(counts::summary(&mut tx).await?)?;
    let numbers = json.as_object().expect("an object");
    assert!(numbers.len() == 14 && numbers.values().all(|n| n == 0), "{json}");
    let json = serde_json::to_value(counts::of_campaign(&mut tx, &name("letters")).await?)?;
    assert!(json.as_object().expect("an object").values().all(|n| n == 0), "{json}");
    Ok(())
}

async fn a_small_world_adds_up(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 6).await?;
    tx.commit().await?;
    Everybody::due(&["one"]).publish(&bench.store, "first", minute(5)).await?;
    let (lease, rows) = claim(&bench.store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = bench.store.write().await?;
    // Accepted twice, failed, in doubt, uncertain, and one still claimed.
    attempts::mark(&mut tx, &[mark(&lease, rows[3], 1)], minute(6)).await?;
    let ends = [(0, State::Accepted), (1, State::Accepted), (2, State::Failed), (4, State::Uncertain)];
    let outcomes: Vec<_> = ends.into_iter().map(|(n, state)| outcome(&lease, rows[n], 1, state)).collect();
    attempts::record(&mut tx, &outcomes, minute(6)).await?;
    // A test copy that was accepted and clicked counts nowhere.
    let occurrence = occurrences::open_test(&mut tx, &name("letters"), "test", "plan", minute(1)).await?;
    let copy = issue(&mut tx, occurrence, &name("letters"), &name("one"), true).await?;
    let delivery = deliveries::add_test(&mut tx, occurrence, copy, &address("marta@ours.example")).await?;
    attempts::record(&mut tx, &[outcome(&lease, delivery, 1, State::Accepted)], minute(6)).await?;

    let click = |once: &str, issue, machine| NewSignal {
        issue: Some(issue),
        machine,
        ..signal(ids[0], once, 7, Detail::Click { target: "https://a.example/".into() })
    };
    let answer = Detail::Answer { criterion: Criterion::Need, id: None, say: "Yes".into(), date: None, posted: None };
    let news = [
        click("human", lease.issue, None),
        click("machine", lease.issue, Some(Machine::Head)),
        click("machine too", lease.issue, Some(Machine::Agent)),
        click("test", copy, None),
        signal(ids[0], "answer", 7, answer),
    ];
    signals::append(&mut tx, &news.iter().map(|s| (Some(ids[0]), s)).collect::<Vec<_>>(), minute(8)).await?;
    for (n, outcome) in [Outcome::Won, Outcome::Lost, Outcome::NotNow, Outcome::Disqualified].into_iter().enumerate() {
        let id = offer(&mut tx, ids[n], "dana", 10).await?;
        let accepted = handoffs::load(&mut tx, id).await?.expect("it was opened").accept(minute(11))?;
        handoffs::store(&mut tx, &accepted.close(outcome, None, minute(12))?).await?;
    }
    offer(&mut tx, ids[4], "dana", 10).await?;
    let stop =
        |n: usize, channel| Stop { address: format!("p{n}@a.example"), channel, reason: StopReason::Manual, source: "us".into() };
    let stops = [stop(0, Channel::Email), stop(1, Channel::Email), stop(1, Channel::Phone), stop(9, Channel::Email)];
    suppressions::add(&mut tx, &stops, minute(13)).await?;
    suppressions::lift(&mut tx, &address("p0@a.example"), Channel::Email, minute(14)).await?;

    let summary = counts::summary(&mut tx).await?;
    assert_eq!((summary.prospects, summary.issues, summary.deliveries, summary.accepted), (6, 1, 6, 2));
    // Five handoffs, each proven by five answers.
    assert_eq!((summary.signals, summary.machine_signals, summary.answers), (5 + 25, 2, 1 + 25));
    assert_eq!((summary.ready, summary.requests, summary.handoffs), (5, 0, 5));
    assert_eq!((summary.recycled, summary.won, summary.suppressed), (2, 1, 2));
    let campaign = counts::of_campaign(&mut tx, &name("letters")).await?;
    assert_eq!((campaign.sent, campaign.failed, campaign.open), (2, 1, 2));
    assert_eq!((campaign.clicked, campaign.machine_clicks), (1, 2));
    assert_eq!(counts::of_campaign(&mut tx, &name("other")).await?.sent, 0);
    Ok(())
}
