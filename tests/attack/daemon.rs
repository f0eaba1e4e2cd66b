//! The daemon under attack: its own binary in a process of its own, with few files to open; and its verbs.

use crate::port::Port;
use crate::visitor::Visitor;
use anyhow::{Context as _, ensure};
use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running daemon; killed when it is dropped, so that none outlives the attack.
pub(crate) struct Daemon {
    child: Child,
    directory: PathBuf,
    relay: SocketAddr,
    port: Port,
}

/// How often it is asked whether it is ready.
const AGAIN: Duration = Duration::from_millis(50);

impl Daemon {
    /// Starts it with the configuration in `directory/config`, and waits until it is ready. It logs to `directory/log`.
    pub(crate) async fn start(directory: &Path, relay: SocketAddr, files: u32) -> anyhow::Result<Self> {
        let port = Port::reserve()?;
        let log = OpenOptions::new().create(true).append(true).open(directory.join("log"))?;
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n \"$1\" && shift && exec \"$@\"", "sh", &files.to_string(), BINARY, "run"]);
        surround(&mut command, directory, relay, port.address);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::from(log)).spawn()?;
        let mut daemon = Self { child, directory: directory.to_owned(), relay, port };
        while Visitor::at(Ipv4Addr::LOCALHOST).get(daemon.door(), "/readyz").await.status != 200 {
            let ended = daemon.child.try_wait()?;
            ensure!(ended.is_none(), "the daemon ended by itself: {ended:?}\n{}", daemon.log());
            tokio::time::sleep(AGAIN).await;
        }
        Ok(daemon)
    }

    /// Where it serves the web.
    pub(crate) const fn door(&self) -> SocketAddr {
        self.port.address
    }

    /// How many files it has open.
    pub(crate) fn open_files(&self) -> anyhow::Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// Everything that was logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// What one of our verbs prints in this company, beside the daemon.
    pub(crate) async fn verb(&self, words: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(BINARY);
        surround(&mut command, &self.directory, self.relay, self.door());
        command.args(words).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "nurtured {} ended with {}: {said}", words.join(" "), output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The same, as JSON.
    pub(crate) async fn json(&self, words: &[&str]) -> anyhow::Result<serde_json::Value> {
        let words: Vec<&str> = ["--json"].iter().chain(words).copied().collect();
        let said = self.verb(&words).await?;
        serde_json::from_str(&said).with_context(|| format!("nurtured {} printed {said:?}", words.join(" ")))
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(ended.is_none(), "the daemon ended by itself: {ended:?}");
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(sent.success(), "kill ended with {sent}");
        let status = self.child.wait()?;
        ensure!(status.success(), "told to stop, the daemon ended with {status}");
        Ok(())
    }
}

const BINARY: &str = env!("CARGO_BIN_EXE_nurtured");

/// The surroundings of the daemon and of its verbs. What is limited by form and by address is let in, so that it reaches what
/// stands behind the limits; a visitor's limit is as shipped.
fn surround(command: &mut Command, directory: &Path, relay: SocketAddr, listen: SocketAddr) {
    command
        .current_dir(directory)
        .env_remove("NOTIFY_SOCKET")
        .env_remove("NURTURED_FAILPOINT")
        .env("NURTURED_CONFIG", directory.join("config"))
        .env("NURTURED__PUBLIC_URL", format!("http://{listen}"))
        .env("NURTURED__HTTP__LISTEN", listen.to_string())
        .env("NURTURED__HTTP__LIMITS__FORM", "1000000 per hour")
        .env("NURTURED__HTTP__LIMITS__ADDRESS", "1000000 per hour")
        .env("NURTURED__SMTP__HOST", relay.ip().to_string())
        .env("NURTURED__SMTP__PORT", relay.port().to_string())
        .env("NURTURED__SMTP__SECURITY", "plaintext")
        .env("NURTURED__DATABASE__URL", format!("sqlite:{}", directory.join("attack.db").display()));
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
