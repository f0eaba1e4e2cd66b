//! Where everybody is, set-wise: each group by what makes it, and the audiences as the domain reads them.

use super::audience::{audience, crowd};
use super::bench::{Bench, add_some, address, minute, name};
use super::sales::offer;
use nurtured::domain::audience::Audience;
use nurtured::domain::census::Group;
use nurtured::domain::id::{Name, ProspectId};
use nurtured::domain::individual::handoff::Outcome;
use nurtured::domain::prospect::Standing;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::store::doorway::{assessment_queue, reminders};
use nurtured::store::engine::backend::Tx;
use nurtured::store::individual::{follow_ups, handoffs};
use nurtured::store::operations::audience_facts::Facts;
use nurtured::store::operations::conservation::{self, Page};
use nurtured::store::operations::{counts, erasures};
use nurtured::store::people::suppressions::{self, Stop};
use nurtured::store::people::{erasure_keys, prospects};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};

on_both_engines!(
    the_facts_and_the_domain_agree_on_who_fits,
    everybody_is_where_the_tables_put_them,
    an_item_counts_while_one_of_ours_has_it,
    a_wake_date_counts_while_somebody_will_wake_them,
    who_is_stopped_on_every_channel_is_not_nurtured,
);

/// Up to this id, at minute zero, for our people dana and iria.
async fn places(tx: &mut Tx, ids: &[ProspectId]) -> anyhow::Result<(BTreeMap<&'static str, i64>, i64)> {
    let (dana, iria) = (name("dana"), name("iria"));
    let page =
        Page { facts: &Facts::default(), ours: &[&dana, &iria], after: ProspectId(0), up_to: ids[ids.len() - 1], now: minute(0) };
    let (mut found, mut in_two) = (BTreeMap::new(), 0);
    for alike in conservation::count(tx, page).await? {
        *found.entry(alike.group.word()).or_default() += alike.prospects;
        in_two += alike.in_two;
    }
    assert_eq!(found.values().sum::<i64>(), i64::try_from(ids.len())?, "each in one place: {found:?}");
    assert_eq!(conservation::all(tx, page.up_to).await?, i64::try_from(ids.len())?);
    let adrift = conservation::adrift(tx, page).await?;
    assert_eq!(i64::try_from(adrift.len())?, found.get(Group::Adrift.word()).copied().unwrap_or(0), "counted and listed");
    Ok((found, in_two))
}

async fn the_facts_and_the_domain_agree_on_who_fits(bench: Bench) -> anyhow::Result<()> {
    let mut runner = TestRunner::deterministic();
    let ids = crowd(&bench, &mut runner).await?;
    let mut tx = bench.store.read().await?;
    let everybody = prospects::load(&mut tx, &ids).await?;
    let mut partial = 0;
    for _ in 0..200 {
        let several = proptest::collection::vec(audience(), 1..4);
        let audiences: Vec<Audience> = several.new_tree(&mut runner).expect("it generates").current();
        let facts = Facts::of(audiences.iter().map(|audience| (audience, None)));
        let (after, up_to, none): (_, _, [&Name; 0]) = (ProspectId(0), ids[ids.len() - 1], []);
        let page = Page { facts: &facts, ours: &none, after, up_to, now: minute(0) };
        let adrift = conservation::adrift(&mut tx, page).await?;
        assert_eq!(adrift.len(), ids.len(), "nothing comes next for anybody");
        for (found, prospect) in adrift.iter().zip(&everybody) {
            let truth = found.truth.as_ref().expect("everybody may be mailed");
            let fits = audiences.iter().any(|audience| audience.fits(prospect));
            assert_eq!((found.prospect, facts.fit(truth)), (prospect.id, fits), "{prospect:?}\n{truth:?}\n{audiences:#?}");
        }
        let fitting = adrift.iter().filter(|found| found.truth.as_ref().is_some_and(|truth| facts.fit(truth))).count();
        partial += usize::from(fitting > 0 && fitting < ids.len());
        let counted = conservation::count(&mut tx, page).await?;
        let reached = counted.iter().filter(|alike| alike.truth.as_ref().is_some_and(|truth| facts.fit(truth)));
        assert_eq!(reached.map(|alike| alike.prospects).sum::<i64>(), i64::try_from(fitting)?);
    }
    assert!(partial > 50, "only {partial} of the choices told prospects apart");
    Ok(())
}

