//! Reads the records of a delimited file one at a time, in constant memory.
//!
//! A quote that never closes costs its own row and not the file: the record is given up and reading goes on with the
//! next line. `prospects` interprets the records.

use super::decode::{Charset, Decoding};
use super::delimiter;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use encoding_rs::Encoding;
use std::io::{self, Read};

/// The longest record, in bytes; a longer one has an unclosed quote, or the file is no list.
pub const LONGEST: usize = 1024 * 1024;
/// The most lines a quoted field may make a record span.
const MOST_LINES: u64 = 1000;
/// The most fields of a record.
const MOST_FIELDS: usize = 4096;

/// The records of a source.
pub struct Records<R> {
    source: Decoding<R>,
    /// Bytes read and not yet consumed, from `start` on.
    window: Vec<u8>,
    start: usize,
    ended: bool,
    line: u64,
    delimiter: u8,
    /// Whether a line of the file named the delimiter.
    stated: bool,
    after_blank: bool,
    splitter: Reader,
    fields: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A quote inside a quoted field is not doubled, or the field never ends.
    #[error("the quotes do not pair up; put the field in quotes and double each quote inside it")]
    Quotes,
    #[error("the row is longer than 1 MiB")]
    Long,
    /// More cells than any export has.
    #[error("the row has more than {MOST_FIELDS} cells")]
    Wide,
    /// The source failed.
    #[error("the file cannot be read: {0}")]
    Source(#[from] io::Error),
}

impl<R: Read> Records<R> {
    /// Opens a source; a first line that names the delimiter is taken, and else each record is split at the likeliest
    /// of its own until [`Self::part_at`] decides.
    pub fn new(source: R, encoding: Option<&'static Encoding>) -> io::Result<Self> {
        let mut records = Self {
            source: Decoding::new(source, encoding),
            window: Vec::new(),
            start: 0,
            ended: false,
            line: 1,
            delimiter: b',',
            stated: false,
            after_blank: false,
            splitter: Reader::new(),
            fields: vec![0; 4096],
            ends: vec![0; 64],
            count: 0,
        };
        if let Some(length) = records.next_line()? {
            if let Some(mark) = delimiter::stated(records.kept(0, length)) {
                records.consume(length, 1);
                records.part_at(mark);
                records.stated = true;
            } else {
                let mark = delimiter::candidates(records.kept(0, length))[0];
                records.part_at(mark);
            }
        }
        Ok(records)
    }

    /// How what comes next begins.
    pub fn beginning(&self) -> String {
        let next = &self.window[self.start..];
        String::from_utf8_lossy(&next[..next.len().min(64)]).into_owned()
    }

    /// What may part the cells of the next record, the likeliest first; empty at the end.
    pub fn delimiters(&mut self) -> io::Result<Vec<u8>> {
        let Some(length) = self.next_line()? else { return Ok(Vec::new()) };
        Ok(if self.stated { vec![self.delimiter] } else { delimiter::candidates(self.kept(0, length)) })
    }

    /// Splits the records from here on at this byte.
    pub fn part_at(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
        self.splitter = ReaderBuilder::new().delimiter(delimiter).build();
    }

    /// The cells of the next record, which stays the next; `None` where it cannot be read.
    pub fn peek(&mut self) -> io::Result<Option<Vec<String>>> {
        let Some(first) = self.next_line()? else { return Ok(None) };
        if first > LONGEST {
            return Ok(None);
        }
        let Some((length, _)) = self.record_end(first)? else { return Ok(None) };
        Ok(self.split(length).then(|| (0..self.count).map(|index| self.cell(index).to_owned()).collect()))
    }

    /// Passes over blank lines; the length of the line that comes then.
    fn next_line(&mut self) -> io::Result<Option<usize>> {
        while let Some(length) = self.line_end(0)? {
            if self.kept(0, length).iter().any(|byte| !byte.is_ascii_whitespace()) {
                return Ok(Some(length));
            }
            self.consume(length, 1);
        }
        Ok(None)
    }

    pub const fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The encoding of the file, as far as it was read.
    pub const fn charset(&self) -> Charset {
        self.source.charset()
    }

    /// Whether bytes were found that the named encoding does not have.
    pub const fn replaced(&self) -> bool {
        self.source.replaced()
    }

    /// Whether a blank line stood before the current record.
    pub const fn after_blank(&self) -> bool {
        self.after_blank
    }

