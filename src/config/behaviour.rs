//! A behaviour file: how people act in a simulation. It is no part of a configuration: the plan is checked without it,
//! and it is checked against a plan, because it names topics, newsletters, answers and reasons.

use crate::config::calendar;
use crate::config::condition::{Declared, condition, one_or_more};
use crate::config::example;
use crate::config::node::{self, Node};
use crate::config::place::Source;
use crate::config::problem::{Log, Problem, Problems, did_you_mean};
use crate::config::reader::Reader;
use crate::domain::behaviour::{Behaviour, Desk, End, FormHabit, Habit, OfferAnswer, Refusals, Sales, Scanners};
use crate::domain::chance::Share;
use crate::domain::criterion::{Criterion, PerCriterion};
use crate::domain::id::Name;
use crate::domain::individual::handoff::Outcome;
use crate::domain::plan::Plan;
use crate::domain::span::Span;
use crate::domain::window::Window;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Reads a behaviour file for a plan. `shown` is the file's name in problems.
pub fn read(shown: &str, text: &str, plan: &Plan) -> Result<Behaviour, Problems> {
    let log = Log::default();
    let source = Source::open(shown.to_owned(), text);
    let root = node::parse(&log, &source, 0..source.text.len(), 0..0);
    let behaviour = root.and_then(|root| whole(&log, &root, plan));
    match behaviour {
        Some(behaviour) if !log.refuses() => Ok(behaviour),
        _ => Err(Problems(log.sorted())),
    }
}

/// The behaviour used without a file: that of the example, without what this plan does not know.
///
/// # Panics
/// Never: the example is valid; a test checks it.
pub fn usual(plan: &Plan) -> Behaviour {
    let example = example::load_embedded(&[]).expect("the example is valid").plan;
    read("behaviour.toml", example::BEHAVIOUR, &example).expect("the example's behaviour is valid").fitted(plan)
}

fn whole(log: &Log, root: &Node, plan: &Plan) -> Option<Behaviour> {
    let declared = Declared {
        fields: Some(plan.settings.fields.iter().map(|(name, kind)| (name.clone(), Some(*kind))).collect()),
        salespeople: Some(plan.roster.salespeople.iter().map(|s| s.id.clone()).collect()),
        colleagues: Some(plan.roster.colleagues.iter().map(|c| c.id.clone()).collect()),
    };
    let mut reader = Reader::table(log, root)?;
    let reads = reader.need(
        "reads",
        "when prospects read their mail: { days = \"mon-fri\", from = \"08:00\", to = \"19:00\", zone = \"Europe/Madrid\" }",
    );
    let reads = reads.and_then(|node| hours(log, node));
    let delay = span(&mut reader, "delay", Span::hours(4));
    let words = [("go on", true), ("as written", false)];
    let writes_on = reader.get("letters").map_or(Some(false), |node| node.one_of(log, &words));
    let scanners = reader.section("scanners").map_or(Scanners { share: Share::NONE, links: 1 }, scanners);
    let refusals = reader.section("refusals").map_or(Refusals { gone: Share::NONE, later: Share::NONE }, refusals);
    let kinds = reader.need("people", "at least one [[people]], how they act").and_then(|node| node.list(log));
    let mut people = Vec::new();
    for node in kinds.unwrap_or_default() {
        people.extend(Reader::table(log, node).map(|reader| habit(reader, plan, &declared)));
    }
    let sales = reader.need("sales", "what salespeople do, under [sales]").and_then(|node| Reader::table(log, node));
    let sales = sales.and_then(|reader| sales_of(reader, plan));
    let desk = reader.section("desk").map(|reader| desk_of(reader, plan, &declared));
    reader.finish();
    let people = people.into_iter().collect::<Option<_>>()?;
    let (reads, delay, sales) = (reads?, delay?, sales?);
    Some(Behaviour {
        reads,
        delay,
        writes_on: writes_on?,
        scanners,
        refusals,
        people,
        sales,
        desk: desk.map_or(Some(None), |d| d.map(Some))?,
    })
}

/// A window with a zone of its own.
fn hours(log: &Log, node: &Node) -> Option<Window> {
    let mut reader = Reader::table(log, node)?;
    let zone = reader.need("zone", "an IANA time zone such as \"Europe/Madrid\"")?;
    let zone = zone.parse(log, "", |text| {
        TimeZone::get(text).map_err(|_| format!("{text:?} is no IANA time zone; write one such as \"Europe/Madrid\""))
    });
    let days = reader.get("days").map_or(Some([true; 7]), |node| node.parse(log, "", calendar::days));
    let mut clock = |key| {
        reader.need(key, "a time of day such as \"08:00\"").map(|node| (node.parse(log, "", calendar::time_of_day), &node.place))
    };
    let (from, to) = (clock("from"), clock("to"));
    reader.finish();
    let ((from, _), (to, place)) = (from?, to?);
    let (from, to) = (from?, to?);
    if to <= from {
        log.add(
            Problem::error(place, "the day ends before it begins")
                .label("not later than `from`")
                .help("write two times of one day"),
        );
        return None;
    }
    Some(Window { days: days?, from, to, zone: zone? })
}

