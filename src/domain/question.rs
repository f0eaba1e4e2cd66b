//! Questions: what group mail asks, in the same words for all recipients. An answer is declared evidence.

use super::id::Name;
use super::span::Span;
use serde::{Deserialize, Serialize};

/// What a piece of evidence is worth. There is no score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    /// Meets the criterion alone.
    Meets,
    /// Counts towards Vision or Need; it never meets the other three.
    Supports,
    Contradicts,
}

/// One answer a prospect can choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Which answer it is, whatever its words: stored with every signal that gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Name>,
    /// The words printed in the newsletter, and stored as the proof.
    pub say: String,
    /// The words it had before: answers given in them are this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<String>,
    /// What it is worth; `None` when it proves nothing.
    pub power: Option<Power>,
    /// For Timeframe: how long after the answer the stated date lies.
    pub due: Option<DueIn>,
}

/// The one of these answers that was given under this id, in these words. An answer keeps its id when it is reworded; without an id on
/// either side, its words or those it had before tell which it is.
pub fn given<'a>(answers: &'a [Answer], id: Option<&Name>, say: &str) -> Option<&'a Answer> {
    let by_id = id.and_then(|id| answers.iter().find(|answer| answer.id.as_ref() == Some(id)));
    let by_words = || answers.iter().find(|answer| answer.say == say);
    by_id.or_else(by_words).or_else(|| answers.iter().find(|answer| answer.was.iter().any(|was| was == say)))
}

/// A span in its written form, so that it can be stored with an issue and read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DueIn(pub Span);

impl TryFrom<String> for DueIn {
    type Error = super::span::SpanError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Span::parse(&text).map(Self)
    }
}

impl From<DueIn> for String {
    fn from(due: DueIn) -> Self {
        due.0.to_string()
    }
}
