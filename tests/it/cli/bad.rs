//! Verbs when things are bad: no database, another program's tables, a broken configuration, a stop journal that cannot be written, and
//! whose files they leave.

use super::{Desk, left};
use crate::missing;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

const LIST: &str = "email,industry\nada@albareda.example,food\nbea@albareda.example,food\n";

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

#[test]
fn a_verb_never_makes_a_database_and_migrating_leaves_one_complete_file() {
    let desk = Desk::bare();
    for verb in [
        &["prospects", "list"][..],
        &["prospects", "import", "-"],
        &["stop"],
        &["resume"],
        &["suppress", "add", "ada@albareda.example", "--reason", "asked"],
        &["campaigns", "list"],
        &["plan"],
        &["adopt"],
        &["db", "verify"],
        &["db", "backup", "backup.db"],
    ] {
        let none = desk.pipe(verb, LIST.as_bytes());
        assert!(none.code == 69 && none.err.contains("nurtured db migrate"), "{verb:?}: {none:?}");
    }
    assert!(!desk.path("desk.db").exists() && !desk.path("backup.db").exists());
    assert_eq!(desk.run(&["db", "migrate"]).code, 0);
    assert!(length(&desk.path("desk.db")) > 100_000 && length(&desk.path("desk.db-wal")) == 0);
    assert_eq!(desk.run(&["db", "verify"]).code, 0);
}

#[test]
fn after_a_verb_the_file_alone_holds_everything() {
    let desk = Desk::new();
    let rows = (0..3_000).map(|n| format!("p{n}@plant{n}.example\n")).collect::<Vec<_>>().concat();
    assert_eq!(desk.pipe(&["prospects", "import", "-"], format!("email\n{rows}").as_bytes()).code, 0);
    assert_eq!(length(&desk.path("desk.db-wal")), 0, "the log is folded in");
    // Whoever copies the file has the whole company.
    let elsewhere = Desk::bare();
    std::fs::copy(desk.path("desk.db"), elsewhere.path("desk.db")).expect("copied");
    assert_eq!(elsewhere.run(&["prospects", "export"]).out.lines().count(), 3_001);
    // Also when its reader has seen enough, and when it fails.
    let mut command = Command::new("sh");
    command.args(["-c", "\"$@\" | head -n 1", "sh"]).arg(env!("CARGO_BIN_EXE_nurtured"));
    command.env_clear().env("PATH", "/usr/bin:/bin").envs(desk.environment().iter().cloned()).arg("--config");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/config")).args(["prospects", "export"]);
    assert_eq!(left(command, b"").code, 0);
    assert_eq!(length(&desk.path("desk.db-wal")), 0);
    assert_eq!(desk.run(&["prospects", "show", "nobody@x.example"]).code, 1);
    assert_eq!(length(&desk.path("desk.db-wal")), 0);
}

#[test]
fn a_relative_path_is_read_from_the_configurations_folder() {
    let desk = Desk::bare();
    let config = desk.path("company");
    let shown = config.to_string_lossy().into_owned();
    let typed = |arguments: &[&str], config: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
        command.env_clear().current_dir("/").arg("--config").arg(config).args(arguments);
        left(command, LIST.as_bytes())
    };
    assert_eq!(typed(&["init", &shown], &config).code, 0);
    assert!(
        length(&config.join("nurtured.db")) > 100_000 && length(&config.join("nurtured.db-wal")) == 0,
        "init leaves one file"
    );
    assert_eq!(typed(&["prospects", "import", "-"], &config).code, 0);
    let stop = ["suppress", "add", "ada@albareda.example", "--reason", "asked"];
    assert_eq!(typed(&stop, &config).code, 0);
    assert!(length(&config.join("nurtured.db.stops")) > 0, "the journal is found there too");
    // Where an earlier version made its database, another one is not made without a word.
    let old = desk.path("old");
    std::fs::create_dir(&old).expect("made");
    std::fs::rename(config.join("nurtured.db"), old.join("nurtured.db")).expect("moved");
    for verb in [&["db", "migrate"][..], &["run"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
        command.env_clear().current_dir(&old).arg("--config").arg(&config).args(verb);
        let refused = left(command, b"");
        assert!(refused.code == 78, "{refused:?}");
        if verb != ["run"] {
            assert!(refused.err.contains("url = \"sqlite:") && refused.err.contains("old/nurtured.db"), "{refused:?}");
        }
    }
    assert!(!config.join("nurtured.db").exists());
    let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
    command.env_clear().current_dir(&old).args(["init", "another"]);
    let written = left(command, b"");
    assert!(written.code == 0 && written.err.contains("old/nurtured.db"), "{written:?}");
    assert!(old.join("another/nurtured.toml").exists() && !old.join("another/nurtured.db").exists(), "{written:?}");
}

