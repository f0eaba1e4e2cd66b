//! Visitors: who asks the daemon for pages, from where, under which name; and what they are answered.

use nurtured::town::BROWSER;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// How long an answer is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// Somebody, or some program, at an address.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    /// The address of the loopback from which they connect.
    source: Ipv4Addr,
    agent: String,
    /// Lines of the header, each with its line end.
    headers: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// 0 for none.
    pub(crate) status: u16,
    /// Header and body.
    pub(crate) text: String,
}

impl Visitor {
    /// A visitor whose address the proxy of this machine tells, which the configuration trusts.
    pub(crate) fn behind_the_proxy(address: Ipv4Addr) -> Self {
        Self::at(Ipv4Addr::LOCALHOST).with(&format!("X-Forwarded-For: {address}"))
    }

    /// A visitor who connects from this address of the loopback, where every 127.x.y.z is one.
    pub(crate) fn at(source: Ipv4Addr) -> Self {
        Self { source, agent: BROWSER.to_owned(), headers: String::new() }
    }

    /// With another user agent; an empty one is not sent.
    pub(crate) fn called(self, agent: &str) -> Self {
        Self { agent: agent.to_owned(), ..self }
    }

    /// With one more line of the header.
    pub(crate) fn with(mut self, line: &str) -> Self {
        self.headers.push_str(line);
        self.headers.push_str("\r\n");
        self
    }

    pub(crate) async fn ask(&self, method: &str, door: SocketAddr, path: &str) -> Answer {
        self.say(door, self.head(method, door, path, "").as_bytes()).await
    }

    pub(crate) async fn get(&self, door: SocketAddr, path: &str) -> Answer {
        self.ask("GET", door, path).await
    }

    /// Posts as a browser sends a form.
    pub(crate) async fn post(&self, door: SocketAddr, path: &str, body: &str) -> Answer {
        self.send(door, path, "application/x-www-form-urlencoded", body.as_bytes()).await
    }

    /// Posts as a program sends a report.
    pub(crate) async fn report(&self, door: SocketAddr, path: &str, body: &[u8]) -> Answer {
        self.send(door, path, "application/json", body).await
    }

    async fn send(&self, door: SocketAddr, path: &str, kind: &str, body: &[u8]) -> Answer {
        let more = format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        let head = self.head("POST", door, path, &more);
        self.say(door, &[head.as_bytes(), body].concat()).await
    }

    /// Sends bytes, and returns all that is answered until the daemon closes the connection.
    pub(crate) async fn say(&self, door: SocketAddr, bytes: &[u8]) -> Answer {
        let conversation = async {
            let mut stream = self.connect(door).await?;
            // It may answer and close before it has read everything.
            let _ = stream.write_all(bytes).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            io::Result::Ok(answer)
        };
        let heard = tokio::time::timeout(PATIENCE, conversation).await.ok().and_then(Result::ok).unwrap_or_default();
        let text = String::from_utf8_lossy(&heard).into_owned();
        let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        Answer { status, text }
    }

    pub(crate) async fn connect(&self, door: SocketAddr) -> io::Result<TcpStream> {
        if self.source == Ipv4Addr::LOCALHOST {
            return TcpStream::connect(door).await;
        }
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((self.source, 0)))?;
        socket.connect(door).await
    }

    fn head(&self, method: &str, door: SocketAddr, path: &str, more: &str) -> String {
        let agent = if self.agent.is_empty() { String::new() } else { format!("User-Agent: {}\r\n", self.agent) };
        format!("{method} {path} HTTP/1.1\r\nHost: {door}\r\nConnection: close\r\n{agent}{}{more}\r\n", self.headers)
    }
}

impl Answer {
    /// The value of the first hidden field of this name.
    pub(crate) fn hidden(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    }
}

/// The fields as a browser encodes them.
pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(fields).expect("texts can be encoded")
}

/// The path of a link of ours, whatever host it names.
pub(crate) fn path_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned())
}
