//! Stopping and letting go on, as somebody types it.

use super::Desk;

#[test]
fn all_sending_is_stopped_and_goes_on() {
    let desk = Desk::new();
    assert!(desk.run(&["resume"]).out.contains("was not stopped"));
    let stopped = desk.json(&["stop", "--reason", "the prices are wrong"]);
    assert_eq!((&stopped["changed"], &stopped["sending"]["stopped"]["reason"]), (&true.into(), &"the prices are wrong".into()));
    let again = desk.run(&["stop"]);
    assert!(again.code == 0 && again.out.contains("stopped already: the prices are wrong"), "{again:?}");
    assert_eq!(desk.run(&["stop", "--reason", " "]).code, 2);
    assert!(desk.run(&["campaigns", "list"]).out.starts_with("Nothing is sent: stopped: the prices are wrong"));
    assert!(desk.json(&["campaigns", "list"])[0]["held"].as_str().expect("why").contains("nurtured resume"));
    assert!(desk.run(&["resume"]).out.contains("goes on"));
    assert!(desk.json(&["campaigns", "show", "line-downtime"])["standing"]["held"].is_null());
}

#[test]
fn nothing_uncertain_is_said_and_cannot_be_resolved() {
    let desk = Desk::new();
    assert!(desk.run(&["uncertain", "list"]).out.contains("Nothing is uncertain"));
    assert_eq!(desk.json(&["uncertain", "list"]), serde_json::json!([]));
    let resolve = |more: &[&str]| desk.run(&[&["uncertain", "resolve"], more].concat());
    for (left, code, words) in [
        (resolve(&["7", "--as", "accepted", "--by", "marta"]), 1, "uncertain list"),
        (resolve(&["--all-of", "7", "--as", "resend", "--by", "marta"]), 1, "uncertain list"),
        (resolve(&["7", "--as", "sent", "--by", "marta"]), 2, "resend"),
        (resolve(&["7", "--as", "accepted", "--by", "bob"]), 2, "dana"),
        (resolve(&["7", "--all-of", "7", "--as", "failed", "--by", "marta"]), 2, "cannot be used with"),
        (resolve(&["--as", "failed", "--by", "marta"]), 2, "required"),
    ] {
        assert!(left.code == code && left.err.contains(words), "{code} {words}: {left:?}");
    }
}

#[test]
fn a_backup_is_whole_its_owners_alone_and_sends_nothing_before_it_is_adopted() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let refused = desk.run(&["adopt"]);
    assert!(refused.code == 1 && refused.err.contains("nothing to adopt"), "{refused:?}");
    let list = "email,unsubscribed\nada@albareda.example,yes\nbea@albareda.example,no\n";
    assert_eq!(desk.pipe(&["prospects", "import", "-"], list.as_bytes()).code, 0);
    let backup = desk.path("backup.db").to_string_lossy().into_owned();
    assert_eq!(desk.run(&["db", "backup", &backup]).code, 0);
    let again = desk.run(&["db", "backup", &backup]);
    assert!(again.code == 1 && again.err.contains("overwrites nothing"), "{again:?}");
    assert_eq!(std::fs::metadata(&backup).expect("a file").permissions().mode() & 0o777, 0o600);
    assert!(desk.run(&["db", "verify", &backup]).out.contains("whole") && desk.run(&["db", "verify"]).out.contains("whole"));
    assert!(desk.run(&["db", "migrate"]).out.contains("up to date"));
    assert_eq!(desk.run(&["db", "verify", "nowhere"]).code, 65);

    // After the backup: somebody else stops, somebody is let go.
    assert_eq!(desk.run(&["suppress", "add", "bea@albareda.example", "--reason", "asked"]).code, 0);
    assert_eq!(desk.run(&["suppress", "remove", "ada@albareda.example", "--reason", "wrote to us"]).code, 0);
    for leftover in ["desk.db", "desk.db-wal", "desk.db-shm"] {
        drop(std::fs::remove_file(desk.path(leftover)));
    }
    std::fs::copy(&backup, desk.path("desk.db")).expect("restored");
    let why = desk.json(&["campaigns", "list"])[0]["held"].to_string();
    assert!(why.contains("this is a backup of") && why.contains("nurtured adopt"), "{why}");
    let adopted = desk.json(&["adopt"]);
    assert_eq!((&adopted["stopped"], &adopted["lifted"], &adopted["held"]), (&1.into(), &1.into(), &0.into()), "{adopted}");
    assert!(desk.json(&["campaigns", "list"])[0]["held"].is_null());
    let stopped = desk.json(&["suppress", "list"]);
    assert_eq!(stopped.as_array().map(Vec::len), Some(1));
    assert!(
        stopped[0]["address"] == "bea@albareda.example" && stopped[0]["source"].to_string().contains("stop journal"),
        "{stopped}"
    );

    // A broken copy is told from a whole one.
    let mut bytes = std::fs::read(&backup).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xa5);
    std::fs::write(&backup, bytes).expect("written");
    assert_eq!(desk.run(&["db", "verify", &backup]).code, 1);
}
