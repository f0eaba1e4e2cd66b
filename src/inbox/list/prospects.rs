//! Prospect lists as other programs export them: rows in, one at a time.
//!
//! A blank cell is absent, so that it can never overwrite; a bad e-mail address costs its row,
//! any other bad value only itself. Errors name the line and the column and never repeat the cell.

use super::cell;
use super::columns::{self, Column, MapFile, Target};
use super::decode::Charset;
use super::records::{RecordError, Records};
use crate::domain::address::Address;
use crate::domain::consent::{Consent, Purpose};
use crate::domain::doorway::arrival::Arrival;
use crate::domain::doorway::external_id::ExternalId;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use crate::domain::span::midnight;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read};

/// One prospect of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line at which it begins in the file, from 1.
    pub line: u64,
    /// Who it is, and what it says of them; first and last name joined where there is no whole one.
    pub arrival: Arrival,
    /// The day on which the fields were true, if the list states it.
    pub as_of: Option<Date>,
    /// Values left out because they could not be parsed.
    pub warnings: Vec<RowError>,
}

/// A problem with a row or a value: where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The line in the file, from 1.
    pub line: u64,
    /// The header of the column, if it concerns one.
    pub column: Option<String>,
    /// The problem; never the contents of the cell.
    pub words: String,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line {}, column {column:?}: {}", self.line, self.words),
            None => write!(f, "line {}: {}", self.line, self.words),
        }
    }
}

impl std::error::Error for RowError {}

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

/// Why a list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("the file cannot be read: {0}")]
    Source(#[from] io::Error),
    #[error("the file is empty; its first line must name the columns")]
    Empty,
    #[error("the header line cannot be read: {0}")]
    Header(#[from] RecordError),
    #[error(
        "no column holds the e-mail address; the columns are {}. Say which one it is with --map FILE, a file with a line such as \
         \"{}\" = \"email\"",
        quoted(.headers),
        .headers.first().map_or("Header", String::as_str)
    )]
    NoAddress { headers: Vec<String> },
}

/// Opens a list: reads its header.
///
/// # Errors
/// When the source fails, is empty, or no column holds the address.
pub fn open<R: Read>(source: R, options: &Options) -> Result<Reader<R>, ImportError> {
    let mut records = Records::new(source)?;
    match records.advance() {
        Ok(Some(_)) => {}
        Ok(None) => return Err(ImportError::Empty),
        Err((_, error)) => return Err(error.into()),
    }
    let headers: Vec<String> = (0..records.len()).map(|index| records.cell(index).trim().to_owned()).collect();
    let map = options.map.clone().unwrap_or_default();
    let columns = columns::columns(&headers, &map, options.declared);
    if !columns.iter().any(|column| column.target == Target::Email) {
        return Err(ImportError::NoAddress { headers });
    }
    let unused = map.unused(&columns);
    Ok(Reader { records, columns, declared: options.declared.clone(), source: options.source.to_owned(), unused, failed: false })
}

/// An iterator over the rows of a list.
pub struct Reader<R> {
    records: Records<R>,
    columns: Vec<Column>,
    declared: BTreeMap<Name, FieldType>,
    source: String,
    unused: Vec<String>,
    failed: bool,
}

impl<R: Read> Reader<R> {
    /// The target of each column, in the order of the file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Headers of the map file that the list does not have.
    pub fn unused(&self) -> &[String] {
        &self.unused
    }

    /// The encoding of the list, as far as it was read: certain at its end.
    pub const fn encoding(&self) -> Charset {
        self.records.charset()
    }

    pub fn delimiter(&self) -> char {
        char::from(self.records.delimiter())
    }