fn scanners(mut reader: Reader<'_>) -> Scanners {
    let log = reader.log;
    let share = share(&mut reader, "share");
    let links = reader.get("links").and_then(|node| node.integer(log, 1, 20)).unwrap_or(2);
    reader.finish();
    Scanners { share, links }
}

fn refusals(mut reader: Reader<'_>) -> Refusals {
    let refusals = Refusals { gone: share(&mut reader, "gone"), later: share(&mut reader, "later") };
    reader.finish();
    refusals
}

fn habit(mut reader: Reader<'_>, plan: &Plan, declared: &Declared) -> Option<Habit> {
    let log = reader.log;
    let name = reader.need_name("name", "what they are called in the report, such as \"readers\"").map(|(name, _)| name);
    let mut when = Vec::new();
    for node in reader.get("when").map(one_or_more).unwrap_or_default() {
        when.push(condition(log, node, declared));
    }
    let of = if reader.has("share") { share(&mut reader, "share") } else { Share::ALL };
    let lasts = reader.get("lasts").map(|node| node.parse(log, "", some_time));
    let clicks = share(&mut reader, "clicks");
    let known: Vec<&str> = plan.campaigns.iter().flat_map(|c| &c.newsletters).map(|n| n.id.as_str()).collect();
    let newsletters = named(&mut reader, "newsletters", "newsletter", &known, |node| node.parse(log, "", Share::parse));
    let topics: Vec<&str> = plan.qualifying.topics.iter().map(|t| t.name.as_str()).collect();
    let topics = named(&mut reader, "topics", "topic", &topics, |node| node.integer(log, 0, 1_000));
    let (answers, further) = (share(&mut reader, "answers"), share(&mut reader, "further"));
    let says = reader.section("says").map(|reader| says(reader, plan)).unwrap_or_default();
    let replies = share(&mut reader, "replies");
    let words: Vec<String> = reader.list("words").iter().filter_map(|node| node.text(log)).map(str::to_owned).collect();
    if replies > Share::NONE && words.is_empty() {
        let place = reader.get("replies").map_or_else(|| reader.place.clone(), |node| node.place.clone());
        log.add(
            Problem::error(&place, "replies without words").help("add words = [\"Thank you.\"]: a reply is read, not counted"),
        );
    }
    let (unsubscribes, complains) = (share(&mut reader, "unsubscribes"), share(&mut reader, "complains"));
    let forms: Vec<Option<FormHabit>> = reader.list("forms").iter().map(|node| Reader::table(log, node).and_then(form)).collect();
    reader.finish();
    Some(Habit {
        name: name?,
        when: when.into_iter().collect::<Option<_>>()?,
        share: of,
        lasts: lasts.map_or(Some(None), |lasts| lasts.map(Some))?,
        clicks,
        newsletters,
        topics,
        answers,
        further,
        says,
        replies,
        words,
        unsubscribes,
        complains,
        forms: forms.into_iter().collect::<Option<_>>()?,
    })
}

/// A table whose keys are names that the plan must know; an unknown name is a problem.
fn named<T>(
    reader: &mut Reader<'_>,
    key: &'static str,
    what: &str,
    known: &[&str],
    value: impl Fn(&Node) -> Option<T>,
) -> BTreeMap<Name, T> {
    let log = reader.log;
    let Some(table) = reader.section(key) else { return BTreeMap::new() };
    let read = |entry: &node::Entry| {
        if !known.contains(&entry.key.as_str()) {
            let problem =
                Problem::error(&entry.place, format!("unknown {what} `{}`", entry.key)).label("not in this configuration");
            log.add(problem.help(did_you_mean(&entry.key, known.iter().copied())));
            return None;
        }
        Some((Name::parse(&entry.key).ok()?, value(&entry.node)?))
    };
    table.entries().iter().filter_map(read).collect()
}

fn says(mut reader: Reader<'_>, plan: &Plan) -> PerCriterion<BTreeMap<String, u32>> {
    let log = reader.log;
    let mut found: PerCriterion<BTreeMap<String, u32>> = PerCriterion::default();
    for criterion in Criterion::ALL {
        let Some(table) = reader.section(criterion.word()) else { continue };
        let known: Vec<&str> = plan.qualifying.criteria[criterion].answers.iter().map(|a| a.say.as_str()).collect();
        for entry in table.entries() {
            if !known.contains(&entry.key.as_str()) {
                let title = format!("nobody can answer {:?} about {criterion}", entry.key);
                let problem = Problem::error(&entry.place, title).label("no answer of qualification.toml");
                log.add(problem.help(did_you_mean(&entry.key, known.iter().copied())));
            } else if let Some(weight) = entry.node.integer(log, 0, 1_000) {
                found[criterion].insert(entry.key.clone(), weight);
            }
        }
    }
    reader.finish();
    found
}

