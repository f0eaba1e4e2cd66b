//! The mark of a program at its place in a subject: at the beginning, before a colon, a dash, a date or the end.

use super::absence;
use super::texts::{self, Table, flat, is_apart};
use crate::inbox::mail::mime_body;
use mail_parser::Message;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

/// The longest subject that is looked at, in characters.
const LONGEST: usize = 300;
/// How many tags of gateways may stand before a subject.
const TAGS: usize = 5;

/// What may stand between a mark and the words behind it.
const SEPARATORS: [char; 8] = [':', '：', '|', '(', '[', '【', '「', '『'];

/// How sure a mark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Only programs write it.
    Program,
    /// A person may write it, above a question.
    Absence,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    marks: Table,
    weak: Table,
    said_of_a_name: Table,
    follows: Table,
    reply_prefixes: BTreeMap<String, Vec<String>>,
}

struct Marks {
    all: Vec<(String, Mark)>,
    said_of_a_name: Vec<String>,
    follows: Vec<String>,
    replies: Vec<String>,
    forwards: Vec<String>,
}

static MARKS: LazyLock<Marks> = LazyLock::new(|| {
    let tables: Tables = toml::from_str(include_str!("words/subjects.toml"))
        .expect("the table of subjects is part of the program and read by its tests");
    let sure = texts::words(&tables.marks).into_iter().map(|word| (word, Mark::Program));
    let mut all: Vec<(String, Mark)> =
        sure.chain(texts::words(&tables.weak).into_iter().map(|word| (word, Mark::Absence))).collect();
    all.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
    let prefixes = |name: &str| tables.reply_prefixes.get(name).into_iter().flatten().map(|word| flat(word)).collect();
    Marks {
        all,
        said_of_a_name: texts::words(&tables.said_of_a_name),
        follows: texts::words(&tables.follows),
        replies: prefixes("any"),
        forwards: prefixes("forward"),
    }
});

/// The decoded subject of a mail, as far as anybody reads it.
pub(super) fn of(message: &Message) -> String {
    mime_body::subject(message).chars().take(LONGEST).collect()
}

/// The mark of a subject, if it has one. An answer to one (`Re:`, `AW:`) has none.
pub(super) fn mark(subject: &str) -> Option<Mark> {
    marked(&flat(subject)).map(|(mark, _)| mark)
}

/// A subject, flat, without the one that a program answers: it repeats that beside its mark, or behind `Re:`.
pub(super) fn own(subject: &str) -> String {
    let subject = flat(subject);
    let mut text = &subject[..reply_at(&subject).unwrap_or(subject.len())];
    let mut own = String::new();
    while let Some((_, beside)) = marked(text) {
        let words = text[beside.clone()].trim().trim_start_matches(|c: char| SEPARATORS.contains(&c) || matches!(c, '-' | ' '));
        // Only whoever is away says "until 12 May" there.
        if leads_to_a_date(words) {
            break;
        }
        own.extend([&text[..beside.start], " ", &text[beside.end..], " "]);
        text = if marked(words).is_some() { words } else { "" };
    }
    own + text
}

/// Where the subject of the mail that is answered begins, with its `Re:`.
fn reply_at(flat: &str) -> Option<usize> {
    let begins = |at: usize| flat[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric());
    flat.char_indices().map(|(at, _)| at).find(|at| begins(*at) && is_prefixed(&flat[*at..], &MARKS.replies))
}

/// The mark of a flat subject, and what stands beside it: behind it, or before one at the end.
fn marked(subject: &str) -> Option<(Mark, Range<usize>)> {
    let mut text = subject;
    let behind = |rest: &str| subject.len() - rest.len()..subject.len();
    // What gateways put before a subject: [EXT], *** SPAM ***.
    for _ in 0..TAGS {
        let Some((tag, rest)) = tag(text) else { break };
        if let Some((_, mark)) = MARKS.all.iter().find(|(word, _)| word == tag) {
            return Some((*mark, behind(rest)));
        }
        text = rest;
    }
    if is_prefixed(text, &MARKS.replies) || is_prefixed(text, &MARKS.forwards) {
        return None;
    }
    let begins = MARKS.all.iter().find_map(|(word, mark)| {
        let rest = text.strip_prefix(word.as_str())?;
        (is_apart(text, 0, word.len()) && stands_alone(word, rest)).then(|| (*mark, behind(rest)))
    });
    let of_a_name = || of_a_name(text).map(|rest| (Mark::Program, behind(rest)));
    let begin = subject.len() - text.len();
    let at_the_end = || at_the_end(text).map(|before| (Mark::Program, begin..begin + before.len()));
    begins.or_else(of_a_name).or_else(at_the_end)
}

/// Whether a subject says that somebody passes a mail on.
pub(super) fn is_forward(flat: &str) -> bool {
    is_prefixed(flat, &MARKS.forwards)
}

/// `[ext] rest`, `*** spam *** rest`.
fn tag(text: &str) -> Option<(&str, &str)> {
    let (open, close) = [("[", "]"), ("(", ")"), ("{", "}"), ("***", "***"), ("*", "*"), ("【", "】")]
        .into_iter()
        .find(|(open, _)| text.starts_with(open))?;
    let inner = &text[open.len()..];
    let end = inner.find(close).filter(|end| *end < 60)?;
    Some((inner[..end].trim(), inner[end + close.len()..].trim_start()))
}

