//! The daemon as systemd sees it: ready, reload, stop; and what a stop in the middle of a send leaves behind.

use crate::port::Port;
use nurtured::config::example;
use nurtured::daemon::assemble;
use nurtured::flow::context::Progress;
use nurtured::flow::group::publish::{publish, publish_test};
use nurtured::mail::test_server::TestServer;
use nurtured::store::engine::backend::Store;
use nurtured::store::group::leases;
use nurtured::store::operations::counts;
use nurtured::town::Town;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// A daemon in a directory of its own, with the socket on which it tells systemd how it is.
pub(crate) struct Daemon {
    child: Child,
    told: UnixDatagram,
    port: Port,
}

/// How many daemons were started: each has a socket of its own name.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// The example company, as one that may really send.
pub(crate) fn files() -> Vec<(String, String)> {
    let real = |text: &str| {
        text.replace("tecnofab.example", "tecnofab-sl.com").replace(example::POSTAL_ADDRESS, "Carrer de la Mar 12, Barcelona")
    };
    example::FILES.iter().map(|(path, text)| ((*path).to_owned(), real(text))).collect()
}

pub(crate) fn write_configuration(directory: &Path) -> PathBuf {
    let config = directory.join("config");
    for (path, text) in files() {
        let file = config.join(path);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
        std::fs::write(file, text).expect("written");
    }
    config
}

impl Daemon {
    pub(crate) fn start(directory: &Path, relay: SocketAddr) -> Self {
        Self::start_with(directory, relay, Command::new(env!("CARGO_BIN_EXE_nurtured")))
    }

    /// One that may open so many files, with more in its environment.
    pub(crate) fn start_within(directory: &Path, relay: SocketAddr, files: u32, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "ulimit -n \"$1\" && shift && exec \"$@\"",
            "sh",
            &files.to_string(),
            env!("CARGO_BIN_EXE_nurtured"),
        ]);
        command.envs(environment.iter().copied());
        Self::start_with(directory, relay, command)
    }

    fn start_with(directory: &Path, relay: SocketAddr, mut command: Command) -> Self {
        let socket = directory.join(format!("notify-{}", STARTED.fetch_add(1, Ordering::Relaxed)));
        let told = UnixDatagram::bind(&socket).expect("a socket");
        // What it never says is waited for in vain; how soon it says it is no matter here.
        told.set_read_timeout(Some(Duration::from_mins(5))).expect("set");
        let port = Port::reserve().expect("a port");
        let listen = port.address;
        let child = command
            .arg("run")
            .current_dir(directory)
            .env("NURTURED_CONFIG", directory.join("config"))
            .env("NOTIFY_SOCKET", &socket)
            .env("NURTURED__PUBLIC_URL", format!("http://{listen}"))
            .env("NURTURED__HTTP__LISTEN", listen.to_string())
            .env("NURTURED__SMTP__HOST", relay.ip().to_string())
            .env("NURTURED__SMTP__PORT", relay.port().to_string())
            .env("NURTURED__SMTP__SECURITY", "plaintext")
            .env("NURTURED__DATABASE__URL", format!("sqlite:{}", directory.join("story.db").display()))
            .stderr(Stdio::from(OpenOptions::new().create(true).append(true).open(directory.join("log")).expect("a log")))
            .spawn()
            .expect("the daemon to start");
        Self { child, told, port }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub(crate) fn listens_on(&self) -> SocketAddr {
        self.port.address
    }

    /// How many files it has open.
    pub(crate) fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    /// Reads what it tells until it says this.
    pub(crate) fn says(&self, word: &str) {
        let mut buffer = [0; 512];
        loop {
            let length = self.told.recv(&mut buffer).unwrap_or_else(|e| panic!("it never said {word}: {e}"));
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == word) {
                return;
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill to run");
        assert!(sent.success());
    }

    /// Dies at once, without a chance to do anything about it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    pub(crate) fn ends(mut self) -> ExitStatus {
        self.child.wait().expect("an exit code")
    }
}

/// A story that goes wrong leaves no daemon behind.
impl Drop for Daemon {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn log(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("log")).expect("a log")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_is_told_and_a_broken_reload_keeps_the_old_plan() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = write_configuration(directory.path());
    let catcher = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a relay");
    let daemon = Daemon::start(directory.path(), catcher.local_addr());
    daemon.says("READY=1");

    let campaign = config.join("campaigns/line-downtime.toml");
    let good = std::fs::read_to_string(&campaign).expect("read");
    std::fs::write(&campaign, good.replace("\"series\"", "\"serial\"")).expect("written");
    daemon.signal("-HUP");
    daemon.says("RELOADING=1");
    daemon.says("READY=1");
    let told = log(directory.path());
    assert!(told.contains("reload refused") && told.contains("line-downtime.toml") && told.contains("\"serial\""), "{told}");

