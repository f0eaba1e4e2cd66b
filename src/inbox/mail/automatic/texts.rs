//! Texts as the tables compare them: in small letters without accents, words apart by one blank, sentence by sentence.

use crate::domain::invisible::is_invisible;
use crate::domain::plain_letters::{fold, is_combining};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A table of phrases by language.
pub(super) type Table = BTreeMap<String, Vec<String>>;

/// The words between two parts of a phrase, at most.
const GAP: usize = 8;
/// The longest run of letters searched for the next part, in bytes: words may be long.
const GAP_BYTES: usize = 120;

/// A text in one line: quotes and dashes straight, hyphens between letters gone, `e-mail` one word.
pub(super) fn flat(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_invisible(*c) && !is_combining(*c) && !is_vowel_sign(*c)) {
        match c {
            '’' | '‘' | '`' | '´' | 'ʼ' | '′' => folded.push('\''),
            '‐' | '‑' | '‒' | '–' | '—' | '−' | '―' | '－' => folded.push('-'),
            c if c.is_whitespace() || c.is_control() => folded.push(' '),
            c => match c.to_digit(10).or_else(|| digit(c)) {
                Some(digit) => folded.push(char::from_digit(digit, 10).unwrap_or(c)),
                None => fold(c, &mut folded),
            },
        }
    }
    let joined = without_hyphens(&folded);
    let words: Vec<&str> = joined.split(' ').filter(|word| !word.is_empty()).collect();
    let mut flat = String::with_capacity(joined.len());
    for (at, word) in words.iter().enumerate() {
        let mail = word.starts_with("mail") || word.starts_with("post");
        let apart = at > 0 && !(mail && words[at - 1] == "e");
        if apart {
            flat.push(' ');
        }
        flat.push_str(word);
    }
    flat
}

fn without_hyphens(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let letter = |at: usize| chars.get(at).is_some_and(|c| c.is_alphabetic());
    let between = |at: usize| at > 0 && letter(at - 1) && letter(at + 1);
    chars.iter().enumerate().map(|(at, c)| if matches!(c, '-' | '_') && between(at) { ' ' } else { *c }).collect()
}

/// A digit of Arabic, Persian or Devanagari.
fn digit(c: char) -> Option<u32> {
    [0x660, 0x6f0, 0x966].into_iter().map(|zero| (c as u32).wrapping_sub(zero)).find(|value| *value < 10)
}

/// Points of Arabic and Hebrew: written or left out as one likes.
const fn is_vowel_sign(c: char) -> bool {
    matches!(c, '\u{64b}'..='\u{652}' | '\u{640}' | '\u{591}'..='\u{5c7}')
}

