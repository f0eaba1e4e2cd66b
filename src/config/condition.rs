//! Conditions on a prospect, and tests of a field: the same words in audiences, routes and evidence.

use crate::config::node::{Node, Value};
use crate::config::place::Place;
use crate::config::problem::{Log, Problem, did_you_mean};
use crate::config::reader::Reader;
use crate::domain::address::Address;
use crate::domain::audience::{Condition, Test};
use crate::domain::criterion::{Criterion, Verdict};
use crate::domain::id::Name;
use crate::domain::prospect::{FieldType, comparable};
use std::collections::BTreeMap;

/// The names that earlier files declared. `None`: the file could not be read, so no name of it can be called unknown.
#[derive(Debug, Default)]
pub struct Declared {
    /// Prospect fields, and their types where those could be read.
    pub fields: Option<BTreeMap<Name, Option<FieldType>>>,
    pub salespeople: Option<Vec<Name>>,
    pub colleagues: Option<Vec<Name>>,
}

impl Declared {
    /// The declared field and its type; an undeclared field is a problem.
    pub fn field(&self, log: &Log, node: &Node) -> Option<(Name, Option<FieldType>)> {
        let name = node.parse(log, "fields are declared under [fields] in nurtured.toml", Name::parse)?;
        let Some(fields) = &self.fields else { return Some((name, None)) };
        if let Some(kind) = fields.get(&name) {
            return Some((name, *kind));
        }
        let declared = did_you_mean(name.as_str(), fields.keys().map(Name::as_str));
        let problem = Problem::error(&node.place, format!("unknown field `{name}`")).label("not declared");
        log.add(problem.help(format!("{declared}; fields are declared under [fields] in nurtured.toml")));
        None
    }

    /// The id of a salesperson or colleague; an unknown id is a problem.
    pub fn person(&self, log: &Log, node: &Node) -> Option<Name> {
        let id = node.parse(log, "write an id of salespeople.toml", Name::parse)?;
        self.is_person(log, &id, &node.place).then_some(id)
    }

    /// Whether this is the id of a salesperson or colleague; if not, that is a problem.
    pub fn is_person(&self, log: &Log, id: &Name, place: &Place) -> bool {
        let (Some(salespeople), Some(colleagues)) = (&self.salespeople, &self.colleagues) else { return true };
        if salespeople.contains(id) || colleagues.contains(id) {
            return true;
        }
        let known = did_you_mean(id.as_str(), salespeople.iter().chain(colleagues).map(Name::as_str));
        let problem = Problem::error(place, format!("unknown person `{id}`")).label("not in salespeople.toml");
        log.add(problem.help(known));
        false
    }

    /// The id of a salesperson; any other id is a problem.
    pub fn salesperson(&self, log: &Log, node: &Node) -> Option<Name> {
        let id = node.parse(log, "write the id of a [[salesperson]]", Name::parse)?;
        let Some(salespeople) = &self.salespeople else { return Some(id) };
        if salespeople.contains(&id) {
            return Some(id);
        }
        let is_colleague = self.colleagues.as_ref().is_some_and(|colleagues| colleagues.contains(&id));
        let title = if is_colleague {
            format!("`{id}` is a colleague, not a salesperson")
        } else {
            format!("unknown salesperson `{id}`")
        };
        let problem = Problem::error(&node.place, title).label("nobody who may own leads");
        log.add(problem.help(did_you_mean(id.as_str(), salespeople.iter().map(Name::as_str))));
        None
    }
}

/// The keys of tests.
const TESTS: [&str; 5] = ["is", "in", "at_least", "at_most", "known"];

/// The words for the verdict on a criterion.
const VERDICTS: [(&str, Verdict); 5] = [
    ("met", Verdict::Met),
    ("weak", Verdict::Weak),
    ("unknown", Verdict::Unknown),
    ("contradicted", Verdict::Contradicted),
    ("expired", Verdict::Expired),
];

/// Reads one condition: a `field` with its test, a `tag`, a `domain`, or a `criterion` with its verdicts.
pub fn condition(log: &Log, node: &Node, declared: &Declared) -> Option<Condition> {
    let mut reader = Reader::table(log, node)?;
    let (field, tag, domain) = (reader.get("field"), reader.get("tag"), reader.get("domain"));
    let criterion = reader.get("criterion");
    if let (None, None, None, Some(criterion)) = (field, tag, domain, criterion) {
        return verdicts(reader, criterion);
    }
    let alone = criterion.is_none();
    match (field, tag, domain) {
        (Some(field), None, None) if alone => {
            let named = declared.field(log, field);
            let test = test(&mut reader, named.as_ref().and_then(|(_, kind)| *kind));
            let unknown = reader.has_unknown();
            reader.finish();
            let (name, test) = (named?.0, test?);
            if test.is_none() && !unknown {
                let problem = Problem::error(&node.place, format!("how must `{name}` be?")).label("no test");
                log.add(problem.help("add one of `is`, `in`, `at_least`, `at_most` and `known`"));
            }
            Some(Condition::Field { name, test: test? })
        }
        (None, Some(tag), None) if alone => {
            reader.finish();
            Some(Condition::Tag(tag.text(log)?.to_owned()))
        }
        (None, None, Some(domain)) if alone => {
            reader.finish();
            let domains: Vec<String> = one_or_more(domain).iter().filter_map(|node| node.parse(log, "", domain_name)).collect();
            if matches!(&domain.value, Value::List(items) if items.is_empty()) {
                log.add(Problem::error(&domain.place, "this list is empty").help("name at least one domain"));
            }
            Some(Condition::Domain(domains))
        }
        _ => {
            for key in TESTS {
                reader.get(key);
            }
            let unknown = reader.has_unknown();
            reader.finish();
            if !unknown {
                let problem = Problem::error(&node.place, "a condition names one of `field`, `tag`, `domain` and `criterion`");
                log.add(problem.help(
                    "such as { field = \"country\", in = [\"ES\"] }, { tag = \"fair-2025\" } or { domain = \"rival.example\" }",
                ));
            }
            None
        }
    }
}

