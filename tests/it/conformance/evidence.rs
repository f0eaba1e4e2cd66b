//! What is kept beside signals: judgements on them, what colleagues of an account said, and the verdicts set-wise.

use super::bench::{Bench, add, add_some, dequeue, minute, name};
use super::doorway::{qualified, signal};
use super::sales::offer;
use nurtured::domain::criterion::Criterion::{Authority, Budget, Need, Timeframe, Vision};
use nurtured::domain::criterion::{Criterion, Verdict};
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::signal::{Detail, Judged};
use nurtured::domain::id::{AccountId, ProspectId, SignalId};
use nurtured::domain::prospect::Standing;
use nurtured::store::doorway::{assessment_queue, reclassifications, signals};
use nurtured::store::engine::backend::{StoreError, Tx};
use nurtured::store::operations::erasures;
use nurtured::store::people::accounts::{self, Company};
use nurtured::store::people::prospects::{self, Details};
use nurtured::store::people::verdicts;
use std::collections::BTreeSet;

on_both_engines!(
    the_latest_judgement_counts_and_earlier_ones_are_remembered,
    an_account_is_asked_by_its_members_alone,
    what_is_known_is_set_and_unset,
    near_misses_are_nurturing_and_miss_one_or_two,
    lapsed_handoffs_are_those_of_one_salesperson,
);

async fn clicks(tx: &mut Tx, of: &[ProspectId]) -> Result<Vec<SignalId>, StoreError> {
    let new: Vec<_> = of
        .iter()
        .enumerate()
        .map(|(n, id)| signal(*id, &format!("click {n}"), 1, Detail::Click { target: "https://a.example/".into() }))
        .collect();
    let rows: Vec<_> = of.iter().zip(&new).map(|(id, s)| (Some(*id), s)).collect();
    let ids = signals::append(tx, &rows, minute(2)).await?;
    Ok(new.iter().map(|s| ids[&s.once]).collect())
}

async fn the_latest_judgement_counts_and_earlier_ones_are_remembered(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    let seen = clicks(&mut tx, &[ids[0], ids[1], ids[1]]).await?;
    let marta = name("marta");
    let hand = Some(Machine::ByHand);
    let judged = reclassifications::add(&mut tx, &seen[..2], hand, &marta, "it's \"theirs\"", minute(10)).await?;
    assert_eq!(judged, [(seen[0], ids[0]), (seen[1], ids[1])]);
    reclassifications::add(&mut tx, &seen[1..2], None, &marta, "hers", minute(20)).await?;
    assert!(reclassifications::add(&mut tx, &[SignalId(9_999)], hand, &marta, "x", minute(20)).await?.is_empty());
    let at = |signals: &[nurtured::domain::doorway::signal::Signal]| signals.iter().map(|s| s.judged).collect::<Vec<_>>();
    let first = Judged { machine: hand, recorded_at: minute(10) };
    let second = Judged { machine: None, recorded_at: minute(20) };
    for (then, expected) in [(5, vec![None, None]), (15, vec![Some(first), None]), (25, vec![Some(second), None])] {
        assert_eq!(at(&signals::known_at(&mut tx, &ids, minute(then)).await?[&ids[1]]), expected, "minute {then}");
    }
    assert_eq!(at(&signals::of(&mut tx, &ids).await?[&ids[0]]), [Some(first)]);
    assert!(signals::known_at(&mut tx, &ids, minute(1)).await?[&ids[0]].is_empty(), "recorded later");
    Ok(())
}

pub(super) async fn in_account(tx: &mut Tx, prospects: &[ProspectId], domain: &str) -> Result<AccountId, StoreError> {
    let account = accounts::find_or_add(tx, &[Company { domain, name: None }]).await?[domain];
    for id in prospects {
        prospects::update(tx, *id, &Details { account: Some(account), ..Details::default() }).await?;
    }
    Ok(account)
}

