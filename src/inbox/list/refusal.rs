//! Why a list is not read at all: a column of permission, or a value in one, that is not understood. Says what to write into
//! the map file.

use super::columns::Column;
use super::records::RecordError;
use super::target::Target;
use super::words::visible;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

/// Why a list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("the file cannot be read: {0}")]
    Source(#[from] io::Error),
    #[error("the file is empty; its first line must name the columns")]
    Empty,
    #[error("it is {0}, and no list of cells; save it as CSV and import that")]
    NoList(&'static str),
    /// The name of the file says it.
    #[error(
        "its name says that the people in it get no mail, and no column does; add a column, \"Unsubscribed\", with yes in each row, or give \
         the file another name if that is not so"
    )]
    NamedSo,
    #[error("the header line cannot be read: {0}")]
    Header(#[from] RecordError),
    #[error(
        "no column holds the e-mail address; the columns are {}. Say which one it is with --map FILE, a file with a line such as \
         {} = \"email\"",
        list(.headers),
        quoted(.headers.first().map_or("Header", String::as_str))
    )]
    NoAddress { headers: Vec<String> },
    #[error("{0}")]
    Unclear(Unclear),
    #[error("{0}")]
    Unread(Unread),
}

/// How many lines and values are shown of a column.
const SHOWN: usize = 8;

/// The columns whose headers speak of permission and are not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear {
    pub headers: Vec<String>,
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (columns, verb) = if self.headers.len() == 1 { ("a column looks", "is") } else { ("columns look", "are") };
        writeln!(
            f,
            "{columns} as if it said who may be mailed, and {verb} not understood. Nothing is guessed: write what it is into a file,"
        )?;
        writeln!(f, "and give the file with --map FILE:")?;
        for header in &self.headers {
            writeln!(f, "  {} = \"email_opt_out\"", quoted(header))?;
        }
        writeln!(f, "where instead of \"email_opt_out\" (yes: gets no mail) may stand")?;
        writeln!(f, "  \"mail_consent\"                  yes: may be mailed; no: gets no mail")?;
        writeln!(
            f,
            "  \"email_opt_out_if_filled\"       whatever stands in it, but a no: gets no mail (a date or a reason of an opt-out)"
        )?;
        writeln!(f, "  {{ target = \"email_status\", ok = [\"A\"], stop = [\"B\"], otherwise = \"stop\" }}    words of its own")?;
        write!(f, "  \"field:NAME\" or \"ignore\"        it says nothing of mail")
    }
}

/// The cells of columns of permission that were not understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unread {
    columns: BTreeMap<usize, Cells>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cells {
    header: String,
    target: Target,
    lines: Vec<u64>,
    count: u64,
    values: BTreeSet<String>,
}

impl Unread {
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    pub(super) fn add(&mut self, index: usize, column: &Column, line: u64, value: &str) {
        let cells = self.columns.entry(index).or_insert_with(|| Cells {
            header: column.header.clone(),
            target: if column.state { Target::Status } else { column.target.clone() },
            lines: Vec::new(),
            count: 0,
            values: BTreeSet::new(),
        });
        cells.count += 1;
        if cells.lines.len() < SHOWN {
            cells.lines.push(line);
        }
        // A wrong column may hold anything: addresses and long texts are not repeated.
        let value = visible(value).trim().to_owned();
        if cells.values.len() < SHOWN && value.chars().count() <= 40 && !value.contains('@') && !value.contains(char::is_control)
        {
            cells.values.insert(value);
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "it is not understood who may be mailed, and nothing is guessed:")?;
        for cells in self.columns.values() {
            let lines: Vec<String> = cells.lines.iter().map(ToString::to_string).collect();
            let more = match cells.count - cells.lines.len() as u64 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let word = if cells.count == 1 { "line" } else { "lines" };
            writeln!(
                f,
                "  column {:?}, {word} {}{more}: read as {}, the values say neither yes nor no",
                cells.header,
                lines.join(", "),
                cells.target
            )?;
        }
        writeln!(f, "Correct them, or write what they mean into a file and give it with --map FILE:")?;
        for cells in self.columns.values() {
            let values: Vec<String> = cells.values.iter().map(|value| quoted(value)).collect();
            let values = if values.is_empty() { "\"…\"".to_owned() } else { values.join(", ") };
            writeln!(
                f,
                "  {} = {{ target = \"{}\", stop = [{values}], ok = [], blank = [] }}",
                quoted(&cells.header),
                cells.target
            )?;
        }
        write!(
            f,
            "where stop is no mail, ok may be mailed, and blank says nothing; a column that is none of it is \"field:NAME\" or \"ignore\""
        )
    }
}

/// As TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(headers: &[String]) -> String {
    headers.iter().map(|header| format!("{header:?}")).collect::<Vec<_>>().join(", ")
}
