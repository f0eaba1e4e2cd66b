//! Issues to very many, and after very long: short steps, each committed.

use super::breakers::{SERIES, people, why};
use super::{Told, change, name, story};
use nurtured::domain::group::schedule::Schedule;
use nurtured::domain::id::ProspectId;
use nurtured::flow::context::{Pages, Progress};
use nurtured::flow::group::publish::publish;
use nurtured::store::group::occurrences::{self, Filling};
use nurtured::store::operations::counts;
use nurtured::town::Town;

const QUIET: &str = "2026-01-20T08:00:00Z";
const DUE: &str = "2026-02-03T08:30:00Z";

/// Takes one step over a page of one prospect.
async fn step(town: &Town) -> Result<Progress, Box<dyn std::error::Error + Send + Sync>> {
    let pages = town.node.ctx.pages();
    town.node.ctx.keep_pages(Pages { size: Some(1), ..pages });
    Ok(publish(&town.node.ctx).await?)
}

async fn filling(town: &Town) -> Option<Filling> {
    let mut tx = town.node.ctx.store().read().await.expect("a reader");
    occurrences::peek_filling(&mut tx).await.expect("read")
}

async fn deliveries(town: &Town) -> i64 {
    let mut tx = town.node.ctx.store().read().await.expect("a reader");
    counts::summary(&mut tx).await.expect("counted").deliveries
}

/// Three customers, whom the series leaves out, and one prospect.
async fn three_customers_and_one(town: &Town) -> Told {
    town.pass_to(QUIET).await?;
    change(town, SERIES, |campaign| campaign.guards.at_most = None)?;
    let mut people = people(4);
    for customer in &mut people[..3] {
        customer.tags.insert("customer".to_owned());
    }
    for person in &people {
        town.admit(std::slice::from_ref(person), "import").await?;
    }
    town.run_until_idle().await?;
    town.clock.move_to(DUE.parse()?);
    Ok(())
}

story!(pages_on_which_nobody_is_due_commit_their_cursor, |town| {
    three_customers_and_one(&town).await?;
    let before = deliveries(&town).await;
    let mut cursors = Vec::new();
    for _ in 0..3 {
        assert_eq!(step(&town).await?, Progress::Done);
        cursors.extend(filling(&town).await.map(|filling| filling.cursor));
    }
    assert!(cursors.len() == 3 && cursors[0] > ProspectId(0) && cursors.is_sorted_by(|a, b| a < b), "{cursors:?}");
    assert_eq!(deliveries(&town).await, before, "and wrote nothing");
    // Another node goes on where this one stopped.
    let other = town.second_node(town.node.ctx.store().clone()).await?;
    publish(&other.ctx).await?;
    assert_eq!(deliveries(&town).await, before + 1);
    town.run_until_idle().await?;
    assert!(filling(&town).await.is_none());
    Ok(())
});

story!(an_issue_that_only_passed_over_people_can_still_come_too_late, |town| {
    three_customers_and_one(&town).await?;
    let before = deliveries(&town).await;
    step(&town).await?;
    step(&town).await?;
    town.clock.move_to("2026-02-03T20:00:00Z".parse()?);
    town.run_until_idle().await?;
    let mut tx = town.node.ctx.store().read().await?;
    let latest = occurrences::latest(&mut tx, &name(SERIES), 1).await?.remove(0);
    assert_eq!((latest.state.as_str(), latest.reason.as_deref()), ("missed", Some("late")));
    drop(tx);
    assert_eq!(deliveries(&town).await, before);
    Ok(())
});

story!(a_limit_is_counted_page_by_page, |town| {
    town.pass_to(QUIET).await?;
    town.admit(&people(4), "import").await?;
    change(&town, SERIES, |campaign| campaign.guards.at_most = Some(3))?;
    town.run_until_idle().await?;
    town.clock.move_to(DUE.parse()?);
    let before = deliveries(&town).await;
    for counted in 1..=4 {
        assert_eq!(step(&town).await?, Progress::Done);
        let count = town.node.ctx.pages().count.expect("it counts");
        assert_eq!((count.due, count.is_whole), (counted, false));
        assert_eq!(why(&town, SERIES).await, None);
    }
    step(&town).await?;
    assert!(why(&town, SERIES).await.expect("four are more than three").starts_with("4 prospects would get this issue"));
    assert_eq!(deliveries(&town).await, before);
    Ok(())
});

story!(what_fell_due_in_a_long_absence_is_recorded_a_thousand_a_step, |town| {
    town.run_until_idle().await?;
    change(&town, SERIES, |campaign| campaign.schedule = Schedule::parse("* * * * *", "UTC").expect("every minute"))?;
    town.run_until_idle().await?;
    // Forty-one hours: 2,460 occurrences.
    town.clock.move_to("2026-01-14T01:00:00Z".parse()?);
    let recorded = async || {
        let mut tx = town.node.ctx.store().read().await.expect("a reader");
        occurrences::latest(&mut tx, &name(SERIES), 10_000).await.expect("read").len()
    };
    let before = recorded().await;
    assert_eq!(publish(&town.node.ctx).await?, Progress::Done);
    assert_eq!(recorded().await - before, 1_000);
    town.run_until_idle().await?;
    assert_eq!(recorded().await - before, 2_460);
    Ok(())
});
