//! However a configuration is broken: it loads, or there is at least one error that can be shown.

use crate::config::example::FILES;
use crate::config::load::load_files;
use crate::config::problem::Severity;
use proptest::prelude::*;
use proptest::sample::Index;

/// Fragments that mean something to TOML, to front matter or to a terminal.
const PIECES: [&str; 16] =
    ["", "\"", "\"\"\"", "[", "]]", "{", "}", "=", "\n", "\r\n", "+++", "ñ", "\u{202e}", "\0", "id = 1\n", "[smtp]\n"];

/// Variables whose names are close to those of settings.
const VARIABLES: [&str; 9] = [
    "NURTURED__",
    "NURTURED__SMTP",
    "NURTURED__SMTP__",
    "NURTURED____SMTP",
    "NURTURED__SMTP__PORT",
    "NURTURED__SMTP__PORT__X",
    "NURTURED__FIELDS__Ñ",
    "NURTURED__SMTP[0]",
    "NURTURED__TRACKING",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_configuration_is_refused_in_words(
        breaks in prop::collection::vec((any::<Index>(), any::<Index>(), 0..40_usize, any::<Index>()), 1..4),
        variables in prop::collection::vec((any::<Index>(), "[a-z0-9 .]{0,6}"), 0..3),
    ) {
        let mut files: Vec<(&str, String)> = FILES.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
        for (file, at, length, piece) in breaks {
            let (_, text) = &mut files[file.index(FILES.len())];
            let floor = |at: usize| (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            let start = floor(at.index(text.len() + 1));
            let end = floor(start + length).max(start);
            text.replace_range(start..end, PIECES[piece.index(PIECES.len())]);
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let environment: Vec<(String, String)> =
            variables.iter().map(|(name, value)| (VARIABLES[name.index(VARIABLES.len())].to_owned(), value.clone())).collect();
        if let Err(problems) = load_files(&files, &environment) {
            prop_assert!(problems.0.iter().any(|problem| problem.severity == Severity::Error), "{problems}");
            for problem in &problems.0 {
                prop_assert!(problem.render(true).contains(&problem.place.path()), "{problem}");
            }
        }
    }
}
