//! "I have left the company, write to …": said by the mailbox of whoever left.

use super::texts::{self, Phrase, Table, flat, sentences};
use crate::domain::address::Address;
use crate::inbox::mail::address;
use serde::Deserialize;
use std::sync::LazyLock;

/// Somebody has left, and whom to write to instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The first address that the mail names besides its sender's.
    pub instead: Option<Address>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    left: Table,
    not_left: Table,
}

static WORDS: LazyLock<(Vec<Phrase>, Vec<Phrase>)> = LazyLock::new(|| {
    let words: Words = toml::from_str(include_str!("words/departures.toml"))
        .expect("the table of departures is part of the program and read by its tests");
    (texts::phrases(&words.left), texts::phrases(&words.not_left))
});

/// The phrases, as the reader of bodies counts them.
pub(super) fn phrases() -> Vec<Phrase> {
    WORDS.0.clone()
}

/// Whether an automatic mail says that its sender has left for good.
pub(super) fn read(subject: &str, own: &str, from: Option<&Address>) -> Option<Departure> {
    let first: String = own.chars().take(1_500).collect();
    let text = flat(&format!("{subject}. {first}"));
    let (left, not_left) = &*WORDS;
    let says = |phrases: &[Phrase], sentence: &str| phrases.iter().any(|phrase| phrase.is_in(sentence));
    let gone = sentences(&text).into_iter().any(|sentence| says(left, sentence) && !says(not_left, sentence));
    gone.then(|| Departure {
        instead: address::find(&first).into_iter().map(|found| found.address).find(|named| Some(named) != from),
    })
}