/// A flat text in its sentences, each with its mark. A point behind a number or an initial ends none.
pub(super) fn sentences(flat: &str) -> Vec<&str> {
    let (mut sentences, mut from) = (Vec::new(), 0);
    let mut chars = flat.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, c)) = chars.next() {
        let ends = match c {
            '。' | '！' | '？' | '؟' | '।' => true,
            '.' | '!' | '?' => chars.peek().is_none_or(|(_, next)| *next == ' ') && !(c == '.' && before.is_ascii_digit()),
            _ => false,
        };
        before = c;
        if ends {
            let end = at + c.len_utf8();
            sentences.push(flat[from..end].trim());
            from = end;
        }
    }
    sentences.push(flat[from..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// A phrase: parts in this order, with a few words between them where a `*` stands.
#[derive(Debug, Clone)]
pub(super) struct Phrase(Vec<String>);

impl Phrase {
    fn parse(text: &str) -> Self {
        Self(text.split('*').map(flat).filter(|part| !part.is_empty()).collect())
    }

    /// Its first word, where a word of a script with blanks begins it.
    fn first_word(&self) -> Option<&str> {
        let first = self.0.first()?;
        let end = first.find(|c: char| !joins(c)).unwrap_or(first.len());
        (end > 0).then(|| &first[..end])
    }

    /// Whether a sentence says it.
    fn is_in(&self, sentence: &str) -> bool {
        let Some((first, rest)) = self.0.split_first() else { return false };
        sentence.match_indices(first.as_str()).any(|(at, part)| {
            let end = at + part.len();
            is_apart(sentence, at, end) && follows(&sentence[end..], rest)
        })
    }
}

/// Whether the parts follow, each after a few words at most.
fn follows(text: &str, parts: &[String]) -> bool {
    let mut text = text;
    for part in parts {
        let mut end = text.len().min(GAP_BYTES + part.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let near = &text[..end];
        let place = near.match_indices(part.as_str()).map(|(at, part)| (at, at + part.len()));
        let mut fitting = place.filter(|(at, end)| is_apart(text, *at, *end) || !part.contains(char::is_alphanumeric));
        let Some((at, end)) = fitting.next() else { return false };
        if text[..at].split(' ').filter(|word| !word.is_empty()).count() > GAP {
            return false;
        }
        text = &text[end..];
    }
    true
}

/// Whether words begin and end there. Scripts without blanks have no such place.
pub(super) fn is_apart(text: &str, from: usize, to: usize) -> bool {
    let first = text[from..to].chars().next();
    let last = text[from..to].chars().next_back();
    let parted = |a: Option<char>, b: Option<char>| !(a.is_some_and(joins) && b.is_some_and(joins));
    parted(text[..from].chars().next_back(), first) && parted(last, text[to..].chars().next())
}

fn joins(c: char) -> bool {
    c.is_alphanumeric() && !matches!(c, '\u{e00}'..='\u{e7f}' | '\u{2e80}'..)
}

/// Phrases by what they say, found by their first word: there are thousands, and few of them begin in a sentence.
pub(super) struct Phrases<K> {
    by_word: HashMap<String, Vec<(K, Phrase)>>,
    others: Vec<(K, Phrase)>,
}

impl<K: Copy> Phrases<K> {
    pub(super) fn of(tables: &[(K, &Table)]) -> Self {
        let mut phrases = Self { by_word: HashMap::new(), others: Vec::new() };
        for (kind, table) in tables {
            for phrase in table.values().flatten().map(|text| Phrase::parse(text)) {
                match phrase.first_word().map(str::to_owned) {
                    Some(word) => phrases.by_word.entry(word).or_default().push((*kind, phrase)),
                    None => phrases.others.push((*kind, phrase)),
                }
            }
        }
        phrases
    }

    /// What each phrase says that a sentence holds.
    pub(super) fn said_in(&self, sentence: &str) -> Vec<K> {
        let words: BTreeSet<&str> = sentence.split(|c: char| !joins(c)).filter(|word| !word.is_empty()).collect();
        let named = words.into_iter().filter_map(|word| self.by_word.get(word)).flatten();
        named.chain(&self.others).filter(|(_, phrase)| phrase.is_in(sentence)).map(|(kind, _)| *kind).collect()
    }
}

/// All words of a table, flat, the longest first.
pub(super) fn words(table: &Table) -> Vec<String> {
    let mut words: Vec<String> = table.values().flatten().map(|text| flat(text)).collect();
    words.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_and_typography_do_not_matter() {
        for (text, expected) in [
            ("Out-of-Office", "out of office"),
            ("Réponse\u{a0}automatique :", "reponse automatique :"),
            ("my E‑Mails", "my emails"),
            ("I’m  OFF", "i'm off"),
            ("5月１２日", "5月12日"),
            ("١٢ مايو", "12 مايو"),
            ("from 3–14 May", "from 3-14 may"),
        ] {
            assert_eq!(flat(text), expected, "{text}");
        }
    }

    #[test]
    fn a_sentence_ends_at_its_mark_and_not_behind_a_number() {
        let text = flat("Ich bin bis 12. Mai weg. Danke! 不在です。よろしく");
        assert_eq!(sentences(&text), ["ich bin bis 12. mai weg.", "danke!", "不在です。", "よろしく"]);
    }

    #[test]
    fn a_phrase_is_of_whole_words_of_one_sentence() {
        let is_in = |phrase: &str, text: &str| {
            let text = flat(text);
            sentences(&text).iter().any(|sentence| Phrase::parse(phrase).is_in(sentence))
        };
        assert!(is_in("I am * out of the office", "I am currently out of the office"));
        assert!(!is_in("I am * out of the office", "I am glad. Stay out of the office"));
        assert!(!is_in("I am * away", "I am a layaway clerk"));
        assert!(is_in("不在です", "明日は不在です。"));
        assert!(!is_in("I am * away", "I am one two three four five six seven eight nine away"));
        assert!(is_in("please write to * @", "please write to ada@x.example"));
    }
}
