//! The walls between modules. The one rule: a module uses only the modules listed above it, in `lib.rs` and in each folder's
//! `mod.rs`, so that reading order is dependency order and a circle cannot be written.
//!
//! It reads words, not types: who renames a clock before reading it is left to the lint in `clippy.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

/// Lines a file may have before it must be split by idea.
const LONGEST: usize = 400;

/// Columns a line may have, of Rust and of SQL: a reader of a difference sees two of them side by side.
const WIDEST: usize = 160;

/// Words with a place: whether they belong only there, or anywhere but there.
const PLACES: [(&str, Belongs, &str); 10] = [
    ("sqlx", Belongs::Only, "store"),
    ("lettre", Belongs::Only, "mail"),
    ("tokio", Belongs::Never, "domain"),
    ("axum", Belongs::Never, "domain"),
    ("tokio", Belongs::Never, "text"),
    ("axum", Belongs::Never, "text"),
    ("Timestamp::now", Belongs::Only, "clock"),
    ("Zoned::now", Belongs::Only, "clock"),
    ("SystemTime::now", Belongs::Only, "clock"),
    ("Instant::now", Belongs::Only, "clock"),
];

/// The sides of the seam, in order. None uses anything of a later one, whichever room either stands in.
const SIDES: [&str; 3] = ["group", "doorway", "individual"];

/// On which side a module stands, if on any: `store::doorway::signals` on the second.
fn side(module: &[String]) -> Option<usize> {
    SIDES.iter().position(|side| module.get(1).is_some_and(|folder| folder == side))
}

#[derive(Clone, Copy, PartialEq)]
enum Belongs {
    Only,
    Never,
}

