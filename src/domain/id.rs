//! Identities. A row's id is a number from the database; a name is a slug that a person wrote in a file.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

macro_rules! row_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

row_id!(
    ProspectId,
    /// The company a prospect belongs to.
    AccountId,
    /// A campaign at one nominal time of its schedule.
    OccurrenceId,
    /// One newsletter at one occurrence.
    IssueId,
    /// One recipient's copy of an issue.
    DeliveryId,
    /// One signal.
    SignalId,
    /// A stored qualification: the five verdicts at an instant.
    QualificationId,
    /// The offer of one prospect to one salesperson.
    HandoffId,
    /// An item on a personal queue.
    FollowUpId,
    /// A one-to-one mail on its way out.
    LetterId,
    /// A form about an address that has not answered for it.
    PendingFormId,
    /// A request for a person for which no handoff can be opened.
    EnquiryId,
    /// What was asked within one hour beyond what salespeople are told one by one.
    EnquiryListId,
);

/// A slug written by a person: a campaign, a newsletter, a salesperson, a form, a topic, a field.
///
/// One to 64 of `a-z 0-9 - _ .`, starting with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > 64 {
            return Err(NameError::Length);
        }
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        match text.chars().find(|c| !legal(*c)) {
            Some(c) => Err(NameError::Character(c)),
            None if text.starts_with(['-', '_', '.']) => Err(NameError::Start),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// Turns any words into a name: lower case, runs of anything else into one `_`; `None` when nothing is left.
    pub fn from_words(words: &str) -> Option<Self> {
        let mut slug = String::new();
        for c in words.trim().chars().flat_map(char::to_lowercase) {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                slug.push(c);
            } else if !slug.is_empty() && !slug.ends_with('_') {
                slug.push('_');
            }
            if slug.len() == 64 {
                break;
            }
        }
        Self::parse(slug.trim_end_matches('_')).ok()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The first sixteen hexadecimal digits of a hash of these texts.
pub fn fingerprint(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    data_encoding::HEXLOWER.encode(&hash.finalize()[..8])
}

/// Why a text is not a name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// Empty, or over 64 characters.
    #[error("a name has 1 to 64 characters")]
    Length,
    /// A character a name cannot hold.
    #[error("a name holds only a-z, 0-9, '-', '_' and '.', not {0:?}")]
    Character(char),
    #[error("a name starts with a letter or a digit")]
    Start,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_names() {
        let cases = [("Job Title", "job_title"), ("  Número de empleados ", "n_mero_de_empleados"), ("A--B", "a_b")];
        for (words, name) in cases {
            assert_eq!(Name::from_words(words).map(|n| n.to_string()).as_deref(), Some(name));
        }
        assert_eq!(Name::from_words("¿?"), None);
        assert_eq!(Name::parse("Line"), Err(NameError::Character('L')));
        assert_eq!(Name::parse("-x"), Err(NameError::Start));
    }
}
