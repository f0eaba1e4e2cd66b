//! What is read before the only writer is free, and what comes meanwhile.

use super::evidence::click;
use super::{address, name, somebody, story};
use nurtured::domain::address::Address;
use nurtured::domain::criterion::Criterion::{self, Authority, Budget, Need, Timeframe, Vision};
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::doorway::signal::{About, Detail, NewSignal, Touch};
use nurtured::flow::doorway::assess::assess;
use nurtured::flow::doorway::conclude::conclude;
use nurtured::flow::doorway::judge::judge;
use nurtured::flow::doorway::observe::{self, Observed, observe};
use nurtured::flow::doorway::prefetch::Prefetched;
use nurtured::flow::doorway::qualify::qualify;
use nurtured::town::Town;
use std::collections::BTreeMap;

/// A call by Marta that proves these.
async fn call(town: &Town, who: &Address, n: usize, proves: Vec<Criterion>) -> anyhow::Result<NewSignal> {
    let about = About::Prospect(town.prospect(who).await?.id);
    let date = proves.contains(&Timeframe).then(|| jiff::civil::date(2026, 6, 1));
    let note = "called".to_owned();
    let detail = Detail::Touch { touch: Touch::Call, proves, contradicts: Vec::new(), date, not_before: None, note };
    Ok(NewSignal { about, by: Some(name("marta")), detail, ..click(who, n, town.now(), "", None) })
}

/// The verdicts written down are those of a fresh look.
async fn are_true(town: &Town, of: &[Address]) -> anyhow::Result<()> {
    let plan = town.node.ctx.plan();
    for who in of {
        let prospect = town.prospect(who).await?;
        let (fresh, _) = assess(&mut town.node.ctx.store().read().await?, &plan, prospect.id, town.now()).await?;
        let found = fresh.findings().iter().map(|(criterion, finding)| (criterion, finding.verdict));
        let found: BTreeMap<_, _> = found.filter(|(_, verdict)| *verdict != Verdict::Unknown).collect();
        assert_eq!(prospect.verdicts, found, "{who}");
    }
    Ok(())
}

story!(what_hundreds_say_at_once_is_concluded_from_as_if_one_by_one, |town| {
    let all: Vec<Address> = (0..120).map(|n| address(&format!("p{n}@plant{}.example", n / 4))).collect();
    let arrivals: Vec<_> = all.iter().map(|who| somebody(who.as_str())).collect();
    town.admit(&arrivals, "import").await?;
    let door = observe::door(&town.node.ctx);
    let mut ready = 0;
    for round in 0..3_usize {
        let mut said = Vec::new();
        for (n, who) in all.iter().enumerate() {
            let proves = match (n + round) % 4 {
                0 => vec![Vision, Need],
                1 => vec![Budget],
                2 => vec![Authority],
                _ => vec![Timeframe],
            };
            said.push(call(&town, who, round * 10, proves).await?);
            // Somebody says all of it in one breath, and twice over.
            if n % 40 == 7 && round == 1 {
                said.push(call(&town, who, 11, vec![Vision, Need, Budget, Authority, Timeframe]).await?);
                said.push(call(&town, who, 11, vec![Vision, Need, Budget, Authority, Timeframe]).await?);
                ready += 1;
            }
        }
        let expected = said.len() - if round == 1 { ready } else { 0 };
        let written = said.into_iter().map(|signal| {
            let door = door.clone();
            tokio::spawn(async move { door.write(signal).await })
        });
        let mut new = 0;
        for observed in written.collect::<Vec<_>>() {
            new += usize::from(matches!(observed.await??, Observed::New(_)));
        }
        assert_eq!(new, expected, "each was written once");
        while qualify(&town.node.ctx).await? == nurtured::flow::context::Progress::Done {}
        are_true(&town, &all).await?;
        town.clock.advance(jiff::SignedDuration::from_mins(3));
    }
    town.run_until_idle().await?;
    for n in [7, 47, 87] {
        assert_eq!(town.handoffs_of(&all[n]).await?.len(), 1, "{}", all[n]);
    }
    assert_eq!(ready, 3);
    Ok(())
});

story!(what_was_read_ahead_gives_way_to_what_came_since, |town| {
    let all = ["ada", "pol", "eva"].map(|who| address(&format!("{who}@albareda.example")));
    let [ada, pol, eva] = &all;
    town.admit(&[somebody(ada.as_str()), somebody(pol.as_str()), somebody(eva.as_str())], "import").await?;
    let ctx = town.node.ctx.clone();
    let clicks = [ada, pol, eva].map(|who| click(who, 1, town.now(), "https://tecnofab.example/calculator", None));
    observe(&ctx, &clicks).await?;
    town.clock.advance(jiff::SignedDuration::from_mins(11));

    // Ada says more between our reading and our writing.
    let (plan, now) = (ctx.plan(), town.now());
    let mut ahead = Prefetched::of_due(ctx.store(), &plan, 100, now).await?;
    let mut late = Prefetched::of_due(ctx.store(), &plan, 100, now).await?;
    let said = call(&town, ada, 2, vec![Need, Budget]).await?;
    observe(&ctx, &[said]).await?;
    // And Eva's click is judged to be a machine's.
    let evas = town.prospect(eva).await?.id;
    let (_, signals) = assess(&mut ctx.store().read().await?, &plan, evas, now).await?;
    let clicked: Vec<_> = signals.iter().filter(|s| matches!(s.detail, Detail::Click { .. })).map(|s| s.id).collect();
    judge(&ctx, &clicked, true, &name("marta"), "their scanner").await?;
    let is_shared = ctx.store().is_shared();
    let mut tx = ctx.store().write().await?;
    let claimed = ahead.claim(&mut tx).await?;
    assert_eq!(claimed.is_none(), is_shared, "PostgreSQL reads in the transaction itself");
    if let Some(claimed) = claimed {
        assert_eq!(claimed.len(), 3);
        let (ada, pol) = (town.prospect(ada).await?.id, town.prospect(pol).await?.id);
        assert!(!ahead.knows(ada) && ahead.knows(pol) && ahead.knows(evas));
        conclude(&mut tx, &plan, &claimed, &mut ahead, now).await?;
        tx.commit().await?;
        // Whoever read the same, and comes second, finds that somebody took it, and reads anew.
        let mut tx = ctx.store().write().await?;
        let claimed = late.claim(&mut tx).await?.expect("it was there when it was read");
        assert!(!late.knows(pol));
        conclude(&mut tx, &plan, &claimed, &mut late, now).await?;
        tx.commit().await?;
    } else {
        drop(tx);
    }
    while qualify(&ctx).await? == nurtured::flow::context::Progress::Done {}
    assert_eq!(town.prospect(ada).await?.verdicts.get(&Need), Some(&Verdict::Met));
    assert_eq!(town.prospect(eva).await?.verdicts.get(&Vision), None, "a machine's click says nothing");
    are_true(&town, &all).await?;
    Ok(())
});
