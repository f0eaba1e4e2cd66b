//! A running daemon and five thousand who connect and say nothing. The rest of what strangers do to it is `tests/attack`.

use crate::daemon::{Daemon, files, log, write_configuration};
use nurtured::flow::group::publish::publish_test;
use nurtured::mail::test_server::TestServer;
use nurtured::store::engine::backend::Store;
use nurtured::town::Town;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What does not come in this time does not come.
const EVER: Duration = Duration::from_mins(2);

async fn relay() -> TestServer {
    TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a relay")
}

/// The company in the database of the daemon to come.
async fn company(directory: &Path) -> Town {
    let files = files();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let store = Store::open_sqlite(&directory.join("story.db")).await.expect("a database");
    Town::found(store, &files, "http://127.0.0.1:9", crate::stories::BEGINS).await.expect("a town")
}

/// Sends bytes and returns all that is answered, until the daemon closes the connection.
async fn say(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).await.expect("connected");
    // It may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = timeout(EVER, stream.read_to_end(&mut answer)).await.expect("it closes the connection in the end");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn lives(at: SocketAddr) -> bool {
    say(at, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.ends_with("ok\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_idle_connections_keep_no_mail_from_leaving() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    // As many as this process may have beside the other tests; and more than the daemon may in any case.
    let idle_connections = 5_000.min(most / 2);
    if idle_connections < 5_000 {
        eprintln!("this process may open {most} files only: {idle_connections} connections instead of 5,000");
    }
    assert!(idle_connections > 1_100, "fewer than the daemon may have: raise the limit of open files (ulimit -Hn)");
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).expect("the limit is raised");
    let directory = tempfile::tempdir().expect("a directory");
    write_configuration(directory.path());
    let town = company(directory.path()).await;
    let catcher = relay().await;
    let daemon = Daemon::start_within(directory.path(), catcher.local_addr(), 1_024, &[]);
    daemon.says("READY=1");
    let at = daemon.listens_on();
    let (open, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut idle = JoinSet::new();
    for _ in 0..idle_connections {
        let (open, over) = (open.clone(), over.clone());
        idle.spawn(async move {
            // Whoever is thrown out comes back, as soon as five thousand of one machine can have another port each.
            while !over.load(Ordering::Relaxed) {
                if let Ok(mut stream) = TcpStream::connect(at).await {
                    open.fetch_add(1, Ordering::Relaxed);
                    let _ = stream.read(&mut [0; 16]).await;
                }
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        });
    }
    while open.load(Ordering::Relaxed) < idle_connections {
        tokio::task::yield_now().await;
    }
    let plan = town.node.ctx.plan();
    let campaign = &plan.campaigns[0];
    for number in 1..=20 {
        let to = crate::stories::address(&format!("marta{number}@tecnofab-sl.com"));
        publish_test(&town.node.ctx, campaign, &campaign.newsletters[0], &to).await.expect("published");
        let seen = timeout(EVER, catcher.wait_for(number)).await;
        assert!(seen.is_ok(), "mail {number} did not leave: {}", log(directory.path()));
        assert!(daemon.open_files() < 1_024 - 50, "{} files are open", daemon.open_files());
    }
    // And a visitor who says something is answered.
    assert!(lives(at).await);
    over.store(true, Ordering::Relaxed);
    idle.shutdown().await;
    let told = log(directory.path());
    assert!(!told.contains("Too many open files") && !told.contains("could not be accepted"), "{told}");
    daemon.signal("-TERM");
    assert!(daemon.ends().success());
}
