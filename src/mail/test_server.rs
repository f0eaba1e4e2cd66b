//! An SMTP server that keeps every mail and delivers none: for the demonstration and for tests.
//!
//! It speaks plain SMTP over a real socket: no TLS, no AUTH, no queue. It must never listen on a public port.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The longest command line, in bytes; RFC 5321 asks for 512.
const LONGEST_COMMAND: usize = 4096;
/// The longest line of a message; RFC 5321 asks for 1000.
const LONGEST_LINE: usize = 64 * 1024;
/// The largest message, in bytes.
const LARGEST: usize = 25 * 1024 * 1024;

/// A running server; dropping it closes its port and every connection.
pub struct TestServer {
    local_addr: SocketAddr,
    kept: Arc<Kept>,
    _stop: DropGuard,
}

/// A mail it accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    /// The mail's place in the order of acceptance, from 0.
    pub at: usize,
    pub mail_from: String,
    pub rcpt_to: Vec<String>,
    /// The message, without dot-stuffing, with its last line end.
    pub data: Vec<u8>,
}

#[derive(Default)]
struct Kept {
    caught: Mutex<Vec<Caught>>,
    refusals: Mutex<BTreeMap<String, (u16, String)>>,
    arrived: Notify,
    /// After how many mails it stops answering DATA.
    full_at: watch::Sender<Option<usize>>,
    clients: watch::Sender<usize>,
}

impl TestServer {
    /// Listens; port 0 takes any free one.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let local_addr = listener.local_addr()?;
        let kept = Arc::new(Kept::default());
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(accept(listener, kept.clone(), stop.clone())));
        Ok(Self { local_addr, kept, _stop: stop.drop_guard() })
    }

    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Every mail accepted so far, in order.
    pub fn caught(&self) -> Vec<Caught> {
        lock(&self.kept.caught).clone()
    }

    pub fn count(&self) -> usize {
        lock(&self.kept.caught).len()
    }

    /// Drops every mail it has accepted so far.
    pub fn empty(&self) {
        lock(&self.kept.caught).clear();
    }

    /// Returns once it has accepted this many mails.
    pub async fn wait_for(&self, count: usize) {
        loop {
            let arrived = self.kept.arrived.notified();
            tokio::pin!(arrived);
            // The task subscribes before it checks, so that it does not miss a mail between the two.
            arrived.as_mut().enable();
            if self.count() >= count {
                return;
            }
            arrived.await;
        }
    }

    /// Answers RCPT for this address, in any case, with a refusal from now on, such as `(550, "5.1.1 no such user")`.
    pub fn refuse(&self, address: &str, code: u16, text: &str) {
        lock(&self.kept.refusals).insert(address.to_lowercase(), (code, text.to_owned()));
    }

    /// Stops answering DATA once it has this many mails, until [`Self::go_on`]. A client whose DATA was already answered
    /// may still send one.
    pub fn hold_at(&self, count: usize) {
        self.kept.full_at.send_replace(Some(count));
    }

    /// Answers DATA again.
    pub fn go_on(&self) {
        self.kept.full_at.send_replace(None);
    }

    /// Returns once no client is connected: then no mail is still in transit.
    pub async fn wait_for_nobody(&self) {
        // `self` holds the sender, so it is not dropped meanwhile.
        let _ = self.kept.clients.subscribe().wait_for(|clients| *clients == 0).await;
    }

    /// Accepts mail for this address again.
    pub fn relent(&self, address: &str) {
        lock(&self.kept.refusals).remove(&address.to_lowercase());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, kept: Arc<Kept>, stop: CancellationToken) {
    loop {
        // A failure to accept (the client is gone, too many files) affects one client only.
        if let Ok((socket, _)) = listener.accept().await {
            let session = session(socket, kept.clone());
            tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
                // A broken connection ends only its own session.
                let _ = session.await;
            }));
        } else {
            tokio::task::yield_now().await;
        }
    }
}

async fn session(socket: TcpStream, kept: Arc<Kept>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let _present = Present::new(&kept);
    let (read, mut write) = socket.into_split();
    converse(BufReader::new(read), &mut write, &kept).await
}

/// A connected client, counted until it is dropped.
struct Present<'a>(&'a Kept);

impl<'a> Present<'a> {
    fn new(kept: &'a Kept) -> Self {
        kept.clients.send_modify(|clients| *clients += 1);
        Self(kept)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.clients.send_modify(|clients| *clients -= 1);
    }
}

/// The envelope being received.
#[derive(Default)]
struct Envelope {
    mail_from: Option<String>,
    rcpt_to: Vec<String>,
}

