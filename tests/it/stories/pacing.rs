//! Pacing: as many mails a minute as were asked for, whoever sends them and however often the daemon starts.

use super::breakers::{SERIES, people};
use super::{address, name, run_both, somebody, story};
use jiff::{SignedDuration, Timestamp};
use nurtured::clock::{Clock, SystemClock};
use nurtured::daemon::assemble::{Node, assemble};
use nurtured::domain::group::guard::Paces;
use nurtured::domain::pace::PerMinute;
use nurtured::domain::plan::Plan;
use nurtured::flow::context::Progress;
use nurtured::flow::group::delivery::deliver::{deliver, deliver_issue};
use nurtured::flow::group::pace;
use nurtured::flow::group::publish::{publish, publish_test};
use nurtured::flow::until_idle::run_until_idle;
use nurtured::store::group::buckets;
use nurtured::town::Town;
use std::collections::BTreeMap;
use std::sync::Arc;

const QUIET: &str = "2026-01-20T08:00:00Z";
const DUE: &str = "2026-02-03T08:30:00Z";

/// The same plan with other paces.
fn paced(town: &Town, change: impl FnOnce(&mut Plan)) -> Result<(), nurtured::flow::context::FlowError> {
    let mut plan = Plan::clone(&town.node.ctx.plan());
    change(&mut plan);
    town.node.ctx.replace_plan(plan)
}

fn relay(per_minute: i64) -> impl FnOnce(&mut Plan) {
    move |plan| plan.settings.smtp.paces.relay = Some(PerMinute::new(per_minute))
}

fn domain(name: &'static str, per_minute: i64) -> impl FnOnce(&mut Plan) {
    let domains = BTreeMap::from([(name.to_owned(), PerMinute::new(per_minute))]);
    move |plan| plan.settings.smtp.paces = Paces { relay: None, domains, other: None }
}

/// Lets every node do what is due, instant after instant, until there is nothing more for an hour. Returns when how
/// many mails went out.
async fn walk(town: &Town, nodes: &[&Node]) -> Result<Vec<(Timestamp, usize)>, nurtured::flow::context::FlowError> {
    let mut sent = Vec::new();
    loop {
        let (before, mut next) = (town.catcher.count(), None);
        for node in nodes {
            next = [next, run_until_idle(&node.ctx, &node.writer).await?].into_iter().flatten().min();
        }
        if town.catcher.count() > before {
            sent.push((town.now(), town.catcher.count() - before));
        }
        match next.filter(|at| at.duration_since(town.now()) < SignedDuration::from_hours(1)) {
            Some(at) => town.clock.move_to(at),
            None => return Ok(sent),
        }
    }
}

/// The most mails in any stretch of so many seconds.
fn most_within(sent: &[(Timestamp, usize)], seconds: i64) -> usize {
    let end = |at: Timestamp| at + SignedDuration::from_secs(seconds);
    let within = |from: Timestamp| sent.iter().filter(|(at, _)| *at >= from && *at < end(from)).map(|(_, n)| n).sum();
    sent.iter().map(|(from, _)| within(*from)).max().unwrap_or_default()
}

fn total(sent: &[(Timestamp, usize)]) -> usize {
    sent.iter().map(|(_, n)| n).sum()
}

story!(a_restart_gives_no_fresh_burst, |town| {
    town.pass_to(QUIET).await?;
    town.admit(&people(150), "import").await?;
    paced(&town, relay(600))?;
    town.pass_to("2026-02-03T08:29:00Z").await?;
    let before = town.catcher.count();
    town.clock.move_to(DUE.parse()?);
    town.run_until_idle().await?;
    assert_eq!(town.catcher.count() - before, 10, "one second's worth at once, and no more");
    // Started again, and again, in the same instant: nothing more goes out.
    for _ in 0..3 {
        let again = town.second_node(town.node.ctx.store().clone()).await?;
        run_until_idle(&again.ctx, &again.writer).await?;
        assert_eq!(town.catcher.count() - before, 10);
    }
    let again = town.second_node(town.node.ctx.store().clone()).await?;
    let sent = walk(&town, &[&again]).await?;
    assert_eq!(total(&sent), 140, "everybody, in the end");
    assert!(most_within(&sent, 1) <= 15 && most_within(&sent, 10) <= 105, "{sent:?}");
    let took = town.now().duration_since(DUE.parse()?);
    assert!((14..=16).contains(&took.as_secs()), "as fast as was asked for: {took}");
    Ok(())
});

