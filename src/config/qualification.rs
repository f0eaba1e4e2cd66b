//! `qualification.toml`: the contract between marketing and sales about when a prospect is ready.

use crate::config::condition::Declared;
use crate::config::form;
use crate::config::node::Node;
use crate::config::problem::{Log, Problem};
use crate::config::proof;
use crate::config::reader::Reader;
use crate::domain::criterion::{Criterion, PerCriterion};
use crate::domain::doorway::rule::{CriterionRules, Qualifying, RecycleReason, RequestRule, Topic, Wake};
use crate::domain::id::Name;
use crate::domain::settings::FormSettings;
use crate::domain::span::{FiscalYear, Span};
use std::collections::BTreeMap;

/// The largest value of `max_new_offers`: more would be no limit.
const MOST_OFFERS: i64 = 100_000;

/// The default and the largest value of `max_enquiries_per_hour`.
const ENQUIRIES: u32 = 20;
const MOST_ENQUIRIES: i64 = 10_000;

/// The contents of `qualification.toml`.
#[derive(Debug)]
pub struct Contract {
    pub rules: Qualifying,
    pub forms: BTreeMap<Name, FormSettings>,
    /// How many prospects whom a change of rules made ready are offered on a working day.
    pub max_new_offers: Option<u32>,
    /// How many enquiries an hour reach salespeople one by one; the rest is a list for the sales manager.
    pub max_enquiries_per_hour: u32,
}

/// Reads `qualification.toml`. After a problem the result may be incomplete.
pub fn read(log: &Log, root: &Node, declared: &Declared, fiscal_year: FiscalYear) -> Option<Contract> {
    let mut reader = Reader::table(log, root)?;
    let agreed = reader.need("agreed_by", "who agreed to these rules, of both sides, such as [\"marta\", \"iria\"]");
    let agreed_by = agreed.map(|node| agreed_by(log, node, declared)).unwrap_or_default();
    let horizon = reader.need("horizon", "a stated date further away is no timeframe yet, such as \"9 months\"");
    let horizon = horizon.and_then(|node| node.parse(log, "", Span::parse));
    let max_new_offers = reader.get("max_new_offers").and_then(|node| node.integer(log, 1, MOST_OFFERS));
    let most = reader.get("max_enquiries_per_hour").and_then(|node| node.integer(log, 1, MOST_ENQUIRIES));
    let max_enquiries_per_hour = most.unwrap_or(ENQUIRIES);
    let requests = reader.list("requests").iter().filter_map(|node| request(Reader::table(log, node)?)).collect();
    let topics = topics(log, reader.list("topics"));
    let names: Vec<Name> = topics.iter().map(|topic| topic.name.clone()).collect();
    let criteria = reader
        .need("criteria", "[criteria.vision], [criteria.budget], [criteria.authority], [criteria.need] and [criteria.timeframe]");
    let mut all = PerCriterion::<CriterionRules>::default();
    if let Some(mut section) = criteria.and_then(|node| Reader::table(log, node)) {
        for criterion in Criterion::ALL {
            if let Some(node) =
                section.need(criterion.word(), "until all five are in place a sale will not take place: each needs its rules")
            {
                all[criterion] = proof::read(log, criterion, node, declared, &names);
            }
        }
        section.finish();
    }
    let recycle =
        reader.need("recycle", "why a salesperson may return a lead, such as [recycle.\"no budget\"] with `lapses` and `wake`");
    let recycle = recycle.and_then(|node| Reader::table(log, node)).map(|section| recycling(&section)).unwrap_or_default();
    let forms_section = reader.section("forms");
    reader.finish();
    let salespeople = declared.salespeople.clone().unwrap_or_default();
    let horizon = horizon?;
    let rules = Qualifying { agreed_by, horizon, fiscal_year, requests, topics, criteria: all, recycle, salespeople };
    let forms = forms_section.map(|section| form::read(&section, &rules)).unwrap_or_default();
    Some(Contract { rules, forms, max_new_offers, max_enquiries_per_hour })
}

fn agreed_by(log: &Log, node: &Node, declared: &Declared) -> Vec<Name> {
    let mut people: Vec<Name> = Vec::new();
    let items = node.list(log).unwrap_or_default();
    let before = log.count();
    for person in items.iter().filter_map(|item| declared.person(log, item)) {
        if !people.contains(&person) {
            people.push(person);
        }
    }
    if people.len() < 2 && log.count() == before {
        let problem = Problem::error(&node.place, "these rules are a contract: two people must agree").label("fewer than two");
        log.add(problem.help("name one of marketing and one of sales"));
    }
    people
}

