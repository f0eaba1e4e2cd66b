//! Warnings about rules that do not work together: a topic to which no campaign links, a criterion for which no question is
//! asked, a rule met only by reading one mail many times, a date that has passed. Each is allowed, and worth a look.
//!
//! `proof` refuses contradictions within one criterion. This module reads no clock: a warning that depends on the day is
//! returned with its day.

use crate::config::node::{Node, Value};
use crate::config::problem::{Log, Problem};
use crate::domain::api_token::Right;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::rule::{CriterionRules, Qualifying, Reads, Topic, Until};
use crate::domain::group::campaign::{Campaign, Order};
use crate::domain::question::Power;
use crate::domain::settings::{Settings, Tracking};
use crate::domain::span::Span;
use crate::text::lint::{Mentions, mentions};
use jiff::Timestamp;
use jiff::civil::Date;

/// A campaign, and what each of its newsletters mentions.
type CampaignMentions<'a> = (&'a Campaign, Vec<Mentions>);

/// Checks the rules against the campaigns that feed them. `root` is `qualification.toml`.
pub fn check(log: &Log, root: &Node, rules: &Qualifying, campaigns: &[Campaign], settings: &Settings) {
    let told: Vec<CampaignMentions<'_>> =
        campaigns.iter().map(|c| (c, c.newsletters.iter().map(|n| mentions(&n.markdown)).collect())).collect();
    for (criterion, of) in rules.criteria.iter() {
        let Some(table) = child(root, "criteria").and_then(|node| child(node, criterion.word())) else { continue };
        let is_asked = told.iter().flat_map(|(_, newsletters)| newsletters).any(|n| n.asks.contains(&criterion));
        if let Some(question) = child(table, "question").filter(|_| !campaigns.is_empty() && !is_asked) {
            unasked(log, question, criterion, of);
        }
        let nodes = child(table, "evidence").map(items).unwrap_or_default();
        let mut supports = usize::from(is_asked && of.answers.iter().any(|a| a.power == Some(Power::Supports)));
        for (rule, node) in of.rules.iter().zip(nodes) {
            let is_fed = match &rule.reads {
                Reads::Click { topic, days, within } => child(node, "click").is_none_or(|place| {
                    let topic = rules.topics.iter().find(|t| t.name == *topic);
                    fed(log, place, topic, (*days, *within), &told, settings.tracking)
                }),
                Reads::Event(_) => {
                    settings.http.tokens.iter().any(|token| token.may(Right::Signals))
                        || child(node, "event").is_none_or(|place| closed(log, place))
                }
                _ => true,
            };
            supports += usize::from(is_fed && rule.power == Power::Supports);
        }
        if let Some(enough) = child(table, "enough").filter(|_| supports < of.enough && !campaigns.is_empty()) {
            let title = format!("support alone never meets {criterion}");
            let label = format!("{supports} of the supporting rules can be reached");
            let help = "ask for fewer, or feed the others; until then only an answer, a form or a call that \"meets\" does";
            log.add(Problem::warning(&enough.place, title).label(label).help(help));
        }
    }
}

/// The warnings that hold from a day on: proofs that count only until then.
pub fn dated(root: &Node, rules: &Qualifying) -> Vec<(Date, Problem)> {
    let of = |(criterion, of): (Criterion, _)| {
        let rules: &crate::domain::doorway::rule::CriterionRules = of;
        let Until::Date(day) = rules.until else { return None };
        let until = child(root, "criteria").and_then(|node| child(child(node, criterion.word())?, "until"))?;
        let problem = Problem::warning(&until.place, format!("no proof of {criterion} counts any more since {day}"));
        Some((day, problem.label("in the past").help("nobody can become ready; write a later day, or a span such as \"365d\"")))
    };
    rules.criteria.iter().filter_map(of).collect()
}

/// Warns of a question that no newsletter asks, and more strongly where no other rule can prove the criterion.
fn unasked(log: &Log, question: &Node, criterion: Criterion, of: &CriterionRules) {
    let proofs = of.rules.iter().any(|rule| rule.power == Power::Meets);
    let (title, label) = if proofs {
        (format!("nobody is asked about {criterion}"), "in no newsletter")
    } else {
        (format!("nothing can prove {criterion}: nobody is asked"), "in no newsletter, and no form, call or event proves it")
    };
    let help = format!("put a line `:::ask {}` into a newsletter", criterion.word());
    log.add(Problem::warning(&question.place, title).label(label).help(help));
}