story!(two_nodes_share_one_bucket, |town| {
    town.pass_to(QUIET).await?;
    // Two ranges, so that both nodes have something to claim.
    town.admit(&people(2_100), "import").await?;
    paced(&town, relay(60_000))?;
    let other = town.second_node(town.node.ctx.store().clone()).await?;
    town.pass_to("2026-02-03T08:29:00Z").await?;
    let before = town.catcher.count();
    town.clock.move_to(DUE.parse()?);
    run_both(&town, &other).await?;
    assert_eq!(town.catcher.count() - before, 1_000, "both together");
    let sent = walk(&town, &[&town.node, &other]).await?;
    assert_eq!(total(&sent), 1_100);
    assert!(most_within(&sent, 1) <= 1_500, "{sent:?}");
    Ok(())
});

story!(a_slow_domain_does_not_hold_up_the_others, |town| {
    town.pass_to(QUIET).await?;
    let slow = |n: usize| somebody(&format!("p{n}@slow.example"));
    let people: Vec<_> =
        people(1_500).into_iter().enumerate().flat_map(|(n, p)| [Some(p), (n % 5 == 0).then(|| slow(n))]).collect();
    town.admit(&people.into_iter().flatten().collect::<Vec<_>>(), "import").await?;
    paced(&town, domain("slow.example", 1_200))?;
    town.pass_to("2026-02-03T08:29:00Z").await?;
    let before = town.catcher.count();
    town.clock.move_to(DUE.parse()?);
    town.run_until_idle().await?;
    let caught = |end: &str| town.catcher.caught()[before..].iter().filter(|mail| mail.rcpt_to[0].ends_with(end)).count();
    assert_eq!((caught("@albareda.example"), caught("@slow.example")), (1_500, 20), "all others are out at once");
    let sent = walk(&town, &[&town.node]).await?;
    assert_eq!(total(&sent), 280);
    assert!(most_within(&sent, 1) <= 30, "{sent:?}");
    let took = town.now().duration_since(DUE.parse()?);
    assert!((13..=15).contains(&took.as_secs()), "and the slow ones no slower than was asked for: {took}");
    Ok(())
});

story!(a_campaign_is_paced_alone_and_test_copies_and_letters_go_ahead, |town| {
    town.pass_to("2026-01-13T08:00:00Z").await?;
    town.admit(&people(40), "import").await?;
    paced(&town, |plan| {
        let letter = plan.campaigns.iter_mut().find(|c| c.name.as_str() == "production-letter").expect("the edition");
        letter.guards.per_minute = Some(PerMinute::new(60));
        plan.settings.smtp.paces.relay = Some(PerMinute::new(600));
    })?;
    // A test copy of it waits for nobody, however many there are; the relay's bucket is below zero after it.
    let plan = town.node.ctx.plan();
    let letter = plan.campaign(&name("production-letter")).expect("the edition");
    let series = plan.campaign(&name(SERIES)).expect("the series");
    for n in 0..30 {
        let to = address(&format!("us{n}@tecnofab.example"));
        let issue = publish_test(&town.node.ctx, letter, &letter.newsletters[0], &to).await?;
        deliver_issue(&town.node.ctx, &town.node.writer, issue).await?;
    }
    assert_eq!(town.catcher.count(), 30);
    let mut tx = town.node.ctx.store().write().await?;
    let found = buckets::lock(&mut tx, &BTreeMap::new()).await?;
    assert!(found.is_empty(), "only those asked for");
    tx.rollback().await?;
    // The edition: one a second.
    town.clock.move_to("2026-01-15T09:00:00Z".parse()?);
    let sent = walk(&town, &[&town.node]).await?;
    assert_eq!((total(&sent), most_within(&sent, 1)), (40, 1), "{sent:?}");
    // The series is not the edition: ten a second, the relay's.
    town.clock.move_to(DUE.parse()?);
    let sent = walk(&town, &[&town.node]).await?;
    assert_eq!((total(&sent), sent[0].1), (40, 10), "{sent:?}");
    assert_eq!(series.guards.per_minute, None);
    Ok(())
});

