//! The socket under an SMTP connection: TCP without delay, TLS when asked for, and a count of replies.
//!
//! lettre speaks SMTP over it. The count reveals a relay that sends an unrequested reply: that would be taken for the
//! reply to another command, and a refused mail would count as sent. Two things that lettre does not read are written as it
//! reads them: a reply without words (`250` alone, RFC 5321 §4.2), and words that are not UTF-8.

use super::offers::Offers;
use super::transcript::Transcript;
use lettre::transport::smtp::client::AsyncTokioStream;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

/// A handle on the socket. lettre holds one and the connection another; the socket closes with the last.
#[derive(Clone)]
pub struct Wire(Arc<Mutex<Socket>>);

struct Socket {
    stream: Stream,
    /// Bytes lettre reads before those of the socket: the greeting, which is not repeated after STARTTLS.
    replay: Vec<u8>,
    replies: Replies,
    /// The bytes received so far, while the greeting is recorded.
    greeting: Option<Vec<u8>>,
    transcript: Option<Transcript>,
}

/// How many bytes of a greeting are recorded: more than any relay sends.
const GREETING: usize = 8 * 1024;

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Gone,
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// When the name does not resolve or the host does not answer.
    pub async fn connect(host: &str, port: u16, transcript: Option<Transcript>) -> io::Result<Self> {
        let tcp = TcpStream::connect((host, port)).await?;
        // Replies are awaited one by one: Nagle's delay would cost 40 ms each.
        tcp.set_nodelay(true)?;
        let (replay, replies, greeting) = (Vec::new(), Replies::default(), Some(Vec::new()));
        Ok(Self(Arc::new(Mutex::new(Socket { stream: Stream::Plain(tcp), replay, replies, greeting, transcript }))))
    }

    /// Puts TLS over the socket. The next reader sees `replay` first.
    ///
    /// # Errors
    /// When the relay's certificate is not trusted or the handshake fails; the socket is closed then.
    pub async fn protect(&self, connector: &TlsConnector, name: ServerName<'static>, replay: &[u8]) -> io::Result<()> {
        let stream = std::mem::replace(&mut self.socket().stream, Stream::Gone);
        let Stream::Plain(tcp) = stream else { return Err(io::ErrorKind::NotConnected.into()) };
        let protected = connector.connect(name, tcp).await?;
        let mut socket = self.socket();
        socket.stream = Stream::Tls(Box::new(protected));
        socket.replay = replay.to_vec();
        socket.replies = Replies::default();
        // Extensions offered in clear may come from an attacker.
        socket.greeting = Some(Vec::new());
        Ok(())
    }

    /// How many replies have arrived; `None` in the middle of one.
    pub fn replies(&self) -> Option<u64> {
        self.socket().replies.whole()
    }

    /// What the relay offers. Ends the record of its greeting.
    pub fn offers(&self) -> Offers {
        Offers::read(&self.socket().greeting.take().unwrap_or_default())
    }

    /// Whether the relay has begun with TLS, of which a record has a type (20 to 23) and a version (3.x).
    pub fn hears_tls(&self) -> bool {
        matches!(self.socket().greeting.as_deref(), Some([20..=23, 3, ..]))
    }

    /// Whether the relay has said nothing at all.
    pub fn hears_nothing(&self) -> bool {
        self.socket().greeting.as_ref().is_some_and(Vec::is_empty)
    }

    /// The version of TLS, where the socket is protected.
    pub fn protection(&self) -> Option<String> {
        match &self.socket().stream {
            Stream::Tls(tls) => tls.get_ref().1.protocol_version().map(|v| format!("{v:?}").replacen("v1_", " 1.", 1)),
            Stream::Plain(_) | Stream::Gone => None,
        }
    }

    /// The record of what is said, if somebody wants to read it.
    pub fn transcript(&self) -> Option<Transcript> {
        self.socket().transcript.clone()
    }

    /// Records what is sent, if somebody wants to read it.
    pub fn sent(&self, lines: &str) {
        if let Some(transcript) = &self.socket().transcript {
            transcript.sent(lines);
        }
    }

    /// Records something else, if somebody wants to read it.
    pub fn note(&self, words: &str) {
        if let Some(transcript) = &self.socket().transcript {
            transcript.note(words);
        }
    }

    /// Covers these in what is recorded of the relay's words.
    pub fn hide(&self, secrets: &[String]) {
        if let Some(transcript) = &self.socket().transcript {
            transcript.hide(secrets);
        }
    }

    fn socket(&self) -> MutexGuard<'_, Socket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.socket().stream {
            Stream::Plain(tcp) => tcp.peer_addr(),
            Stream::Tls(tls) => tls.get_ref().0.peer_addr(),
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut socket = self.socket();
        let socket = &mut *socket;
        let before = buffer.filled().len();
        if socket.replay.is_empty() {
            let read = match &mut socket.stream {
                Stream::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
                Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_read(context, buffer),
                Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            };
            std::task::ready!(read)?;
            if let Some(transcript) = &socket.transcript {
                transcript.said(&buffer.filled()[before..]);
            }
            if let Some(legible) = legible(&socket.replies, &buffer.filled()[before..]) {
                buffer.set_filled(before);
                let (fits, rest) = legible.split_at(legible.len().min(buffer.remaining()));
                buffer.put_slice(fits);
                socket.replay = rest.to_vec();
            }
        } else {
            let take = socket.replay.len().min(buffer.remaining());
            let replay: Vec<u8> = socket.replay.drain(..take).collect();
            buffer.put_slice(&replay);
        }
        let heard = &buffer.filled()[before..];
        socket.replies.count(heard);
        if let Some(greeting) = &mut socket.greeting {
            greeting.extend_from_slice(&heard[..heard.len().min(GREETING - greeting.len())]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let socket = &mut *self.socket();
        // lettre greets by itself, once it has read the relay's greeting.
        if let Some(transcript) = socket.transcript.as_ref().filter(|_| bytes.starts_with(b"EHLO ")) {
            transcript.sent(&String::from_utf8_lossy(bytes));
        }
        match &mut socket.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_write(context, bytes),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket().stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(context),
            Stream::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket().stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Stream::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(context),
            Stream::Gone => Poll::Ready(Ok(())),
        }
    }
}

