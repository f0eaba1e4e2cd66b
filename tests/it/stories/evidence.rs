//! What proves, for how long, whose word it is, and what proves nothing.

use super::{BEGINS, address, five_proofs, four_proofs, name, somebody, story};
use jiff::Timestamp;
use jiff::civil::date;
use nurtured::domain::address::Address;
use nurtured::domain::criterion::Criterion::{self, Authority, Budget, Need, Timeframe, Vision};
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::qualification::{Obstacle, Verdict};
use nurtured::domain::doorway::signal::{About, Detail, NewSignal, Touch};
use nurtured::domain::id::Name;
use nurtured::domain::individual::handoff::{Rejection, State};
use nurtured::domain::prospect::Standing;
use nurtured::flow::doorway::judge::{Decision, decide};
use nurtured::flow::doorway::observe::observe;
use nurtured::flow::individual::follow_up::Action;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// A click that a program reports.
pub(super) fn click(who: &Address, n: usize, occurred_at: Timestamp, target: &str, machine: Option<Machine>) -> NewSignal {
    NewSignal {
        about: About::Address(who.clone()),
        once: format!("story:click:{who}:{n}"),
        occurred_at,
        delivery: None,
        issue: None,
        by: None,
        machine,
        detail: Detail::Click { target: target.to_owned() },
    }
}

pub(super) fn decision(who: &Address, criterion: Criterion, holds: bool, until: (i16, i8, i8), by: &str) -> Decision {
    let until = date(until.0, until.1, until.2);
    Decision { address: who.clone(), criterion, holds, until, by: name(by), note: "seen on their site".to_owned() }
}

story!(evidence_expires_at_three_in_the_morning_and_says_so, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@fornells.example"));
    town.admit(&[somebody(ada.as_str()), somebody(bea.as_str())], "import").await?;
    town.pass_to("2026-01-13T03:00:00Z").await?;
    town.log(&ada, "marta", Touch::Call, &[Authority], None, "she signs").await?;
    town.log(&bea, "marta", Touch::Call, &Criterion::ALL, Some(date(2026, 9, 1)), "all of it").await?;
    town.pass_to("2026-01-13T10:00:00Z").await?;
    let lead = town.sell(&bea, Action::Accept).await?;
    let ends = at("2026-07-12T03:00:00Z");
    town.pass_to("2026-07-12T02:59:59Z").await?;
    assert_eq!(town.prospect(&ada).await?.verdicts.get(&Authority), Some(&Verdict::Met));
    assert!(town.queue_of(&lead.salesperson).await?[0].reconfirm.is_empty());
    assert_eq!(town.run_until_idle().await?, Some(ends), "the instant is known beforehand");

    town.pass_until(ends).await?;
    assert_eq!(town.prospect(&ada).await?.verdicts.get(&Authority), Some(&Verdict::Expired));
    let told = town.explain(&ada, None).await?.criteria[2].clone();
    assert_eq!((told.verdict, told.since, told.cites.len()), (Verdict::Expired, Some(ends), 1));
    // The lead is not taken away: it is to be confirmed again, on the queue, on the page and in what is explained.
    assert_eq!(town.handoffs_of(&bea).await?[0].state, State::Owned);
    let item = town.queue_of(&lead.salesperson).await?.remove(0);
    assert_eq!(item.reconfirm, [Authority]);
    let page = town.ask(axum::http::Method::GET, &item.page_url.expect("a page"), "", "").await?.body;
    assert!(page.contains("Please ask again") && page.contains("re-confirm"), "{page}");
    let offered = town.explain(&bea, None).await?.offered.expect("a handoff");
    assert_eq!(offered.iter().filter(|line| line.reconfirm).map(|line| line.criterion).collect::<Vec<_>>(), [Authority]);
    Ok(())
});

