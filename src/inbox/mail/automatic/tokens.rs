//! Words, numbers and signs of a text, and the words by which days are told.

use super::texts::{Table, flat};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number(u32),
    Word,
    Sign,
}

/// A run of letters or digits, or a sign, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub kind: Kind,
    pub text: String,
    start: usize,
    end: usize,
}

impl Token {
    /// Whether there is no blank between the two.
    pub(super) const fn touches(&self, before: &Self) -> bool {
        self.start == before.end
    }

    pub(super) fn is_any(&self, texts: &[&str]) -> bool {
        texts.contains(&self.text.as_str())
    }
}

/// The tokens of a flat text.
pub(super) fn tokens(flat: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let class = |c: char| if c.is_ascii_digit() { 0 } else { 1 + u8::from(!(c.is_alphanumeric() || is_joining(c))) };
    for (start, c) in flat.char_indices().filter(|(_, c)| *c != ' ') {
        let end = start + c.len_utf8();
        match tokens.last_mut() {
            Some(last)
                if last.end == start
                    && class(c) < 2
                    && last.text.chars().next().is_some_and(|first| class(first) == class(c)) =>
            {
                last.text.push(c);
                last.end = end;
            }
            _ => tokens.push(Token { kind: Kind::Sign, text: c.to_string(), start, end }),
        }
    }
    for token in &mut tokens {
        token.kind = match token.text.chars().next().map(class) {
            // More digits than a year has are a number of something else.
            Some(0) => Kind::Number(token.text.parse().ok().filter(|_| token.text.len() <= 4).unwrap_or(u32::MAX)),
            Some(1) => Kind::Word,
            _ => Kind::Sign,
        };
    }
    tokens
}

/// Vowel signs of scripts that write them behind their letter.
const fn is_joining(c: char) -> bool {
    matches!(c, '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}')
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    months: Table,
    weekdays: Table,
    back: Back,
    until: Until,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Back {
    before: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Until {
    before: Vec<String>,
    after: Vec<String>,
    to: Vec<String>,
    inclusive: Vec<String>,
    tomorrow: Vec<String>,
    between: Vec<String>,
    hours: Vec<String>,
}

/// A phrase in its tokens.
type Run = Vec<String>;

/// The words by which days are told, as tokens.
pub(super) struct Words {
    months: BTreeMap<String, Vec<i8>>,
    weekdays: BTreeMap<String, i8>,
    back: Vec<Run>,
    until: Vec<Run>,
    after: Vec<String>,
    to: BTreeSet<String>,
    inclusive: Vec<Run>,
    tomorrow: Vec<Run>,
    between: BTreeSet<String>,
    hours: BTreeSet<String>,
}

/// The table, read once.
pub(super) static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let raw: Raw = toml::from_str(include_str!("words/dates.toml"))
        .expect("the table of dates is part of the program and read by its tests");
    let run = |text: &String| tokens(&flat(text)).into_iter().map(|token| token.text).collect::<Run>();
    let runs = |texts: &[String]| texts.iter().map(run).filter(|run| !run.is_empty()).collect::<Vec<Run>>();
    let set = |texts: &[String]| texts.iter().map(|text| flat(text)).collect::<BTreeSet<String>>();
    let mut months: BTreeMap<String, Vec<i8>> = BTreeMap::new();
    let mut weekdays = BTreeMap::new();
    for (number, words) in &raw.months {
        for word in words {
            let months = months.entry(flat(word)).or_default();
            months.extend(number.parse::<i8>().ok().filter(|month| !months.contains(month)));
        }
    }
    for (number, words) in &raw.weekdays {
        weekdays.extend(words.iter().filter_map(|word| Some((flat(word), number.parse::<i8>().ok()?))));
    }
    Words {
        months,
        weekdays,
        back: runs(&raw.back.before),
        until: runs(&raw.until.before),
        after: raw.until.after.iter().map(|text| flat(text)).collect(),
        to: set(&raw.until.to),
        inclusive: runs(&raw.until.inclusive),
        tomorrow: runs(&raw.until.tomorrow),
        between: set(&raw.until.between),
        hours: set(&raw.until.hours),
    }
});

impl Words {
    /// The months that a word may name: `listopad` is October in Zagreb and November in Prague.
    pub(super) fn months(&self, word: &str) -> Vec<i8> {
        // In Hebrew "in" is written to the word.
        let bare = word.strip_prefix('ב').unwrap_or(word);
        self.months.get(word).or_else(|| self.months.get(bare)).cloned().unwrap_or_default()
    }

    pub(super) fn weekday(&self, word: &str) -> Option<i8> {
        let eastern = || {
            self.weekdays
                .iter()
                .find(|(name, _)| !name.is_ascii() && name.starts_with(is_eastern) && word.starts_with(name.as_str()))
        };
        self.weekdays.get(word).copied().or_else(|| eastern().map(|(_, weekday)| *weekday))
    }

    pub(super) fn is_between(&self, token: &Token) -> bool {
        self.between.contains(&token.text)
    }

    pub(super) fn is_hour(&self, token: &Token) -> bool {
        self.hours.contains(&token.text)
    }

    pub(super) fn is_to(&self, token: &Token) -> bool {
        self.to.contains(&token.text)
    }

    pub(super) fn tomorrow_at(&self, tokens: &[Token], at: usize) -> Option<usize> {
        self.tomorrow.iter().find(|run| begins(&tokens[at.min(tokens.len())..], run)).map(|run| at + run.len())
    }

    pub(super) fn back_ends(&self, tokens: &[Token]) -> bool {
        self.back.iter().any(|run| ends(tokens, run))
    }

    pub(super) fn until_ends(&self, tokens: &[Token]) -> bool {
        let eastern = |token: &Token| ["至", "到", "直到", "直至"].iter().any(|word| token.text.ends_with(word));
        self.until.iter().any(|run| ends(tokens, run)) || tokens.last().is_some_and(eastern)
    }

    pub(super) fn is_inclusive(&self, tokens: &[Token]) -> bool {
        self.inclusive.iter().any(|run| (0..tokens.len()).any(|at| begins(&tokens[at..], run)))
    }

    /// Whether a word behind a day says that it is the last: まで, asti, kadar.
    pub(super) fn comes_after(&self, token: &Token) -> bool {
        let bare = token.text.trim_start_matches(['日', '일']);
        self.after
            .iter()
            .any(|word| if word.starts_with(is_eastern) { bare.starts_with(word.as_str()) } else { token.text == *word })
    }
}

const fn is_eastern(c: char) -> bool {
    matches!(c, '\u{2e80}'..)
}

fn begins(tokens: &[Token], run: &[String]) -> bool {
    tokens.len() >= run.len() && tokens.iter().zip(run).all(|(token, word)| token.text == *word)
}

fn ends(tokens: &[Token], run: &[String]) -> bool {
    tokens.len() >= run.len() && begins(&tokens[tokens.len() - run.len()..], run)
}
