//! The environment over the file: `NURTURED__SMTP__PORT=2525` is `port` under `[smtp]`.
//!
//! The config crate layers and splits the names. It knows no lines and would coerce types, so only its leaves are
//! laid over the located tree, each with its variable's name as its place.

use crate::config::node::{Entry, Node, Value};
use crate::config::place::Place;
use crate::config::problem::{Log, Problem};
use ::config::{Config, Environment, ValueKind};

/// Lays the variables that name settings over the tree of `nurtured.toml`. Empty ones count as unset.
pub fn overlay(log: &Log, root: &mut Node, environment: &[(String, String)]) {
    let source = environment.iter().cloned().collect();
    let variables = Environment::with_prefix("NURTURED").prefix_separator("__").separator("__");
    let layered = Config::builder().add_source(variables.ignore_empty(true).source(Some(source))).build();
    if let Ok(layered) = layered {
        if let ValueKind::Table(table) = layered.cache.kind {
            lay(root, table, &mut vec!["nurtured".to_owned()], environment);
        }
    } else {
        // The crate's message may quote a value, which may be a secret.
        let place = Place::Variable("NURTURED__…".to_owned());
        let problem = Problem::error(&place, "a variable's name cannot be read as a setting");
        log.add(problem.help("write NURTURED__SECTION__KEY, such as NURTURED__SMTP__PORT"));
    }
}

fn lay(node: &mut Node, table: ::config::Map<String, ::config::Value>, path: &mut Vec<String>, environment: &[(String, String)]) {
    let mut table: Vec<_> = table.into_iter().collect();
    table.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (key, value) in table {
        path.push(key.clone());
        let place = Place::Variable(variable(path, environment));
        if !matches!(node.value, Value::Table(_)) {
            *node = Node { place: place.clone(), value: Value::Table(Vec::new()) };
        }
        if let Value::Table(entries) = &mut node.value {
            match value.kind {
                ValueKind::Table(inner) => {
                    lay(entry(entries, &key, &place), inner, path, environment);
                }
                kind => {
                    // A secret and the file of that secret are one setting: the environment replaces either of them.
                    let twin = key.strip_suffix("_file").map_or_else(|| format!("{key}_file"), str::to_owned);
                    entries.retain(|entry| entry.key != twin && entry.key != key);
                    let value = Value::Text(::config::Value::new(None, kind).into_string().unwrap_or_default());
                    let node = Node { place: place.clone(), value };
                    entries.push(Entry { key, place, node });
                }
            }
        }
        path.pop();
    }
}

fn entry<'a>(entries: &'a mut Vec<Entry>, key: &str, place: &Place) -> &'a mut Node {
    let at = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
        let node = Node { place: place.clone(), value: Value::Table(Vec::new()) };
        entries.push(Entry { key: key.to_owned(), place: place.clone(), node });
        entries.len() - 1
    });
    &mut entries[at].node
}

/// The variable's name as it was written; the crate turns it to lower case.
fn variable(path: &[String], environment: &[(String, String)]) -> String {
    let name = path.join("__").to_uppercase();
    let written = environment.iter().map(|(name, _)| name).find(|written| written.eq_ignore_ascii_case(&name));
    written.cloned().unwrap_or(name)
}