#[test]
fn an_example_is_written_and_a_servers_database_left_as_it_is() {
    let Some(url) = crate::postgres::database("init_leaves") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
    command.env_clear().current_dir(folder.path()).env("NURTURED__DATABASE__URL", &url).args(["init", "config"]);
    let written = left(command, b"");
    assert!(written.code == 0 && written.err.is_empty(), "{written:?}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
    command.env_clear().env("NURTURED__DATABASE__URL", &url).arg("--config").arg(folder.path().join("config"));
    command.args(["prospects", "list"]);
    let behind = left(command, b"");
    assert!(behind.code == 75 && behind.err.contains("migrations behind"), "{behind:?}");
}

#[tokio::test]
async fn tables_that_are_behind_or_ahead_are_said_in_words_and_refused_by_every_verb() {
    let desk = Desk::new();
    let url = format!("sqlite:{}", desk.path("desk.db").display());
    let ask = async |statement: &'static str| {
        let pool = sqlx::SqlitePool::connect(&url).await.expect("the database");
        sqlx::query(statement).execute(&pool).await.expect("changed");
        pool.close().await;
    };
    let verbs = [&["prospects", "list"][..], &["stop"], &["suppress", "list"], &["plan"], &["campaigns", "list"]];
    ask("DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)").await;
    for verb in verbs {
        let behind = desk.run(verb);
        assert!(
            behind.code == 75 && behind.err.contains("1 migrations behind") && behind.err.contains("db migrate"),
            "{behind:?}"
        );
    }
    // A backup is what one makes before migrating.
    let backup = desk.path("before.db").to_string_lossy().into_owned();
    assert_eq!(desk.run(&["db", "backup", &backup]).code, 0);
    ask("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99990101, 'later', TRUE, x'00', 0)")
        .await;
    for verb in verbs {
        let ahead = desk.run(verb);
        assert!(ahead.code == 69 && ahead.err.contains("ahead of this program") && ahead.err.contains("newer"), "{ahead:?}");
    }
    let refused = desk.run(&["db", "migrate"]);
    assert!(refused.code == 69 && refused.err.contains("ahead of this program"), "{refused:?}");
}

#[test]
fn a_broken_campaign_or_a_secret_of_the_service_disarms_no_verb_that_is_needed_then() {
    let desk = Desk::new();
    let config = desk.configuration();
    assert_eq!(desk.under(&config, &["prospects", "import", "-"], LIST.as_bytes()).code, 0);
    std::fs::write(config.join("campaigns/line-downtime.toml"), "schedule = ").expect("broken");
    let service = std::fs::read_to_string(config.join("nurtured.toml")).expect("read");
    let secret = service.replace("[smtp]\n", "[smtp]\nusername = \"us\"\npassword_file = \"/nowhere/at/all\"\n");
    assert_ne!(secret, service);
    std::fs::write(config.join("nurtured.toml"), secret).expect("written");
    assert_eq!(desk.under(&config, &["prospects", "list"], b"").code, 78, "what needs the rest says so");
    let typed = |arguments: &[&str]| desk.under(&config, arguments, b"");
    assert!(typed(&["stop", "--reason", "prices"]).out.contains("Nothing more is sent"));
    assert!(typed(&["suppress", "add", "ada@albareda.example", "--reason", "asked"]).out.contains("is stopped now"));
    assert!(typed(&["resume"]).out.contains("Group mail goes on"));
    for verb in [&["db", "backup", "backup.db"][..], &["db", "verify"], &["db", "verify", "backup.db"], &["db", "migrate"]] {
        let done = typed(verb);
        assert_eq!(done.code, 0, "{verb:?}: {done:?}");
    }
    let doctor = typed(&["doctor"]);
    assert!(
        doctor.code == 78 && doctor.out.contains("its tables are up to date") && doctor.out.contains("integrity"),
        "{doctor:?}"
    );
    assert!(doctor.out.contains("nurtured check") && doctor.err.contains("line-downtime.toml"), "{doctor:?}");
}

