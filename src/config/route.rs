//! `[[route]]` of `salespeople.toml`: who gets which prospect, in order; and routes that contradict each other or themselves.

use crate::config::condition::{Declared, condition, one_or_more};
use crate::config::node::Node;
use crate::config::place::Place;
use crate::config::problem::{Log, Problem};
use crate::config::reader::Reader;
use crate::domain::audience::{Condition, Test};
use crate::domain::id::Name;
use crate::domain::individual::salesperson::{Route, Salesperson};

/// Reads every route. `salespeople` tells which routes can ever be passed over.
pub fn routes(log: &Log, nodes: &[Node], declared: &Declared, salespeople: &[Option<Salesperson>]) -> Vec<Route> {
    let mut routes: Vec<(Route, Place)> = Vec::new();
    for node in nodes {
        let Some(route) = Reader::table(log, node).and_then(|reader| route(reader, declared)) else { continue };
        if let Some((_, first)) = routes.iter().find(|(earlier, _)| hides(earlier, &route, salespeople)) {
            let problem = Problem::warning(&node.place, "nobody ever comes this way").label("behind one that takes them all");
            let help = format!("whoever fits here fits the route at {} before; put this one above it", first.cite());
            log.add(problem.help(help));
        }
        routes.push((route, node.place.clone()));
    }
    routes.into_iter().map(|(route, _)| route).collect()
}

fn route(mut reader: Reader<'_>, declared: &Declared) -> Option<Route> {
    let log = reader.log;
    let conditions = reader.get("when").map(one_or_more).unwrap_or_default();
    let mut when: Vec<Option<Condition>> = Vec::new();
    for node in conditions {
        let read = condition(log, node, declared);
        if let Some(other) = read.as_ref().and_then(|one| when.iter().position(|w| w.as_ref().is_some_and(|w| excludes(w, one))))
        {
            let problem = Problem::error(&node.place, "no prospect fits both conditions").label("excludes an earlier one");
            let help = format!("the other stands at {}; a route asks for all of its conditions", conditions[other].place.cite());
            log.add(problem.help(help));
        }
        when.push(read);
    }
    let to = reader.need("to", "a list of salespeople, such as [\"dana\", \"luc\"]").and_then(|node| {
        let list = node.list(log)?;
        if list.is_empty() {
            log.add(Problem::error(&node.place, "this route leads to nobody").help("name at least one salesperson"));
        }
        Some(list)
    });
    let to: Vec<Option<Name>> = to.unwrap_or_default().iter().map(|node| declared.salesperson(log, node)).collect();
    reader.finish();
    Some(Route { when: when.into_iter().collect::<Option<_>>()?, to: to.into_iter().collect::<Option<_>>()? })
}

/// Whether the earlier route takes every prospect that the later one could: its conditions are among the later one's, and
/// one of its salespeople is never full.
fn hides(earlier: &Route, later: &Route, salespeople: &[Option<Salesperson>]) -> bool {
    let always = |s: &Salesperson| s.active && s.at_most.is_none() && earlier.to.contains(&s.id);
    earlier.when.iter().all(|asked| later.when.contains(asked)) && salespeople.iter().flatten().any(always)
}

/// Whether no prospect can fit both: they require different values of one field.
fn excludes(one: &Condition, other: &Condition) -> bool {
    let (Condition::Field { name, test }, Condition::Field { name: same, test: again }) = (one, other) else { return false };
    let apart = |one: &Test, other: &Test| match (one, other) {
        (Test::Known(false), test) => *test != Test::Known(false),
        (Test::In(these), Test::In(those)) => !these.iter().any(|value| those.contains(value)),
        (Test::AtLeast(least), Test::AtMost(most)) => least > most,
        _ => false,
    };
    name == same && (apart(test, again) || apart(again, test))
}
