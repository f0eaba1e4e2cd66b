//! The reading of returned mail, held against mails whose truth is known, and against noise.

use crate::inbox::mail::bounce::{self, Incoming, ReadError, Returned};
use crate::inbox::mail::report::Failure;
use crate::inbox::mail::summary::summary;
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn data(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

fn mail(path: &str) -> Vec<u8> {
    std::fs::read(data(path)).expect("a mail of the corpus")
}

fn read(raw: &[u8]) -> Returned {
    bounce::read(raw).expect("a mail")
}

#[derive(Deserialize)]
struct Truth {
    file: String,
    addresses: Vec<String>,
    temporary: bool,
}

fn truths() -> Vec<Truth> {
    let text = std::fs::read_to_string(data("bounces/expected.jsonl")).expect("truth");
    text.lines().map(|line| serde_json::from_str(line).expect("a truth")).collect()
}

fn failures(raw: &[u8]) -> Vec<Failure> {
    match read(raw).kind {
        Incoming::Bounce(failures) => failures,
        _ => Vec::new(),
    }
}

#[test]
fn known_bounces_name_their_recipients() {
    let (mut exact, mut misses) = (0, Vec::new());
    let truths = truths();
    for truth in &truths {
        let found = failures(&mail(&format!("bounces/{}", truth.file)));
        let addresses: BTreeSet<String> = found.iter().map(|f| f.address.to_string()).collect();
        let expected: BTreeSet<String> = truth.addresses.iter().map(|a| a.to_lowercase()).collect();
        let delayed = found.iter().all(|f| !f.given_up && !f.hard);
        if addresses == expected && (found.is_empty() || delayed == truth.temporary) {
            exact += 1;
        } else {
            misses.push(format!("{}: {addresses:?}, not {expected:?}; delayed {delayed}", truth.file));
        }
        // Nobody is suppressed by a mail that reports nobody, or only a delay.
        assert!(!(expected.is_empty() || truth.temporary) || found.iter().all(|f| !f.hard), "{}", truth.file);
    }
    println!("{exact} of {} exact\n{}", truths.len(), misses.join("\n"));
    assert!(exact * 100 >= truths.len() * 97, "{misses:#?}");
}

#[test]
fn complaints_are_read_and_only_people_object() {
    for number in 1..=5 {
        let name = format!("complaints/{number:03}");
        let truth: serde_json::Value = serde_json::from_slice(&mail(&format!("{name}.json"))).expect("truth");
        let Incoming::Complaint(complaint) = read(&mail(&format!("{name}.eml"))).kind else { panic!("{name} is a complaint") };
        let bare = |key: &str| truth[key].as_str().map(|text| text.trim_matches(['<', '>']).to_owned());
        let feedback = truth["feedback_type"].as_str().expect("type").to_lowercase();
        assert_eq!(complaint.feedback.replace('-', ""), feedback, "{name}");
        assert_eq!(complaint.is_objection(), feedback == "abuse", "{name}");
        // Where the report names nobody, the copy of the mail may.
        if let Some(named) = bare("original_rcpt_to") {
            assert_eq!(complaint.recipients.first().map(ToString::to_string), Some(named), "{name}");
        }
        assert_eq!(complaint.return_path, bare("original_mail_from"), "{name}");
    }
    assert!(read(&mail("complaints/005.eml")).message_ids.contains(&"87913910.1318094604546@out.sender.example".to_owned()));
}

const PERSON: &str = "From: Ada Vega <Ada@albareda.example>\r\nTo: bounces+TOKen@news.example, Marta <marta@x.example>\r\n\
    Subject: Re: Line downtime\r\nIn-Reply-To: <issue-7@news.example>\r\nReferences: <a@b> <issue-7@news.example>\r\n\
    Message-ID: <r1@albareda.example>\r\nContent-Type: text/plain; charset=utf-8\r\n";

#[test]
fn a_person_is_told_from_a_machine() {
    let body = "\r\nYes, call me on Friday.\r\n\r\nOn Tue, Marta wrote:\r\n> could not be delivered to a@x.example\r\n";
    let person = read(format!("{PERSON}{body}").as_bytes());
    assert_eq!(person.recipients, ["bounces+TOKen@news.example", "marta@x.example"]);
    assert_eq!(person.id, "r1@albareda.example");
    let Incoming::Reply { from, subject, text } = person.kind else { panic!("a reply") };
    assert_eq!(
        (from.as_str(), subject.as_str(), text.as_str()),
        ("ada@albareda.example", "Re: Line downtime", "Yes, call me on Friday.")
    );
    assert!(person.message_ids.contains(&"issue-7@news.example".to_owned()));
    for header in ["Auto-Submitted: auto-replied", "Precedence: auto_reply", "X-Autoreply: yes", "Auto-Submitted: auto-generated"]
    {
        let kind = read(format!("{PERSON}{header}\r\n{body}").as_bytes()).kind;
        assert!(matches!(kind, Incoming::AutoReply { .. }), "{header}: {kind:?}");
    }
    for subject in
        ["Automatic reply: Line", "Respuesta automática: Line", "=?utf-8?q?R=C3=A9ponse_automatique?=", "Abwesenheitsnotiz: Line"]
    {
        let raw = format!("{PERSON}{body}").replace("Re: Line downtime", subject);
        assert!(matches!(read(raw.as_bytes()).kind, Incoming::AutoReply { .. }), "{subject}");
    }
    // A group adds list headers to what a person answers; a newsletter answers nothing.
    let group = read(format!("{PERSON}List-Id: <x>\r\n{body}").as_bytes());
    assert!(group.is_bulk && matches!(group.kind, Incoming::Reply { .. }), "{group:?}");
    let newsletter = "From: Ada <ada@albareda.example>\r\nTo: marta@x.example\r\nSubject: Hello\r\nList-Id: <x>\r\n\r\nHello\r\n";
    assert_eq!(read(newsletter.as_bytes()).kind, Incoming::Unknown);
}

#[test]
fn an_automatic_answer_that_mentions_a_failure_suppresses_nobody() {
    let body = "\r\nMail to the following address cannot be delivered while I am away:\r\n\r\n<ada@albareda.example>\r\n";
    let kind = read(format!("{PERSON}Auto-Submitted: auto-replied\r\n{body}").as_bytes()).kind;
    assert!(matches!(kind, Incoming::AutoReply { .. }), "{kind:?}");
}

#[test]
fn what_is_too_large_or_no_mail_is_refused() {
    assert_eq!(bounce::read(&vec![b'a'; crate::inbox::mail::mime_body::LARGEST + 1]), Err(bounce::ReadError::TooLarge));
    assert_eq!(bounce::read(b""), Err(bounce::ReadError::NoMail));
}

#[test]
fn a_mail_without_an_id_is_known_again_and_hostile_words_are_cleaned() {
    let raw = b"From: Ada <ada@albareda.example>\r\nTo: bounces+x@news.example\r\nSubject: a\x00b\r\n\r\nYes\r\n";
    let mail = bounce::read(raw).expect("a mail");
    assert_eq!(mail.id, bounce::read(raw).expect("a mail").id);
    assert_ne!(mail.id, bounce::read(&[raw, &b"more"[..]].concat()).expect("a mail").id);
    assert_eq!(mail.recipients, ["bounces+x@news.example"]);
    match mail.kind {
        Incoming::Reply { from, subject, text } => {
            assert_eq!((from.as_str(), text.as_str()), ("ada@albareda.example", "Yes"));
            assert!(!subject.contains('\0'), "{subject:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bounce::read(b"").err(), Some(ReadError::NoMail));
}

#[test]
fn a_mail_and_what_is_shown_of_it_are_read_at_once() {
    let raw = b"From: Ada <ada@albareda.example>\r\nTo: bounces+x@news.example\r\nSubject: a\r\n\r\nYes\r\n";
    let (mail, shown) = bounce::read_with_summary(raw).expect("a mail");
    assert_eq!((mail, shown), (bounce::read(raw).expect("a mail"), summary(raw)));
    assert_eq!(bounce::read_with_summary(b"").err(), Some(ReadError::NoMail));
}

#[test]
fn a_delay_is_never_hard() {
    let report = |action: &str| {
        let mail = format!(
            "From: MAILER-DAEMON@mx.example\r\nTo: bounces@news.example\r\nSubject: Delivery\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\
             Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
             Final-Recipient: rfc822; ada@albareda.example\r\nAction: {action}\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
        );
        match bounce::read(mail.as_bytes()).expect("a mail").kind {
            Incoming::Bounce(failures) => failures[0].hard,
            other => panic!("{other:?}"),
        }
    };
    assert!(report("failed"));
    assert!(!report("delayed"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read_without_a_panic(raw in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let _ = bounce::read(&raw);
    }

    #[test]
    fn mutated_mails_are_read_without_a_panic(
        pick in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_usize..40), 1..12),
    ) {
        let truths = truths();
        let mut raw = mail(&format!("bounces/{}", truths[pick.index(truths.len())].file));
        for (at, byte, cut) in edits {
            let at = at.index(raw.len().max(1)).min(raw.len());
            raw.splice(at..(at + cut).min(raw.len()), [byte, b'\n', b'<', b'@']);
        }
        let _ = bounce::read(&raw);
    }
}
