//! The line that names the columns: mostly the first, but reports have titles and notes above it.

use super::columns::{Column, columns};
use super::map_file::MapFile;
use super::records::Records;
use super::refusal::{ImportError, Unclear};
use super::target::Target;
use super::words::visible;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use std::collections::BTreeMap;
use std::io::Read;

/// How many records are looked at before the header.
const ABOVE: usize = 30;

/// Reads up to the header and decides on the delimiter; the columns, and the line of the header.
///
/// # Errors
/// When the source fails or is empty, when no column holds the address, or when one speaks of permission and is not understood.
pub(super) fn find<R: Read>(
    records: &mut Records<R>,
    map: &MapFile,
    declared: &BTreeMap<Name, FieldType>,
) -> Result<(Vec<Column>, u64), ImportError> {
    if let Some(kind) = another_format(&records.beginning()) {
        return Err(ImportError::NoList(kind));
    }
    let (mut widest, mut failed): (Vec<String>, _) = (Vec::new(), None);
    for _ in 0..ABOVE {
        let delimiters = records.delimiters()?;
        let Some(likeliest) = delimiters.first().copied() else { break };
        for delimiter in delimiters {
            records.part_at(delimiter);
            let Some(cells) = records.peek()? else { continue };
            let headers: Vec<String> = cells.iter().map(|cell| visible(super::cell::content(cell).unwrap_or_default())).collect();
            // A row of people is no header, even if a cell of it says "E-mail": it has an address, or no more cells than the line above.
            let is_row = headers.iter().any(|header| header.contains('@')) || filled(&headers) <= filled(&widest);
            let columns = columns(&headers, map, declared);
            if is_row || !columns.iter().any(|column| column.target == Target::Email) {
                continue;
            }
            let line = match records.advance() {
                Ok(Some(line)) => line,
                Ok(None) => return Err(ImportError::Empty),
                Err((_, error)) => return Err(error.into()),
            };
            return understood(columns).map(|columns| (columns, line));
        }
        records.part_at(likeliest);
        match records.advance() {
            Ok(Some(_)) => {
                let cells: Vec<String> = (0..records.len()).map(|index| records.cell(index).trim().to_owned()).collect();
                if filled(&cells) > filled(&widest) {
                    widest = cells;
                }
            }
            Ok(None) => break,
            Err((_, error)) => failed = failed.or(Some(error)),
        }
    }
    match failed {
        _ if !widest.is_empty() => Err(ImportError::NoAddress { headers: widest }),
        Some(error) => Err(error.into()),
        None => Err(ImportError::Empty),
    }
}

/// Files that carry the wrong name, by how they begin.
fn another_format(beginning: &str) -> Option<&'static str> {
    let beginning = beginning.trim_start().to_lowercase();
    [
        ("pk\u{3}\u{4}", "a workbook of a spreadsheet, or an archive"),
        ("ÐÏ\u{11}à", "a workbook of an old spreadsheet"),
        ("%pdf", "a PDF"),
        ("begin:vcard", "a file of vCards"),
        ("<", "HTML or XML"),
        ("{", "JSON"),
        ("[{", "JSON"),
    ]
    .into_iter()
    .find(|(start, _)| beginning.starts_with(&start.to_lowercase()))
    .map(|(_, kind)| kind)
}

fn filled(cells: &[String]) -> usize {
    cells.iter().filter(|cell| !cell.trim().is_empty()).count()
}

fn understood(columns: Vec<Column>) -> Result<Vec<Column>, ImportError> {
    let unclear = columns.iter().filter(|column| column.target == Target::Unclear);
    let headers: Vec<String> = unclear.map(|column| column.header.clone()).collect();
    if headers.is_empty() { Ok(columns) } else { Err(ImportError::Unclear(Unclear { headers })) }
}
