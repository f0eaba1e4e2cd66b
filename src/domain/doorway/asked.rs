//! Asked: whether a reply that holds a word of `reply_says` asks for a person. A sentence must ask for it; one that refuses it, or
//! in which the word means something else, does not. The phrases stand in `words/asked.toml`, by language.

use crate::domain::phrase::{Pattern, Sentence, fold, sentences};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// What a reply says about a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// It does not hold the word, or refuses what it stands for.
    No,
    /// It holds the word, and does not clearly ask: a person decides.
    Doubtful,
    Yes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    words: Vec<String>,
    asks: Vec<String>,
    refuses: Vec<String>,
    other: Vec<String>,
}

/// The patterns around one word.
#[derive(Debug)]
struct Phrases {
    word: String,
    asks: Vec<Pattern>,
    refuses: Vec<Pattern>,
    other: Vec<Pattern>,
}

static TABLES: LazyLock<BTreeMap<String, Table>> = LazyLock::new(|| {
    toml::from_str(include_str!("words/asked.toml")).expect("the table of requests is part of the program and read by its tests")
});

/// A configuration has few words, and every reply is read with each of them.
static READ: LazyLock<Mutex<BTreeMap<String, Arc<Phrases>>>> = LazyLock::new(Mutex::default);
/// More words than a configuration has: those of property tests are not kept.
const KEPT: usize = 64;

/// Whether a reply asks for a person, by a word of `reply_says`.
pub fn for_a_person(word: &str, text: &str) -> Asked {
    let word = fold(word);
    let said: Vec<Sentence> = sentences(text).into_iter().filter(|sentence| sentence.words.contains(&word)).collect();
    if said.is_empty() {
        return Asked::No;
    }
    let phrases = phrases(word);
    said.iter().map(|sentence| phrases.read(sentence)).max().unwrap_or(Asked::No)
}

fn phrases(word: String) -> Arc<Phrases> {
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = read.get(&word) {
        return Arc::clone(known);
    }
    let phrases = Arc::new(Phrases::around(word.clone()));
    if read.len() < KEPT {
        read.insert(word, Arc::clone(&phrases));
    }
    phrases
}

impl Phrases {
    fn around(word: String) -> Self {
        let has = |table: &Table| table.words.iter().any(|known| fold(known) == word);
        let mut tables: Vec<&Table> = TABLES.values().filter(|table| has(table)).collect();
        if tables.is_empty() {
            tables = TABLES.iter().filter(|(language, _)| *language != "en").map(|(_, table)| table).collect();
        }
        let read = |of: fn(&Table) -> &Vec<String>| {
            tables.iter().flat_map(|table| of(table)).map(|text| Pattern::parse(&text.replace("<word>", &word))).collect()
        };
        let (asks, refuses, other) = (read(|table| &table.asks), read(|table| &table.refuses), read(|table| &table.other));
        Self { word, asks, refuses, other }
    }

    /// A sentence by its clauses: "do not call the office, call my mobile" asks for a call.
    fn read(&self, sentence: &Sentence) -> Asked {
        let fits = |patterns: &[Pattern], said: &Sentence| patterns.iter().any(|pattern| pattern.find(said).is_some());
        if self.refuses.iter().any(|pattern| pattern.goes_past_clauses() && pattern.find(sentence).is_some()) {
            return Asked::No;
        }
        let clauses = sentence.clauses();
        let about = clauses.iter().filter(|clause| clause.words.contains(&self.word));
        let read = about.map(|clause| {
            let encourages =
                ["hesitate", "forget", "hesitez", "why", "mind"].iter().any(|word| clause.words.iter().any(|said| said == word));
            match (fits(&self.refuses, clause), fits(&self.asks, clause), fits(&self.other, clause)) {
                (true, true, _) if encourages => Asked::Yes,
                (true, ..) => Asked::No,
                (false, true, false) => Asked::Yes,
                (false, ..) => Asked::Doubtful,
            }
        });
        read.max().unwrap_or(Asked::Doubtful)
    }
}
