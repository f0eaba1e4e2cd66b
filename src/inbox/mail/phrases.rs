//! The habits of notices: what the words around an address say about it.
//!
//! Looks at one line, or at a line and its neighbours; which habit wins in a notice is decided there.

use crate::domain::address::Address;
use crate::domain::group::refusal_words::fold;
use aho_corasick::AhoCorasick;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Without spelling: lower case, no accents, straight apostrophes, single spaces.
pub fn flat(text: &str) -> String {
    fold(text)
}

/// Whether a notice says that something was not delivered.
pub fn says_undelivered(notice: &str) -> bool {
    says(Kind::Undelivered, &flat(notice))
}

/// Whether it is a mailbox of the other side's staff, named in every notice.
pub fn is_desk(address: &Address) -> bool {
    DESKS.contains(&address.local())
}

/// `<ada@x.example>: reason`, `[ada@x.example]: reason`, `ada@x.example: reason`.
pub fn is_block(before: &str, after: &str) -> bool {
    let lead = before.trim_start_matches(['*', ' ', '\t']);
    let rest = after.trim_start_matches(['>', ']']);
    ["", "<", "["].contains(&lead)
        && (rest.starts_with(':') || after.starts_with('>') && rest.trim_start().starts_with("(expanded from"))
}

/// `(expanded from: ada@x.example)`: the address we wrote to, before an alias changed it.
pub fn is_origin(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '<', ':']).to_lowercase();
    ["(expanded from", "(generated from", "(originally addressed to"].iter().any(|origin| before.ends_with(origin))
}

/// `Failed recipient: ada@x.example`.
pub fn is_labelled(before: &str) -> bool {
    let before = flat(before);
    let before = before.trim_end_matches([' ', '<', '"', '\'', '(', '[']);
    phrases(Kind::Labels).any(|label| {
        before.strip_suffix(label).is_some_and(|rest| !label.is_ascii() || !rest.ends_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

/// `any words: ada@x.example`, and nothing else on the line: a label in whatever language.
pub fn is_one_label(before: &str, after: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t', '<', '"', '\'', '[']);
    let after = after.trim_matches(|c: char| c.is_whitespace() || ">\"'].".contains(c));
    let label = before.strip_suffix(':').or_else(|| before.strip_suffix('：')).map(str::trim);
    after.is_empty() && label.is_some_and(|label| (2..=60).contains(&label.chars().count()) && !is_header(&format!("{label}:")))
}

/// Nothing else on the line but decoration.
pub fn is_alone(before: &str, after: &str) -> bool {
    let plain = |text: &str| text.trim_end_matches("=20").chars().all(|c| !c.is_alphanumeric());
    plain(before) && plain(after)
        // "Ada" <ada@x.example>, or the address twice.
        || before.trim_start().starts_with('"') && before.trim_end().ends_with("\" <") && plain(after)
        || plain(before) && after.starts_with("\" <") && after.trim_end().ends_with('>')
}

/// `ada@x.example - no such user here`, at the beginning of a line.
pub fn is_described(before: &str, after: &str) -> bool {
    let after = flat(after);
    let after = after.trim_start_matches(|c: char| !c.is_alphanumeric());
    before.chars().all(|c| !c.is_alphanumeric()) && phrases(Kind::Descriptions).any(|word| after.starts_with(word))
}

/// `552 Quota violation for ada@x.example`: a line that begins with a reply code.
pub fn has_code(before: &str) -> bool {
    let mut bytes = before.trim_start().bytes();
    matches!(
        (bytes.next(), bytes.next(), bytes.next(), bytes.next()),
        (Some(b'4' | b'5'), Some(b'0'..=b'9'), Some(b'0'..=b'9'), Some(b' ' | b'-'))
    )
}

/// A copied header, or the beginning of one: it names those who wrote, not those not reached.
pub fn is_header(before: &str) -> bool {
    let before = before.trim_start_matches(['*', '>', ' ', '\t', '|']).to_lowercase().replace(" :", ":");
    [
        "from:",
        "mail from:",
        "to:",
        "cc:",
        "bcc:",
        "reply-to:",
        "sender:",
        "message-id:",
        "x-",
        "de:",
        "von:",
        "for <",
        "subject:",
        "date:",
    ]
    .iter()
    .any(|name| before.starts_with(name))
}

/// Whom to ask, and where.
pub fn is_contact(line: &str) -> bool {
    says(Kind::Contacts, &flat(line))
}

/// A sentence, with its neighbours, that says what failed.
pub fn is_about_failure(lines: &[&str], index: usize) -> bool {
    let around = lines[index.saturating_sub(1)..lines.len().min(index + 2)].join(" ");
    let around = flat(&around);
    says(Kind::Said, &around) || says(Kind::Undelivered, &around)
}

/// A heading under which recipients follow.
pub fn heads_list(line: &str) -> bool {
    says(Kind::Heads, &flat(line))
}

/// Whether something of a kind is said in a text as [`flat`] gives it.
pub fn says(kind: Kind, flat: &str) -> bool {
    SEARCHES.get(&kind).is_some_and(|phrases| phrases.is_match(flat))
}

/// Whether a text as [`flat`] gives it begins with one of a kind.
pub fn starts(kind: Kind, flat: &str) -> bool {
    phrases(kind).any(|phrase| flat.starts_with(phrase))
}

fn phrases(kind: Kind) -> impl Iterator<Item = &'static str> {
    TABLES.get(&kind).into_iter().flatten().map(String::as_str)
}

/// What phrases of notices tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Titles,
    Undelivered,
    Delayed,
    Delivered,
    Heads,
    Labels,
    Copies,
    Said,
    Descriptions,
    Contacts,
}

static TABLES: LazyLock<BTreeMap<Kind, Vec<String>>> = LazyLock::new(|| {
    let tables: BTreeMap<Kind, BTreeMap<String, Vec<String>>> =
        toml::from_str(include_str!("words/notices.toml")).expect("the table of notices is part of the program");
    tables.into_iter().map(|(kind, languages)| (kind, languages.into_values().flatten().collect())).collect()
});

/// The phrases of each kind, looked for in one pass: there are hundreds, and a notice may be long.
static SEARCHES: LazyLock<BTreeMap<Kind, AhoCorasick>> = LazyLock::new(|| {
    let search = |phrases| AhoCorasick::new(phrases).expect("the table of notices is small");
    TABLES.iter().map(|(kind, phrases)| (*kind, search(phrases))).collect()
});

const DESKS: [&str; 6] = ["postmaster", "mailer-daemon", "abuse", "hostmaster", "noc", "mailerdaemon"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_is_written_as_lines_are_compared() {
        assert_eq!(TABLES.len(), 10);
        for phrase in TABLES.values().flatten() {
            assert_eq!(flat(phrase), phrase.trim(), "it would never be found");
        }
    }

    #[test]
    fn a_line_of_one_label_and_one_address_names_a_recipient() {
        for (before, after, is_one) in [
            ("Mailbox over its allowed size: ", "", true),
            ("宛先： <", ">", true),
            ("  RCPT TO: ", "", true),
            ("From: ", "", false),
            ("For help: ", " or call us", false),
        ] {
            assert_eq!(is_one_label(before, after), is_one, "{before}");
        }
    }
}
