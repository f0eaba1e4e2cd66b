//! `salespeople.toml`: salespeople and colleagues, their working hours, and the routes of handoffs.

use crate::config::calendar;
use crate::config::condition::Declared;
use crate::config::node::Node;
use crate::config::place::Place;
use crate::config::problem::{Log, Problem};
use crate::config::reader::Reader;
use crate::config::route;
use crate::domain::address::{Address, header_text};
use crate::domain::id::Name;
use crate::domain::individual::salesperson::{Colleague, Hours, Promise, Roster, Salesperson};
use crate::domain::window::Window;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Reads `salespeople.toml`, and adds its people to the declared names. `None` after a problem.
pub fn read(log: &Log, root: &Node, declared: &mut Declared) -> Option<Roster> {
    let mut reader = Reader::table(log, root)?;
    let manager = reader.need("manager", "the id of whoever gets what nobody else can take, such as \"iria\"");
    let promise = reader.section("promise").map_or_else(Promise::default, promise);
    let shared = reader.section("hours").map(hours);
    let mut ids = BTreeMap::new();
    let mut salespeople = Vec::new();
    for node in reader.list("salesperson") {
        salespeople.extend(Reader::table(log, node).map(|reader| salesperson(reader, shared.as_ref(), &mut ids)));
    }
    declared.salespeople = Some(ids.keys().cloned().collect());
    let mut colleagues = Vec::new();
    for node in reader.list("colleague") {
        colleagues.extend(Reader::table(log, node).map(|reader| colleague(reader, &mut ids)));
    }
    let are_salespeople = declared.salespeople.iter().flatten();
    declared.colleagues = Some(ids.keys().filter(|id| !are_salespeople.clone().any(|s| s == *id)).cloned().collect());
    let manager = manager.and_then(|node| declared.person(log, node));
    let routes = route::routes(log, reader.list("route"), declared, &salespeople);
    if salespeople.is_empty() {
        let problem = Problem::error(&reader.place, "there is no salesperson");
        log.add(problem.help("add a [[salesperson]] with `id`, `name` and `email`"));
    }
    let place = reader.place.clone();
    reader.finish();
    let salespeople: Vec<Salesperson> = salespeople.into_iter().collect::<Option<_>>()?;
    if !salespeople.iter().any(|salesperson| salesperson.active) {
        let problem = Problem::warning(&place, "no salesperson is active: every lead goes to the manager");
        log.add(problem.help("set active = true for somebody"));
    }
    let colleagues = colleagues.into_iter().collect::<Option<_>>()?;
    let office = shared.flatten().unwrap_or_else(|| Hours::office(TimeZone::UTC));
    Some(Roster { manager: manager?, salespeople, colleagues, routes, promise, office })
}

fn promise(mut reader: Reader<'_>) -> Promise {
    let usual = Promise::default();
    let promise = Promise {
        answer: reader.span("answer").unwrap_or(usual.answer),
        first_touch: reader.span("first_touch").unwrap_or(usual.first_touch),
        request: reader.span("request").unwrap_or(usual.request),
    };
    reader.finish();
    promise
}

type Ids<'a> = BTreeMap<Name, &'a Place>;

fn salesperson<'a>(mut reader: Reader<'a>, shared: Option<&Option<Hours>>, ids: &mut Ids<'a>) -> Option<Salesperson> {
    let log = reader.log;
    let (id, name, address) = person(&mut reader, ids);
    let own = reader.section("hours").map(hours);
    let has_own = reader.has("hours");
    let active = reader.get("active").map_or(Some(true), |node| node.boolean(log));
    let at_most = reader.get("at_most").map(|node| node.integer(log, 1, 100_000));
    if !has_own && shared.is_none() {
        let problem = Problem::error(&reader.place, "when does this salesperson work?").label("no hours");
        log.add(problem.help(
            "add hours = { days = \"mon-fri\", from = \"09:00\", to = \"18:00\", zone = \"Europe/Madrid\" }, \
             or a table [hours] for everybody",
        ));
    }
    reader.finish();
    let hours = if has_own { own.flatten() } else { shared.cloned().flatten() };
    let at_most = match at_most {
        Some(limit) => Some(limit?),
        None => None,
    };
    Some(Salesperson { id: id?, name: name?, address: address?, hours: hours?, active: active?, at_most })
}

fn colleague<'a>(mut reader: Reader<'a>, ids: &mut Ids<'a>) -> Option<Colleague> {
    let (id, name, address) = person(&mut reader, ids);
    reader.finish();
    Some(Colleague { id: id?, name: name?, address: address? })
}

fn person<'a>(reader: &mut Reader<'a>, ids: &mut Ids<'a>) -> (Option<Name>, Option<String>, Option<Address>) {
    let id = reader.need_name("id", "a short name such as \"dana\"");
    if let Some((id, place)) = &id {
        match ids.get(id) {
            Some(first) => {
                let problem = Problem::error(place, format!("the id `{id}` is used twice")).label("the second");
                reader.log.add(problem.help(format!("the first stands at {}", first.cite())));
            }
            None => drop(ids.insert(id.clone(), place)),
        }
    }
    let name = reader.need_text("name", "as it is signed, such as \"Dana Ortega\"").map(|name| header_text(&name));
    let address = reader.need_address("email", "where mail reaches them, such as \"dana@tecnofab.example\"");
    (id.map(|(id, _)| id), name, address)
}

fn hours(mut reader: Reader<'_>) -> Option<Hours> {
    let log = reader.log;
    let zone = reader.need("zone", "an IANA time zone such as \"Europe/Madrid\"").and_then(|node| {
        node.parse(log, "", |text| {
            TimeZone::get(text).map_err(|_| format!("{text:?} is no IANA time zone; write one such as \"Europe/Madrid\""))
        })
    });
    let days = reader.get("days").map(|node| node.parse(log, "", calendar::days));
    let mut clock = |key| reader.get(key).map(|node| (node.parse(log, "", calendar::time_of_day), &node.place));
    let (from, to) = (clock("from"), clock("to"));
    reader.finish();
    let Hours(office) = Hours::office(zone.unwrap_or(TimeZone::UTC));
    let days = days.unwrap_or(Some(office.days));
    let place = to.as_ref().or(from.as_ref()).map(|(_, place)| *place);
    let (from, to) = (from.map_or(Some(office.from), |(at, _)| at)?, to.map_or(Some(office.to), |(at, _)| at)?);
    if let Some(place) = place.filter(|_| to <= from) {
        let problem = Problem::error(place, "the day ends before it begins").label("not later than `from`");
        log.add(problem.help("hours lie within one day, such as from = \"09:00\", to = \"18:00\""));
    }
    Some(Hours(Window { days: days?, from, to, zone: office.zone }))
}
