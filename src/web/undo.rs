//! Undo: what a press changed, in a hidden field of the page that says so, signed for that page and for nothing else. It is good for a
//! day: later, something else may have been chosen.

use super::visit::within;
use crate::domain::preferences::Choice;
use crate::domain::span::Span;
use crate::mail::token::{Kind, Recipient, Signer, Token};
use jiff::Timestamp;
use serde::Serialize;

/// For how long a change can be taken back.
const GOOD: Span = Span::days(1);

/// The words beside those of choices. Whoever wants to be tracked again ticks the box with its text: that is no undoing.
const UNTRACKED: &str = "untracked";
const STOPPED: &str = "stopped";

/// What is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    Choices {
        /// What is chosen instead.
        choices: Vec<Choice>,
        /// Whether a consent to be tracked is taken back.
        untrack: bool,
    },
    /// The unsubscription of this instant.
    Stopped(Timestamp),
}

/// The hidden fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signed {
    pub before: String,
    pub sign: String,
}

impl Undo {
    /// The hidden fields of a page shown now; `page` is the token of its link. `None` if there is nothing to take back.
    pub fn sign(&self, signer: &Signer, page: &str, now: Timestamp) -> Option<Signed> {
        let words = self.words();
        if words.is_empty() {
            return None;
        }
        let before = serde_json::to_string(&words).ok()?;
        let token = Token { kind: Kind::Undo, id: now.as_millisecond(), ordinal: 0, recipient: Recipient::ANYBODY };
        let sign = signer.text(token, &context(page, &before));
        Some(Signed { before, sign })
    }

    /// Reads the hidden fields; `None` if they are not ours, of another page, or too old.
    pub fn read(signer: &Signer, page: &str, before: &str, sign: &str, now: Timestamp) -> Option<Self> {
        let token = signer.read(Kind::Undo, sign, &context(page, before))?;
        within(token.id, GOOD, now)?;
        let words: Vec<(String, Option<String>)> = serde_json::from_str(before).ok()?;
        let (mut choices, mut untrack) = (Vec::new(), false);
        for (word, value) in words {
            match word.as_str() {
                STOPPED => return Timestamp::from_millisecond(value?.parse().ok()?).ok().map(Self::Stopped),
                UNTRACKED => untrack = true,
                _ => choices.push(Choice::parse(&word, value.as_deref())?),
            }
        }
        Some(Self::Choices { choices, untrack })
    }

    fn words(&self) -> Vec<(&'static str, Option<String>)> {
        match self {
            Self::Stopped(since) => vec![(STOPPED, Some(since.as_millisecond().to_string()))],
            Self::Choices { choices, untrack } => {
                choices.iter().map(Choice::parts).chain(untrack.then_some((UNTRACKED, None))).collect()
            }
        }
    }
}

fn context(page: &str, before: &str) -> String {
    format!("{page}\n{before}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;

    #[test]
    fn an_undo_takes_back_what_its_page_changed_and_is_good_for_a_day() {
        let signer = Signer::new(&[(1, vec![7; 32])]).expect("a key");
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let (now, later, too_late) = (at("2026-11-03T09:00:00Z"), at("2026-11-04T08:00:00Z"), at("2026-11-04T09:00:00Z"));
        let choices = vec![Choice::AsOften, Choice::Language(Some(Language::Spanish))];
        for undo in [Undo::Stopped(now), Undo::Choices { choices, untrack: true }] {
            let Signed { before, sign } = undo.sign(&signer, "page", now).expect("something to take back");
            assert_eq!(Undo::read(&signer, "page", &before, &sign, later), Some(undo.clone()));
            assert_eq!(Undo::read(&signer, "page", &before, &sign, too_late), None);
            assert_eq!(Undo::read(&signer, "another", &before, &sign, later), None);
            assert_eq!(Undo::read(&signer, "page", &before.replace("as often", "less often").replace('1', "2"), "", later), None);
            assert_eq!(Undo::read(&signer, "page", "[[\"less often\",null]]", &sign, later), None, "signed for one change alone");
        }
        assert_eq!(Undo::Choices { choices: Vec::new(), untrack: false }.sign(&signer, "page", now), None);
    }
}
