//! Exported lists of programs whose truth is known.

use crate::domain::prospect::FieldType;
use crate::inbox::list::decode::Decoding;
use crate::inbox::list::prospects::{self, Options};
use crate::inbox::list::row::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/csv").join(name)
}

/// A line of `expected.tsv`.
struct Truth {
    file: String,
    address: String,
    state: String,
    /// Name, company, phone, job title; blank is not judged, `-` is nothing.
    said: [String; 4],
}

fn truths(folder: &Path) -> Vec<Truth> {
    let text = std::fs::read_to_string(folder.join("expected.tsv")).expect("truth");
    let line = |line: &str| {
        let mut cells = line.split('\t').map(str::to_owned);
        let mut next = || cells.next().expect("eight cells");
        let (file, address, state) = (next(), next(), next());
        Truth { file, address, state, said: [next(), next(), next(), next()] }
    };
    text.lines().skip(1).map(line).collect()
}

/// The good rows of a list; `None` if it may not be taken in.
fn read(bytes: &[u8]) -> Option<Vec<Row>> {
    let declared = BTreeMap::from(
        [("employees", FieldType::Number), ("job_title", FieldType::Text)]
            .map(|(name, kind)| (crate::domain::id::Name::parse(name).expect("a name"), kind)),
    );
    let options = Options { map: None, declared: &declared, source: "import" };
    let mut list = prospects::open(bytes, &options).ok()?;
    let rows: Vec<Row> = list.by_ref().filter_map(Result::ok).collect();
    list.unread().is_empty().then_some(rows)
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a list")
}

/// What is wrong with what came of a row.
fn wrong(truth: &Truth, rows: Option<&Vec<Row>>) -> Option<String> {
    let Some(rows) = rows else { return (truth.state != "stops").then(|| "the list is not read".to_owned()) };
    let address = truth.address.to_lowercase();
    let found = rows.iter().find(|row| row.arrival.address.as_str() == address);
    let state = match found {
        None if truth.state == "stops" => "taken in",
        None => "refused",
        Some(row) if row.arrival.email_opt_out => "suppressed",
        Some(_) => "mailable",
    };
    if state != truth.state {
        return Some(format!("{state}, not {}", truth.state));
    }
    let arrival = &found?.arrival;
    let job = arrival.fields.iter().find(|(name, _)| name.as_str() == "job_title").map(|(_, value)| value);
    let told = [arrival.name.as_ref(), arrival.company.as_ref(), arrival.phone.as_ref(), job];
    let differs = truth
        .said
        .iter()
        .zip(told)
        .find(|(expected, told)| !expected.is_empty() && told.map_or("-", String::as_str) != expected.as_str());
    differs.map(|(expected, told)| format!("{told:?}, not {expected:?}"))
}

#[test]
fn every_list_is_read_as_its_truth_says() {
    let mut wrongs = Vec::new();
    for name in ["wild", "programs"] {
        let folder = folder(name);
        let mut table: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for truth in truths(&folder) {
            let rows = read(&bytes(&folder.join(&truth.file)));
            let (right, all) = table.entry(truth.file.clone()).or_default();
            *all += 1;
            match wrong(&truth, rows.as_ref()) {
                None => *right += 1,
                Some(words) => wrongs.push(format!("{name}/{}: {}: {words}", truth.file, truth.address)),
            }
        }
        for (file, (right, all)) in &table {
            println!("{right:3} of {all:3}  {name}/{file}");
        }
        let files = std::fs::read_dir(&folder).expect("folder").count() - 1;
        assert_eq!(table.len(), files, "each list of {name} has its truth");
    }
    assert!(wrongs.is_empty(), "{wrongs:#?}");
}

#[test]
fn a_list_means_the_same_in_whatever_encoding_and_line_ends() {
    let mut compared = 0;
    for name in ["wild", "programs"] {
        let files: BTreeSet<String> = truths(&folder(name)).into_iter().map(|truth| truth.file).collect();
        for file in files {
            let original = bytes(&folder(name).join(&file));
            let mut decoding = Decoding::new(original.as_slice(), None);
            let mut text = Vec::new();
            while decoding.read_into(&mut text).expect("memory can be read") {}
            let text = String::from_utf8(text).expect("UTF-8").replace("\r\n", "\n");
            let utf16 = |order: fn(u16) -> [u8; 2]| format!("\u{feff}{text}").encode_utf16().flat_map(order).collect::<Vec<u8>>();
            let variants = [
                text.clone().into_bytes(),
                format!("\u{feff}{text}").into_bytes(),
                text.replace('\n', "\r\n").into_bytes(),
                text.replace('\n', "\r").into_bytes(),
                format!("{text}\n\n").into_bytes(),
                utf16(u16::to_le_bytes),
                utf16(u16::to_be_bytes),
            ];
            let expected = read(&original);
            for (index, variant) in variants.iter().enumerate() {
                assert_eq!(read(variant), expected, "{name}/{file}, variant {index}");
                compared += 1;
            }
        }
    }
    assert!(compared > 600, "{compared}");
}

/// A row of a list that is mailable must not become so because a column of its no was dropped: whatever one cell of a no is turned into,
/// the person is not mailed, or the list is not taken in.
#[test]
fn a_no_that_is_misspelt_is_never_a_yes() {
    for header in
        ["Unsubscribed", "HasOptedOutOfEmail", "Abgemeldet", "Désinscrit", "Blacklist", "Do not allow Bulk Emails", "Opt Out"]
    {
        for value in [
            "yes",
            "ye",
            "yess",
            "Y E S",
            "tru",
            "TRUE!",
            "2",
            "unsub",
            "out",
            "stop",
            "ja?",
            "#NAME?",
            "true;false",
            "1/0",
            "✗✓",
        ] {
            let text = format!("Email\t{header}\nada@x.example\t{value}\n");
            let declared = BTreeMap::new();
            let options = Options { map: None, declared: &declared, source: "import" };
            let mut list = prospects::open(text.as_bytes(), &options).expect("a list");
            let rows: Vec<Row> = list.by_ref().filter_map(Result::ok).collect();
            let mailed = rows.iter().any(|row| !row.arrival.email_opt_out);
            assert!(!mailed, "{header}: {value}");
            assert!(rows.len() == 1 || !list.unread().is_empty(), "{header}: {value}");
        }
    }
}
