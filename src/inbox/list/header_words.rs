//! The tables of headers, read: `words/headers.toml`, `words/permissions.toml`, `words/salutations.toml`.

use super::target::Target;
use super::words::{Pattern, key, loose};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

/// Lists of words by section, then by language or program.
pub(super) type Lists = BTreeMap<String, BTreeMap<String, Vec<String>>>;

pub(super) fn lists(text: &str) -> Lists {
    toml::from_str(text).expect("the tables of headers are part of the program and read by its tests")
}

/// What a section of a table says of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    As(Target),
    /// A field of its own name.
    OwnField,
    /// A field that is a status of the mail in one list and a part of an address in another: `Estado`, `State`.
    State,
    /// Of letters on paper, short messages, calls: a field in which a no is no no to mail.
    OtherChannel,
}

pub(super) struct Headers {
    pub(super) whole: HashMap<String, Known>,
    pub(super) patterns: Vec<(Pattern, Known)>,
    pub(super) email_if_none: HashSet<String>,
    pub(super) titles: HashSet<String>,
    /// Words of permission; with a `*`, beginnings or ends of words.
    pub(super) words: Vec<String>,
    pub(super) negations: HashSet<String>,
    pub(super) phone: HashSet<String>,
    pub(super) other: HashSet<String>,
    pub(super) mail: HashSet<String>,
    pub(super) advertising: HashSet<String>,
    /// Words that turn a permission round; with a `*`, beginnings of words.
    pub(super) turning: Vec<String>,
    /// What a person is called before what is said of them: `Person - Name`, `Contact: Email`.
    pub(super) subjects: HashSet<String>,
    /// Words of what one may have too many of, not of whether one wants it.
    pub(super) objects: HashSet<String>,
    pub(super) file_names: HashSet<String>,
}

pub(super) static HEADERS: LazyLock<Headers> = LazyLock::new(|| {
    let mut headers = lists(include_str!("words/headers.toml"));
    let mut permissions = lists(include_str!("words/permissions.toml"));
    let set = |section: Option<BTreeMap<String, Vec<String>>>| -> Vec<String> {
        section.unwrap_or_default().into_values().flatten().collect()
    };
    let keys = |words: Vec<String>| words.iter().map(|word| key(word)).collect();
    let titles: BTreeMap<String, Vec<String>> =
        toml::from_str(include_str!("words/salutations.toml")).expect("the table of salutations is part of the program");
    let mut table = Headers {
        whole: HashMap::new(),
        patterns: Vec::new(),
        email_if_none: keys(set(headers.remove("email_if_none"))),
        titles: titles.into_values().flatten().map(|word| loose(&word)).collect(),
        words: set(permissions.remove("words")).iter().map(|word| starred(word)).collect(),
        negations: keys(set(permissions.remove("negations"))),
        phone: keys(set(permissions.remove("phone_channels"))),
        other: keys(set(permissions.remove("other_channels"))),
        mail: keys(set(permissions.remove("mail_channels"))),
        advertising: keys(set(permissions.remove("advertising"))),
        file_names: keys(set(permissions.remove("file_names"))),
        turning: set(permissions.remove("turning")).iter().map(|word| starred(word)).collect(),
        subjects: keys(set(headers.remove("subjects"))),
        objects: keys(set(permissions.remove("objects"))),
    };
    for (section, languages) in permissions.into_iter().chain(headers) {
        let known = match section.as_str() {
            "field" => Known::OwnField,
            "state" => Known::State,
            "other_channel" => Known::OtherChannel,
            "unclear" => Known::As(Target::Unclear),
            word => Known::As(Target::parse(word).expect("each section of the tables is a target; a test reads them")),
        };
        for word in languages.into_values().flatten() {
            match Pattern::parse(&word) {
                Some(pattern) => table.patterns.push((pattern, known.clone())),
                None => _ = table.whole.insert(key(&word), known.clone()),
            }
        }
    }
    // The pattern that names the most letters comes first; of two, that of permission.
    table.patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.letters()));
    table
});

fn starred(word: &str) -> String {
    let (begins, ends) = (word.starts_with('*'), word.ends_with('*'));
    format!("{}{}{}", if begins { "*" } else { "" }, loose(word), if ends { "*" } else { "" })
}