story!(on_a_clock_that_goes_a_short_wait_does_not_end_the_step, |town| {
    // The town lives an hour ago, so that what is due there is due by the machine's clock as well.
    let ago = SystemClock.now() - SignedDuration::from_hours(1);
    town.clock.move_to(ago);
    town.run_until_idle().await?;
    town.admit(&people(25), "import").await?;
    paced(&town, |plan| {
        relay(600)(plan);
        plan.campaigns.retain(|c| c.name.as_str() == SERIES);
        plan.campaigns[0].schedule =
            nurtured::domain::group::schedule::Schedule::parse("* * * * *", "UTC").expect("every minute");
    })?;
    town.run_until_idle().await?;
    town.clock.advance(SignedDuration::from_mins(1));
    while publish(&town.node.ctx).await? == Progress::Done {}
    let before = town.catcher.count();
    let plan = Plan::clone(&town.node.ctx.plan());
    let node = assemble(town.node.ctx.store().clone(), Arc::new(SystemClock), plan).await?;
    let began = SystemClock.now();
    // Ten, and fifteen in the second and a half after them. Where the first ten take longer than that, there is nothing to wait for.
    let mut steps = 0;
    while town.catcher.count() - before < 25 {
        deliver(&node.ctx, &node.writer).await?;
        steps += 1;
    }
    assert!(steps <= 3, "{steps} steps: each ended at the wait");
    let took = SystemClock.now().duration_since(began);
    assert!(took >= SignedDuration::from_millis(1_300), "{took}");
    Ok(())
});

story!(what_went_ahead_is_waited_for, |town| {
    town.pass_to(QUIET).await?;
    town.admit(&people(20), "import").await?;
    paced(&town, relay(600))?;
    town.pass_to("2026-02-03T08:29:00Z").await?;
    town.clock.move_to(DUE.parse()?);
    let plan = town.node.ctx.plan();
    let series = plan.campaign(&name(SERIES)).expect("the series");
    for n in 0..30 {
        let to = address(&format!("us{n}@tecnofab.example"));
        let issue = publish_test(&town.node.ctx, series, &series.newsletters[0], &to).await?;
        deliver_issue(&town.node.ctx, &town.node.writer, issue).await?;
    }
    let before = town.catcher.count();
    town.run_until_idle().await?;
    assert_eq!(town.catcher.count(), before, "thirty went ahead of a bucket of ten");
    town.clock.advance(SignedDuration::from_secs(2));
    deliver(&town.node.ctx, &town.node.writer).await?;
    assert_eq!(town.catcher.count(), before, "two seconds pay back what they took");
    // A letter to one of ours does not wait either, and is waited for as well.
    let mut tx = town.node.ctx.store().write().await?;
    for _ in 0..10 {
        pace::letter(&mut tx, &town.node.ctx.plan(), &address("dana@tecnofab.example"), town.now()).await?;
    }
    tx.commit().await?;
    town.clock.advance(SignedDuration::from_secs(1));
    deliver(&town.node.ctx, &town.node.writer).await?;
    assert_eq!(town.catcher.count(), before, "a third second pays back ten letters");
    let sent = walk(&town, &[&town.node]).await?;
    assert_eq!(total(&sent), 20);
    Ok(())
});
