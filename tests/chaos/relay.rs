//! The scripted relay: it journals every mail it accepts, on the disk, before it answers 250. Its journal is the truth.
//!
//! Some recipients are refused, some at first only, as the seed says. A trap can be set at a step of the conversation:
//! the connection that steps into it is held there until it is let go, so that a kill hits exactly this step. And it can
//! be made to misbehave (`faults`). One thread a connection; they end with the process.

use crate::checker::Journalled;
use crate::company::{DOMAIN, number_of};
use crate::faults::{Faults, Phase};
use crate::seeded::Seeded;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use tokio::sync::watch;

/// A step of a mail through the relay, each before its answer is written but the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// RCPT was read.
    Recipient,
    /// The message was read to its dot, and is not journalled.
    Message,
    /// The message is journalled, and nobody was told.
    Journalled,
    /// The answer is written.
    Answered,
}

impl Step {
    pub(crate) const ALL: [Self; 4] = [Self::Recipient, Self::Message, Self::Journalled, Self::Answered];
}

/// How far the relay has come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    /// How many recipients were named, repetitions included.
    pub(crate) tries: usize,
    /// How many mails are journalled.
    pub(crate) journalled: usize,
    /// Whether a trap is set, and has not been sprung.
    pub(crate) armed: bool,
    /// The node whose connection stands in the trap.
    pub(crate) caught: Option<usize>,
}

/// A running relay. Clones are the same relay.
#[derive(Clone)]
pub(crate) struct Relay {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) progress: watch::Receiver<Progress>,
    journal: PathBuf,
    desk: Arc<Desk>,
}

struct Desk {
    /// What decides who is refused; nobody is without one.
    seed: Option<u64>,
    faults: Faults,
    book: Mutex<Book>,
    let_go: Condvar,
    told: watch::Sender<Progress>,
}

struct Book {
    journal: File,
    /// How often each recipient was named.
    tries: BTreeMap<String, usize>,
    latest: String,
    /// Whose mails were kept, and where each lets them unsubscribe: the links that nobody was given yet.
    unsubscribe: Vec<(String, String)>,
    /// Where each stranger who was asked can confirm their form: the links that nobody was given yet.
    confirm: Vec<String>,
    trap: Option<(usize, Step)>,
}

