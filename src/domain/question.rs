//! Questions: what group mail asks, the same words for everybody. An answer is declared evidence.

use super::span::Span;
use serde::{Deserialize, Serialize};

/// How much a piece of evidence is worth. There are no points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    /// Alone it meets the criterion.
    Meets,
    /// It counts towards Vision or Need; it never meets the others.
    Supports,
    Contradicts,
}

/// One answer a prospect can choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The words printed in the newsletter, and kept as the proof.
    pub say: String,
    /// What it is worth; `None` when it proves nothing either way.
    pub power: Option<Power>,
    /// For Timeframe: how long after answering the stated date lies.
    pub due: Option<DueIn>,
}

/// A span as it was written, so that it can be stored with an issue and read again.
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