#[test]
fn every_module_uses_only_what_stands_above_it() {
    let found = problems(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(found.is_empty(), "the walls between modules are broken:\n{}", found.join("\n"));
}

/// What breaks the walls of the package at `root`, as `file:line: what, and what to do`.
fn problems(root: &Path) -> Vec<String> {
    let files: Vec<Source> =
        ["src", "tests"].iter().flat_map(|f| texts(&root.join(f), &["rs"])).map(|f| Source::read(root, &f)).collect();
    // The binary and the tests see the library from outside.
    let library = || files.iter().filter(|f| f.name.starts_with("src/") && f.name != "src/main.rs");
    let lists: BTreeMap<&[String], &Source> = library().map(|f| (f.module.as_slice(), f)).collect();
    let mut found: Vec<String> = files.iter().filter(|f| f.length > LONGEST).map(Source::too_long).collect();
    found.extend(too_wide(root));
    found.extend(files.iter().filter(|f| f.name.starts_with("src/")).flat_map(Source::misplaced));
    for (file, used) in library().flat_map(|file| file.uses.iter().map(move |used| (file, used))) {
        let sides = side(&file.module).zip(side(&used.path)).filter(|(user, below)| user < below);
        if let Some((user, below)) = sides.map(|(user, below)| (SIDES[user], SIDES[below])) {
            let what = format!("{user} uses nothing of {below}, in any folder: move the idea, or turn the use around");
            found.push(format!("{}:{}: uses {}, but {what}", file.name, used.line, used.path.join("::")));
            continue;
        }
        let shared = file.module.iter().zip(&used.path).take_while(|(a, b)| a == b).count();
        // What is its own, or inside it, is its own affair.
        let Some(user) = file.module.get(shared) else { continue };
        let list = lists.get(&file.module[..shared]);
        let line_of = |name: &String| list.and_then(|list| list.children.get(name));
        let (at, below) = (line_of(user), used.path.get(shared).and_then(line_of));
        let what = match (at, below, list) {
            (Some(at), Some(below), _) if below < at => continue,
            (Some(at), Some(below), Some(list)) => {
                let below = format!("line {below} (mod {})", used.path[shared]);
                format!(
                    "{user} stands above it: in {} move {below} above line {at} (mod {user}), or turn the use around",
                    list.name
                )
            }
            (Some(_), None, Some(list)) => {
                format!("it is not a module of {}: name the one that holds it, or make one above {user}", list.name)
            }
            _ => format!("no mod line leads to {user}"),
        };
        found.push(format!("{}:{}: uses {}, but {what}", file.name, used.line, used.path.join("::")));
    }
    found
}

/// One file, as far as the walls are concerned.
struct Source {
    name: String,
    module: Vec<String>,
    length: usize,
    words: Vec<Word>,
    /// The modules it lists, and on which line.
    children: BTreeMap<String, usize>,
    /// Every path from `crate`, `self` or `super`: resolved, its groups unfolded.
    uses: Vec<Use>,
}

struct Word {
    line: usize,
    text: String,
    /// Inside `mod tests { … }`.
    in_tests: bool,
}

struct Use {
    line: usize,
    path: Vec<String>,
}

impl Source {
    fn read(root: &Path, file: &Path) -> Self {
        let text = fs::read_to_string(file).expect("a source file is text");
        let name = file.strip_prefix(root).expect("a file found under the root").to_string_lossy().into_owned();
        let parts = name.trim_end_matches(".rs").split('/').skip(1);
        let module: Vec<String> = parts.filter(|part| !["lib", "mod"].contains(part)).map(str::to_owned).collect();
        let (mut words, length) = (words(&text), text.lines().count());
        let (mut children, mut uses) = (BTreeMap::new(), Vec::new());
        let (mut depth, mut inside): (usize, Vec<(usize, String)>) = (0, Vec::new());
        for at in 0..words.len() {
            words[at].in_tests = module.iter().chain(inside.iter().map(|(_, name)| name)).any(|name| name == "tests");
            let (line, word) = (words[at].line, |offset: usize| words.get(at + offset).map_or("", |w| &w.text));
            match (word(0), word(1), word(2)) {
                ("mod", name, ";") if inside.is_empty() => drop(children.insert(name.to_owned(), line)),
                ("mod", name, "{") => inside.push((depth, name.to_owned())),
                ("{", ..) => depth += 1,
                ("}", ..) => {
                    depth = depth.saturating_sub(1);
                    inside.pop_if(|(opened, _)| *opened == depth);
                }
                ("crate" | "self" | "super", "::" | "as", _) if !continues(&words[..at]) => {
                    let here = module.iter().chain(inside.iter().map(|(_, name)| name)).cloned().collect();
                    unfold(&mut words[at..].iter().peekable(), here, &mut uses);
                }
                _ => {}
            }
        }
        Self { name, module, length, words, children, uses }
    }

    fn too_long(&self) -> String {
        format!("{}:{}: over {LONGEST} lines: split it by idea", self.name, self.length)
    }

    fn misplaced(&self) -> Vec<String> {
        let room = self.module.first().map_or("", String::as_str);
        let mut found = Vec::new();
        for (path, belongs, place) in PLACES.iter().filter(|(_, belongs, place)| (room == *place) != (*belongs == Belongs::Only))
        {
            let path_words: Vec<&str> = path.split("::").flat_map(|word| ["::", word]).skip(1).collect();
            let hits = self.words.windows(path_words.len()).filter(|window| window.iter().map(|w| &w.text).eq(&path_words));
            // A test may read the real clock; it may not speak SQL.
            let hits = hits.filter(|window| *place != "clock" || !window[0].in_tests);
            let law = if *belongs == Belongs::Only { "belongs only in" } else { "must not enter" };
            found.extend(hits.map(|window| format!("{}:{}: {path} {law} {place}", self.name, window[0].line)));
        }
        found
    }
}

/// Whether what follows `before` is the middle of a path, or the path of a `pub(in …)`.
fn continues(before: &[Word]) -> bool {
    matches!(before, [.., last] if last.text == "::")
        || matches!(before, [.., open, word] if open.text == "(" && word.text == "in")
}

/// Reads one path, and each path of its group, starting from the module `base`.
fn unfold<'a>(words: &mut Peekable<impl Iterator<Item = &'a Word>>, mut base: Vec<String>, uses: &mut Vec<Use>) {
    let line = words.peek().map_or(0, |word| word.line);
    while let Some(word) = words.next_if(|word| !["}", "<"].contains(&word.text.as_str())) {
        match word.text.as_str() {
            "crate" => base.clear(),
            "super" => drop(base.pop()),
            "self" | "*" => {}
            "{" => {
                while words.peek().is_some_and(|word| word.text != "}") {
                    unfold(words, base.clone(), uses);
                    // Past `as alias` and the comma.
                    while words.next_if(|word| word.text != "," && word.text != "}").is_some() {}
                    words.next_if(|word| word.text == ",");
                }
                words.next();
                return;
            }
            name => base.push(name.to_owned()),
        }
        if words.next_if(|word| word.text == "::").is_none() {
            break;
        }
    }
    uses.push(Use { line, path: base });
}

