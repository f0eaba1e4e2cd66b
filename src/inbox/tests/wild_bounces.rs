//! Notices and complaints as they come from the mail programs of the world, each with its truth. `rule.txt` was written with the
//! rules, `held-back.txt` before them and tried when they stood.

use crate::domain::address::Address;
use crate::inbox::mail::bounce::{self, Incoming};
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wild").join(name)
}

/// What a mail is called, the truth of it, the address it is about, and its bytes.
pub(super) type Case = (String, String, String, Vec<u8>);

/// What is read of a mail about this address, in the words of the truth.
pub(super) fn read(raw: &[u8], address: &str) -> String {
    let address = Address::parse(address).expect("an address");
    match bounce::read(raw).expect("a mail").kind {
        Incoming::Bounce(failures) | Incoming::Delivered(failures) => {
            let named = failures.iter().find(|failure| failure.address == address);
            named.or(failures.first()).map_or("nobody", |failure| failure.class.word()).to_owned()
        }
        Incoming::Complaint(complaint) if complaint.is_objection() => "complaint".to_owned(),
        Incoming::Complaint(_) => "not-complaint".to_owned(),
        Incoming::Reply { .. } | Incoming::AutoReply { .. } | Incoming::Unknown => "none".to_owned(),
    }
}

/// Whether exactly this address is named, where somebody failed.
pub(super) fn names(raw: &[u8], address: &str) -> bool {
    match bounce::read(raw).expect("a mail").kind {
        Incoming::Bounce(failures) | Incoming::Delivered(failures) => failures.iter().any(|one| one.address.as_str() == address),
        _ => true,
    }
}

fn judged(name: &str, cases: &[Case]) {
    let (mut right, mut wrong) = (0, Vec::new());
    for (case, truth, address, raw) in cases {
        let found = read(raw, address);
        let is_right = found == *truth || truth == "not-complaint" && found == "none";
        if is_right && (names(raw, address) || case.contains("many-addresses")) {
            right += 1;
        } else {
            wrong.push(format!("{case}: {found}, not {truth}, {address} named: {}", names(raw, address)));
        }
    }
    println!("{name} {right} of {}", cases.len());
    assert!(!cases.is_empty() && wrong.is_empty(), "{name}: {wrong:#?}");
}

pub(super) fn folder_cases(name: &str) -> Vec<Case> {
    let table = std::fs::read_to_string(folder(name).join("expected.tsv")).expect("the truth");
    let case = |line: &str| {
        let [file, truth, address, _] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        (file.to_owned(), truth.to_owned(), address.to_owned(), std::fs::read(folder(name).join(file)).expect("a mail"))
    };
    table.lines().skip(1).map(case).collect()
}

/// The cases of a text: `=== kind truth address words`, and below it what the kind needs.
fn text_cases(file: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(folder("bounces").join(file)).expect("the cases");
    let case = |case: &str| {
        let (head, body) = case.split_once('\n').expect("a case");
        let [kind, truth, address, words] = head.splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{head}") };
        let header = body.split("\n\n").next().unwrap_or_default();
        let to =
            if header.lines().any(|line| line.starts_with("To:")) { "" } else { "To: bounces+token@news.tecnofab.example\n" };
        let mail = match kind {
            "prose" => {
                format!("{to}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n{body}")
            }
            "dsn" => format!(
                "From: MAILER-DAEMON@mx.example\nTo: bounces+token@news.tecnofab.example\nSubject: Notice\nMIME-Version: 1.0\n\
                 Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSee below.\n--b\n\
                 Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{body}\n--b--\n"
            ),
            _ => panic!("{head}"),
        };
        (words.to_owned(), truth.to_owned(), address.to_owned(), mail.into_bytes())
    };
    text.split("=== ").skip(1).map(case).collect()
}

pub(super) fn every_case() -> Vec<Case> {
    let ours = ["rule.txt", "held-back.txt", "languages.txt", "odd.txt"].map(text_cases);
    [folder_cases("bounces"), ours.concat()].concat()
}

#[test]
fn every_notice_of_the_world_is_of_its_class() {
    judged("bounces", &folder_cases("bounces"));
    judged("bounces/rule", &text_cases("rule.txt"));
    judged("bounces/held-back", &text_cases("held-back.txt"));
    judged("bounces/languages", &text_cases("languages.txt"));
    judged("bounces/odd", &text_cases("odd.txt"));
}

#[test]
fn somebody_objects_or_nobody_does() {
    judged("reports", &folder_cases("reports"));
}

#[test]
fn nothing_of_a_class_but_hard_stops_an_address() {
    for (case, truth, address, raw) in every_case() {
        let Incoming::Bounce(failures) = bounce::read(&raw).expect("a mail").kind else { continue };
        let named = failures.iter().find(|one| one.address.as_str() == address);
        assert!(named.is_none_or(|one| one.hard == (truth == "hard")), "{case}");
    }
}

#[test]
fn a_person_who_forwards_a_report_is_a_person() {
    let mail = "From: Ada Vega <ada@x.example>\nTo: marta@tecnofab.example\nSubject: look\nMIME-Version: 1.0\n\
        Content-Type: multipart/mixed; boundary=o\n\n--o\n\nWhat is this?\n--o\nContent-Type: message/rfc822\n\n\
        From: MAILER-DAEMON@y.example\nSubject: Undelivered\nMIME-Version: 1.0\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=i\n\n--i\nContent-Type: message/delivery-status\n\n\
        Final-Recipient: rfc822; bo@x.example\nAction: failed\nStatus: 5.1.1\n\n--i--\n--o--\n";
    let Incoming::Reply { text, .. } = bounce::read(mail.as_bytes()).expect("a mail").kind else { panic!("a person") };
    assert_eq!(text, "What is this?");
}