impl Relay {
    /// Listens on loopback, on a port for each node, so that it knows who speaks.
    pub(crate) fn start(journal: &Path, seed: Option<u64>, nodes: usize) -> io::Result<Self> {
        let (told, progress) = watch::channel(Progress::default());
        let file = OpenOptions::new().create_new(true).append(true).open(journal)?;
        let book = Mutex::new(Book {
            journal: file,
            tries: BTreeMap::new(),
            latest: String::new(),
            unsubscribe: Vec::new(),
            confirm: Vec::new(),
            trap: None,
        });
        let desk = Arc::new(Desk { seed, faults: Faults::default(), book, let_go: Condvar::new(), told });
        let mut addresses = Vec::new();
        for node in 0..nodes {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            addresses.push(listener.local_addr()?);
            let desk = desk.clone();
            thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let desk = desk.clone();
                    // A connection that breaks is what this is about.
                    thread::spawn(move || drop(desk.attend(node, &stream)));
                }
            });
        }
        Ok(Self { addresses, progress, journal: journal.to_owned(), desk })
    }

    /// Sets the trap at this step of the `after`-th try from now, or the first such step behind it.
    pub(crate) fn set_trap(&self, after: usize, step: Step) {
        let mut book = self.desk.book();
        book.trap = Some((self.progress.borrow().tries + after, step));
        self.desk.told.send_modify(|p| (p.armed, p.caught) = (true, None));
    }

    /// Takes the trap away and lets go whoever stands in it.
    pub(crate) fn release(&self) {
        self.desk.book().trap = None;
        self.desk.told.send_modify(|p| (p.armed, p.caught) = (false, None));
        self.desk.let_go.notify_all();
    }

    /// How it is to misbehave.
    pub(crate) fn faults(&self) -> &Faults {
        &self.desk.faults
    }

    /// How many recipients were named so far.
    pub(crate) fn recipients(&self) -> usize {
        self.desk.book().tries.len()
    }

    /// Who was named last; nobody yet is an empty text.
    pub(crate) fn latest(&self) -> String {
        self.desk.book().latest.clone()
    }

    /// Who got the latest mail whose link was not asked for yet, and the path at which they can unsubscribe.
    pub(crate) fn unsubscribe_link(&self) -> Option<(String, String)> {
        self.desk.book().unsubscribe.pop()
    }

    /// The path at which the last stranger who was asked can confirm their form, if nobody was given it yet.
    pub(crate) fn confirmation_link(&self) -> Option<String> {
        self.desk.book().confirm.pop()
    }

    /// The journal as it is on the disk.
    pub(crate) fn journal(&self) -> io::Result<Vec<Journalled>> {
        let broken = |line: &str| io::Error::other(format!("the journal holds {line:?}"));
        let lines = BufReader::new(File::open(&self.journal)?).lines();
        lines
            .map(|line| {
                let line = line?;
                let mut parts = line.split('\t').map(str::to_owned);
                let (Some(recipient), Some(message_id), Some(hash)) = (parts.next(), parts.next(), parts.next()) else {
                    return Err(broken(&line));
                };
                Ok(Journalled { recipient, message_id, hash })
            })
            .collect()
    }
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a connection of this node is at this step; returns once it may go on.
    fn step(&self, node: usize, step: Step) {
        let mut book = self.book();
        let tries = self.told.borrow().tries;
        if book.trap.is_some_and(|(after, at)| tries >= after && at == step) {
            book.trap = None;
            self.told.send_modify(|p| (p.armed, p.caught) = (false, Some(node)));
            while self.told.borrow().caught.is_some() {
                book = self.let_go.wait(book).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// What this recipient gets: an answer to RCPT, and one to the message.
    fn script(&self, recipient: &str, tries: usize) -> (&'static str, &'static str) {
        const WELCOME: &str = "250 2.1.5 go on";
        let Some(seed) = self.seed.filter(|_| recipient.contains(DOMAIN)) else { return (WELCOME, "") };
        let hash = Sha256::digest(format!("{seed} {recipient}"));
        let chance = u64::from_le_bytes(hash[..8].try_into().expect("eight bytes of thirty-two"));
        match Seeded::new(chance).below(100) {
            0..4 if tries == 1 => ("450 4.2.0 not now", ""),
            4..6 if tries == 1 => (WELCOME, "452 4.3.1 no room now"),
            // Not among the first: a few mailboxes that do not exist, of few mails, would pause the campaign.
            6..8 if number_of(recipient) >= 250 => ("550 5.1.1 nobody here", ""),
            8 => (WELCOME, "550 not like this"),
            _ => (WELCOME, ""),
        }
    }

    fn attend(&self, node: usize, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        let say = |phase, usual: &str| self.faults.answer(stream, phase, usual);
        let tell = |usual: &str| (&*stream).write_all(format!("{usual}\r\n").as_bytes());
        say(Phase::Connect, "220 relay.test")?;
        let (mut has_sender, mut recipient, mut message_answer) = (false, None, "");
        let mut line = String::new();
        while {
            line.clear();
            reader.read_line(&mut line)?
        } > 0
        {
            let command = line.trim_end().to_ascii_uppercase();
            if command.starts_with("EHLO") {
                say(Phase::Hello, "250-relay.test\r\n250-PIPELINING\r\n250 8BITMIME")?;
            } else if command.starts_with("MAIL") {
                recipient = None;
                has_sender = say(Phase::Sender, "250 2.1.0 very well")?.starts_with('2');
            } else if command.starts_with("RCPT") && has_sender {
                let to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                let answer;
                (answer, message_answer) = self.named(&to);
                self.step(node, Step::Recipient);
                recipient = say(Phase::Recipient, answer)?.starts_with('2').then_some(to);
            } else if command == "DATA" {
                let Some(to) = recipient.take() else {
                    tell("503 5.5.1 to whom?")?;
                    continue;
                };
                has_sender = false;
                let said = say(Phase::Data, "354 go on")?;
                if !said.starts_with("354") {
                    continue;
                }
                let Some(message) = read_message(&mut reader)? else { return Ok(()) };
                // Whoever believed an answer that came before the message is told the contrary.
                if said.contains('\n') {
                    tell("554 5.6.0 not this, after all")?;
                    continue;
                }
                self.step(node, Step::Message);
                if !message_answer.is_empty() {
                    tell(message_answer)?;
                } else if self.faults.is_refusing() {
                    say(Phase::Message, "250 2.0.0 kept")?;
                } else {
                    self.keep(&to, &message)?;
                    self.step(node, Step::Journalled);
                    say(Phase::Message, "250 2.0.0 kept")?;
                }
                self.step(node, Step::Answered);
            } else if command == "QUIT" {
                return tell("221 2.0.0 bye");
            } else if command.starts_with("RSET") {
                (has_sender, recipient) = (false, None);
                tell("250 2.0.0 forgotten")?;
            } else {
                tell("503 5.5.1 not now")?;
            }
        }
        Ok(())
    }

    /// Somebody is named; returns what the script says to that.
    fn named(&self, recipient: &str) -> (&'static str, &'static str) {
        let mut book = self.book();
        let tries = book.tries.entry(recipient.to_owned()).or_default();
        *tries += 1;
        let script = self.script(recipient, *tries);
        recipient.clone_into(&mut book.latest);
        self.told.send_modify(|p| p.tries += 1);
        script
    }

    /// Journals a mail; it is on the disk when this returns.
    fn keep(&self, recipient: &str, message: &[u8]) -> io::Result<()> {
        let header = String::from_utf8_lossy(message);
        let id = header.lines().take_while(|line| !line.is_empty()).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("message-id").then(|| value.trim().to_owned())
        });
        let link = header.find("/u/").map(|at| header[at..].chars().take_while(|c| !"> \r".contains(*c)).collect());
        let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(message));
        // A long line of a text is broken in two (RFC 2045, 6.7).
        let whole = header.replace("=\r\n", "");
        let confirm = whole.find("/k/").map(|at| whole[at..].chars().take_while(|c| !c.is_whitespace()).collect::<String>());
        let mut book = self.book();
        book.confirm.extend(confirm);
        book.journal.write_all(format!("{recipient}\t{}\t{hash}\n", id.unwrap_or_default()).as_bytes())?;
        book.journal.sync_data()?;
        book.unsubscribe.extend(link.map(|path| (recipient.to_owned(), path)));
        self.told.send_modify(|p| p.journalled += 1);
        Ok(())
    }
}

/// A message up to its dot, as it came; `None` when the connection ended before.
fn read_message(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    loop {
        let start = message.len();
        if reader.read_until(b'\n', &mut message)? == 0 {
            return Ok(None);
        }
        if &message[start..] == b".\r\n" {
            message.truncate(start);
            return Ok(Some(message));
        }
    }
}