/// `re:`, `aw :`, `re[2]:`, `sv：`.
fn is_prefixed(text: &str, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| {
        text.strip_prefix(prefix.as_str()).is_some_and(|rest| {
            let rest = rest.trim_start().trim_start_matches(|c: char| matches!(c, '[' | ']' | '(' | ')') || c.is_ascii_digit());
            rest.trim_start().starts_with([':', '：'])
        })
    })
}

/// Whether a mark stands by itself, before what follows it.
fn stands_alone(word: &str, rest: &str) -> bool {
    let after = rest.trim_start();
    let colon = after.starts_with(SEPARATORS);
    // "auto" is a word of its own before a colon only.
    if word == "auto" {
        return after.starts_with([':', '：']);
    }
    let dash = after.starts_with('-') && (rest.starts_with(' ') || after[1..].starts_with(' '));
    let end = after.chars().all(|c| matches!(c, '.' | '!' | '。' | '！' | ')' | ']' | '*' | ' '));
    colon || dash || end || is_prefixed(after, &MARKS.replies) || leads_to_a_date(after)
}

/// `until 12 May`, `bis Montag`, `del 3 al 14`, `, back on 12 May`, `12.05.-16.05.`.
fn leads_to_a_date(text: &str) -> bool {
    let text = text.trim_start_matches([',', ' ']);
    if text.contains('?') {
        return false;
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) && absence::names_a_date(text) {
        return true;
    }
    let follows =
        MARKS.follows.iter().any(|word| text.strip_prefix(word.as_str()).is_some_and(|_| is_apart(text, 0, word.len())));
    follows && absence::names_a_date(text)
}

/// What stands behind `Ada Vega is out of the office`: nothing, or a date.
fn of_a_name(text: &str) -> Option<&str> {
    let found = MARKS.said_of_a_name.iter().find_map(|word| {
        let at = text.find(&format!(" {word}"))?;
        Some((text[..at].split(' ').count(), &text[at + 1 + word.len()..]))
    });
    let (names, rest) = found?;
    let end = rest.trim_start().chars().all(|c| matches!(c, '.' | '!' | ' '));
    (names <= 4
        && !text.contains('?')
        && (end || rest.trim_start().starts_with(['(', '[', '-', ':']) || leads_to_a_date(rest.trim_start())))
    .then_some(rest)
}

/// What stands before the mark of `What the night shift knows (automatic reply)`.
fn at_the_end(text: &str) -> Option<&str> {
    let inner = text.strip_suffix([')', ']', '】'])?;
    let open = inner.rfind(['(', '[', '【'])?;
    let (before, inner) = inner.split_at(open);
    let inner = inner.trim_start_matches(['(', '[', '【']).trim();
    MARKS.all.iter().any(|(word, mark)| word == inner && *mark == Mark::Program).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_counts_at_its_place_only() {
        for subject in [
            "Automatic reply: x",
            "Out of Office: back on 14 June",
            "AUTO: Ada Vega is out of the office (returning 05/10/2026)",
            "Out of office until 12 May",
            "Abwesenheitsnotiz",
            "[EXT] Automatische Antwort: x",
            "Réponse automatique : x",
            "Fuera de la oficina hasta el 9 de junio",
            "Ada Vega is out of the office",
            "自動返信：ご連絡",
            "What we know (automatic reply)",
            "Abwesend bis 12.05.",
        ] {
            assert!(mark(subject).is_some(), "{subject}");
        }
        for subject in [
            "Re: Automatic reply: x",
            "AW: Abwesenheitsnotiz",
            "Automatic capping line",
            "Out of office chairs, need twelve",
            "Vacation cover for our packing line",
            "Abwesend gewesen? Bitte um Rückruf",
            "Fuera de la oficina técnica nadie lo sabe",
            "Automobile: x",
            "Who is out of the office?",
            "FW: Automatic reply: x",
        ] {
            assert_eq!(mark(subject), None, "{subject}");
        }
    }

    #[test]
    fn the_subject_that_a_program_answers_is_none_of_its_own_words() {
        for subject in [
            "Automatic reply: Register until 12 May",
            "Automatic reply: Your best engineer has left the company",
            "[Automatic reply] Register until 12 May",
            "[EXT] Out of office - Register until 12 May",
            "AUTO: Out of office: Register until 12 May",
            "Register until 12 May (automatic reply)",
            "Ada Vega is out of the office: Register until 12 May",
            "Automatic reply: Re: until 12 May",
            "Re: Register until 12 May",
            "自動返信：Register until 12 May",
        ] {
            let own = own(subject);
            assert!(!own.contains("12 may") && !own.contains("left"), "{subject}: {own}");
        }
        for (subject, words) in [
            ("Out of Office: back on 14 June", "14 june"),
            ("AUTO: Ada Vega is out of the office (returning 05/10/2026)", "05/10/2026"),
            ("Automatic reply: Out of office until 12 May", "12 may"),
            ("Out of office until 12 May (automatic reply)", "12 may"),
            ("Abwesend bis 12.05.", "12.05."),
            ("Ada Vega has left the company", "left"),
            ("自動返信：5月12日まで不在", "5月12日"),
        ] {
            assert!(own(subject).contains(words), "{subject}: {}", own(subject));
        }
    }
}
