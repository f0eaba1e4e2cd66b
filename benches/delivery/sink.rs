//! Counting relays on loopback, each on a thread of its own: one without delay, and one that answers late.
//!
//! They count the messages they accept and their bytes, and discard them; on request they also remember the
//! recipients. PIPELINING is announced and honoured.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// A running relay; it ends when dropped.
pub(crate) struct Sink {
    address: SocketAddr,
    counted: Arc<Counted>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The counts of what it accepted.
#[derive(Default)]
struct Counted {
    messages: AtomicU64,
    bytes: AtomicU64,
    /// The recipients, if asked for.
    recipients: Option<Mutex<HashSet<Vec<u8>>>>,
}

impl Sink {
    /// Starts a relay. Every answer leaves `delay` after its command came in.
    pub(crate) fn start(delay: Duration) -> io::Result<Self> {
        Self::counting(Counted::default(), delay)
    }

    /// Starts a relay that remembers every recipient of an accepted message.
    pub(crate) fn remembering(delay: Duration) -> io::Result<Self> {
        Self::counting(Counted { recipients: Some(Mutex::default()), ..Counted::default() }, delay)
    }

    fn counting(counted: Counted, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let counted = Arc::new(counted);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let counting = counted.clone();
        let thread = std::thread::Builder::new().name("sink".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = listen(listener, &counting, delay) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, counted, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many messages it has accepted.
    pub(crate) fn messages(&self) -> u64 {
        self.counted.messages.load(Ordering::Acquire)
    }

    /// How many different recipients they had; `None` unless it was asked to remember.
    pub(crate) fn recipients(&self) -> Option<usize> {
        let recipients = self.counted.recipients.as_ref()?;
        Some(recipients.lock().unwrap_or_else(PoisonError::into_inner).len())
    }

    /// The mean length of a message in bytes, without the final dot.
    pub(crate) fn mean_length(&self) -> Option<u64> {
        self.counted.bytes.load(Ordering::Acquire).checked_div(self.messages())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A relay that panicked is noticed anyway: its count is too low.
            let _ = thread.join();
        }
    }
}

async fn listen(listener: TcpListener, counted: &Arc<Counted>, delay: Duration) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener that does not block");
    while let Ok((stream, _)) = listener.accept().await {
        let counted = counted.clone();
        // A client that breaks off needs no answer; its messages are missing from the count.
        tokio::spawn(async move { converse(stream, &counted, delay).await });
    }
}

async fn converse(stream: TcpStream, counted: &Counted, delay: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut incoming, outgoing) = stream.into_split();
    let mut answers = Answers::over(outgoing, delay);
    answers.send(b"220 sink ESMTP\r\n".to_vec()).await?;
    let mut conversation = Conversation::default();
    let mut buffer = Vec::with_capacity(128 * 1024);
    while !conversation.over && incoming.read_buf(&mut buffer).await? > 0 {
        let mut said = Vec::new();
        let used = conversation.hear(&buffer, counted, &mut said);
        buffer.drain(..used);
        if !said.is_empty() {
            answers.send(said).await?;
        }
    }
    Ok(())
}

/// The way back to the client.
enum Answers {
    At(OwnedWriteHalf),
    /// Each set of answers leaves at its instant, however many are under way.
    Later(mpsc::UnboundedSender<(Instant, Vec<u8>)>, Duration),
}

impl Answers {
    fn over(mut outgoing: OwnedWriteHalf, delay: Duration) -> Self {
        if delay.is_zero() {
            return Self::At(outgoing);
        }
        let (sender, mut waiting) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
        tokio::spawn(async move {
            while let Some((at, said)) = waiting.recv().await {
                tokio::time::sleep_until(at).await;
                outgoing.write_all(&said).await?;
            }
            io::Result::Ok(())
        });
        Self::Later(sender, delay)
    }

    #[expect(clippy::disallowed_methods, reason = "a network is timed here, not nurtured")]
    async fn send(&mut self, said: Vec<u8>) -> io::Result<()> {
        match self {
            Self::At(outgoing) => outgoing.write_all(&said).await,
            Self::Later(sender, delay) => {
                sender.send((Instant::now() + *delay, said)).map_err(|_| io::ErrorKind::BrokenPipe.into())
            }
        }
    }
}

/// The state of a client's SMTP conversation.
#[derive(Default)]
struct Conversation {
    /// The RCPT line that named the recipient.
    recipient: Option<Vec<u8>>,
    in_message: bool,
    length: u64,
    over: bool,
}

impl Conversation {
    /// Processes what has come in, appends the answers, and returns how many bytes were consumed.
    fn hear(&mut self, heard: &[u8], counted: &Counted, said: &mut Vec<u8>) -> usize {
        let mut at = 0;
        while !self.over {
            let rest = &heard[at..];
            if self.in_message {
                // The line end before the dot may be that of DATA, so it is kept until here.
                let Some(end) = end_of_message(rest) else {
                    let done = rest.len().saturating_sub(END.len() - 1);
                    self.length += done as u64;
                    return at + done;
                };
                counted.bytes.fetch_add(self.length + end as u64, Ordering::AcqRel);
                counted.messages.fetch_add(1, Ordering::AcqRel);
                (self.in_message, self.length) = (false, 0);
                if let (Some(recipients), Some(recipient)) = (&counted.recipients, self.recipient.take()) {
                    recipients.lock().unwrap_or_else(PoisonError::into_inner).insert(recipient);
                }
                self.recipient = None;
                said.extend_from_slice(b"250 2.0.0 Ok\r\n");
                at += end + END.len();
                continue;
            }
            let Some(end) = rest.iter().position(|b| *b == b'\n') else { break };
            said.extend_from_slice(self.command(&rest[..end]));
            at += if self.in_message { end.saturating_sub(1) } else { end + 1 };
        }
        at
    }

    fn command(&mut self, line: &[u8]) -> &'static [u8] {
        match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_slice() {
            b"EHLO" => b"250-sink\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n",
            b"HELO" | b"MAIL" | b"NOOP" => b"250 2.0.0 Ok\r\n",
            b"RCPT" => {
                self.recipient = Some(line.to_ascii_lowercase());
                b"250 2.1.5 Ok\r\n"
            }
            b"RSET" => {
                self.recipient = None;
                b"250 2.0.0 Ok\r\n"
            }
            b"DATA" if self.recipient.is_some() => {
                self.in_message = true;
                b"354 Go on\r\n"
            }
            b"DATA" => b"503 5.5.1 To whom?\r\n",
            b"QUIT" => {
                self.over = true;
                b"221 2.0.0 Bye\r\n"
            }
            _ => b"502 5.5.2 Unknown\r\n",
        }
    }
}

const END: &[u8] = b"\r\n.\r\n";

/// Where the final line begins. It looks at every fifth byte of ordinary text (Horspool's algorithm): the sink must not be
/// what limits the rate.
fn end_of_message(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(window) = text.get(at..at + END.len()) {
        if window == END {
            return Some(at);
        }
        at += match window[END.len() - 1] {
            b'\r' => 1,
            b'.' => 2,
            b'\n' => 3,
            _ => END.len(),
        };
    }
    None
}
