//! Backtests: the rules in force reproduce what was decided; other rules show what they would have decided.

use super::{ANSWERS, FIRST_ISSUE, Told, address, found, name, postgres, somebody, sqlite, story};
use jiff::Timestamp;
use nurtured::cli::demo::people;
use nurtured::cli::demo::story::{self, Narrator};
use nurtured::domain::address::Address;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::signal::{About, Detail, NewSignal};
use nurtured::domain::id::DeliveryId;
use nurtured::domain::plan::Plan;
use nurtured::domain::span::Span;
use nurtured::flow::doorway::apply;
use nurtured::flow::doorway::observe::observe;
use nurtured::flow::individual::follow_up::Action;
use nurtured::flow::operations::{archive, forget};
use nurtured::insight::backtest::compare::{Compared, DecisionChange, Reproduced};
use nurtured::insight::backtest::history_scan::Progress;
use nurtured::insight::backtest::run::{Backtest, backtest, compare_all};
use nurtured::store::engine::backend::Store;
use nurtured::town::Town;
use std::sync::Arc;

fn nobody() -> Progress {
    Arc::new(|_, _| {})
}

async fn asked(town: &Town, plan: &Plan, since: Option<Timestamp>) -> Backtest {
    backtest(&town.node.ctx, plan, since, &nobody()).await.expect("history is read")
}

/// Every decision, with the rules in force.
async fn again(town: &Town) -> Vec<Compared> {
    let ctx = &town.node.ctx;
    let comparisons = compare_all(ctx, &ctx.plan(), None, &nobody()).await.expect("history is read");
    comparisons.into_iter().flat_map(|c| c.compared).collect()
}

