//! The fold from signals to verdicts: what must hold for any history whatever.

use nurtured::config::example;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::account::Colleague;
use nurtured::domain::doorway::assess::{assess, assess_among};
use nurtured::domain::doorway::ignored::Why;
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::doorway::reach::Reach;
use nurtured::domain::doorway::rule::Qualifying;
use nurtured::domain::doorway::signal::{Detail, Signal, Touch};
use nurtured::domain::id::{DeliveryId, Name, ProspectId, SignalId};
use nurtured::domain::question::Power;
use proptest::prelude::*;

pub(crate) fn rules() -> Qualifying {
    static RULES: std::sync::LazyLock<Qualifying> =
        std::sync::LazyLock::new(|| example::load_embedded(&[]).expect("the example").plan.qualifying);
    RULES.clone()
}

pub(crate) fn name(text: &str) -> Name {
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
            Detail::Answer { criterion, id: None, say, date, posted: None }
        }),
        3 => (proptest::collection::vec(criterion.clone(), 0..3), date.clone()).prop_map(|(proves, date)| {
            let (contradicts, not_before) = (Vec::new(), None);
            Detail::Touch { touch: Touch::Call, proves, contradicts, date, not_before, note: String::new() }
        }),
        1 => (criterion.clone(), any::<bool>(), 1..12_i8).prop_map(|(criterion, holds, month)| {
            let power = if holds { Power::Meets } else { Power::Contradicts };
            Detail::Override { criterion, power, until: jiff::civil::date(2027, month, 1), note: String::new() }
        }),
        1 => (proptest::collection::vec(criterion, 0..2), date).prop_map(|(lapses, wake)| {
            Detail::Recycled { reason: "bad timing".into(), lapses, contradicts: Vec::new(), wake, note: String::new() }
        }),
        1 => Just(Detail::Fields { changed: [(name("lines"), Some("4".into()))].into(), source: "import".into(), as_of: None }),
        1 => Just(Detail::Form { form: name("call-me"), fields: [("message".into(), "ring me".into())].into() }),
        2 => of_a_stranger(),
    ]
}

