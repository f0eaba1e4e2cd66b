//! Reads a list of calls and scans, one row at a time. A bad row costs itself alone; a list without addresses, or with a column of two
//! meanings, is refused whole. An error names its column and repeats no value.

use super::columns::Column;
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::reported::Reported;
use crate::domain::doorway::signal::Touch;
use crate::domain::id::Name;
use crate::inbox::list::cell;
use crate::inbox::list::records::Records;
use crate::inbox::list::row::RowError;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::io::{self, Read};

/// How many characters a note or a field may have.
const MOST: usize = 4_000;

/// What holds for rows that do not say otherwise.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    pub touch: Option<Touch>,
    pub by: Option<Name>,
    pub at: Option<Timestamp>,
}

/// A row.
#[derive(Debug, Clone)]
pub struct Row {
    pub line: u64,
    /// What its list calls it; without one, its content does.
    pub id: Option<String>,
    pub reported: Reported,
}

/// Why a list is not read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("the list is empty")]
    Empty,
    #[error("no column is called email: the first line names the columns")]
    NoAddress,
    #[error("two columns mean `{0}`; drop one of them")]
    Twice(&'static str),
    #[error("the column Date may be when it happened or a date they named: call it `at`, or `named_date`")]
    Date,
    #[error("{0}")]
    Source(#[from] io::Error),
}

/// The rows of a list.
pub struct SignalList<'a, R> {
    records: Records<R>,
    columns: Vec<(Option<Column>, String)>,
    defaults: Defaults,
    /// The zone of an instant that names none, by who logged it.
    zone: &'a dyn Fn(Option<&Name>) -> TimeZone,
    ended: bool,
}

impl<'a, R: Read> SignalList<'a, R> {
    /// Opens a list, and reads the line that names the columns.
    pub fn open(source: R, defaults: Defaults, zone: &'a dyn Fn(Option<&Name>) -> TimeZone) -> Result<Self, ListError> {
        let mut records = Records::new(source, None)?;
        if let Some(mark) = records.delimiters()?.first() {
            records.part_at(*mark);
        }
        let headers = records.peek()?.ok_or(ListError::Empty)?;
        let _ = records.advance();
        let columns: Vec<_> = headers.into_iter().map(|header| (Column::of(&header), header.trim().to_owned())).collect();
        for (word, column) in Column::WORDS {
            if columns.iter().filter(|(found, _)| *found == Some(column)).count() > 1 {
                return Err(ListError::Twice(word));
            }
        }
        let has = |column| columns.iter().any(|(found, _)| *found == Some(column));
        if !has(Column::Email) {
            return Err(ListError::NoAddress);
        }
        if columns.iter().any(|(_, header)| header.eq_ignore_ascii_case("date")) {
            return Err(ListError::Date);
        }
        Ok(Self { records, columns, defaults, zone, ended: false })
    }

    /// The headers that say nothing of a touch.
    pub fn passed_over(&self) -> Vec<&str> {
        self.columns
            .iter()
            .filter(|(column, header)| column.is_none() && !header.is_empty())
            .map(|(_, header)| header.as_str())
            .collect()
    }

