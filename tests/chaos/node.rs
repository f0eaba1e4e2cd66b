//! A node: the daemon's own binary in a process of its own, to be killed.

use nurtured::daemon::assemble::node_name;
use std::fs::OpenOptions;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running daemon; killed when it is dropped, so that none outlives the run.
pub(crate) struct Node {
    child: Child,
}

impl Node {
    /// Starts a daemon with the configuration in `directory/config`, on this database, sending to this relay. It logs,
    /// more than it would by itself, to `directory/log`.
    pub(crate) fn start(directory: &Path, database: &str, relay: SocketAddr) -> io::Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(directory.join("log"))?;
        let child = Command::new(env!("CARGO_BIN_EXE_nurtured"))
            .arg("run")
            .current_dir(directory)
            .env_remove("NOTIFY_SOCKET")
            .env("NURTURED_CONFIG", directory.join("config"))
            .env("NURTURED_LOG", "debug")
            .env("NURTURED__PUBLIC_URL", "http://127.0.0.1:9")
            .env("NURTURED__HTTP__LISTEN", "127.0.0.1:0")
            .env("NURTURED__SMTP__HOST", relay.ip().to_string())
            .env("NURTURED__SMTP__PORT", relay.port().to_string())
            .env("NURTURED__SMTP__SECURITY", "plaintext")
            .env("NURTURED__SMTP__CONNECTIONS", crate::scenario::CONNECTIONS.to_string())
            .env("NURTURED__DATABASE__URL", database)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(log))
            .spawn()?;
        Ok(Self { child })
    }

    /// Its name in the leases it holds.
    pub(crate) fn name(&self) -> String {
        node_name(self.child.id())
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// SIGKILL; returns once it is gone. An error when it was gone before.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        if let Some(status) = self.ended()? {
            return Err(io::Error::other(format!("a daemon ended by itself: {status}")));
        }
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// SIGTERM; returns how it ended.
    pub(crate) fn stop(mut self) -> io::Result<ExitStatus> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        self.child.wait()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
