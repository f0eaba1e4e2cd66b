//! What the cells of a column of permission say, after the table `words/values.toml`. A value that is not understood has no
//! answer: nothing is guessed.

use super::target::Question;
use super::words::key;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

/// What a cell says of mail, calls or tracking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    May,
    MayNot,
    /// It says nothing.
    Nothing,
}

/// The lists of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Says {
    Yes,
    No,
    Blank,
    /// Of itself: mail may go.
    May,
    /// Of consent or status: mail may go.
    Fine,
    /// Of itself, in any column: no mail.
    Never,
    /// Of any permission: no mail.
    Gone,
    /// Of consent or status: no mail.
    Stop,
    /// Of the sale.
    Sale,
}

static VALUES: LazyLock<HashMap<String, BTreeSet<Says>>> = LazyLock::new(|| {
    let lists: BTreeMap<Says, BTreeMap<String, Vec<String>>> = toml::from_str(include_str!("words/values.toml"))
        .expect("the table of values is part of the program and read by its tests");
    let mut values: HashMap<String, BTreeSet<Says>> = HashMap::new();
    for (says, languages) in lists {
        for word in languages.into_values().flatten() {
            values.entry(value_key(&word)).or_default().insert(says);
        }
    }
    values
});

/// Reads a cell that is not blank; `None` when it is not understood.
pub(super) fn answer(question: Question, cell: &str) -> Option<Answer> {
    let whole = VALUES.get(&value_key(cell));
    let answered = whole.and_then(|says| meaning(question, says));
    if question == Question::OptOutIfFilled {
        return answered.or(Some(Answer::MayNot));
    }
    if answered.is_some() || whole.is_some() {
        return answered;
    }
    match question {
        Question::OptOut if is_date(cell) => return Some(Answer::MayNot),
        Question::Consent if is_date(cell) => return Some(Answer::May),
        _ => {}
    }
    // "Unsubscribed (2026-01-03)", "Bounced: mailbox full": the beginning of a longer text may say no, never yes.
    let beginning = cell.split(['(', ':', ';', ',', '[', '–', '—']).next().filter(|start| start.len() < cell.len())?;
    let says = VALUES.get(&value_key(beginning))?;
    let refuses = says.contains(&Says::Never) || says.contains(&Says::Gone);
    refuses.then_some(Answer::MayNot)
}

/// Whether two words are the two answers, as a header names them: "ja/nein".
pub(super) fn are_both_answers(one: &str, other: &str) -> bool {
    let says = |word: &str, what| word.chars().count() > 1 && VALUES.get(word).is_some_and(|says| says.contains(&what));
    says(one, Says::Yes) && says(other, Says::No) || says(one, Says::No) && says(other, Says::Yes)
}

/// What a cell says of mail in a column that may be a status or a part of an address: a place says nothing.
pub(super) fn state(cell: &str) -> Option<Answer> {
    let of_status = |says: &&BTreeSet<Says>| says.iter().any(|one| !matches!(one, Says::Yes | Says::No | Says::Blank));
    VALUES.get(&value_key(cell)).filter(of_status).map_or(Some(Answer::Nothing), |says| meaning(Question::Status, says))
}

/// Whether a whole cell or a label says, in whatever column, that no mail may go: "Unsubscribed", "Do not contact".
pub(super) fn refuses_mail(text: &str) -> bool {
    text.len() <= 60 && VALUES.get(&value_key(text)).is_some_and(|says| says.contains(&Says::Never))
}

fn meaning(question: Question, says: &BTreeSet<Says>) -> Option<Answer> {
    let any = |of: &[Says]| of.iter().any(|one| says.contains(one));
    let (may, may_not): (&[Says], &[Says]) = match question {
        Question::OptOut => (&[Says::No, Says::May], &[Says::Yes, Says::Never, Says::Gone]),
        Question::OptOutIfFilled => (&[Says::No, Says::May, Says::Fine], &[Says::Yes, Says::Never, Says::Gone, Says::Stop]),
        Question::Consent | Question::MailStatus => {
            (&[Says::Yes, Says::May, Says::Fine], &[Says::No, Says::Never, Says::Gone, Says::Stop])
        }
        Question::Status => {
            return match (any(&[Says::Never, Says::Gone, Says::Stop]), any(&[Says::May, Says::Fine]), any(&[Says::Sale])) {
                _ if any(&[Says::Never]) => Some(Answer::MayNot),
                (true, false, false) => Some(Answer::MayNot),
                (false, true, _) => Some(Answer::May),
                (false, false, true) => Some(Answer::Nothing),
                (false, false, false) if any(&[Says::Blank]) => Some(Answer::Nothing),
                _ => None,
            };
        }
    };
    match (any(may), any(may_not)) {
        (true, false) => Some(Answer::May),
        (false, true) => Some(Answer::MayNot),
        (false, false) if any(&[Says::Blank]) => Some(Answer::Nothing),
        _ => None,
    }
}

/// What a value is looked up by. A number is the same however it is written: 1, 1.0, 01, 1,00.
pub(super) fn value_key(cell: &str) -> String {
    let cell = cell.trim();
    let numeric =
        cell.starts_with(|c: char| c.is_ascii_digit()) && cell.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
    match cell.replace(',', ".").parse::<f64>() {
        Ok(number) if numeric => number.to_string(),
        _ => key(cell),
    }
}

