//! One SMTP session with the relay: mail after mail, one recipient each, and the exact outcome of each try.
//!
//! If the relay announces PIPELINING (RFC 2920), the commands of the next mail follow the final dot of this one in the
//! same write: one round trip per mail. They announce a mail that must follow; if it does not, the socket is closed. A
//! mail that was announced and not sent counts as never begun.

use super::answer::{Ended, Trouble, number, refused, said, trouble};
use super::null_relay::{Captured, NullRelay};
use super::offers::Offers;
use super::wire::Wire;
use crate::domain::address::Address;
use crate::domain::group::delivery::Reply;
use crate::domain::group::refusal::{Phase, Refusal};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::response::Response;
use memchr::memmem;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// How long each phase may take (RFC 5321 §4.5.3.2 gives the least a client should wait).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// The greeting, EHLO, STARTTLS and AUTH together.
    pub greeting: Duration,
    pub command: Duration,
    /// DATA, until 354.
    pub data: Duration,
    pub block: Duration,
    /// The reply to the final dot.
    pub dot: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            command: minutes(5),
            data: minutes(2),
            block: minutes(3),
            dot: minutes(10),
        }
    }
}

impl Timeouts {
    /// The same timeouts, each capped at this duration.
    #[must_use]
    pub fn at_most(self, most: Duration) -> Self {
        Self {
            connect: self.connect.min(most),
            greeting: self.greeting.min(most),
            command: self.command.min(most),
            data: self.data.min(most),
            block: self.block.min(most),
            dot: self.dot.min(most),
        }
    }
}

/// The envelope of a mail, sent before its message.
#[derive(Debug, Clone, Copy)]
pub struct Announcement<'a> {
    /// The return path, to which bounces go; may be empty.
    pub return_path: &'a str,
    pub to: &'a Address,
    /// Whether the message has bytes beyond ASCII.
    pub eight_bit: bool,
}

impl<'a> Announcement<'a> {
    /// The domain of the return path; empty where the recipient's is the same, because its name then says nothing.
    fn our_domain(&self) -> &'a str {
        let domain = self.return_path.rsplit_once('@').map_or("", |(_, domain)| domain);
        if domain.eq_ignore_ascii_case(self.to.domain()) { "" } else { domain }
    }
}

/// One mail.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    announcement: Announcement<'a>,
    message: &'a [u8],
}

impl<'a> Mail<'a> {
    /// A mail from its parts; the message is complete, with CRLF lines.
    pub const fn new(return_path: &'a str, to: &'a Address, message: &'a [u8]) -> Self {
        Self { announcement: Announcement { return_path, to, eight_bit: !message.is_ascii() }, message }
    }

    /// The mail with this envelope, announced before or not; the message is complete, with CRLF lines.
    pub const fn announced(announcement: Announcement<'a>, message: &'a [u8]) -> Self {
        Self { announcement, message }
    }
}

/// A connection to the relay. Any error closes it, and it is never used again.
pub struct Connection {
    open: Option<Open>,
    patience: Timeouts,
    /// The null relay that takes the mails instead.
    captured: Option<NullRelay>,
}

struct Open {
    smtp: AsyncSmtpConnection,
    wire: Wire,
    /// How many replies were read.
    replies: u64,
    /// Whether the relay announced PIPELINING.
    pipelining: bool,
    /// Whether it takes messages with bytes beyond ASCII (8BITMIME).
    eight_bit: bool,
    /// The commands of the next mail, once they are sent.
    announced: Option<String>,
    /// The outcome of those commands, if their replies had to be read early.
    opened: Option<Result<(), Ended>>,
    /// The buffer of the next write.
    out: Vec<u8>,
}

impl Connection {
    /// A connection that was just greeted, after this many replies, to a relay that offers this.
    pub fn over(smtp: AsyncSmtpConnection, wire: Wire, replies: u64, offers: &Offers, patience: Timeouts) -> Self {
        let (pipelining, eight_bit) = (offers.has("PIPELINING"), offers.has("8BITMIME"));
        let open = Open { smtp, wire, replies, pipelining, eight_bit, announced: None, opened: None, out: Vec::new() };
        Self { open: Some(open), patience, captured: None }
    }

