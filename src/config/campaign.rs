//! `campaigns/NAME.toml`, with its newsletters beside it in `campaigns/NAME/*.md`.

use crate::config::calendar;
use crate::config::condition::{Declared, condition};
use crate::config::guard;
use crate::config::newsletter;
use crate::config::node::Node;
use crate::config::place::{Place, Source};
use crate::config::problem::{Log, Problem};
use crate::config::reader::Reader;
use crate::domain::address::{Address, header_text};
use crate::domain::audience::Audience;
use crate::domain::criterion::Criterion;
use crate::domain::group::campaign::{Campaign, Late, Newsletter, Order, Sender};
use crate::domain::group::guard::Guards;
use crate::domain::id::Name;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads a campaign's own file; its newsletters were read before. `None` after a problem.
pub fn read(log: &Log, name: Name, root: &Node, newsletters: Vec<Newsletter>, declared: &Declared) -> Option<Campaign> {
    let mut reader = Reader::table(log, root)?;
    let from = reader.need("from", "who it comes from, such as \"Marta Vidal, Tecnofab <letter@news.tecnofab.example>\"");
    let from = from.and_then(|node| node.parse(log, "", sender));
    let help = "write a short name of what its newsletters are about, such as \"production\"";
    let topic = reader.get("topic").map(|node| node.parse(log, help, Name::parse));
    let reply_to = reader.need("reply_to", "the colleague whom replies reach, by their id in salespeople.toml");
    let reply_to = reply_to.and_then(|node| declared.person(log, node));
    let schedule = reader.need("schedule", "such as { cron = \"30 9 * * TUE#1\", zone = \"Europe/Madrid\" }");
    let schedule = schedule.and_then(|node| calendar::schedule(log, node));
    let late = reader.get("late").map_or_else(|| Some(Late::default()), |node| calendar::late(log, node));
    let window = reader.get("window").map(|node| {
        // Without a zone the window is still read, so that its own problems are found.
        let zone = schedule.as_ref().map_or(TimeZone::UTC, |schedule| schedule.zone().clone());
        calendar::window(log, node, zone)
    });
    let order = reader.need("order", "\"series\": each prospect their next newsletter; \"edition\": everyone the newest");
    let order = order.and_then(|node| node.one_of(log, &[("series", Order::Series), ("edition", Order::Edition)]));
    let audience = reader.need("audience", "to whom, as a table [audience] with lists `all`, `any` and `none` of conditions");
    let audience = audience.and_then(|node| audience_of(Reader::table(log, node)?, declared));
    let guards = match reader.get("send") {
        Some(node) => Reader::table(log, node).and_then(guard::guards),
        None => Some(Guards::default()),
    };
    let renamed_from = reader.get("renamed_from").map(|node| {
        let help = "write the name the campaign had: that of its former file, without .toml";
        let before = node.parse(log, help, Name::parse)?;
        if before == name {
            log.add(Problem::error(&node.place, format!("{name} was not renamed from itself")).help(help));
        }
        Some(before)
    });
    reader.finish();
    let (from, reply_to, schedule, order, audience) = (from?, reply_to?, schedule?, order?, audience?);
    let window = match window {
        Some(window) => Some(window?),
        None => None,
    };
    let renamed_from = match renamed_from {
        Some(before) => Some(before?),
        None => None,
    };
    let topic = match topic {
        Some(topic) => Some(topic?),
        None => None,
    };
    let (late, guards) = (late?, guards?);
    Some(Campaign { name, topic, from, reply_to, schedule, late, window, order, audience, newsletters, guards, renamed_from })
}

/// Reads a campaign's newsletters, in file-name order; their ids must differ.
pub fn newsletters(log: &Log, name: &Name, toml: &str, files: &[Arc<Source>], askable: &[Criterion]) -> Vec<Newsletter> {
    if files.is_empty() {
        let problem = Problem::error(&Place::File(toml.to_owned()), format!("the campaign {name} has no newsletters"));
        log.add(problem.help(format!("put at least one text into campaigns/{name}/, such as campaigns/{name}/01-welcome.md")));
    }
    let mut ids: BTreeMap<Name, Place> = BTreeMap::new();
    let mut found = Vec::new();
    for (newsletter, place) in files.iter().filter_map(|file| newsletter::read(log, file, askable)) {
        match ids.get(&newsletter.id) {
            Some(first) => {
                let problem = Problem::error(&place, format!("the id `{}` is used twice in this campaign", newsletter.id));
                let help =
                    format!("the first is {}; the id remembers who has had a newsletter, so each needs its own", first.cite());
                log.add(problem.label("the second").help(help));
            }
            None => drop(ids.insert(newsletter.id.clone(), place)),
        }
        found.push(newsletter);
    }
    found
}

fn sender(text: &str) -> Result<Sender, String> {
    let wrong = |why: &str| format!("{why}; write \"Name <address>\", such as \"Marta Vidal <letter@news.tecnofab.example>\"");
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (name.trim().trim_matches('"').trim(), address),
        None => ("", text),
    };
    let address = Address::parse(address).map_err(|error| wrong(&error.to_string()))?;
    if header_text(name) != name {
        return Err(wrong("the name holds what a mail header cannot, or is too long"));
    }
    if name.is_empty() {
        return Err(wrong("a newsletter comes from somebody with a name"));
    }
    Ok(Sender { name: name.to_owned(), address })
}

fn audience_of(mut reader: Reader<'_>, declared: &Declared) -> Option<Audience> {
    let log = reader.log;
    let mut list = |key| reader.list(key).iter().map(|node| condition(log, node, declared)).collect::<Option<Vec<_>>>();
    let (all, any, none) = (list("all"), list("any"), list("none"));
    reader.finish();
    Some(Audience { all: all?, any: any?, none: none? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_has_a_name_and_an_address() {
        let read = |text| sender(text).map(|s| (s.name, s.address.to_string()));
        let good = ("Marta Vidal, Tecnofab".to_owned(), "letter@x.example".to_owned());
        assert_eq!(read("Marta Vidal, Tecnofab <letter@x.example>"), Ok(good.clone()));
        assert_eq!(read("\"Marta Vidal, Tecnofab\" <letter@x.example>"), Ok(good));
        for bad in
            ["letter@x.example", "<letter@x.example>", "Marta <letter>", "Marta\r\nBcc: x <a@x.example>", "M <a@x.example> x"]
        {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
