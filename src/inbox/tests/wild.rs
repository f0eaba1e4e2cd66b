//! Everything that comes back, judged by kind, in one table: `cargo test --lib wild:: -- --nocapture`. Over the inputs in
//! `tests/data/wild` and beside them; the tests of each kind say which are wrong, and ask for all of them.

use super::wild_replies::{Written, file, judged, rows, written};
use super::{automatic, wild_bounces};
use crate::domain::doorway::agent;
use crate::domain::doorway::asked::for_a_person;
use crate::inbox::mail::bounce::{Incoming, read};
use crate::inbox::mail::ours::Ours;
use crate::inbox::mail::own_words::own_words;
use crate::inbox::mail::wish;

/// How many cases of a kind are right, and how many of a hundred must be.
struct Kind {
    name: &'static str,
    right: usize,
    all: usize,
    least: usize,
}

fn kind(name: &'static str, least: usize, right: impl IntoIterator<Item = bool>) -> Kind {
    let right: Vec<bool> = right.into_iter().collect();
    Kind { name, right: right.iter().filter(|right| **right).count(), all: right.len(), least }
}

fn bounces() -> [Kind; 4] {
    let cases = wild_bounces::every_case();
    let found: Vec<_> = cases.iter().map(|case| (case, wild_bounces::read(&case.3, &case.2))).collect();
    let of = |truths: &'static [&str]| found.iter().filter(move |((_, truth, _, _), _)| truths.contains(&truth.as_str()));
    let is_named = |case: &wild_bounces::Case| case.0.contains("many-addresses") || wild_bounces::names(&case.3, &case.2);
    [
        kind(
            "bounces: the failed address",
            97,
            of(&["hard", "soft", "block", "delayed", "delivered"]).map(|(case, _)| is_named(case)),
        ),
        kind("bounces: soft or block, not called hard", 99, of(&["soft", "block", "delayed"]).map(|(_, found)| found != "hard")),
        kind("bounces: hard, not missed", 95, of(&["hard"]).map(|(_, found)| found == "hard")),
        kind("bounces: the class", 97, found.iter().map(|((_, truth, _, _), found)| found == truth)),
    ]
}

fn reports() -> Kind {
    let is_right = |(_, truth, address, raw): &wild_bounces::Case| {
        let found = wild_bounces::read(raw, address);
        found == *truth || truth == "not-complaint" && found == "none"
    };
    kind("reports", 95, wild_bounces::folder_cases("reports").iter().map(is_right))
}

fn automatic() -> [Kind; 2] {
    let told: Vec<_> = automatic::wild().into_iter().chain(automatic::ours()).collect();
    let of = |truth: &'static str| {
        told.iter().filter(move |(_, expected, _)| expected == truth).map(|(_, truth, found)| truth == found)
    };
    [kind("automatic: caught", 95, of("automatic")), kind("automatic: people not swallowed", 98, of("human"))]
}

fn replies() -> [Kind; 2] {
    let letter = file("replies/letter.txt");
    let ours = Ours::of(&letter);
    let lines = ["replies/expected.jsonl", "replies/more.jsonl"].map(file).concat();
    let own = lines.lines().map(|line| {
        let case: Written = serde_json::from_str(line).expect("a case");
        judged(&own_words(&written(&case, &letter), Some(&ours))) == judged(&case.own)
    });
    let mime = rows("mime/expected.tsv");
    let texts = mime
        .iter()
        .skip(1)
        .map(|row| text(&format!("mime/{}", row[0])).is_some_and(|(_, text)| judged(&text) == judged(&row[1])));
    [kind("replies: own words", 95, own), kind("mime", 95, texts)]
}

/// The subject and the text of a mail that somebody answers with.
fn text(name: &str) -> Option<(String, String)> {
    let raw = std::fs::read(format!("{}/tests/data/wild/{name}", env!("CARGO_MANIFEST_DIR"))).expect("a mail");
    let mail = read(&raw).expect("a mail");
    if let Incoming::Reply { text, .. } = mail.kind { Some((mail.subject, text)) } else { None }
}

fn wishes() -> [Kind; 3] {
    fn own(subject: Option<&str>) -> Option<&str> {
        subject.filter(|subject| !subject.starts_with("Re:"))
    }
    let mails = rows("wishes/expected.tsv").into_iter().skip(1).map(|row| {
        let heard = text(&format!("wishes/{}", row[0]))
            .is_some_and(|(subject, text)| wish::to_stop(own(Some(&subject)), &text).is_some());
        (row[1] == "stop", heard)
    });
    let names = ["phrases", "held", "third", "fourth", "fifth", "sixth", "seventh"];
    let phrases: Vec<Vec<String>> = names.into_iter().flat_map(|name| rows(&format!("wishes/{name}.tsv"))).collect();
    let subject = |row: &[String]| own(row.get(2).map(String::as_str)).map(str::to_owned);
    let told = phrases.iter().map(|row| (row[0] == "stop", wish::to_stop(subject(row).as_deref(), &row[1]).is_some()));
    let all: Vec<(bool, bool)> = mails.chain(told).collect();
    let of = |truth: bool| all.iter().filter(move |(stop, _)| *stop == truth).map(|(stop, heard)| stop == heard);
    let doubtful =
        phrases.iter().filter(|row| row[0] == "doubtful").map(|row| wish::is_doubtful(subject(row).as_deref(), &row[1]));
    [
        kind("wishes to stop: found", 95, of(true)),
        kind("wishes to stop: none invented", 100, of(false)),
        kind("wishes to stop: doubtful, asked about", 95, doubtful),
    ]
}

fn requests() -> Kind {
    let is_right = |row: &Vec<String>| format!("{:?}", for_a_person(&row[1], &row[2])).to_lowercase() == row[0];
    kind("requests", 95, rows("requests/phrases.tsv").iter().map(is_right))
}

fn agents() -> [Kind; 2] {
    let tables = ["expected", "ours", "held-back", "others"].map(|name| file(&format!("agents/{name}.tsv")));
    let crawlers = file("../user-agents/machine.txt");
    let cells = tables.iter().flat_map(|table| table.lines().skip(1)).filter_map(|line| {
        let mut cells = line.split('\t');
        Some((cells.next()?, cells.next()? == "human"))
    });
    let all: Vec<(&str, bool)> = cells.chain(crawlers.lines().map(|agent| (agent, false))).collect();
    let of = |truth: bool| {
        all.iter().filter(move |(_, human)| *human == truth).map(|(agent, human)| agent::is_of_a_person(agent) == *human)
    };
    [kind("agents: machines", 98, of(false)), kind("agents: people", 98, of(true))]
}

#[test]
fn what_comes_back_is_judged_as_it_must_be_of_every_kind() {
    let kinds: Vec<Kind> = [
        &mut bounces().into_iter() as &mut dyn Iterator<Item = Kind>,
        &mut [reports()].into_iter(),
        &mut automatic().into_iter(),
        &mut replies().into_iter(),
        &mut wishes().into_iter(),
        &mut [requests()].into_iter(),
        &mut agents().into_iter(),
    ]
    .into_iter()
    .flatten()
    .collect();
    println!("{:<42} {:>6} {:>6} {:>7} {:>6}", "kind", "right", "of", "percent", "goal");
    for Kind { name, right, all, least } in &kinds {
        println!("{name:<42} {right:>6} {all:>6} {:>7} {least:>6}", right * 1_000 / all / 10);
    }
    let missed: Vec<&str> = kinds.iter().filter(|kind| kind.right * 100 < kind.all * kind.least).map(|kind| kind.name).collect();
    assert!(missed.is_empty(), "{missed:?}");
}