#[test]
fn a_stop_that_cannot_be_journalled_says_so_and_holds_group_mail() {
    let desk = Desk::new();
    let journal = desk.path("away/stops");
    let desk = desk.with("NURTURED__DATABASE__STOP_JOURNAL", &journal.to_string_lossy());
    let stop = desk.run(&["suppress", "add", "ada@albareda.example", "--reason", "asked"]);
    assert!(stop.code == 75 && stop.err.contains("nurtured resume"), "{stop:?}");
    assert_eq!(stop.err.matches("which writes what is missing").count(), 1, "said once: {stop:?}");
    assert!(!stop.out.contains("is stopped now"), "{stop:?}");
    let held = desk.json(&["campaigns", "list"])[0]["held"].to_string();
    assert!(held.contains("the stop journal cannot be written"), "{held}");
    // Every verb that stops somebody.
    let import = desk.pipe(&["prospects", "import", "-"], b"email,unsubscribed\nbea@albareda.example,yes\n");
    assert!(import.code == 75 && import.err.contains("stop journal"), "{import:?}");
    assert_eq!(desk.run(&["resume"]).code, 1, "it would be forgotten still");
    std::fs::create_dir(desk.path("away")).expect("made");
    let resumed = desk.run(&["resume"]);
    assert!(resumed.code == 0 && resumed.out.contains("goes on"), "{resumed:?}");
    let text = std::fs::read_to_string(&journal).expect("a journal");
    assert!(text.contains("ada@albareda.example") && text.contains("bea@albareda.example"), "{text}");
}

#[test]
fn a_person_is_forgotten_and_group_mail_held_while_the_stop_journal_cannot_be_written() {
    let desk = Desk::new();
    assert_eq!(desk.pipe(&["prospects", "import", "-"], LIST.as_bytes()).code, 0);
    let journal = desk.path("away/stops").to_string_lossy().into_owned();
    let desk = desk.with("NURTURED__DATABASE__STOP_JOURNAL", &journal);
    let forgotten = desk.run(&["prospects", "forget", "ada@albareda.example", "--yes"]);
    assert!(forgotten.code == 75 && forgotten.err.matches("which writes what is missing").count() == 1, "{forgotten:?}");
    assert!(forgotten.out.contains("Forgotten.") && forgotten.out.contains("holds nothing of them"), "{forgotten:?}");
    let held = desk.json(&["campaigns", "list"])[0]["held"].to_string();
    assert!(held.contains("the stop journal cannot be written"), "{held}");
    assert_eq!(length(&desk.path("desk.db-wal")), 0, "holding it is folded in too");
}

/// Somebody else than root, whoever that is.
const NOBODY: u32 = 65_534;

#[test]
fn typed_as_root_it_becomes_the_owner_of_the_state_directory_or_says_what_to_type() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    std::fs::create_dir(&state).expect("made");
    if chown(&state, Some(NOBODY), Some(NOBODY)).is_err() {
        return missing("root", "becoming the owner of the state directory is");
    }
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).expect("closed");
    let program = folder.path().join("nurtured");
    std::fs::copy(env!("CARGO_BIN_EXE_nurtured"), &program).expect("copied");
    let config = folder.path().join("config");
    for (path, text) in nurtured::config::example::FILES {
        let file = config.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, text).expect("written");
    }
    // What only root may enter, the owner cannot start.
    let typed = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.env_clear().current_dir(&state).env("NURTURED_CONFIG", &config);
        command.env("NURTURED__DATABASE__URL", format!("sqlite:{}", state.join("nurtured.db").display())).args(arguments);
        left(command, LIST.as_bytes())
    };
    let refused = typed(&["db", "migrate"]);
    assert!(refused.code == 1 && refused.err.contains("sudo -u") && refused.err.contains("nurtured db migrate"), "{refused:?}");
    assert_eq!(std::fs::read_dir(&state).expect("read").count(), 0, "nothing was opened");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("opened");
    assert_eq!(typed(&["db", "migrate"]).code, 0);
    assert_eq!(typed(&["prospects", "import", "-"]).code, 0);
    assert_eq!(typed(&["suppress", "add", "ada@albareda.example", "--reason", "asked"]).code, 0);
    // A backup that only root may read is named as that, and not as one that is not there.
    let kept = folder.path().join("root");
    std::fs::create_dir(&kept).expect("made");
    std::fs::write(kept.join("backup.db"), "of root").expect("written");
    std::fs::set_permissions(&kept, std::fs::Permissions::from_mode(0o700)).expect("closed");
    let unseen = typed(&["db", "restore", &kept.join("backup.db").to_string_lossy()]);
    assert!(unseen.code == 65 && unseen.err.contains("Permission denied"), "{unseen:?}");
    // An example's configuration is root's, and makes no database of root's among the owner's files.
    std::fs::remove_file(state.join("nurtured.db")).expect("removed");
    let written = typed(&["init", &folder.path().join("another").to_string_lossy()]);
    assert!(written.code == 0 && written.err.contains("nurtured db migrate"), "{written:?}");
    assert!(!state.join("nurtured.db").exists(), "{written:?}");
    assert_eq!(typed(&["db", "migrate"]).code, 0);
    for file in std::fs::read_dir(&state).expect("read").map(|entry| entry.expect("an entry").path()) {
        let owner = std::fs::metadata(&file).expect("a file");
        assert_eq!((owner.uid(), owner.gid()), (NOBODY, NOBODY), "{}", file.display());
    }
}
