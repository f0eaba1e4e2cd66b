//! Whether the tests can fail: each `NAME.patch` here breaks one promise in a line or two, and names the test that must
//! then be red. `cargo test --test sabotage -- --run [NAME …]` applies each in a copy of its own and says what came of it;
//! without `--run`, as in `cargo test`, it is only looked whether every patch still fits.
//!
//! A patch: words for whoever reads it, `red: ` and what `cargo test` is to run, then for each place `file: `, the lines
//! that must stand there exactly once, each behind `-`, and what takes their place, behind `+`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

struct Patch {
    name: String,
    red: Vec<String>,
    places: Vec<Place>,
}

#[derive(Default)]
struct Place {
    file: String,
    old: Vec<String>,
    new: Vec<String>,
}

impl Patch {
    fn read(path: &Path) -> Result<Self, String> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        let mut patch = Self { name, red: Vec::new(), places: Vec::new() };
        for line in text.lines() {
            if let Some(red) = line.strip_prefix("red: ") {
                patch.red = red.split_whitespace().map(str::to_owned).collect();
            } else if let Some(file) = line.strip_prefix("file: ") {
                patch.places.push(Place { file: file.to_owned(), ..Place::default() });
            } else if let Some(place) = patch.places.last_mut() {
                match (line.strip_prefix('-'), line.strip_prefix('+')) {
                    (Some(old), _) => place.old.push(old.to_owned()),
                    (_, Some(new)) => place.new.push(new.to_owned()),
                    _ => return Err(format!("{}: {line:?} is neither - nor +", patch.name)),
                }
            }
        }
        let is_whole =
            !patch.red.is_empty() && !patch.places.is_empty() && patch.places.iter().all(|place| !place.old.is_empty());
        if is_whole { Ok(patch) } else { Err(format!("{}: it names no test, no file or no line", patch.name)) }
    }

    /// The files of `root` as they are with this patch.
    fn applied(&self, root: &Path) -> Result<Vec<(String, String)>, String> {
        let mut files: Vec<(String, String)> = Vec::new();
        for place in &self.places {
            let known = files.iter().position(|(file, _)| *file == place.file);
            let text = match known {
                Some(at) => files.swap_remove(at).1,
                None => fs::read_to_string(root.join(&place.file))
                    .map_err(|error| format!("{}: {}: {error}", self.name, place.file))?,
            };
            let lines: Vec<&str> = text.lines().collect();
            let starts: Vec<usize> = (0..lines.len()).filter(|at| lines[*at..].starts_with_lines(&place.old)).collect();
            let [at] = starts[..] else {
                return Err(format!(
                    "{}: in {} its lines are found {} times: {:?}",
                    self.name,
                    place.file,
                    starts.len(),
                    place.old
                ));
            };
            let new = place.new.iter().map(String::as_str);
            let changed: Vec<&str> =
                lines[..at].iter().copied().chain(new).chain(lines[at + place.old.len()..].iter().copied()).collect();
            files.push((place.file.clone(), changed.join("\n") + "\n"));
        }
        Ok(files)
    }
}

trait Lines {
    fn starts_with_lines(&self, lines: &[String]) -> bool;
}

impl Lines for [&str] {
    fn starts_with_lines(&self, lines: &[String]) -> bool {
        self.len() >= lines.len() && self.iter().zip(lines).all(|(line, wanted)| line == wanted)
    }
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_run = arguments.iter().any(|argument| argument == "--run");
    arguments.retain(|argument| !argument.starts_with('-'));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let result = patches(root).and_then(|patches| {
        // What another test is called for by name is not asked of this one.
        let is_asked = |patch: &&Patch| arguments.is_empty() || arguments.contains(&patch.name);
        let asked: Vec<&Patch> = patches.iter().filter(is_asked).collect();
        for patch in &asked {
            patch.applied(root)?;
        }
        if is_run { run(root, &asked) } else { Ok(true) }
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("sabotage: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn patches(root: &Path) -> Result<Vec<Patch>, String> {
    let folder = root.join("tests/sabotage").read_dir().map_err(|error| error.to_string())?;
    let mut paths: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    paths.sort();
    paths.iter().map(|path| Patch::read(path)).collect()
}

/// Applies each in turn; returns whether all turned their test red.
fn run(root: &Path, patches: &[&Patch]) -> Result<bool, String> {
    let copy = root.join("target/sabotage/copy");
    let files = Command::new("git").args(["ls-files"]).current_dir(root).output().map_err(|error| format!("git: {error}"))?;
    let files: Vec<String> = String::from_utf8_lossy(&files.stdout).lines().map(str::to_owned).collect();
    for file in &files {
        put(root, &copy, file, None)?;
    }
    // Red means something only of a test that is green as things are.
    for patch in patches {
        if !test(&copy, &patch.red, false)? {
            return Err(format!("{}: not green before anything is broken: cargo test {}", patch.name, patch.red.join(" ")));
        }
    }
    let mut all_red = true;
    for patch in patches {
        let changed = patch.applied(root)?;
        for (file, text) in &changed {
            put(root, &copy, file, Some(text))?;
        }
        let compiled = test(&copy, &patch.red, true)?;
        let green = compiled && test(&copy, &patch.red, false)?;
        for (file, _) in &changed {
            put(root, &copy, file, None)?;
        }
        let said = match (compiled, green) {
            (false, _) => "DOES NOT COMPILE",
            (true, true) => "GREEN, and must not be",
            (true, false) => "red",
        };
        println!("sabotage {}: {said} (cargo test {})", patch.name, patch.red.join(" "));
        all_red &= compiled && !green;
    }
    Ok(all_red)
}

/// Runs a test in the copy, or only compiles it; returns whether that went well.
fn test(copy: &Path, what: &[String], compile_only: bool) -> Result<bool, String> {
    let mut command = Command::new(env!("CARGO"));
    command.arg("test").args(["--locked", "--offline", "--quiet"]);
    if compile_only {
        command.args(what.iter().take_while(|word| *word != "--").take(2)).arg("--no-run");
    } else {
        command.args(what);
    }
    command.current_dir(copy).env("CARGO_TARGET_DIR", copy.with_file_name("built")).stdin(Stdio::null());
    command.env_remove("INSTA_UPDATE").stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status().map_err(|error| format!("cargo: {error}"))?.success())
}

/// Writes a file of the copy, if it is not as it should be already: cargo builds anew what was written.
fn put(root: &Path, copy: &Path, file: &str, text: Option<&str>) -> Result<(), String> {
    let wanted = match text {
        Some(text) => text.as_bytes().to_vec(),
        None => fs::read(root.join(file)).map_err(|error| format!("{file}: {error}"))?,
    };
    let path = copy.join(file);
    if fs::read(&path).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    let folder = path.parent().expect("a file is in a folder");
    fs::create_dir_all(folder).and_then(|()| fs::write(&path, wanted)).map_err(|error| format!("{file}: {error}"))
}
