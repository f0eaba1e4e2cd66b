//! The operator's hand on a SQLite file: a second daemon, a daemon that was killed, a backup put in the database's place.

use crate::daemon::{Daemon, log, write_configuration};
use nurtured::mail::test_server::TestServer;
use nurtured::store::engine::file_lock::FileLock;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

async fn relay() -> TestServer {
    TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a relay")
}

fn typed(directory: &Path, arguments: &[&str]) -> Output {
    typed_with(directory, arguments, &[])
}

fn typed_with(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
    command.args(arguments).current_dir(directory).env("NURTURED_CONFIG", directory.join("config"));
    command.env("NURTURED__DATABASE__URL", format!("sqlite:{}", directory.join("story.db").display()));
    // A second daemon must be refused for its file, and not for its port.
    command.env("NURTURED__HTTP__LISTEN", "127.0.0.1:0").env("NURTURED__PUBLIC_URL", "http://127.0.0.1:1");
    command.envs(environment.iter().copied()).output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    format!("{:?} {}{}", output.status.code(), String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn import(directory: &Path, people: std::ops::Range<usize>) {
    let rows = people.map(|n| format!("p{n}@plant{n}.com\n")).collect::<Vec<_>>().concat();
    std::fs::write(directory.join("list.csv"), format!("email\n{rows}")).expect("written");
    let done = typed(directory, &["prospects", "import", "list.csv"]);
    assert!(done.status.success(), "{}", said(&done));
}

fn people(directory: &Path) -> usize {
    let done = typed(directory, &["prospects", "export"]);
    assert!(done.status.success(), "{}", said(&done));
    String::from_utf8_lossy(&done.stdout).lines().count() - 1
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// A company of a hundred with a backup, whose daemon was killed after fifty more had come: their rows stand in the log.
async fn killed(directory: &Path) -> TestServer {
    write_configuration(directory);
    assert!(typed(directory, &["db", "migrate"]).status.success());
    import(directory, 0..100);
    let backup = typed(directory, &["db", "backup", "backup.db"]);
    assert!(backup.status.success(), "{}", said(&backup));
    let catcher = relay().await;
    let mut daemon = Daemon::start(directory, catcher.local_addr());
    daemon.says("READY=1");
    import(directory, 100..150);
    daemon.kill();
    assert!(length(&directory.join("story.db-wal")) > 0, "what was written last stands in the log");
    catcher
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_on_one_file_is_refused_and_told_who_has_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    write_configuration(at);
    let catcher = relay().await;
    let mut daemon = Daemon::start(at, catcher.local_addr());
    daemon.says("READY=1");
    for verb in [&["run"][..], &["db", "restore", "story.db"]] {
        let refused = typed(at, verb);
        assert_eq!(refused.status.code(), Some(75), "{verb:?}: {}", said(&refused));
        assert!(said(&refused).contains(&format!("process {}", daemon.id())), "{}", said(&refused));
    }
    // Verbs go through SQLite alone.
    import(at, 0..3);
    assert_eq!(people(at), 3);
    assert!(typed(at, &["db", "migrate"]).status.success(), "there is nothing to migrate");
    assert!(typed(at, &["db", "verify"]).status.success());
    // No death leaves a lock.
    daemon.kill();
    let daemon = Daemon::start(at, catcher.local_addr());
    daemon.says("READY=1");
    daemon.signal("-TERM");
    assert!(daemon.ends().success());
    assert_eq!(length(&at.join("story.db-wal")), 0, "a daemon leaves one file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_starts_again_however_often_it_is_killed() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let catcher = killed(at).await;
    assert_eq!(people(at), 150, "a verb reads what the killed one wrote");
    for round in 0..3 {
        let mut daemon = Daemon::start(at, catcher.local_addr());
        daemon.says("READY=1");
        import(at, 150 + round * 10..160 + round * 10);
        daemon.kill();
    }
    assert!(log(at).contains("it is checked quickly") && !log(at).contains("nothing is sent until"), "{}", log(at));
    assert_eq!(people(at), 180);
    // A copy in its place while nothing lies beside it is no matter for the log, also when what comes next is killed.
    std::fs::copy(at.join("backup.db"), at.join("story.db")).expect("copied");
    let hung = [("NURTURED_FAILPOINT", "ingest.kept:kill")];
    std::fs::write(at.join("mail"), "From: p1@plant1.com\nSubject: hello\n\nCall me\n").expect("written");
    let died = typed_with(at, &["inbox", "ingest", "mail"], &hung);
    assert!(died.status.code().is_none() && length(&at.join("story.db-wal")) > 0, "{}", said(&died));
    let daemon = Daemon::start(at, catcher.local_addr());
    daemon.says("READY=1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_copied_over_a_killed_daemons_file_is_not_opened_with_its_log() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let _catcher = killed(at).await;
    std::fs::copy(at.join("backup.db"), at.join("story.db")).expect("copied");
    let before = std::fs::read(at.join("story.db")).expect("read");
    for verb in [&["run"][..], &["prospects", "list"], &["stop"], &["adopt"], &["db", "migrate"], &["db", "verify"]] {
        let refused = typed(at, verb);
        assert_eq!(refused.status.code(), Some(69), "{verb:?}: {}", said(&refused));
        assert!(
            said(&refused).contains("is that of another file") && said(&refused).contains("nurtured db restore"),
            "{}",
            said(&refused)
        );
    }
    assert_eq!(std::fs::read(at.join("story.db")).expect("read"), before, "nothing was written");
    // What is said is what helps.
    std::fs::rename(at.join("story.db"), at.join("story.db.copy")).expect("moved");
    let restored = typed(at, &["db", "restore", "story.db.copy"]);
    assert!(restored.status.success(), "{}", said(&restored));
    assert_eq!(people(at), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_takes_the_databases_place_whole_and_lays_aside_what_was_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let catcher = killed(at).await;
    for (file, code, words) in [
        ("nowhere.db", 65, "nowhere.db: No such file"),
        (".", 65, "is no file"),
        ("list.csv", 65, "could not read"),
        ("story.db", 2, "the database itself"),
    ] {
        let refused = typed(at, &["db", "restore", file]);
        assert!(refused.status.code() == Some(code) && said(&refused).contains(words), "{file}: {}", said(&refused));
    }
    let mut torn = std::fs::read(at.join("backup.db")).expect("read");
    let middle = torn.len() / 2;
    torn[middle..middle + 4096].fill(0xa5);
    std::fs::write(at.join("torn.db"), torn).expect("written");
    assert_eq!(typed(at, &["db", "restore", "torn.db"]).status.code(), Some(65));
    assert_eq!(people(at), 150, "what is refused changes nothing");

    let restored = typed(at, &["db", "restore", "backup.db", "--json"]);
    assert!(restored.status.success(), "{}", said(&restored));
    let told: serde_json::Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    assert_eq!(length(&at.join("story.db-wal")), 0);
    assert_eq!(std::fs::metadata(at.join("story.db")).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(people(at), 100);
    let daemon = Daemon::start(at, catcher.local_addr());
    daemon.says("READY=1");
    let held = typed(at, &["campaigns", "list"]);
    assert!(said(&held).contains("this is a backup of") && said(&held).contains("nurtured adopt"), "{}", said(&held));
    daemon.signal("-TERM");
    assert!(daemon.ends().success(), "{}", log(at));
    // What was there is whole too, and can be restored in its turn.
    let aside = told["aside"].as_str().expect("a path").to_owned();
    let back = typed(at, &["db", "restore", &aside]);
    assert!(back.status.success(), "{}", said(&back));
    assert_eq!(people(at), 150, "with what stood in its log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_is_refused_until_it_is_repeated() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let catcher = killed(at).await;
    let died = typed_with(at, &["db", "restore", "backup.db"], &[("NURTURED_FAILPOINT", "restore.aside:kill")]);
    assert_eq!(died.status.code(), None, "{}", said(&died));
    for verb in [&["run"][..], &["prospects", "list"]] {
        let refused = typed(at, verb);
        assert!(refused.status.code() == Some(69) && said(&refused).contains("broken off"), "{}", said(&refused));
    }
    let again = typed(at, &["db", "restore", "backup.db"]);
    assert!(again.status.success(), "{}", said(&again));
    assert_eq!(people(at), 100);
    // What was there lies aside once, with its log.
    let asides = asides(at);
    assert!(asides.len() == 1 && said(&again).contains(&format!("{}, with its log", asides[0])), "{asides:?} {}", said(&again));
    let back = typed(at, &["db", "restore", &asides[0]]);
    assert!(back.status.success(), "{}", said(&back));
    assert_eq!(people(at), 150);
    let daemon = Daemon::start(at, catcher.local_addr());
    daemon.says("READY=1");
}

/// The databases that lie aside.
fn asides(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).expect("read").map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("story.db.before-") && !name.ends_with("-wal") && !name.ends_with("-shm")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_that_is_killed_what_was_there_is_kept_as_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let _catcher = killed(at).await;
    let died = typed_with(at, &["db", "restore", "backup.db"], &[("NURTURED_FAILPOINT", "restore.aside:kill")]);
    assert_eq!(died.status.code(), None, "{}", said(&died));
    let refused = typed(at, &["prospects", "list"]);
    assert!(said(&refused).contains("story.db.before-…-wal (if there is one) back to"), "{}", said(&refused));
    std::fs::rename(at.join(format!("{}-wal", asides(at)[0])), at.join("story.db-wal")).expect("moved");
    std::fs::remove_file(at.join("story.db.restored")).expect("removed");
    assert_eq!(people(at), 150, "with what stood in its log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_restore_is_at_work_no_verb_opens_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let _catcher = killed(at).await;
    let _lock = FileLock::take(&at.join("story.db"), "2026-03-02T08:00:00Z".parse().expect("an instant")).expect("free");
    assert_eq!(people(at), 150, "a daemon's lock keeps no verb away");
    std::fs::copy(at.join("backup.db"), at.join("story.db.restored")).expect("copied");
    for verb in [&["prospects", "list"][..], &["stop"], &["db", "verify"], &["db", "backup", "another.db"]] {
        let refused = typed(at, verb);
        assert!(refused.status.code() == Some(69) && said(&refused).contains("took its place"), "{verb:?}: {}", said(&refused));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_a_link_to_the_file_its_log_is_looked_at_and_it_is_restored() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let _catcher = killed(at).await;
    // The file and its log lie on another disk, and copies of both in a place of their own.
    for folder in ["disk", "copies"] {
        std::fs::create_dir(at.join(folder)).expect("made");
    }
    for what in ["", "-wal"] {
        std::fs::copy(at.join(format!("story.db{what}")), at.join(format!("copies/copy.db{what}"))).expect("copied");
        std::fs::rename(at.join(format!("story.db{what}")), at.join(format!("disk/real.db{what}"))).expect("moved");
    }
    std::fs::rename(at.join("story.db.generation"), at.join("disk/real.db.generation")).expect("moved");
    std::fs::remove_file(at.join("story.db-shm")).expect("removed");
    std::os::unix::fs::symlink("disk/real.db", at.join("story.db")).expect("linked");
    std::os::unix::fs::symlink("copies/copy.db", at.join("copy.db")).expect("linked");
    let whole = std::fs::read(at.join("disk/real.db")).expect("read");
    std::fs::copy(at.join("backup.db"), at.join("disk/real.db")).expect("copied");
    for verb in [&["run"][..], &["prospects", "list"], &["db", "migrate"], &["db", "verify"]] {
        let refused = typed(at, verb);
        assert!(refused.status.code() == Some(69) && said(&refused).contains("another file"), "{verb:?}: {}", said(&refused));
    }
    std::fs::write(at.join("disk/real.db"), whole).expect("written");
    let restored = typed(at, &["db", "restore", "copy.db"]);
    assert!(restored.status.success(), "{}", said(&restored));
    assert_eq!(people(at), 150, "with the log beside the copy");
    assert!(at.join("story.db").is_symlink() && !at.join("disk/real.db").is_symlink(), "the link stays one");
    let beside = std::fs::read_dir(at).expect("read").map(|entry| entry.expect("an entry").file_name());
    let beside: Vec<_> = beside.filter(|name| name.to_string_lossy().starts_with("story.db.before")).collect();
    assert!(beside.is_empty(), "{beside:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemons_damaged_file_is_kept_as_it_is_and_its_tables_are_not_brought_up_to_date() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    write_configuration(at);
    assert!(typed(at, &["db", "migrate"]).status.success());
    import(at, 0..2_000);
    let catcher = relay().await;
    let mut daemon = Daemon::start(at, catcher.local_addr());
    daemon.says("READY=1");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", at.join("story.db").display())).await.expect("the database");
    let older = "DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)";
    sqlx::query(older).execute(&pool).await.expect("changed");
    pool.close().await;
    daemon.kill();
    let mut torn = std::fs::read(at.join("story.db")).expect("read");
    let middle = torn.len() / 8192 * 4096;
    torn[middle..middle + 4096].fill(0xa5);
    std::fs::write(at.join("story.db"), &torn).expect("written");
    let refused = typed(at, &["run"]);
    assert!(
        refused.status.code() == Some(69) && said(&refused).contains("could not open the database: trust"),
        "{}",
        said(&refused)
    );
    assert!(std::fs::read(at.join("story.db")).expect("read") == torn, "it is kept as it was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_whose_port_is_taken_leaves_no_database_open() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    write_configuration(at);
    assert!(typed(at, &["db", "migrate"]).status.success());
    let before = std::fs::read(at.join("story.db")).expect("read");
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = taken.local_addr().expect("an address").to_string();
    let refused = typed_with(at, &["run"], &[("NURTURED__HTTP__LISTEN", &port)]);
    assert!(refused.status.code() == Some(69) && said(&refused).contains("could not listen"), "{}", said(&refused));
    assert!(
        std::fs::read(at.join("story.db")).expect("read") == before && !at.join("story.db-wal").exists(),
        "nothing was opened"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_verified_with_the_log_beside_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let _catcher = killed(at).await;
    for what in ["", "-wal"] {
        std::fs::copy(at.join(format!("story.db{what}")), at.join(format!("copy.db{what}"))).expect("copied");
    }
    let whole = typed(at, &["db", "verify", "copy.db"]);
    assert!(whole.status.success(), "{}", said(&whole));
    assert!(!at.join("copy.db-shm").exists(), "reading leaves nothing beside it");
    // A page that the log replaces is nonsense in the file: with the log the copy is whole, and without it torn.
    let log = std::fs::read(at.join("copy.db-wal")).expect("read");
    let numbers = (0..).map(|frame| 32 + frame * (24 + 4096)).map_while(|at| log.get(at..at + 4));
    let page = numbers.map(|bytes| u32::from_be_bytes(bytes.try_into().expect("four"))).find(|page| *page > 1).expect("a page");
    let begin = (usize::try_from(page).expect("a number") - 1) * 4096;
    let mut copy = std::fs::read(at.join("copy.db")).expect("read");
    copy.resize(copy.len().max(begin + 4096), 0);
    copy[begin..begin + 4096].fill(0xa5);
    std::fs::write(at.join("copy.db"), copy).expect("written");
    let with_log = typed(at, &["db", "verify", "copy.db"]);
    assert!(with_log.status.success(), "{}", said(&with_log));
    std::fs::rename(at.join("copy.db-wal"), at.join("aside")).expect("renamed");
    let without = typed(at, &["db", "verify", "copy.db"]);
    assert_eq!(without.status.code(), Some(1), "{}", said(&without));
    std::fs::rename(at.join("aside"), at.join("copy.db-wal")).expect("renamed");
    std::fs::copy(at.join("backup.db"), at.join("copy.db")).expect("copied");
    let foreign = typed(at, &["db", "verify", "copy.db"]);
    assert!(foreign.status.code() == Some(1) && said(&foreign).contains("another file"), "{}", said(&foreign));
}
