//! One prospect, one salesperson: offers, the page, the queue.

use super::{address, five_proofs, name, somebody, story};
use axum::http::Method;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::signal::Touch;
use nurtured::domain::individual::handoff::{Outcome, Rejection, Stage, State};
use nurtured::domain::prospect::Standing;
use nurtured::flow::individual::follow_up::Action;
use nurtured::flow::operations::sweep;
use nurtured::town::{BROWSER, Town};

/// Asks for a person, and returns the page of the handoff.
async fn request(town: &Town, who: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    town.fill_in("call-me", &[("email", who), ("name", "Ada Roca")]).await?;
    town.run_until_idle().await?;
    let handoff = town.handoffs_of(&address(who)).await?.remove(0);
    let item = town.queue_of(&handoff.salesperson).await?.into_iter().find(|i| i.handoff == Some(handoff.id)).expect("an item");
    Ok(item.page_url.expect("a page"))
}

story!(a_lead_is_won_by_buttons_and_every_change_is_confirmed, |town| {
    let ada = address("ada@albareda.example");
    let page = request(&town, ada.as_str()).await?;
    let shown = town.ask(Method::GET, &page, BROWSER, "").await?;
    assert_eq!(shown.status, 200);
    assert!(shown.body.contains("Ada Roca"), "{}", shown.body);
    for body in [
        "action=accept",
        "action=touch&touch=call&proves=need&proves=authority&note=two+plants",
        "action=stage&stage=negotiating",
    ] {
        let done = town.ask(Method::POST, &page, BROWSER, body).await?;
        assert_eq!(done.status, 303, "{body}: {}", done.body);
    }
    let handoff = town.handoffs_of(&ada).await?.remove(0);
    assert_eq!((handoff.state, handoff.stage), (State::Owned, Stage::Negotiating));
    assert_eq!(town.verdicts(&ada).await?.met(), 2);
    // What ends it is asked back once.
    let asked = town.ask(Method::POST, &page, BROWSER, "action=won&value=86000").await?;
    assert_eq!(asked.status, 200);
    assert_eq!(town.handoffs_of(&ada).await?[0].state, State::Owned, "not yet");
    town.ask(Method::POST, &page, BROWSER, "action=won&value=86000&confirm=yes").await?;
    let won = town.handoffs_of(&ada).await?.remove(0);
    assert_eq!((won.outcome, won.value), (Some(Outcome::Won), Some(86_000)));
    assert_eq!(town.prospect(&ada).await?.standing, Standing::Closed);
    assert!(town.queue_of(&won.salesperson).await?.is_empty());
    town.run_until_idle().await?;
    let plan = town.node.ctx.plan();
    let letters = town.mails_to(&plan.roster.salesperson(&won.salesperson).expect("on the roster").address);
    assert_eq!(letters.len(), 5, "the offer and four confirmations");
    Ok(())
});

story!(whoever_says_not_mine_is_not_asked_again, |town| {
    let ada = address("ada@albareda.example");
    request(&town, ada.as_str()).await?;
    let mut had = Vec::new();
    for _ in 0..2 {
        had.push(town.handoffs_of(&ada).await?[0].salesperson.clone());
        town.sell(&ada, Action::Reject(Rejection::NotMine, String::new())).await?;
    }
    let handoff = town.handoffs_of(&ada).await?.remove(0);
    assert_eq!((&handoff.salesperson, handoff.state), (&name("iria"), State::Offered), "the manager, when nobody else is left");
    assert_ne!(had[0], had[1]);
    for gone in had {
        assert!(town.queue_of(&gone).await?.is_empty(), "{gone}");
    }
    assert_eq!(town.queue_of(&name("iria")).await?.len(), 1);
    assert!(town.sell(&ada, Action::Reject(Rejection::NotMine, String::new())).await.is_err(), "the manager cannot pass it on");
    Ok(())
});

