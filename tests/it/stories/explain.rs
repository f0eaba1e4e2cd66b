//! The verdicts explained: now and at a past instant, on the desk, in an audience, on the page after an answer.

use super::evidence::{click, decision};
use super::{FIRST_ISSUE, address, four_proofs, name, somebody, story};
use axum::http::Method;
use jiff::Timestamp;
use jiff::civil::date;
use nurtured::domain::audience::Condition;
use nurtured::domain::criterion::Criterion::{self, Authority, Budget, Need, Timeframe, Vision};
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::doorway::ignored::Why;
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::doorway::signal::{Detail, Touch};
use nurtured::domain::prospect::Standing;
use nurtured::flow::doorway::apply;
use nurtured::flow::doorway::judge::{decide, judge};
use nurtured::flow::doorway::observe::{self, Logged, observe};
use nurtured::flow::individual::follow_up::Action;
use nurtured::insight::desk;
use nurtured::town::BROWSER;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

const PRICES: &str = "https://tecnofab.example/prices";

story!(explain_at_a_past_instant_says_what_was_known_then, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    apply::begin(&town.node.ctx).await?;
    // A call in January that nobody writes down before February.
    town.pass_to("2026-02-01T10:00:00Z").await?;
    let detail = Detail::Touch {
        touch: Touch::Call,
        proves: vec![Budget],
        contradicts: Vec::new(),
        date: None,
        not_before: None,
        note: "sixty thousand".into(),
    };
    let occurred_at = at("2026-01-13T10:00:00Z");
    observe::log(&town.node.ctx, Logged { address: ada.clone(), by: name("marta"), occurred_at, detail }).await?;
    let told = town.explain(&ada, Some(at("2026-01-20T00:00:00Z"))).await?;
    assert_eq!((told.criteria[1].verdict, told.next, told.other_rules_then), (Verdict::Unknown, None, false), "it was not known");
    let told = town.explain(&ada, Some(at("2026-02-01T10:00:00Z"))).await?;
    assert_eq!((told.criteria[1].verdict, told.criteria[1].since), (Verdict::Met, Some(occurred_at)));

    // Clicks of two days, judged to be a machine's in March, are cited in February and ignored in April.
    let seen = observe(
        &town.node.ctx,
        &[click(&ada, 1, at("2026-01-30T10:00:00Z"), PRICES, None), click(&ada, 2, at("2026-01-31T10:00:00Z"), PRICES, None)],
    )
    .await?;
    let ids: Vec<_> = seen.iter().filter_map(|o| if let observe::Observed::New(id) = o { Some(*id) } else { None }).collect();
    town.pass_to("2026-03-01T10:00:00Z").await?;
    assert_eq!(town.prospect(&ada).await?.verdicts.get(&Need), Some(&Verdict::Weak));
    assert!(judge(&town.node.ctx, &ids, true, &name("marta"), "").await.is_err(), "without a reason");
    let unknown = [ids[0], nurtured::domain::id::SignalId(999_999)];
    assert!(judge(&town.node.ctx, &unknown, true, &name("marta"), "x").await.is_err(), "nothing of it happened");
    judge(&town.node.ctx, &ids, true, &name("marta"), "their new scanner").await?;
    town.run_until_idle().await?;
    assert_eq!(town.prospect(&ada).await?.verdicts.get(&Need), None);
    let told = town.explain(&ada, None).await?;
    assert_eq!(told.ignored.iter().map(|i| i.why).collect::<Vec<_>>(), [Why::Withdrawn, Why::Withdrawn]);
    let then = town.explain(&ada, Some(at("2026-02-20T00:00:00Z"))).await?;
    assert_eq!((then.criteria[3].verdict, then.criteria[3].cites.len()), (Verdict::Weak, 2), "as it was known then");
    // A person's after all.
    judge(&town.node.ctx, &ids, false, &name("marta"), "she says it was her").await?;
    assert_eq!(town.explain(&ada, None).await?.criteria[3].verdict, Verdict::Weak);

    // Where she stood is told of that instant too, and by which rules.
    town.log(&ada, "marta", Touch::Call, &Criterion::ALL, Some(date(2026, 9, 1)), "all").await?;
    town.pass_to("2026-03-02T10:00:00Z").await?;
    town.sell(&ada, Action::Accept).await?;
    town.pass_to("2026-03-05T10:00:00Z").await?;
    town.sell(&ada, Action::Recycle { reason: "bad timing".into(), wake: None, note: String::new() }).await?;
    let mut plan = nurtured::domain::plan::Plan::clone(&town.node.ctx.plan());
    plan.qualifying.criteria[Need].enough = 3;
    town.node.ctx.replace_plan(plan)?;
    town.pass_to("2026-03-06T10:00:00Z").await?;
    apply::begin(&town.node.ctx).await?;
    for (then, standing, episode, handoff) in [
        ("2026-03-01T09:00:00Z", Standing::Nurturing, 1, false),
        ("2026-03-02T09:59:00Z", Standing::Offered, 1, true),
        ("2026-03-03T09:00:00Z", Standing::Owned, 1, true),
        ("2026-03-05T12:00:00Z", Standing::Nurturing, 2, false),
    ] {
        let told = town.explain(&ada, Some(at(then))).await?;
        assert_eq!((told.standing, told.episode, told.handoff.is_some()), (standing, episode, handoff), "{then}");
        assert!(told.other_rules_then, "{then}");
    }
    assert!(town.explain(&ada, Some(at("2025-01-01T00:00:00Z"))).await.is_err(), "nobody knew her");
    Ok(())
});

