//! A TCP proxy between the daemon and its relay, on which the network fails: after so many bytes in one direction the
//! first connection is cut, reset, half closed, or swallowed. Those after it pass as they are.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// In which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Towards {
    Relay,
    Daemon,
}

/// What happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Both directions end.
    Close,
    /// Both sides are told that the connection is broken.
    Reset,
    /// This direction ends; the other stays open.
    HalfClose,
    /// Nothing more gets through, and nobody is told.
    BlackHole,
    /// Everything gets through, so many milliseconds later each time.
    Delay(u64),
}

/// A fault of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) towards: Towards,
    /// After how many bytes.
    pub(crate) after: usize,
    pub(crate) then: Then,
}

/// Starts a proxy to this relay; its first connection breaks. Returns where it listens.
pub(crate) async fn start(relay: SocketAddr, broken: Broken) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let connections = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((daemon, _)) = listener.accept().await {
            let is_first = connections.fetch_add(1, Ordering::Relaxed) == 0;
            // A connection that breaks is what this is about.
            tokio::spawn(async move { drop(carry(daemon, relay, is_first.then_some(broken)).await) });
        }
    });
    Ok(address)
}

async fn carry(daemon: TcpStream, relay: SocketAddr, broken: Option<Broken>) -> io::Result<()> {
    let relay = TcpStream::connect(relay).await?;
    daemon.set_nodelay(true)?;
    relay.set_nodelay(true)?;
    let of = |towards| broken.filter(|broken| broken.towards == towards);
    let (to_relay, to_daemon) = (of(Towards::Relay), of(Towards::Daemon));
    let is_reset = broken.is_some_and(|broken| broken.then == Then::Reset);
    if is_reset {
        daemon.set_zero_linger()?;
        relay.set_zero_linger()?;
    }
    let ((from_daemon, into_daemon), (from_relay, into_relay)) = (daemon.into_split(), relay.into_split());
    // Whichever direction ends the connection ends it for both, by dropping all four halves.
    tokio::select! {
        ended = pump(from_daemon, into_relay, to_relay) => ended,
        ended = pump(from_relay, into_daemon, to_daemon) => ended,
    }
}

/// Carries one direction; returns when both are to end.
async fn pump(mut from: OwnedReadHalf, mut into: OwnedWriteHalf, broken: Option<Broken>) -> io::Result<()> {
    let mut left = broken.map_or(usize::MAX, |broken| broken.after);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        if let Some(Broken { then: Then::Delay(pause), .. }) = broken {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            into.write_all(&buffer[..length]).await?;
            continue;
        }
        into.write_all(&buffer[..length.min(left)]).await?;
        left -= length.min(left);
        if left > 0 {
            continue;
        }
        match broken.map(|broken| broken.then) {
            Some(then @ (Then::HalfClose | Then::BlackHole)) => {
                if then == Then::HalfClose {
                    into.shutdown().await?;
                }
                // What still comes is swallowed, until whoever sends it has had enough.
                while from.read(&mut buffer).await? > 0 {}
                return Ok(());
            }
            _ => return Ok(()),
        }
    }
}
