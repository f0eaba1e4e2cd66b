//! Colleagues of one account who speak at the same moment, on connections of PostgreSQL (SQLite has one writer: they take
//! turns). What one says is assessed for the others, later, so that none of them waits for another.
//!
//! No sleeps: the server itself says how many wait for another one's lock.

use super::bench::{Bench, add_some, dequeue, minute, name};
use super::doorway::signal;
use super::evidence::in_account;
use nurtured::clock::ManualClock;
use nurtured::config::{self, example};
use nurtured::daemon::assemble;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::signal::Detail;
use nurtured::domain::id::ProspectId;
use nurtured::flow::context::{Context, FlowError, Progress};
use nurtured::flow::doorway::{apply, observe, qualify};
use nurtured::store::doorway::{assessment_queue, signals};
use nurtured::store::group::campaigns;
use nurtured::store::people::prospects;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A node of its own on the same database.
async fn node(bench: &Bench) -> anyhow::Result<Context> {
    let plan = config::load_files(example::FILES, &[]).map_err(|problems| anyhow::anyhow!("{problems}"))?.plan;
    Ok(assemble::assemble(bench.another().await?, Arc::new(ManualClock::at(minute(9))), plan).await?.ctx)
}

fn fills_in_a_form(node: Context, who: ProspectId) -> JoinHandle<Result<(), FlowError>> {
    // What it says of a budget counts for the whole account.
    let form = Detail::Form { form: name("quote"), fields: BTreeMap::from([("budget".to_owned(), "20000".to_owned())]) };
    let said = signal(who, &format!("form of {who}"), 9, form);
    tokio::spawn(async move { observe::observe(&node, &[said]).await.map(drop) })
}

/// Returns once so many connections wait for another one's lock; whoever is to wait must not be done before.
fn until_waiting<T>(url: &str, count: u32, whoever: &JoinHandle<T>) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while crate::postgres::ask(url, waiting) != count.to_string() {
        assert!(!whoever.is_finished(), "it waited for nobody");
    }
}

/// After how long connections that are opened from now on look whether they are deadlocked; whoever finds it gives way.
fn patience(url: &str, patience: &str) {
    let (_, database) = url.rsplit_once('/').expect("a URL ends with the database");
    crate::postgres::ask(url, &format!("ALTER DATABASE {database} SET deadlock_timeout = '{patience}'"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_colleagues_who_speak_at_the_same_moment_are_both_heard() -> anyhow::Result<()> {
    let Some(bench) = Bench::postgres("two_colleagues").await? else { return Ok(()) };
    let (one, other, last) = (node(&bench).await?, node(&bench).await?, node(&bench).await?);
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 3).await?;
    in_account(&mut tx, &ids, "a.example").await?;
    tx.commit().await?;
    let (second, third) = (fills_in_a_form(one, ids[1]), fills_in_a_form(other, ids[2]));
    second.await??;
    third.await??;
    // Both are left to be assessed, and the one who was silent.
    let mut tx = bench.store.write().await?;
    assert_eq!(dequeue(&mut tx, 9, minute(9)).await?, ids);
    tx.rollback().await?;
    while qualify::qualify(&last).await? == Progress::Done {}
    let all = prospects::load(&mut bench.store.read().await?, &ids).await?;
    assert!(all[0].verdicts.contains_key(&Criterion::Budget), "{:?}", all[0].verdicts);
    assert!(all.iter().all(|p| p.verdicts == all[0].verdicts), "{all:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_waits_for_no_lock_and_is_assessed_after() -> anyhow::Result<()> {
    let Some(bench) = Bench::postgres("a_locked_prospect").await? else { return Ok(()) };
    let node = node(&bench).await?;
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    in_account(&mut tx, &ids, "a.example").await?;
    // Once assessed, so that there are rows to lock: a first one would be waited for.
    assessment_queue::enqueue(&mut tx, ids.iter().map(|id| (*id, minute(1)))).await?;
    assert_eq!(dequeue(&mut tx, 9, minute(1)).await?, ids);
    assessment_queue::enqueue(&mut tx, [(ids[0], minute(1))]).await?;
    tx.commit().await?;
    let mut assessing = bench.store.write().await?;
    assert_eq!(dequeue(&mut assessing, 9, minute(2)).await?, ids[..1]);
    fills_in_a_form(node.clone(), ids[0]).await??;
    // What the one who is locked said is assessed for the other, too.
    let mut beside = bench.store.write().await?;
    assert_eq!(dequeue(&mut beside, 9, minute(9)).await?, ids[1..]);
    beside.rollback().await?;
    fills_in_a_form(node, ids[1]).await??;
    assessing.commit().await?;
    let mut tx = bench.store.write().await?;
    assert_eq!(dequeue(&mut tx, 9, minute(9)).await?, ids);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_come_in_force_although_they_were_deadlocked() -> anyhow::Result<()> {
    let Some(bench) = Bench::postgres("rules_in_a_deadlock").await? else { return Ok(()) };
    let url = bench.url().expect("it is on a server");
    patience(url, "1min");
    let stubborn = bench.another().await?;
    patience(url, "1s");
    let node = node(&bench).await?;
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    let click = |id| signal(id, &format!("click of {id}"), 1, Detail::Click { target: "https://a.example/".into() });
    let (one, other) = (click(ids[0]), click(ids[1]));
    signals::append(&mut tx, &[(Some(ids[0]), &one), (Some(ids[1]), &other)], minute(1)).await?;
    tx.commit().await?;
    // Against the order of the plan: it holds the second campaign and wants the first.
    let plan = node.plan();
    let campaigns: Vec<_> = plan.schedules().collect();
    let mut beside = stubborn.write().await?;
    campaigns::put(&mut beside, campaigns[1..2].iter().cloned(), minute(1)).await?;
    let applying = tokio::spawn(async move { apply::begin(&node).await });
    until_waiting(url, 1, &applying);
    campaigns::put(&mut beside, campaigns[..1].iter().cloned(), minute(1)).await?;
    beside.commit().await?;
    assert_eq!(applying.await??.due, 2);
    Ok(())
}