    fn row(&self, line: u64) -> Option<Result<Row, RowError>> {
        if (0..self.records.len()).all(|index| cell::content(self.records.cell(index)).is_none()) {
            // Spreadsheets leave lines of bare delimiters behind.
            return None;
        }
        if self.records.len() > self.columns.len() {
            let words = format!(
                "the row has {} cells and the header {}; put a cell that holds a {} in double quotes",
                self.records.len(),
                self.columns.len(),
                delimiter_words(self.records.delimiter())
            );
            return Some(Err(RowError { line, column: None, words }));
        }
        let mut cells = Cells::default();
        let mut warnings = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            if let Some(value) = cell::content(self.records.cell(index))
                && let Err(words) = cells.take(column, &cell::original(value), &self.declared)
            {
                warnings.push(RowError { line, column: Some(column.header.clone()), words: words.to_owned() });
            }
        }
        Some(cells.finish(line, warnings, &self.columns, &self.source))
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

/// The cells of a row, taken one by one.
#[derive(Default)]
struct Cells {
    address: Option<Result<Address, String>>,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    company: Option<String>,
    owner: Option<String>,
    external_id: Option<ExternalId>,
    fields: BTreeMap<Name, String>,
    tags: BTreeSet<String>,
    email_opt_out: bool,
    phone_opt_out: bool,
    mail: Stated,
    tracking: Stated,
    as_of: Option<Date>,
}

#[derive(Default)]
struct Stated {
    given: Option<bool>,
    source: Option<String>,
    date: Option<Date>,
}

impl Stated {
    fn consent(self, purpose: Purpose, source: &str) -> Option<Consent> {
        let given = self.given.or_else(|| (self.source.is_some() || self.date.is_some()).then_some(true))?;
        let source = self.source.unwrap_or_else(|| source.to_owned());
        Some(Consent { purpose, given, source, given_at: self.date.map(midnight) })
    }
}

impl Cells {
    /// Takes one value that is not blank; of several columns with one target the first counts.
    fn take(&mut self, column: &Column, value: &str, declared: &BTreeMap<Name, FieldType>) -> Result<(), &'static str> {
        let keep = |place: &mut Option<String>| _ = place.get_or_insert_with(|| tidy(value));
        match &column.target {
            Target::Email => {
                self.address.get_or_insert_with(|| Address::parse(value).map_err(|error| error.to_string()));
            }
            Target::Name => keep(&mut self.name),
            Target::FirstName => keep(&mut self.first_name),
            Target::LastName => keep(&mut self.last_name),
            Target::Phone => keep(&mut self.phone),
            Target::Company => keep(&mut self.company),
            Target::Owner => keep(&mut self.owner),
            Target::ExternalId(system) => {
                self.external_id = self.external_id.take().or_else(|| ExternalId::parse(system, value));
            }
            Target::Tags => self.tags.extend(value.split([',', '|', ';']).map(tidy).filter(|tag| !tag.is_empty())),
            Target::EmailOptOut => self.email_opt_out |= cell::opted_out(value),
            Target::PhoneOptOut => self.phone_opt_out |= cell::opted_out(value),
            Target::MailConsent => said(&mut self.mail, value)?,
            Target::TrackingConsent => said(&mut self.tracking, value)?,
            // What HubSpot exports where consent was never asked for.
            Target::MailConsentSource if value.eq_ignore_ascii_case("not applicable") => {}
            Target::MailConsentSource => keep(&mut self.mail.source),
            Target::TrackingConsentSource => keep(&mut self.tracking.source),
            Target::MailConsentDate => date(&mut self.mail.date, value)?,
            Target::TrackingConsentDate => date(&mut self.tracking.date, value)?,
            Target::AsOf => date(&mut self.as_of, value)?,
            Target::Field(name) if !self.fields.contains_key(name) => {
                let kind = declared.get(name).copied().unwrap_or(FieldType::Text);
                let value = if name.as_str() == "language" { kind.canonical(&language(value))? } else { kind.canonical(value)? };
                self.fields.insert(name.clone(), value);
            }
            Target::Field(_) | Target::Ignore => {}
        }
        Ok(())
    }

    fn finish(self, line: u64, warnings: Vec<RowError>, columns: &[Column], source: &str) -> Result<Row, RowError> {
        let column = || columns.iter().find(|column| column.target == Target::Email).map(|column| column.header.clone());
        let address = match self.address {
            Some(Ok(address)) => address,
            Some(Err(words)) => return Err(RowError { line, column: column(), words }),
            None => {
                return Err(RowError {
                    line,
                    column: column(),
                    words: "no e-mail address; fill it in or delete the row".to_owned(),
                });
            }
        };
        let parts = [self.first_name, self.last_name].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let mail = self.mail.consent(Purpose::Mail, source);
        let tracking = self.tracking.consent(Purpose::Tracking, source);
        let arrival = Arrival {
            name: self.name.or_else(|| (!parts.is_empty()).then_some(parts)),
            phone: self.phone,
            company: self.company,
            owner: self.owner,
            external_id: self.external_id,
            fields: self.fields,
            tags: self.tags,
            email_opt_out: self.email_opt_out,
            phone_opt_out: self.phone_opt_out,
            consents: mail.into_iter().chain(tracking).collect(),
            ..Arrival::of(address)
        };
        Ok(Row { line, arrival, as_of: self.as_of, warnings })
    }
}

/// Reads a consent column: yes, no, or how consent was given.
fn said(stated: &mut Stated, value: &str) -> Result<(), &'static str> {
    let given = cell::answer(value).ok_or("not yes or no; consent is left as it is")?;
    stated.given.get_or_insert(given);
    Ok(())
}

fn date(place: &mut Option<Date>, value: &str) -> Result<(), &'static str> {
    let date = FieldType::Date.canonical(value)?.parse().map_err(|_| "not a date; write YYYY-MM-DD")?;
    place.get_or_insert(date);
    Ok(())
}

/// Normalizes a language: `es_ES`, `ES-es` and `es` are the same to an audience.
fn language(value: &str) -> String {
    let code = value.split(['_', '-']).next().unwrap_or_default();
    if code.len() == 2 { code.to_ascii_lowercase() } else { value.to_owned() }
}

/// One line, without control characters: names are put into headers of mails.
fn tidy(value: &str) -> String {
    value.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

const fn delimiter_words(delimiter: u8) -> &'static str {
    match delimiter {
        b';' => "semicolon",
        b'\t' => "tab",
        _ => "comma",
    }
}

fn quoted(headers: &[String]) -> String {
    headers.iter().map(|header| format!("{header:?}")).collect::<Vec<_>>().join(", ")
}