fn closed(log: &Log, event: &Node) -> bool {
    let problem = Problem::warning(&event.place, "nobody can report an event").label("never fed");
    log.add(
        problem.help("no token may report events: add a [[http.token]] that may \"signals\" to nurtured.toml, or drop the rule"),
    );
    false
}

/// Whether a prospect who clicks a link in every mail that has one can satisfy a rule about clicks.
fn fed(
    log: &Log,
    node: &Node,
    topic: Option<&Topic>,
    (days, within): (u32, Span),
    told: &[CampaignMentions<'_>],
    tracking: Tracking,
) -> bool {
    let Some(topic) = topic else { return true };
    let warn = |title: String, label: &str, help: &str| {
        log.add(Problem::warning(&node.place, title).label(label).help(help));
        false
    };
    if tracking == Tracking::None {
        let title = "nobody's clicks are followed".to_owned();
        return warn(title, "never fed", "`tracking` in nurtured.toml is \"none\": this rule cannot be reached");
    }
    let links = |newsletter: &Mentions| newsletter.links.iter().any(|link| topic.covers(link));
    let feeding: Vec<Feeding> = told
        .iter()
        .filter(|(_, newsletters)| newsletters.iter().any(links))
        .map(|(campaign, newsletters)| Feeding::of(campaign, newsletters.iter().map(links).collect()))
        .collect();
    if feeding.is_empty() {
        // Without a campaign there is nothing to fix here.
        return told.is_empty() || {
            let title = format!("no newsletter links to anything about {}", topic.name);
            warn(title, "never fed", "link to one of the topic's `urls` in a newsletter, or mend the addresses")
        };
    }
    // A mail read on one day counts one day; the next day comes with the next issue that links to the topic.
    let quickest = densest(&feeding, days as usize);
    if days > 1 && quickest.is_none_or(|minutes| minutes > within.rough_minutes()) {
        let title = format!("{days} days of clicks within {within} come only from reading one issue again");
        let help = format!(
            "{days} issues that link to {} do not fall within {within}: ask for fewer `days`, or for a longer `within`",
            topic.name
        );
        return warn(title, "slower campaigns feed it", &help);
    }
    true
}

/// The dates of a campaign that links to a topic, in minutes over three years: the calendar repeats.
struct Feeding {
    dates: Vec<i64>,
    /// Which of its newsletters link, for a series. `None` for an edition: any of its issues may link.
    places: Option<Vec<bool>>,
}

impl Feeding {
    fn of(campaign: &Campaign, places: Vec<bool>) -> Self {
        let begins = Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH);
        let ends = Span::days(3 * 365).after(begins);
        let firings = std::iter::successors(campaign.schedule.after(begins), |f| campaign.schedule.after(f.due_at));
        let dates = firings.take_while(|f| f.due_at < ends).take(1_000).map(|f| f.due_at.as_second() / 60).collect();
        Self { dates, places: (campaign.order == Order::Series).then_some(places) }
    }

    /// The instants of its mails that link, for a prospect who joins just before `at`.
    fn mails(&self, at: i64) -> Vec<i64> {
        let dates = self.dates.iter().filter(|date| **date >= at);
        match &self.places {
            Some(places) => dates.zip(places).filter(|(_, links)| **links).map(|(date, _)| *date).collect(),
            None => dates.copied().collect(),
        }
    }
}

/// The shortest time, in minutes, in which a prospect gets mails that link on so many days, whenever they join.
fn densest(feeding: &[Feeding], days: usize) -> Option<i64> {
    let first_year = feeding.iter().flat_map(|f| f.dates.iter().take_while(|date| **date - f.dates[0] < 366 * 24 * 60));
    let run = |at: &i64| {
        let mut mails: Vec<i64> = feeding.iter().flat_map(|f| f.mails(*at)).collect();
        mails.sort_unstable();
        mails.dedup_by_key(|minute| *minute / (24 * 60));
        mails.windows(days.max(1)).map(|run| run[run.len() - 1] - run[0]).min()
    };
    first_year.filter_map(run).min()
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
