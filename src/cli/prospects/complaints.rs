//! What is said of bad rows and values: each with its line, but a problem that repeats itself only so often, and then in number.

use crate::inbox::list::row::RowError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How often one problem of one column is said.
const SHOWN: u64 = 20;
/// How many problems are told apart.
const KINDS: usize = 500;

/// The complaints of one import.
pub struct Complaints {
    file: PathBuf,
    said: BTreeMap<(Option<String>, String), u64>,
}

impl Complaints {
    /// The complaints about a file.
    pub fn of(file: &Path) -> Self {
        Self { file: file.to_owned(), said: BTreeMap::new() }
    }

    /// A line about a problem, unless it was said often enough.
    pub fn about(&mut self, error: &RowError, more: &str) -> Option<String> {
        let kind = (error.column.clone(), format!("{}{more}", error.words));
        if self.said.len() >= KINDS && !self.said.contains_key(&kind) {
            return None;
        }
        let column = error.column.as_ref().map(|column| format!("column {column:?}: ")).unwrap_or_default();
        let text = format!("{}:{}: {column}{}", self.file.display(), error.line, kind.1);
        let count = self.said.entry(kind).or_default();
        *count += 1;
        (*count <= SHOWN).then_some(text)
    }

    /// At the end: how often what was no longer said came.
    pub fn rest(&self) -> Vec<String> {
        let line = |((column, words), count): (&(Option<String>, String), &u64)| {
            let column = column.as_ref().map(|column| format!("column {column:?}: ")).unwrap_or_default();
            (*count > SHOWN).then(|| format!("{}: {} more lines: {column}{words}", self.file.display(), count - SHOWN))
        };
        self.said.iter().filter_map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_of_a_thousand_rows_is_said_twenty_times_and_counted() {
        let mut complaints = Complaints::of(Path::new("list.csv"));
        let error = |line| RowError { line, column: Some("Email".to_owned()), words: "no e-mail address".to_owned() };
        let said: Vec<String> = (2..1_002).filter_map(|line| complaints.about(&error(line), "")).collect();
        assert_eq!((said.len(), said[0].as_str()), (20, "list.csv:2: column \"Email\": no e-mail address"));
        assert_eq!(complaints.rest(), ["list.csv: 980 more lines: column \"Email\": no e-mail address"]);
    }
}