story!(a_date_two_years_away_is_not_a_timeframe_until_its_horizon, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.log(&ada, "marta", Touch::Fair, &[Timeframe], Some(date(2028, 1, 12)), "with the new hall").await?;
    town.run_until_idle().await?;
    let begins = at("2027-04-12T00:00:00Z");
    let told = town.explain(&ada, None).await?;
    assert_eq!((told.criteria[4].verdict, told.criteria[4].begins), (Verdict::Weak, Some(begins)));
    assert_eq!((told.coming[0].at, told.changes_at), (begins, Some(begins)));
    town.pass_to("2027-04-11T23:59:59Z").await?;
    assert_eq!(town.prospect(&ada).await?.verdicts.get(&Timeframe), Some(&Verdict::Weak));
    town.pass_until(begins).await?;
    let told = town.explain(&ada, None).await?.criteria[4].clone();
    assert_eq!((told.verdict, told.since, told.until), (Verdict::Met, Some(begins), Some(at("2028-02-11T00:00:00Z"))));
    assert_eq!(town.prospect(&ada).await?.verdicts.get(&Timeframe), Some(&Verdict::Met));
    Ok(())
});

story!(an_old_click_cannot_requalify_a_returned_prospect, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    five_proofs(&town, &ada).await?;
    town.pass_to("2026-07-08T09:00:00Z").await?;
    town.sell(&ada, Action::Reject(Rejection::NotReady(Need), "the lines run".into())).await?;
    let returned = town.now();
    town.clock.advance(jiff::SignedDuration::from_mins(1));
    // Somebody decides that the need is there all the same: five of five again, and nothing new by Ada.
    decide(&town.node.ctx, decision(&ada, Need, true, (2026, 12, 1), "marta")).await?;
    town.run_until_idle().await?;
    let told = town.explain(&ada, None).await?;
    assert_eq!((told.met, told.ready, told.obstacle), (5, false, Some(Obstacle::NothingNew)));
    // What she clicked before she was returned arrives late.
    let pricing = "https://tecnofab.example/prices";
    let before = returned - jiff::SignedDuration::from_mins(5);
    observe(&town.node.ctx, &[click(&ada, 1, before, pricing, None)]).await?;
    town.pass_to("2026-07-08T12:00:00Z").await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1, "the same facts do not bounce straight back");
    // What she does now is new, once it counts.
    observe(&town.node.ctx, &[click(&ada, 2, town.now(), pricing, None)]).await?;
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1, "a click is provisional for ten minutes");
    town.pass_to("2026-07-08T12:10:00Z").await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 2);
    Ok(())
});

story!(a_colleague_brings_the_authority, |town| {
    let (ada, pol) = (address("ada@albareda.example"), address("pol@albareda.example"));
    let stranger = address("eve@fornells.example");
    town.admit(&[somebody(ada.as_str()), somebody(pol.as_str()), somebody(stranger.as_str())], "import").await?;
    let day = Some(date(2026, 6, 1));
    town.log(&ada, "marta", Touch::Fair, &[Vision, Budget, Need, Timeframe], day, "wants it by June").await?;
    town.log(&stranger, "marta", Touch::Fair, &[Authority], None, "decides elsewhere").await?;
    town.run_until_idle().await?;
    assert!(town.handoffs_of(&ada).await?.is_empty(), "somebody of another company proves nothing");
    town.clock.advance(jiff::SignedDuration::from_mins(1));
    town.log(&pol, "marta", Touch::Call, &[Authority], None, "signs for Ada").await?;
    town.run_until_idle().await?;
    let handoff = town.handoffs_of(&ada).await?.remove(0);
    assert_eq!(handoff.cause, Cause::Ready);
    let told = town.explain(&ada, None).await?.criteria[2].clone();
    assert_eq!(told.colleague.as_deref(), Some("Person pol"));
    assert_eq!(told.cites[0].of.as_ref().map(|of| of.name.as_str()), Some("Person pol"));
    town.pass_to("2026-01-12T12:00:00Z").await?;
    let plan = town.node.ctx.plan();
    let letter = town.newest_to(&plan.roster.salesperson(&handoff.salesperson).expect("on the roster").address)?;
    assert!(letter.text.contains("word of their colleague Person pol"), "{}", letter.text);
    // What Ada sees and needs is her own: Pol has three of five.
    assert_eq!(town.verdicts(&pol).await?.missing(), [Vision, Need]);
    // Erased, Pol proves nothing any more, and nothing says that he did.
    nurtured::flow::operations::forget::forget(&town.node.ctx, &pol).await?;
    town.run_until_idle().await?;
    assert_eq!(town.prospect(&ada).await?.verdicts.get(&Authority), None);
    let told = town.explain(&ada, None).await?.offered.expect("a handoff")[2].clone();
    assert_eq!((told.reconfirm, told.colleague.as_deref(), told.proof.as_deref()), (true, Some("erased"), Some("erased")));
    Ok(())
});

