//! The README is true: its files are written and its `nurtured …` commands run, in the order in which it shows them,
//! in one directory; every test and every file that the documents name exists, and every decision is in its index.
//!
//! The two cargo commands are run by `.ci/run`. What is printed is not compared: only the exit code is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fenced block: its language and what stands behind it, its lines, and where it begins.
struct Fence {
    label: String,
    lines: Vec<String>,
    at: usize,
}

/// The documents that are kept true. Decisions are not among them: each stays as it was on its day.
const DOCUMENTS: [&str; 11] = [
    "README.md",
    "ARCHITECTURE.md",
    "GUARANTEES.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "docs/release.md",
    "docs/dependencies.md",
    "docs/relays.md",
    "docs/export.md",
    "docs/mail-server.md",
];
const DECISIONS: &str = "docs/decisions";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("could not read {name}: {e}"))
}

fn fences(text: &str) -> Vec<Fence> {
    let mut found = Vec::new();
    let mut open: Option<Fence> = None;
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(label), None) => open = Some(Fence { label: label.to_owned(), lines: Vec::new(), at: number + 1 }),
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(fence)) => fence.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    found
}

/// The block of a document under this title: lines that a test writes into a file.
pub(crate) fn block(name: &str, title: &str) -> String {
    let label = format!("text title={title}");
    let fence = fences(&document(name)).into_iter().find(|fence| fence.label == label);
    fence.unwrap_or_else(|| panic!("{name}: there is no block {title}")).lines.join("\n") + "\n"
}

/// The words of a command, and the exit code its comment states.
fn command(line: &str) -> (Vec<String>, i32) {
    let (line, comment) = line.split_once('#').unwrap_or((line, ""));
    let code = comment.trim().strip_prefix("exit ").map_or(0, |code| code.trim().parse().expect("a number behind `exit`"));
    // Double quotes hold words together; the README needs no more of a shell.
    let mut words = Vec::new();
    for (i, part) in line.split('"').enumerate() {
        if i % 2 == 1 { words.push(part.to_owned()) } else { words.extend(part.split_whitespace().map(str::to_owned)) }
    }
    (words, code)
}

#[test]
fn the_readmes_commands_work_in_the_order_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut ran = 0;
    for fence in fences(&document("README.md")) {
        let (language, rest) = fence.label.split_once(' ').unwrap_or((&fence.label, ""));
        if let Some(path) = rest.strip_prefix("title=") {
            let file = directory.path().join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("to make the folder");
            fs::write(&file, fence.lines.join("\n") + "\n").expect("to write the file");
        }
        for (offset, line) in fence.lines.iter().enumerate().filter(|_| language == "console") {
            let place = format!("README.md:{}", fence.at + offset + 1);
            let line = line.strip_prefix("$ ").unwrap_or_else(|| panic!("{place}: a line of a console begins with `$ `"));
            let (words, expected) = command(line);
            assert_eq!(words.first().map(String::as_str), Some("nurtured"), "{place}");
            let output = Command::new(env!("CARGO_BIN_EXE_nurtured"))
                .args(&words[1..])
                .current_dir(&directory)
                .env_clear()
                // Where a machine has a nurtured of its own, its configuration is left alone.
                .env("NURTURED_CONFIG", "config")
                .output()
                .expect("the binary runs");
            let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code(), Some(expected), "{place}: {line}\n{said}");
            ran += 1;
        }
    }
    assert!(ran > 10, "the README shows only {ran} commands");
}

