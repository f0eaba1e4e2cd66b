//! Many say something at the same moment, and all of it is concluded from.

use super::evidence::click;
use super::{address, name, somebody, story};
use nurtured::domain::address::Address;
use nurtured::domain::criterion::Criterion::{self, Authority, Budget, Need, Timeframe, Vision};
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::doorway::signal::{About, Detail, NewSignal, Touch};
use nurtured::flow::doorway::assess::assess;
use nurtured::flow::doorway::observe::{self, Observed};
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
    let writer = observe::signal_writer(&town.node.ctx);
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
            let writer = writer.clone();
            tokio::spawn(async move { writer.write(signal).await })
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
