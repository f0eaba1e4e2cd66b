//! Prospect lists as other programs export them: rows in, one at a time. Errors name the line and the column.

use super::cell;
use super::columns::Column;
use super::decode::Charset;
use super::header_line;
use super::headers;
use super::mailbox;
use super::map_file::MapFile;
use super::records::{RecordError, Records};
use super::refusal::{ImportError, Unread};
use super::row::{Cells, Row, RowError, Trouble};
use super::target::Target;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use encoding_rs::Encoding;
use std::collections::BTreeMap;
use std::io::Read;

/// How to read a list.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// The user's mapping of headers.
    pub map: Option<MapFile>,
    /// The fields the configuration declares, with their types.
    pub declared: &'a BTreeMap<Name, FieldType>,
    /// Where a consent was given, unless the list says: "import hubspot.csv".
    pub source: &'a str,
}

/// Opens a list whose encoding is guessed: reads its header.
///
/// # Errors
/// When the source fails, is empty, no column holds the address, or one that speaks of permission is not understood.
pub fn open<R: Read>(source: R, options: &Options) -> Result<Reader<R>, ImportError> {
    open_as(source, None, options)
}

/// Opens a list in a named encoding.
///
/// # Errors
/// Those of [`open`].
pub fn open_as<R: Read>(source: R, encoding: Option<&'static Encoding>, options: &Options) -> Result<Reader<R>, ImportError> {
    let mut records = Records::new(source, encoding)?;
    let map = options.map.clone().unwrap_or_default();
    let (columns, header_line) = header_line::find(&mut records, &map, options.declared)?;
    let headers: Vec<String> = columns.iter().map(|column| column.header.clone()).collect();
    Ok(Reader {
        records,
        columns,
        header_line,
        declared: options.declared.clone(),
        source: options.source.to_owned(),
        unused: map.unused(&headers),
        unread: Unread::default(),
        after_blank: false,
        below: None,
        failed: false,
    })
}

/// An iterator over the rows of a list.
pub struct Reader<R> {
    records: Records<R>,
    columns: Vec<Column>,
    header_line: u64,
    declared: BTreeMap<Name, FieldType>,
    source: String,
    unused: Vec<String>,
    unread: Unread,
    after_blank: bool,
    below: Option<(u64, u64)>,
    failed: bool,
}

impl<R: Read> Reader<R> {
    /// The target of each column, in the order of the file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The line that names the columns; what stands above it was passed over.
    pub const fn header_line(&self) -> u64 {
        self.header_line
    }

    /// The first and last of the lines below the table that were passed over: a report's footer.
    pub const fn below(&self) -> Option<(u64, u64)> {
        self.below
    }

    /// Headers of the map file that the list does not have.
    pub fn unused(&self) -> &[String] {
        &self.unused
    }

    /// What was found so far in columns of permission and is not understood. A list in which there is anything must not be
    /// taken in.
    pub const fn unread(&self) -> &Unread {
        &self.unread
    }

    /// Whether a list of this name holds people who get no mail, though none of its columns says so.
    pub fn is_named_so(&self, file: &str) -> bool {
        headers::refuses_mail(file) && !self.columns.iter().any(|column| column.target.is_of_mail())
    }

    /// The encoding of the list, as far as it was read: certain at its end.
    pub const fn encoding(&self) -> Charset {
        self.records.charset()
    }

    /// Whether bytes were found that the named encoding does not have.
    pub const fn replaced(&self) -> bool {
        self.records.replaced()
    }

    pub fn delimiter(&self) -> char {
        char::from(self.records.delimiter())
    }

    fn row(&mut self, line: u64) -> Option<Result<Row, RowError>> {
        let filled = (0..self.records.len()).filter(|index| cell::content(self.records.cell(*index)).is_some()).count();
        let after_blank = self.after_blank || self.records.after_blank();
        // Spreadsheets leave lines of bare delimiters behind.
        self.after_blank = filled == 0;
        if filled == 0 || self.is_below(after_blank, filled, line) {
            return None;
        }
        if (self.columns.len()..self.records.len()).any(|index| cell::content(self.records.cell(index)).is_some()) {
            let words = format!(
                "the row has {} cells and the header {}; put a cell that holds a {} in double quotes",
                self.records.len(),
                self.columns.len(),
                delimiter_words(self.records.delimiter())
            );
            return Some(Err(RowError { line, column: None, words }));
        }
        let mut cells = Cells::default();
        let (mut warnings, mut not_understood) = (Vec::new(), Vec::new());
        for (index, column) in self.columns.iter().enumerate() {
            let Some(value) = cell::content(self.records.cell(index)) else {
                cells.take_empty(column);
                continue;
            };
            match cells.take(column, &cell::original(value), &self.declared) {
                Ok(()) => {}
                Err(Trouble::LeftOut(words)) => {
                    warnings.push(RowError { line, column: Some(column.header.clone()), words: words.to_owned() });
                }
                Err(Trouble::NotUnderstood) => not_understood.push(index),
            }
        }
        // A row without an address is not taken in, whatever else it says.
        if let Some(index) = not_understood.first().copied().filter(|_| cells.has_address()) {
            for index in not_understood {
                let value = cell::content(self.records.cell(index)).unwrap_or_default();
                self.unread.add(index, &self.columns[index], line, value);
            }
            let words = "neither yes nor no; correct it, or say what it means with --map FILE".to_owned();
            return Some(Err(RowError { line, column: Some(self.columns[index].header.clone()), words }));
        }
        Some(cells.finish(line, warnings, &self.columns, &self.source))
    }

    /// Whether a row is no row but stands below the table, as reports of Salesforce do: after a blank line, one cell, no address. From
    /// there on only what has an address is a row.
    fn is_below(&mut self, after_blank: bool, filled: usize, line: u64) -> bool {
        let has_address = || {
            let addresses = self.columns.iter().enumerate().filter(|(_, column)| column.target == Target::Email);
            addresses.map(|(index, _)| self.records.cell(index)).any(|cell| mailbox::read(cell).is_ok())
        };
        let is_below = match self.below {
            None => after_blank && filled == 1 && self.columns.len() > 1 && !has_address(),
            Some(_) => !has_address(),
        };
        if is_below {
            self.below = Some((self.below.map_or(line, |(first, _)| first), line));
        }
        is_below
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.failed {
            match self.records.advance() {
                Ok(None) => return None,
                Ok(Some(line)) => {
                    if let Some(row) = self.row(line) {
                        return Some(row);
                    }
                }
                Err((line, error)) => {
                    self.failed = matches!(error, RecordError::Source(_));
                    return Some(Err(RowError { line, column: None, words: error.to_string() }));
                }
            }
        }
        None
    }
}

const fn delimiter_words(delimiter: u8) -> &'static str {
    match delimiter {
        b';' => "semicolon",
        b'\t' => "tab",
        b'|' => "bar",
        _ => "comma",
    }
}