/// What somebody else may type about them: a request, and forms that would prove something.
fn of_a_stranger() -> impl Strategy<Value = Detail> {
    let form = prop_oneof![Just("call-me"), Just("demo"), Just("quote"), Just("webinar"), Just("downtime-check")];
    form.prop_map(|form| Detail::UnconfirmedForm {
        form: name(form),
        fields: [("budget", "900000"), ("start_by", "2026-03-01"), ("lines", "40"), ("message", "call me")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        filled: ["phone".to_owned()].into(),
    })
}

/// What may happen to one prospect in a year and a half.
pub(crate) fn history() -> impl Strategy<Value = Vec<Signal>> {
    // Some on any day of a year, some several on one day: what is counted by days must be told apart.
    let minutes = prop_oneof![2 => 0..40_000_i64, 3 => (0..12_i64, 0..40_i64).prop_map(|(day, part)| day * 111 + part)];
    let signal = (detail(), minutes, 0..6_i64, proptest::bool::weighted(0.1));
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
    prop_oneof![1_767_225_600..1_830_000_000_i64, 1_767_225_600..1_775_000_000_i64]
        .prop_map(|s| jiff::Timestamp::from_second(s).expect("an instant"))
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
        // What was recorded with a date that lies ahead is announced too.
        let until = found.changes_at().unwrap_or(jiff::Timestamp::MAX);
        let just_before = until.checked_sub(jiff::SignedDuration::from_millis(1)).expect("an instant").max(now);
        let verdicts = |q: &nurtured::domain::doorway::qualification::Qualification| q.findings().iter().map(|(_, f)| f.verdict).collect::<Vec<_>>();
        prop_assert_eq!(verdicts(&found), verdicts(&assess(&rules, &signals, just_before)));
    }

    #[test]
    fn what_strangers_type_changes_no_verdict(
        signals in history(), theirs in history(), now in instant(),
        strangers in proptest::collection::vec((of_a_stranger(), instant(), any::<bool>()), 1..20)
    ) {
        let rules = rules();
        let honest = |all: Vec<Signal>| all.into_iter().filter(|s| !s.detail.is_unconfirmed()).collect::<Vec<_>>();
        let (signals, theirs) = (honest(signals), honest(theirs));
        let theirs: Vec<Signal> = theirs.into_iter().map(|s| Signal { id: SignalId(s.id.0 + 500), prospect: Some(ProspectId(2)), ..s }).collect();
        let typed = strangers.into_iter().zip(1_000..).map(|((detail, at, of_her), id)| (of_her, Signal { detail, ..signal(id, at) }));
        let (hers, of_pol): (Vec<_>, Vec<_>) = typed.partition(|(of_her, _)| *of_her);
        let with = |honest: &[Signal], typed: &[(bool, Signal)]| {
            honest.iter().cloned().chain(typed.iter().map(|(_, s)| s.clone())).collect::<Vec<_>>()
        };
        let pol = |signals| Colleague { prospect: ProspectId(2), name: "Pol".into(), signals };
        let before = assess_among(&rules, &signals, &[&pol(theirs.clone())], now);
        let after = assess_among(&rules, &with(&signals, &hers), &[&pol(with(&theirs, &of_pol))], now);
        prop_assert_eq!(before.findings(), after.findings());
        prop_assert_eq!(before.request(), after.request());
        prop_assert_eq!(before.newest_human_at(), after.newest_human_at());
        prop_assert_eq!(before.changes_at(), after.changes_at());
        for since in [jiff::Timestamp::MIN, now] {
            prop_assert_eq!(before.is_ready(since), after.is_ready(since));
        }
        // Each of hers that has happened is named as what counts for nothing.
        let named = after.ignored().iter().filter(|i| i.why == Why::Unconfirmed).count();
        prop_assert_eq!(named, hers.iter().filter(|(_, s)| s.occurred_at <= now).count());
        let reach = with(&[], &hers).iter().fold(Reach::default(), |all, s| all | rules.reach(s));
        prop_assert_eq!(reach, Reach::default(), "they reach nothing");
    }

    #[test]
    fn a_signal_that_comes_twice_counts_once(signals in history(), now in instant(), chosen in any::<proptest::sample::Index>()) {
        // What makes it the same is its row: the store keeps one of each, and the fold does not mind a second.
        prop_assume!(!signals.is_empty());
        let rules = rules();
        let mut twice = signals.clone();
        twice.push(signals[chosen.index(signals.len())].clone());
        let (once, again) = (assess(&rules, &signals, now), assess(&rules, &twice, now));
        prop_assert_eq!(once.findings(), again.findings());
        prop_assert_eq!(once.ignored(), again.ignored());
        prop_assert_eq!(once.changes_at(), again.changes_at());
    }

    #[test]
    fn more_support_never_takes_a_criterion_away(signals in history(), now in instant(), back in 0..2_000_i64, kind in 0..3_usize) {
        let rules = rules();
        let before = assess(&rules, &signals, now);
        let occurred_at = now.checked_sub(jiff::SignedDuration::from_hours(back)).expect("an instant");
        let detail = match kind {
            0 => Detail::Click { target: "https://tecnofab.example/prices".into() },
            1 => Detail::Form { form: name("webinar"), fields: std::collections::BTreeMap::new() },
            _ => Detail::Fields { changed: [(name("lines"), Some("9".into()))].into(), source: "import".into(), as_of: None },
        };
        // Of a delivery of its own: what keeps a machine's company is a machine's.
        let support = Signal { detail, ..signal(1_000, occurred_at) };
        let after = assess(&rules, &[signals, vec![support]].concat(), now);
        for (criterion, finding) in before.findings().iter().filter(|(_, f)| f.verdict == Verdict::Met) {
            prop_assert_eq!(after.findings()[criterion].verdict, Verdict::Met, "{}", criterion);
            prop_assert!(after.findings()[criterion].until >= finding.until || finding.until.is_none(), "{}", criterion);
        }
        prop_assert!(after.newest_human_at() >= before.newest_human_at());
    }

    #[test]
    fn without_its_one_proof_a_criterion_is_told_otherwise(signals in history(), now in instant()) {
        let rules = rules();
        let before = assess(&rules, &signals, now);
        for (criterion, finding) in before.findings().iter().filter(|(_, f)| f.verdict == Verdict::Met && f.cites.len() == 1) {
            let rest: Vec<Signal> = signals.iter().filter(|s| s.id != finding.cites[0].signal).cloned().collect();
            let after = assess(&rules, &rest, now).findings()[criterion].clone();
            prop_assert_ne!(&after, finding, "{}", criterion);
            prop_assert!(after.cites.iter().all(|c| c.signal != finding.cites[0].signal));
        }
    }

    #[test]
    fn what_is_cited_says_the_same_again_by_itself(signals in history(), now in instant()) {
        let rules = rules();
        let before = assess(&rules, &signals, now);
        for (criterion, finding) in before.findings().iter() {
            let cited: Vec<Signal> = signals.iter().filter(|s| finding.cites.iter().any(|c| c.signal == s.id)).cloned().collect();
            let again = assess(&rules, &cited, now).findings()[criterion].clone();
            prop_assert_eq!(&again, finding, "{}", criterion);
        }
    }

    #[test]
    fn nothing_is_proved_beyond_its_reach(signals in history(), theirs in history(), now in instant(), enough in 1..3_usize) {
        let mut rules = rules();
        rules.criteria[Criterion::Vision].enough = enough;
        rules.criteria[Criterion::Need].enough = enough;
        let theirs: Vec<Signal> = theirs.into_iter().map(|s| Signal { id: SignalId(s.id.0 + 500), prospect: Some(ProspectId(2)), ..s }).collect();
        let counts = |s: &&Signal| s.machine.is_none();
        let own = signals.iter().filter(counts).fold(Reach::default(), |all, s| all | rules.reach(s));
        let of_theirs = theirs.iter().filter(counts).fold(Reach::default(), |all, s| all | rules.reach(s));
        let colleague = Colleague { prospect: ProspectId(2), name: "Pol".into(), signals: theirs };
        let found = assess_among(&rules, &signals, &[&colleague], now);
        let reach = own | of_theirs.for_a_colleague();
        for (criterion, finding) in found.findings().iter() {
            prop_assert!(finding.verdict != Verdict::Met || rules.can_meet(reach, criterion), "{}", criterion);
            prop_assert!(finding.cites.iter().all(|c| c.of.is_none()) || of_theirs.speaks(), "{}", criterion);
        }
        prop_assert!(found.request().is_none() || reach.asks());
        // What says nothing for a colleague can be left out.
        let stated = colleague.signals.iter().filter(|s| rules.reach(s).speaks()).cloned().collect();
        let spoken = Colleague { signals: stated, ..colleague.clone() };
        prop_assert_eq!(found, assess_among(&rules, &signals, &[&spoken], now));
    }

    #[test]
    fn a_colleague_proves_what_the_company_has_and_nothing_else(signals in history(), theirs in history(), now in instant()) {
        let rules = rules();
        let alone = assess(&rules, &signals, now);
        let theirs: Vec<Signal> = theirs.into_iter().map(|s| Signal { id: SignalId(s.id.0 + 500), prospect: Some(ProspectId(2)), ..s }).collect();
        let colleague = Colleague { prospect: ProspectId(2), name: "Pol".into(), signals: theirs.clone() };
        let among = assess_among(&rules, &signals, &[&colleague], now);
        for criterion in [Criterion::Vision, Criterion::Need] {
            prop_assert_eq!(&among.findings()[criterion], &alone.findings()[criterion]);
        }
        for (criterion, finding) in among.findings().iter() {
            for cited in finding.cites.iter().filter(|c| c.of.is_some()) {
                prop_assert!(theirs.iter().any(|s| s.id == cited.signal && s.occurred_at <= now), "{} by somebody else", criterion);
                prop_assert!(matches!(finding.verdict, Verdict::Met | Verdict::Weak | Verdict::Contradicted | Verdict::Expired));
            }
        }
        // What they did, when nothing of theirs is cited, changes nothing.
        if among.findings().iter().all(|(_, f)| f.cites.iter().all(|c| c.of.is_none())) {
            prop_assert_eq!(among.newest_human_at(), alone.newest_human_at());
        }
    }
}