story!(withdrawn_evidence_says_so_where_it_was_cited, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let clicks =
        [click(&ada, 1, at("2026-01-10T10:00:00Z"), PRICES, None), click(&ada, 2, at("2026-01-11T10:00:00Z"), PRICES, None)];
    let seen = observe(&town.node.ctx, &clicks).await?;
    let ids: Vec<_> = seen.iter().filter_map(|o| if let observe::Observed::New(id) = o { Some(*id) } else { None }).collect();
    let mut plan = nurtured::domain::plan::Plan::clone(&town.node.ctx.plan());
    plan.qualifying.criteria[Need].enough = 1;
    town.node.ctx.replace_plan(plan)?;
    town.pass_to("2026-01-12T09:00:00Z").await?;
    town.log(&ada, "marta", Touch::Call, &[Vision, Budget, Authority, Timeframe], Some(date(2026, 6, 1)), "four").await?;
    town.pass_to("2026-01-12T10:00:00Z").await?;
    let handoff = town.handoffs_of(&ada).await?.remove(0);
    judge(&town.node.ctx, &ids, true, &name("marta"), "their scanner").await?;
    town.run_until_idle().await?;
    let offered = town.explain(&ada, None).await?.offered.expect("a handoff");
    assert_eq!((offered[3].met, offered[3].reconfirm, offered[3].withdrawn.len()), (true, true, 2));
    let page = town.queue_of(&handoff.salesperson).await?.remove(0);
    assert_eq!(page.reconfirm, [Need]);
    let body = town.ask(Method::GET, &page.page_url.expect("a page"), "", "").await?.body;
    assert!(body.contains("Evidence withdrawn"), "{body}");
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1, "the lead stays where it is");
    Ok(())
});