/// What lettre would not read of these bytes, written as it does; `None`, as a rule, where it reads them. `replies` says where
/// in a line they begin.
fn legible(replies: &Replies, bytes: &[u8]) -> Option<Vec<u8>> {
    // A character may be cut at the end of what has arrived.
    let is_utf8 = str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true);
    if is_utf8 && !replies.is_bare(bytes) {
        return None;
    }
    // Bytes that are not UTF-8 are read as Latin-1.
    let text = str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned);
    let (mut legible, mut column) = (String::with_capacity(text.len() + 8), replies.column);
    for c in text.chars() {
        if column == 3 && (c == '\r' || c == '\n') {
            legible.push(' ');
            column += 1;
        }
        column = if c == '\n' { 0 } else { column + 1 };
        legible.push(c);
    }
    Some(legible.into_bytes())
}

/// Counts replies in a stream of bytes: a reply ends with a line whose fourth byte is not `-` (RFC 5321 §4.2.1).
#[derive(Default)]
struct Replies {
    ended: u64,
    column: usize,
    continues: bool,
}

impl Replies {
    fn count(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.ended += u64::from(!self.continues);
                self.column = 0;
            } else {
                if self.column == 3 {
                    self.continues = *byte == b'-';
                }
                self.column += 1;
            }
        }
    }

    /// Whether a line of these ends behind its code.
    fn is_bare(&self, bytes: &[u8]) -> bool {
        let mut column = self.column;
        bytes.iter().any(|byte| {
            let ends = matches!(byte, b'\r' | b'\n') && column == 3;
            column = if *byte == b'\n' { 0 } else { column + 1 };
            ends
        })
    }

    fn whole(&self) -> Option<u64> {
        (self.column == 0 && !self.continues).then_some(self.ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_however_they_arrive() {
        let text = b"220 hello\r\n250-one\r\n250-two\r\n250 three\r\n354\r\n550 5.1.1 no\r\n";
        for piece in [1, 2, 7, 100] {
            let mut replies = Replies::default();
            text.chunks(piece).for_each(|bytes| replies.count(bytes));
            assert_eq!(replies.whole(), Some(4), "by {piece}");
        }
        let mut replies = Replies::default();
        replies.count(b"250-one\r\n");
        assert_eq!(replies.whole(), None);
        replies.count(b"250 two\r\n25");
        assert_eq!(replies.whole(), None);
    }

    #[test]
    fn what_lettre_cannot_read_is_written_as_it_can() {
        let at = |column| Replies { column, ..Replies::default() };
        for (column, heard, legible) in [
            (0, &b"250 ok\r\n"[..], None),
            (0, b"250\r\n", Some("250 \r\n")),
            (0, b"334\r\n235 ok\r\n", Some("334 \r\n235 ok\r\n")),
            (2, b"0\r\n", Some("0 \r\n")),
            (3, b"\r\n", Some(" \r\n")),
            (4, b"\r\n", None),
            (0, b"550 Empf\xe4nger unbekannt\r\n", Some("550 Empfänger unbekannt\r\n")),
            (0, "550 Empfänger".as_bytes(), None),
            (0, b"550 Empf\xc3", None),
            (4, b"\xa4nger\r\n", Some("¤nger\r\n")),
        ] {
            assert_eq!(super::legible(&at(column), heard).as_deref(), legible.map(str::as_bytes), "{heard:?}");
        }
    }
}
