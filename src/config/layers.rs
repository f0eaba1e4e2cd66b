//! The layers of the service's settings: `nurtured.toml`, the files of `nurtured.d/` in the order of their names, and over
//! them the environment, where `NURTURED__SMTP__PORT=2525` is `port` under `[smtp]`.
//!
//! The config crate lays them over one another: tables join, anything else replaces what it covers, lists as a whole. It
//! knows no lines and would coerce types, so every value is then taken from the layer it stands in, with its place.

use crate::config::node::{Entry, Node, Value};
use crate::config::place::Place;
use crate::config::problem::{Log, Problem};
use ::config::{Config, ConfigError, Environment, Map, Source, ValueKind};

/// Reads all layers as one table. Variables that are empty count as unset.
pub fn join(log: &Log, files: &[Node], environment: &[(String, String)]) -> Option<Node> {
    let place = files.first()?.place.clone();
    let variables = variables(environment).unwrap_or_else(|_| {
        // The crate's message may quote a value, so it is not passed on.
        let place = Place::Variable("NURTURED__…".to_owned());
        let problem = Problem::error(&place, "a variable's name cannot be read as a setting");
        log.add(problem.help("write NURTURED__SECTION__KEY, such as NURTURED__SMTP__PORT"));
        Map::new()
    });
    let builder = files.iter().fold(Config::builder(), |builder, file| builder.add_source(Layer(keys(file))));
    let joined = builder.add_source(Layer(variables.clone())).build().expect("layers that are read already");
    let joined = joined.cache.into_table().expect("a table of layers").remove(ROOT)?;
    let variables = located(variables.into(), &mut vec![PREFIX.to_owned()], environment);
    let layers: Vec<&Node> = files.iter().chain([&variables]).collect();
    let ValueKind::Table(joined) = joined.kind else { return None };
    Some(Node { place, value: Value::Table(table(joined, &layers)) })
}

const PREFIX: &str = "nurtured";
/// The crate takes a key of the uppermost table for a path, and reads none of those below so.
const ROOT: &str = "settings";

/// A table as a layer of the config crate.
#[derive(Debug, Clone)]
struct Layer(Map<String, ::config::Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, ::config::Value>, ConfigError> {
        Ok(Map::from_iter([(ROOT.to_owned(), self.0.clone().into())]))
    }
}

fn keys(node: &Node) -> Map<String, ::config::Value> {
    let key = |entry: &Entry| {
        let value = match &entry.node.value {
            Value::Table(_) => keys(&entry.node).into(),
            // The crate is asked whose value counts, not what it is.
            _ => ::config::Value::new(None, ValueKind::Nil),
        };
        (entry.key.clone(), value)
    };
    node.entries().iter().map(key).collect()
}

fn variables(environment: &[(String, String)]) -> Result<Map<String, ::config::Value>, ConfigError> {
    let variables = Environment::with_prefix(PREFIX).prefix_separator("__").separator("__").ignore_empty(true);
    let source = variables.source(Some(environment.iter().cloned().collect()));
    Config::builder().add_source(source).build()?.cache.into_table()
}

/// The variables as a tree, each value under the name of its variable.
fn located(value: ::config::Value, path: &mut Vec<String>, environment: &[(String, String)]) -> Node {
    let place = Place::Variable(variable(path, environment));
    let value = match value.kind {
        ValueKind::Table(table) => {
            let entry = |(key, value): (String, ::config::Value)| {
                path.push(key.clone());
                let node = located(value, path, environment);
                path.pop();
                Entry { key, place: node.place.clone(), node }
            };
            Value::Table(table.into_iter().map(entry).collect())
        }
        kind => Value::Text(::config::Value::new(None, kind).into_string().unwrap_or_default()),
    };
    Node { place, value }
}

/// The variable as it was written; the crate lowers its case.
fn variable(path: &[String], environment: &[(String, String)]) -> String {
    let name = path.join("__").to_uppercase();
    let written = environment.iter().map(|(name, _)| name).find(|written| written.eq_ignore_ascii_case(&name));
    written.cloned().unwrap_or(name)
}

/// A joined table, its values taken from the layers, of which a later one lies over an earlier one. A table that several layers
/// write stands where the first of them writes it.
fn table(joined: Map<String, ::config::Value>, layers: &[&Node]) -> Vec<Entry> {
    let mut found: Vec<(usize, Entry)> = Vec::new();
    for (key, value) in joined {
        let written: Vec<(usize, &Entry)> =
            layers.iter().enumerate().filter_map(|(layer, node)| Some((layer, node.entry(&key)?))).collect();
        let Some((layer, top)) = written.last() else { continue };
        let entry = match value.kind {
            ValueKind::Table(inner) => {
                // Below a text that covered it, a table is gone.
                let tables = written.iter().rev().map(|(_, entry)| *entry).take_while(|entry| entry.node.is_table());
                let mut tables: Vec<&Entry> = tables.collect();
                tables.reverse();
                let lowest = tables[0];
                let nodes: Vec<&Node> = tables.iter().map(|entry| &entry.node).collect();
                let node = Node { place: lowest.node.place.clone(), value: Value::Table(table(inner, &nodes)) };
                Entry { key, place: lowest.place.clone(), node }
            }
            _ => (*top).clone(),
        };
        found.push((*layer, entry));
    }
    // A secret and the file of that secret are one setting: a layer replaces either by either.
    let layer_of: Map<String, usize> = found.iter().map(|(layer, entry)| (entry.key.clone(), *layer)).collect();
    found.retain(|(layer, entry)| layer_of.get(&twin(&entry.key)).is_none_or(|of_twin| of_twin <= layer));
    found.sort_by(|(_, a), (_, b)| a.key.cmp(&b.key));
    found.into_iter().map(|(_, entry)| entry).collect()
}

fn twin(key: &str) -> String {
    key.strip_suffix("_file").map_or_else(|| format!("{key}_file"), str::to_owned)
}
