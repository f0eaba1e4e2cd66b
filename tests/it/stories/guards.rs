//! Guards: an issue for too many goes to nobody, a first few go ahead of a long list, and we get a copy ourselves.

use super::breakers::{SERIES, bounce, people, relay_at, say, sent, why};
use super::moody_relay::{At, MoodyRelay};
use super::{address, name, story};
use jiff::SignedDuration;
use nurtured::domain::group::guard::{Canary, Guards};
use nurtured::domain::plan::Plan;
use nurtured::domain::span::Span;
use nurtured::domain::suppression::Channel;
use nurtured::flow::context::FlowError;
use nurtured::flow::group::publish::publish;
use nurtured::flow::operations::manual_stop;
use nurtured::flow::until_idle::run_until_idle;
use nurtured::store::operations::counts::{self, OfCampaign, Summary};
use nurtured::town::Town;

const QUIET: &str = "2026-01-20T08:00:00Z";
const DUE: &str = "2026-02-03T08:30:00Z";

fn guard(town: &Town, change: impl FnOnce(&mut Guards)) -> Result<(), FlowError> {
    let mut plan = Plan::clone(&town.node.ctx.plan());
    change(&mut plan.campaigns.iter_mut().find(|c| c.name.as_str() == SERIES).expect("the series").guards);
    town.node.ctx.replace_plan(plan)
}

const CANARY: Option<Canary> = Some(Canary { first: 25, hold: Span::minutes(20) });

async fn counted(town: &Town) -> (OfCampaign, Summary) {
    let mut tx = town.node.ctx.store().read().await.expect("a reader");
    let campaign = counts::of_campaign(&mut tx, &name(SERIES)).await.expect("counted");
    (campaign, counts::summary(&mut tx).await.expect("counted"))
}

story!(an_issue_for_too_many_goes_to_nobody_until_somebody_says_so, |town| {
    town.pass_to(QUIET).await?;
    town.admit(&people(51), "import").await?;
    guard(&town, |guards| guards.at_most = Some(50))?;
    let (before, (_, written)) = (sent(&town), counted(&town).await);
    town.pass_to("2026-02-03T09:00:00Z").await?;
    let reason = why(&town, SERIES).await.expect("51 are more than 50");
    assert!(reason.starts_with("51 prospects would get this issue and send.at_most is 50"), "{reason}");
    let (_, after) = counted(&town).await;
    assert_eq!((sent(&town), after.issues, after.deliveries), (before, written.issues, written.deliveries), "nothing");
    // Resumed without a change it is looked at again, and pauses again.
    manual_stop::resume(&town.node.ctx, &name(SERIES)).await?;
    town.run_until_idle().await?;
    assert!(why(&town, SERIES).await.expect("still too many").starts_with("51 prospects"));
    // A larger number, reloaded and resumed while it is fresh: it goes out.
    guard(&town, |guards| guards.at_most = Some(51))?;
    town.run_until_idle().await?;
    assert_eq!(sent(&town), before, "a reload alone sends nothing");
    manual_stop::resume(&town.node.ctx, &name(SERIES)).await?;
    town.run_until_idle().await?;
    assert_eq!((sent(&town) - before, why(&town, SERIES).await), (51, None));
    // Resumed too late, it was missed.
    guard(&town, |guards| guards.at_most = Some(1))?;
    town.pass_to("2026-03-03T20:00:00Z").await?;
    assert!(why(&town, SERIES).await.is_some());
    guard(&town, |guards| guards.at_most = None)?;
    manual_stop::resume(&town.node.ctx, &name(SERIES)).await?;
    town.run_until_idle().await?;
    assert_eq!(sent(&town) - before, 51, "eleven hours late is too late");
    town.pass_to("2026-04-07T09:00:00Z").await?;
    assert_eq!(sent(&town) - before, 102, "the next one goes out");
    Ok(())
});

