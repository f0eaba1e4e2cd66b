//! "I have left the company, write to …": said by the mailbox of whoever left.

use super::texts::{Phrases, Table, flat, sentences};
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

/// Whether a phrase says that somebody has left, or that it is about something else.
static WORDS: LazyLock<Phrases<bool>> = LazyLock::new(|| {
    let words: Words = toml::from_str(include_str!("words/departures.toml"))
        .expect("the table of departures is part of the program and read by its tests");
    Phrases::of(&[(true, &words.left), (false, &words.not_left)])
});

/// Whether a sentence says that somebody has left.
pub(super) fn is_said(sentence: &str) -> bool {
    let said = WORDS.said_in(sentence);
    !said.is_empty() && said.iter().all(|left| *left)
}

/// Whether an automatic mail says that its sender has left for good.
pub(super) fn read(subject: &str, own: &str, from: Option<&Address>) -> Option<Departure> {
    let first: String = own.chars().take(1_500).collect();
    let text = flat(&format!("{subject}. {first}"));
    let gone = sentences(&text).into_iter().any(is_said);
    gone.then(|| Departure {
        instead: address::find(&first).into_iter().map(|found| found.address).find(|named| Some(named) != from),
    })
}