    /// A connection without a relay: the null relay captures every mail.
    pub fn captured(by: NullRelay) -> Self {
        Self { open: None, patience: Timeouts::default(), captured: Some(by) }
    }

    /// Whether another mail may be sent over this connection.
    pub const fn is_usable(&self) -> bool {
        self.open.is_some() || self.captured.is_some()
    }

    /// Whether the messages are read: a null relay takes only the envelope, so its mails need no message.
    pub const fn reads_messages(&self) -> bool {
        self.captured.is_none()
    }

    /// Whether the relay accepts the commands of several mails at once.
    pub const fn is_pipelining(&self) -> bool {
        matches!(&self.open, Some(open) if open.pipelining)
    }

    /// Sends one mail, and announces the next one if the relay allows it. An announced mail must be sent next; any other
    /// closes the connection.
    ///
    /// Dropping the future closes the socket; the caller must then assume that the mail may have been sent.
    pub async fn send(&mut self, mail: &Mail<'_>, next: Option<&Announcement<'_>>) -> Reply {
        if let Some(capture) = &self.captured {
            let Announcement { return_path, to, .. } = mail.announcement;
            return capture.take(Captured { return_path, to });
        }
        // Taken out for the whole exchange: an error, a timeout or a cancelled caller drops it, which closes the socket.
        let Some(mut open) = self.open.take() else {
            return Reply::BrokenBefore("the connection was closed before".to_owned());
        };
        match open.transact(mail, next, &self.patience).await {
            Ended::Broken(reply) => reply,
            Ended::Clean(reply) => {
                self.open = Some(open);
                reply
            }
            Ended::Reset(reply) => {
                if matches!(open.command("RSET\r\n", self.patience.command).await, Ok(code) if code == 250) {
                    self.open = Some(open);
                }
                reply
            }
        }
    }

    pub async fn quit(self) {
        if let Some(mut open) = self.open.filter(|open| open.announced.is_none()) {
            open.wire.sent("QUIT");
            // The reply to QUIT changes nothing.
            let _ = timeout(self.patience.connect, open.smtp.command("QUIT\r\n")).await;
        }
    }
}

/// The commands that open a mail, in their order, and the replies expected.
const OPENING: [(Phase, std::ops::RangeInclusive<u16>); 3] =
    [(Phase::Sender, 250..=250), (Phase::Recipient, 250..=252), (Phase::Data, 354..=354)];

impl Open {
    async fn transact(&mut self, mail: &Mail<'_>, next: Option<&Announcement<'_>>, patience: &Timeouts) -> Ended {
        let announced = self.announced.take();
        let commands = match self.commands(&mail.announcement) {
            Ok(commands) => commands,
            Err(why) if announced.is_none() => return Ended::Clean(Reply::Refused(Refusal::ours(why))),
            Err(why) => return Ended::Broken(Reply::Refused(Refusal::ours(why))),
        };
        let domain = mail.announcement.our_domain();
        let asked = match announced {
            Some(announced) if announced != commands => {
                return Ended::Broken(Reply::BrokenBefore("another mail was announced".to_owned()));
            }
            None if self.pipelining => self.ask(commands.as_bytes(), patience.command).await,
            Some(_) | None => Ok(()),
        };
        if let Err(words) = asked {
            return Ended::Broken(Reply::BrokenBefore(words));
        }
        let opened = match self.opened.take() {
            Some(opened) => opened,
            None if self.pipelining => self.opened(patience, domain).await,
            None => self.open_stepwise(&commands, patience, domain).await,
        };
        if let Err(ended) = opened {
            return ended;
        }
        failpoint!("relay.before_message");
        // After a 354 only the message may follow; a relay that has already replied to it cannot be trusted.
        if self.wire.replies() != Some(self.replies) {
            return Ended::Broken(Reply::BrokenBefore("the relay answered before it was asked".to_owned()));
        }
        let announce = next.filter(|_| self.pipelining).and_then(|next| self.commands(next).ok());
        self.message(mail.message, announce, patience, domain).await
    }