pub(crate) fn signal(id: i64, at: jiff::Timestamp) -> Signal {
    Signal {
        id: SignalId(id),
        prospect: Some(ProspectId(1)),
        occurred_at: at,
        recorded_at: at,
        delivery: None,
        issue: None,
        by: None,
        machine: None,
        judged: None,
        detail: Detail::Erased,
    }
}

fn answer(id: i64, criterion: Criterion, say: &str, days: i64) -> Signal {
    let at = jiff::Timestamp::from_second(1_767_225_600 + days * 86_400).expect("an instant");
    Signal { detail: Detail::Answer { criterion, id: None, say: say.to_owned(), date: None, posted: None }, ..signal(id, at) }
}

#[test]
fn a_colleague_may_decide_where_the_prospect_does_not_and_may_know_that_there_is_no_money() {
    let rules = rules();
    let now = answer(0, Criterion::Need, "", 20).occurred_at;
    let (no, yes) = ("Somebody else", "I do");
    for (own, theirs, criterion, verdict, of) in [
        // "I do not decide" takes nothing from a colleague who does, in either order.
        ((no, 1), (yes, 2), Criterion::Authority, Verdict::Met, true),
        ((no, 2), (yes, 1), Criterion::Authority, Verdict::Met, true),
        // And a colleague who does not decide says nothing of the prospect.
        ((yes, 1), (no, 2), Criterion::Authority, Verdict::Met, false),
        (("I prepare it, somebody else decides", 1), (no, 2), Criterion::Authority, Verdict::Unknown, false),
        // Money is the company's: the later word counts, whoever says it.
        (("Yes, less than that", 1), ("No", 2), Criterion::Budget, Verdict::Contradicted, true),
        (("Yes, less than that", 2), ("No", 1), Criterion::Budget, Verdict::Met, false),
    ] {
        let signals = [answer(1, criterion, own.0, own.1)];
        let colleague = Colleague {
            prospect: ProspectId(2),
            name: "Pol".into(),
            signals: vec![answer(2, criterion, theirs.0, theirs.1), answer(3, Criterion::Vision, "Something else", 3)],
        };
        let found = assess_among(&rules, &signals, &[&colleague], now).findings()[criterion].clone();
        assert_eq!((found.verdict, found.cites.iter().any(|c| c.of.is_some())), (verdict, of), "{criterion} {own:?} {theirs:?}");
    }
}

