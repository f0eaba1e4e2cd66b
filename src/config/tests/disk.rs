//! A configuration on disk: directories, secrets in files, systemd credentials.

use crate::config::load::{Loaded, load, load_database};
use crate::config::problem::Problems;
use crate::config::tests::changes::{Edit, changed};
use crate::domain::settings::{DatabaseUrl, Proof};
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
        let login = loaded.expect("valid").plan.settings.smtp.login.expect("a login");
        let Proof::Password(password) = login.proof else { panic!("no password") };
        assert_eq!(login.user, "nurtured");
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
fn a_token_command_is_a_program_and_what_it_is_told() {
    let with = |line: &str| written(&[("nurtured.toml", "connections = 4", &format!("username = \"ada\"\n{line}"))]);
    let found = |directory: &TempDir| {
        let loaded = loaded(directory, &[]).expect("valid");
        let warnings = loaded.warnings.iter().map(|problem| problem.title.clone()).collect::<Vec<_>>().join("; ");
        let Proof::Token(command) = loaded.plan.settings.smtp.login.expect("a login").proof else { panic!("no command") };
        let told: Vec<String> = command.arguments.iter().map(|text| text.expose_secret().to_owned()).collect();
        assert!(!format!("{command:?}").contains("hunter2"), "{command:?}");
        (command.program, told, warnings)
    };
    let directory = with("token_command = \"./token --key 'hunter2 x'\"");
    let (program, told, warnings) = found(&directory);
    assert_eq!((program.clone(), told), (directory.path().join("./token"), vec!["--key".to_owned(), "hunter2 x".to_owned()]));
    assert!(warnings.contains("could not look at"), "another machine may have it: {warnings}");
    fs::write(&program, "#!/bin/sh\necho token\n").expect("a file");
    assert!(found(&directory).2.contains("is not executable"));
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("set");
    assert!(!found(&directory).2.contains("token"));
    let directory = with("token_command = [\"token\", \"a b\"]");
    let (program, told, _) = found(&directory);
    assert_eq!((program, told), ("token".into(), vec!["a b".to_owned()]));
}

#[test]
fn a_file_of_authorities_holds_certificates() {
    let directory = written(&[("nurtured.toml", "connections = 4", "ca_file = \"ca.pem\"")]);
    let refused = |text: &[u8]| {
        fs::write(directory.path().join("ca.pem"), text).expect("a file");
        loaded(&directory, &[]).expect_err("refused").to_string()
    };
    assert!(loaded(&directory, &[]).expect_err("refused").to_string().contains("could not read"));
    assert!(refused(b"").contains("holds no certificate in PEM"));
    assert!(refused(b"\x30\x82\x01\x00").contains("openssl x509 -inform der"));
    assert!(refused(b"-----BEGIN CERTIFICATE-----\nnonsense!\n-----END CERTIFICATE-----\n").contains("holds no certificate"));
    let key = rcgen::KeyPair::generate().expect("a key");
    let printed = refused(key.serialize_pem().as_bytes());
    assert!(printed.contains("holds a private key and no certificate") && !printed.contains("BEGIN"), "{printed}");
    let certificate = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name").self_signed(&key).expect("one");
    fs::write(directory.path().join("ca.pem"), certificate.pem().repeat(2)).expect("a file");
    let authorities = loaded(&directory, &[]).expect("valid").plan.settings.smtp.authorities.expect("authorities");
    assert_eq!(*authorities, [certificate.der().to_vec(), certificate.der().to_vec()]);
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
