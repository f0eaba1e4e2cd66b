//! The cells of a row, taken one by one into an arrival.
//!
//! A blank cell is absent, so that it can never overwrite. A bad address costs its row, a value of permission that is not
//! understood the list, any other bad value only itself.

use super::cell;
use super::columns::Column;
use super::headers::is_salutation;
use super::mailbox;
use super::target::{Question, Target};
use super::values::{Answer, answer, refuses_mail, state};
use super::words::visible;
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

/// What became of a value that was not taken.
pub(super) enum Trouble {
    /// It is left out.
    LeftOut(&'static str),
    /// It says something of permission, and it is not understood what.
    NotUnderstood,
}

impl From<&'static str> for Trouble {
    fn from(words: &'static str) -> Self {
        Self::LeftOut(words)
    }
}

/// The cells of a row.
#[derive(Default)]
pub(super) struct Cells {
    address: Option<Address>,
    /// The addresses that are none: their columns, and why.
    bad_addresses: Vec<(String, String)>,
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
    /// Of two statements the no counts.
    fn says(&mut self, given: bool) {
        self.given = Some(self.given.unwrap_or(true) && given);
    }

    fn consent(self, purpose: Purpose, source: &str) -> Option<Consent> {
        let given = self.given.or_else(|| (self.source.is_some() || self.date.is_some()).then_some(true))?;
        let source = self.source.unwrap_or_else(|| source.to_owned());
        Some(Consent { purpose, given, source, given_at: self.date.map(midnight), wording: None })
    }
}

impl Cells {
    /// Takes a cell that is empty, where the user's map says what that means.
    pub(super) fn take_empty(&mut self, column: &Column) {
        if let Some(answer) = column.named.empty() {
            self.permit(&column.target, answer);
        }
    }