async fn converse<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    mut reader: BufReader<R>,
    writer: &mut W,
    kept: &Kept,
) -> io::Result<()> {
    let mut replies = b"220 catcher ESMTP, keeps everything and delivers nothing\r\n".to_vec();
    let mut envelope = Envelope::default();
    loop {
        // Pipelined commands are answered together.
        if reader.buffer().is_empty() {
            writer.write_all(&replies).await?;
            replies.clear();
        }
        let Some(line) = read_line(&mut reader, LONGEST_COMMAND).await? else { return Ok(()) };
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                envelope = Envelope::default();
                "250-catcher\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 26214400".to_owned()
            }
            "HELO" => {
                envelope = Envelope::default();
                "250 catcher".to_owned()
            }
            "MAIL" if envelope.mail_from.is_some() => "503 5.5.1 there is a sender already".to_owned(),
            "MAIL" => match path(rest, "FROM:") {
                Some(sender) => {
                    envelope.mail_from = Some(sender);
                    "250 2.1.0 ok".to_owned()
                }
                None => "501 5.5.4 MAIL FROM:<address>".to_owned(),
            },
            "RCPT" if envelope.mail_from.is_none() => "503 5.5.1 MAIL first".to_owned(),
            "RCPT" => recipient(rest, &mut envelope, kept),
            "DATA" if envelope.rcpt_to.is_empty() => "503 5.5.1 no valid recipients".to_owned(),
            "DATA" => {
                kept.has_room().await;
                replies.extend(b"354 end with a dot\r\n");
                writer.write_all(&replies).await?;
                replies.clear();
                let Some(data) = read_data(&mut reader).await? else { return Ok(()) };
                kept.keep(std::mem::take(&mut envelope), data)
            }
            "RSET" => {
                envelope = Envelope::default();
                "250 2.0.0 ok".to_owned()
            }
            "NOOP" => "250 2.0.0 ok".to_owned(),
            "VRFY" => "252 2.5.0 send and see".to_owned(),
            "QUIT" => {
                replies.extend(b"221 2.0.0 bye\r\n");
                return writer.write_all(&replies).await;
            }
            _ => "500 5.5.2 unknown command".to_owned(),
        };
        replies.extend(reply.as_bytes());
        replies.extend(b"\r\n");
    }
}

fn recipient(rest: &str, envelope: &mut Envelope, kept: &Kept) -> String {
    let Some(address) = path(rest, "TO:").filter(|address| !address.is_empty()) else {
        return "501 5.5.4 RCPT TO:<address>".to_owned();
    };
    if let Some((code, text)) = lock(&kept.refusals).get(&address.to_lowercase()) {
        return format!("{code} {text}");
    }
    envelope.rcpt_to.push(address);
    "250 2.1.5 ok".to_owned()
}

impl Kept {
    /// Waits until DATA may be answered.
    async fn has_room(&self) {
        let has_room = |full_at: &Option<usize>| full_at.is_none_or(|most| lock(&self.caught).len() < most);
        // `self` holds the sender, so it is not dropped meanwhile.
        let _ = self.full_at.subscribe().wait_for(has_room).await;
    }

    fn keep(&self, envelope: Envelope, data: Result<Vec<u8>, TooLarge>) -> String {
        let Ok(data) = data else { return "552 5.3.4 message too large".to_owned() };
        let mut caught = lock(&self.caught);
        let at = caught.len();
        caught.push(Caught { at, mail_from: envelope.mail_from.unwrap_or_default(), rcpt_to: envelope.rcpt_to, data });
        drop(caught);
        self.arrived.notify_waiters();
        format!("250 2.0.0 kept as {at}")
    }
}

/// The address in `FROM:<address> PARAMETERS`, without the parameters.
fn path(rest: &str, name: &str) -> Option<String> {
    let head = rest.get(..name.len()).filter(|head| head.eq_ignore_ascii_case(name))?;
    let rest = rest[head.len()..].trim_start().strip_prefix('<')?;
    let (address, _) = rest.split_once('>')?;
    (!address.contains(['<', ' '])).then(|| address.to_owned())
}

/// The message exceeds the limit; it was read to its end all the same.
struct TooLarge;

async fn read_data<R: AsyncRead + Unpin>(reader: &mut BufReader<R>) -> io::Result<Option<Result<Vec<u8>, TooLarge>>> {
    let mut data = Vec::new();
    let mut large = false;
    loop {
        let Some(line) = read_line(reader, LONGEST_LINE).await? else { return Ok(None) };
        if line == b".\r\n" {
            return Ok(Some(if large { Err(TooLarge) } else { Ok(data) }));
        }
        large |= data.len() + line.len() > LARGEST;
        if !large {
            data.extend(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
}

/// One line with its LF; `None` at the end of the connection, also in the middle of a line.
async fn read_line<R: AsyncRead + Unpin>(reader: &mut BufReader<R>, longest: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let buffer = reader.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(None);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
        let take = end.unwrap_or(buffer.len());
        line.extend(&buffer[..take]);
        reader.consume(take);
        if line.len() > longest {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
        }
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}