async fn an_account_is_asked_by_its_members_alone(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add(&mut tx, &["a@one.example", "b@one.example", "c@one.example", "d@two.example", "e@nobody.example"]).await?;
    let (one, two) =
        (in_account(&mut tx, &ids[..3], "one.example").await?, in_account(&mut tx, &ids[3..4], "two.example").await?);
    qualified(&mut tx, ids[0], 2, 5).await?;
    clicks(&mut tx, &[ids[1]]).await?;
    qualified(&mut tx, ids[3], 1, 5).await?;
    let stated = BTreeSet::from([ids[0], ids[3]]);
    prospects::flag_speakers(&mut tx, &[ids[0], ids[3]]).await?;
    assessment_queue::enqueue_with_colleagues(&mut tx, &[], &stated, minute(8)).await?;
    assert_eq!(dequeue(&mut tx, 9, minute(9)).await?, ids[1..3]);
    let found = signals::of_accounts(&mut tx, &[one, two], minute(9)).await?;
    let who = |account| found.get(account).into_iter().flatten().map(|c| (c.prospect, c.signals.len())).collect::<Vec<_>>();
    assert_eq!((who(&one), who(&two)), (vec![(ids[0], 2)], vec![(ids[3], 1)]), "who only clicked said nothing");
    assert_eq!(found[&one][0].name, "a@one.example");
    assert!(signals::of_accounts(&mut tx, &[], minute(9)).await?.is_empty());

    // What one of them says is assessed for the others, and for nobody else; an earlier entry stays.
    assessment_queue::enqueue(&mut tx, [(ids[2], minute(3))]).await?;
    assessment_queue::enqueue_with_colleagues(&mut tx, &[], &BTreeSet::from([ids[0]]), minute(7)).await?;
    assert_eq!(dequeue(&mut tx, 9, minute(5)).await?, [ids[2]]);
    assert_eq!(dequeue(&mut tx, 9, minute(9)).await?, [ids[1]]);
    // Other rules: everybody with a signal, and everybody for whom a colleague's may count.
    assessment_queue::enqueue_everybody(&mut tx, minute(8)).await?;
    assert_eq!(dequeue(&mut tx, 9, minute(9)).await?, ids[..4]);
    Ok(())
}

async fn what_is_known_is_set_and_unset(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 3).await?;
    verdicts::set(&mut tx, &[], "plan", minute(1)).await?;
    verdicts::set(
        &mut tx,
        &[(ids[0], Need, Verdict::Met), (ids[0], Budget, Verdict::Weak), (ids[1], Need, Verdict::Unknown)],
        "plan",
        minute(1),
    )
    .await?;
    verdicts::set(
        &mut tx,
        &[(ids[0], Need, Verdict::Expired), (ids[0], Budget, Verdict::Unknown), (ids[2], Vision, Verdict::Contradicted)],
        "plan",
        minute(2),
    )
    .await?;
    let found = verdicts::of(&mut tx, &ids).await?;
    assert_eq!(found.len(), 2);
    assert_eq!(found[&ids[0]].iter().collect::<Vec<_>>(), [(&Need, &Verdict::Expired)]);
    let loaded = prospects::load(&mut tx, &ids).await?;
    assert_eq!(loaded[2].verdicts.get(&Vision), Some(&Verdict::Contradicted));
    erasures::person(&mut tx, ids[2]).await?;
    assert!(prospects::one(&mut tx, ids[2]).await?.verdicts.is_empty());
    Ok(())
}

async fn near_misses_are_nurturing_and_miss_one_or_two(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 6).await?;
    for (n, met) in [3_usize, 2, 4, 5, 4, 4].into_iter().enumerate() {
        let known: Vec<_> = Criterion::ALL
            .into_iter()
            .enumerate()
            .map(|(i, c)| (ids[n], c, if i < met { Verdict::Met } else { Verdict::Expired }))
            .collect();
        verdicts::set(&mut tx, &known, "plan", minute(i64::try_from(n)?)).await?;
    }
    prospects::set_standing(&mut tx, ids[5], Standing::Owned, None).await?;
    assert_eq!(verdicts::near_misses(&mut tx, 9).await?, [ids[4], ids[2], ids[0]], "four first, then the newest");
    assert_eq!(verdicts::near_misses(&mut tx, 1).await?, [ids[4]]);
    Ok(())
}

async fn lapsed_handoffs_are_those_of_one_salesperson(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 3).await?;
    let mut handoffs = Vec::new();
    for (id, to) in ids.iter().zip(["dana", "dana", "luc"]) {
        handoffs.push(offer(&mut tx, *id, to, 5).await?);
        let known = [Vision, Budget, Authority, Need, Timeframe].map(|c| (*id, c, Verdict::Met));
        verdicts::set(&mut tx, &known, "plan", minute(6)).await?;
    }
    assert!(verdicts::lapsed(&mut tx, &name("dana")).await?.is_empty());
    for id in [ids[1], ids[2]] {
        verdicts::set(&mut tx, &[(id, Need, Verdict::Expired)], "plan", minute(7)).await?;
    }
    let found = verdicts::lapsed(&mut tx, &name("dana")).await?;
    assert_eq!(found.iter().map(|(handoff, id, _)| (*handoff, *id)).collect::<Vec<_>>(), [(handoffs[1], ids[1])]);
    assert!(found[0].2.contains("met"));
    Ok(())
}
