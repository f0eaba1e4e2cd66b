//! The client: so many connections, each asking for the next link when the last is answered. It reads no more than it must.

use crate::stopwatch::Stopwatch;
use anyhow::{Result, ensure};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const AGENT: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// What one round took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub a_second: f64,
    /// Milliseconds.
    pub p99: f64,
}

/// Follows so many links, each as a visitor of its own.
pub(crate) async fn follow(to: SocketAddr, links: &[String], clicks: usize, connections: usize, round: usize) -> Result<Round> {
    let (next, links): (_, Arc<[String]>) = (Arc::new(AtomicUsize::new(0)), links.into());
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let began = Stopwatch::start();
    let asking: Vec<_> =
        streams.into_iter().map(|stream| tokio::spawn(ask(stream, links.clone(), next.clone(), clicks, round))).collect();
    let mut took = Vec::with_capacity(clicks);
    for one in asking {
        took.extend(one.await??);
    }
    let seconds = began.read().as_secs_f64();
    ensure!(took.len() == clicks, "{} of {clicks} were answered", took.len());
    took.sort_unstable();
    let p99 = took[(clicks - 1) * 99 / 100].as_secs_f64() * 1_000.0;
    let count = f64::from(u32::try_from(clicks)?);
    Ok(Round { a_second: count / seconds, p99 })
}

async fn ask(
    mut stream: TcpStream,
    links: Arc<[String]>,
    next: Arc<AtomicUsize>,
    clicks: usize,
    round: usize,
) -> Result<Vec<Duration>> {
    let (mut took, mut answer) = (Vec::new(), vec![0; 16 << 10]);
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= clicks {
            return Ok(took);
        }
        let visitor = round * clicks + n;
        let link = &links[visitor % links.len()];
        let (a, b, c) = (visitor >> 16 & 0xff, visitor >> 8 & 0xff, visitor & 0xff);
        let request = format!(
            "GET {link} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {AGENT}\r\nX-Forwarded-For: 11.{a}.{b}.{c}\r\nAccept: text/html\r\n\r\n"
        );
        let asked = Stopwatch::start();
        stream.write_all(request.as_bytes()).await?;
        let mut length = 0;
        // A redirect has no body: it ends with its header.
        while !answer[..length].ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut answer[length..]).await?;
            ensure!(read > 0, "the connection was closed");
            length += read;
        }
        took.push(asked.read());
        ensure!(answer.starts_with(b"HTTP/1.1 302"), "{}", String::from_utf8_lossy(&answer[..length]));
    }
}