    /// The commands that open a mail.
    fn commands(&self, mail: &Announcement<'_>) -> Result<String, &'static str> {
        if mail.return_path.contains(|c: char| c.is_ascii_control() || "<> ".contains(c)) {
            return Err("the return path cannot stand in a command");
        }
        if mail.eight_bit && !self.eight_bit {
            return Err("the relay does not take 8-bit messages");
        }
        let body = if mail.eight_bit { " BODY=8BITMIME" } else { "" };
        Ok(format!("MAIL FROM:<{}>{body}\r\nRCPT TO:<{}>\r\nDATA\r\n", mail.return_path, mail.to))
    }

    /// Reads the replies to commands that were written together. All are read, because an unread reply would be taken for
    /// the next mail's. A 354 after a refusal costs the connection, because the relay would take any further command for a
    /// message.
    async fn opened(&mut self, patience: &Timeouts, domain: &str) -> Result<(), Ended> {
        let mut refusal: Option<Reply> = None;
        for (phase, hoped) in OPENING {
            let answer = self.reply(if phase == Phase::Data { patience.data } else { patience.command }).await;
            match (answer, refusal.take()) {
                (Ok(code), None) if hoped.contains(&code) => {
                    if phase == Phase::Sender {
                        failpoint!("relay.after_sender");
                    }
                }
                (Ok(_), Some(first)) if phase == Phase::Data => return Err(Ended::Broken(first)),
                (Ok(_), Some(first)) => refusal = Some(first),
                (answer, first) => match (refused(answer, phase, domain), first) {
                    (Ended::Broken(reply), first) => return Err(Ended::Broken(first.unwrap_or(reply))),
                    (Ended::Clean(reply) | Ended::Reset(reply), first) => refusal = Some(first.unwrap_or(reply)),
                },
            }
        }
        refusal.map_or(Ok(()), |reply| Err(Ended::Reset(reply)))
    }

    /// Sends one command after the reply to the other, for a relay without PIPELINING.
    async fn open_stepwise(&mut self, commands: &str, patience: &Timeouts, domain: &str) -> Result<(), Ended> {
        for (command, (phase, hoped)) in commands.split_inclusive('\n').zip(OPENING) {
            match self.command(command, if phase == Phase::Data { patience.data } else { patience.command }).await {
                Ok(code) if hoped.contains(&code) => {
                    if phase == Phase::Sender {
                        failpoint!("relay.after_sender");
                    }
                }
                other => return Err(refused(other, phase, domain)),
            }
        }
        Ok(())
    }

    /// Writes the message, its dot, and after it the commands that announce the next mail.
    async fn message(&mut self, message: &[u8], announce: Option<String>, patience: &Timeouts, domain: &str) -> Ended {
        self.out.clear();
        stuffed(message, &mut self.out);
        let dot = self.out.len();
        self.out.extend_from_slice(announce.as_deref().unwrap_or_default().as_bytes());
        let (written, trouble) = write(&mut self.wire, &self.out, patience.block).await;
        if written < dot {
            // The dot was never written, so the relay does not have the message.
            return Ended::Broken(Reply::BrokenBefore(trouble.unwrap_or_default()));
        }
        failpoint!("relay.after_dot");
        if let Some(transcript) = self.wire.transcript() {
            transcript.sent(&format!("(the message, {} bytes)\n.\n{}", message.len(), announce.as_deref().unwrap_or_default()));
        }
        let ended = match self.response(patience.dot).await.map(|response| (number(&response), response.message().count())) {
            Ok((250, lines)) if lines > 1 && announce.is_some() => self.accepted_in_many_lines(patience, domain).await,
            Ok((250, _)) => Ended::Clean(Reply::Accepted),
            Ok((code, _)) => Ended::Broken(Reply::BrokenAfter(format!("the relay answered the message with {code}"))),
            Err(Trouble::Broke(words)) => Ended::Broken(Reply::BrokenAfter(words)),
            // The transaction ends with the reply to the dot, whatever it says (RFC 5321 §4.1.1.4), so no RSET is needed.
            Err(Trouble::Said(code, words)) => match said(code, words, Phase::Message, domain) {
                Ended::Reset(reply) => Ended::Clean(reply),
                other => other,
            },
        };
        match (ended, trouble) {
            (Ended::Clean(reply), Some(_)) => Ended::Broken(reply),
            (ended, _) => {
                self.announced = announce;
                ended
            }
        }
    }

    async fn command(&mut self, command: &str, limit: Duration) -> Result<u16, Trouble> {
        self.ask(command.as_bytes(), limit).await.map_err(Trouble::Broke)?;
        self.reply(limit).await
    }

    /// Writes commands, if every earlier reply was read.
    async fn ask(&mut self, commands: &[u8], limit: Duration) -> Result<(), String> {
        if self.wire.replies() != Some(self.replies) {
            return Err("the relay said more than it was asked".to_owned());
        }
        self.wire.sent(&String::from_utf8_lossy(commands));
        write(&mut self.wire, commands, limit).await.1.map_or(Ok(()), Err)
    }

    /// A relay that never ends its own multi-line reply to the dot has it ended by the reply to the next command, and
    /// lettre would count that as accepted. The mail counts as accepted only once the replies to all later commands are as
    /// expected.
    async fn accepted_in_many_lines(&mut self, patience: &Timeouts, domain: &str) -> Ended {
        match self.opened(patience, domain).await {
            Err(Ended::Broken(_)) => Ended::Broken(Reply::BrokenAfter("the relay did not end its reply".to_owned())),
            opened => {
                self.opened = Some(opened);
                Ended::Clean(Reply::Accepted)
            }
        }
    }

    async fn reply(&mut self, limit: Duration) -> Result<u16, Trouble> {
        self.response(limit).await.map(|response| number(&response))
    }

    async fn response(&mut self, limit: Duration) -> Result<Response, Trouble> {
        let answer = timeout(limit, self.smtp.read_response()).await;
        self.replies += 1;
        match answer {
            Ok(answer) => answer.map_err(|error| trouble(&error)),
            Err(_) => Err(Trouble::Broke("no answer in time".to_owned())),
        }
    }
}

/// Appends the message as it is sent: a line that begins with a dot gets another one, and a line of a single dot ends the
/// message (RFC 5321 §4.5.2).
fn stuffed(message: &[u8], out: &mut Vec<u8>) {
    let message = message.strip_suffix(b"\r\n").unwrap_or(message);
    if message.first() == Some(&b'.') {
        out.push(b'.');
    }
    let mut from = 0;
    for at in memmem::find_iter(message, b"\n.") {
        out.extend_from_slice(&message[from..=at]);
        out.push(b'.');
        from = at + 1;
    }
    out.extend_from_slice(&message[from..]);
    out.extend_from_slice(b"\r\n.\r\n");
}

/// Writes; each piece the socket takes may last as long as the limit. Returns how many bytes it took, and the error that
/// ended it early.
async fn write(wire: &mut Wire, bytes: &[u8], limit: Duration) -> (usize, Option<String>) {
    let mut written = 0;
    while written < bytes.len() {
        match timeout(limit, wire.write(&bytes[written..])).await {
            Ok(Ok(0)) => return (written, Some("the relay closed the connection".to_owned())),
            Ok(Ok(more)) => written += more,
            Ok(Err(error)) => return (written, Some(error.to_string())),
            Err(_) => return (written, Some("the relay takes nothing more".to_owned())),
        }
    }
    // Flushes what TLS has buffered.
    match timeout(limit, wire.flush()).await {
        Ok(Ok(())) => (written, None),
        Ok(Err(error)) => (written, Some(error.to_string())),
        Err(_) => (written, Some("the relay takes nothing more".to_owned())),
    }
}