#[test]
fn facts_support_and_rules_count_once() {
    let mut rules = rules();
    let day = |n: i64| answer(0, Criterion::Need, "", n).occurred_at;
    let form = |id: i64, n: i64| Signal {
        detail: Detail::Form { form: name("webinar"), fields: std::collections::BTreeMap::new() },
        ..signal(id, day(n))
    };
    let vision = |rules: &Qualifying, signals: &[Signal]| assess(rules, signals, day(20)).findings()[Criterion::Vision].verdict;
    // The same rule twice is one support of the two that are asked for.
    assert_eq!(vision(&rules, &[form(1, 1), form(2, 5)]), Verdict::Weak);
    assert_eq!(vision(&rules, &[form(1, 1), answer(2, Criterion::Vision, "Something else", 5)]), Verdict::Met);
    // What nobody dated only supports, whatever its rule says; dated, it counts from its day, and a lapse since then stands.
    rules.criteria[Criterion::Budget].rules.push(nurtured::domain::doorway::rule::Rule {
        reads: nurtured::domain::doorway::rule::Reads::Field {
            name: name("budget_approved"),
            test: nurtured::domain::audience::Test::In(vec!["true".into()]),
        },
        power: Power::Meets,
    });
    let field = |as_of: Option<jiff::civil::Date>| Signal {
        detail: Detail::Fields {
            changed: [(name("budget_approved"), Some("true".into()))].into(),
            source: "import".into(),
            as_of,
        },
        ..signal(3, day(10))
    };
    let budget = |signals: &[Signal]| assess(&rules, signals, day(20)).findings()[Criterion::Budget].clone();
    assert_eq!(budget(&[field(None)]).verdict, Verdict::Weak);
    let dated = field(Some(jiff::civil::date(2026, 1, 5)));
    let alone = budget(std::slice::from_ref(&dated));
    assert_eq!((alone.verdict, alone.since), (Verdict::Met, Some(day(4))));
    let lapse = Signal {
        detail: Detail::Recycled {
            reason: "no budget".into(),
            lapses: vec![Criterion::Budget],
            contradicts: Vec::new(),
            wake: None,
            note: String::new(),
        },
        ..signal(4, day(8))
    };
    assert_eq!(budget(&[dated, lapse]).verdict, Verdict::Expired, "told later, and true before the return");
}
