//! Signals, the assessment queue, and the doorway: qualifications that wait to be handed off.

use super::bench::{Bench, add_some, dequeue, minute, name, stand};
use jiff::civil::date;
use nurtured::domain::criterion::{Criterion, PerCriterion};
use nurtured::domain::doorway::assess::assess;
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::qualification::{Qualification, Ready, Verdict};
use nurtured::domain::doorway::rule::{CriterionRules, Qualifying};
use nurtured::domain::doorway::signal::{About, Detail, NewSignal, Posted, Signal, Touch};
use nurtured::domain::id::{DeliveryId, IssueId, ProspectId, QualificationId};
use nurtured::domain::question::{Answer, Power};
use nurtured::domain::span::{FiscalYear, Span};
use nurtured::store::doorway::{assessment_queue, qualifications, signals};
use nurtured::store::engine::backend::{StoreError, Tx};
use std::collections::{BTreeMap, BTreeSet};

on_both_engines!(
    a_signal_is_kept_once_and_never_edited,
    every_kind_of_signal_comes_back_as_it_went,
    signals_are_told_in_the_order_recorded,
    the_queue_tells_when_its_first_entry_is_due,
    entries_are_dequeued_when_due_with_all_of_their_prospects,
    entries_are_taken_all_or_not_and_later_ones_stay,
    the_number_of_an_entry_is_never_given_again,
    some_entries_of_a_prospect_are_not_enough,
    changed_rules_enqueue_everybody_with_a_signal,
    one_of_a_prospects_qualifications_waits,
    a_qualification_is_settled_with_the_findings_it_cites,
);

/// A signal about a prospect, at a minute.
pub(super) fn signal(about: ProspectId, once: &str, minutes: i64, detail: Detail) -> NewSignal {
    NewSignal {
        about: About::Prospect(about),
        once: once.to_owned(),
        occurred_at: minute(minutes),
        delivery: None,
        issue: None,
        by: None,
        machine: None,
        detail,
    }
}

fn yes(criterion: Criterion) -> Detail {
    Detail::Answer { criterion, id: None, say: "Yes".to_owned(), date: None, posted: None }
}

/// Rules under which the answer "Yes" proves a criterion.
fn rules() -> Qualifying {
    let answer = Answer { id: None, say: "Yes".to_owned(), was: Vec::new(), power: Some(Power::Meets), due: None };
    Qualifying {
        agreed_by: Vec::new(),
        horizon: Span::days(300),
        fiscal_year: FiscalYear::CALENDAR,
        requests: Vec::new(),
        topics: Vec::new(),
        criteria: PerCriterion::build(|_| CriterionRules { answers: vec![answer.clone()], ..CriterionRules::default() }),
        recycle: Vec::new(),
        salespeople: Vec::new(),
    }
}

/// Records that a prospect answered yes to so many questions, and assesses them as they are stored.
pub(super) async fn qualified(tx: &mut Tx, prospect: ProspectId, answers: usize, now: i64) -> Result<Qualification, StoreError> {
    let said: Vec<NewSignal> = Criterion::ALL
        .into_iter()
        .take(answers)
        .map(|c| signal(prospect, &format!("{prospect} {c} {now}"), now, yes(c)))
        .collect();
    let rows: Vec<_> = said.iter().map(|s| (Some(prospect), s)).collect();
    signals::append(tx, &rows, minute(now)).await?;
    let stored = signals::of(tx, &[prospect]).await?.remove(&prospect).unwrap_or_default();
    Ok(assess(&rules(), &stored, minute(now)))
}

/// A prospect who is ready.
pub(super) async fn ready(tx: &mut Tx, prospect: ProspectId, now: i64) -> Result<Ready, StoreError> {
    Ok(qualified(tx, prospect, 5, now).await?.into_ready(minute(0)).expect("five were answered"))
}

