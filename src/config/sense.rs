//! Whether the rules make sense together: what no campaign can feed, what nobody is asked, what is reached only by reading
//! one mail many times, and what a day has made useless. Each is allowed, and somebody should look at it.
//!
//! What contradicts itself within one criterion is refused in `proof`. Nothing here asks a clock: what depends on the day is
//! handed on with its day.

use crate::config::node::{Node, Value};
use crate::config::problem::{Log, Problem};
use crate::domain::campaign::Campaign;
use crate::domain::criterion::Criterion;
use crate::domain::rule::{Qualifying, Reads, Topic, Until};
use crate::domain::settings::{Settings, Tracking};
use crate::domain::span::Span;
use crate::text::lint::{Mentions, mentions};
use jiff::Timestamp;
use jiff::civil::Date;

/// A campaign, and what each of its newsletters mentions.
type Told<'a> = (&'a Campaign, Vec<Mentions>);

/// Looks at the rules beside the campaigns that should feed them. `root` is `qualification.toml`.
pub fn look(log: &Log, root: &Node, rules: &Qualifying, campaigns: &[Campaign], settings: &Settings) {
    let told: Vec<Told<'_>> =
        campaigns.iter().map(|c| (c, c.newsletters.iter().map(|n| mentions(&n.markdown)).collect())).collect();
    for (criterion, of) in rules.criteria.iter() {
        let Some(table) = child(root, "criteria").and_then(|node| child(node, criterion.word())) else { continue };
        if let Some(question) = child(table, "question").filter(|_| !campaigns.is_empty()) {
            asked(log, question, criterion, &told);
        }
        let nodes = child(table, "evidence").map(items).unwrap_or_default();
        for (rule, node) in of.rules.iter().zip(nodes) {
            match &rule.reads {
                Reads::Click { topic, days, within } => {
                    let Some(place) = child(node, "click") else { continue };
                    let topic = rules.topics.iter().find(|t| t.name == *topic);
                    fed(log, place, topic, (*days, *within), &told, settings.tracking);
                }
                Reads::Event(_) if settings.http.api_token.is_none() => {
                    let Some(place) = child(node, "event") else { continue };
                    let problem = Problem::warning(&place.place, "nobody can report an event").label("never fed");
                    log.add(
                        problem.help("the API is closed: set `api_token_file` under [http] in nurtured.toml, or drop the rule"),
                    );
                }
                _ => {}
            }
        }
    }
}

/// What becomes a problem on a day: proofs that count until then and no longer.
#[must_use]
pub fn dated(root: &Node, rules: &Qualifying) -> Vec<(Date, Problem)> {
    let of = |(criterion, of): (Criterion, _)| {
        let rules: &crate::domain::rule::CriterionRules = of;
        let Until::Date(day) = rules.until else { return None };
        let until = child(root, "criteria").and_then(|node| child(child(node, criterion.word())?, "until"))?;
        let problem = Problem::warning(&until.place, format!("no proof of {criterion} counts any more since {day}"));
        Some((day, problem.label("in the past").help("nobody can become ready; write a later day, or a span such as \"365d\"")))
    };
    rules.criteria.iter().filter_map(of).collect()
}

fn asked(log: &Log, question: &Node, criterion: Criterion, told: &[Told<'_>]) {
    if told.iter().flat_map(|(_, newsletters)| newsletters).any(|n| n.asks.contains(&criterion)) {
        return;
    }
    let problem = Problem::warning(&question.place, format!("nobody is asked about {criterion}")).label("in no newsletter");
    log.add(problem.help(format!("put a line `:::ask {}` into a newsletter", criterion.word())));
}

fn fed(log: &Log, node: &Node, topic: Option<&Topic>, (days, within): (u32, Span), told: &[Told<'_>], tracking: Tracking) {
    let Some(topic) = topic else { return };
    let warn = |title: String, label: &str, help: &str| log.add(Problem::warning(&node.place, title).label(label).help(help));
    if tracking == Tracking::None {
        let title = "nobody's clicks are followed".to_owned();
        return warn(title, "never fed", "`tracking` in nurtured.toml is \"none\": this rule cannot be reached");
    }
    let links = |newsletters: &[Mentions]| newsletters.iter().any(|n| n.links.iter().any(|link| topic.covers(link)));
    let feeding: Vec<&Campaign> = told.iter().filter(|(_, n)| links(n)).map(|(campaign, _)| *campaign).collect();
    if feeding.is_empty() {
        if !told.is_empty() {
            let title = format!("no newsletter links to anything about {}", topic.name);
            warn(title, "never fed", "link to one of the topic's `urls` in a newsletter, or mend the addresses");
        }
        return;
    }
    // A mail read on one day gives one day; the next comes with the next issue.
    let quickest = feeding.iter().filter_map(|c| densest(c, days as usize)).min();
    if days > 1 && quickest.is_none_or(|minutes| minutes > within.rough_minutes()) {
        let title = format!("{days} days of clicks within {within} come only from reading one issue again");
        let help = format!("{days} issues do not fall within {within}: ask for fewer `days`, or for a longer `within`");
        warn(title, "slower campaigns feed it", &help);
    }
}

/// The shortest time in which a campaign has so many issues, in minutes, looked for over two years: the calendar repeats.
fn densest(campaign: &Campaign, issues: usize) -> Option<i64> {
    let begins = Timestamp::from_second(1_767_225_600).ok()?;
    let ends = Span::days(730).after(begins);
    let all: Vec<i64> = std::iter::successors(campaign.schedule.after(begins), |f| campaign.schedule.after(f.due_at))
        .take_while(|f| f.due_at < ends)
        .take(1_000)
        .map(|f| f.due_at.as_second() / 60)
        .collect();
    all.windows(issues.max(1)).map(|run| run[run.len() - 1] - run[0]).min()
}

fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.value {
        Value::Table(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node),
        _ => None,
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}
