//! What time alone brings, and what a change of the rules brings.

use super::{FIRST_ISSUE, address, five_proofs, four_proofs, name, somebody, story};
use axum::http::Method;
use nurtured::cli::demo::town::BROWSER;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::handoff::State;
use nurtured::domain::prospect::Standing;
use nurtured::domain::signal::Touch;
use nurtured::flow::follow_up::Action;
use nurtured::flow::{forget, qualify, sweep};
use nurtured::store::suppressions::{self, Channel, Stop};

story!(changed_rules_assess_everybody_anew, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    qualify::apply_rules(&town.house.ctx).await?;
    four_proofs(&town, &ada).await?;
    assert!(town.handoffs_of(&ada).await?.is_empty());
    assert_eq!(qualify::apply_rules(&town.house.ctx).await?, 0, "the same rules: nobody");
    // A rule of the test's own: the field `industry` is to be a timeframe.
    let mut plan = nurtured::domain::plan::Plan::clone(&town.house.ctx.plan());
    plan.qualifying.criteria[Criterion::Timeframe] = plan.qualifying.criteria[Criterion::Budget].clone();
    plan.qualifying.criteria[Criterion::Timeframe].rules = vec![nurtured::domain::rule::Rule {
        reads: nurtured::domain::rule::Reads::Field {
            name: name("industry"),
            test: nurtured::domain::audience::Test::Known(true),
        },
        power: nurtured::domain::question::Power::Meets,
    }];
    town.house.ctx.replace_plan(plan)?;
    assert_eq!(qualify::apply_rules(&town.house.ctx).await?, 1, "everybody who ever gave a signal");
    town.settle().await?;
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
    assert_eq!(sweep::without_future(&town.house.ctx).await?, 0);
    // Doing is reporting: the call that the item asked for takes it off the queue.
    town.log(&ada, "iria", Touch::Call, &[], None, "still interested, by phone").await?;
    assert!(town.queue_of(&name("iria")).await?.is_empty());
    assert_eq!(sweep::without_future(&town.house.ctx).await?, 0, "and there is another date ahead");
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
        let mut tx = town.house.ctx.store().write().await?;
        let stop = Stop { address: ada.to_string(), channel, reason: "manual", source: "asked".into() };
        suppressions::add(&mut tx, &[stop], town.now()).await?;
        tx.commit().await?;
        assert_eq!(town.prospect(&ada).await?.standing, standing);
    }
    let mut tx = town.house.ctx.store().write().await?;
    suppressions::lift(&mut tx, &ada, Channel::Phone, town.now()).await?;
    tx.commit().await?;
    let ada = town.prospect(&ada).await?;
    assert_eq!((ada.standing, ada.mail_stop.as_deref()), (Standing::Nurturing, Some("manual")));
    Ok(())
});

story!(an_old_link_of_an_erased_person_identifies_nobody, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let mail = town.newest_to(&ada)?;
    forget::forget(&town.house.ctx, &ada).await?;
    let signals = async || -> Result<i64, nurtured::store::backend::StoreError> {
        Ok(nurtured::store::counts::summary(&mut town.house.ctx.store().read().await?).await?.signals)
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
