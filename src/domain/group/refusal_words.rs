//! The words of refusals, as the mail programs of the world write them, and how they are looked for: in lower case, without accents,
//! between word ends, with every address and host taken out, so that nobody's name says anything. The phrases stand in
//! `words/refusals.toml`.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// No more of a text is looked at, in bytes: no reply of a server is longer, and a notice must be judged in time.
const MOST: usize = 4_000;

/// A text as the phrases are looked for in it.
pub struct Text(String);

impl Text {
    pub fn new(words: &str) -> Self {
        let words = &words[..words.floor_char_boundary(MOST)];
        let mut text = String::with_capacity(words.len());
        for piece in words.split_inclusive(is_word_end) {
            let word = piece.trim_end_matches(is_word_end);
            text.push_str(if word.contains('@') {
                "@"
            } else if is_host(word) {
                "."
            } else {
                word
            });
            text.push_str(&piece[word.len()..]);
        }
        Self(fold(&text))
    }

    /// The first phrase of a table that stands in the text. Its ends are word ends; after one that ends in `*` the word goes on as
    /// it likes.
    pub fn says(&self, table: Table) -> Option<&'static str> {
        TABLES.get(&table)?.iter().map(String::as_str).find(|phrase| self.has(phrase))
    }

    /// Whether a phrase stands in the text.
    pub fn has(&self, phrase: &str) -> bool {
        let (wanted, is_open) = phrase.strip_suffix('*').map_or((phrase, false), |stem| (stem, true));
        let is_letter = |c: char| c.is_ascii_alphanumeric();
        self.0.match_indices(wanted).any(|(at, _)| {
            let (before, after) = (self.0[..at].chars().next_back(), self.0[at + wanted.len()..].chars().next());
            !before.is_some_and(is_letter) && (is_open || !after.is_some_and(is_letter))
        })
    }
}

/// What phrases mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    Sender,
    SurelyOurs,
    Gone,
    Perhaps,
    Group,
    ForATime,
    Full,
    Size,
    Rate,
    Network,
    Ours,
    GoneIfNotOurs,
}

static TABLES: LazyLock<BTreeMap<Table, Vec<String>>> = LazyLock::new(|| {
    let tables: BTreeMap<Table, BTreeMap<String, Vec<String>>> =
        toml::from_str(include_str!("words/refusals.toml")).expect("the table of refusals is part of the program");
    tables.into_iter().map(|(table, languages)| (table, languages.into_values().flatten().collect())).collect()
});

/// Lower case, straight apostrophes, single spaces, and Latin, Greek and Cyrillic letters without their accents.
pub fn fold(text: &str) -> String {
    let plain: String = text.chars().flat_map(char::to_lowercase).filter_map(without_accent).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

const fn without_accent(c: char) -> Option<char> {
    Some(match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' | 'đ' => 'd',
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ğ' | 'ģ' => 'g',
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => 'i',
        'ķ' => 'k',
        'ļ' | 'ł' | 'ľ' => 'l',
        'ñ' | 'ń' | 'ň' | 'ņ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ő' => 'o',
        'ř' => 'r',
        'ś' | 'š' | 'ş' | 'ș' => 's',
        'ť' | 'ţ' | 'ț' => 't',
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' | 'ų' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ά' => 'α',
        'έ' => 'ε',
        'ή' => 'η',
        'ί' | 'ϊ' => 'ι',
        'ό' => 'ο',
        'ύ' => 'υ',
        'ώ' => 'ω',
        'ё' => 'е',
        '’' | '‘' | '`' | '´' => '\'',
        // Combining accents and soft hyphens; a no-break space counts as white space.
        '\u{300}'..='\u{36f}' | '\u{ad}' => return None,
        _ => c,
    })
}

/// Whether a word is the name of a host: `mx.spamhaus.example` says nothing, `RESOLVER.ADR.RecipNotFound` does.
fn is_host(word: &str) -> bool {
    let word = word.trim_end_matches('.');
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    word.contains('.') && word.split('.').all(is_label) && word.rsplit('.').next().is_some_and(is_top_level)
}

fn is_top_level(label: &str) -> bool {
    label.len() >= 2 && label.bytes().all(|b| b.is_ascii_lowercase())
}

/// Whether a character ends an address or a host's name.
pub fn is_word_end(c: char) -> bool {
    c.is_whitespace() || "<>()[]{}\"',;:".contains(c)
}

/// Whether a text names our domain, or addresses at it, and nobody else's address.
pub fn names_only(words: &str, domain: &str) -> bool {
    let mut is_named = false;
    for word in words.split(is_word_end).map(|word| word.trim_end_matches('.')) {
        let host = word.rsplit('@').next().unwrap_or_default();
        let is_ours = !domain.is_empty() && host.eq_ignore_ascii_case(domain);
        if word.contains('@') && !is_ours {
            return false;
        }
        is_named |= is_ours;
    }
    is_named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_found_between_word_ends_and_never_in_an_address_or_a_host() {
        let text = Text::new(
            "550 <spam@Policy.example>: You’re UNBLOCKED  by\r\n our\tteam mx.spamhaus.example, ptrs temporarily ÜBERFÜLLT",
        );
        for phrase in ["spam", "policy", "blocked", "ptr", "spamhaus*"] {
            assert!(!text.has(phrase), "{phrase}");
        }
        for phrase in ["you're", "by our team", "ptr*", "temporarily", "uberfullt"] {
            assert!(text.has(phrase), "{phrase}");
        }
        assert!(Text::new("550 5.1.1 RESOLVER.ADR.RecipNotFound; not found").has("recipnotfound"));
        assert!(Text::new("see https://support.google.com/mail/?p=NoSuchUser x").has("nosuchuser"));
    }

    #[test]
    fn every_phrase_is_written_as_texts_are_compared() {
        assert_eq!(TABLES.len(), 12);
        for phrase in TABLES.values().flatten() {
            assert_eq!(fold(phrase), *phrase, "it would never be found");
            assert!(phrase.trim_end_matches('*').chars().count() >= 2, "{phrase} is found everywhere");
        }
    }

    #[test]
    fn our_domain_is_named_alone_or_beside_others() {
        for (words, is_ours) in [
            ("550 the domain news.example. does not exist", true),
            ("550 <bounces+t@News.example>: user unknown", true),
            ("550 <ada@x.example>: user unknown, from=<bounces+t@news.example>", false),
            ("550 mail.news.example is no host", false),
            ("550 user unknown", false),
        ] {
            assert_eq!(names_only(words, "news.example"), is_ours, "{words}");
        }
        assert!(!names_only("a  b", ""));
    }
}