story!(a_campaign_that_waits_for_somebody_holds_up_no_other, |town| {
    town.admit(&people(5), "import").await?;
    guard(&town, |guards| guards.at_most = Some(1))?;
    // The series is due before the edition is.
    let mut plan = Plan::clone(&town.node.ctx.plan());
    let series = plan.campaigns.iter_mut().find(|c| c.name.as_str() == SERIES).expect("the series");
    series.schedule = nurtured::domain::group::schedule::Schedule::parse("5 8 12 1 *", "UTC")?;
    town.node.ctx.replace_plan(plan)?;
    town.run_until_idle().await?;
    town.clock.advance(SignedDuration::from_mins(6));
    town.run_until_idle().await?;
    assert!(why(&town, SERIES).await.is_some());
    town.clock.move_to("2026-01-15T09:00:00Z".parse()?);
    town.run_until_idle().await?;
    assert_eq!(sent(&town), 5, "the edition of January");
    Ok(())
});

story!(a_canary_saves_the_list, |town| {
    town.pass_to(QUIET).await?;
    let people = people(2_500);
    town.admit(&people, "import").await?;
    guard(&town, |guards| guards.canary = CANARY)?;
    town.pass_to("2026-02-03T08:29:00Z").await?;
    let before = sent(&town);
    town.clock.move_to(DUE.parse()?);
    assert_eq!(town.run_until_idle().await?, Some("2026-02-03T08:50:00Z".parse()?), "the others follow in twenty minutes");
    assert_eq!(sent(&town) - before, 25);
    town.clock.move_to("2026-02-03T08:45:00Z".parse()?);
    say(&town, &people[..3], bounce()).await;
    assert!(why(&town, SERIES).await.expect("three of twenty-five").starts_with("3 of the last 25 mails"));
    town.pass_to("2026-02-03T12:00:00Z").await?;
    assert_eq!(sent(&town) - before, 25, "2,475 were saved");
    // Somebody has looked, and lets it go on.
    manual_stop::resume(&town.node.ctx, &name(SERIES)).await?;
    town.run_until_idle().await?;
    assert_eq!(sent(&town) - before, 2_500);
    Ok(())
});

story!(canaries_that_are_well_are_followed_by_the_others_also_after_a_restart, |town| {
    town.pass_to(QUIET).await?;
    let people = people(60);
    town.admit(&people, "import").await?;
    guard(&town, |guards| guards.canary = CANARY)?;
    // One of them is put off by its server: it was tried, and holds up nobody.
    town.catcher.refuse(people[3].address.as_str(), 451, "4.7.1 greylisted");
    town.pass_to("2026-02-03T08:29:00Z").await?;
    let before = sent(&town);
    town.clock.move_to(DUE.parse()?);
    town.run_until_idle().await?;
    assert_eq!(sent(&town) - before, 24);
    let again = town.second_node(town.node.ctx.store().clone()).await?;
    town.clock.move_to("2026-02-03T08:49:59Z".parse()?);
    run_until_idle(&again.ctx, &again.writer).await?;
    assert_eq!(sent(&town) - before, 24, "held");
    town.clock.move_to("2026-02-03T08:50:00Z".parse()?);
    run_until_idle(&again.ctx, &again.writer).await?;
    assert_eq!(sent(&town) - before, 59);
    Ok(())
});

story!(canaries_that_nobody_could_be_sent_hold_the_list_until_they_were, |town| {
    town.pass_to(QUIET).await?;
    town.admit(&people(60), "import").await?;
    guard(&town, |guards| guards.canary = CANARY)?;
    let mut plan = Plan::clone(&town.node.ctx.plan());
    // Nobody listens at port 1.
    plan.settings.smtp.port = 1;
    town.node.ctx.replace_plan(plan)?;
    town.pass_to("2026-02-03T09:30:00Z").await?;
    let mut plan = Plan::clone(&town.node.ctx.plan());
    plan.settings.smtp.port = town.catcher.local_addr().port();
    town.node.ctx.replace_plan(plan)?;
    let before = sent(&town);
    town.clock.advance(SignedDuration::from_mins(2));
    town.run_until_idle().await?;
    assert_eq!(sent(&town) - before, 25, "the hour passed, and yet the canaries go first");
    town.pass_until(town.now() + SignedDuration::from_mins(20)).await?;
    assert_eq!(sent(&town) - before, 60);
    Ok(())
});

