//! Who checks the checker: fed with a lost, a doubled, a late mail and what else can go wrong, it names each.

#[path = "../chaos/checker.rs"]
mod chaos;

use chaos::{Delivery, Handoff, Heard, Held, Journalled, Remains, Stopped, Verdict, check};

fn mail(recipient: &str) -> Journalled {
    Journalled { recipient: recipient.into(), message_id: format!("<{recipient}>"), hash: "beef".into() }
}

fn delivery(recipient: &str, state: &str, marked_at: &[i64], doubts: usize) -> Delivery {
    Delivery { recipient: recipient.into(), state: state.into(), marked_at: marked_at.to_vec(), doubts }
}

/// Ada has it, Ben has it twice after a crash, Cid stopped while his was in flight, Dan stopped before his was marked, and of
/// Fay nobody knows.
fn sound() -> Remains {
    Remains {
        journal: vec![mail("ada"), mail("ben"), mail("ben"), mail("cid")],
        deliveries: vec![
            delivery("ada", "accepted", &[10], 0),
            delivery("ben", "accepted", &[11, 21], 1),
            delivery("cid", "accepted", &[12], 0),
            delivery("dan", "suppressed", &[], 0),
            delivery("fay", "uncertain", &[14], 1),
        ],
        published: 5,
        listed: Some(vec!["fay".into()]),
        stops: vec![
            Stopped { recipient: "cid".into(), committed_at: 13, marks: 1, journalled: 3 },
            Stopped { recipient: "dan".into(), committed_at: 9, marks: 0, journalled: 0 },
        ],
        handoffs: vec![
            Handoff { prospect: 1, is_open: false, is_ready: false, cited: 0, letters: 1, items: 1 },
            Handoff { prospect: 1, is_open: true, is_ready: true, cited: 5, letters: 1, items: 1 },
        ],
        signals: vec!["api:1".into(), "api:2".into()],
        acknowledged: vec!["api:1".into()],
        thanked: vec!["call 1.".into()],
        heard: vec![Heard { words: "{\"message\":\"call 1.\"}".into(), placed: true, times: 1, confirmed: false }],
        held: Some((Held { descriptors: 20, kilobytes: 20_000 }, Held { descriptors: 30, kilobytes: 30_000 })),
        complaints: Vec::new(),
        log: "nurtured runs\n".into(),
        secret: "@prospects".into(),
        bound: 1,
        in_flight: 1,
        finished: true,
    }
}

#[test]
fn the_checker_has_nothing_to_say_about_what_is_sound() {
    let Verdict { lost, duplicates, after_stop, in_flight, uncertain, broken, .. } = check(&sound());
    assert_eq!((lost, duplicates, after_stop, in_flight, uncertain, broken), (0, 1, 0, 1, 1, Vec::new()));
}

#[test]
fn the_checker_names_each_broken_promise() {
    type Sabotage = fn(&mut Remains);
    let cases: [(Sabotage, &str); 31] = [
        (|r| drop(r.journal.remove(0)), "C1: ada is accepted and is not in the journal"),
        (|r| r.deliveries[0].state = "claimed".into(), "C1: ada is claimed and has no end"),
        (|r| r.deliveries[0].state = "transmitting".into(), "C1: ada is transmitting and has no end"),
        (|r| r.deliveries[0].state = "failed".into(), "C1: ada is failed and is in the journal all the same"),
        (|r| drop(r.deliveries.pop()), "C1: 5 deliveries were published and 4 are there, to 4"),
        (|r| r.deliveries[3] = r.deliveries[0].clone(), "C1: 5 deliveries were published and 5 are there, to 4"),
        (|r| r.listed.as_mut().unwrap().clear(), "C1: fay is uncertain and is not listed"),
        (|r| r.listed.as_mut().unwrap().push("fay".into()), "C1: fay is listed and not uncertain"),
        (|r| r.listed.as_mut().unwrap().push("ada".into()), "C1: ada is listed and not uncertain"),
        (|r| r.journal.push(mail("ada")), "C2: ada got 2 mails and was in doubt 0 times"),
        (|r| r.journal.push(mail("ben")), "C2: ben got 3 mails and was in doubt 1 times"),
        (|r| r.bound = 0, "C2: 1 mails were repeated, and 0 may be"),
        (|r| r.journal[2].message_id = "<other>".into(), "C2: ben got mails that differ"),
        (|r| r.journal[2].hash = "cafe".into(), "C2: ben got mails that differ"),
        (|r| r.journal.push(mail("eve")), "C3: eve got a mail and has no delivery"),
        (|r| r.deliveries[0].marked_at.clear(), "C3: ada got 1 mails and has 0 marks"),
        (|r| r.stops[0].marks = 0, "C4: cid was marked after their stop, and got 1 mails after it"),
        (|r| r.stops[0].committed_at = 11, "C4: cid was marked after their stop, and got 1 mails after it"),
        (|r| r.handoffs[0].is_open = true, "C5: prospect 1 has a second open handoff"),
        (|r| r.handoffs[1].cited = 4, "C5: the handoff of prospect 1 cites 4 of five criteria"),
        (|r| r.handoffs[1].letters = 0, "C5: the handoff of prospect 1 has 0 letters and 1 items"),
        (|r| r.handoffs[1].items = 0, "C5: the handoff of prospect 1 has 1 letters and 0 items"),
        (|r| r.signals[1] = "api:1".into(), "C6: signal api:1 is there twice"),
        (|r| r.acknowledged.push("api:3".into()), "C6: signal api:3 was acknowledged and is not there"),
        (|r| r.heard.clear(), "C11: \"call 1.\" was thanked and is there 0 times"),
        (|r| r.heard[0].placed = false, "C11: \"call 1.\" was thanked; placed: false, told of 1 times"),
        (|r| r.heard[0].times = 2, "C11: \"call 1.\" was thanked; placed: true, told of 2 times"),
        (|r| r.held.as_mut().unwrap().1.descriptors = 45, "C8: 45 descriptors are open, and 20 were"),
        (|r| r.held.as_mut().unwrap().1.kilobytes = 99_000, "C8: 99000 kB of memory are held, and 20000 were"),
        (|r| r.complaints.push("a page is torn".into()), "C7: a page is torn"),
        (|r| r.log.push_str("sent to Ada@Prospects.example\n"), "C9: 1 lines of the logs hold an address"),
    ];
    for (sabotage, expected) in cases {
        let mut remains = sound();
        sabotage(&mut remains);
        let found = check(&remains).broken;
        assert!(found.iter().any(|said| said == expected), "{expected:?} is not among {found:?}");
    }
    let unfinished = check(&Remains { finished: false, ..sound() }).broken;
    assert_eq!(unfinished, ["C10: it did not finish"]);
    let late = check(&Remains { in_flight: 0, ..sound() }).broken;
    assert_eq!(late, ["C4: cid got 1 mails after their stop"]);
}
