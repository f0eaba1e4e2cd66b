//! Consent: what a prospect agreed to or declined, where and when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a prospect is asked to agree to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    Mail,
    /// That what they click is kept.
    Tracking,
}

impl Purpose {
    /// The word in SQL.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Tracking => "tracking",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Mail, Self::Tracking].into_iter().find(|purpose| purpose.word() == word)
    }
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Consent {
    pub purpose: Purpose,
    pub given: bool,
    /// Where it was made: "fair 2025, card".
    pub source: String,
    pub given_at: Option<Timestamp>,
    /// The text that was agreed to or declined, as it was shown; `None` where nobody recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wording: Option<String>,
}

impl Consent {
    /// A statement without a date and without its text.
    pub fn undated(purpose: Purpose, given: bool, source: &str) -> Self {
        Self { purpose, given, source: source.to_owned(), given_at: None, wording: None }
    }
}
