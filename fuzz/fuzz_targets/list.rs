//! Any bytes are a list or not; every row of it stands on a later line than the one before, and costs one row at most.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nurtured::inbox::list::prospects::{Options, open};
use std::collections::BTreeMap;

fuzz_target!(|bytes: &[u8]| {
    let declared = BTreeMap::new();
    let Ok(mut reader) = open(bytes, &Options { map: None, declared: &declared, source: "fuzz" }) else { return };
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64 + 1;
    let mut before = 0;
    for row in reader.by_ref() {
        let line = match &row {
            Ok(row) => row.line,
            Err(error) => error.line,
        };
        assert!(line > before || matches!(row, Err(_)), "line {line} after line {before}");
        assert!(line <= lines, "line {line} of a list of {lines}");
        before = line;
    }
});
