//! The daemon to measure: the binary as a process of its own, and its log.

use crate::child::Process;
use crate::stopwatch::Stopwatch;
use anyhow::{Context, Result, ensure};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a run may go without progress before it is given up.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Events that are read from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// The start is over.
    Runs,
    /// A due occurrence is opened.
    Opened,
}

impl Sign {
    const ALL: [Self; 2] = [Self::Runs, Self::Opened];

    const fn words(self) -> &'static str {
        match self {
            Self::Runs => "nurtured runs",
            Self::Opened => "occurrence opened",
        }
    }
}

/// An event, and a stopwatch that was started when it was seen.
pub(crate) type Seen = (Sign, Stopwatch);

/// Waits until one of the daemons that were given the sender reports an event.
pub(crate) fn wait_for(sign: Sign, seen: &Receiver<Seen>) -> Result<Stopwatch> {
    loop {
        let (found, watch) = seen.recv_timeout(PATIENCE).with_context(|| format!("it never said \"{}\"", sign.words()))?;
        if found == sign {
            return Ok(watch);
        }
    }
}

/// The surroundings of a daemon.
pub(crate) struct Place<'a> {
    /// The directory of the run, with the configuration under `config`.
    pub directory: &'a Path,
    /// The URL of the database.
    pub database: &'a str,
    /// The relay.
    pub relay: SocketAddr,
    /// How many connections it may use.
    pub connections: u64,
    /// How many mails of one connection may be marked without a result.
    pub max_in_doubt: u64,
}

/// A running daemon; killed when dropped.
pub(crate) struct Daemon {
    process: Process,
    said: Arc<Mutex<VecDeque<String>>>,
}

impl Daemon {
    pub(crate) fn start(place: &Place<'_>, signs: Sender<Seen>) -> Result<Self> {
        // The port is freed just before the daemon takes it: no other process on this machine asks for this very one.
        let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
        command
            .arg("run")
            .current_dir(place.directory)
            .env_remove("NOTIFY_SOCKET")
            .env_remove("NURTURED_LOG")
            .env("NURTURED_CONFIG", place.directory.join("config"))
            .env("NURTURED__PUBLIC_URL", format!("http://{listen}"))
            .env("NURTURED__HTTP__LISTEN", listen.to_string())
            .env("NURTURED__SMTP__HOST", place.relay.ip().to_string())
            .env("NURTURED__SMTP__PORT", place.relay.port().to_string())
            .env("NURTURED__SMTP__SECURITY", "plaintext")
            .env("NURTURED__SMTP__CONNECTIONS", place.connections.to_string())
            .env("NURTURED__SMTP__MAX_IN_DOUBT", place.max_in_doubt.to_string())
            .env("NURTURED__DATABASE__URL", place.database)
            // A token for each prospect, not one for all: the more work of the two.
            .env("NURTURED__TRACKING", "all");
        let mut process = Process::start(command.stderr(Stdio::piped())).context("could not start the daemon")?;
        let said = Arc::new(Mutex::new(VecDeque::new()));
        let (stderr, keep) = (process.child().stderr.take().expect("it is piped"), said.clone());
        std::thread::spawn(move || listen_to(stderr, &keep, &signs));
        Ok(Self { process, said })
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Fails if the process has ended.
    pub(crate) fn runs(&mut self) -> Result<()> {
        let ended = self.process.ended()?;
        ensure!(ended.is_none(), "it ended too early: {ended:?}");
        Ok(())
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let told = Command::new("kill").args(["-TERM", &self.id().to_string()]).status()?;
        ensure!(told.success(), "the daemon could not be told to stop");
        let status = self.process.child().wait()?;
        ensure!(status.success(), "the daemon ended with {status}:\n{}", self.said());
        Ok(())
    }

    /// The end of its log.
    pub(crate) fn said(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// Keeps the last lines of the log, and sends every event.
fn listen_to(stderr: ChildStderr, said: &Mutex<VecDeque<String>>, signs: &Sender<Seen>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if let Some(sign) = Sign::ALL.into_iter().find(|sign| line.contains(sign.words())) {
            // The receiver may have given up.
            let _ = signs.send((sign, Stopwatch::start()));
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() == 30 {
            said.pop_front();
        }
        said.push_back(line);
    }
}
