//! The files under `deploy/`: systemd understands them, they shut the daemon in, and each line says why.
//!
//! What happens when a real systemd starts, reloads and stops the service is not tried here.

use crate::missing;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The exposure `systemd-analyze security` may find, in tenths.
const EXPOSURE: &str = "--threshold=15";

/// A line that assigns a setting, and what it assigns.
fn settings(unit: &str) -> impl Iterator<Item = (&str, &str)> {
    unit.lines().filter_map(|line| line.split_once('=')).filter(|(key, _)| key.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

/// What systemd-analyze says; `None`, loudly, where it is not on the machine.
fn systemd_analyze(arguments: &[&str], file: &Path) -> Option<Output> {
    let output = Command::new("systemd-analyze").args(arguments).arg(file).output();
    match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => missing("systemd-analyze", "the service file is"),
        Err(error) => panic!("could not run systemd-analyze: {error}"),
        Ok(output) => return Some(output),
    }
    None
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn systemd_finds_nothing_to_say_about_the_service() {
    // The binary is not installed here, and systemd wants every command to exist.
    let unit = fs::read_to_string(deployed("nurtured.service")).expect("the service file is there");
    let lines = unit.lines().map(|line| match line.split_once("=/usr/bin/nurtured ") {
        Some((command, _)) => format!("{command}=/bin/true\n"),
        None => format!("{line}\n"),
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copy = folder.path().join("nurtured.service");
    fs::write(&copy, lines.collect::<String>()).expect("a file is written");
    let Some(output) = systemd_analyze(&["verify", "--man=no"], &copy) else { return };
    assert!(output.status.success() && words(&output).is_empty(), "{}", words(&output));
}

#[test]
fn the_service_is_shut_in() {
    let Some(output) = systemd_analyze(&["security", "--offline=true", "--no-pager", EXPOSURE], &deployed("nurtured.service"))
    else {
        return;
    };
    assert!(output.status.success(), "{}", words(&output));
}

#[test]
fn every_setting_says_why_it_is_there() {
    for name in ["nurtured.service", "nurtured.conf", "nurtured.tmpfiles.conf"] {
        let text = fs::read_to_string(deployed(name)).expect("the file is there");
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', '['])) {
            assert!(at > 0 && lines[at - 1].starts_with('#'), "{name}:{}: {line}: no comment above it", at + 1);
        }
    }
}

#[test]
fn the_files_agree_on_who_and_where() {
    let read = |name: &str| fs::read_to_string(deployed(name)).expect("the file is there");
    let (unit, users, directories) = (read("nurtured.service"), read("nurtured.conf"), read("nurtured.tmpfiles.conf"));
    let setting = |key: &str| settings(&unit).find(|(k, _)| *k == key).map(|(_, value)| value);
    let user = setting("User").expect("a user is set");
    assert!(users.lines().any(|line| line.split_whitespace().take(2).eq(["u", user])), "sysusers makes no {user}");
    for (path, owner) in [("/etc/nurtured", "root"), ("/var/lib/nurtured", user)] {
        let made =
            directories.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|words| words.get(1) == Some(&path));
        assert_eq!(made.expect("the directory is made")[3], owner, "{path}");
    }
    assert_eq!(setting("Environment"), Some("NURTURED_CONFIG=/etc/nurtured"));
    assert_eq!(setting("StateDirectory"), Some("nurtured"));
    // Bare names: with a path, an absent file would stop the service from starting.
    assert!(
        settings(&unit)
            .filter(|(key, _)| *key == "LoadCredential")
            .all(|(_, id)| id.starts_with("nurtured.") && !id.contains(':'))
    );
}