story!(the_desk_lists_who_misses_little_and_a_call_closes_it, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@fornells.example"));
    town.admit(&[somebody(ada.as_str()), somebody(bea.as_str())], "import").await?;
    four_proofs(&town, &ada).await?;
    town.log(&bea, "dana", Touch::Fair, &[Vision, Need], None, "at the stand").await?;
    decide(&town.node.ctx, decision(&bea, Budget, false, (2026, 12, 1), "marta")).await?;
    decide(&town.node.ctx, decision(&bea, Authority, true, (2026, 12, 1), "marta")).await?;
    town.run_until_idle().await?;
    let mut tx = town.node.ctx.store().read().await?;
    let found = desk::near_misses(&town.node.ctx, &mut tx, 10).await?;
    drop(tx);
    let seen: Vec<_> =
        found.iter().map(|n| (n.name.as_str(), n.met, n.missing.iter().map(|g| g.line.criterion).collect::<Vec<_>>())).collect();
    // Contradicted is weaker than unknown.
    assert_eq!(seen, [("Person ada", 4, vec![Timeframe]), ("Person bea", 3, vec![Budget, Timeframe])]);
    assert_eq!(found[1].missing[0].asked[0].at.to_string(), "2026-05-05T07:30:00Z", "the fourth issue asked");
    assert!(found[1].missing[0].asked[0].question.contains("money"));
    assert!(found[0].missing[0].asked.is_empty(), "nobody has asked about the date yet");

    town.log(&ada, "marta", Touch::Call, &[Timeframe], Some(date(2026, 9, 1)), "before the season").await?;
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(&ada).await?[0].cause, Cause::Ready, "a colleague's call is observed evidence");
    let mut tx = town.node.ctx.store().read().await?;
    assert_eq!(desk::near_misses(&town.node.ctx, &mut tx, 10).await?.len(), 1);
    Ok(())
});

story!(an_audience_is_chosen_by_what_is_known, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@fornells.example"));
    let mut plan = nurtured::domain::plan::Plan::clone(&town.node.ctx.plan());
    let is = vec![Verdict::Unknown, Verdict::Expired];
    for campaign in &mut plan.campaigns {
        campaign.audience.all.push(Condition::Verdict { criterion: Budget, is: is.clone() });
    }
    town.node.ctx.replace_plan(plan)?;
    town.admit(&[somebody(ada.as_str()), somebody(bea.as_str())], "import").await?;
    town.log(&ada, "marta", Touch::Call, &[Budget], None, "sixty thousand").await?;
    town.pass_to(FIRST_ISSUE).await?;
    assert!(town.mails_to(&ada).is_empty() && !town.mails_to(&bea).is_empty(), "hers is known");
    assert!(!town.explain(&ada, None).await?.next.expect("now").what.contains("line-downtime"));
    // It runs out with the fiscal year, and she is written to again.
    town.pass_to("2026-12-31T23:00:00Z").await?;
    assert!(town.mails_to(&ada).is_empty());
    town.pass_to("2027-02-02T12:00:00Z").await?;
    assert!(!town.mails_to(&ada).is_empty());
    Ok(())
});

story!(an_answer_is_thanked_for_with_two_more_questions_at_most, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.log(&ada, "marta", Touch::Call, &[Vision], None, "sees it").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let thanks = town.answer(&ada, "More than 20 hours").await?;
    assert!(thanks.body.contains("More than 20 hours"), "{}", thanks.body);
    let offered = |body: &str| Criterion::ALL.map(|c| body.contains(&format!("name=\"{}\"", c.word())));
    assert_eq!(offered(&thanks.body), [false, true, true, false, false], "vision is known, need was just asked");
    assert!(!thanks.body.contains("checked"), "nothing is chosen beforehand");

    let url = town.newest_to(&ada)?.link("More than 20 hours").expect("a link");
    let visit = thanks.visit();
    let nothing = town.ask(Method::POST, &url, BROWSER, &format!("more=yes&visit={visit}")).await?;
    assert!(nothing.status == 200 && nothing.body.contains("nothing more"), "{}", nothing.body);
    // Beyond two, about what was not offered, out of range, or twice: not taken.
    let body = format!("more=yes&visit={visit}&need=3&budget=0&budget=3&authority=99&timeframe=0");
    let done = town.ask(Method::POST, &url, BROWSER, &body).await?;
    assert!(done.body.contains("Yes, over 50,000") && !done.body.contains("<form"), "it asks no further: {}", done.body);
    let found = town.verdicts(&ada).await?;
    let verdicts = Criterion::ALL.map(|c| found.findings()[c].verdict);
    let (met, unknown) = (Verdict::Met, Verdict::Unknown);
    assert_eq!(verdicts, [met, met, unknown, met, unknown]);
    // The same form again is the same answers.
    town.ask(Method::POST, &url, BROWSER, &body).await?;
    assert_eq!(town.verdicts(&ada).await?.findings()[Budget].cites, found.findings()[Budget].cites);
    Ok(())
});
