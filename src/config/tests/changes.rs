//! The example company with one change, so that every test also shows what a real file looks like around the mistake.

use crate::config::example::FILES;
use crate::config::load::{Loaded, load_files};
use crate::config::problem::Problems;

/// A change: file, words that stand in it (their first occurrence is changed), words instead. Without words to find the
/// whole file is replaced, or removed when there are no words instead.
pub(super) type Edit<'a> = (&'a str, &'a str, &'a str);

pub(super) fn changed(changes: &[Edit<'_>]) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = FILES.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect();
    for (path, from, to) in changes {
        match (files.iter_mut().find(|(p, _)| p == path), from.is_empty()) {
            (Some((_, text)), false) => {
                assert!(text.contains(from), "{path} holds no {from:?}");
                *text = text.replacen(from, to, 1);
            }
            (Some((_, text)), true) => (*to).clone_into(text),
            (None, _) => files.push(((*path).to_owned(), (*to).to_owned())),
        }
    }
    files.retain(|(_, text)| !text.is_empty());
    files
}

pub(super) fn load_changed(changes: &[Edit<'_>], environment: &[(&str, &str)]) -> Result<Loaded, Problems> {
    let files = changed(changes);
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    let environment: Vec<(String, String)> = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    load_files(&files, &environment)
}

/// What is printed when the changed example is refused.
pub(super) fn refusal(changes: &[Edit<'_>], environment: &[(&str, &str)]) -> String {
    match load_changed(changes, environment) {
        Ok(_) => panic!("not refused: {changes:?}"),
        Err(problems) => problems.to_string(),
    }
}

pub(super) const DOWNTIME: &str = "campaigns/line-downtime.toml";
pub(super) const FIRST: &str = "campaigns/line-downtime/01-what-a-stop-costs.md";
pub(super) const SECOND: &str = "campaigns/line-downtime/02-short-stops.md";
