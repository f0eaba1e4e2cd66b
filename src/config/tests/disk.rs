//! A configuration on disk: directories, secrets in files, systemd credentials.

use crate::config::load::{Loaded, load, load_database};
use crate::config::problem::Problems;
use crate::config::tests::changes::{Edit, changed};
use crate::domain::settings::DatabaseUrl;
use secrecy::ExposeSecret;
use std::fs;
use tempfile::TempDir;

fn written(changes: &[Edit<'_>]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (path, text) in changed(changes) {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    directory
}

fn loaded(directory: &TempDir, environment: &[(&str, &str)]) -> Result<Loaded, Problems> {
    let environment: Vec<(String, String)> = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    load(directory.path(), &environment)
}

#[test]
fn a_directory_is_the_same_as_its_files() {
    let directory = written(&[]);
    let plan = loaded(&directory, &[]).expect("valid").plan;
    let embedded = crate::config::example::load_embedded(&[]).expect("valid").plan;
    assert_eq!(plan.hash, embedded.hash);
    // An editor's lock file is no newsletter.
    fs::write(directory.path().join("campaigns/line-downtime/.#01.md"), "x").expect("a file");
    fs::write(directory.path().join("campaigns/line-downtime/notes.txt"), "x").expect("a file");
    assert_eq!(loaded(&directory, &[]).expect("valid").plan.hash, embedded.hash);
}

#[test]
fn a_problem_names_the_file_as_the_shell_would() {
    let directory = written(&[("nurtured.toml", "connections", "conections")]);
    let printed = loaded(&directory, &[]).expect_err("refused").to_string();
    assert!(printed.contains(&format!("--> {}:", directory.path().join("nurtured.toml").display())), "{printed}");
}

#[test]
fn drop_ins_are_read_from_their_directory_and_nothing_else_in_it() {
    let directory = written(&[("nurtured.d/50-relay.toml", "", "[smtp]\nport = 2525\n")]);
    fs::write(directory.path().join("nurtured.d/60-relay.toml~"), "[smtp]\nport = 1\n").expect("a file");
    fs::write(directory.path().join("nurtured.d/README"), "port = 1\n").expect("a file");
    assert_eq!(loaded(&directory, &[]).expect("valid").plan.settings.smtp.port, 2525);
    let wrong = directory.path().join("nurtured.d/70-wrong.toml");
    fs::write(&wrong, "[smtp]\nprot = 1\n").expect("a file");
    let printed = loaded(&directory, &[]).expect_err("refused").to_string();
    assert!(printed.contains(&format!("--> {}:2:1", wrong.display())), "{printed}");
}

#[test]
fn no_directory_and_no_utf8_are_problems() {
    let directory = tempfile::tempdir().expect("a directory");
    assert_eq!(loaded(&directory, &[]).expect_err("refused").0.iter().filter(|p| p.title == "there is no such file").count(), 3);
    let directory = written(&[]);
    fs::write(directory.path().join("salespeople.toml"), b"# ok\n# Espa\xf1a\n").expect("a file");
    let problems = loaded(&directory, &[]).expect_err("refused");
    assert_eq!(problems.0.len(), 1, "{problems}");
    assert_eq!(problems.0[0].title, "line 2 is not UTF-8");
}

#[test]
fn a_secret_comes_from_a_value_a_file_or_a_credential() {
    let user = "username = \"nurtured\"";
    let with = |line: &str| written(&[("nurtured.toml", "connections = 4", &format!("{user}\n{line}"))]);
    let login = |loaded: Result<Loaded, Problems>| {
        let (user, password) = loaded.expect("valid").plan.settings.smtp.login.expect("a login");
        assert_eq!(user, "nurtured");
        password.expose_secret().to_owned()
    };
    assert_eq!(login(loaded(&with("password = \"by value\""), &[])), "by value");

    let directory = with("password_file = \"smtp.key\"");
    fs::write(directory.path().join("smtp.key"), "by file\n").expect("a file");
    assert_eq!(login(loaded(&directory, &[])), "by file");
    assert_eq!(login(loaded(&directory, &[("NURTURED__SMTP__PASSWORD", "by variable")])), "by variable");
    fs::remove_file(directory.path().join("smtp.key")).expect("removed");
    assert!(loaded(&directory, &[]).expect_err("refused").to_string().contains("could not read"));

    let directory = with("");
    let credentials = tempfile::tempdir().expect("a directory");
    fs::write(credentials.path().join("nurtured.smtp.password"), "by credential").expect("a file");
    let path = credentials.path().to_str().expect("a path");
    assert_eq!(login(loaded(&directory, &[("CREDENTIALS_DIRECTORY", path)])), "by credential");
    assert!(loaded(&directory, &[]).expect_err("refused").to_string().contains("a `username` without a password"));

    // A credential needs no section in the file.
    let directory = written(&[("nurtured.toml", "[database]\nurl = \"sqlite:nurtured.db\"\n", "")]);
    fs::write(credentials.path().join("nurtured.database.url"), "postgres://x:hunter2@y/z").expect("a file");
    let plan = loaded(&directory, &[("CREDENTIALS_DIRECTORY", path)]).expect("valid").plan;
    assert!(matches!(plan.settings.database, DatabaseUrl::Postgres(_)));
    fs::write(credentials.path().join("nurtured.database.url"), "hunter2").expect("a file");
    let printed = loaded(&directory, &[("CREDENTIALS_DIRECTORY", path)]).expect_err("refused").to_string();
    assert!(printed.contains("nurtured.database.url") && !printed.contains("hunter2"), "{printed}");
}

#[test]
fn a_relative_path_begins_at_the_configuration_wherever_it_is_read() {
    let directory = written(&[(
        "nurtured.toml",
        "[database]\nurl = \"sqlite:nurtured.db\"\n",
        "[database]\nstop_journal = \"kept/stops\"\n",
    )]);
    let settings = loaded(&directory, &[]).expect("valid").plan.settings;
    assert!(matches!(settings.database, DatabaseUrl::Sqlite(path) if path == directory.path().join("nurtured.db")));
    assert_eq!(settings.stop_journal, directory.path().join("kept/stops"));
    let environment = [("NURTURED__DATABASE__URL".to_owned(), "postgres://x@y/z".to_owned())];
    let directory = written(&[]);
    let named = load_database(directory.path(), &environment).expect("valid");
    assert_eq!(named.stop_journal, directory.path().join("nurtured.stops"), "absolute by default, whatever the engine");
}