/// A condition on verdicts: `{ criterion = "budget", is = ["unknown", "expired"] }`.
fn verdicts(mut reader: Reader<'_>, node: &Node) -> Option<Condition> {
    let log = reader.log;
    let words = Criterion::ALL.map(|criterion| (criterion.word(), criterion));
    let criterion = node.one_of(log, &words);
    let is = reader.need("is", "what may be known of it: one or more of met, weak, unknown, contradicted and expired");
    let is = is.map(|node| one_or_more(node).iter().map(|node| node.one_of(log, &VERDICTS)).collect::<Option<Vec<_>>>());
    if let Some(Some(is)) = &is
        && is.is_empty()
    {
        log.add(Problem::error(&reader.place, "this list is empty").help("name at least one verdict, such as \"unknown\""));
    }
    reader.finish();
    Some(Condition::Verdict { criterion: criterion?, is: is?? })
}

/// Reads the test among a table's keys. `None`: a problem was logged; `Some(None)`: there is no test.
pub fn test(reader: &mut Reader<'_>, kind: Option<FieldType>) -> Option<Option<Test>> {
    let log = reader.log;
    let mut given = TESTS.map(|key| reader.get(key).map(|node| (key, node))).into_iter().flatten();
    let Some((key, node)) = given.next() else { return Some(None) };
    if let Some((other, second)) = given.next() {
        let problem = Problem::error(&second.place, format!("`{key}` and `{other}` are both given"));
        log.add(problem.help("one condition holds one test; write a second condition beside it"));
        return None;
    }
    let test = match key {
        "known" => Test::Known(node.boolean(log)?),
        "at_least" => Test::AtLeast(bound(log, node, kind)?),
        "at_most" => Test::AtMost(bound(log, node, kind)?),
        _ => {
            let nodes = if key == "in" { node.list(log)? } else { std::slice::from_ref(node) };
            if nodes.is_empty() {
                log.add(Problem::error(&node.place, "this list is empty").help("name at least one value"));
            }
            let values: Vec<Option<String>> = nodes.iter().map(|node| value(log, node, kind)).collect();
            Test::In(values.into_iter().collect::<Option<Vec<_>>>()?)
        }
    };
    Some(Some(test))
}

/// The node's items if it is a list, else the node itself.
pub fn one_or_more(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// A value in the canonical text of its type, in lower case, as tests compare it.
fn value(log: &Log, node: &Node, kind: Option<FieldType>) -> Option<String> {
    let text = match &node.value {
        Value::Text(_) => node.text(log)?.to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(yes) => yes.to_string(),
        Value::Date(date) => date.clone(),
        _ => return node.wrong(log, "a text, a number, a date, true or false", "write the value as a prospect's field holds it"),
    };
    match kind.unwrap_or(FieldType::Text).canonical(&text) {
        Ok(canonical) => Some(canonical.to_lowercase()),
        Err(why) => {
            let problem = Problem::error(&node.place, format!("{text:?} cannot be a value of this field: {why}"));
            log.add(problem.help("the field's type is declared under [fields] in nurtured.toml"));
            None
        }
    }
}

/// A bound: a number, or a date as days since 1970.
fn bound(log: &Log, node: &Node, kind: Option<FieldType>) -> Option<i64> {
    let wanted = match kind {
        Some(FieldType::Text | FieldType::Boolean) => {
            let problem = Problem::error(&node.place, "only numbers and dates can be compared").label("this field is neither");
            log.add(problem.help("declare the field as \"number\" or \"date\" under [fields] in nurtured.toml, or use `in`"));
            return None;
        }
        Some(FieldType::Number) => "a whole number",
        Some(FieldType::Date) => "a date",
        None => "a whole number or a date",
    };
    let number = match (&node.value, kind) {
        (Value::Integer(number), None | Some(FieldType::Number)) => Some(*number),
        (Value::Text(text) | Value::Date(text), None | Some(FieldType::Date)) => {
            FieldType::Date.canonical(text).ok().and_then(|date| comparable(&date))
        }
        _ => None,
    };
    number.map_or_else(|| node.wrong(log, wanted, "write 50000 for a number, \"2026-11-01\" for a date"), Some)
}

fn domain_name(text: &str) -> Result<String, &'static str> {
    // A domain is valid if an address with it is.
    let address = Address::parse(&format!("x@{}", text.trim_start_matches('@')));
    address
        .map(|address| address.domain().to_owned())
        .map_err(|_| "this is no domain; write it without https:// and paths, such as \"rival.example\"")
}
