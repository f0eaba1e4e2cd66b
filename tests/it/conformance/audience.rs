//! Who fits an audience: the one statement over everybody agrees with the domain's rule for one prospect.

use super::bench::{Bench, EVERY, Everybody, add, add_some, claim, minute, name};
use nurtured::domain::audience::{Audience, Condition, Test};
use nurtured::domain::criterion::{Criterion, Verdict};
use nurtured::domain::id::ProspectId;
use nurtured::domain::prospect::Standing;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::store::group::audiences;
use nurtured::store::operations::erasures;
use nurtured::store::people::prospects::{self, FieldChange};
use nurtured::store::people::suppressions::{self, Stop};
use nurtured::store::people::verdicts;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

on_both_engines!(
    the_statement_and_the_domain_agree_on_who_fits,
    whoever_may_not_be_mailed_is_in_no_audience,
    windows_cover_everybody_once,
    whoever_changed_since_their_mail_was_written_is_asked_again_and_nobody_else,
);

pub(super) const FIELDS: [&str; 3] = ["industry", "size", "since"];
/// Cases that lower-case differently in a database that knows ASCII only, wildcards, numbers, dates, quotes.
pub(super) const VALUES: [&str; 20] = [
    "Straße",
    "STRASSE",
    "straße",
    "ÉTÉ",
    "été",
    "ΣΊΣΥΦΟΣ",
    "İstanbul",
    "food",
    "FOOD",
    "foo",
    "42",
    "-7",
    "041",
    "2026-01-01",
    "true",
    "%",
    "_ood",
    "a'b\"c",
    "",
    "9223372036854775807",
];
pub(super) const TAGS: [&str; 5] = ["fair-2025", "Fair-2025", "ÉTÉ", "%", "a'b"];
pub(super) const HOSTS: [&str; 6] =
    ["rival.example", "mail.rival.example", "notrival.example", "xay.example", "l.rival.example", "example.rival"];
/// Some of which no address can be under: wildcards, capitals, a reach before the `@`, nothing at all.
const DOMAINS: [&str; 9] =
    ["rival.example", "mail.rival.example", "example", "x_y.example", "%", "Rival.example", "l@rival.example", "", ".example"];

fn condition() -> impl Strategy<Value = Condition> {
    let value = || proptest::sample::select(&VALUES[..]);
    let bound = || prop_oneof![Just(i64::MIN), -10_i64..50, 20_450_i64..20_456, Just(i64::MAX)];
    let test = prop_oneof![
        proptest::collection::vec(value().prop_map(str::to_lowercase), 0..4).prop_map(Test::In),
        bound().prop_map(Test::AtLeast),
        bound().prop_map(Test::AtMost),
        any::<bool>().prop_map(Test::Known),
    ];
    prop_oneof![
        3 => (proptest::sample::select(&FIELDS[..]), test).prop_map(|(field, test)| Condition::Field { name: name(field), test }),
        1 => proptest::sample::select(&TAGS[..]).prop_map(|tag| Condition::Tag(tag.to_owned())),
        1 => proptest::collection::vec(proptest::sample::select(&DOMAINS[..]).prop_map(str::to_owned), 0..3)
            .prop_map(Condition::Domain),
        1 => (proptest::sample::select(&Criterion::ALL[..2]), proptest::collection::vec(proptest::sample::select(&Verdict::ALL[..]), 0..4))
            .prop_map(|(criterion, is)| Condition::Verdict { criterion, is }),
    ]
}

pub(super) fn audience() -> impl Strategy<Value = Audience> {
    let some = |most| proptest::collection::vec(condition(), 0..=most);
    (some(2), some(3), some(2)).prop_map(|(all, any, none)| Audience { all, any, none })
}

