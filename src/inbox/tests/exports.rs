//! Exports of the kinds that go wrong, a few lines each: `tests/data/csv/exports.txt`.
//!
//! `# kind`, then for each list `## name (encoding): why`, its lines, and what must come of them: `=> state address | name | company |
//! phone | job title | owner`, blank where it is not judged and `-` for nothing, or `=> stops`. `\u{…}` is a character.

use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use crate::inbox::list::decode;
use crate::inbox::list::prospects::{self, Options};
use crate::inbox::list::row::Row;
use std::collections::BTreeMap;

const EXPORTS: &str = include_str!("../../../tests/data/csv/exports.txt");

struct Export {
    kind: String,
    name: String,
    list: Vec<u8>,
    truths: Vec<String>,
}

fn exports() -> Vec<Export> {
    let (mut kind, mut text) = (String::new(), String::new());
    let mut exports: Vec<Export> = Vec::new();
    for line in EXPORTS.lines() {
        if let Some(named) = line.strip_prefix("## ") {
            let name = named.split(':').next().unwrap_or_default().to_owned();
            exports.push(Export { kind: kind.clone(), name, list: Vec::new(), truths: Vec::new() });
            text.clear();
        } else if let Some(named) = line.strip_prefix("# ") {
            named.clone_into(&mut kind);
        } else if let Some(truth) = line.strip_prefix("=> ") {
            let export = exports.last_mut().expect("a truth is of a list");
            if export.truths.is_empty() {
                export.list = encoded(&export.name, &with_characters(&text));
            }
            export.truths.push(truth.to_owned());
        } else if exports.last().is_some_and(|export| export.truths.is_empty()) {
            text.extend([line, "\n"]);
        }
    }
    exports
}

fn with_characters(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_once('}').expect("a character ends");
        whole.extend(u32::from_str_radix(digits, 16).ok().and_then(char::from_u32));
        whole.push_str(rest);
    }
    whole
}

/// The bytes of a text in the encoding that stands behind the name.
fn encoded(name: &str, text: &str) -> Vec<u8> {
    match name.split_once(" (").map(|(_, encoding)| encoding.trim_end_matches(')')) {
        None => text.as_bytes().to_vec(),
        Some("utf-16le") => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Some(encoding) => decode::encoding(encoding).expect("an encoding").encode(text).0.into_owned(),
    }
}

/// The good rows of a list, or why it may not be taken in.
fn read(list: &[u8]) -> Result<Vec<Row>, String> {
    let declared = [("employees", FieldType::Number), ("job_title", FieldType::Text)];
    let declared = declared.map(|(name, kind)| (Name::parse(name).expect("a name"), kind)).into();
    let options = Options { map: None, declared: &declared, source: "import" };
    let mut list = prospects::open(list, &options).map_err(|error| error.to_string())?;
    let rows = list.by_ref().filter_map(Result::ok).collect();
    if list.unread().is_empty() { Ok(rows) } else { Err(list.unread().to_string()) }
}

/// What is wrong with what came of a list.
fn wrong(export: &Export) -> Vec<String> {
    let rows = match (read(&export.list), export.truths.as_slice()) {
        (Err(_), [stops]) if stops == "stops" => return Vec::new(),
        (Ok(_), [stops]) if stops == "stops" => return vec!["it is taken in".to_owned()],
        (Err(words), _) => return vec![words],
        (Ok(rows), _) => rows,
    };
    export.truths.iter().filter_map(|truth| of_row(truth, &rows)).collect()
}

fn of_row(truth: &str, rows: &[Row]) -> Option<String> {
    let mut parts = truth.split('|').map(str::trim);
    let (state, address) = parts.next()?.split_once(' ').expect("a state and an address");
    let row = rows.iter().find(|row| row.arrival.address.as_str() == address.to_lowercase());
    let found = match row {
        None => "refused",
        Some(row) if row.arrival.email_opt_out => "suppressed",
        Some(_) => "mailable",
    };
    if found != state {
        return Some(format!("{truth}: {found}"));
    }
    let arrival = &row?.arrival;
    let job = arrival.fields.iter().find(|(name, _)| name.as_str() == "job_title").map(|(_, value)| value);
    let told = [arrival.name.as_ref(), arrival.company.as_ref(), arrival.phone.as_ref(), job, arrival.owner.as_ref()];
    let differs = parts.zip(told).find(|(expected, told)| !expected.is_empty() && told.map_or("-", String::as_str) != *expected);
    differs.map(|(_, told)| format!("{truth}: {told:?}"))
}

#[test]
fn every_export_is_read_as_it_says() {
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut wrongs = Vec::new();
    for export in exports() {
        assert!(!export.truths.is_empty(), "{} has no truth", export.name);
        let (right, all) = kinds.entry(export.kind.clone()).or_default();
        *all += 1;
        let found = wrong(&export);
        *right += usize::from(found.is_empty());
        wrongs.extend(found.into_iter().map(|words| format!("{}: {words}", export.name)));
    }
    for (kind, (right, all)) in &kinds {
        println!("{right:3} of {all:3}  {kind}");
    }
    assert!(wrongs.is_empty(), "{wrongs:#?}");
    assert!(kinds.values().map(|(_, all)| all).sum::<usize>() > 150);
}
