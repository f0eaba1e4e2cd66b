//! The database is lost in the middle of an issue and comes back from a backup: real daemons, a real kill, the verbs as
//! typed, and the relay's own list of what it took.

use crate::daemon::{Daemon, files, log, write_configuration};
use nurtured::domain::group::delivery::Resolution;
use nurtured::flow::context::Progress;
use nurtured::flow::group::delivery::uncertain;
use nurtured::flow::group::publish::publish;
use nurtured::mail::test_server::TestServer;
use nurtured::store::engine::backend::Store;
use nurtured::store::group::uncertain::Which;
use nurtured::town::Town;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

const PEOPLE: usize = 1_500;

fn verb(directory: &Path, arguments: &[&str]) -> serde_json::Value {
    let output = Command::new(env!("CARGO_BIN_EXE_nurtured"))
        .args(arguments)
        .arg("--json")
        .current_dir(directory)
        .env("NURTURED_CONFIG", directory.join("config"))
        .env("NURTURED__DATABASE__URL", format!("sqlite:{}", directory.join("story.db").display()))
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The example company's town on this database: to publish as of February, and to look.
async fn town(directory: &Path) -> Town {
    let files = files();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let store = Store::open_sqlite(&directory.join("story.db")).await.expect("a database");
    Town::found(store, &files, "http://127.0.0.1:9", crate::stories::BEGINS).await.expect("a town")
}

fn mails(catcher: &TestServer) -> BTreeMap<String, usize> {
    let mut mails = BTreeMap::new();
    for mail in catcher.caught() {
        *mails.entry(mail.rcpt_to[0].clone()).or_default() += 1;
    }
    mails
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_adopting_a_backup_nobody_who_stopped_is_mailed_and_nobody_twice() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    write_configuration(at);
    let before = town(at).await;
    let people: Vec<_> = (0..PEOPLE).map(|n| crate::stories::somebody(&format!("p{n}@albareda.com"))).collect();
    before.admit(&people, "import").await.expect("admitted");
    before.clock.move_to(crate::stories::FIRST_ISSUE.parse().expect("an instant"));
    while publish(&before.node.ctx).await.expect("published") == Progress::Done {}
    before.node.ctx.store().close().await;

    // A part of the issue is sent; a backup is made; more is sent; a hundred people stop; the machine dies.
    let catcher = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a relay");
    let daemon = Daemon::start(at, catcher.local_addr());
    catcher.hold_at(100);
    catcher.wait_for(100).await;
    daemon.signal("-TERM");
    daemon.says("STOPPING=1");
    catcher.go_on();
    assert!(daemon.ends().success(), "{}", log(at));
    verb(at, &["db", "backup", &at.join("backup.db").to_string_lossy()]);
    let backed_up = catcher.count();
    assert!(backed_up < PEOPLE / 2, "{backed_up} were sent before the backup");
    let mut daemon = Daemon::start(at, catcher.local_addr());
    catcher.hold_at(backed_up + 100);
    catcher.wait_for(backed_up + 100).await;
    // From both ends: some have their mail already, most do not.
    let stopped: Vec<String> = (0..50).chain(PEOPLE - 50..PEOPLE).map(|n| format!("p{n}@albareda.com")).collect();
    let list = format!("email,unsubscribed\n{},yes\n", stopped.join(",yes\n"));
    std::fs::write(at.join("stops.csv"), list).expect("written");
    verb(at, &["prospects", "import", "stops.csv"]);
    daemon.kill();
    catcher.go_on();
    catcher.wait_for_nobody().await;
    let sent = mails(&catcher);
    assert!(catcher.count() > backed_up && sent.len() < PEOPLE, "the machine died in the middle: {}", sent.len());
    let unreached: BTreeSet<&String> = stopped.iter().filter(|a| !sent.contains_key(*a)).collect();
    assert!(!unreached.is_empty(), "some who stopped had no mail yet");

    for leftover in ["story.db", "story.db-wal", "story.db-shm"] {
        drop(std::fs::remove_file(at.join(leftover)));
    }
    std::fs::rename(at.join("backup.db"), at.join("story.db")).expect("restored");
    let taken = catcher.count();
    let daemon = Daemon::start(at, catcher.local_addr());
    daemon.says("READY=1");
    let adopted = verb(at, &["adopt"]);
    assert_eq!(adopted["stopped"], 100, "{adopted}");
    assert_eq!(adopted["held"], PEOPLE - backed_up, "what the backup did not know as sent: {adopted}");
    assert_eq!(catcher.count(), taken, "nothing left before it was adopted");

    // Somebody goes through what is held with the relay's own log, and has sent again what it does not have.
    let after = town(at).await;
    let ctx = &after.node.ctx;
    let marta = crate::stories::name("marta");
    let listed = uncertain::list(ctx).await.expect("listed");
    assert_eq!(listed.len(), PEOPLE - backed_up);
    let relay_has: BTreeSet<String> = catcher.caught().iter().map(|m| message_id(&m.data)).collect();
    let (relay_has, missing): (Vec<_>, Vec<_>) = listed.iter().partition(|held| relay_has.contains(&held.message_id));
    for held in relay_has {
        let resolved = uncertain::resolve(ctx, Which::One(held.doubt.id), Resolution::Accepted, &marta).await;
        assert_eq!(resolved.expect("resolved"), 1);
    }
    // What is sent again counts for nothing while the daemon has its range in hand: it is said once more.
    let issue = missing[0].doubt.issue;
    while !uncertain::list(ctx).await.expect("listed").is_empty() {
        uncertain::resolve(ctx, Which::OfIssue(issue), Resolution::Resend, &marta).await.expect("resolved");
    }
    catcher.wait_for(PEOPLE - unreached.len()).await;
    daemon.signal("-TERM");
    assert!(daemon.ends().success(), "{}", log(at));
    let sent = mails(&catcher);
    let twice: Vec<_> = sent.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "mailed twice: {twice:?}");
    let wrong: Vec<_> = unreached.iter().filter(|a| sent.contains_key(**a)).collect();
    assert!(wrong.is_empty(), "stopped after the backup, and mailed after it was restored: {wrong:?}");
    assert_eq!(sent.len(), PEOPLE - unreached.len(), "everybody else has their mail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_never_journalled_a_stop_is_no_error_and_its_numbers_count() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    write_configuration(at);
    town(at).await.node.ctx.store().close().await;
    verb(at, &["db", "backup", &at.join("backup.db").to_string_lossy()]);
    for leftover in ["story.db", "story.db-wal", "story.db-shm"] {
        drop(std::fs::remove_file(at.join(leftover)));
    }
    std::fs::rename(at.join("backup.db"), at.join("story.db")).expect("restored");
    let other = at.join("other");
    let adopt = || {
        Command::new(env!("CARGO_BIN_EXE_nurtured"))
            .args(["adopt", "--json", "--journal"])
            .arg(&other)
            .current_dir(at)
            .env("NURTURED_CONFIG", at.join("config"))
            .env("NURTURED__DATABASE__URL", format!("sqlite:{}", at.join("story.db").display()))
            .output()
            .expect("the binary runs")
    };
    let mistaken = adopt();
    assert_eq!(mistaken.status.code(), Some(65), "a journal that was named by mistake leaves no stop out unsaid");
    let marks = r#"{"beat":9,"deliveries":7000000000,"signals":3,"suppressions":0}"#;
    let marker = format!(r#"{{"token":"t","marks":{marks},"at":"2026-03-02T08:00:00Z"}}"#);
    std::fs::write(at.join("other.marker"), marker).expect("written");
    let adopted = adopt();
    assert!(adopted.status.success(), "{}", String::from_utf8_lossy(&adopted.stderr));
    let adopted: serde_json::Value = serde_json::from_slice(&adopted.stdout).expect("JSON");
    assert!(adopted["stopped"] == 0 && adopted["numbers"]["deliveries"].as_i64() > Some(7_000_000_000), "{adopted}");
}

fn message_id(data: &[u8]) -> String {
    let text = String::from_utf8_lossy(data);
    let line = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).expect("every mail has one");
    line.trim().to_owned()
}
