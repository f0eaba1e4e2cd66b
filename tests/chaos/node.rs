//! A node: the daemon's own binary in a process of its own, to be killed, frozen, starved.

use crate::checker::Held;
use crate::company::TOKEN;
use crate::port::Port;
use crate::wait;
use anyhow::{Context as _, ensure};
use nurtured::daemon::assemble::node_name;
use nurtured::domain::group::delivery::OnUncertain;
use std::fs::OpenOptions;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

/// How a daemon is started: with the configuration in `directory/config`, on this database, sending to this relay.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) directory: PathBuf,
    pub(crate) database: String,
    pub(crate) relay: SocketAddr,
    /// Where it serves the web: the same after each start, and nobody else's between two.
    pub(crate) port: Arc<Port>,
    /// Where it is to die, if anywhere: `name:kill@n`.
    pub(crate) failpoint: Option<String>,
    /// What becomes of what is in doubt.
    pub(crate) on_uncertain: OnUncertain,
}

/// A running daemon; killed when it is dropped, so that none outlives the run.
pub(crate) struct Node {
    child: Child,
}

impl Post {
    /// A post with a port for the web that nobody else on this machine asks for.
    pub(crate) fn new(directory: &Path, database: &str, relay: SocketAddr) -> io::Result<Self> {
        let port = Arc::new(Port::reserve()?);
        let (directory, database) = (directory.to_owned(), database.to_owned());
        Ok(Self { directory, database, relay, port, failpoint: None, on_uncertain: OnUncertain::default() })
    }

    /// Where it serves the web.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.port.address
    }

    /// Starts a daemon. It logs, more than it would by itself, to `directory/log`.
    pub(crate) fn start(&self) -> io::Result<Node> {
        let log = OpenOptions::new().create(true).append(true).open(self.directory.join("log"))?;
        let mut command = self.command(&["run"]);
        if let Some(failpoint) = &self.failpoint {
            command.env("NURTURED_FAILPOINT", failpoint);
        }
        Ok(Node { child: command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::from(log)).spawn()? })
    }

    /// To whom the deliveries go that `nurtured uncertain list` lists.
    pub(crate) fn uncertain(&self) -> anyhow::Result<Vec<String>> {
        let output = self.command(&["--json", "uncertain", "list"]).stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "what is uncertain cannot be listed: {}\n{said}", output.status);
        let listed: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout)?;
        let address = |row: &serde_json::Value| row["address"].as_str().map(str::to_owned).context("a row without an address");
        listed.iter().map(address).collect()
    }

    /// Our own program with these words, in the daemon's surroundings.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
        command
            .args(words)
            .current_dir(&self.directory)
            .env_remove("NOTIFY_SOCKET")
            .env_remove("NURTURED_FAILPOINT")
            .env("NURTURED_CONFIG", self.directory.join("config"))
            .env("NURTURED_LOG", "debug")
            .env("NURTURED__PUBLIC_URL", "http://127.0.0.1:9")
            .env("NURTURED__HTTP__LISTEN", self.listen().to_string())
            .env("NURTURED__HTTP__API_TOKEN", TOKEN)
            .env("NURTURED__SMTP__HOST", self.relay.ip().to_string())
            .env("NURTURED__SMTP__PORT", self.relay.port().to_string())
            .env("NURTURED__SMTP__SECURITY", "plaintext")
            .env("NURTURED__SMTP__CONNECTIONS", crate::scenario::CONNECTIONS.to_string())
            .env("NURTURED__SMTP__ON_UNCERTAIN", policy(self.on_uncertain))
            .env("NURTURED__DATABASE__URL", &self.database);
        command
    }

    /// Everything that was logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Node {
    /// Its name in the leases it holds.
    pub(crate) fn name(&self) -> String {
        node_name(self.child.id())
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// What it holds.
    pub(crate) fn held(&self) -> io::Result<Held> {
        held(&self.child.id().to_string())
    }

    /// SIGKILL; returns once it is gone. An error when it was gone before.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        if let Some(status) = self.ended()? {
            return Err(io::Error::other(format!("a daemon ended by itself: {status}")));
        }
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Freezes it (`-STOP`) or lets it go on (`-CONT`).
    pub(crate) fn signal(&self, name: &str) -> io::Result<()> {
        signal(name, &[self.child.id()])
    }

    /// SIGTERM, as soon as it listens to it: before, no process can do anything about it. Returns how it ended.
    pub(crate) async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        wait::until("it listens to signals", || Ok(self.child.try_wait()?.is_some() || listens(self.child.id())?)).await?;
        if let Some(ended) = self.ended()? {
            return Ok(ended);
        }
        self.signal("-TERM")?;
        Ok(self.child.wait()?)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The word of the configuration for a policy.
pub(crate) fn policy(policy: OnUncertain) -> &'static str {
    OnUncertain::WORDS.into_iter().find(|(_, known)| *known == policy).expect("every policy has its word").0
}

/// Sends a signal to processes.
pub(crate) fn signal(name: &str, to: &[u32]) -> io::Result<()> {
    let status = Command::new("kill").arg(name).args(to.iter().map(u32::to_string)).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("kill {name} {to:?} ended with {status}"))) }
}

/// Whether a process does something of its own about SIGTERM, number 15.
fn listens(process: u32) -> anyhow::Result<bool> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).context("a process without signals")?;
    Ok(u64::from_str_radix(caught.trim(), 16)? & (1 << 14) != 0)
}

/// What a process holds; "self" is this one.
pub(crate) fn held(process: &str) -> io::Result<Held> {
    let folder = Path::new("/proc").join(process);
    let status = std::fs::read_to_string(folder.join("status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|text| text.split_whitespace().next()?.parse().ok());
    let kilobytes = kilobytes.ok_or_else(|| io::Error::other("a process without VmRSS"))?;
    Ok(Held { descriptors: folder.join("fd").read_dir()?.count(), kilobytes })
}