/// The words and signs of a source text; comments, strings, characters and lifetimes are left out.
fn words(text: &str) -> Vec<Word> {
    let (mut rest, mut line, mut found) = (text, 1, Vec::new());
    while let Some(first) = rest.chars().next() {
        let raw = rest.trim_start_matches(['b', 'c']).strip_prefix('r').map(|r| (r, r.len() - r.trim_start_matches('#').len()));
        let raw = raw.filter(|(r, marks)| r[*marks..].starts_with('"'));
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some((raw, marks)) = raw {
            let end = format!("\"{}", "#".repeat(marks));
            let start = rest.len() - raw.len() + marks + 1;
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' {
            // 'a' and '\n' are characters; 'a without an end is a lifetime, whose name is dropped with it.
            let character = rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\'');
            if character { quoted(rest, '\'') } else { 1 + rest[1..].find(|c| !is_word(c)).unwrap_or(rest.len() - 1) }
        } else {
            let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let length = if word > 0 {
                word
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            if !first.is_whitespace() {
                found.push(Word { line, text: rest[..length].to_owned(), in_tests: false });
            }
            length
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

/// The length of the quoted text that `rest` starts with.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

/// The length of the block comment that `rest` starts with; these nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        depth += i32::from(rest[at..].starts_with("/*"));
        depth -= i32::from(rest[at..].starts_with("*/"));
        let sign = rest[at..].starts_with("/*") || rest[at..].starts_with("*/");
        at += if sign { 2 } else { rest[at..].chars().next().map_or(1, char::len_utf8) };
        if depth == 0 {
            break;
        }
    }
    at
}

/// Lines that are too long to be read.
fn too_wide(root: &Path) -> Vec<String> {
    let files = ["src", "tests", "benches", "migrations"].iter().flat_map(|f| texts(&root.join(f), &["rs", "sql"]));
    let wide = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("a source file is text");
        let name = file.strip_prefix(root).expect("a file found under the root").to_string_lossy().into_owned();
        let lines = text.lines().enumerate().filter(|(_, line)| line.chars().count() > WIDEST);
        lines.map(|(at, _)| format!("{name}:{}: over {WIDEST} columns: break the line", at + 1)).collect::<Vec<_>>()
    };
    files.flat_map(wide).collect()
}

/// Every file under `folder` whose name ends so, in a stable order.
pub(crate) fn texts(folder: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be read").path()).collect();
    paths.sort();
    let inside = |path: PathBuf| if path.is_dir() { texts(&path, ends) } else { vec![path] };
    paths.into_iter().flat_map(inside).filter(|path| ends.iter().any(|end| path.extension().is_some_and(|e| e == *end))).collect()
}

