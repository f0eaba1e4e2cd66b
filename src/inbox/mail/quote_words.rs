//! What mail programs print around a quoted mail, after the table `words/quotes.toml`.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// A field of a header that was copied into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    From,
    /// When it was sent, under a name that stands in copied headers and nowhere else.
    Sent,
    Date,
    To,
    Cc,
    Subject,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Language {
    from: Vec<String>,
    sent: Vec<String>,
    date: Vec<String>,
    to: Vec<String>,
    cc: Vec<String>,
    subject: Vec<String>,
    original: Vec<String>,
    begins: Vec<String>,
    wrote: Vec<String>,
    phone: Vec<String>,
    closing: Vec<String>,
    disclaimer: Vec<String>,
}

/// The words of all languages.
#[derive(Debug, Default)]
pub(super) struct QuoteWords {
    /// One name may be that of two fields: Spanish "de" is From, and so is French.
    fields: BTreeMap<String, BTreeSet<Field>>,
    originals: BTreeSet<String>,
    begins: Vec<String>,
    wrote: Vec<String>,
    phone: Vec<String>,
    closings: BTreeSet<String>,
    disclaimers: Vec<String>,
}

pub(super) static WORDS: LazyLock<QuoteWords> = LazyLock::new(|| {
    let languages: BTreeMap<String, Language> = toml::from_str(include_str!("words/quotes.toml"))
        .expect("the table of quotes is part of the program and read by its tests");
    let mut words = QuoteWords::default();
    for language in languages.into_values() {
        let fields = [
            (Field::From, language.from),
            (Field::Sent, language.sent),
            (Field::Date, language.date),
            (Field::To, language.to),
            (Field::Cc, language.cc),
            (Field::Subject, language.subject),
        ];
        for (field, name) in fields.into_iter().flat_map(|(field, names)| names.into_iter().map(move |name| (field, name))) {
            words.fields.entry(name).or_default().insert(field);
        }
        words.originals.extend(language.original);
        words.begins.extend(language.begins);
        words.wrote.extend(language.wrote);
        words.phone.extend(language.phone.into_iter().map(|line| plain(&line)));
        words.closings.extend(language.closing);
        words.disclaimers.extend(language.disclaimer);
    }
    words
});

impl QuoteWords {
    /// The fields that a copied header's line may be, with what stands behind its name: `*Von:* Marta`, `De : Marta`, `发件人：Marta`.
    pub(super) fn field<'a>(&self, line: &'a str) -> Option<(&BTreeSet<Field>, &'a str)> {
        let line = line.trim_start_matches(['*', '_', ' ', '\t']);
        let end = line.find([':', '：', '\t'])?;
        // A name is short; what is longer is a sentence.
        let name = line.get(..end).filter(|name| name.len() <= 60)?.trim_matches(['*', '_', ' ']);
        let value = line[end..].trim_start_matches([':', '：', '\t', ' ', '*', '_']);
        Some((self.fields.get(name)?, value))
    }

    /// As [`Self::field`], without a colon: `Von "Marta" <m@x.example>`, as eM Client prints it under its divider.
    pub(super) fn field_without_colon(&self, line: &str) -> Option<&BTreeSet<Field>> {
        let (name, _) = line.trim_start_matches(['*', '_']).split_once([' ', '*'])?;
        self.fields.get(name)
    }

    pub(super) fn is_original(&self, words: &str) -> bool {
        self.originals.contains(words)
    }

    /// Whether a line begins as the naming of an author does: "On ", "Am ", a day of the month.
    pub(super) fn begins(&self, line: &str) -> bool {
        let digits = line.chars().take_while(char::is_ascii_digit).count();
        let dated = (1..=4).contains(&digits) && line[digits..].starts_with(['.', '-', '/', '年', '년', ' ', '.']);
        dated
            || self
                .begins
                .iter()
                .any(|word| line.strip_prefix(word.as_str()).is_some_and(|rest| rest.starts_with([' ', ',', '.'])))
    }

    pub(super) fn says_wrote(&self, line: &str) -> bool {
        self.wrote.iter().any(|verb| {
            line.match_indices(verb.as_str()).any(|(at, _)| {
                let is_apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphabetic());
                !verb.is_ascii() && verb.chars().any(|c| c >= '\u{e00}')
                    || is_apart(line[..at].chars().next_back()) && is_apart(line[at + verb.len()..].chars().next())
            })
        })
    }

    /// Whether a program added this line: "Sent from my iPhone".
    pub(super) fn is_of_phone(&self, line: &str) -> bool {
        !line.is_empty() && line.chars().count() <= 120 && self.phone.iter().any(|pattern| fits(pattern, line))
    }

    pub(super) fn is_closing(&self, line: &str) -> bool {
        self.closings.contains(line.trim_end_matches(['.', ',', '!', ' ', ';']))
    }

    pub(super) fn is_disclaimer(&self, line: &str) -> bool {
        let line = line.trim_start_matches(['*', '_', '[', '(', ' ', '-', '#', '"', '“']);
        self.disclaimers.iter().any(|begin| line.starts_with(begin.as_str()))
    }
}

/// A line as the table is compared with it: lower case, without marks of direction and what cannot be seen, with plain blanks.
pub(super) fn plain(line: &str) -> String {
    let seen = line
        .chars()
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'));
    let blanks = seen.map(|c| {
        if c.is_whitespace() {
            ' '
        } else if c == '’' {
            '\''
        } else {
            c
        }
    });
    blanks.collect::<String>().trim().to_lowercase()
}

/// Whether a line fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields_are_known_with_blanks_stars_and_wide_colons() {
        for (line, field) in [
            ("De : Marta", Field::From),
            ("*Von:* Marta", Field::From),
            ("发件人：\"Marta\"", Field::From),
            ("Enviada em: segunda", Field::Sent),
            ("\u{200e}Från: x", Field::From),
            ("Subject:\tx", Field::Subject),
        ] {
            let line = plain(line);
            let (fields, _) = WORDS.field(&line).unwrap_or_else(|| panic!("{line}"));
            assert!(fields.contains(&field), "{line}");
        }
        assert!(WORDS.field("the tender goes from: here").is_none());
    }

    #[test]
    fn lines_of_telephones_are_known() {
        for line in
            ["Sent from my iPhone", "Von meinem iPhone gesendet", "iPhoneから送信", "iPhone’umdan gönderildi", "发自我的iPhone"]
        {
            assert!(WORDS.is_of_phone(&plain(line)), "{line}");
        }
        assert!(!WORDS.is_of_phone("we sent from my office"));
    }
}
