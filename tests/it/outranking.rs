//! Whose word counts: decisions that end, a person's yes that expires, facts, and answers that are reworded.

use crate::folding::{self, name, rules};
use jiff::Timestamp;
use jiff::civil::date;
use nurtured::domain::criterion::Criterion::{self, Authority, Budget};
use nurtured::domain::doorway::assess::assess;
use nurtured::domain::doorway::ignored::Why;
use nurtured::domain::doorway::qualification::{Finding, Verdict};
use nurtured::domain::doorway::rule::{Qualifying, Reads, Rule};
use nurtured::domain::doorway::signal::{Detail, Signal, Touch};
use nurtured::domain::id::SignalId;
use nurtured::domain::question::Power;
use std::collections::BTreeMap;

fn day(month: i8, day: i8) -> Timestamp {
    date(2026, month, day).at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).expect("an instant").timestamp()
}

fn signal(id: i64, at: Timestamp, detail: Detail) -> Signal {
    Signal { by: Some(name("marta")), detail, ..folding::signal(id, at) }
}

fn call(criterion: Criterion, contradicts: bool) -> Detail {
    let (yes, no) = if contradicts { (vec![], vec![criterion]) } else { (vec![criterion], vec![]) };
    Detail::Touch { touch: Touch::Call, proves: yes, contradicts: no, date: None, not_before: None, note: String::new() }
}

fn decision(criterion: Criterion, holds: bool, until: jiff::civil::Date) -> Detail {
    let power = if holds { Power::Meets } else { Power::Contradicts };
    Detail::Override { criterion, power, until, note: String::new() }
}

fn answer(criterion: Criterion, id: Option<&str>, say: &str) -> Detail {
    Detail::Answer { criterion, id: id.map(name), say: say.to_owned(), date: None, posted: None }
}

fn of(rules: &Qualifying, criterion: Criterion, signals: &[Signal], now: Timestamp) -> Finding {
    assess(rules, signals, now).findings()[criterion].clone()
}

/// A finding's verdict, and the one signal it rests on.
fn rests_on(finding: &Finding) -> (Verdict, Vec<i64>) {
    (finding.verdict, finding.cites.iter().map(|cited| cited.signal.0).collect())
}

#[test]
fn a_decision_that_ends_gives_back_what_stood_before_it() {
    let rules = rules();
    let said = signal(1, day(2, 1), call(Authority, false));
    let decided = signal(2, day(3, 1), decision(Authority, false, date(2026, 4, 1)));
    let known = [said.clone(), decided.clone()];
    let during = assess(&rules, &known, day(3, 15));
    assert_eq!(rests_on(&during.findings()[Authority]), (Verdict::Contradicted, vec![2]));
    assert_eq!(during.changes_at(), Some("2026-04-01T00:00:00Z".parse().expect("an instant")), "it is known beforehand");
    assert_eq!(rests_on(&of(&rules, Authority, &known, day(4, 1))), (Verdict::Met, vec![1]));
    assert_eq!(of(&rules, Authority, &known, day(4, 1)), of(&rules, Authority, std::slice::from_ref(&said), day(4, 1)));
    // It gives back a no, and what a later decision had put aside; of what has lapsed since, nothing.
    let no = signal(1, day(2, 1), call(Authority, true));
    let yes = signal(2, day(3, 1), decision(Authority, true, date(2026, 6, 1)));
    let then = signal(3, day(3, 2), decision(Authority, false, date(2026, 4, 1)));
    let known = [no, yes, then];
    for (at, expected) in [
        (day(3, 15), (Verdict::Contradicted, vec![3])),
        (day(4, 2), (Verdict::Met, vec![2])),
        (day(6, 2), (Verdict::Contradicted, vec![1])),
    ] {
        assert_eq!(rests_on(&of(&rules, Authority, &known, at)), expected, "{at}");
    }
    let lapse = Detail::Recycled {
        reason: "wrong person".into(),
        lapses: vec![Authority],
        contradicts: vec![],
        wake: None,
        note: String::new(),
    };
    let lapsed = [said, decided.clone(), signal(3, day(3, 2), lapse)];
    assert_eq!(of(&rules, Authority, &lapsed, day(4, 2)).verdict, Verdict::Expired);
    // Without anything before it, it has expired.
    assert_eq!(rests_on(&of(&rules, Authority, &[decided], day(4, 2))), (Verdict::Expired, vec![2]));
}