story!(what_a_fast_clock_says_counts_when_its_time_has_come, |town| {
    let (ada, pol) = (address("ada@albareda.example"), address("pol@albareda.example"));
    town.admit(&[somebody(ada.as_str()), somebody(pol.as_str())], "import").await?;
    town.log(&ada, "marta", Touch::Fair, &[Timeframe], Some(date(2026, 6, 1)), "wants it by June").await?;
    let after = |minutes| town.now() + jiff::SignedDuration::from_mins(minutes);
    // Somebody's clock is some minutes ahead of ours: two calls with Ada, and one with Pol, who decides for her.
    let said =
        [(&ada, 2, vec![Vision, Need]), (&ada, 4, vec![Budget]), (&pol, 6, vec![Authority])].map(|(who, minutes, proves)| {
            let note = "called".to_owned();
            let detail =
                Detail::Touch { touch: Touch::Call, proves, contradicts: Vec::new(), date: None, not_before: None, note };
            let by = Some(name("marta"));
            NewSignal { by, detail, ..click(who, usize::try_from(minutes).expect("a few"), after(minutes), "", None) }
        });
    let (second, third, last) = (after(2), after(4), after(6));
    observe(&town.node.ctx, &said).await?;
    for (until, met) in [(second, 3), (third, 4)] {
        town.pass_until(until).await?;
        assert_eq!(town.prospect(&ada).await?.verdicts.values().filter(|v| **v == Verdict::Met).count(), met);
        assert!(town.handoffs_of(&ada).await?.is_empty());
    }
    town.pass_until(last).await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1, "a colleague's word is seen as soon as it may be");
    Ok(())
});

story!(no_budget_this_year_wakes_in_the_new_one, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    five_proofs(&town, &ada).await?;
    let first = town.sell(&ada, Action::Accept).await?;
    town.sell(&ada, Action::Recycle { reason: "no budget".into(), wake: None, note: "spent".into() }).await?;
    town.run_until_idle().await?;
    let told = town.explain(&ada, None).await?;
    assert_eq!((told.standing, told.criteria[1].verdict), (Standing::Nurturing, Verdict::Expired));
    let year = at("2027-01-01T00:00:00Z");
    assert_eq!(town.prospect(&ada).await?.wake_at, Some(year));
    town.pass_to("2026-12-31T23:59:59Z").await?;
    assert!(town.queue_of(&first.salesperson).await?.is_empty(), "not this year");
    town.pass_until(year).await?;
    let item = town.queue_of(&first.salesperson).await?.remove(0);
    assert!(item.handoff.is_none() && item.action.contains("budget"), "{item:?}");
    assert_eq!(town.prospect(&ada).await?.wake_at, None);
    // There is money now, and a colleague of ours hears of it and of what else ran out.
    town.pass_to("2027-01-11T09:00:00Z").await?;
    town.log(&ada, "marta", Touch::Call, &[Budget, Authority, Need], None, "approved for this year").await?;
    town.run_until_idle().await?;
    let all = town.handoffs_of(&ada).await?;
    assert_eq!((all.len(), all[0].cause, &all[0].salesperson), (2, Cause::Ready, &first.salesperson));
    Ok(())
});