    fn read(&self, line: u64) -> Result<Row, RowError> {
        let error =
            |column: Column, words: &str| RowError { line, column: Some(column.word().to_owned()), words: words.to_owned() };
        let cell = |column: Column| {
            let at = self.columns.iter().position(|(found, _)| *found == Some(column))?;
            let text = cell::original(self.records.cell(at).trim()).into_owned();
            Some(text).filter(|text| !text.is_empty())
        };
        let name =
            |column: Column| cell(column).map(|text| Name::parse(&text).map_err(|e| error(column, &e.to_string()))).transpose();
        let email = cell(Column::Email).ok_or_else(|| error(Column::Email, "a row needs the address of a prospect"))?;
        let email = Address::parse(&email).map_err(|e| error(Column::Email, &e.to_string()))?;
        let event = name(Column::Event)?;
        let touch = match cell(Column::Kind) {
            Some(text) => Some(
                Touch::WORDS
                    .into_iter()
                    .find(|(word, _)| text.eq_ignore_ascii_case(word))
                    .map(|(_, touch)| touch)
                    .ok_or_else(|| error(Column::Kind, "write call, meeting, fair or note"))?,
            ),
            None => self.defaults.touch.filter(|_| event.is_none()),
        };
        let by = name(Column::By)?.or_else(|| self.defaults.by.clone().filter(|_| touch.is_some()));
        let at = match cell(Column::At) {
            Some(text) => Some(self.instant(&text, by.as_ref()).ok_or_else(|| {
                error(
                    Column::At,
                    "write an instant such as 2026-03-02T10:30:00+01:00, or 2026-03-02 10:30 in the zone of whoever logged it",
                )
            })?),
            None => self.defaults.at,
        };
        // Without it, the same row would be another one tomorrow.
        let at = at.ok_or_else(|| error(Column::At, "a row needs the time at which it happened, or the list --at"))?;
        let mut proves = Vec::new();
        for word in cell(Column::Proves).unwrap_or_default().split([',', ';', ' ', '|', '/']).filter(|word| !word.is_empty()) {
            let criterion = Criterion::parse(&word.to_lowercase());
            proves.push(criterion.ok_or_else(|| error(Column::Proves, "write vision, budget, authority, need, timeframe"))?);
        }
        let date: Option<Date> = match cell(Column::NamedDate) {
            Some(text) => Some(text.parse().map_err(|_| error(Column::NamedDate, "write a day as YYYY-MM-DD"))?),
            None => None,
        };
        let note = cell(Column::Note).unwrap_or_default();
        if note.chars().count() > MOST {
            return Err(error(Column::Note, "this is longer than 4,000 characters"));
        }
        let id = cell(Column::Id);
        if id.as_ref().is_some_and(|id| id.len() > 150 || !id.bytes().all(|b| b.is_ascii_graphic() || b == b' ')) {
            return Err(error(Column::Id, "an id has at most 150 visible ASCII characters"));
        }
        let fields = if touch.is_none() { self.fields(line)? } else { BTreeMap::new() };
        let reported = Reported { email, occurred_at: Some(at), event, form: None, touch, fields, by, proves, date, note };
        Ok(Row { line, id, reported })
    }

    /// What else stands in the row: the fields of an event.
    fn fields(&self, line: u64) -> Result<BTreeMap<String, String>, RowError> {
        let mut fields = BTreeMap::new();
        for (at, (column, header)) in self.columns.iter().enumerate() {
            let value = cell::original(self.records.cell(at).trim());
            if column.is_some() || header.is_empty() || value.is_empty() {
                continue;
            }
            if value.chars().count() > MOST {
                let words = "this is longer than 4,000 characters".to_owned();
                return Err(RowError { line, column: Some(header.clone()), words });
            }
            fields.insert(header.clone(), value.into_owned());
        }
        Ok(fields)
    }

    fn instant(&self, text: &str, by: Option<&Name>) -> Option<Timestamp> {
        if let Ok(at) = text.parse() {
            return Some(at);
        }
        let local: DateTime = text.parse().ok().or_else(|| text.parse::<Date>().ok().map(|day| day.at(12, 0, 0, 0)))?;
        local.to_zoned((self.zone)(by)).ok().map(|at| at.timestamp())
    }
}

impl<R: Read> Iterator for SignalList<'_, R> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.records.advance() {
            Ok(Some(line)) => Some(self.read(line)),
            Ok(None) => {
                self.ended = true;
                None
            }
            Err((line, error)) => {
                self.ended = matches!(error, crate::inbox::list::records::RecordError::Source(_));
                Some(Err(RowError { line, column: None, words: error.to_string() }))
            }
        }
    }
}