#[test]
fn a_persons_expired_yes_outranks_no_fact() {
    let mut rules = rules();
    rules.criteria[Authority].rules.push(Rule { reads: Reads::Event(name("board-seat")), power: Power::Meets });
    let fact = |id, at| signal(id, at, Detail::Event { event: name("board-seat"), fields: BTreeMap::new() });
    // A proof of authority counts for 180 days: the call of January until July.
    let said = signal(1, day(1, 10), call(Authority, false));
    for (facts, while_it_counts) in [
        // Reported after the call: outranked as long as that counts.
        (vec![fact(2, day(5, 1))], Why::Outranked),
        // Reported before it: superseded as long as that counts.
        (vec![fact(2, day(1, 5))], Why::Superseded),
    ] {
        let known = [vec![said.clone()], facts].concat();
        let before = assess(&rules, &known, day(6, 1));
        assert_eq!(rests_on(&before.findings()[Authority]), (Verdict::Met, vec![1]));
        assert!(before.ignored().iter().any(|i| i.signal == SignalId(2) && i.why == while_it_counts), "{:?}", before.ignored());
    }
    let known = [said.clone(), fact(2, day(5, 1))];
    let after = assess(&rules, &known, day(8, 1));
    assert_eq!(rests_on(&after.findings()[Authority]), (Verdict::Met, vec![2]));
    assert!(after.ignored().iter().any(|i| i.signal == SignalId(1) && i.why == Why::Expired));
    // A later no of a person still beats it, and a person who says yes again too.
    let no = signal(3, day(7, 20), call(Authority, true));
    assert_eq!(
        rests_on(&of(&rules, Authority, &[known.to_vec(), vec![no]].concat(), day(8, 1))),
        (Verdict::Contradicted, vec![3])
    );
    // When both have expired, it is the person's word that has.
    assert_eq!(
        rests_on(&of(&rules, Authority, &known, "2027-02-01T00:00:00Z".parse().expect("an instant"))),
        (Verdict::Expired, vec![1])
    );
}

#[test]
fn rewording_an_answer_loses_nothing_and_its_words_then_are_told() {
    let mut rules = rules();
    let at = day(2, 1);
    let (old, new) = ("Yes, over 50,000 €", "There is more than 50,000 € for it");
    let place = rules.criteria[Budget].answers.iter().position(|answer| answer.say == old).expect("an answer of the example");
    let mut named = rules.criteria[Budget].answers[place].clone();
    named.id = Some(name("over-50k"));
    rules.criteria[Budget].answers[place] = named;
    let with_id = [signal(1, at, answer(Budget, Some("over-50k"), old))];
    let without = [signal(1, at, answer(Budget, None, old))];
    let met = |rules: &Qualifying, signals: &[Signal]| {
        let found = of(rules, Budget, signals, day(2, 2));
        assert!(found.cites.iter().all(|cited| cited.words == format!("answered “{old}”")), "{found:?}");
        found.verdict
    };
    assert_eq!((met(&rules, &with_id), met(&rules, &without)), (Verdict::Met, Verdict::Met));
    // Reworded: the id says which it is; where none was stored, the words it had.
    rules.criteria[Budget].answers[place].say = new.to_owned();
    assert_eq!((met(&rules, &with_id), met(&rules, &without)), (Verdict::Met, Verdict::Unknown));
    rules.criteria[Budget].answers[place].was = vec![old.to_owned()];
    assert_eq!((met(&rules, &with_id), met(&rules, &without)), (Verdict::Met, Verdict::Met));
    // The id counts more than words that another answer has now.
    rules.criteria[Budget].answers[place].was.clear();
    let no = rules.criteria[Budget].answers.iter().position(|answer| answer.power == Some(Power::Contradicts)).expect("a no");
    rules.criteria[Budget].answers[no].say = old.to_owned();
    assert_eq!((met(&rules, &with_id), met(&rules, &without)), (Verdict::Met, Verdict::Contradicted));
}