story!(an_offer_nobody_answers_is_called_to_mind, |town| {
    let ada = address("ada@albareda.example");
    request(&town, ada.as_str()).await?;
    let handoff = town.handoffs_of(&ada).await?.remove(0);
    let manager = address("iria@tecnofab.example");
    assert!(town.mails_to(&manager).is_empty());
    town.pass_until(handoff.answer_until).await?;
    town.pass_to("2026-01-14T08:00:00Z").await?;
    assert_eq!(town.mails_to(&manager).len(), 1, "once");
    assert_eq!(town.handoffs_of(&ada).await?[0].state, State::Offered, "never dropped");
    Ok(())
});

story!(an_owned_lead_always_has_a_next_action_and_date, |town| {
    let ada = address("ada@albareda.example");
    request(&town, ada.as_str()).await?;
    town.sell(&ada, Action::Accept).await?;
    let steps = [
        Action::Touch { touch: Touch::Call, proves: vec![], date: None, note: "rang".into() },
        Action::Stage(Stage::Evaluating),
        Action::Snooze(jiff::civil::date(2026, 1, 20), "send the offer".into()),
    ];
    for step in steps {
        let handoff = town.sell(&ada, step).await?;
        let queue = town.queue_of(&handoff.salesperson).await?;
        assert_eq!(queue.len(), 1);
        assert!(queue[0].due_at > town.now() && !queue[0].action.is_empty(), "{queue:?}");
    }
    assert_eq!(sweep::without_future(&town.node.ctx).await?, 0);
    Ok(())
});

story!(a_page_works_for_its_salesperson_only, |town| {
    let ada = address("ada@albareda.example");
    let page = request(&town, ada.as_str()).await?;
    town.sell(&ada, Action::Reject(Rejection::NotMine, String::new())).await?;
    for (method, body) in [(Method::GET, ""), (Method::POST, "action=accept")] {
        assert_eq!(town.ask(method, &page, BROWSER, body).await?.status, 410, "the old link says so, and does nothing");
    }
    assert_eq!(town.handoffs_of(&ada).await?[0].state, State::Offered);
    Ok(())
});

story!(nonsense_on_the_page_changes_nothing, |town| {
    let ada = address("ada@albareda.example");
    let page = request(&town, ada.as_str()).await?;
    let before = town.handoffs_of(&ada).await?;
    for body in [
        "",
        "action=explode",
        "action=stage",
        "action=stage&stage=married",
        "action=snooze",
        "action=snooze&until=soon",
        "action=touch",
        "action=touch&touch=call&proves=luck",
        "action=recycle",
        "action=won&value=much",
        "action=reject&because=whim",
        "%%%",
        "action=won&confirm=yes",
        "action=snooze&until=2001-01-01",
        "action=recycle&reason=boredom&confirm=yes",
        "action=touch&touch=call&proves=timeframe",
    ] {
        let answered = town.ask(Method::POST, &page, BROWSER, body).await?;
        assert!(answered.status.is_client_error(), "{body}: {}", answered.status);
    }
    assert_eq!(town.handoffs_of(&ada).await?, before);
    Ok(())
});

story!(a_customer_already_is_closed_and_a_lost_one_returns, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@bea-foods.example"));
    town.admit(&[somebody(ada.as_str()), somebody(bea.as_str())], "import").await?;
    request(&town, ada.as_str()).await?;
    request(&town, bea.as_str()).await?;
    town.sell(&ada, Action::Reject(Rejection::AlreadyCustomer, String::new())).await?;
    assert_eq!(town.prospect(&ada).await?.standing, Standing::Closed);
    town.sell(&bea, Action::Accept).await?;
    town.sell(&bea, Action::Lost("bought elsewhere".into())).await?;
    let bea_now = town.prospect(&bea).await?;
    assert_eq!((bea_now.standing, bea_now.episode), (Standing::Nurturing, 2));
    assert!(bea_now.previous_salesperson.is_some());
    Ok(())
});