/// Sixty prospects of all kinds.
pub(super) async fn crowd(bench: &Bench, runner: &mut TestRunner) -> anyhow::Result<Vec<ProspectId>> {
    let mut tx = bench.store.write().await?;
    let mut draw = |strategy: BoxedStrategy<usize>| strategy.new_tree(runner).expect("it generates").current();
    let addresses: Vec<String> = (0..60).map(|n| format!("p{n}.l@{}", HOSTS[n % HOSTS.len()])).collect();
    let ids = add(&mut tx, &addresses.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let (mut changes, mut tags) = (Vec::new(), Vec::new());
    for id in &ids {
        for field in FIELDS {
            // A third has no value.
            let value = VALUES.get(draw((0..VALUES.len() * 3 / 2).boxed())).copied();
            changes.extend(value.map(|value| FieldChange { prospect: *id, name: field, value: Some(value) }));
        }
        tags.extend(TAGS.get(draw((0..TAGS.len() * 2).boxed())).map(|tag| (*id, *tag)));
    }
    prospects::set_fields(&mut tx, &changes).await?;
    prospects::add_tags(&mut tx, &tags).await?;
    let all = ids.iter().flat_map(|id| Criterion::ALL[..2].iter().map(move |criterion| (*id, *criterion)));
    let known: Vec<_> = all.map(|(id, criterion)| (id, criterion, Verdict::ALL[draw((0..Verdict::ALL.len()).boxed())])).collect();
    verdicts::set(&mut tx, &known, "plan", minute(1)).await?;
    tx.commit().await?;
    Ok(ids)
}

async fn the_statement_and_the_domain_agree_on_who_fits(bench: Bench) -> anyhow::Result<()> {
    let mut runner = TestRunner::deterministic();
    let ids = crowd(&bench, &mut runner).await?;
    let mut tx = bench.store.read().await?;
    let everybody = prospects::load(&mut tx, &ids).await?;
    let mut partial = 0;
    for _ in 0..400 {
        let audience = audience().new_tree(&mut runner).expect("it generates").current();
        let fitting: Vec<ProspectId> = everybody.iter().filter(|p| audience.fits(p)).map(|p| p.id).collect();
        let asked = Everybody { audience, ..Everybody::due(&[]) };
        let question = asked.question(&[], ProspectId(0), EVERY);
        assert_eq!(audiences::members(&mut tx, &question).await?, fitting, "{:?}", asked.audience);
        partial += usize::from(!fitting.is_empty() && fitting.len() < ids.len());
    }
    assert!(partial > 100, "only {partial} of the audiences told prospects apart");
    Ok(())
}

async fn whoever_may_not_be_mailed_is_in_no_audience(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = super::bench::add_some(&mut tx, 6).await?;
    for (id, standing) in ids.iter().zip([Standing::Offered, Standing::Owned, Standing::Closed]) {
        prospects::set_standing(&mut tx, *id, standing, None).await?;
    }
    let stop =
        Stop { address: "p3@a.example".into(), channel: Channel::Email, reason: StopReason::Unsubscribed, source: "page".into() };
    suppressions::add(&mut tx, &[stop], minute(1)).await?;
    erasures::person(&mut tx, ids[4]).await?;
    let everybody = Everybody::due(&[]);
    let question = everybody.question(&[], ProspectId(0), EVERY);
    assert_eq!(audiences::members(&mut tx, &question).await?, [ids[5]]);
    assert_eq!(audiences::size(&mut tx, &question).await?, 1);
    Ok(())
}

async fn windows_cover_everybody_once(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    assert_eq!(audiences::window(&mut tx, ProspectId(0), 2).await?, ProspectId(0));
    assert_eq!(audiences::last(&mut tx).await?, ProspectId(0));
    let ids = super::bench::add_some(&mut tx, 5).await?;
    assert_eq!(audiences::last(&mut tx).await?, ids[4]);
    let everybody = Everybody::due(&[]);
    let (mut after, mut seen) = (ProspectId(0), Vec::new());
    loop {
        let up_to = audiences::window(&mut tx, after, 2).await?;
        if up_to == ProspectId(0) {
            break;
        }
        let page = audiences::members(&mut tx, &everybody.question(&[], after, up_to)).await?;
        assert!(page.len() <= 2);
        seen.extend(page);
        after = up_to;
    }
    assert_eq!(seen, ids);
    Ok(())
}

async fn whoever_changed_since_their_mail_was_written_is_asked_again_and_nobody_else(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 5).await?;
    // Of before: their mails are written with it.
    prospects::add_tags(&mut tx, &[(ids[0], "fair")]).await?;
    tx.commit().await?;
    Everybody::due(&["one"]).publish(&bench.store, "first", minute(1)).await?;
    let (lease, _) = claim(&bench.store, "node", minute(2)).await?.expect("a range");
    let changed = async || -> anyhow::Result<Vec<ProspectId>> {
        let mut tx = bench.store.write().await?;
        let mut changed: Vec<ProspectId> = audiences::changed(&mut tx, &lease).await?.into_iter().map(|(_, id)| id).collect();
        changed.sort();
        Ok(changed)
    };
    assert_eq!(changed().await?, []);
    let mut tx = bench.store.write().await?;
    prospects::add_tags(&mut tx, &[(ids[1], "fair")]).await?;
    let food = FieldChange { prospect: ids[2], name: "industry", value: Some("food") };
    prospects::set_fields(&mut tx, &[food]).await?;
    verdicts::set(&mut tx, &[(ids[3], Criterion::Need, Verdict::Met)], "plan", minute(3)).await?;
    tx.commit().await?;
    assert_eq!(changed().await?, ids[1..4]);
    let all = audiences::recipients(&mut bench.store.read().await?, &lease).await?;
    assert_eq!(all.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), ids);
    Ok(())
}