fn request(mut reader: Reader<'_>) -> Option<RequestRule> {
    let log = reader.log;
    let (form, word, event) = (reader.get("form"), reader.get("reply_says"), reader.get("event"));
    let place = reader.place.clone();
    let unknown = reader.has_unknown();
    reader.finish();
    match (form, word, event) {
        (Some(form), None, None) => form.parse(log, "", Name::parse).map(RequestRule::Form),
        (None, None, Some(event)) => event.parse(log, "", Name::parse).map(RequestRule::Event),
        (None, Some(word), None) => word
            .parse(log, "", |text| {
                if text.chars().all(char::is_alphanumeric) {
                    Ok(text.to_lowercase())
                } else {
                    Err("a reply is searched for one whole word; write one, such as \"call\"")
                }
            })
            .map(RequestRule::ReplySays),
        _ => {
            if !unknown {
                let problem = Problem::error(&place, "a request is one of `form`, `reply_says` and `event`");
                log.add(problem.help("such as { form = \"call-me\" } or { reply_says = \"call\" }"));
            }
            None
        }
    }
}

fn topics(log: &Log, nodes: &[Node]) -> Vec<Topic> {
    let mut topics: Vec<Topic> = Vec::new();
    for mut reader in nodes.iter().filter_map(|node| Reader::table(log, node)) {
        let name = reader.need_name("name", "a short name such as \"pricing\"");
        let urls =
            reader.need("urls", "the addresses of its pages, `*` for anything, such as [\"https://tecnofab.example/prices*\"]");
        let items = urls.and_then(|node| node.list(log));
        if let (Some(node), Some([])) = (urls, items) {
            log.add(Problem::error(&node.place, "a topic without addresses").help("name at least one, `*` stands for anything"));
        }
        let urls = items.unwrap_or_default().iter().filter_map(|node| node.text(log)).map(str::to_owned).collect();
        reader.finish();
        let Some((name, place)) = name else { continue };
        if topics.iter().any(|topic| topic.name == name) {
            let problem = Problem::error(place, format!("the topic `{name}` is there twice")).label("the second");
            log.add(problem.help("put all its addresses into one"));
        }
        topics.push(Topic { name, urls });
    }
    topics
}

fn recycling(section: &Reader<'_>) -> Vec<RecycleReason> {
    let log = section.log;
    let mut reasons: Vec<RecycleReason> = Vec::new();
    for entry in section.entries() {
        let Some(mut reader) = Reader::table(log, &entry.node) else { continue };
        let words = Criterion::ALL.map(|criterion| (criterion.word(), criterion));
        let criteria = |nodes: &[Node]| nodes.iter().filter_map(|node| node.one_of(log, &words)).collect::<Vec<_>>();
        let (lapses, contradicts) = (criteria(reader.list("lapses")), criteria(reader.list("contradicts")));
        let wake = reader.get("wake").map(|node| node.parse(log, "", wake));
        let changes = wake.is_some() || reader.has("lapses") || reader.has("contradicts");
        let unknown = reader.has_unknown();
        reader.finish();
        let reason = entry.key.trim().to_owned();
        if !changes && !unknown {
            let problem = Problem::error(&entry.place, format!("returning a lead for {reason:?} would change nothing"));
            log.add(problem.help(
                "add what no longer holds (`lapses`), what turned out false (`contradicts`), or when to come back (`wake`)",
            ));
        }
        if reason.is_empty() || reasons.iter().any(|other| other.reason.eq_ignore_ascii_case(&reason)) {
            let problem = Problem::error(&entry.place, "a reason needs words of its own").label("empty, or there already");
            log.add(problem.help("salespeople pick a reason by its words"));
        }
        reasons.push(RecycleReason { reason, lapses, contradicts, wake: wake.flatten() });
    }
    if reasons.is_empty() {
        let problem = Problem::error(&section.place, "there is no reason for returning a lead");
        log.add(problem.help("add one, such as [recycle.\"no budget\"]"));
    }
    reasons
}

fn wake(text: &str) -> Result<Wake, String> {
    if text == "next fiscal year" {
        return Ok(Wake::NextFiscalYear);
    }
    Span::parse(text)
        .map(Wake::After)
        .map_err(|_| format!("{text:?} is no time to come back; write \"next fiscal year\" or a span such as \"6 months\""))
}