#[test]
fn each_planted_breach_is_named() {
    let long = "//! Long.\n".repeat(LONGEST + 1);
    let wide = format!("-- é{}\n-- é{}", "x".repeat(WIDEST - 4), "x".repeat(WIDEST - 3));
    let town = [
        ("src/lib.rs", "pub mod domain;\npub mod clock;\npub mod text;\npub mod store;\npub mod web;\n"),
        ("src/main.rs", "fn main() { nurtured::web::pages::run() }\n"),
        ("src/domain/mod.rs", "pub mod id;\npub mod prospect;\npub use prospect::Prospect;\npub mod doorway;\n"),
        // A circle, written with super; and one through what the folder re-exports.
        ("src/domain/id.rs", "use super::prospect::Prospect;\nuse super::Prospect as Same;\nuse tokio::sync::Mutex;\n"),
        ("src/domain/prospect.rs", "use super::id::Id;\nmod tests { use super::*; use super::super::id::Id; }\n"),
        ("src/clock.rs", "pub fn now() -> Timestamp { jiff::Timestamp::now() }\n"),
        // Grouped, nested, over several lines, with an alias; and a path in the middle of code.
        (
            "src/text/mod.rs",
            "use crate::{\n    domain::id::{self, Id as Number},\n    store::{self as memory, table},\n};\n\
             fn f() -> u8 { crate::web::pages::N }\n",
        ),
        // Comments, strings, characters and lifetimes are not uses; a permission is not one either.
        (
            "src/store/mod.rs",
            "//! crate::web\npub mod table;\n/* /* sqlx */ crate::web::x */ \
             const A: (&'static str, char, &str) = (\"crate::web::\\\"a\", '\"', r#\"\" crate::web::b\"#);\npub mod group;\n",
        ),
        // The seam, across two rooms: their order in lib.rs would allow it.
        ("src/store/group.rs", "use crate::domain::{doorway::signal, id};\n"),
        ("src/store/table.rs", "use sqlx::Row;\npub(in crate::store) fn f() { for x in crate::web::all() {} }\n"),
        ("src/web/mod.rs", "pub mod pages;\n"),
        (
            "src/web/pages.rs",
            "use sqlx::Row;\nfn f() { std::time::Instant::now(); }\n\
             mod tests { fn f() { Instant::now(); lettre::x(); } }\nfn g() { Instant :: now() }\n",
        ),
        ("src/web/lost.rs", "use crate::web::pages::f;\n"),
        ("tests/it/main.rs", "use sqlx::Row; fn f() { Instant::now(); }\n"),
        ("tests/it/long.rs", &long),
        ("migrations/sqlite/0001_wide.sql", &wide),
    ];
    let root = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in town {
        let file = root.path().join(name);
        fs::create_dir_all(file.parent().expect("a file is in a folder")).expect("a folder is made");
        fs::write(file, text).expect("a file is written");
    }
    let (above, turn) = ("in src/lib.rs move line", "or turn the use around");
    let expected = [
        "tests/it/long.rs:401: over 400 lines: split it by idea".to_owned(),
        "migrations/sqlite/0001_wide.sql:2: over 160 columns: break the line".to_owned(),
        "src/domain/id.rs:3: tokio must not enter domain".to_owned(),
        "src/web/pages.rs:1: sqlx belongs only in store".to_owned(),
        "src/web/pages.rs:3: lettre belongs only in mail".to_owned(),
        "src/web/pages.rs:2: Instant::now belongs only in clock".to_owned(),
        "src/web/pages.rs:4: Instant::now belongs only in clock".to_owned(),
        format!(
            "src/domain/id.rs:1: uses domain::prospect::Prospect, but id stands above it: \
             in src/domain/mod.rs move line 2 (mod prospect) above line 1 (mod id), {turn}"
        ),
        "src/domain/id.rs:2: uses domain::Prospect, but it is not a module of src/domain/mod.rs: \
         name the one that holds it, or make one above id"
            .to_owned(),
        format!(
            "src/store/group.rs:1: uses domain::doorway::signal, but group uses nothing of doorway, in any folder: move the idea, {turn}"
        ),
        format!(
            "src/store/table.rs:2: uses web::all, but store stands above it: {above} 5 (mod web) above line 4 (mod store), {turn}"
        ),
        format!("src/text/mod.rs:3: uses store, but text stands above it: {above} 4 (mod store) above line 3 (mod text), {turn}"),
        format!(
            "src/text/mod.rs:3: uses store::table, but text stands above it: {above} 4 (mod store) above line 3 (mod text), {turn}"
        ),
        format!(
            "src/text/mod.rs:5: uses web::pages::N, but text stands above it: {above} 5 (mod web) above line 3 (mod text), {turn}"
        ),
        "src/web/lost.rs:1: uses web::pages::f, but no mod line leads to lost".to_owned(),
    ];
    assert_eq!(problems(root.path()).join("\n"), expected.join("\n"));
}
