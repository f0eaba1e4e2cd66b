//! The table `send` of a campaign and the rates of `[smtp]`.

use crate::config::node::Node;
use crate::config::problem::{Log, Problem};
use crate::config::reader::Reader;
use crate::domain::address::Address;
use crate::domain::group::guard::{Canary, Guards, Paces};
use crate::domain::pace::PerMinute;
use crate::domain::span::Span;
use std::collections::BTreeMap;

/// The default hold: long enough for a relay's refusals to arrive, not for a person's complaint.
const HOLD: Span = Span::minutes(20);
/// The largest canary: more than any breaker needs.
const CANARIES: i64 = 10_000;
/// The longest hold: after a week, another issue is due.
const LONGEST_HOLD: Span = Span::days(7);
/// The largest value of `at_most`.
const MOST: i64 = 100_000_000;
/// The most seeds: each gets a mail of every issue.
const SEEDS: usize = 20;

/// Reads `send`; `None` after a problem.
pub fn guards(mut reader: Reader<'_>) -> Option<Guards> {
    let log = reader.log;
    let before = log.count();
    let per_minute = reader.get("per_minute").and_then(|node| per_minute(log, node));
    let first = reader.get("canary").and_then(|node| node.integer(log, 1, CANARIES));
    let (has_canary, hold_node) = (reader.has("canary"), reader.get("hold"));
    let hold = hold_node.map_or(Some(HOLD), |node| node.parse(log, "", hold));
    if let Some(node) = hold_node.filter(|_| !has_canary) {
        let problem = Problem::error(&node.place, "a `hold` without a `canary`").label("nothing goes ahead of the others");
        log.add(problem.help("add `canary`, how many go first, such as canary = 25; or drop `hold`"));
    }
    let at_most = reader.get("at_most").and_then(|node| node.integer(log, 1, MOST));
    let seeds = seeds(log, reader.list("seeds"));
    reader.finish();
    let canary = first.and_then(|first| Some(Canary { first, hold: hold? }));
    (log.count() == before).then_some(Guards { per_minute, canary, at_most, seeds })
}

/// Reads `per_minute` and `[[smtp.domain]]`; `None` after a problem.
pub fn paces(reader: &mut Reader<'_>) -> Option<Paces> {
    let log = reader.log;
    let before = log.count();
    let relay = reader.get("per_minute").and_then(|node| per_minute(log, node));
    let mut paces = Paces { relay, domains: BTreeMap::new(), other: None };
    for node in reader.list("domain") {
        domain(log, node, &mut paces);
    }
    (log.count() == before).then_some(paces)
}

fn domain(log: &Log, node: &Node, paces: &mut Paces) -> Option<()> {
    const NAME: &str = "the receiving domain, such as \"gmail.com\"; or \"*\": every domain that has no pace of its own";
    let mut reader = Reader::table(log, node)?;
    let name = reader.need("name", NAME);
    let pace = reader.need("per_minute", "how many mails a minute it gets from us, such as 120");
    reader.finish();
    let pace = per_minute(log, pace?)?;
    let node = name?;
    let known = match node.parse(log, NAME, domain_name)? {
        None => paces.other.replace(pace).is_some(),
        Some(name) => paces.domains.insert(name, pace).is_some(),
    };
    if known {
        let problem = Problem::error(&node.place, "this domain has two paces").label("the second");
        log.add(problem.help("keep one of the two"));
    }
    Some(())
}

/// A domain as addresses have it; `None` for the entry that stands for all others.
fn domain_name(text: &str) -> Result<Option<String>, String> {
    if text == "*" {
        return Ok(None);
    }
    // A text that cannot stand behind the `@` of an address would never match.
    match Address::parse(&format!("somebody@{text}")) {
        Ok(address) if !text.contains('@') => Ok(Some(address.domain().to_owned())),
        _ => Err(format!("{text:?} is no domain; write what stands behind the @, such as \"gmail.com\", or \"*\"")),
    }
}

fn per_minute(log: &Log, node: &Node) -> Option<PerMinute> {
    node.integer(log, 1, PerMinute::MOST).map(PerMinute::new)
}

fn hold(text: &str) -> Result<Span, String> {
    let span = Span::parse(text).map_err(|error| error.to_string())?;
    if span.rough_minutes() < 1 || span.rough_minutes() > LONGEST_HOLD.rough_minutes() {
        return Err(format!("{text:?} is no time to hold a list; write from one minute to seven days, such as \"20m\""));
    }
    Ok(span)
}

fn seeds(log: &Log, nodes: &[Node]) -> Vec<Address> {
    let mut seeds: Vec<Address> = Vec::new();
    for node in nodes {
        let Some(seed) = node.parse(log, "one of your own addresses, such as \"marta@tecnofab.example\"", Address::parse) else {
            continue;
        };
        if seeds.contains(&seed) {
            let problem = Problem::error(&node.place, "this seed stands here twice").label("the second");
            log.add(problem.help("drop it: a seed gets one copy of each issue"));
        } else if seeds.len() == SEEDS {
            let problem = Problem::error(&node.place, format!("more than {SEEDS} seeds"));
            log.add(problem.help("seeds are a look at our own mail; whoever should read every issue is a prospect"));
            break;
        }
        seeds.push(seed);
    }
    seeds
}