async fn of(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<Signal>, StoreError> {
    Ok(signals::of(tx, &[prospect]).await?.remove(&prospect).unwrap_or_default())
}

async fn a_signal_is_kept_once_and_never_edited(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let id = add_some(&mut tx, 1).await?[0];
    let first = signal(id, "click:1", 5, Detail::Click { target: "https://a.example/".into() });
    let nobody = NewSignal { about: About::Nobody, ..signal(id, "click:nobody", 6, first.detail.clone()) };
    assert!(signals::append(&mut tx, &[], minute(7)).await?.is_empty());
    let new = signals::append(&mut tx, &[(Some(id), &first), (Some(id), &first), (None, &nobody)], minute(7)).await?;
    assert_eq!(new.keys().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(["click:1", "click:nobody"]));
    let replayed = NewSignal { occurred_at: minute(50), detail: yes(Criterion::Need), ..first.clone() };
    assert!(signals::append(&mut tx, &[(Some(id), &replayed)], minute(60)).await?.is_empty());
    tx.commit().await?;
    // Also from another node, in another order.
    let mut tx = bench.another().await?.write().await?;
    assert!(signals::append(&mut tx, &[(None, &nobody), (Some(id), &first)], minute(70)).await?.is_empty());
    let kept = of(&mut tx, id).await?;
    let expected = Signal {
        id: new["click:1"],
        prospect: Some(id),
        occurred_at: minute(5),
        recorded_at: minute(7),
        delivery: None,
        issue: None,
        by: None,
        machine: None,
        judged: None,
        detail: first.detail,
    };
    assert_eq!(kept, [expected]);
    Ok(())
}

/// One of each kind but `Erased`.
fn every_detail() -> Vec<Detail> {
    let text = "O'Hara \"quoted\" \\u0000 \u{1}é👩\u{200d}🏭".to_owned();
    let fields: BTreeMap<String, String> = BTreeMap::from([(text.clone(), text.clone()), (String::new(), String::new())]);
    let day = Some(date(2026, 10, 1));
    vec![
        Detail::Click { target: text.clone() },
        Detail::Answer {
            criterion: Criterion::Timeframe,
            id: Some(name("within-half-a-year")),
            say: text.clone(),
            date: day,
            posted: Some(Posted { visitor: text.clone(), link: Some(3) }),
        },
        Detail::Form { form: name("call-me"), fields: fields.clone() },
        Detail::UnconfirmedForm { form: name("call-me"), fields: fields.clone(), filled: ["phone".to_owned()].into() },
        Detail::Fields {
            changed: BTreeMap::from([(name("industry"), Some(text.clone())), (name("size"), None)]),
            source: text.clone(),
            as_of: day,
        },
        Detail::Touch {
            touch: Touch::Fair,
            proves: Criterion::ALL.to_vec(),
            contradicts: vec![Criterion::Need],
            date: day,
            not_before: None,
            note: text.clone(),
        },
        Detail::Reply { subject: text.clone(), text: text.clone() },
        Detail::AutoReply { subject: text.clone(), back_on: None, left: false },
        Detail::Unsubscribe { how: text.clone() },
        Detail::Bounce { hard: true, status: Some("5.1.1".into()), diagnostic: text.clone() },
        Detail::Complaint { feedback: text.clone() },
        Detail::Recycled {
            reason: text.clone(),
            lapses: vec![Criterion::Budget],
            contradicts: Vec::new(),
            wake: day,
            note: text.clone(),
        },
        Detail::Override { criterion: Criterion::Budget, power: Power::Contradicts, until: date(2027, 1, 1), note: text.clone() },
        Detail::Event { event: name("trial-started"), fields },
        Detail::AddressChanged { from: "ada@a.example".into(), to: "ada@b.example".into(), source: "import".into() },
        Detail::Merged { address: "ada@b.example".into() },
    ]
}

async fn every_kind_of_signal_comes_back_as_it_went(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let id = add_some(&mut tx, 1).await?[0];
    let sent: Vec<NewSignal> = every_detail()
        .into_iter()
        .enumerate()
        .map(|(n, detail)| NewSignal {
            delivery: Some(DeliveryId(7)),
            issue: Some(IssueId(8)),
            by: Some(name("marta")),
            machine: Machine::ALL.get(n).copied(),
            ..signal(id, &format!("{n}: \"{n}'"), 5, detail)
        })
        .collect();
    assert_eq!(sent.iter().map(|s| s.detail.kind()).collect::<BTreeSet<_>>().len(), 16);
    let rows: Vec<_> = sent.iter().map(|s| (Some(id), s)).collect();
    assert_eq!(signals::append(&mut tx, &rows, minute(6)).await?.len(), sent.len());
    tx.commit().await?;
    let kept = of(&mut bench.store.read().await?, id).await?;
    assert_eq!(kept.len(), sent.len());
    for (kept, sent) in kept.iter().zip(&sent) {
        assert_eq!(kept.detail, sent.detail);
        assert_eq!((kept.delivery, kept.issue, &kept.by, kept.machine), (sent.delivery, sent.issue, &sent.by, sent.machine));
    }
    Ok(())
}

async fn signals_are_told_in_the_order_recorded(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 3).await?;
    let click = |of: usize, n: i64| signal(ids[of], &format!("{of} {n}"), -n, Detail::Click { target: n.to_string() });
    let sent: Vec<NewSignal> = (0..40).map(|n| click(usize::from(n % 4 == 0), n)).collect();
    let rows: Vec<_> = sent.iter().map(|s| (if let About::Prospect(id) = s.about { Some(id) } else { None }, s)).collect();
    signals::append(&mut tx, &rows, minute(6)).await?;
    let found = signals::of(&mut tx, &ids).await?;
    assert_eq!(ids.iter().map(|id| found[id].len()).collect::<Vec<_>>(), [30, 10, 0]);
    for (n, id) in ids.iter().enumerate() {
        let expected: Vec<&Detail> = sent.iter().filter(|s| s.about == About::Prospect(*id)).map(|s| &s.detail).collect();
        assert_eq!(found[id].iter().map(|s| &s.detail).collect::<Vec<_>>(), expected, "of prospect {n}");
    }
    Ok(())
}

