//! What time alone brings, and what a change of the rules brings.

use super::{FIRST_ISSUE, Told, address, change, five_proofs, four_proofs, name, somebody, story};
use axum::http::Method;
use nurtured::domain::address::Address;
use nurtured::domain::census::Group;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::signal::{Detail, Touch};
use nurtured::domain::group::guard::Canary;
use nurtured::domain::group::schedule::Schedule;
use nurtured::domain::group::skip::{Dates, SkipDates};
use nurtured::domain::individual::handoff::State;
use nurtured::domain::plan::Plan;
use nurtured::domain::prospect::Standing;
use nurtured::domain::span::Span;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::flow::doorway::apply;
use nurtured::flow::doorway::observe::{Logged, log};
use nurtured::flow::individual::follow_up::Action;
use nurtured::flow::operations::{census, forget, manual_stop, sweep};
use nurtured::mail::test_server::Caught;
use nurtured::store::people::suppressions::{self, Stop};
use nurtured::town::{BROWSER, Town};

story!(changed_rules_assess_everybody_anew, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    apply::begin(&town.node.ctx).await?;
    four_proofs(&town, &ada).await?;
    assert!(town.handoffs_of(&ada).await?.is_empty());
    assert_eq!(apply::begin(&town.node.ctx).await?.due, 0, "the same rules: nobody");
    // A rule of the test's own: the field `industry` is to be a timeframe.
    let mut plan = nurtured::domain::plan::Plan::clone(&town.node.ctx.plan());
    plan.qualifying.criteria[Criterion::Timeframe] = plan.qualifying.criteria[Criterion::Budget].clone();
    plan.qualifying.criteria[Criterion::Timeframe].rules = vec![nurtured::domain::doorway::rule::Rule {
        reads: nurtured::domain::doorway::rule::Reads::Field {
            name: name("industry"),
            test: nurtured::domain::audience::Test::Known(true),
        },
        power: nurtured::domain::question::Power::Meets,
    }];
    town.node.ctx.replace_plan(plan)?;
    assert_eq!(apply::begin(&town.node.ctx).await?.due, 1, "everybody who ever gave a signal");
    town.run_until_idle().await?;
    // An imported field that nobody dated can only support: still not ready, but looked at under the new rules.
    assert_eq!(town.verdicts(&ada).await?.met(), 4);
    Ok(())
});

story!(whom_no_newsletter_reaches_somebody_looks_at, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.unsubscribe(&ada).await?;
    town.pass_to("2026-02-04T09:00:00Z").await?;
    let review = town.prospect(&ada).await?.review_after.expect("a date");
    assert!(town.queue_of(&name("iria")).await?.is_empty());
    town.pass_until(review).await?;
    let queue = town.queue_of(&name("iria")).await?;
    assert_eq!(queue.len(), 1, "on its day it is an item on the manager's queue");
    assert_eq!(sweep::without_future(&town.node.ctx).await?, 0);
    // Doing is reporting: the call that the item asked for takes it off the queue.
    town.log(&ada, "iria", Touch::Call, &[], None, "still interested, by phone").await?;
    assert!(town.queue_of(&name("iria")).await?.is_empty());
    assert_eq!(sweep::without_future(&town.node.ctx).await?, 0, "and there is another date ahead");
    Ok(())
});

story!(an_accepted_lead_nobody_calls_is_called_to_mind, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    five_proofs(&town, &ada).await?;
    let handoff = town.sell(&ada, Action::Accept).await?;
    let manager = address("iria@tecnofab.example");
    town.pass_until(handoff.touch_until).await?;
    assert_eq!(town.mails_to(&manager).len(), 1);
    assert!(town.newest_to(&manager)?.text.contains("first contact"), "{}", town.newest_to(&manager)?.text);
    town.pass_to("2026-07-20T09:00:00Z").await?;
    assert_eq!(town.mails_to(&manager).len(), 1, "once");
    assert_eq!(town.handoffs_of(&ada).await?[0].state, State::Owned);
    Ok(())
});

story!(stopped_on_every_channel_is_suppressed_and_lifted_is_not, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    for (channel, standing) in [(Channel::Email, Standing::Nurturing), (Channel::Phone, Standing::Suppressed)] {
        let mut tx = town.node.ctx.store().write().await?;
        let stop = Stop { address: ada.to_string(), channel, reason: StopReason::Manual, source: "asked".into() };
        suppressions::add(&mut tx, &[stop], town.now()).await?;
        tx.commit().await?;
        assert_eq!(town.prospect(&ada).await?.standing, standing);
    }
    let mut tx = town.node.ctx.store().write().await?;
    suppressions::lift(&mut tx, &ada, Channel::Phone, town.now()).await?;
    tx.commit().await?;
    let ada = town.prospect(&ada).await?;
    assert_eq!((ada.standing, ada.mail_stop), (Standing::Nurturing, Some(StopReason::Manual)));
    Ok(())
});

story!(an_old_link_of_an_erased_person_identifies_nobody, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let mail = town.newest_to(&ada)?;
    forget::forget(&town.node.ctx, &ada).await?;
    let signals = async || -> Result<i64, nurtured::store::engine::backend::StoreError> {
        Ok(nurtured::store::operations::counts::summary(&mut town.node.ctx.store().read().await?).await?.signals)
    };
    let before = signals().await?;
    for words in ["Do the sum", "More than 20 hours", "Unsubscribe"] {
        let url = mail.link(words).expect("a link");
        for method in [Method::GET, Method::POST] {
            assert!(!town.ask(method, &url, BROWSER, "").await?.status.is_server_error(), "{words}");
        }
    }
    assert_eq!(signals().await?, before);
    Ok(())
});