#[test]
fn the_mail_in_the_readme_is_the_demos() {
    let output = Command::new(env!("CARGO_BIN_EXE_nurtured")).args(["demo", "--once"]).output().expect("the binary runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let told: Vec<&str> = told.lines().filter_map(|line| line.trim_start().strip_prefix('|')).map(str::trim).collect();
    let fences = fences(&document("README.md"));
    let mail = fences.iter().find(|f| f.lines.first().is_some_and(|line| line.starts_with("Subject: "))).expect("the mail");
    let mut rest = told.iter();
    // In the same order; what is marked as left out, and links, which differ each time, are passed over.
    for (offset, line) in mail.lines.iter().enumerate().filter(|(_, l)| !l.contains("[…]") && !l.trim().is_empty()) {
        let found = rest.any(|told| *told == line.trim());
        assert!(found, "README.md:{}: the demo's mail does not say, at this place: {line}", mail.at + offset + 1);
    }
}

#[test]
fn every_test_a_document_names_is_there() {
    let sources: Vec<String> = ["src", "tests"].iter().flat_map(|folder| rust_files(&root().join(folder))).collect();
    let mut named = 0;
    for document_name in DOCUMENTS {
        let text = document(document_name);
        for flag in ["cargo test --test it ", "cargo test --lib "] {
            for rest in text.split(flag).skip(1) {
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                // A test, a story, a test on both engines, or a module of them.
                let forms = [format!("fn {name}("), format!("story!({name},"), format!("mod {name};"), format!("    {name},\n")];
                let exists = sources.iter().any(|source| forms.iter().any(|form| source.contains(form.as_str())));
                assert!(exists, "{document_name}: there is no test `{name}`");
                named += 1;
            }
        }
    }
    assert!(named > 10, "the documents name only {named} tests");
}

#[test]
fn every_file_a_document_names_is_there() {
    let decisions = decisions().into_iter().map(|name| format!("{DECISIONS}/{name}"));
    let index = format!("{DECISIONS}/README.md");
    let (mut linked, mut named) = (0, 0);
    for document_name in DOCUMENTS.into_iter().map(str::to_owned).chain([index]).chain(decisions) {
        let text = document(&document_name);
        let folder = root().join(&document_name).parent().expect("a folder").to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)) {
            let is_there = target.contains("://") || folder.join(target).exists();
            assert!(is_there, "{document_name}: a link leads to {target}, which is not there");
            linked += 1;
        }
        if document_name.starts_with(DECISIONS) {
            continue;
        }
        let prose: Vec<&str> = text.split("```").step_by(2).collect();
        for path in prose.iter().flat_map(|prose| prose.split('`').skip(1).step_by(2)).filter(|code| is_source(code)) {
            let is_there = ["", "src"].iter().any(|folder| root().join(folder).join(path).exists());
            assert!(is_there, "{document_name}: there is no file `{path}`");
            named += 1;
        }
    }
    assert!(linked > 20 && named > 100, "the documents have only {linked} links and name only {named} files");
}

/// Whether a piece of code is the path of a source file; one word without a folder may be any.
fn is_source(code: &str) -> bool {
    let extension = Path::new(code).extension().and_then(|extension| extension.to_str());
    let of_source = extension.is_some_and(|extension| ["rs", "sql", "yml", "service", "patch"].contains(&extension));
    of_source && code.contains('/') && !code.contains(char::is_whitespace)
}

#[test]
fn every_decision_has_the_next_number_a_date_and_a_row_in_the_index() {
    let index = document(&format!("{DECISIONS}/README.md"));
    for (place, name) in decisions().iter().enumerate() {
        let text = document(&format!("{DECISIONS}/{name}"));
        let number = format!("{:04}", place + 1);
        let title = text.lines().next().and_then(|line| line.strip_prefix("# ")?.strip_prefix(&number));
        assert!(title.is_some() && name.starts_with(&number), "{name}: the next number is {number}");
        let title = title.unwrap_or_default().trim();
        let date = text.lines().nth(2).and_then(|line| line.get(..10)).unwrap_or_default();
        assert!(date.parse::<jiff::civil::Date>().is_ok(), "{name}: its third line begins with a date, not with {date:?}");
        let row = format!("| [{number}]({name}) | {date} | {title} |");
        assert!(index.contains(&row), "{DECISIONS}/README.md has no row that begins {row}");
        for part in ["## Context", "## Decision", "## Consequences"] {
            assert!(text.lines().any(|line| line == part), "{name}: it has no part {part}");
        }
    }
}

/// The files of the decisions, in their order.
fn decisions() -> Vec<String> {
    let entries = fs::read_dir(root().join(DECISIONS)).expect("a folder of decisions").map(|entry| entry.expect("an entry"));
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "README.md");
    names.sort();
    names
}

fn rust_files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path: PathBuf| match path.extension() {
            _ if path.is_dir() => rust_files(&path),
            Some(extension) if extension == "rs" => vec![fs::read_to_string(&path).expect("a source file is text")],
            _ => Vec::new(),
        })
        .collect()
}
