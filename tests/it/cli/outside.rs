//! What leaves: files, terminals, logs, spreadsheets.

use super::{Desk, Left};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Runs a command of the desk under a umask that takes nothing away.
fn under_umask_000(desk: &Desk, arguments: &[&str]) -> Left {
    let bare = desk.command(arguments);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(bare.get_program()).args(bare.get_args());
    command.env_clear().envs(desk.environment().iter().cloned()).current_dir(desk.path(""));
    let output = command.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Left { code: output.status.code().expect("it ends by itself"), out: text(output.stdout), err: text(output.stderr) }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).permissions().mode() & 0o777
}

#[test]
fn files_are_for_their_owner_alone_whatever_the_umask() {
    let desk = Desk::new();
    let journal = desk.path("stops.journal").to_string_lossy().into_owned();
    let desk = desk.with("NURTURED__DATABASE__STOP_JOURNAL", &journal);
    let list = desk.file("list.csv", "email,name\nada@albareda.example,Ada\n");
    assert_eq!(under_umask_000(&desk, &["prospects", "import", &list]).code, 0);
    assert_eq!(under_umask_000(&desk, &["suppress", "add", "ada@albareda.example", "--reason", "they phoned"]).code, 0);
    let (export, old) = (desk.path("out.csv"), desk.path("old.csv"));
    std::fs::write(&old, "of last month").expect("written");
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    for file in [&export, &old] {
        let file = file.to_string_lossy();
        assert_eq!(under_umask_000(&desk, &["prospects", "export", "--output", &file]).code, 0);
    }
    let backup = desk.path("backup.db");
    let made = under_umask_000(&desk, &["db", "backup", &backup.to_string_lossy()]);
    assert_eq!(made.code, 0, "{made:?}");
    for file in [&export, &old, &backup, &desk.path("desk.db")] {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    // What SQLite writes beside the database while it is open, the journal and its marker: everything that is there.
    let connection = rest_of(&desk);
    assert!(connection.iter().any(|file| file.ends_with("desk.db-wal")), "{connection:?}");
    for file in std::fs::read_dir(desk.path("")).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if !file.ends_with("list.csv") && file.is_file() {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }
}

/// The files of the desk while a command holds the database open: it waits for the second half of its list.
fn rest_of(desk: &Desk) -> Vec<std::path::PathBuf> {
    use std::io::Write;
    let bare = desk.command(&["prospects", "import", "-"]);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(bare.get_program()).args(bare.get_args());
    command.env_clear().envs(desk.environment().iter().cloned()).current_dir(desk.path(""));
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let rows = (0..1_500).map(|n| format!("p{n}@plant{n}.example\n")).collect::<Vec<_>>().concat();
    pipe.write_all(format!("email\n{rows}").as_bytes()).expect("it reads");
    pipe.flush().expect("it reads");
    let wal = desk.path("desk.db-wal");
    // The first page of a thousand rows is committed while the pipe stays open.
    while std::fs::metadata(&wal).map_or(0, |m| m.len()) == 0 && child.try_wait().expect("it runs").is_none() {
        std::thread::yield_now();
    }
    let found: Vec<_> =
        std::fs::read_dir(desk.path("")).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    for file in found.iter().filter(|file| file.to_string_lossy().contains("desk.db")) {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    drop(pipe);
    assert!(child.wait().expect("it ends").success());
    found
}

#[test]
fn a_name_cannot_move_the_cursor() {
    let desk = Desk::new();
    // Another system and older versions may have stored anything: it is put where an import would have tidied it.
    let list = desk.file("list.csv", "email,name,company\nada@albareda.example,Ada,Albareda\n");
    assert_eq!(desk.run(&["prospects", "import", &list]).code, 0);
    let hostile = "Ada\n\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}adeV\u{9b}31m";
    let moved = |text: &str| text.contains(|c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'));
    let note = ["signals", "log", "ada@albareda.example", "--by", "dana", "--kind", "call", "--note", hostile];
    let logged = desk.run(&note);
    assert_eq!(logged.code, 0, "{logged:?}");
    let hostile_tag = format!("email,tags,Remark\nada@albareda.example,\"{hostile}\",\"{hostile}\"\n");
    assert_eq!(desk.pipe(&["prospects", "import", "-"], hostile_tag.as_bytes()).code, 0);
    let show = desk.run(&["prospects", "show", "ada@albareda.example"]);
    assert!(show.out.contains("\\u{1b}[2J") && show.out.contains("\\u{202e}"), "{show:?}");
    for verb in [
        &["prospects", "show", "ada@albareda.example"][..],
        &["prospects", "show", "ada@albareda.example", "--json"],
        &["prospects", "list"],
        &["prospects", "export", "--json"],
        &["explain", "ada@albareda.example"],
        &["explain", "ada@albareda.example", "--json"],
        &["suppress", "list"],
        &["desk"],
        &["queue", "dana"],
    ] {
        let left = desk.run(verb);
        assert!(!moved(&left.out) && !moved(&left.err), "{verb:?}: {left:?}");
    }
    let shown = desk.json(&["prospects", "show", "ada@albareda.example"]);
    let notes = shown["signals"].as_array().expect("signals").iter().filter_map(|s| s["detail"]["note"].as_str());
    assert!(notes.into_iter().any(|note| note.contains('\u{202e}')), "JSON says what was stored: {shown}");
}

#[test]
fn a_log_level_is_a_level() {
    for filter in
        ["sqlx=trace", "nurtured=debug,sqlx::query=info", "debug,sqlx=trace", "off", "5", "[{address}]=trace", "\u{1b}[2J"]
    {
        let left = Desk::new().with("NURTURED_LOG", filter).run(&["prospects", "list"]);
        assert_eq!(left.code, 78, "{filter}: {left:?}");
        assert!(left.err.contains("NURTURED_LOG takes a level") && !left.err.contains("sqlx"), "{left:?}");
    }
    let list = "email\nada@albareda.example\n";
    for level in ["error", "warn", "info", "DEBUG", "trace", ""] {
        let desk = Desk::new().with("NURTURED_LOG", level);
        let left = desk.pipe(&["prospects", "import", "-"], list.as_bytes());
        assert!(left.code == 0 && !left.err.contains("ada@"), "{level}: {left:?}");
        assert!(!left.err.contains("INSERT"), "no statement of a library: {left:?}");
    }
}

#[test]
fn an_export_imported_again_says_the_same() {
    let desk = Desk::new();
    let rows = [
        ("ada@a.example", "=1+1;=2", "x;@cmd"),
        ("ben@a.example", "'=quoted", "+34 600; +34 700"),
        ("cid@a.example", "O'Hara; 't Hart", "a-b"),
        ("dan@a.example", "＝full", "x\t=y"),
    ];
    let text: String = rows.map(|(email, name, remark)| format!("{email},\"{name}\",\"{remark}\"\n")).concat();
    assert_eq!(desk.pipe(&["prospects", "import", "-"], format!("email,name,remark\n{text}").as_bytes()).code, 0);
    let file = desk.path("out.csv").to_string_lossy().into_owned();
    assert_eq!(desk.run(&["prospects", "export", "--output", &file]).code, 0);
    let mut reader = csv::Reader::from_path(&file).expect("an export");
    for record in reader.records() {
        for part in record.expect("a record").iter().flat_map(|cell| cell.split([';', '\t', '\n'])) {
            assert!(!part.trim_start().starts_with(['=', '+', '-', '@', '＝']), "{part}");
        }
    }
    assert_eq!(desk.json(&["prospects", "import", &file])["unchanged"], 4);
    let elsewhere = Desk::new();
    assert_eq!(elsewhere.run(&["prospects", "import", &file]).code, 0);
    for (email, ..) in rows {
        let (here, there) = (desk.json(&["prospects", "show", email]), elsewhere.json(&["prospects", "show", email]));
        assert_eq!((&here["name"], &here["fields"]), (&there["name"], &there["fields"]));
    }
}

#[test]
fn people_are_moved_and_merged_by_name() {
    let desk = Desk::new();
    let list = "email,name,Record ID\nada@a.example,Ada Vega,7\nada@b.example,Ada Vega,8\n";
    assert_eq!(desk.pipe(&["prospects", "import", "-"], list.as_bytes()).code, 0);
    let moved = desk.run(&["prospects", "change-address", "ada@b.example", "ada@c.example"]);
    assert!(moved.code == 0 && moved.out.contains("ada@c.example now"), "{moved:?}");
    let merged = desk.run(&["prospects", "merge", "ada@a.example", "ada@c.example"]);
    assert!(merged.code == 0 && merged.out.contains("One prospect now"), "{merged:?}");
    let shown = desk.json(&["prospects", "show", "ada@b.example"]);
    assert_eq!(shown["address"], "ada@a.example");
    assert_eq!(shown["former_addresses"].as_array().map(Vec::len), Some(2));
    assert_eq!(desk.run(&["prospects", "forget", "ada@c.example", "--yes"]).code, 0);
    let again = desk.pipe(&["prospects", "import", "-"], list.as_bytes());
    assert!(again.code == 0 && again.out.contains("2 forgotten, not stored."), "{again:?}");
    assert_eq!(desk.run(&["prospects", "change-address", "ada@a.example", "x@a.example"]).code, 1);
}
