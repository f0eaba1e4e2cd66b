//! Which header is which column, after the tables `words/headers.toml` and `words/permissions.toml`.

use super::target::Target;
use super::words::{Pattern, Words, key, loose};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

/// Lists of words by section, then by language or program.
type Lists = BTreeMap<String, BTreeMap<String, Vec<String>>>;

fn lists(text: &str) -> Lists {
    toml::from_str(text).expect("the tables of headers are part of the program and read by its tests")
}

/// What a section of a table says of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    As(Target),
    /// A field of its own name.
    OwnField,
    /// Of letters on paper, short messages, calls: a field in which a no is no no to mail.
    OtherChannel,
}

struct Headers {
    whole: HashMap<String, Known>,
    patterns: Vec<(Pattern, Known)>,
    email_if_none: HashSet<String>,
    titles: HashSet<String>,
    /// Words of permission; with a `*`, beginnings or ends of words.
    words: Vec<String>,
    negations: HashSet<String>,
    phone: HashSet<String>,
    other: HashSet<String>,
    mail: HashSet<String>,
    advertising: HashSet<String>,
    file_names: HashSet<String>,
}

static HEADERS: LazyLock<Headers> = LazyLock::new(|| {
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
    };
    for (section, languages) in permissions.into_iter().chain(headers) {
        let known = match section.as_str() {
            "field" => Known::OwnField,
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

/// What the tables know of a header.
pub(super) fn known(header: &str) -> Option<Known> {
    let words = Words::of(header);
    if let Some(known) = HEADERS.whole.get(&key(header)) {
        return Some(known.clone());
    }
    // "E-mail (work)", "Email [required]": what stands in brackets could turn a permission round, and nothing else.
    let bare = header.split(['(', '[']).next().unwrap_or(header);
    if bare.len() < header.len()
        && let Some(Known::As(target)) = HEADERS.whole.get(&key(bare))
        && target.is_of_person()
        && !speaks_of_permission(header)
    {
        return Some(Known::As(target.clone()));
    }
    let found = HEADERS.patterns.iter().find(|(pattern, _)| pattern.fits(&words)).map(|(_, known)| known.clone());
    // "Telefon Sperre" is no number, and "Telefon oder E-Mail" may be none.
    let found = found.filter(|known| match known {
        Known::As(Target::Phone) => !of_mail(&words) && !speaks_of_permission(header),
        Known::As(target) => !target.is_of_person() || !speaks_of_permission(header),
        Known::OwnField | Known::OtherChannel => true,
    });
    of_channel(found, &words)
}

/// Whether one of the words is there; a long one may be written in two, as `WhatsApp` is.
fn speaks(words: &Words, of: &HashSet<String>) -> bool {
    words.tokens().any(|word| of.contains(word)) || of.iter().any(|word| word.len() >= 8 && words.loose().contains(word.as_str()))
}

fn of_mail(words: &Words) -> bool {
    speaks(words, &HEADERS.mail) || words.loose().contains("email")
}

/// A permission of calls, or of letters on paper, says nothing of mail.
fn of_channel(found: Option<Known>, words: &Words) -> Option<Known> {
    let speaks = |of| speaks(words, of);
    if of_mail(words) || !speaks(&HEADERS.phone) && !speaks(&HEADERS.other) {
        return found;
    }
    match found {
        Some(Known::As(Target::EmailOptOut | Target::EmailOptOutIfFilled)) if speaks(&HEADERS.phone) => {
            Some(Known::As(Target::PhoneOptOut))
        }
        Some(Known::As(Target::MailConsent)) if speaks(&HEADERS.phone) => Some(Known::As(Target::PhoneConsent)),
        Some(Known::As(target)) if !target.is_of_mail() => Some(Known::As(target)),
        // What speaks of the permission to call and is not understood is not passed over.
        None if speaks(&HEADERS.phone) => None,
        _ => Some(Known::OtherChannel),
    }
}

/// Whether a header holds the address where no other column does.
pub(super) fn is_email_if_none(header: &str) -> bool {
    HEADERS.email_if_none.contains(&key(header))
}

/// Whether a header of which the tables know nothing speaks of permission.
pub(super) fn speaks_of_permission(header: &str) -> bool {
    let fits = |word: &str, pattern: &str| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), None) => word.ends_with(end),
        (None, Some(start)) => word.starts_with(start),
        _ => word == pattern,
    };
    let words = Words::of(header);
    let refuses = (of_mail(&words) || speaks(&words, &HEADERS.advertising)) && speaks(&words, &HEADERS.negations);
    refuses || words.tokens().any(|word| HEADERS.words.iter().any(|pattern| fits(word, pattern)))
}

/// Whether the name of a file says that the people in it get no mail: `unsubscribed_members_export_7.csv`.
pub(super) fn refuses_mail(file: &str) -> bool {
    let words = Words::of(file);
    match HEADERS.patterns.iter().find(|(pattern, _)| pattern.fits(&words)).map(|(_, known)| known) {
        Some(Known::As(Target::Unclear)) => false,
        Some(Known::As(Target::EmailOptOut)) => true,
        _ => words.tokens().any(|word| HEADERS.file_names.contains(word)),
    }
}

/// Whether a title says how a person is addressed, and not what they do.
pub(super) fn is_salutation(value: &str) -> bool {
    let words: Vec<String> = value.split([' ', '.', '/', '\u{a0}']).map(loose).filter(|word| !word.is_empty()).collect();
    HEADERS.titles.contains(&loose(value)) || !words.is_empty() && words.iter().all(|word| HEADERS.titles.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_the_tables_is_one_thing() {
        let mut seen: HashMap<String, String> = HashMap::new();
        for text in [include_str!("words/headers.toml"), include_str!("words/permissions.toml")] {
            for (section, languages) in lists(text) {
                let lists_words =
                    ["words", "negations", "advertising", "file_names", "email_if_none"].contains(&section.as_str());
                if lists_words || section.ends_with("_channels") {
                    continue;
                }
                for word in languages.into_values().flatten().filter(|word| !word.contains(['*', '~'])) {
                    let other = seen.insert(key(&word), section.clone());
                    assert!(other.as_ref().is_none_or(|other| *other == section), "{word}: {section} and {other:?}");
                }
            }
        }
        assert!(seen.len() > 700, "{}", seen.len());
    }

    #[test]
    fn a_channel_that_is_not_mail_stops_no_mail() {
        let target = |header: &str| known(header);
        assert_eq!(target("SMS Marketing Consent"), Some(Known::OtherChannel));
        assert_eq!(target("WhatsApp opt-in"), Some(Known::OtherChannel));
        assert_eq!(target("Opted out of phone calls"), Some(Known::As(Target::PhoneOptOut)));
        assert_eq!(target("Phone and e-mail opt out"), Some(Known::As(Target::EmailOptOut)));
        assert_eq!(target("HasOptedOutOfFax"), Some(Known::OtherChannel));
        assert_eq!(target("Do not allow Mails"), Some(Known::OtherChannel));
    }

    #[test]
    fn mr_is_no_job() {
        for title in ["Mr", "Mr.", "Herr Dr.", "Sig.ra", "Mme", "Prof. Dr.", "Sr.", "Frau", "dhr."] {
            assert!(is_salutation(title), "{title}");
        }
        for job in ["Owner", "PR", "Doctor", "Director", "Frau im Einkauf", "Professor", ""] {
            assert!(!is_salutation(job), "{job}");
        }
    }
}