story!(a_ready_prospect_of_a_full_desk_goes_to_the_manager, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let mut plan = nurtured::domain::plan::Plan::clone(&town.node.ctx.plan());
    plan.roster.salespeople.iter_mut().for_each(|s| s.at_most = Some(0));
    town.node.ctx.replace_plan(plan)?;
    five_proofs(&town, &ada).await?;
    let handoff = town.handoffs_of(&ada).await?.remove(0);
    assert_eq!(handoff.salesperson, name("iria"));
    assert_eq!(town.verdicts(&ada).await?.findings()[Criterion::Budget].cites.len(), 1);
    Ok(())
});

story!(what_somebody_who_left_had_goes_on_with_another, |town| {
    let (ada, bea, cai) = (address("ada@albareda.example"), address("bea@bea-foods.example"), address("cai@caixes.example"));
    town.admit(&[somebody(ada.as_str()), somebody(bea.as_str()), somebody(cai.as_str())], "import").await?;
    for who in [&ada, &bea, &cai] {
        request(&town, who.as_str()).await?;
    }
    // One is worked on, the others are still to be answered.
    town.sell(&ada, Action::Touch { touch: Touch::Call, proves: vec![], date: None, note: "rang".into() }).await?;
    let gone = town.handoffs_of(&ada).await?.remove(0).salesperson;
    let action = town.queue_of(&gone).await?.iter().find(|item| item.state == Some("owned")).expect("an item").action.clone();
    let mut plan = nurtured::domain::plan::Plan::clone(&town.node.ctx.plan());
    plan.roster.salespeople.retain(|s| s.id != gone);
    plan.roster.routes.iter_mut().for_each(|route| route.to.retain(|id| *id != gone));
    plan.roster.routes.retain(|route| !route.to.is_empty());
    town.node.ctx.replace_plan(plan)?;
    assert!(sweep::without_future(&town.node.ctx).await? > 0, "nobody works the queue of who left");
    // Promises run out meanwhile: nobody is reminded who is not there, and nothing gets stuck.
    town.clock.advance(jiff::SignedDuration::from_hours(72));
    town.run_until_idle().await?;
    let census = sweep::review(&town.node.ctx).await?.expect("nobody asked it to stop");
    assert!(census.holds(), "{census:?}");
    assert!(town.queue_of(&gone).await?.is_empty());
    for who in [&ada, &bea, &cai] {
        assert_ne!(town.handoffs_of(who).await?.remove(0).salesperson, gone);
    }
    let lead = town.handoffs_of(&ada).await?.remove(0);
    assert_eq!(lead.state, State::Owned, "what was begun is not begun again");
    assert!(town.queue_of(&lead.salesperson).await?.iter().any(|item| item.action == action), "the next action goes on");
    town.run_until_idle().await?;
    assert!(town.sell(&ada, Action::Stage(Stage::Engaged)).await.is_ok());
    Ok(())
});

story!(where_everybody_is_can_be_scraped, |town| {
    town.admit(&[somebody("ada@albareda.example"), somebody("bea@bea-foods.example")], "import").await?;
    let before = crate::stories::door::monitor(&town, "/metrics").await;
    assert!(before.status == 200 && !before.body.contains("nurtured_prospects{"), "nobody was counted: {}", before.body);
    town.pass_to("2026-01-13T08:00:00Z").await?;
    town.clock.advance(jiff::SignedDuration::from_secs(40));
    let figures = crate::stories::door::monitor(&town, "/metrics").await.body;
    for line in [
        "nurtured_prospects{group=\"campaign\"} 2\n",
        "nurtured_prospects{group=\"adrift\"} 0\n",
        "# TYPE nurtured_prospects_without_future gauge\nnurtured_prospects_without_future 0\n",
        "nurtured_prospects_in_two_groups 0\n",
        "nurtured_prospects_uncounted 0\n",
        "nurtured_census_age_seconds 40\n",
        "nurtured_sending_stopped 0\n",
        "nurtured_letters_waiting_seconds 0\n",
        "nurtured_letters_failed 0\n",
    ] {
        assert!(figures.contains(line), "{line}\n{figures}");
    }
    Ok(())
});
