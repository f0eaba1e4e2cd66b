//! A PostgreSQL server of one's own, to be killed, frozen, made read-only and started again.

use crate::node::signal;
use crate::postgres::{Cluster, ask, unprivileged};
use anyhow::{Context as _, ensure};
use std::path::Path;
use std::process::Stdio;

/// A running server.
pub(crate) struct Server(Cluster);

impl Server {
    /// Starts one; `None` where PostgreSQL is not on the machine, which is said loudly.
    pub(crate) fn start() -> Option<Self> {
        Cluster::start().map(Self)
    }

    /// Its one database.
    pub(crate) fn url(&self) -> String {
        self.0.url("postgres")
    }

    /// SIGKILL to all its processes; returns once they are gone.
    pub(crate) async fn kill(&self) -> anyhow::Result<()> {
        let processes = self.processes()?;
        signal("-KILL", &processes)?;
        let is_gone = |process: &u32| !Path::new("/proc").join(process.to_string()).join("exe").exists();
        crate::wait::until("the server is dead", || Ok(processes.iter().all(is_gone))).await?;
        // Where nobody collects orphans, as in some containers, its number still looks like a living process.
        for lock in ["data/postmaster.pid", ".s.PGSQL.5432.lock"] {
            std::fs::remove_file(self.0.folder.join(lock))?;
        }
        Ok(())
    }

    /// Freezes all its processes: nothing is answered, and no connection breaks.
    pub(crate) fn freeze(&self) -> anyhow::Result<()> {
        Ok(signal("-STOP", &self.processes()?)?)
    }

    /// Lets them go on.
    pub(crate) fn thaw(&self) -> anyhow::Result<()> {
        Ok(signal("-CONT", &self.processes()?)?)
    }

    /// Starts it again after its death, over the same tables.
    pub(crate) fn start_again(&self) -> anyhow::Result<()> {
        let folder = self.0.folder.display();
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{folder}' -c max_connections=200");
        let program = self.0.programs.join("pg_ctl");
        let mut command = unprivileged(program.to_str().context("a path that is text")?);
        command.arg("-D").arg(self.0.folder.join("data")).arg("-l").arg(self.0.folder.join("log"));
        command.args(["-w", "-t", "60", "-o", &options, "start"]).current_dir("/");
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        let said = || std::fs::read_to_string(self.0.folder.join("log")).unwrap_or_default();
        ensure!(status.success(), "the server does not start again: {status}\n{}", said());
        Ok(())
    }

    /// Refuses every write from now on, or takes them again. In force for a connection from its next transaction on.
    pub(crate) fn set_read_only(&self, is_so: bool) {
        let word = if is_so { "on" } else { "off" };
        // One statement each: ALTER SYSTEM wants no transaction around it.
        ask(&self.url(), &format!("ALTER SYSTEM SET default_transaction_read_only = {word}"));
        ask(&self.url(), "SELECT pg_reload_conf()");
    }

    /// The postmaster and its children.
    fn processes(&self) -> anyhow::Result<Vec<u32>> {
        let file = std::fs::read_to_string(self.0.folder.join("data/postmaster.pid"))?;
        let postmaster: u32 = file.lines().next().context("the file begins with a number")?.trim().parse()?;
        let mut found = vec![postmaster];
        for entry in Path::new("/proc").read_dir()?.flatten() {
            let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // The fourth field, behind the name in brackets, is the parent.
            let status = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let parent = status.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
            if parent == Some(postmaster) {
                found.push(process);
            }
        }
        Ok(found)
    }
}