fn form(mut reader: Reader<'_>) -> Option<FormHabit> {
    let log = reader.log;
    let form = reader.need_name("form", "the NAME of the address /f/NAME that the form posts to").map(|(name, _)| name);
    reader.need("share", "after how many mails, such as \"0.3%\"");
    let share = share(&mut reader, "share");
    let fields = reader.section("fields").map(|table| {
        let text = |entry: &node::Entry| Some((entry.key.clone(), entry.node.text(log)?.to_owned()));
        table.entries().iter().filter_map(text).collect()
    });
    reader.finish();
    Some(FormHabit { form: form?, share, fields: fields.unwrap_or_default() })
}

fn sales_of(mut reader: Reader<'_>, plan: &Plan) -> Option<Sales> {
    let answers = span(&mut reader, "answers", Span::hours(2));
    let known = OfferAnswer::WORDS.map(|(word, _)| word);
    let offers =
        weights(&mut reader, "offers", &known, |word| OfferAnswer::WORDS.into_iter().find(|(w, _)| *w == word).map(|(_, o)| o));
    let touches = span(&mut reader, "touches", Span::hours(6));
    let lasts = span(&mut reader, "lasts", Span::days(45));
    let known: Vec<&str> = ["won", "lost"].into_iter().chain(plan.qualifying.recycle.iter().map(|r| r.reason.as_str())).collect();
    let ends = weights(&mut reader, "ends", &known, |word| match word {
        "won" => Some(End::Outcome(Outcome::Won)),
        "lost" => Some(End::Outcome(Outcome::Lost)),
        reason => Some(End::Recycle(plan.qualifying.recycle_reason(reason)?.reason.clone())),
    });
    reader.finish();
    Some(Sales { answers: answers?, offers: offers?, touches: touches?, lasts: lasts?, ends: ends? })
}

/// A table of words and weights. At least one weight must be above zero.
fn weights<T>(
    reader: &mut Reader<'_>,
    key: &'static str,
    known: &[&str],
    read: impl Fn(&str) -> Option<T>,
) -> Option<Vec<(T, u32)>> {
    let log = reader.log;
    let node = reader.need(key, "how likely each is, such as { accept = 9, \"not ready\" = 1 }")?;
    let table = Reader::table(log, node)?;
    let mut found = Vec::new();
    for entry in table.entries() {
        match (read(&entry.key), entry.node.integer::<u32>(log, 0, 1_000)) {
            (Some(word), Some(weight)) => found.push((word, weight)),
            (Some(_), None) => {}
            (None, _) => {
                let problem = Problem::error(&entry.place, format!("unknown word {:?}", entry.key)).label("none of these");
                log.add(problem.help(did_you_mean(&entry.key, known.iter().copied())));
            }
        }
    }
    if found.iter().all(|(_, weight)| *weight == 0) && !log.refuses() {
        log.add(Problem::error(&node.place, "nothing here can happen").help("give at least one of them a weight above 0"));
    }
    Some(found)
}

fn desk_of(mut reader: Reader<'_>, plan: &Plan, declared: &Declared) -> Option<Desk> {
    let log = reader.log;
    let node = reader.need("by", "the id of a colleague who logs the calls");
    let by = node.and_then(|node| declared.person(log, node));
    if let (Some(node), Some(by)) = (node, &by)
        && plan.roster.salesperson(by).is_some()
    {
        let problem = Problem::error(&node.place, format!("`{by}` is a salesperson")).label("proves nothing alone");
        log.add(problem.help("salespeople do not make their own leads: name a [[colleague]]"));
    }
    let calls = reader.get("calls").map_or(Some(4), |node| node.integer(log, 0, 1_000));
    let desk = (share(&mut reader, "reaches"), share(&mut reader, "proves"), span(&mut reader, "again", Span::days(60)));
    reader.finish();
    Some(Desk { by: by?, calls: calls?, reaches: desk.0, proves: desk.1, again: desk.2? })
}

/// A share under a key; none without it.
fn share(reader: &mut Reader<'_>, key: &'static str) -> Share {
    let log = reader.log;
    reader.get(key).and_then(|node| node.parse(log, "", Share::parse)).unwrap_or_default()
}

/// A span under a key; `usual` without it.
fn span(reader: &mut Reader<'_>, key: &'static str, usual: Span) -> Option<Span> {
    let log = reader.log;
    reader.get(key).map_or(Some(usual), |node| node.parse(log, "", some_time))
}

fn some_time(text: &str) -> Result<Span, String> {
    let span = Span::parse(text).map_err(|error| error.to_string())?;
    if span.rough_minutes() > 0 { Ok(span) } else { Err(format!("{text:?} is no time at all; write one such as \"4h\"")) }
}
