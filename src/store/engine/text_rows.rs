//! Rows as text: many rows in one value, a line each, columns separated by tabs. A row decoded by itself is sent from the
//! engine's thread to ours by itself, which costs more than all its other processing.
//!
//! Only values without tabs and line ends may be read this way: numbers, words of a closed set, names, and JSON, which
//! escapes both.

use super::backend::{Sql, StoreError, Tx, Value};
use std::str::FromStr;

/// Runs a statement that returns one text of lines, or nothing, and reads each line.
pub(in crate::store) async fn read<T>(
    tx: &mut Tx,
    sql: impl Into<Sql>,
    values: &[Value],
    mut line: impl FnMut(&mut Columns<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let row: Option<(Option<String>,)> = tx.row(sql, values).await?;
    let lines = row.and_then(|(lines,)| lines).unwrap_or_default();
    lines.lines().map(|text| line(&mut Columns(text.split('\t')))).collect()
}

/// The columns of one line, one after the other.
pub(in crate::store) struct Columns<'a>(std::str::Split<'a, char>);

impl<'a> Columns<'a> {
    /// The next column, empty if it is NULL.
    pub(in crate::store) fn text(&mut self) -> Result<&'a str, StoreError> {
        self.0.next().ok_or_else(|| StoreError::value("packed row", "a column is missing"))
    }

    /// The next column; `None` if it is NULL.
    pub(in crate::store) fn text_or_none(&mut self) -> Result<Option<&'a str>, StoreError> {
        Ok(Some(self.text()?).filter(|text| !text.is_empty()))
    }

    pub(in crate::store) fn number(&mut self) -> Result<i64, StoreError> {
        number(self.text()?)
    }

    /// The next column, a number that may be NULL.
    pub(in crate::store) fn number_or_none(&mut self) -> Result<Option<i64>, StoreError> {
        self.text_or_none()?.map(number).transpose()
    }
}

fn number(text: &str) -> Result<i64, StoreError> {
    i64::from_str(text).map_err(|e| StoreError::value("packed number", e))
}