    /// Advances to the next record and returns the line on which it begins; `None` at the end. Blank lines are skipped.
    ///
    /// # Errors
    /// With the line; after any error but one of the source, the next record can be read.
    pub fn advance(&mut self) -> Result<Option<u64>, (u64, RecordError)> {
        self.after_blank = false;
        loop {
            let line = self.line;
            let at = |error| (line, error);
            let Some(first) = self.line_end(0).map_err(|error| at(error.into()))? else { return Ok(None) };
            if first > LONGEST {
                self.consume(first, 1);
                return Err((line, RecordError::Long));
            }
            if self.kept(0, first).iter().all(|byte| byte.is_ascii_whitespace() && *byte != self.delimiter) {
                self.consume(first, 1);
                self.after_blank = true;
                continue;
            }
            let Some((length, lines)) = self.record_end(first).map_err(|error| at(error.into()))? else {
                // An unclosed quote has swallowed good rows: reading resumes after the first line.
                self.consume(first, 1);
                return Err((line, RecordError::Quotes));
            };
            let split = self.split(length);
            self.consume(length, lines);
            return if split { Ok(Some(line)) } else { Err((line, RecordError::Wide)) };
        }
    }

    /// How many cells the current record has.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether the current record has no cells.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A cell of the current record; empty beyond its end.
    pub fn cell(&self, index: usize) -> &str {
        if index >= self.count {
            return "";
        }
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        // UTF-8 split at ASCII bytes is UTF-8.
        std::str::from_utf8(&self.fields[start..self.ends[index]]).unwrap_or_default()
    }

    /// The length of the record that begins here, and its number of lines; `None` when its quotes never pair up.
    fn record_end(&mut self, first: usize) -> io::Result<Option<(usize, u64)>> {
        let mut quotes = Quotes::Outside;
        let (mut from, mut end, mut lines) = (0, first, 1);
        loop {
            quotes = quotes.over(self.kept(from, end), self.delimiter);
            match quotes {
                Quotes::Inside if lines < MOST_LINES && end <= LONGEST => {}
                Quotes::Inside | Quotes::Broken => return Ok(None),
                // The last line has no line end: the quote closes with the file.
                Quotes::Outside | Quotes::Plain | Quotes::Closing => return Ok(Some((end, lines))),
            }
            let Some(next) = self.line_end(end)? else { return Ok(None) };
            (from, end) = (end, next);
            lines += 1;
        }
    }

    /// Where the line that begins at `from` ends, after its LF; `None` at the end of the file.
    fn line_end(&mut self, from: usize) -> io::Result<Option<usize>> {
        let mut searched = from;
        loop {
            let rest = &self.window[self.start + searched..];
            if let Some(found) = rest.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(searched + found + 1));
            }
            searched += rest.len();
            if self.ended {
                return Ok((from < searched).then_some(searched));
            }
            self.window.drain(..self.start);
            self.start = 0;
            // An endless line is discarded while it is read; the part kept suffices to call it too long.
            if searched - from > 2 * LONGEST {
                searched = from + LONGEST + 2;
                self.window.truncate(searched);
            }
            self.ended = !self.source.read_into(&mut self.window)?;
        }
    }

    /// The bytes read and not consumed, counted from the beginning of the record.
    fn kept(&self, from: usize, end: usize) -> &[u8] {
        &self.window[self.start + from..self.start + end]
    }

    fn split(&mut self, length: usize) -> bool {
        self.splitter.reset();
        let (mut input, end) = (self.start, self.start + length);
        let (mut written, mut cells) = (0, 0);
        loop {
            // An empty input tells the parser that the file ends here.
            let (result, read, out, ended) =
                self.splitter.read_record(&self.window[input..end], &mut self.fields[written..], &mut self.ends[cells..]);
            input += read;
            written += out;
            cells += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if cells >= MOST_FIELDS => return false,
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        self.count = cells;
        true
    }

    const fn consume(&mut self, length: usize, lines: u64) {
        self.start += length;
        self.line += lines;
    }
}

/// The state of a scan over quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// At the beginning of a field.
    Outside,
    /// In an unquoted field; a quote inside it is an ordinary character (5" pipe).
    Plain,
    Inside,
    /// After a quote that closes the field, or is the first of a doubled quote.
    Closing,
    /// After a closing quote followed by another character.
    Broken,
}