story!(canaries_that_are_open_again_are_tried_before_the_others_follow, |town| {
    let relay = MoodyRelay::start(|at, who| (at == At::Dot && who.is_some()).then(|| "550 computer says no".to_owned())).await?;
    town.pass_to(QUIET).await?;
    town.admit(&people(60), "import").await?;
    relay_at(&town, relay.port)?;
    guard(&town, |guards| guards.canary = CANARY)?;
    town.pass_to("2026-02-03T08:31:00Z").await?;
    assert!(why(&town, SERIES).await.is_some_and(|why| why.contains("in the same words")));
    // Their twenty minutes are long over when it is mended, and nobody has had it all the same.
    relay.mend();
    town.clock.advance(SignedDuration::from_hours(1));
    manual_stop::resume(&town.node.ctx, &name(SERIES)).await?;
    town.run_until_idle().await?;
    assert_eq!(relay.accepted().len(), 25, "the canaries go first");
    town.pass_until(town.now() + SignedDuration::from_mins(19)).await?;
    assert_eq!(relay.accepted().len(), 25, "held");
    town.pass_until(town.now() + SignedDuration::from_mins(2)).await?;
    let (accepted, (campaign, _)) = (relay.accepted(), counted(&town).await);
    assert_eq!((accepted.len(), campaign.sent, campaign.failed, campaign.open), (60, 60, 0, 0), "each once: {accepted:?}");
    Ok(())
});

story!(seeds_get_their_copy_first_once_and_count_nowhere, |town| {
    town.pass_to(QUIET).await?;
    let people = people(60);
    town.admit(&people, "import").await?;
    let seeds = [address("marta@tecnofab.example"), address("luc@tecnofab.example")];
    guard(&town, |guards| {
        guards.seeds = seeds.to_vec();
        guards.canary = CANARY;
    })?;
    // Over one connection mails arrive in the order in which they are sent.
    let mut plan = Plan::clone(&town.node.ctx.plan());
    plan.settings.smtp.connections = 1;
    town.node.ctx.replace_plan(plan)?;
    // Neither a stop nor a pause of theirs keeps our own copy from us.
    manual_stop::suppress(&town.node.ctx, &seeds[0], Channel::Email, "a mistake").await?;
    town.pass_to("2026-02-03T08:29:00Z").await?;
    let (before, (_, summary)) = (town.catcher.count(), counted(&town).await);
    town.clock.move_to(DUE.parse()?);
    // Two nodes come to it, one after the other, in every page.
    let again = town.second_node(town.node.ctx.store().clone()).await?;
    publish(&town.node.ctx).await?;
    publish(&again.ctx).await?;
    run_until_idle(&again.ctx, &again.writer).await?;
    town.run_until_idle().await?;
    let caught: Vec<String> = town.catcher.caught()[before..].iter().map(|mail| mail.rcpt_to[0].clone()).collect();
    assert_eq!(caught.len(), 27, "two seeds and twenty-five canaries: {caught:?}");
    assert_eq!(caught[..2], seeds.each_ref().map(ToString::to_string), "{caught:?}");
    town.pass_to("2026-02-03T10:00:00Z").await?;
    let (campaign, after) = counted(&town).await;
    assert_eq!((campaign.sent, campaign.failed, campaign.open), (60, 0, 0));
    assert_eq!((after.deliveries - summary.deliveries, after.accepted - summary.accepted), (60, 60));
    for seed in &seeds {
        let mails = town.mails_to(seed);
        assert_eq!(mails.iter().filter(|m| m.subject.contains("stopped line")).count(), 1, "{seed}");
        // A click of ours is nobody's.
        town.click(seed, "").await?;
    }
    let (campaign, _) = counted(&town).await;
    assert_eq!((campaign.clicked, campaign.machine_clicks), (0, 0));
    town.pass_to("2026-03-03T10:00:00Z").await?;
    assert_eq!(town.mails_to(&seeds[1]).len(), 2, "and one of the next issue");
    Ok(())
});