story!(a_date_that_passed_while_they_were_suppressed_is_remembered, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let not_before = Some(jiff::civil::date(2026, 3, 2));
    let detail = Detail::Touch {
        touch: Touch::Call,
        proves: vec![],
        contradicts: vec![],
        date: None,
        not_before,
        note: "in March".into(),
    };
    let logged = Logged { address: ada.clone(), by: name("marta"), occurred_at: town.now(), detail };
    log(&town.node.ctx, logged).await?;
    for channel in [Channel::Email, Channel::Phone] {
        manual_stop::suppress(&town.node.ctx, &ada, channel, "by mistake").await?;
    }
    assert_eq!(town.prospect(&ada).await?.standing, Standing::Suppressed);
    town.pass_to("2026-03-10T09:00:00Z").await?;
    manual_stop::lift(&town.node.ctx, &ada, Channel::Phone, "it was a mistake").await?;
    town.run_until_idle().await?;
    assert_eq!(town.queue_of(&name("iria")).await?.len(), 1, "somebody looks at them now");
    assert_eq!(sweep::without_future(&town.node.ctx).await?, 0);
    Ok(())
});

story!(who_was_forgotten_and_comes_in_again_is_nowhere, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    suppress_by_mail(&town, &ada).await?;
    forget::forget(&town.node.ctx, &ada).await?;
    let again = town.admit(&[somebody(ada.as_str())], "import").await?;
    assert_eq!((again.added, again.identity.forgotten), (0, 1));
    assert!(town.prospect(&ada).await.is_err());
    let census = sweep::review(&town.node.ctx).await?.expect("nobody asked it to stop");
    assert!(census.holds(), "{census:?}");
    Ok(())
});

/// A reason of its own, which goes under the hash with them.
async fn suppress_by_mail(town: &Town, who: &Address) -> Told {
    manual_stop::suppress(&town.node.ctx, who, Channel::Email, "asked us").await?;
    Ok(())
}

story!(a_campaign_that_does_not_come_again_is_no_future, |town| {
    town.admit(&[somebody("ada@albareda.example")], "import").await?;
    let ctx = &town.node.ctx;
    let reached = async || {
        let census = census::take(ctx.store(), &ctx.plan(), ctx.now()).await?;
        assert_eq!(census.counted(), 1);
        Ok::<_, nurtured::flow::context::FlowError>((census.of(Group::Campaign), census.of(Group::Adrift)))
    };
    let whole = Plan::clone(&ctx.plan());
    // Ada is in the audience of both campaigns: the other one leaves the configuration.
    let alone = || {
        let mut plan = whole.clone();
        plan.campaigns.retain(|c| c.name.as_str() == "line-downtime");
        plan
    };
    ctx.replace_plan(alone())?;
    assert_eq!(reached().await?, (1, 0));
    manual_stop::pause(ctx, &name("line-downtime"), "a break").await?;
    assert_eq!(reached().await?, (0, 1), "paused");
    manual_stop::resume(ctx, &name("line-downtime")).await?;
    ctx.replace_plan(Plan { campaigns: Vec::new(), ..alone() })?;
    assert_eq!(reached().await?, (0, 1), "no longer configured");
    ctx.replace_plan(alone())?;
    change(&town, "line-downtime", |campaign| campaign.newsletters.clear())?;
    assert_eq!(reached().await?, (0, 1), "it has nothing to say");
    ctx.replace_plan(alone())?;
    let ever = Dates::parse("2026-01-01..9999-12-31").expect("dates");
    let schedule = Schedule::parse("30 9 * * *", "UTC")?.skipping(SkipDates::new(vec![ever]))?;
    change(&town, "line-downtime", |campaign| campaign.schedule = schedule)?;
    assert_eq!(reached().await?, (0, 1), "it never fires again");
    ctx.replace_plan(whole)?;
    assert_eq!(reached().await?, (1, 0));
    Ok(())
});

story!(the_date_is_that_of_the_first_try, |town| {
    town.pass_to("2026-01-20T08:00:00Z").await?;
    let people: Vec<_> = (0..3).map(|n| somebody(&format!("p{n}@albareda.example"))).collect();
    town.admit(&people, "import").await?;
    let canary = Some(Canary { first: 1, hold: Span::minutes(20) });
    change(&town, "line-downtime", |campaign| campaign.guards.canary = canary)?;
    town.catcher.refuse("p2@albareda.example", 450, "4.2.0 greylisted");
    // One leaves at half past eight and the others wait for twenty minutes; the last is put off by its server.
    town.pass_to("2026-02-03T08:55:00Z").await?;
    town.catcher.relent("p2@albareda.example");
    town.pass_to("2026-02-03T09:30:00Z").await?;
    let date = |who: &str| {
        let of = |mail: &&Caught| mail.rcpt_to[0] == who && String::from_utf8_lossy(&mail.data).contains("What one hour");
        let caught = town.catcher.caught();
        let text = String::from_utf8_lossy(&caught.iter().find(of).expect("the newsletter").data).into_owned();
        text.lines().find_map(|line| line.strip_prefix("Date: ")).unwrap_or_default().to_owned()
    };
    assert_eq!(date("p0@albareda.example"), "Tue, 03 Feb 2026 08:30:00 +0000");
    assert_eq!(date("p1@albareda.example"), "Tue, 03 Feb 2026 08:50:00 +0000");
    assert_eq!(date("p2@albareda.example"), "Tue, 03 Feb 2026 08:50:00 +0000", "not that of the second try");
    Ok(())
});
