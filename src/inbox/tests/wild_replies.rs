//! Answers as they arrive: own words, wishes to stop, MIME, requests. Each case is asserted, and the figures are printed by kind:
//! `cargo test --lib what_people_write -- --nocapture`.

use crate::domain::doorway::asked::for_a_person;
use crate::inbox::mail::authored::authored;
use crate::inbox::mail::bounce::{Incoming, read};
use crate::inbox::mail::ours::Ours;
use crate::inbox::mail::own_words::own_words;
use crate::inbox::mail::wish;
use mail_parser::MessageParser;
use serde::Deserialize;
use std::fmt::Debug;
use std::fs;

#[derive(Debug, Deserialize)]
pub(super) struct Written {
    id: String,
    body: String,
    pub(super) own: String,
    r#type: Option<String>,
}

/// How many of a kind are right, and which are not.
#[derive(Default)]
struct Figures {
    all: usize,
    wrong: Vec<String>,
}

impl Figures {
    fn take(&mut self, what: &str, found: &(impl PartialEq + Debug), expected: &(impl PartialEq + Debug), right: bool) {
        self.all += 1;
        if !right {
            self.wrong.push(format!("{what}: {found:?} instead of {expected:?}"));
        }
    }

    fn are_all_right(&self, kind: &str) {
        println!("{kind:<24} {:>4} right of {}", self.all - self.wrong.len(), self.all);
        assert!(self.all > 0 && self.wrong.is_empty(), "{kind}:\n{}", self.wrong.join("\n"));
    }
}

pub(super) fn file(name: &str) -> String {
    let path = format!("{}/tests/data/wild/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Lines of a table, without its comments.
pub(super) fn rows(name: &str) -> Vec<Vec<String>> {
    let row = |line: &str| line.split('\t').map(|cell| cell.replace("\\n", "\n")).collect();
    file(name).lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(row).collect()
}

/// Blank lines and blanks at the end of lines are not judged.
pub(super) fn judged(text: &str) -> String {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

pub(super) fn written(written: &Written, letter: &str) -> String {
    let quoted: Vec<String> = letter.trim().lines().map(|line| format!("> {line}").trim_end().to_owned()).collect();
    let body = written.body.replace("{letter}", letter.trim()).replace("{quoted}", &quoted.join("\n"));
    let kind = written.r#type.as_deref().unwrap_or("text/plain");
    let raw = format!("From: ada@x.example\nContent-Type: {kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}");
    authored(&MessageParser::default().parse(raw.as_bytes()).expect("a mail")).text
}

#[test]
fn what_people_write_is_told_from_what_they_quote() {
    let letter = file("replies/letter.txt");
    let ours = Ours::of(&letter);
    for (kind, name) in [("own words, given", "replies/expected.jsonl"), ("own words, of our own", "replies/more.jsonl")] {
        let mut figures = Figures::default();
        for line in file(name).lines() {
            let case: Written = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            let text = written(&case, &letter);
            let found = own_words(&text, Some(&ours));
            figures.take(&case.id, &found, &case.own, judged(&found) == judged(&case.own));
        }
        figures.are_all_right(kind);
    }
}

#[test]
fn what_people_write_is_told_without_knowing_our_mail() {
    let mut figures = Figures::default();
    let letter = file("replies/letter.txt");
    for line in file("replies/expected.jsonl").lines().chain(file("replies/more.jsonl").lines()) {
        let case: Written = serde_json::from_str(line).expect("a case");
        // What nothing marks is known by our text alone.
        if case.id.starts_with("unmarked") || case.id == "below-header" {
            continue;
        }
        let found = own_words(&written(&case, &letter), None);
        figures.take(&case.id, &found, &case.own, judged(&found) == judged(&case.own));
    }
    figures.are_all_right("own words, mail unknown");
}

#[test]
fn what_people_write_is_read_from_any_mime() {
    let mut figures = Figures::default();
    for row in rows("mime/expected.tsv").iter().skip(1) {
        let raw = fs::read(format!("{}/tests/data/wild/mime/{}", env!("CARGO_MANIFEST_DIR"), row[0])).expect("a mail");
        let Incoming::Reply { text, .. } = read(&raw).expect("a mail").kind else { panic!("{}: no reply", row[0]) };
        figures.take(&row[0], &text, &row[1], judged(&text) == judged(&row[1]));
    }
    figures.are_all_right("mime");
}

#[test]
fn what_people_write_to_stop_is_heard_and_none_is_invented() {
    let mut figures = Figures::default();
    for row in rows("wishes/expected.tsv").iter().skip(1) {
        let raw = fs::read(format!("{}/tests/data/wild/wishes/{}", env!("CARGO_MANIFEST_DIR"), row[0])).expect("a mail");
        let mail = read(&raw).expect("a mail");
        let Incoming::Reply { text, .. } = mail.kind else { panic!("{}: no reply", row[0]) };
        let subject = Some(mail.subject.as_str()).filter(|subject| !subject.starts_with("Re:"));
        let heard = wish::to_stop(subject, &text);
        figures.take(&row[0], &heard, &row[1], heard.is_some() == (row[1] == "stop"));
    }
    figures.are_all_right("wishes, given");
    for name in ["phrases", "held", "third", "fourth", "fifth", "sixth", "seventh"].map(|name| format!("wishes/{name}.tsv")) {
        let mut figures = Figures::default();
        for row in rows(&name) {
            let subject = row.get(2).map(String::as_str).filter(|subject| !subject.starts_with("Re:"));
            let heard = wish::to_stop(subject, &row[1]);
            // A wish that is not clear is asked about; so may be what is none.
            let is_right = match row[0].as_str() {
                "stop" => heard.is_some(),
                "doubtful" => heard.is_none() && wish::is_doubtful(subject, &row[1]),
                _ => heard.is_none(),
            };
            figures.take(&row[1], &heard, &row[0], is_right);
        }
        figures.are_all_right(&name);
    }
}

#[test]
fn what_people_write_asks_for_a_person_only_where_a_sentence_does() {
    let mut figures = Figures::default();
    for row in rows("requests/phrases.tsv") {
        let found = format!("{:?}", for_a_person(&row[1], &row[2])).to_lowercase();
        figures.take(&row[2], &found, &row[0], found == row[0]);
    }
    figures.are_all_right("requests");
}
