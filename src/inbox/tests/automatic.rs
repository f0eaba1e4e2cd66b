//! Automatic mail told from people's, held against mails whose truth is known.

use crate::inbox::mail::bounce::{self, Incoming};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

fn data(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

fn kind(raw: &[u8]) -> Incoming {
    bounce::read(raw).expect("a mail").kind
}

fn word(kind: &Incoming) -> &'static str {
    match kind {
        Incoming::AutoReply { .. } => "automatic",
        Incoming::Reply { .. } => "human",
        _ => "neither",
    }
}

/// Prints `kind right of all`, and says what is wrong.
fn table(read: Vec<(String, String, String)>) {
    let mut figures: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, expected, found) in read {
        let (right, all) = figures.entry(expected.clone()).or_default();
        *all += 1;
        if found == expected {
            *right += 1;
        } else {
            wrong.push(format!("{name}: {found}, not {expected}"));
        }
    }
    for (kind, (right, all)) in &figures {
        println!("{kind} {right} of {all}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The name, the truth and what is found of each mail.
pub(super) fn wild() -> Vec<(String, String, String)> {
    let expected = std::fs::read_to_string(data("wild/automatic/expected.tsv")).expect("truth");
    let read = expected.lines().skip(1).map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let raw = std::fs::read(data(&format!("wild/automatic/{}", columns[0]))).expect("a mail");
        (columns[0].to_owned(), columns[1].to_owned(), word(&kind(&raw)).to_owned())
    });
    read.collect()
}

#[test]
fn automatic_mail_is_told_from_people_in_the_wild() {
    table(wild());
}

/// A mail that answers ours, as a program or a person wrote it.
#[derive(Deserialize)]
struct Case {
    id: String,
    expected: String,
    headers: Vec<String>,
    subject: String,
    body: String,
    /// The day from which they are back, of a mail of Wednesday, 5 May 2027.
    back_on: Option<String>,
    #[serde(default)]
    left: bool,
}

impl Case {
    fn mail(&self) -> String {
        let has = |name: &str| self.headers.iter().any(|header| header.starts_with(name));
        let from = if has("From:") { "" } else { "From: Writer <writer@x.example>\n" };
        let plain = if has("Content-Type:") { "" } else { "Content-Type: text/plain; charset=utf-8\n" };
        let headers: String = self.headers.iter().flat_map(|header| [header.as_str(), "\n"]).collect();
        format!(
            "{from}To: letter@news.tecnofab.example\nDate: Wed, 5 May 2027 10:00:00 +0200\nSubject: {}\n\
             In-Reply-To: <token@news.tecnofab.example>\n{headers}{plain}\n{}\n",
            self.subject, self.body
        )
    }
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(data("automatic/cases.jsonl")).expect("cases");
    text.lines().map(|line| serde_json::from_str(line).expect("a case")).collect()
}

/// As [`wild`].
pub(super) fn ours() -> Vec<(String, String, String)> {
    let read = |case: Case| (case.id.clone(), case.expected.clone(), word(&kind(case.mail().as_bytes())).to_owned());
    cases().into_iter().map(read).collect()
}

#[test]
fn automatic_mail_is_told_from_people_in_thirty_languages() {
    table(ours());
}

#[test]
fn an_automatic_mail_says_when_they_are_back_and_that_they_have_left() {
    for case in cases().into_iter().filter(|case| case.back_on.is_some() || case.left) {
        let Incoming::AutoReply { notice, .. } = kind(case.mail().as_bytes()) else { panic!("{} is automatic", case.id) };
        assert_eq!(notice.back_on.map(|day| day.to_string()), case.back_on, "{}", case.id);
        assert_eq!(notice.left.is_some(), case.left, "{}", case.id);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long the machine takes is what is tested")]
fn long_and_odd_texts_are_read_in_linear_time() {
    let began = std::time::Instant::now();
    for text in
        ["re:".repeat(20_000), "[x] ".repeat(20_000), "until ".repeat(20_000), "12. 5. ".repeat(20_000), "(".repeat(80_000)]
    {
        let raw = format!("From: a@x.example\nSubject: {text}\nAuto-Submitted: {text}\nIn-Reply-To: <t@x.example>\n\n{text}\n");
        let _ = kind(raw.as_bytes());
    }
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
