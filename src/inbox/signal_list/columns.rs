//! What the columns of a list of calls and scans mean, by their headers.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The meanings of columns, each with its headers: the words of `words/headers.toml`.
static HEADERS: LazyLock<BTreeMap<String, Vec<String>>> =
    LazyLock::new(|| toml::from_str(include_str!("words/headers.toml")).expect("the table is checked by a test"));

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    Email,
    Kind,
    Event,
    At,
    By,
    Proves,
    NamedDate,
    Note,
    Id,
}

impl Column {
    pub const WORDS: [(&'static str, Self); 9] = [
        ("email", Self::Email),
        ("kind", Self::Kind),
        ("event", Self::Event),
        ("at", Self::At),
        ("by", Self::By),
        ("proves", Self::Proves),
        ("named_date", Self::NamedDate),
        ("note", Self::Note),
        ("id", Self::Id),
    ];

    pub fn word(self) -> &'static str {
        Self::WORDS.into_iter().find(|(_, column)| *column == self).map_or("", |(word, _)| word)
    }

    /// The column of a header; none for what is no part of a report.
    pub fn of(header: &str) -> Option<Self> {
        let header = folded(header);
        Self::WORDS
            .into_iter()
            .find(|(word, _)| HEADERS.get(*word).is_some_and(|all| all.iter().any(|known| folded(known) == header)))
            .map(|(_, column)| column)
    }
}

/// A header without capitals, accents and punctuation.
fn folded(header: &str) -> String {
    let plain = |c: char| match c {
        'á' | 'à' | 'â' | 'ä' => 'a',
        'é' | 'è' | 'ê' => 'e',
        'í' => 'i',
        'ó' | 'ö' => 'o',
        'ú' | 'ü' => 'u',
        other => other,
    };
    header.trim_start_matches('\u{feff}').to_lowercase().chars().filter(|c| c.is_alphanumeric()).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meaning_has_its_headers_and_none_is_two_things() {
        let known: Vec<&str> = Column::WORDS.iter().map(|(word, _)| *word).collect();
        assert!(HEADERS.keys().all(|key| known.contains(&key.as_str())) && HEADERS.len() == known.len());
        for (word, column) in Column::WORDS {
            for header in &HEADERS[word] {
                assert_eq!(Column::of(header), Some(column), "{header}");
                assert_eq!(Column::of(&header.to_uppercase()), Some(column), "{header}");
            }
        }
        for (header, column) in [
            ("\u{feff}E-Mail", Some(Column::Email)),
            ("Scanned_At", Some(Column::At)),
            ("occurred_at", Some(Column::At)),
            ("Date", None),
            ("Company", None),
            ("", None),
        ] {
            assert_eq!(Column::of(header), column, "{header}");
        }
    }
}
