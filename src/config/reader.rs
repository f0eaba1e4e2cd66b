//! Reading one table: each key is asked for once, and a key not asked for is unknown.

use crate::config::node::{Entry, Node, Value};
use crate::config::place::Place;
use crate::config::problem::{Log, Problem, did_you_mean};
use crate::domain::address::Address;
use crate::domain::id::Name;
use crate::domain::span::Span;

/// A table being read.
pub struct Reader<'a> {
    pub log: &'a Log,
    pub place: Place,
    entries: &'a [Entry],
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    /// Starts on a table; any other value is a problem.
    pub fn table(log: &'a Log, node: &'a Node) -> Option<Self> {
        match &node.value {
            Value::Table(entries) => Some(Self { log, place: node.place.clone(), entries, known: Vec::new() }),
            _ => node.wrong(log, "a table", "write it as { key = value } or under a [heading]"),
        }
    }

    /// Every entry, for tables whose keys are names chosen by the company.
    pub const fn entries(&self) -> &'a [Entry] {
        self.entries
    }

    /// Whether the key is there; does not count as asking for it.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// The value of an optional key.
    pub fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The value of a required key; `help` says what to write.
    pub fn need(&mut self, key: &'static str, help: &str) -> Option<&'a Node> {
        let found = self.get(key);
        if found.is_none() {
            let problem = Problem::error(&self.place, format!("`{key}` is missing"));
            self.log.add(problem.label(format!("no `{key}` here")).help(format!("add `{key}`: {help}")));
        }
        found
    }

    /// The table under an optional key.
    pub fn section(&mut self, key: &'static str) -> Option<Self> {
        let log = self.log;
        self.get(key).and_then(|node| Reader::table(log, node))
    }

    /// As `section`, but an absent table is read as an empty one, because its values may come from elsewhere.
    pub fn section_or_empty(&mut self, key: &'static str) -> Option<Self> {
        let (log, place) = (self.log, self.place.clone());
        match self.get(key) {
            Some(node) => Reader::table(log, node),
            None => Some(Self { log, place, entries: &[], known: Vec::new() }),
        }
    }

    pub fn need_text(&mut self, key: &'static str, help: &str) -> Option<String> {
        let log = self.log;
        self.need(key, help).and_then(|node| node.text(log)).map(str::to_owned)
    }

    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let log = self.log;
        self.get(key).and_then(|node| node.text(log)).map(str::to_owned)
    }

    /// A required name, and its place.
    pub fn need_name(&mut self, key: &'static str, help: &str) -> Option<(Name, &'a Place)> {
        let log = self.log;
        self.need(key, help).and_then(|node| Some((node.parse(log, help, Name::parse)?, &node.place)))
    }

    /// A required address.
    pub fn need_address(&mut self, key: &'static str, help: &str) -> Option<Address> {
        let log = self.log;
        self.need(key, help).and_then(|node| node.parse(log, help, Address::parse))
    }

    /// An optional span of time.
    pub fn span(&mut self, key: &'static str) -> Option<Span> {
        let log = self.log;
        self.get(key).and_then(|node| node.parse(log, "", Span::parse))
    }

    /// The items of an optional list; empty without one.
    pub fn list(&mut self, key: &'static str) -> &'a [Node] {
        let log = self.log;
        self.get(key).and_then(|node| node.list(log)).unwrap_or_default()
    }

    /// Whether there is a key that was not asked for.
    pub fn has_unknown(&self) -> bool {
        self.unknown().next().is_some()
    }

    /// Ends the reading: every key that was not asked for is a problem.
    pub fn finish(self) {
        for entry in self.unknown() {
            let problem = Problem::error(&entry.place, format!("unknown key `{}`", entry.key)).label("no such key here");
            self.log.add(problem.help(did_you_mean(&entry.key, self.known.iter().copied())));
        }
    }

    fn unknown(&self) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str()))
    }
}