/// A day, with or without a time: 2026-01-03, 3.1.2026 10:00, 01/03/26, 3 Jan 2026.
fn is_date(cell: &str) -> bool {
    let day = cell.split(['T', ',']).next().unwrap_or(cell);
    let parts: Vec<&str> = day.split(['-', '/', '.', ' ']).filter(|part| !part.is_empty()).take(3).collect();
    let digits = |part: &&str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let name = |part: &&str| (3..=10).contains(&part.chars().count()) && part.chars().all(char::is_alphabetic);
    let month = |part: &&str| name(part) && !VALUES.contains_key(&key(part));
    let numbers = parts.iter().filter(|part| digits(part)).count();
    let nought = parts.iter().all(|part| part.bytes().all(|byte| byte == b'0'));
    match parts.as_slice() {
        [_, _, _] => !nought && (numbers == 3 || numbers == 2 && parts.iter().filter(|part| month(part)).count() == 1),
        // Jan 3, 2026.
        [a, b] => cell.contains(',') && (month(a) && digits(b) || digits(a) && month(b)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_of_every_spreadsheet() {
        for no in [
            "FALSCH", "FAUX", "FALSO", "FALS", "Não", "NIE", "FAŁSZ", "НЕТ", "ЛОЖЬ", "nein", "Nej", "epätosi", "YANLIŞ", "0",
            "0.0", "=FALSE()", "偽", "☐",
        ] {
            assert_eq!(answer(Question::OptOut, no), Some(Answer::May), "{no}");
            assert_eq!(answer(Question::Consent, no), Some(Answer::MayNot), "{no}");
        }
        for yes in [
            "WAHR",
            "VRAI",
            "VERDADERO",
            "VERO",
            "CERT",
            "Sim",
            "SÌ",
            "TAK",
            "ДА",
            "ИСТИНА",
            "PRAWDA",
            "Já",
            "1",
            "1.0",
            "x",
            "✓",
            "=WAHR()",
            "真",
        ] {
            assert_eq!(answer(Question::OptOut, yes), Some(Answer::MayNot), "{yes}");
            assert_eq!(answer(Question::Consent, yes), Some(Answer::May), "{yes}");
        }
    }

    #[test]
    fn what_is_neither_is_not_guessed() {
        for question in [Question::OptOut, Question::Consent, Question::MailStatus, Question::Status] {
            for cell in ["perhaps", "2", "yesno", "Yes: opted in at the fair", "Ada", "ja/nein", "unknown", "nein 1 2026"] {
                assert_eq!(answer(question, cell), None, "{question:?} {cell}");
            }
        }
        assert_eq!(answer(Question::OptOut, "inactive"), None, "an inactive opt-out says nothing clear");
        assert_eq!(answer(Question::OptOut, "confirmed"), None);
        assert_eq!(answer(Question::Status, "pending"), None);
        assert_eq!(answer(Question::Status, "yes"), None);
    }

    #[test]
    fn a_word_counts_in_its_column() {
        for (question, cell, expected) in [
            (Question::OptOut, "Do Not Allow", Answer::MayNot),
            (Question::OptOut, "Allow", Answer::May),
            (Question::OptOut, "Nicht zulassen", Answer::MayNot),
            (Question::OptOut, "2026-01-03 10:00:00", Answer::MayNot),
            (Question::OptOut, "N/A", Answer::Nothing),
            (Question::Consent, "NEVER_SUBSCRIBED", Answer::MayNot),
            (Question::Consent, "03/01/2026", Answer::May),
            (Question::Consent, "Jan 3, 2026", Answer::May),
            (Question::MailStatus, "Unsubscribed (2026-01-03)", Answer::MayNot),
            (Question::MailStatus, "Active", Answer::May),
            (Question::MailStatus, "unconfirmed", Answer::MayNot),
            (Question::Status, "cleaned", Answer::MayNot),
            (Question::Status, "Open - Not Contacted", Answer::Nothing),
            (Question::Status, "subscribed", Answer::May),
            (Question::OptOutIfFilled, "0000-00-00", Answer::Nothing),
            (Question::OptOutIfFilled, "too many", Answer::MayNot),
            (Question::OptOutIfFilled, "0", Answer::May),
            (Question::OptOutIfFilled, "[]", Answer::Nothing),
            (Question::OptOutIfFilled, "3", Answer::MayNot),
        ] {
            assert_eq!(answer(question, cell), Some(expected), "{question:?} {cell}");
        }
        assert!(refuses_mail("do-not-contact") && !refuses_mail("no") && !refuses_mail("bounced"));
    }

    /// Nobody is mailed because their no is also a yes of another language.
    #[test]
    fn no_word_is_yes_and_no() {
        for (word, says) in &*VALUES {
            assert!(!(says.contains(&Says::Yes) && says.contains(&Says::No)), "{word}");
            let (goes, stops) = ([Says::May, Says::Fine], [Says::Never, Says::Gone, Says::Stop]);
            assert!(!(goes.iter().any(|s| says.contains(s)) && stops.iter().any(|s| says.contains(s))), "{word}");
        }
    }
}
