//! Wishes: somebody asks, in their own words, for no more newsletters. The phrases stand in `words/wishes.toml`, by language.
//!
//! It reads own words, never a quoted mail. What may mean something else is no wish: then a person reads it.

use crate::domain::phrase::{Pattern, Sentence, sentences};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    sets: BTreeMap<String, String>,
    first: Vec<String>,
    alone: Vec<String>,
    says: Vec<String>,
    together: Vec<String>,
    but: Vec<String>,
    keeps: Vec<String>,
    courtesy: Vec<String>,
    hints: Vec<String>,
}

#[derive(Debug)]
struct Phrases {
    code: String,
    /// The first sentence.
    first: Vec<Pattern>,
    /// The whole of what was said.
    alone: Vec<Pattern>,
    says: Vec<Pattern>,
    /// What says it in one clause, in whatever order.
    together: Vec<Together>,
    /// What makes a sentence that fits mean something else.
    but: Vec<Pattern>,
    /// What asks to go on.
    keeps: Vec<Pattern>,
    /// What a wish may be about.
    hints: Vec<Pattern>,
}

/// Patterns that all stand in one clause, and those of which none does.
#[derive(Debug)]
struct Together {
    has: Vec<Pattern>,
    lacks: Vec<Pattern>,
}

impl Together {
    /// Reads `a & b & not c`.
    fn parse(text: &str) -> Self {
        let (lacks, has): (Vec<&str>, Vec<&str>) = text.split(" & ").partition(|part| part.starts_with("not "));
        Self {
            has: has.into_iter().map(Pattern::parse).collect(),
            lacks: lacks.into_iter().map(|part| Pattern::parse(part.trim_start_matches("not "))).collect(),
        }
    }

    fn fits(&self, clause: &Sentence) -> bool {
        let found = |pattern: &Pattern| pattern.find(clause).is_some();
        self.has.iter().all(found) && !self.lacks.iter().any(found)
    }
}

#[derive(Debug)]
struct Languages {
    all: Vec<Phrases>,
    courtesy: BTreeSet<String>,
}

static LANGUAGES: LazyLock<Languages> = LazyLock::new(|| {
    let tables: BTreeMap<String, Table> = toml::from_str(include_str!("words/wishes.toml"))
        .expect("the table of wishes is part of the program and read by its tests");
    let mut languages = Languages { all: Vec::new(), courtesy: BTreeSet::new() };
    for (code, table) in tables {
        let read = |phrases: &[String]| phrases.iter().map(|text| Pattern::parse(&with_sets(text, &table.sets))).collect();
        languages.all.push(Phrases {
            code,
            first: read(&table.first),
            alone: read(&table.alone),
            says: read(&table.says),
            together: table.together.iter().map(|text| Together::parse(&with_sets(text, &table.sets))).collect(),
            but: read(&table.but),
            keeps: read(&table.keeps),
            hints: read(&table.hints),
        });
        languages.courtesy.extend(table.courtesy);
    }
    languages
});

fn with_sets(text: &str, sets: &BTreeMap<String, String>) -> String {
    sets.iter().fold(text.to_owned(), |text, (name, words)| text.replace(&format!("<{name}>"), words))
}

/// The language, as a code of two letters, in which they ask for no more newsletters; `None` if they do not. The subject speaks only
/// where the text is silent, and only if it is their own.
pub fn to_stop(subject: Option<&str>, text: &str) -> Option<&'static str> {
    let said = sentences(text);
    let is_silent = said.iter().flat_map(Sentence::clauses).all(|clause| is_courtesy(&clause));
    asked(&said).or_else(|| subject.filter(|_| is_silent).and_then(|subject| asked(&sentences(subject))))
}

fn asked(said: &[Sentence]) -> Option<&'static str> {
    if keeps(said) {
        return None;
    }
    let asks = |language: &&Phrases| says(language, said) || is_alone(language, said) || is_first(language, said);
    LANGUAGES.all.iter().find(asks).map(|language| language.code.as_str())
}

/// Whether a mail that is no clear wish may be one: whoever reads it decides.
pub fn is_doubtful(subject: Option<&str>, text: &str) -> bool {
    let said: Vec<Sentence> = sentences(text).into_iter().chain(subject.map(sentences).unwrap_or_default()).collect();
    let hints = |language: &Phrases| fits_any(&language.hints, &said) || fits_any(&language.says, &said);
    !keeps(&said) && LANGUAGES.all.iter().any(hints)
}

fn keeps(said: &[Sentence]) -> bool {
    LANGUAGES.all.iter().any(|language| fits_any(&language.keeps, said))
}

fn fits_any(patterns: &[Pattern], said: &[Sentence]) -> bool {
    said.iter().any(|sentence| patterns.iter().any(|pattern| pattern.find(sentence).is_some()))
}

/// Whether one sentence asks for it, and nothing in it turns its meaning.
fn says(language: &Phrases, said: &[Sentence]) -> bool {
    let fits = |patterns: &[Pattern], sentence: &Sentence| patterns.iter().any(|pattern| pattern.find(sentence).is_some());
    let together = |sentence: &Sentence| {
        let clauses = sentence.clauses();
        clauses.iter().any(|clause| language.together.iter().any(|words| words.fits(clause)))
    };
    said.iter().any(|sentence| (fits(&language.says, sentence) || together(sentence)) && !fits(&language.but, sentence))
}

/// Whether it is all they say, beside greetings, thanks and names.
fn is_alone(language: &Phrases, said: &[Sentence]) -> bool {
    let fits = |clause: &Sentence| language.alone.iter().any(|pattern| pattern.is_whole(clause));
    let clauses: Vec<Sentence> = said.iter().flat_map(Sentence::clauses).collect();
    let whole = |sentence: &Sentence| fits(sentence) && !sentence.is_question;
    let (mut asks, mut rest) = (false, 0);
    for clause in &clauses {
        if whole(clause) {
            asks = true;
        } else if !is_courtesy(clause) {
            rest += 1;
        }
    }
    asks && rest == 0
}

/// Whether it is the first thing they say, as a sentence of its own.
fn is_first(language: &Phrases, said: &[Sentence]) -> bool {
    let first = said.iter().map(Sentence::clauses).find_map(|clauses| {
        let spoken: Vec<Sentence> =
            clauses.into_iter().filter(|clause| !is_courtesy(clause) || is_phrase(language, clause)).collect();
        (!spoken.is_empty()).then_some(spoken)
    });
    matches!(first.as_deref(), Some([only]) if !only.is_question && is_phrase(language, only))
}

fn is_phrase(language: &Phrases, clause: &Sentence) -> bool {
    language.first.iter().any(|pattern| pattern.is_whole(clause))
}

/// Greetings, thanks, and at most five words that are names.
fn is_courtesy(clause: &Sentence) -> bool {
    clause.words.len() <= 5 && clause.is_name() || clause.words.iter().all(|word| LANGUAGES.courtesy.contains(word.as_str()))
}