async fn the_queue_tells_when_its_first_entry_is_due(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let id = add_some(&mut tx, 1).await?[0];
    assert_eq!(assessment_queue::peek(&mut tx).await?, None);
    assessment_queue::enqueue(&mut tx, []).await?;
    for (entries, due) in [(vec![9, 7, 8], 7), (vec![20], 7), (vec![3], 3)] {
        assessment_queue::enqueue(&mut tx, entries.into_iter().map(|m| (id, minute(m)))).await?;
        assert_eq!(assessment_queue::peek(&mut tx).await?, Some(minute(due)));
    }
    Ok(())
}

async fn entries_are_dequeued_when_due_with_all_of_their_prospects(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 4).await?;
    assessment_queue::enqueue(&mut tx, ids.iter().copied().zip([30, 10, 20, 99].map(minute))).await?;
    // What else is enqueued of a prospect goes with the first entry: whoever assesses them enqueues them anew.
    assessment_queue::enqueue(&mut tx, [(ids[1], minute(40)), (ids[1], minute(500))]).await?;
    assert_eq!(dequeue(&mut tx, 2, minute(30)).await?, ids[1..3]);
    assert_eq!(dequeue(&mut tx, 9, minute(30)).await?, ids[..1]);
    assert_eq!(dequeue(&mut tx, 9, minute(98)).await?, []);
    assert_eq!(assessment_queue::peek(&mut tx).await?, Some(minute(99)));
    assert_eq!(dequeue(&mut tx, 9, minute(99)).await?, ids[3..]);
    assert_eq!(assessment_queue::peek(&mut tx).await?, None);
    Ok(())
}

async fn entries_are_taken_all_or_not_and_later_ones_stay(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 3).await?;
    assessment_queue::enqueue(&mut tx, [(ids[1], minute(3))]).await?;
    let second = assessment_queue::due(&mut tx, 9, minute(9)).await?;
    let entries = [(ids[0], 3), (ids[0], 5), (ids[0], 50), (ids[2], 40)];
    assessment_queue::enqueue(&mut tx, entries.map(|(id, m)| (id, minute(m)))).await?;
    let due = assessment_queue::due(&mut tx, 9, minute(9)).await?;
    assert_eq!(due.prospects(), ids[..2], "the third is not due");
    tx.commit().await?;
    // A signal comes in between, and another node assesses the second.
    let mut between = bench.store.write().await?;
    assessment_queue::enqueue(&mut between, [(ids[0], minute(7))]).await?;
    assert_eq!(assessment_queue::take(&mut between, &second, minute(8)).await?, Some(ids[1..2].to_vec()));
    between.commit().await?;
    let mut tx = bench.store.write().await?;
    assert_eq!(
        assessment_queue::take(&mut tx, &due, minute(9)).await?,
        Some(ids[..1].to_vec()),
        "the second one's findings are old"
    );
    tx.commit().await?;
    let mut late = bench.store.write().await?;
    assert_eq!(assessment_queue::take(&mut late, &due, minute(9)).await?, Some(vec![]), "another one knew as much");
    assert_eq!(dequeue(&mut late, 9, minute(9)).await?, ids[..1], "what came meanwhile is left");
    assert_eq!(dequeue(&mut late, 9, minute(99)).await?, ids[2..], "what else was enqueued of the first went with it");
    Ok(())
}

