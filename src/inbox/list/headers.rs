//! Which header is which column, after the tables `words/headers.toml` and `words/permissions.toml`.

use super::target::Target;
use super::values;
use super::words::{Pattern, Place, Words, key, loose, meet};
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
    /// A field that is a status of the mail in one list and a part of an address in another: `Estado`, `State`.
    State,
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
    /// Words that turn a permission round; with a `*`, beginnings of words.
    turning: Vec<String>,
    /// What a person is called before what is said of them: `Person - Name`, `Contact: Email`.
    subjects: HashSet<String>,
    /// Words of what one may have too many of, not of whether one wants it.
    objects: HashSet<String>,
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
    if let Some(known) = of_subject(&words).or_else(|| of_both(header)) {
        return Some(known);
    }
    let found = by_pattern(&words);
    // "Telefon Sperre" is no number, and "Telefon oder E-Mail" may be none.
    let found = found.filter(|known| match known {
        Known::As(Target::Phone) => !of_mail(&words) && !speaks_of_permission(header),
        Known::As(target) => !target.is_of_person() || !speaks_of_permission(header),
        Known::OwnField | Known::State | Known::OtherChannel => true,
    });
    of_channel(found, &words)
}

/// `Person - Email`, `Contact: Last Name`, `PersonTitle`: what is said of the person.
fn of_subject(words: &Words) -> Option<Known> {
    let mut tokens = words.tokens();
    tokens.next().filter(|first| HEADERS.subjects.contains(*first))?;
    let rest: String = tokens.collect();
    match HEADERS.whole.get(&rest) {
        Some(Known::As(target)) if target.is_of_person() => Some(Known::As(target.clone())),
        _ => None,
    }
}

/// `Puesto/cargo`, `Société / Organisation`: two words for the same.
fn of_both(header: &str) -> Option<Known> {
    let mut parts = header.split('/').map(|part| HEADERS.whole.get(&key(part)));
    let Some(Known::As(target)) = parts.next()? else { return None };
    let same = |part: Option<&Known>| part == Some(&Known::As(target.clone()));
    (header.contains('/') && target.is_of_person() && parts.all(same)).then(|| Known::As(target.clone()))
}

/// What the pattern with the most letters says that fits. What says yes to mail and what says no may stand in one header: then the no
/// counts where it speaks of the other one, and else nothing is guessed.
fn by_pattern(words: &Words) -> Option<Known> {
    let fits = |(pattern, known): &'static (Pattern, Known)| Some((pattern, pattern.find(words)?, known));
    let fitting: Vec<(&Pattern, Vec<Place>, &Known)> = HEADERS.patterns.iter().filter_map(fits).collect();
    let (pattern, places, known) = fitting.first()?;
    let of = |what: fn(&Target) -> bool| {
        fitting.iter().filter(move |(_, _, known)| matches!(known, Known::As(target) if what(target)))
    };
    // "Has not unsubscribed".
    let is_negated = |no: &[Place]| {
        let begins = no.first().map_or(0, |(start, _)| *start);
        words.outside(&[(begins, usize::MAX)]).iter().any(|word| HEADERS.negations.contains(*word))
    };
    let stands_alone = |yes: &[Place]| !of(Target::refuses).any(|(_, no, _)| overlap(yes, no)) && !is_object(words, yes);
    let agrees_too = of(Target::agrees).any(|(_, yes, _)| stands_alone(yes));
    let is_clear = match known {
        Known::As(target) if target.agrees() => match of(Target::refuses).next() {
            Some((no, _, refusing)) if no.is_beginning() => return Some((*refusing).clone()),
            Some((_, there, refusing))
                if (overlap(places, there) || is_object(words, places)) && !is_negated(there) && !agrees_too =>
            {
                return Some((*refusing).clone());
            }
            Some(_) => false,
            None => !is_turned(&words.outside(places)),
        },
        // What is unsubscribed from may have any name: "Opted out of email: Never miss a thing".
        Known::As(target) if target.refuses() && !pattern.is_beginning() => {
            !is_negated(places) && (!agrees_too || is_turned(&words.inside(places)))
        }
        _ => true,
    };
    Some(if is_clear { (*known).clone() } else { Known::As(Target::Unclear) })
}

fn overlap(one: &[Place], other: &[Place]) -> bool {
    one.iter().any(|a| other.iter().any(|b| meet(*a, *b)))
}

/// Whether what was found only names what is sent: "Marketing emails: opted out".
fn is_object(words: &Words, places: &[Place]) -> bool {
    let names = |word: &str| [&HEADERS.mail, &HEADERS.advertising, &HEADERS.objects].iter().any(|list| list.contains(word));
    words.inside(places).into_iter().all(names)
}

/// Whether the rest of a header takes back what a part of it says: "Newsletter cancelled", "Einwilligung nicht erteilt"; not where it
/// names both answers, "Newsletter (ja/nein)".
fn is_turned(rest: &[&str]) -> bool {
    let turns = |word: &str| {
        HEADERS.negations.contains(word)
            || HEADERS.turning.iter().any(|of| of.strip_suffix('*').map_or(of == word, |start| word.starts_with(start)))
    };
    let mut rest = rest;
    while let [word, after @ ..] = rest {
        match after {
            [next, behind @ ..] if values::are_both_answers(word, next) => rest = behind,
            _ if turns(word) => return true,
            _ => rest = after,
        }
    }
    false
}

/// Whether one of the words is there; a long one may be written in two, as `WhatsApp` is.
fn speaks(words: &Words, of: &HashSet<String>) -> bool {
    words.tokens().any(|word| of.contains(word)) || of.iter().any(|word| word.len() >= 8 && words.loose().contains(word.as_str()))
}

/// Letters on paper that have the word of ours in their name.
const PAPER: [&str; 5] = ["directmail", "postalmail", "papermail", "snailmail", "mailingaddress"];

fn of_mail(words: &Words) -> bool {
    let is_paper = PAPER.iter().any(|paper| words.loose().contains(paper));
    words.loose().contains("email") || speaks(words, &HEADERS.mail) && !is_paper
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
    match by_pattern(&words) {
        Some(Known::As(Target::Unclear)) => false,
        Some(Known::As(target)) if target.refuses() => true,
        _ => words.tokens().any(|word| HEADERS.file_names.contains(word)),
    }
}

/// Whether a title says how a person is addressed, and not what they do.
pub(super) fn is_salutation(value: &str) -> bool {
    let words: Vec<String> = value.split([' ', '.', '/', '\u{a0}']).map(loose).filter(|word| !word.is_empty()).collect();
    HEADERS.titles.contains(&loose(value)) || !words.is_empty() && words.iter().all(|word| HEADERS.titles.contains(word))
}

#[cfg(test)]
mod tests;