async fn everybody_is_where_the_tables_put_them(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 12).await?;
    assert_eq!(places(&mut tx, &ids).await?, ([("adrift", 12)].into(), 0));
    let dana = name("dana");
    // Offered and owned, each with an item; another two without one, or with that of a handoff that is closed.
    for (n, standing) in [(0, Standing::Offered), (1, Standing::Owned), (2, Standing::Offered), (3, Standing::Owned)] {
        let id = offer(&mut tx, ids[n], "dana", 5).await?;
        if standing == Standing::Owned {
            let owned = handoffs::load(&mut tx, id).await?.expect("it was opened").accept(minute(6))?;
            handoffs::store(&mut tx, &owned).await?;
        }
        prospects::set_standing(&mut tx, ids[n], standing, None).await?;
        follow_ups::add(&mut tx, ids[n], id, &dana, "Call", minute(60)).await?;
        match n {
            2 => follow_ups::done(&mut tx, id, minute(7)).await?,
            3 => {
                let handoff = handoffs::load(&mut tx, id).await?.expect("it was opened");
                handoffs::store(&mut tx, &handoff.close(Outcome::Lost, None, minute(8))?).await?;
            }
            _ => {}
        }
    }
    prospects::set_standing(&mut tx, ids[4], Standing::Closed, None).await?;
    erasures::person(&mut tx, ids[5]).await?;
    prospects::suppress(&mut tx, &[ids[6]]).await?;
    counts::review(&mut tx, &[ids[7], ids[4]], minute(900)).await?;
    counts::review(&mut tx, &[ids[8]], minute(-1)).await?;
    reminders::add(&mut tx, ids[9], &dana, "Call", minute(60)).await?;
    let expected =
        [("offered", 1), ("owned", 1), ("unattended", 2), ("closed", 1), ("suppressed", 1), ("stranded", 1), ("review", 1)];
    let expected: BTreeMap<_, _> = expected.into_iter().chain([("item", 1), ("adrift", 3)]).collect();
    assert_eq!(places(&mut tx, &ids).await?, (expected, 0));
    // Nurturing, with a handoff that is open: two places.
    offer(&mut tx, ids[10], "dana", 5).await?;
    assert_eq!(places(&mut tx, &ids).await?.1, 1);
    Ok(())
}

async fn an_item_counts_while_one_of_ours_has_it(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 1).await?;
    let (gone, iria) = (name("gone"), name("iria"));
    reminders::add(&mut tx, ids[0], &gone, "Call", minute(60)).await?;
    assert_eq!(places(&mut tx, &ids).await?, ([("adrift", 1)].into(), 0));
    assert!(reminders::are_of_others(&mut tx, &[&iria]).await?);
    assert_eq!(reminders::inherit(&mut tx, &[&iria], &iria).await?, 1);
    assert!(!reminders::are_of_others(&mut tx, &[&iria]).await?);
    assert_eq!(places(&mut tx, &ids).await?, ([("item", 1)].into(), 0));
    reminders::done(&mut tx, &BTreeSet::from([ids[0]]), minute(61)).await?;
    assert_eq!(places(&mut tx, &ids).await?, ([("adrift", 1)].into(), 0));
    Ok(())
}

async fn a_wake_date_counts_while_somebody_will_wake_them(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 1).await?;
    let place = [("adrift", 1)].into();
    prospects::set_wake(&mut tx, ids[0], Some(minute(90))).await?;
    assert_eq!(places(&mut tx, &ids).await?, (place, 0), "nobody looks at it");
    assessment_queue::enqueue(&mut tx, [(ids[0], minute(100))]).await?;
    assert_eq!(places(&mut tx, &ids).await?.0.get("wake"), None, "nobody looks in time");
    assessment_queue::enqueue(&mut tx, [(ids[0], minute(90))]).await?;
    assert_eq!(places(&mut tx, &ids).await?, ([("wake", 1)].into(), 0));
    Ok(())
}

async fn who_is_stopped_on_every_channel_is_not_nurtured(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    let handoff = offer(&mut tx, ids[0], "dana", 5).await?;
    prospects::set_standing(&mut tx, ids[0], Standing::Offered, None).await?;
    let stop =
        |n: usize, channel| Stop { address: format!("p{n}@a.example"), channel, reason: StopReason::Manual, source: "us".into() };
    let all = [stop(0, Channel::Email), stop(0, Channel::Phone), stop(1, Channel::Email), stop(1, Channel::Phone)];
    suppressions::add(&mut tx, &all, minute(6)).await?;
    assert_eq!(prospects::one(&mut tx, ids[0]).await?.standing, Standing::Offered, "a lead stays their salesperson's");
    let open = handoffs::load(&mut tx, handoff).await?.expect("it was opened");
    handoffs::store(&mut tx, &open.close(Outcome::NotNow, None, minute(7))?).await?;
    prospects::return_to_nurture(&mut tx, ids[0], None, minute(7)).await?;
    assert_eq!(prospects::one(&mut tx, ids[0]).await?.standing, Standing::Suppressed);
    assert_eq!(places(&mut tx, &ids).await?, ([("suppressed", 2)].into(), 0));
    // Lifting one of the two lets them be nurtured again; not, if the other two are in force under the hash.
    assert!(suppressions::lift(&mut tx, &address("p0@a.example"), Channel::Phone, minute(8)).await?);
    assert_eq!(prospects::one(&mut tx, ids[0]).await?.standing, Standing::Nurturing);
    let hash = erasure_keys::load_or_make(&mut tx, minute(9)).await?.of(&address("p1@a.example"));
    let under = |channel| Stop { address: hash.clone(), channel, reason: StopReason::Erased, source: "us".into() };
    suppressions::add(&mut tx, &[under(Channel::Email), under(Channel::Phone)], minute(9)).await?;
    assert!(suppressions::lift(&mut tx, &address("p1@a.example"), Channel::Phone, minute(9)).await?);
    assert_eq!(prospects::one(&mut tx, ids[1]).await?.standing, Standing::Suppressed);
    Ok(())
}
