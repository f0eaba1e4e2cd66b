//! TOML as a tree in which every key and value knows its place.

use crate::config::place::{Place, Source};
use crate::config::problem::{Log, Problem};
use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// A date or time, as TOML writes it.
    Date(String),
    /// A type that no key takes: a decimal number, or a number too large.
    Other(&'static str),
    List(Vec<Node>),
    /// A table, in the order of the file.
    Table(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub place: Place,
    pub node: Node,
}

/// Reads the TOML in a range of a file; `None` when it holds syntax errors, all of which are logged.
pub fn parse(log: &Log, source: &Arc<Source>, range: Range<usize>, root: Range<usize>) -> Option<Node> {
    let (table, errors) = DeTable::parse_recoverable(&source.text[range.clone()]);
    let mut last_line = None;
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let place = Place::at(source, range.start + span.start..range.start + span.end);
        let line = place.position().map(|(line, _)| line);
        // The parser complains several times about one line; the first complaint is the one to fix.
        if last_line.replace(line) != Some(line) {
            let problem = Problem::error(&place, format!("this is not TOML: {}", error.message()));
            log.add(problem.help("texts stand in \"quotes\", lists in [brackets], and every line is `key = value`"));
        }
    }
    let value = Value::Table(entries(source, range.start, table.get_ref()));
    errors.is_empty().then(|| Node { place: Place::at(source, root), value })
}

fn entries(source: &Arc<Source>, offset: usize, table: &DeTable<'_>) -> Vec<Entry> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs
        .into_iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            place: shifted(source, offset, &key.span()),
            node: node(source, offset, value),
        })
        .collect()
}

fn node(source: &Arc<Source>, offset: usize, value: &Spanned<DeValue<'_>>) -> Node {
    let read = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other("a number too large"), Value::Integer)
        }
        DeValue::Float(_) => Value::Other("a decimal number"),
        DeValue::Boolean(yes) => Value::Boolean(*yes),
        DeValue::Datetime(at) => Value::Date(at.to_string()),
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(source, offset, item)).collect()),
        DeValue::Table(table) => Value::Table(entries(source, offset, table)),
    };
    Node { place: shifted(source, offset, &value.span()), value: read }
}

fn shifted(source: &Arc<Source>, offset: usize, span: &Range<usize>) -> Place {
    Place::at(source, offset + span.start..offset + span.end)
}

impl Node {
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::Integer(_) => "a whole number",
            Value::Boolean(_) => "true or false",
            Value::Date(_) => "a date",
            Value::Other(kind) => kind,
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    pub const fn is_table(&self) -> bool {
        matches!(self.value, Value::Table(_))
    }

    /// The entries of a table; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// Logs that something else was expected; always `None`, so that a reader can end with it.
    pub fn wrong<T>(&self, log: &Log, expected: &str, help: &str) -> Option<T> {
        let problem = match &self.place {
            Place::Variable(_) => Problem::error(&self.place, format!("expected {expected}")),
            _ => Problem::error(&self.place, format!("expected {expected}, found {}", self.kind())),
        };
        log.add(problem.label(format!("not {expected}")).help(help));
        None
    }

    /// Its text; a blank text is a problem.
    pub fn text(&self, log: &Log) -> Option<&str> {
        match &self.value {
            Value::Text(text) if text.trim().is_empty() => {
                log.add(Problem::error(&self.place, "this is empty").help("write something, or leave the key out"));
                None
            }
            Value::Text(text) => Some(text.trim()),
            _ => self.wrong(log, "a text", "put it in \"quotes\""),
        }
    }

    /// Its number, which must lie in the range. The text of an environment variable is parsed as one.
    pub fn integer<N: TryFrom<i64>>(&self, log: &Log, least: i64, most: i64) -> Option<N> {
        let number = match &self.value {
            Value::Integer(number) => Some(*number),
            Value::Text(text) if matches!(self.place, Place::Variable(_)) => text.trim().parse().ok(),
            _ => None,
        };
        let expected = format!("write a number from {least} to {most}, without quotes");
        let Some(number) = number else { return self.wrong(log, "a whole number", &expected) };
        let fits = (least..=most).contains(&number).then(|| N::try_from(number).ok()).flatten();
        if fits.is_none() {
            log.add(Problem::error(&self.place, format!("{number} is out of range")).help(expected));
        }
        fits
    }

    /// Its truth value. The text of an environment variable is parsed as one.
    pub fn boolean(&self, log: &Log) -> Option<bool> {
        match &self.value {
            Value::Boolean(yes) => Some(*yes),
            Value::Text(text) if matches!(self.place, Place::Variable(_)) && matches!(text.trim(), "true" | "false") => {
                Some(text.trim() == "true")
            }
            _ => self.wrong(log, "true or false", "write true or false, without quotes"),
        }
    }

    /// Its items, if it is a list; anything else is no problem.
    pub fn list_or_none(&self) -> Option<&[Self]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    pub fn list(&self, log: &Log) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => self.wrong(log, "a list", "put it in [brackets]"),
        }
    }

    /// Its text, parsed by `read`; the help of an error is what follows its "; ", else `help`.
    pub fn parse<T, E: Display>(&self, log: &Log, help: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        match read(self.text(log)?) {
            Ok(value) => Some(value),
            Err(error) => {
                let error = error.to_string();
                let (title, help) = error.rsplit_once("; ").unwrap_or((error.as_str(), help));
                log.add(Problem::error(&self.place, title).help(help));
                None
            }
        }
    }

    pub fn one_of<T: Copy>(&self, log: &Log, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(log)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let list = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
            log.add(
                Problem::error(&self.place, format!("{text:?} is none of the words this takes"))
                    .help(format!("write one of {list}")),
            );
        }
        found
    }
}
