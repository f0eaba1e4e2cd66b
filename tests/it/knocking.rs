//! A running daemon, and whoever knocks at it: slowly, in thousands, crookedly, or all at once.

use crate::daemon::{Daemon, files, log, write_configuration};
use nurtured::flow::group::publish::publish_test;
use nurtured::mail::test_server::TestServer;
use nurtured::store::engine::backend::Store;
use nurtured::store::operations::counts;
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

async fn post(to: SocketAddr, path: &str, from: &str, body: &str) -> String {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: {}\r\nX-Forwarded-For: {from}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        nurtured::town::BROWSER,
        body.len()
    );
    say(to, head.as_bytes()).await
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

/// Requests that are broken, or made to be read in two ways. `{form}` is a whole form.
const CROOKED: [&str; 32] = [
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n{chunked}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n{chunked}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n{chunked}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n{chunked}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n{chunked}",
    "POST /f/call-me HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 34\r\n\r\n{form}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nContent-Length: +34\r\n\r\n{form}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{form}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nContent-Length: 0x22\r\n\r\n{form}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{form}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{form}",
    "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 500\r\n\r\n\
     POST /f/call-me HTTP/1.1\r\nHost: x\r\nContent-Length: 34\r\n\r\n{form}",
    "POST http://evil.example/f/call-me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 34\r\n\r\n{form}",
    "HEAD /f/call-me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 34\r\n\r\n{form}",
    "OPTIONS /f/call-me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 34\r\n\r\n{form}",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "TRACE /f/call-me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "PUT /f/call-me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 34\r\n\r\n{form}",
    "post /f/call-me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 34\r\n\r\n{form}",
    "POST /f/call-me%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 34\r\n\r\n{form}",
    "POST /f/%ff%fe HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 34\r\n\r\n{form}",
    "POST /f/../f/call-me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 34\r\n\r\n{form}",
    "POST /f/call-me/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 34\r\n\r\n{form}",
    "POST /f/{long} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 34\r\n\r\n{form}",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nX-Large: {long}{long}{long}{long}{long}\r\nContent-Length: 34\r\n\r\n{form}",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\u{16}\u{3}\u{1}\u{0}\u{0}\u{0}\r\n\r\n",
    "\r\n\r\n\u{0}\u{0}\u{0} / \r\n\r\n",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_slow_large_or_crooked_changes_nothing_and_ends_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    write_configuration(directory.path());
    let catcher = relay().await;
    let daemon = Daemon::start(directory.path(), catcher.local_addr());
    daemon.says("READY=1");
    let at = daemon.listens_on();
    let form = "email=smuggled%40albareda-foods.com";
    let chunked = format!("{:x}\r\n{form}\r\n0\r\n\r\n", form.len());
    let long = "a".repeat(10_000);
    let mut asked = JoinSet::new();
    for text in CROOKED {
        let text = text.replace("Length: 34", &format!("Length: {}", form.len()));
        let text = text.replace("{form}", form).replace("{chunked}", &chunked).replace("{long}", &long);
        asked.spawn(async move { (say(at, text.as_bytes()).await, text) });
    }
    // Many lines, and lines that never end.
    let lines = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "X-Line: 1\r\n".repeat(500));
    asked.spawn(async move { (say(at, lines.as_bytes()).await, "many lines".to_owned()) });
    let header = vec![b'a'; 4 << 20];
    asked.spawn(async move { (say(at, &header).await, "four megabytes of header".to_owned()) });
    // One byte a second, for ever: a header, and a body.
    for (head, expected) in [
        ("GET /healthz HTTP/1.1\r\nX-Slow: ", ""),
        ("POST /f/call-me HTTP/1.1\r\nHost: x\r\nContent-Length: 34\r\n\r\n", "HTTP/1.1 408"),
    ] {
        asked.spawn(async move {
            let (mut reading, mut writing) = TcpStream::connect(at).await.expect("connected").into_split();
            writing.write_all(head.as_bytes()).await.expect("sent");
            let dripping = tokio::spawn(async move {
                while writing.write_all(b"a").await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
            let mut answer = Vec::new();
            let _ = timeout(EVER, reading.read_to_end(&mut answer)).await.expect("it is not waited for for ever");
            dripping.abort();
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(answer.starts_with(expected), "{answer}");
            (answer, head.to_owned())
        });
    }
    while let Some(answered) = asked.join_next().await {
        let (answer, request) = answered.expect("asked");
        let taken = answer.contains("has received");
        assert!(!taken && !answer.starts_with("HTTP/1.1 5"), "{}\n→ {answer}", &request[..request.len().min(200)]);
    }
    assert!(lives(at).await);
    let store = Store::open_sqlite(&directory.path().join("story.db")).await.expect("a database");
    let found = counts::summary(&mut store.read().await.expect("a reader")).await.expect("counted");
    assert_eq!((found.signals, found.enquiries), (0, 0), "nothing was taken");
    // The same form, sent as browsers do.
    let sent = post(at, "/f/call-me", "203.0.113.9", form).await;
    assert!(sent.starts_with("HTTP/1.1 200") && sent.contains("has received"), "{sent}");
    daemon.signal("-TERM");
    assert!(daemon.ends().success(), "{}", log(directory.path()));
}

/// The figure of issue 13 is 100 ms at the 99th of a hundred; here, built for debugging and beside other tests, it is printed,
/// and a second is what it may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_unsubscribes_is_served_at_once_while_forms_flood_in() {
    const PEOPLE: usize = 200;
    let directory = tempfile::tempdir().expect("a directory");
    write_configuration(directory.path());
    let town = company(directory.path()).await;
    let people: Vec<_> = (0..PEOPLE).map(|n| crate::stories::somebody(&format!("p{n}@albareda.com"))).collect();
    town.admit(&people, "import").await.expect("admitted");
    town.pass_to(crate::stories::FIRST_ISSUE).await.expect("sent");
    let mails = people.iter().map(|person| town.newest_to(&person.address).expect("a mail"));
    let ways_out: Vec<String> =
        mails.map(|mail| mail.unsubscribe.expect("a way out").replace("http://127.0.0.1:9", "")).collect();
    drop(town);
    let catcher = relay().await;
    let unlimited = [("NURTURED__HTTP__LIMITS__FORM", "1000000 per hour")];
    let daemon = Daemon::start_within(directory.path(), catcher.local_addr(), 1_024, &unlimited);
    daemon.says("READY=1");
    let (at, over) = (daemon.listens_on(), Arc::new(AtomicBool::new(false)));
    let (sent, taken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut flood = JoinSet::new();
    for sender in 0..64_usize {
        let (over, sent, taken) = (over.clone(), sent.clone(), taken.clone());
        flood.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let n = sent.fetch_add(1, Ordering::Relaxed);
                let from = format!("10.{}.{}.{}", sender, n / 250 % 250, n % 250);
                let body = format!("email=flood%40company{n}.com&message={}", "x".repeat(3_900));
                let answer = post(at, "/f/quote", &from, &body).await;
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                taken.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while taken.load(Ordering::Relaxed) < 200 {
        tokio::task::yield_now().await;
    }
    let mut took = Vec::new();
    for way_out in &ways_out {
        let began = tokio::time::sleep(Duration::ZERO).deadline();
        let answer = post(at, way_out, "203.0.113.9", "List-Unsubscribe=One-Click").await;
        took.push(tokio::time::sleep(Duration::ZERO).deadline() - began);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("You are unsubscribed"), "{answer}");
    }
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = flood.join_next().await {
        ended.expect("every form is taken");
    }
    took.sort_unstable();
    let (median, p99) = (took[PEOPLE / 2], took[PEOPLE * 99 / 100]);
    let forms = taken.load(Ordering::Relaxed);
    println!("unsubscribe while {forms} forms were taken: median {median:?}, p99 {p99:?}, worst {:?}", took[PEOPLE - 1]);
    assert!(p99 < Duration::from_secs(1), "p99 {p99:?}");
    daemon.signal("-TERM");
    assert!(daemon.ends().success());
}