    /// Takes one value that is not blank; of several columns with one target the first counts, of those of permission the no.
    pub(super) fn take(&mut self, column: &Column, value: &str, declared: &BTreeMap<Name, FieldType>) -> Result<(), Trouble> {
        if let Some(question) = column.target.question() {
            let answer = column.named.answer(question, value).ok_or(Trouble::NotUnderstood)?;
            self.permit(&column.target, answer);
            if column.target == Target::MailConsent && answer == Answer::May && self.mail.date.is_none() {
                self.mail.date = FieldType::Date.canonical(value).ok().and_then(|day| day.parse().ok());
            }
            return match &column.keeps {
                Some(name) => Ok(self.field(name, value, declared)?),
                None => Ok(()),
            };
        }
        if cell::is_formula_error(value) {
            return Err("a formula that the spreadsheet could not compute".into());
        }
        let keep = |place: &mut Option<String>| {
            if !cell::is_placeholder(value) {
                place.get_or_insert_with(|| tidy(value));
            }
        };
        match &column.target {
            Target::Email => return self.email(column, value),
            Target::Name => keep(&mut self.name),
            Target::FirstName => keep(&mut self.first_name),
            Target::LastName => keep(&mut self.last_name),
            Target::Phone if self.phone.is_none() && !cell::is_placeholder(value) => {
                self.phone = Some(tidy(&mailbox::phone(value)?));
            }
            Target::Company => keep(&mut self.company),
            Target::Owner => keep(&mut self.owner),
            Target::ExternalId(system) => {
                self.external_id = self.external_id.take().or_else(|| ExternalId::parse(system, value));
            }
            Target::Tags => {
                let tags: Vec<String> = value.split([',', '|', ';']).flat_map(|tag| tag.split(":::")).map(tidy).collect();
                let tags = tags.iter().map(|tag| tag.trim_matches(['"', '[', ']', ' ']).to_owned()).filter(|tag| !tag.is_empty());
                for tag in tags {
                    self.email_opt_out |= refuses_mail(&tag);
                    self.tags.insert(tag);
                }
            }
            // What HubSpot exports where consent was never asked for is no source; a no is one.
            Target::MailConsentSource => match answer(Question::Consent, value) {
                Some(Answer::Nothing) => {}
                Some(Answer::MayNot) => self.permit(&Target::MailConsent, Answer::MayNot),
                Some(Answer::May) | None => keep(&mut self.mail.source),
            },
            Target::TrackingConsentSource => keep(&mut self.tracking.source),
            Target::MailConsentDate => date(&mut self.mail.date, value)?,
            Target::TrackingConsentDate => date(&mut self.tracking.date, value)?,
            Target::AsOf => date(&mut self.as_of, value)?,
            Target::Field(name) => {
                // Whoever said no anywhere in a list said no; a column that the user mapped means what the map says.
                self.email_opt_out |= column.heard && refuses_mail(value);
                if column.state && !self.email_opt_out {
                    self.email_opt_out |= state(value).ok_or(Trouble::NotUnderstood)? == Answer::MayNot;
                }
                let is_title = name.as_str() == "job_title" && is_salutation(value);
                let salutation = is_title.then(|| Name::parse("salutation").ok()).flatten();
                self.field(salutation.as_ref().unwrap_or(name), value, declared)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn permit(&mut self, target: &Target, answer: Answer) {
        let given = match answer {
            Answer::May => true,
            Answer::MayNot => false,
            Answer::Nothing => return,
        };
        match target {
            Target::MailConsent => {
                self.mail.says(given);
                self.email_opt_out |= !given;
            }
            Target::TrackingConsent => self.tracking.says(given),
            Target::PhoneOptOut | Target::PhoneConsent => self.phone_opt_out |= !given,
            _ => self.email_opt_out |= !given,
        }
    }

    fn email(&mut self, column: &Column, value: &str) -> Result<(), Trouble> {
        if cell::is_placeholder(value) {
            return Ok(());
        }
        match mailbox::read(value) {
            Ok(found) => {
                self.address.get_or_insert(found.address);
                if found.more > 0 {
                    Err("several addresses in one cell; the first counts, the others are no prospects".into())
                } else {
                    Ok(())
                }
            }
            Err(error) => {
                self.bad_addresses.push((column.header.clone(), error.to_string()));
                Ok(())
            }
        }
    }

    fn field(&mut self, name: &Name, value: &str, declared: &BTreeMap<Name, FieldType>) -> Result<(), &'static str> {
        if self.fields.contains_key(name) {
            return Ok(());
        }
        let value = visible(value);
        let value = if name.as_str() == "language" { language(value.trim()) } else { value };
        let value = match declared.get(name).copied().unwrap_or(FieldType::Text) {
            // Truth as spreadsheets of all languages write it.
            FieldType::Boolean => match answer(Question::Consent, &value) {
                Some(Answer::May) => "true".to_owned(),
                Some(Answer::MayNot) => "false".to_owned(),
                _ => FieldType::Boolean.canonical(&value)?,
            },
            kind => kind.canonical(&value)?,
        };
        self.fields.insert(name.clone(), value);
        Ok(())
    }

    pub(super) const fn has_address(&self) -> bool {
        self.address.is_some()
    }

    pub(super) fn finish(
        self,
        line: u64,
        mut warnings: Vec<RowError>,
        columns: &[Column],
        source: &str,
    ) -> Result<Row, RowError> {
        let at = |column: Option<String>, words: String| RowError { line, column, words };
        let Some(address) = self.address else {
            let (column, words) = if let Some((column, words)) = self.bad_addresses.into_iter().next() {
                (Some(column), words)
            } else {
                let column = columns.iter().find(|column| column.target == Target::Email).map(|column| column.header.clone());
                (column, "no e-mail address; fill it in or delete the row".to_owned())
            };
            return Err(at(column, words));
        };
        warnings.extend(self.bad_addresses.into_iter().map(|(column, words)| at(Some(column), words)));
        let name = whole_name(self.name, self.first_name, self.last_name);
        let mail = self.mail.consent(Purpose::Mail, source);
        let tracking = self.tracking.consent(Purpose::Tracking, source);
        let arrival = Arrival {
            name,
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

/// The name of a person. "Nombre" and "Nom" are a whole name in one list and half of one in another: a name that holds neither of
/// the halves is completed by them.
fn whole_name(name: Option<String>, first: Option<String>, last: Option<String>) -> Option<String> {
    let has = |whole: &str, half: &str| {
        let (whole, half) = (whole.to_lowercase(), half.to_lowercase());
        half.split_whitespace().any(|word| whole.split_whitespace().any(|other| other.trim_matches(',') == word))
    };
    let halves = |first: Option<String>, last: Option<String>| {
        let parts = [first, last].into_iter().flatten().collect::<Vec<_>>().join(" ");
        (!parts.is_empty()).then_some(parts)
    };
    match (name, &first, &last) {
        (Some(name), Some(half), None) if !has(&name, half) => halves(first, Some(name)),
        (Some(name), None, Some(half)) if !has(&name, half) => halves(Some(name), last),
        (Some(name), ..) => Some(name),
        (None, ..) => halves(first, last),
    }
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

/// One line, without control characters and what cannot be seen: names are put into headers of mails.
fn tidy(value: &str) -> String {
    let value = visible(value);
    value.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