async fn the_demo_is_reproduced(store: Store) -> Told {
    let town = found(store).await;
    apply::begin(&town.node.ctx).await?;
    story::tell(&town, &Narrator::new(true)).await.map_err(|exit| exit.words().to_owned())?;
    let decided = again(&town).await;
    assert!(decided.len() >= 4, "Carla, Ada twice, Quim: {decided:?}");
    for one in &decided {
        let (was, would) = (one.was.as_ref().expect("nothing is gained"), one.would.expect("nothing is lost"));
        assert_eq!((one.change, one.reproduced), (DecisionChange::Same, Reproduced::Exactly), "{one:?}");
        assert_eq!((would.at, would.cause), (was.at, was.cause.as_str()), "{one:?}");
    }
    let found = asked(&town, &town.node.ctx.plan(), None).await;
    assert!(found.unchanged && found.different.is_empty());
    assert_eq!((found.was, found.reproduction.exactly), (found.would, decided.len() as u64));
    let offers: Vec<(u64, u64)> = found.workload.iter().map(|w| (w.was, w.would)).collect();
    assert!(
        offers.iter().all(|(was, would)| was == would) && offers.iter().map(|(was, _)| was).sum::<u64>() == decided.len() as u64
    );

    // Since June: what was decided before is no matter of these rules.
    let since = "2026-06-01T00:00:00Z".parse()?;
    let later = asked(&town, &town.node.ctx.plan(), Some(since)).await;
    assert_eq!(
        later.reproduction.recorded,
        decided.iter().filter(|c| c.was.as_ref().is_some_and(|w| w.at >= since)).count() as u64
    );
    assert!(later.reproduction.recorded < found.reproduction.recorded && later.different.is_empty());

    // Who is forgotten cannot be replayed, and that is said.
    forget::forget(&town.node.ctx, &people::address("Ada")).await?;
    let found = asked(&town, &town.node.ctx.plan(), None).await;
    assert_eq!((found.reproduction.erased, found.reproduction.not), (2, 0), "{found:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_in_force_reproduce_the_demo_on_sqlite() {
    let file = tempfile::tempdir().expect("a directory");
    the_demo_is_reproduced(sqlite(file.path()).await).await.expect("the story to come true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_in_force_reproduce_the_demo_on_postgres() {
    let Some(store) = postgres("the_rules_in_force_reproduce_the_demo").await else { return };
    the_demo_is_reproduced(store).await.expect("the story to come true");
}

async fn three(town: &Town) -> Result<[Address; 3], Box<dyn std::error::Error + Send + Sync>> {
    apply::begin(&town.node.ctx).await?;
    let all = [address("ada@albareda.example"), address("bruno@boet.example"), address("cleo@canals.example")];
    town.admit(&all.each_ref().map(|who| somebody(who.as_str())), "card").await?;
    let say = [
        ("More than 20 hours", "Yes, over 50,000 €"),
        ("Less than 5 hours", "Yes, over 50,000 €"),
        ("More than 20 hours", "Yes, less than that"),
    ];
    for (at, _) in ANSWERS.into_iter().chain([("2026-07-07T09:30:00Z", "")]) {
        town.pass_to(at).await?;
        for (who, (need, budget)) in all.iter().zip(say) {
            let say = match at {
                FIRST_ISSUE => need,
                "2026-05-05T09:30:00Z" => budget,
                "2026-07-07T09:30:00Z" => "Within half a year",
                _ => ANSWERS.into_iter().find(|(then, _)| *then == at).map_or("", |(_, say)| say),
            };
            assert_eq!(town.answer(who, say).await?.status, 200, "{say}");
        }
    }
    town.run_until_idle().await?;
    Ok(all)
}

story!(other_rules_gain_some_and_lose_others_and_nothing_is_written, |town| {
    let [ada, bruno, cleo] = three(&town).await?;
    assert!(town.handoffs_of(&bruno).await?.is_empty(), "one support of two");
    town.sell(&ada, Action::Accept).await?;
    town.sell(&cleo, Action::Accept).await?;
    let mut plan = Plan::clone(&town.node.ctx.plan());
    plan.qualifying.criteria[Criterion::Need].enough = 1;
    let less = plan.qualifying.criteria[Criterion::Budget].answers.iter_mut().find(|a| a.say == "Yes, less than that");
    less.expect("the answer is there").power = None;
    let found = asked(&town, &plan, None).await;
    let told: Vec<(&str, DecisionChange, Vec<Criterion>)> =
        found.different.iter().map(|c| (c.name.as_str(), c.change, c.missing.clone())).collect();
    assert_eq!(
        told,
        [("Person bruno", DecisionChange::Gained, vec![]), ("Person cleo", DecisionChange::Lost, vec![Criterion::Budget])],
        "{found:?}"
    );
    assert!(!found.unchanged);
    assert_eq!((found.reproduction.other_rules, found.reproduction.exactly), (2, 0));
    assert_eq!((found.was.ready, found.was.accepted, found.was.recall), (2, 2, Some(1.0)));
    assert_eq!((found.would.ready, found.would.accepted, found.would.unanswered), (2, 1, 1));
    assert_eq!((found.would.precision, found.would.recall, found.would.recall_of_won), (Some(1.0), Some(0.5), None));
    assert_eq!(found.held_back.first().map(|h| (h.criterion, h.prospects)), Some((Criterion::Budget, 1)), "Cleo");
    assert_eq!(
        found.quarters.iter().map(|q| (q.quarter.as_str(), q.was_ready, q.would_be_ready)).collect::<Vec<_>>(),
        [("2026-Q3", 2, 2)]
    );
    assert_eq!(found.workload.iter().map(|w| w.would).sum::<u64>(), 2, "Bruno is routed by the plan");
    assert!(found.workload.iter().any(|w| w.salesperson != name("iria") && w.would > 0));
    assert!(town.handoffs_of(&bruno).await?.is_empty(), "nothing is written");
    Ok(())
});

story!(a_sealed_past_says_the_same_and_forgets_who_is_forgotten, |town| {
    let [ada, bruno, _] = three(&town).await?;
    let before = format!("{:?}", again(&town).await);
    // Enough to be worth it: a scanner reads Bruno's mail over and over.
    let id = town.prospect(&bruno).await?.id;
    let hit = |n: i64| NewSignal {
        about: About::Prospect(id),
        once: format!("hit {n}"),
        occurred_at: town.now(),
        delivery: Some(DeliveryId(1)),
        issue: None,
        by: None,
        machine: Some(Machine::Head),
        detail: Detail::Click { target: "https://tecnofab.example/prices".to_owned() },
    };
    observe(&town.node.ctx, &(0..150).map(hit).collect::<Vec<_>>()).await?;
    assert_eq!(archive::archive(&town.node.ctx).await?, 0, "what is not settled is left alone");
    town.pass_until(Span::hours(2).after(town.now())).await?;
    let rows = again(&town).await;
    assert_eq!(archive::archive(&town.node.ctx).await?, 1, "one shelf");
    assert_eq!(archive::archive(&town.node.ctx).await?, 0, "and nothing again");
    assert_eq!(format!("{:?}", again(&town).await), format!("{rows:?}"));
    assert_eq!(format!("{rows:?}"), before, "machines prove nothing");
    forget::forget(&town.node.ctx, &ada).await?;
    let found = asked(&town, &town.node.ctx.plan(), None).await;
    assert_eq!((found.reproduction.erased, found.reproduction.not), (1, 0), "{found:?}");
    assert_eq!(archive::archive(&town.node.ctx).await?, 1, "the shelf is sealed again, without what she said");
    Ok(())
});
