//! Questions: what group mail asks, in the same words for all recipients. An answer is declared evidence.

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
    /// The words printed in the newsletter, and stored as the proof.
    pub say: String,
    /// What it is worth; `None` when it proves nothing.
    pub power: Option<Power>,
    /// For Timeframe: how long after the answer the stated date lies.
    pub due: Option<DueIn>,
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
