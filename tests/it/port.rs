//! A port for a program that is about to listen on it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpSocket;

/// A port of the loopback that is taken, and on which nothing listens. While this is kept, the system gives it to no program
/// that asks for any; one that asks for this very one may listen on it, if it reuses addresses, as servers do.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    _socket: TcpSocket,
}

impl Port {
    pub(crate) fn reserve() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(Self { address: socket.local_addr()?, _socket: socket })
    }
}
