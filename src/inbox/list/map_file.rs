//! The user's own mapping of headers: a TOML table.
//!
//! ```toml
//! "Work e-mail" = "email"
//! "Zone" = "field:sales_area"
//! "Contact wish" = { target = "email_status", ok = ["A", "B"], stop = ["C"], blank = ["?"], otherwise = "stop" }
//! ```
//! In a column of permission, `ok` lists the values of those who may be mailed (called, followed), `stop` of those who must
//! not, `blank` those that say nothing, and `otherwise` is what all other values are. `""` is an empty cell.

use super::target::{Question, Target};
use super::values::{Answer, answer, value_key};
use super::words::key;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// What a map file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapFile {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    header: String,
    target: Target,
    named: Named,
}

/// The values that a map file names for a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    values: BTreeMap<String, Answer>,
    otherwise: Option<Answer>,
}

impl Named {
    /// What an empty cell says, if it was named.
    pub(super) fn empty(&self) -> Option<Answer> {
        self.values.get("").copied()
    }

    /// What a cell that is not empty says; what was not named is read as everywhere.
    pub(super) fn answer(&self, question: Question, cell: &str) -> Option<Answer> {
        let named = self.values.get(&value_key(cell)).copied();
        named.or(self.otherwise).or_else(|| answer(question, cell))
    }
}

impl MapFile {
    /// Reads the text of a map file.
    ///
    /// # Errors
    /// Names the header whose line cannot be used, and what may stand there.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        let table: Table = toml::from_str(text).map_err(|error| MapError::Toml(error.to_string()))?;
        let mut entries = BTreeMap::new();
        for (header, value) in table {
            let (word, mut values) = match value {
                Value::String(word) => (word, Table::new()),
                Value::Table(mut table) => match table.remove("target") {
                    Some(Value::String(word)) => (word, table),
                    _ => return Err(MapError::NoTarget { header }),
                },
                _ => return Err(MapError::NoTarget { header }),
            };
            let Some(target) = Target::parse(word.trim()) else { return Err(MapError::Target { header, word }) };
            if target.question().is_none() && !values.is_empty() {
                return Err(MapError::NoPermission { header, word });
            }
            let named = named(&header, &mut values)?;
            let entry = Entry { header: header.clone(), target, named };
            if let Some(other) = entries.insert(key(&header), entry) {
                return Err(MapError::Twice { header, other: other.header });
            }
        }
        Ok(Self { entries })
    }

    /// What it says of a header.
    pub fn target(&self, header: &str) -> Option<(&Target, &Named)> {
        self.entries.get(&key(header)).map(|entry| (&entry.target, &entry.named))
    }

    /// Headers of the map that are not in the file: probably misspelt.
    pub fn unused(&self, headers: &[String]) -> Vec<String> {
        let present: Vec<String> = headers.iter().map(|header| key(header)).collect();
        self.entries.iter().filter(|(key, _)| !present.contains(key)).map(|(_, entry)| entry.header.clone()).collect()
    }
}

fn named(header: &str, table: &mut Table) -> Result<Named, MapError> {
    let mut named = Named::default();
    for (word, answer) in [("ok", Answer::May), ("stop", Answer::MayNot), ("blank", Answer::Nothing)] {
        let values = match table.remove(word) {
            None => continue,
            Some(Value::Array(values)) => values,
            Some(one) => vec![one],
        };
        for value in values {
            let text = match value {
                Value::String(text) => text,
                Value::Integer(number) => number.to_string(),
                Value::Boolean(truth) => truth.to_string(),
                _ => return Err(MapError::Value { header: header.to_owned(), word: word.to_owned() }),
            };
            if named.values.insert(value_key(&text), answer).is_some_and(|before| before != answer) {
                return Err(MapError::Both { header: header.to_owned(), value: text });
            }
        }
    }
    named.otherwise = match table.remove("otherwise") {
        None => None,
        Some(Value::String(word)) if word == "ok" => Some(Answer::May),
        Some(Value::String(word)) if word == "stop" => Some(Answer::MayNot),
        Some(Value::String(word)) if word == "blank" => Some(Answer::Nothing),
        Some(_) => return Err(MapError::Otherwise { header: header.to_owned() }),
    };
    match table.keys().next() {
        None => Ok(named),
        Some(word) => Err(MapError::Value { header: header.to_owned(), word: word.clone() }),
    }
}

/// Why a map file cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MapError {
    #[error("the map file is not TOML of the form \"Header\" = \"target\": {0}")]
    Toml(String),
    #[error("{header:?} is mapped to {word:?}, which is no target; write one of: {}, field:NAME", Target::words())]
    Target { header: String, word: String },
    #[error(
        "{header:?} needs a target: write {header:?} = \"target\", or {header:?} = {{ target = \"email_status\", ok = [\"…\"], stop = [\"…\"] }}"
    )]
    NoTarget { header: String },
    #[error("{header:?} is mapped to {word:?}, whose values cannot be named; only those of opt-outs, consents and statuses can")]
    NoPermission { header: String, word: String },
    #[error(
        "{header:?}: {word:?} is not understood; beside target stand ok, stop and blank, each a list of values, and otherwise"
    )]
    Value { header: String, word: String },
    #[error("{header:?}: otherwise is \"ok\", \"stop\" or \"blank\"")]
    Otherwise { header: String },
    #[error("{header:?}: {value:?} stands in two lists")]
    Both { header: String, value: String },
    #[error("{header:?} and {other:?} are the same header; keep one of them")]
    Twice { header: String, other: String },
}
