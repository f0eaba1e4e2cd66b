//! The web server: HTTP/1.1 over a bounded number of connections, none of which may be slow.

use super::connections::{Connection, Connections};
use crate::flow::context::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// How long a header may take, and how long a connection may be idle between two requests.
const HEADER: Duration = Duration::from_secs(10);
/// How many bytes a header may have, and how many are read ahead of a body that nobody has asked for yet.
const BUFFER: usize = 16 << 10;
/// How many lines a header may have.
const LINES: usize = 64;
/// How long to wait after a connection could not be accepted, so that the reason may pass.
const PAUSE: Duration = Duration::from_millis(100);
/// How long those that are being answered may take once the service stops.
const FAREWELL: Duration = Duration::from_secs(20);

/// Serves until the context is told to stop; requests in progress are finished.
///
/// # Errors
/// When nothing more can be accepted.
pub async fn serve(listener: TcpListener, app: Router, most: usize, ctx: Context) -> io::Result<()> {
    let (connections, tracker) = (Connections::new(most), TaskTracker::new());
    while !ctx.is_stopping() {
        let next = async {
            let place = connections.place().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = ctx.stopping() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // The visitor left before it was their turn.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => continue,
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let proxies = ctx.plan().settings.http.door.trusted_proxies.clone();
        if let Some(connection) = place.and_then(|place| connections.open(peer.ip(), &proxies, place)) {
            tracker.spawn(converse(stream, app.clone(), peer, connection, ctx.clone()));
        }
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(FAREWELL, tracker.wait()).await.is_err() {
        tracing::warn!(connections = connections.count(), "visitors were not answered in time");
    }
    Ok(())
}

/// Answers the requests of one connection, until it ends or is closed for another one's sake.
async fn converse(stream: TcpStream, app: Router, peer: SocketAddr, connection: Connection, ctx: Context) {
    // Pages are written at once: nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let doing = connection.doing.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(doing.clone());
        app.clone().oneshot(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER).max_buf_size(BUFFER).max_headers(LINES);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut is_leaving = false;
    loop {
        tokio::select! {
            // What a visitor sends wrong, or breaks off, is theirs.
            _ = served.as_mut() => return,
            () = connection.closed() => return,
            () = ctx.stopping(), if !is_leaving => {
                is_leaving = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}