story!(five_hundred_machine_clicks_prove_nothing, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let begins = at(BEGINS);
    let hits: Vec<NewSignal> = (0..500_usize)
        .map(|n| {
            let when = begins - jiff::SignedDuration::from_hours(i64::try_from(n).expect("few") % 400);
            click(&ada, n, when, "https://tecnofab.example/prices", Some(Machine::ALL[n % 3]))
        })
        .collect();
    observe(&town.node.ctx, &hits).await?;
    town.pass_to("2026-01-12T09:00:00Z").await?;
    let told = town.explain(&ada, None).await?;
    assert_eq!((told.met, told.criteria[3].verdict, told.criteria[0].verdict), (0, Verdict::Unknown, Verdict::Unknown));
    assert_eq!(told.ignored.iter().filter(|i| i.why.is_machine()).count(), 500, "each of them is kept, and says why");
    assert!(town.handoffs_of(&ada).await?.is_empty());
    assert_eq!(town.verdicts(&ada).await?.newest_human_at(), None);
    // Two clicks by a person, on two days, are something; with one more support they would prove the need.
    for (n, when) in [(500, "2026-01-10T10:00:00Z"), (501, "2026-01-11T10:00:00Z")] {
        observe(&town.node.ctx, &[click(&ada, n, at(when), "https://tecnofab.example/prices", None)]).await?;
    }
    town.run_until_idle().await?;
    assert_eq!(town.explain(&ada, None).await?.criteria[3].verdict, Verdict::Weak);
    Ok(())
});

story!(salespeople_do_not_make_their_own_leads, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to("2026-01-12T09:00:00Z").await?;
    let day = Some(date(2026, 6, 1));
    town.log(&ada, "dana", Touch::Call, &[Vision, Budget, Authority], None, "found by me").await?;
    town.log(&ada, "luc", Touch::Meeting, &[Need, Timeframe], day, "and by me").await?;
    town.run_until_idle().await?;
    let told = town.explain(&ada, None).await?;
    assert_eq!((told.met, told.ready, told.obstacle), (5, false, Some(Obstacle::SalesAlone)));
    assert!(town.handoffs_of(&ada).await?.is_empty());
    town.clock.advance(jiff::SignedDuration::from_mins(1));
    town.log(&ada, "marta", Touch::Call, &[Need], None, "they told me too").await?;
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1, "one proof by somebody else is enough");
    Ok(())
});

story!(a_decision_holds_until_its_day_and_a_later_word_beats_it, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    four_proofs(&town, &ada).await?;
    for (refused, words) in [
        (decision(&ada, Timeframe, true, (2026, 5, 1), "marta"), "not in the future"),
        (Decision { note: " ".to_owned(), ..decision(&ada, Timeframe, true, (2027, 1, 1), "marta") }, "say why"),
        (decision(&ada, Timeframe, true, (2027, 1, 1), "nobody"), "among our people"),
        (decision(&address("x@x.example"), Timeframe, true, (2027, 1, 1), "marta"), "a prospect with that address"),
    ] {
        let error = decide(&town.node.ctx, refused).await.expect_err("refused").to_string();
        assert!(error.contains(words), "{error}");
    }
    // It does not hold: until that day, and not a moment longer.
    decide(&town.node.ctx, decision(&ada, Budget, false, (2026, 6, 1), "marta")).await?;
    assert_eq!(town.verdicts(&ada).await?.findings()[Budget].verdict, Verdict::Contradicted);
    town.pass_to("2026-06-01T00:00:00Z").await?;
    assert_eq!(town.verdicts(&ada).await?.findings()[Budget].verdict, Verdict::Met, "what she said in May stands again");
    decide(&town.node.ctx, decision(&ada, Budget, true, (2026, 12, 1), "marta")).await?;
    decide(&town.node.ctx, decision(&ada, Timeframe, true, (2026, 12, 1), "marta")).await?;
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1, "what she answered in spring is her own word and new enough");
    let told = town.explain(&ada, None).await?;
    let cited = &told.criteria[4].cites[0];
    assert_eq!((cited.by.as_ref().map(Name::as_str), told.criteria[4].until), (Some("marta"), Some(at("2026-12-01T00:00:00Z"))));
    town.clock.advance(jiff::SignedDuration::from_mins(1));
    town.log(&ada, "dana", Touch::Call, &[], None, "no money after all").await?;
    let contradicts = Detail::Touch {
        touch: Touch::Call,
        proves: Vec::new(),
        contradicts: vec![Budget],
        date: None,
        not_before: None,
        note: "no money".into(),
    };
    let later = NewSignal { by: Some(name("dana")), detail: contradicts, ..click(&ada, 9, town.now(), "", None) };
    observe(&town.node.ctx, &[later]).await?;
    assert_eq!(town.verdicts(&ada).await?.findings()[Budget].verdict, Verdict::Contradicted, "a later word beats a decision");
    Ok(())
});