async fn the_number_of_an_entry_is_never_given_again(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    assessment_queue::enqueue(&mut tx, [(ids[0], minute(3))]).await?;
    let due = assessment_queue::due(&mut tx, 9, minute(9)).await?;
    tx.commit().await?;
    // What was read is concluded from elsewhere, and the last row is removed; then another one is enqueued.
    let mut between = bench.store.write().await?;
    assert_eq!(assessment_queue::take(&mut between, &due, minute(8)).await?, Some(ids[..1].to_vec()));
    assessment_queue::enqueue(&mut between, [(ids[1], minute(8))]).await?;
    between.commit().await?;
    let mut tx = bench.store.write().await?;
    assert_eq!(assessment_queue::take(&mut tx, &due, minute(9)).await?, Some(vec![]), "the findings are old");
    assert_eq!(dequeue(&mut tx, 9, minute(9)).await?, ids[1..], "and nobody else's entry was taken for it");
    Ok(())
}

async fn some_entries_of_a_prospect_are_not_enough(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let id = add_some(&mut tx, 1).await?[0];
    assessment_queue::enqueue(&mut tx, [(id, minute(3))]).await?;
    let few = assessment_queue::due(&mut tx, 9, minute(9)).await?;
    assessment_queue::enqueue(&mut tx, [(id, minute(5))]).await?;
    let more = assessment_queue::due(&mut tx, 9, minute(9)).await?;
    assert_eq!(assessment_queue::take(&mut tx, &few, minute(9)).await?, Some(vec![id]));
    // Whoever knew more finds that somebody was faster, who knew less.
    assert_eq!(assessment_queue::take(&mut tx, &more, minute(9)).await?, Some(vec![]));
    assert_eq!(dequeue(&mut tx, 9, minute(9)).await?, [id]);
    Ok(())
}

async fn changed_rules_enqueue_everybody_with_a_signal(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 3).await?;
    qualified(&mut tx, ids[0], 2, 1).await?;
    qualified(&mut tx, ids[2], 1, 1).await?;
    assessment_queue::enqueue(&mut tx, [(ids[0], minute(500))]).await?;
    assert_eq!(assessment_queue::enqueue_everybody(&mut tx, minute(9)).await?, 2);
    assert_eq!(dequeue(&mut tx, 9, minute(9)).await?, [ids[0], ids[2]]);
    Ok(())
}

async fn one_of_a_prospects_qualifications_waits(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    assert!(!qualifications::waiting(&mut tx).await?.at_once);
    assert_eq!(qualifications::next(&mut tx).await?, None);
    let found = ready(&mut tx, ids[0], 1).await?;
    let found = found.qualification();
    assert!(stand(&mut tx, ids[0], Cause::Ready, found, false, "plan").await?);
    assert!(!stand(&mut tx, ids[0], Cause::Request, found, false, "plan").await?);
    assert!(stand(&mut tx, ids[1], Cause::Request, found, false, "plan").await?);
    tx.commit().await?;

    let mut tx = bench.store.write().await?;
    let (first, prospect) = qualifications::next(&mut tx).await?.expect("two wait");
    assert_eq!(prospect, ids[0]);
    if bench.store.is_shared() {
        let mut other = bench.store.write().await?;
        assert_eq!(qualifications::next(&mut other).await?.expect("one is free").1, ids[1]);
        other.commit().await?;
    }
    qualifications::withdraw(&mut tx, first, minute(3)).await?;
    assert_eq!(qualifications::next(&mut tx).await?.map(|(_, p)| p), Some(ids[1]));
    assert!(stand(&mut tx, ids[0], Cause::Ready, found, false, "plan").await?, "the settled one no longer waits");
    assert!(qualifications::waiting(&mut tx).await?.at_once);
    Ok(())
}

async fn a_qualification_is_settled_with_the_findings_it_cites(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let id = add_some(&mut tx, 1).await?[0];
    let early = qualified(&mut tx, id, 4, 1).await?;
    stand(&mut tx, id, Cause::Request, &early, false, "old plan").await?;
    let (waiting, _) = qualifications::next(&mut tx).await?.expect("it waits");
    assert_eq!(qualifications::findings(&mut tx, waiting).await?, *early.findings());
    let late = ready(&mut tx, id, 5).await?;
    qualifications::settle(&mut tx, waiting, Cause::Ready, late.qualification(), "new plan", minute(6)).await?;
    assert!(!qualifications::waiting(&mut tx).await?.at_once);
    let findings = qualifications::findings(&mut tx, waiting).await?;
    assert_eq!(findings, *late.qualification().findings());
    for (criterion, finding) in findings.iter() {
        assert_eq!(finding.verdict, Verdict::Met, "{criterion}");
        assert!(!finding.cites.is_empty(), "{criterion}");
    }
    assert!(qualifications::findings(&mut tx, QualificationId(99)).await.is_err());
    Ok(())
}
