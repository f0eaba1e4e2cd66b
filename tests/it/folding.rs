//! The fold from signals to verdicts: what must hold for any history whatever.

use nurtured::config::example;
use nurtured::domain::assess::assess;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::id::{DeliveryId, Name, ProspectId, SignalId};
use nurtured::domain::machine::Machine;
use nurtured::domain::qualification::Verdict;
use nurtured::domain::rule::Qualifying;
use nurtured::domain::signal::{Detail, Signal, Touch};
use proptest::prelude::*;

fn rules() -> Qualifying {
    example::load_embedded(&[]).expect("the example").plan.qualifying
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// One thing that may happen under the example's rules.
fn detail() -> impl Strategy<Value = Detail> {
    let criterion = (0..5_usize).prop_map(|i| Criterion::ALL[i]);
    let target = prop_oneof![
        Just("https://tecnofab.example/prices"),
        Just("https://tecnofab.example/calculator"),
        Just("https://x.example/")
    ];
    let date = proptest::option::of((2026..2028_i16, 1..13_i8).prop_map(|(y, m)| jiff::civil::date(y, m, 1)));
    prop_oneof![
        4 => target.prop_map(|target| Detail::Click { target: target.to_owned() }),
        6 => (criterion.clone(), 0..4_usize).prop_map(|(criterion, n)| {
            let say = rules().criteria[criterion].answers[n].say.clone();
            let date = (criterion == Criterion::Timeframe).then(|| jiff::civil::date(2026, 12, 1));
            Detail::Answer { criterion, say, date }
        }),
        3 => (proptest::collection::vec(criterion.clone(), 0..3), date.clone()).prop_map(|(proves, date)| {
            let (contradicts, not_before) = (Vec::new(), None);
            Detail::Touch { touch: Touch::Call, proves, contradicts, date, not_before, note: String::new() }
        }),
        1 => (proptest::collection::vec(criterion, 0..2), date).prop_map(|(lapses, wake)| {
            Detail::Recycled { reason: "bad timing".into(), lapses, contradicts: Vec::new(), wake, note: String::new() }
        }),
        1 => Just(Detail::Fields { changed: [(name("lines"), Some("4".into()))].into(), source: "import".into(), as_of: None }),
        1 => Just(Detail::Form { form: name("call-me"), fields: [("message".into(), "ring me".into())].into() }),
    ]
}

fn history() -> impl Strategy<Value = Vec<Signal>> {
    let signal = (detail(), 0..40_000_i64, 0..6_i64, proptest::bool::weighted(0.1));
    proptest::collection::vec(signal, 0..25).prop_map(|all| {
        let begins = jiff::Timestamp::from_second(1_767_225_600).expect("2026");
        all.into_iter()
            .enumerate()
            .map(|(i, (detail, minutes, delivery, machine))| {
                let at = begins.checked_add(jiff::SignedDuration::from_mins(minutes * 13)).expect("within the calendar");
                Signal {
                    id: SignalId(i64::try_from(i).expect("few") + 1),
                    prospect: Some(ProspectId(1)),
                    occurred_at: at,
                    recorded_at: at,
                    delivery: Some(DeliveryId(delivery)),
                    issue: None,
                    by: matches!(detail, Detail::Touch { .. }).then(|| name("marta")),
                    machine: machine.then_some(Machine::Agent),
                    judged: None,
                    detail,
                }
            })
            .collect()
    })
}

fn instant() -> impl Strategy<Value = jiff::Timestamp> {
    (1_767_225_600..1_830_000_000_i64).prop_map(|s| jiff::Timestamp::from_second(s).expect("an instant"))
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter((signals, shuffled) in history().prop_flat_map(|h| (Just(h.clone()), Just(h).prop_shuffle())), now in instant()) {
        let rules = rules();
        prop_assert_eq!(assess(&rules, &signals, now), assess(&rules, &shuffled, now));
    }

    #[test]
    fn what_is_met_cites_signals_that_count(signals in history(), now in instant()) {
        let found = assess(&rules(), &signals, now);
        for (criterion, finding) in found.findings().iter() {
            let cited: Vec<&Signal> = signals.iter().filter(|s| finding.cites.iter().any(|c| c.signal == s.id)).collect();
            prop_assert_eq!(cited.len(), finding.cites.len(), "a citation of nothing");
            if finding.verdict == Verdict::Met {
                prop_assert!(!cited.is_empty(), "{criterion} without a proof");
                prop_assert!(cited.iter().all(|s| s.machine.is_none() && s.occurred_at <= now));
                prop_assert!(finding.since.is_some_and(|at| at <= now) && finding.until.is_none_or(|at| at > now));
            }
        }
    }

    #[test]
    fn nothing_changes_before_the_instant_that_was_announced(signals in history(), now in instant()) {
        let rules = rules();
        let found = assess(&rules, &signals, now);
        let next_signal = signals.iter().map(|s| s.occurred_at).filter(|at| *at > now).min();
        let until = [found.changes_at(), next_signal].into_iter().flatten().min().unwrap_or(jiff::Timestamp::MAX);
        let just_before = until.checked_sub(jiff::SignedDuration::from_millis(1)).expect("an instant").max(now);
        let verdicts = |q: &nurtured::domain::qualification::Qualification| q.findings().iter().map(|(_, f)| f.verdict).collect::<Vec<_>>();
        prop_assert_eq!(verdicts(&found), verdicts(&assess(&rules, &signals, just_before)));
    }
}
