//! Who is slow: headers and bodies that come a byte a second, and connections that say nothing.

use crate::table::Row;
use crate::visitor::Visitor;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A header and a body may take ten seconds each; what is open after this was waited for.
const OPEN: Duration = Duration::from_secs(45);
/// How often a byte comes.
const DRIP: Duration = Duration::from_secs(1);

/// Beginnings of requests of which the rest comes byte by byte, for ever.
const DRIPPING: [&str; 4] = [
    "",
    "GET /healthz HTTP/1.1\r\nX-Slow: ",
    "POST /f/call-me HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4000\r\n\r\nemail=smuggled",
    "POST /v1/signals HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n",
];

/// So many of each; each must be closed in time.
pub(crate) async fn drip(door: SocketAddr, many: usize) -> Row {
    let mut dripping = JoinSet::new();
    for n in 0..many * DRIPPING.len() {
        dripping.spawn(async move {
            let source = Ipv4Addr::new(127, 30, u8::try_from(n / 200).unwrap_or(u8::MAX), u8::try_from(1 + n % 200).unwrap_or(1));
            let Ok(stream) = Visitor::at(source).connect(door).await else { return Some(0) };
            let (mut reading, mut writing) = stream.into_split();
            let begins = DRIPPING[n % DRIPPING.len()];
            let sending = tokio::spawn(async move {
                let mut sent = writing.write_all(begins.as_bytes()).await;
                while sent.is_ok() {
                    tokio::time::sleep(DRIP).await;
                    sent = writing.write_all(b"a").await;
                }
            });
            let mut answer = Vec::new();
            let closed = timeout(OPEN, reading.read_to_end(&mut answer)).await.is_ok();
            sending.abort();
            let status = String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
            closed.then_some(status)
        });
    }
    let mut row = Row::of("slow headers and bodies: still open");
    while let Some(ended) = dripping.join_next().await {
        if let Some(status) = ended.ok().flatten() {
            row.answered(status);
        } else {
            row.looked_at(1);
            row.through("a connection that drips was open for 45 seconds");
        }
    }
    row
}

/// Connections that say nothing, held open until they are let go.
pub(crate) struct Idle {
    held: JoinSet<()>,
    over: Arc<AtomicBool>,
}

/// How soon whoever is thrown out comes back: no faster than ports do.
const BACK: Duration = Duration::from_secs(10);

/// Opens so many, from as many addresses as there are hundreds of them; returns once each was open.
pub(crate) async fn idle(door: SocketAddr, many: usize) -> Idle {
    let (open, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut held = JoinSet::new();
    for n in 0..many {
        let (open, over) = (open.clone(), over.clone());
        held.spawn(async move {
            let visitor = Visitor::at(Ipv4Addr::new(127, 40, u8::try_from(n / 100).unwrap_or(u8::MAX), 1));
            let mut is_first = true;
            while !over.load(Ordering::Relaxed) {
                if let Ok(mut stream) = visitor.connect(door).await {
                    if std::mem::take(&mut is_first) {
                        open.fetch_add(1, Ordering::Relaxed);
                    }
                    let _ = stream.read(&mut [0; 16]).await;
                }
                tokio::time::sleep(BACK).await;
            }
        });
    }
    while open.load(Ordering::Relaxed) < many {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Idle { held, over }
}

impl Idle {
    pub(crate) async fn let_go(mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.held.shutdown().await;
    }
}
