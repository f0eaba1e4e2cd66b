//! Uncertain deliveries: by policy sent once more, or held until their result was looked up at the relay.

use super::{FIRST_ISSUE, address, name, somebody, story};
use nurtured::domain::address::Address;
use nurtured::domain::group::delivery::{OnUncertain, Resolution};
use nurtured::domain::plan::Plan;
use nurtured::domain::span::Span;
use nurtured::flow::context::Progress;
use nurtured::flow::group::delivery::uncertain;
use nurtured::flow::group::publish::publish;
use nurtured::store::group::attempts::{self, Mark};
use nurtured::store::group::uncertain::Which;
use nurtured::store::group::{deliveries, leases};
use nurtured::town::Town;

/// A node marks everything of the first issue and dies; the policy is this one.
pub(super) async fn marked_and_dead(town: &Town, policy: OnUncertain, people: &[Address]) -> super::Told {
    let ctx = &town.node.ctx;
    let mut plan = Plan::clone(&ctx.plan());
    plan.settings.smtp.on_uncertain = policy;
    ctx.replace_plan(plan)?;
    town.pass_to("2026-02-03T08:00:00Z").await?;
    let people: Vec<_> = people.iter().map(|a| somebody(a.as_str())).collect();
    town.admit(&people, "import").await?;
    town.clock.move_to(FIRST_ISSUE.parse()?);
    while publish(ctx).await? == Progress::Done {}
    let now = town.now();
    let mut tx = ctx.store().write().await?;
    let lease = leases::claim(&mut tx, "a node that dies", now, Span::minutes(5).after(now)).await?.expect("a lease");
    let open = deliveries::open_in(&mut tx, lease.issue, lease.first, lease.last).await?;
    let mark = |row: &deliveries::Open| Mark { delivery: row.id, number: 1, lease: lease.id, fence: lease.fence };
    let marks: Vec<Mark> = open.iter().map(mark).collect();
    assert_eq!(attempts::mark(&mut tx, &marks, now).await?.len(), people.len());
    tx.commit().await?;
    town.pass_until(Span::hours(1).after(now)).await?;
    Ok(())
}

story!(held_in_doubt_is_listed_and_never_sent_twice, |town| {
    let (ada, bea, cid) = (address("ada@albareda.example"), address("bea@albareda.example"), address("cid@albareda.example"));
    marked_and_dead(&town, OnUncertain::Hold, &[ada.clone(), bea.clone(), cid.clone()]).await?;
    assert_eq!(town.catcher.count(), 0, "whether it was sent nobody knows, so nothing is");
    let ctx = &town.node.ctx;
    let held = uncertain::list(ctx).await?;
    let who: Vec<&str> = held.iter().map(|h| h.doubt.address.as_str()).collect();
    assert_eq!(who, [ada.as_str(), bea.as_str(), cid.as_str()]);
    assert_eq!(held[0].doubt.marked_at, Some(FIRST_ISSUE.parse()?));

    // The relay's log has the first; the second was not sent and shall be; the third is let go.
    let marta = name("marta");
    assert_eq!(uncertain::resolve(ctx, Which::One(held[0].doubt.id), Resolution::Accepted, &marta).await?, 1);
    assert_eq!(uncertain::resolve(ctx, Which::One(held[0].doubt.id), Resolution::Resend, &marta).await?, 0, "said once");
    assert_eq!(uncertain::resolve(ctx, Which::One(held[1].doubt.id), Resolution::Resend, &marta).await?, 1);
    assert_eq!(
        uncertain::resolve(ctx, Which::OfIssue(held[2].doubt.issue), Resolution::Failed, &marta).await?,
        1,
        "the one that is left"
    );
    assert!(uncertain::list(ctx).await?.is_empty());
    town.run_until_idle().await?;
    assert_eq!((town.catcher.count(), town.mails_to(&bea).len()), (1, 1));
    let bytes = town.catcher.caught()[0].data.clone();
    assert!(String::from_utf8_lossy(&bytes).contains(&format!("Message-ID: {}", held[1].message_id)), "every try has the same");
    let mut tx = ctx.store().read().await?;
    let ada = town.prospect(&ada).await?.id;
    let told = deliveries::of_prospect(&mut tx, ada).await?.remove(0);
    assert_eq!((told.state.as_str(), told.reply.as_deref()), ("accepted", Some("marta says that it was sent")));
    Ok(())
});

story!(in_doubt_is_sent_once_more_and_then_held, |town| {
    let ada = address("ada@albareda.example");
    marked_and_dead(&town, OnUncertain::Resend, std::slice::from_ref(&ada)).await?;
    assert_eq!(town.mails_to(&ada).len(), 1);
    assert!(uncertain::list(&town.node.ctx).await?.is_empty());
    Ok(())
});

story!(what_is_sent_again_still_asks_who_stopped, |town| {
    let ada = address("ada@albareda.example");
    marked_and_dead(&town, OnUncertain::Hold, std::slice::from_ref(&ada)).await?;
    let ctx = &town.node.ctx;
    let held = uncertain::list(ctx).await?;
    nurtured::flow::operations::manual_stop::suppress(ctx, &ada, nurtured::domain::suppression::Channel::Email, "asked").await?;
    assert_eq!(uncertain::resolve(ctx, Which::OfIssue(held[0].doubt.issue), Resolution::Resend, &name("marta")).await?, 1);
    town.run_until_idle().await?;
    assert_eq!(town.catcher.count(), 0);
    // The first try may have arrived, and nothing that happened since says that it did not.
    let state = deliveries::state(&mut ctx.store().read().await?, held[0].doubt.id).await?;
    assert_eq!(state.as_deref(), Some("uncertain"));
    Ok(())
});
