//! The README is true: its files are written and its `nurtured …` commands run, in the order in which it shows them,
//! in one directory; and every test the documents name exists.
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
    for document_name in ["README.md", "ARCHITECTURE.md", "GUARANTEES.md", "CONTRIBUTING.md"] {
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
