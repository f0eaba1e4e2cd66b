//! What is true of a prospect stays true: after a decision ended, a form was repeated, or a salesperson took another job.

use super::evidence::decision;
use super::request::{CRM, SHOP, call, open_api, replan, signals_of};
use super::{address, name, somebody, story};
use nurtured::domain::address::Address;
use nurtured::domain::criterion::Criterion::Authority;
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::doorway::signal::{Detail, Touch};
use nurtured::domain::individual::routing::Reason;
use nurtured::domain::individual::salesperson::Colleague;
use nurtured::domain::span::Span;
use nurtured::flow::doorway::judge::decide;
use nurtured::flow::individual::follow_up::Action;
use nurtured::flow::operations::sweep;
use nurtured::store::individual::handoffs;

story!(what_a_decision_put_aside_counts_again_on_the_day_it_ends, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.log(&ada, "marta", Touch::Call, &[Authority], None, "she signs").await?;
    decide(&town.node.ctx, decision(&ada, Authority, false, (2026, 2, 1), "marta")).await?;
    town.run_until_idle().await?;
    assert_eq!(town.prospect(&ada).await?.verdicts.get(&Authority), Some(&Verdict::Contradicted));
    town.pass_to("2026-02-01T00:00:00Z").await?;
    assert_eq!(town.prospect(&ada).await?.verdicts.get(&Authority), Some(&Verdict::Met));
    let told = town.explain(&ada, None).await?.criteria[2].clone();
    assert!(told.cites.len() == 1 && told.cites[0].words.contains("she signs"), "{told:?}");
    Ok(())
});

story!(a_repeated_form_of_another_system_changes_nothing, |town| {
    open_api(&town)?;
    let ada = address("ada@albareda.example");
    let form = r#"{"email":"ada@albareda.example","form":"webinar","fields":{"phone":"+34 600 100 200","name":"Ada Roca"}}"#;
    assert_eq!(call(&town, "/v1/signals", SHOP, "order-1", form).await?.status, 201);
    assert_eq!(town.prospect(&ada).await?.phone.as_deref(), Some("+34 600 100 200"));
    // She has another number since, which a list or the CRM knows.
    let page = r#"[{"email":"ada@albareda.example","phone":"+34 600 999 999","name":"Ada Roca Vidal"}]"#;
    assert_eq!(call(&town, "/v1/prospects", CRM, "p", page).await?.status, 200);
    let known = signals_of(&town, &ada).await?.len();
    let unchanged = async |when: &str| {
        let now = town.prospect(&ada).await.expect("she is known");
        assert_eq!((now.phone.as_deref(), now.name.as_deref()), (Some("+34 600 999 999"), Some("Ada Roca Vidal")), "{when}");
        assert_eq!(signals_of(&town, &ada).await.expect("read").len(), known, "{when}");
    };
    assert_eq!(call(&town, "/v1/signals", SHOP, "order-1", form).await?.json()["status"], "again");
    unchanged("at once").await;
    town.clock.move_to(Span::days(40).after(town.now()));
    assert_eq!(call(&town, "/v1/signals", SHOP, "order-1", form).await?.json()["status"], "again");
    unchanged("after the key was forgotten").await;
    // The same said anew is said now.
    assert_eq!(call(&town, "/v1/signals", SHOP, "order-2", form).await?.status, 201);
    assert_eq!(town.prospect(&ada).await?.phone.as_deref(), Some("+34 600 100 200"));
    let forms = signals_of(&town, &ada).await?.into_iter().filter(|signal| matches!(signal.detail, Detail::Form { .. }));
    assert_eq!(forms.count(), 2);
    Ok(())
});

story!(a_salesperson_who_becomes_a_colleague_hands_on_what_is_theirs, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@bea-foods.example"));
    for who in [&ada, &bea] {
        town.fill_in("call-me", &[("email", who.as_str()), ("name", "A Person")]).await?;
    }
    town.run_until_idle().await?;
    let had = town.handoffs_of(&ada).await?.remove(0).salesperson;
    town.sell(&ada, Action::Touch { touch: Touch::Call, proves: vec![], date: None, note: "rang".into() }).await?;
    replan(&town, |plan| {
        let roster = &mut plan.roster;
        let moved = roster.salespeople.iter().position(|s| s.id == had).expect("a salesperson");
        let moved = roster.salespeople.remove(moved);
        roster.colleagues.push(Colleague { id: moved.id, name: moved.name, address: moved.address });
        roster.routes.iter_mut().for_each(|route| route.to.retain(|id| *id != had));
        roster.routes.retain(|route| !route.to.is_empty());
    })?;
    assert!(sweep::without_future(&town.node.ctx).await? > 0, "a colleague owns no lead");
    town.clock.advance(jiff::SignedDuration::from_hours(2));
    town.run_until_idle().await?;
    assert!(sweep::review(&town.node.ctx).await?.expect("it was counted").holds());
    assert!(town.queue_of(&had).await?.is_empty());
    for who in [&ada, &bea] {
        let lead = town.handoffs_of(who).await?.remove(0);
        assert!(lead.is_open() && lead.salesperson != had, "{lead:?}");
    }
    let mut tx = town.node.ctx.store().read().await?;
    let lead = town.handoffs_of(&ada).await?.remove(0);
    let events = handoffs::events(&mut tx, lead.id).await?;
    assert!(events.iter().any(|event| event.note == format!("{had} is no longer a salesperson")), "{events:?}");
    Ok(())
});

story!(who_has_a_colleague_of_theirs_gets_the_next_one_of_that_company, |town| {
    let (ada, bea, cai) = (address("ada@albareda.example"), address("bea@albareda.example"), address("cai@albareda.example"));
    town.fill_in("call-me", &[("email", ada.as_str()), ("name", "Ada Roca")]).await?;
    town.run_until_idle().await?;
    let has = town.handoffs_of(&ada).await?.remove(0).salesperson;
    let of = async |who: &Address| {
        let lead = town.handoffs_of(who).await.expect("handoffs").remove(0);
        let mut tx = town.node.ctx.store().read().await.expect("a reader");
        let (_, assignment) = handoffs::grounds(&mut tx, lead.id).await.expect("why");
        (lead.salesperson, assignment.reason().clone())
    };
    // By turns the next one would get her.
    town.fill_in("call-me", &[("email", bea.as_str()), ("name", "Bea Sala")]).await?;
    town.run_until_idle().await?;
    assert_eq!(of(&bea).await, (has.clone(), Reason::Account));
    // Also of one whom a list brought with their owner, when no colleague is a lead.
    let mut listed = somebody("dora@fornells.example");
    listed.owner = Some("luc".to_owned());
    town.admit(&[listed], "crm.csv").await?;
    town.fill_in("call-me", &[("email", "eva@fornells.example"), ("name", "Eva Mas")]).await?;
    town.run_until_idle().await?;
    assert_eq!(of(&address("eva@fornells.example")).await, (name("luc"), Reason::Account));
    // Who takes no new leads is passed over.
    replan(&town, |plan| plan.roster.salespeople.iter_mut().filter(|s| s.id == has).for_each(|s| s.active = false))?;
    town.fill_in("call-me", &[("email", cai.as_str()), ("name", "Cai Pons")]).await?;
    town.run_until_idle().await?;
    assert_ne!(of(&cai).await.0, has);
    Ok(())
});