    std::fs::write(&campaign, good).expect("written");
    daemon.signal("-HUP");
    daemon.says("RELOADING=1");
    daemon.says("READY=1");
    assert!(log(directory.path()).contains("configuration reloaded"));

    daemon.signal("-TERM");
    daemon.says("STOPPING=1");
    assert!(daemon.ends().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_while_it_starts_ends_well() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = write_configuration(directory.path()).join("salespeople.toml");
    let text = std::fs::read(&file).expect("read");
    // A pipe in the place of a file: whoever opens it waits for the other end.
    std::fs::remove_file(&file).expect("removed");
    assert!(Command::new("mkfifo").arg(&file).status().expect("mkfifo to run").success());
    let catcher = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a relay");
    let daemon = Daemon::start(directory.path(), catcher.local_addr());
    let (opened, pipe) = mpsc::channel();
    std::thread::spawn(move || opened.send(OpenOptions::new().write(true).open(&file)));
    let pipe = pipe.recv_timeout(Duration::from_mins(5)).expect("the daemon reads its configuration");
    let mut pipe = pipe.expect("a pipe");
    daemon.signal("-HUP");
    daemon.signal("-TERM");
    pipe.write_all(&text).expect("it goes on reading");
    drop(pipe);
    let status = daemon.ends();
    assert!(status.success(), "{status}: {}", log(directory.path()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_middle_of_a_send_loses_and_repeats_nothing() {
    const PEOPLE: usize = 3_000;
    let directory = tempfile::tempdir().expect("a directory");
    write_configuration(directory.path());
    // An issue is published and not yet sent…
    let files = files();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let store = Store::open_sqlite(&directory.path().join("story.db")).await.expect("a database");
    let town = Town::found(store.clone(), &files, "http://127.0.0.1:9", crate::stories::BEGINS).await.expect("a town");
    let people: Vec<_> = (0..PEOPLE).map(|n| crate::stories::somebody(&format!("p{n}@albareda.com"))).collect();
    town.admit(&people, "import").await.expect("admitted");
    town.clock.move_to(crate::stories::FIRST_ISSUE.parse().expect("an instant"));
    while publish(&town.node.ctx).await.expect("published") == Progress::Done {}
    drop(town);

    // …by a daemon that is told to stop while it sends.
    let catcher = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a relay");
    let daemon = Daemon::start(directory.path(), catcher.local_addr());
    catcher.hold_at(50);
    catcher.wait_for(50).await;
    daemon.signal("-TERM");
    daemon.says("STOPPING=1");
    // What it has in hand it may finish.
    catcher.go_on();
    assert!(daemon.ends().success(), "{}", log(directory.path()));
    let before = catcher.count();
    assert!((50..PEOPLE).contains(&before), "{before} were sent before it stopped");
    let recorded = counts::summary(&mut store.read().await.expect("a reader")).await.expect("counted").accepted;
    assert_eq!(usize::try_from(recorded), Ok(before), "what the relay has is what was recorded");

    let daemon = Daemon::start(directory.path(), catcher.local_addr());
    catcher.wait_for(PEOPLE).await;
    daemon.signal("-TERM");
    assert!(daemon.ends().success());
    let mails = catcher.caught();
    let people: BTreeSet<&str> = mails.iter().map(|m| m.rcpt_to[0].as_str()).collect();
    assert_eq!((mails.len(), people.len()), (PEOPLE, PEOPLE), "everybody, once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_writes_is_acted_on_within_seconds() {
    let directory = tempfile::tempdir().expect("a directory");
    write_configuration(directory.path());
    let files = files();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let store = Store::open_sqlite(&directory.path().join("story.db")).await.expect("a database");
    let town = Town::found(store, &files, "http://127.0.0.1:9", crate::stories::BEGINS).await.expect("a town");
    let catcher = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a relay");
    let daemon = Daemon::start(directory.path(), catcher.local_addr());
    daemon.says("READY=1");
    // Four times: the loops look once by themselves, and the first look around finds news whatever there is, as the second.
    let plan = town.node.ctx.plan();
    let campaign = &plan.campaigns[0];
    for number in 1..=4 {
        let to = crate::stories::address(&format!("marta{number}@tecnofab-sl.com"));
        publish_test(&town.node.ctx, campaign, &campaign.newsletters[0], &to).await.expect("published");
        // The daemon looks every five seconds; left to itself it would look after ten minutes.
        let seen = tokio::time::timeout(Duration::from_mins(5), catcher.wait_for(number)).await;
        assert!(seen.is_ok(), "copy {number} was not seen: {}", log(directory.path()));
    }
    daemon.signal("-TERM");
    assert!(daemon.ends().success());
}

/// The database of the daemon in this directory, as verbs are told of it.
fn apply(directory: &Path, config: &Path) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
    command.args(["apply", "--yes"]).env("NURTURED_CONFIG", config);
    let url = format!("sqlite:{}", directory.join("story.db").display());
    command.env("NURTURED__DATABASE__URL", url).output().expect("it runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_applied_a_running_daemon_takes_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = write_configuration(directory.path());
    let catcher = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a relay");
    let daemon = Daemon::start(directory.path(), catcher.local_addr());
    daemon.says("READY=1");
    assert!(log(directory.path()).contains("another configuration than the one in force: it is applied"));

    let rules = config.join("qualification.toml");
    let text = std::fs::read_to_string(&rules).expect("read");
    std::fs::write(&rules, text.replace("\"9 months\"", "\"8 months\"")).expect("written");
    let done = apply(directory.path(), &config);
    assert!(done.status.success(), "{done:?}");
    daemon.says("RELOADING=1");
    daemon.says("READY=1");
    let told = log(directory.path());
    assert!(told.contains("configuration reloaded") && !told.contains("reload refused"), "{told}");

    // Files that the daemon has not: it says so once, and goes on with its own.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let other = write_configuration(elsewhere.path());
    let done = apply(directory.path(), &other);
    assert!(done.status.success(), "{done:?}");
    daemon.says("RELOADING=1");
    daemon.says("READY=1");
    let refused = || log(directory.path()).matches("was applied elsewhere, and the files here are").count();
    assert_eq!(refused(), 1, "{}", log(directory.path()));

    // As on SIGHUP, what is not valid changes nothing: neither here nor in the database.
    std::fs::write(&rules, text.replace("\"9 months\"", "\"soon\"")).expect("written");
    assert_eq!(apply(directory.path(), &config).status.code(), Some(78));
    daemon.signal("-HUP");
    daemon.says("RELOADING=1");
    daemon.says("READY=1");
    assert!(log(directory.path()).contains("is not a span of time"), "{}", log(directory.path()));
    assert_eq!(refused(), 1);
    daemon.signal("-TERM");
    assert!(daemon.ends().success());
}

#[tokio::test]
async fn leases_of_a_dead_process_are_expired_at_the_start_on_sqlite_only() {
    let directory = tempfile::tempdir().expect("a directory");
    let alone = crate::stories::sqlite(directory.path()).await;
    let shared = crate::stories::postgres("taken_over").await;
    for (store, freed) in [(Some(alone), 1), (shared, 0)].into_iter().filter_map(|(store, freed)| Some((store?, freed))) {
        let town = crate::stories::found(store.clone()).await;
        town.admit(&[crate::stories::somebody("ada@albareda.com")], "import").await.expect("admitted");
        town.clock.move_to(crate::stories::FIRST_ISSUE.parse().expect("an instant"));
        while publish(&town.node.ctx).await.expect("published") == Progress::Done {}
        let mut tx = store.write().await.expect("a writer");
        let until = town.now() + jiff::SignedDuration::from_mins(5);
        leases::claim(&mut tx, "dead", town.now(), until).await.expect("claimed").expect("a range is due");
        tx.commit().await.expect("committed");
        assert_eq!(assemble::take_over(&store).await.expect("taken over"), freed);
        town.run_until_idle().await.expect("settled");
        assert_eq!(town.catcher.count() as u64, freed, "where others may be, its lease must lapse first");
    }
}

#[tokio::test]
async fn leases_are_returned_after_a_failure_and_only_those_of_this_node() {
    let directory = tempfile::tempdir().expect("a directory");
    let alone = crate::stories::sqlite(directory.path()).await;
    let shared = crate::stories::postgres("left_behind").await;
    for store in [Some(alone), shared].into_iter().flatten() {
        let town = crate::stories::found(store.clone()).await;
        town.admit(&[crate::stories::somebody("ada@albareda.com")], "import").await.expect("admitted");
        town.clock.move_to(crate::stories::FIRST_ISSUE.parse().expect("an instant"));
        while publish(&town.node.ctx).await.expect("published") == Progress::Done {}
        let ctx = &town.node.ctx;
        for (node, sent) in [("another", 0), (ctx.node(), 1)] {
            let mut tx = store.write().await.expect("a writer");
            let until = town.now() + jiff::SignedDuration::from_mins(5);
            leases::claim(&mut tx, node, town.now(), until).await.expect("claimed").expect("a range is due");
            tx.commit().await.expect("committed");
            town.run_until_idle().await.expect("settled");
            assert_eq!(town.catcher.count(), 0, "nothing says that it was left behind");
            ctx.leave_behind(true);
            town.run_until_idle().await.expect("settled");
            assert_eq!(town.catcher.count(), sent, "left in the hands of {node}");
            let mut tx = store.write().await.expect("a writer");
            leases::expire_of(&mut tx, node).await.expect("it lapses");
            tx.commit().await.expect("committed");
        }
    }
}
