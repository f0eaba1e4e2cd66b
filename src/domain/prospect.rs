//! A prospect: a person who may buy, the verdicts on them, and their standing.

use super::address::Address;
use super::criterion::{Criterion, Verdict};
use super::id::{AccountId, Name, ProspectId};
use super::suppression::StopReason;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The standing of a prospect: exactly one of these at any time. The words are SQL's too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Receives group mail, unless the address is suppressed.
    Nurturing,
    /// Offered to a salesperson who has not answered yet.
    Offered,
    Owned,
    Closed,
    /// Suppressed on every channel.
    Suppressed,
}

impl Standing {
    /// The word in SQL, logs and pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nurturing => "nurturing",
            Self::Offered => "offered",
            Self::Owned => "owned",
            Self::Closed => "closed",
            Self::Suppressed => "suppressed",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Nurturing, Self::Offered, Self::Owned, Self::Closed, Self::Suppressed].into_iter().find(|s| s.word() == word)
    }
}

/// A prospect as stored, with fields and tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prospect {
    pub id: ProspectId,
    /// The address mailed; `None` after erasure.
    pub address: Option<Address>,
    /// The person's name, if known.
    pub name: Option<String>,
    pub phone: Option<String>,
    /// The company's name as written.
    pub company: Option<String>,
    /// The account of the company.
    pub account: Option<AccountId>,
    pub standing: Standing,
    /// Counts from 1; a prospect who is returned to nurture starts a new one.
    pub episode: i64,
    pub episode_started_at: Timestamp,
    /// A date before which they asked not to be approached; group mail goes on until then.
    pub wake_at: Option<Timestamp>,
    /// When a person should review them if no campaign fits.
    pub review_after: Option<Timestamp>,
    /// The reason of the suppression in force, if group mail is suppressed.
    pub mail_stop: Option<StopReason>,
    /// Whether they consented to being tracked.
    pub tracking_consent: bool,
    /// The salesperson of the latest handoff, else the owner imported.
    pub previous_salesperson: Option<Name>,
    /// Declared and kept fields, as canonical text.
    pub fields: BTreeMap<Name, String>,
    pub tags: BTreeSet<String>,
    /// The verdicts by criterion; a criterion that is not in it is unknown.
    pub verdicts: BTreeMap<Criterion, Verdict>,
}

impl Prospect {
    /// A person of whom nothing is known: no condition on fields, tags or the domain fits them.
    pub const fn unknown(id: ProspectId, since: Timestamp) -> Self {
        Self {
            id,
            address: None,
            name: None,
            phone: None,
            company: None,
            account: None,
            standing: Standing::Nurturing,
            episode: 1,
            episode_started_at: since,
            wake_at: None,
            review_after: None,
            mail_stop: None,
            tracking_consent: false,
            previous_salesperson: None,
            fields: BTreeMap::new(),
            tags: BTreeSet::new(),
            verdicts: BTreeMap::new(),
        }
    }

    /// The name, else the address, else the number.
    pub fn display_name(&self) -> String {
        self.name
            .clone()
            .or_else(|| self.address.as_ref().map(ToString::to_string))
            .unwrap_or_else(|| format!("prospect {}", self.id))
    }
}

/// The type a field was declared with; values are kept as canonical text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    Text,
    /// A whole number; decimals are rounded towards zero, thousands separators dropped.
    Number,
    Date,
    Boolean,
}

impl FieldType {
    /// The words a configuration may use.
    pub const WORDS: [(&'static str, Self); 4] =
        [("text", Self::Text), ("number", Self::Number), ("date", Self::Date), ("boolean", Self::Boolean)];

    /// The canonical text of a value of this type.
    ///
    /// # Errors
    /// Says what the value should have looked like.
    pub fn canonical(self, value: &str) -> Result<String, &'static str> {
        let value = value.trim();
        match self {
            Self::Text => Ok(value.chars().filter(|c| *c != '\0').collect()),
            Self::Number => whole_number(value).map(|n| n.to_string()).ok_or("not a number"),
            Self::Date => date(value).map(|d| d.to_string()).ok_or("not a date; write YYYY-MM-DD"),
            Self::Boolean => match value.to_ascii_lowercase().as_str() {
                "true" | "yes" | "y" | "1" | "on" => Ok("true".to_owned()),
                "false" | "no" | "n" | "0" | "off" => Ok("false".to_owned()),
                _ => Err("not yes or no"),
            },
        }
    }
}

/// The number by which a canonical value is compared: a number itself, a date as days since 1970, yes as 1.
pub fn comparable(value: &str) -> Option<i64> {
    match value {
        "true" => Some(1),
        "false" => Some(0),
        _ => value.parse().ok().or_else(|| value.parse().ok().map(days_since_1970)),
    }
}

fn days_since_1970(date: Date) -> i64 {
    super::span::midnight(date).as_second().div_euclid(86_400)
}

fn whole_number(value: &str) -> Option<i64> {
    let compact: String = value.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\'' | '_' | '€' | '$' | '£')).collect();
    let thousands = |text: &str, mark: char| {
        let groups: Vec<&str> = text.split(mark).collect();
        groups.len() > 1 && groups[1..].iter().all(|g| g.len() == 3) && !groups[0].trim_start_matches('-').is_empty()
    };
    let (dots, commas) = (compact.matches('.').count(), compact.matches(',').count());
    let plain = match (dots, commas) {
        (0, 0) => compact,
        // Of two separators, the last is the decimal one.
        (1.., 1..) if compact.rfind('.') > compact.rfind(',') => compact.replace(',', "").split('.').next()?.to_owned(),
        (1.., 1..) => compact.replace('.', "").split(',').next()?.to_owned(),
        (_, 0) if thousands(&compact, '.') => compact.replace('.', ""),
        (0, _) if thousands(&compact, ',') => compact.replace(',', ""),
        (1, 0) => compact.split('.').next()?.to_owned(),
        (0, 1) => compact.split(',').next()?.to_owned(),
        _ => return None,
    };
    plain.parse().ok()
}

fn date(value: &str) -> Option<Date> {
    let day = value.split(['T', ' ']).next().unwrap_or(value);
    day.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_canonical() {
        let number = |v| FieldType::Number.canonical(v).ok();
        for (written, kept) in [
            ("50000", "50000"),
            ("50,000", "50000"),
            ("50.000 €", "50000"),
            ("1,234.56", "1234"),
            ("1.234,56", "1234"),
            ("3.5", "3"),
            ("-7", "-7"),
        ] {
            assert_eq!(number(written).as_deref(), Some(kept), "{written}");
        }
        assert_eq!(number("many"), None);
        assert_eq!(FieldType::Date.canonical("2026-11-01T00:00:00Z").as_deref(), Ok("2026-11-01"));
        assert_eq!(FieldType::Boolean.canonical("Yes").as_deref(), Ok("true"));
        assert!(FieldType::Date.canonical("01/11/2026").is_err());
    }

    #[test]
    fn values_compare_as_numbers() {
        assert_eq!(comparable("1970-01-02"), Some(1));
        assert_eq!(comparable("42"), Some(42));
        assert_eq!(comparable("true"), Some(1));
        assert_eq!(comparable("food"), None);
    }
}