impl Quotes {
    fn over(self, line: &[u8], delimiter: u8) -> Self {
        if self == Self::Outside && !line.contains(&b'"') {
            return self;
        }
        line.iter().fold(self, |state, byte| match (state, *byte) {
            (Self::Inside, b'"') => Self::Closing,
            (Self::Outside | Self::Closing, b'"') | (Self::Inside, _) => Self::Inside,
            (Self::Broken, _) => Self::Broken,
            (_, b'\n') => Self::Outside,
            (_, byte) if byte == delimiter => Self::Outside,
            (Self::Closing, b'\r' | b' ' | b'\t') => Self::Closing,
            (Self::Closing, _) => Self::Broken,
            (Self::Outside | Self::Plain, _) => Self::Plain,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    type Outcome = Result<(u64, Vec<String>), (u64, String)>;

    fn rows(bytes: &[u8]) -> Vec<Outcome> {
        let mut records = Records::new(bytes, None).expect("memory can be read");
        let mut rows = Vec::new();
        loop {
            match records.advance() {
                Ok(None) => return rows,
                Ok(Some(line)) => rows.push(Ok((line, (0..records.len()).map(|i| records.cell(i).to_owned()).collect()))),
                Err((line, error)) => rows.push(Err((line, error.to_string()))),
            }
        }
    }

    #[test]
    fn csv_spectrum_is_read_as_its_truth_says() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/csv");
        let mut seen = 0;
        for entry in std::fs::read_dir(format!("{folder}/csvs")).expect("folder") {
            let path = entry.expect("entry").path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
            let truth: Value =
                serde_json::from_slice(&std::fs::read(format!("{folder}/json/{name}.json")).expect("truth")).expect("truth");
            let truth: Vec<Map<String, Value>> = match truth {
                Value::Object(only) => vec![only],
                list => serde_json::from_value(list).expect("a list of objects"),
            };
            let mut read = rows(&std::fs::read(&path).expect("file")).into_iter().map(|row| row.expect("a record").1);
            let header = read.next().expect("header");
            // The data set contradicts itself here: its truth has another phone number than its file.
            let compared = |key: &String| !(name == "location_coordinates" && key == "Contact Phone Number");
            let row = |row: Vec<String>| {
                header.iter().cloned().zip(row.into_iter().map(Value::String)).filter(|(key, _)| compared(key)).collect()
            };
            let found: Vec<Map<String, Value>> = read.map(row).collect();
            let truth: Vec<Map<String, Value>> =
                truth.into_iter().map(|row| row.into_iter().filter(|(key, _)| compared(key)).collect()).collect();
            assert_eq!(found, truth, "{name}");
            seen += 1;
        }
        assert_eq!(seen, 12);
    }

    #[test]
    fn a_broken_quote_costs_its_row_only() {
        let bad = |line| Err((line, RecordError::Quotes.to_string()));
        let good = |line, cells: &[&str]| Ok((line, cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>()));
        assert_eq!(rows(b"a,b\n\"x,1\ny,2\nz,3\n"), [good(1, &["a", "b"]), bad(2), good(3, &["y", "2"]), good(4, &["z", "3"])]);
        assert_eq!(rows(b"a,b\n\"x,1\n\"y\",2\n"), [good(1, &["a", "b"]), bad(2), good(3, &["y", "2"])]);
        assert_eq!(rows(b"a,b\n\"x\" y,1\nz,2"), [good(1, &["a", "b"]), bad(2), good(3, &["z", "2"])]);
        assert_eq!(rows(b"a,b\n5\" pipe,1\n"), [good(1, &["a", "b"]), good(2, &["5\" pipe", "1"])]);
        assert_eq!(
            rows(b"\n\na;b\r\n\r\n\"x\r\ny\";2\r\nz;3"),
            [good(3, &["a", "b"]), good(5, &["x\r\ny", "2"]), good(7, &["z", "3"])]
        );
    }

    #[test]
    fn an_endless_line_is_passed_over() {
        let mut file = b"a,b\n".to_vec();
        file.extend(std::iter::repeat_n(b'x', 5 * LONGEST));
        file.extend(b"\ny,2\n");
        let rows = rows(&file);
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1], Err((2, RecordError::Long.to_string())));
        assert_eq!(rows[2], Ok((3, vec!["y".to_owned(), "2".to_owned()])));
        assert!(matches!(&rows_of_width(MOST_FIELDS + 1)[0], Err((1, words)) if words.contains("cells")));
    }

    fn rows_of_width(cells: usize) -> Vec<Outcome> {
        rows(",".repeat(cells).as_bytes())
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..400)) {
            rows(&bytes);
        }
    }
}
