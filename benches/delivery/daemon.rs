//! Our side: the binary itself, started on a copy of a filled database, until the last delivery is durably accepted.

use crate::child::Process;
use crate::company::Company;
use crate::stopwatch::Stopwatch;
use anyhow::{Context, Result, bail, ensure};
use nurtured::store::backend::Store;
use nurtured::store::{counts, leases};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long nothing may move before the run is given up.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often the relay's count, and at the end the store, are looked at: what a run may seem longer than it was.
const LOOK: Duration = Duration::from_millis(5);
/// `USER_HZ`, in which Linux counts processor time for everyone to read (proc(5)).
const TICKS_A_SECOND: f64 = 100.0;
/// What the daemon logs at the instant from which we count.
const OPENED: &str = "occurrence opened";

/// A run's figures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// From the due occurrence's opening to the last durable `accepted`.
    pub time: Duration,
    /// Processor seconds of the whole process in that time.
    pub processor: f64,
    /// Most memory it ever held, in megabytes, the start included.
    pub memory: f64,
}

/// What a run is to be.
pub(crate) struct Setting<'a> {
    /// A directory of the run's own.
    pub directory: &'a Path,
    /// The database, as the daemon is told of it.
    pub database: &'a str,
    /// The same, open.
    pub store: &'a Store,
    /// The relay.
    pub relay: SocketAddr,
    /// How many connections it may use.
    pub connections: u64,
    /// How many mails of one connection may be in doubt.
    pub max_in_doubt: u64,
    /// How many prospects the issue goes to.
    pub prospects: u64,
}

/// Sends one issue to everybody, and takes the time. `received` is how many messages the relay has accepted so far.
pub(crate) async fn send(company: &Company, setting: &Setting<'_>, received: impl Fn() -> Result<u64>) -> Result<Run> {
    company.write(&setting.directory.join("config"))?;
    company.make_due(setting.store).await?;
    let mut daemon = Daemon::start(setting)?;
    let outcome = daemon.follow(setting, received).await;
    let run = outcome.with_context(|| format!("the daemon said:\n{}", daemon.said()))?;
    daemon.stop()?;
    let mut read = setting.store.read().await?;
    let accepted = counts::summary(&mut read).await?.accepted;
    ensure!(u64::try_from(accepted) == Ok(setting.prospects), "{accepted} are accepted, not {}", setting.prospects);
    Ok(run)
}

struct Daemon {
    process: Process,
    opened: Receiver<(Stopwatch, f64)>,
    said: Arc<Mutex<VecDeque<String>>>,
}

impl Daemon {
    fn start(setting: &Setting<'_>) -> Result<Self> {
        let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
        command
            .arg("run")
            .current_dir(setting.directory)
            .env_remove("NOTIFY_SOCKET")
            .env_remove("NURTURED_LOG")
            .env("NURTURED_CONFIG", setting.directory.join("config"))
            .env("NURTURED__PUBLIC_URL", format!("http://{listen}"))
            .env("NURTURED__HTTP__LISTEN", listen.to_string())
            .env("NURTURED__SMTP__HOST", setting.relay.ip().to_string())
            .env("NURTURED__SMTP__PORT", setting.relay.port().to_string())
            .env("NURTURED__SMTP__SECURITY", "plaintext")
            .env("NURTURED__SMTP__CONNECTIONS", setting.connections.to_string())
            .env("NURTURED__SMTP__MAX_IN_DOUBT", setting.max_in_doubt.to_string())
            .env("NURTURED__DATABASE__URL", setting.database)
            // Tokens for each person, not one for all: the more work of the two.
            .env("NURTURED__TRACKING", "all");
        let mut process = Process::start(command.stderr(Stdio::piped())).context("could not start the daemon")?;
        let (sender, opened) = channel();
        let said = Arc::new(Mutex::new(VecDeque::new()));
        let (id, stderr) = (process.id(), process.child().stderr.take().expect("it is piped"));
        let keep = said.clone();
        std::thread::spawn(move || {
            listen_to(stderr, &keep, || {
                // Whoever listened may have given up.
                let _ = sender.send((Stopwatch::start(), processor_seconds(id).unwrap_or(0.0)));
            });
        });
        Ok(Self { process, opened, said })
    }

    async fn follow(&mut self, setting: &Setting<'_>, received: impl Fn() -> Result<u64>) -> Result<Run> {
        let (watch, before) = self.opened.recv_timeout(PATIENCE).with_context(|| format!("it never said \"{OPENED}\""))?;
        let mut look = tokio::time::interval(LOOK);
        let (mut seen, mut moved) = (0, Stopwatch::start());
        while seen < setting.prospects {
            look.tick().await;
            let now = received()?;
            if now != seen {
                (seen, moved) = (now, Stopwatch::start());
            }
            ensure!(self.process.ended()?.is_none(), "it ended after {seen} messages");
            ensure!(moved.read() < PATIENCE, "nothing moves after {seen} messages");
        }
        // The relay has them all. A lease is finished when every result in its range is recorded.
        loop {
            let mut read = setting.store.read().await?;
            if leases::next_due(&mut read).await?.is_none() {
                break;
            }
            drop(read);
            if moved.read() > PATIENCE {
                bail!("the relay has all messages, the store does not say so");
            }
            look.tick().await;
        }
        let time = watch.read();
        let processor = processor_seconds(self.process.id())? - before;
        let memory = most_memory(self.process.id())?;
        ensure!(received()? == setting.prospects, "the relay counts {}, not {}", received()?, setting.prospects);
        Ok(Run { time, processor, memory })
    }

    fn stop(&mut self) -> Result<()> {
        let told = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status()?;
        ensure!(told.success(), "the daemon could not be told to stop");
        let status = self.process.child().wait()?;
        ensure!(status.success(), "the daemon ended with {status}:\n{}", self.said());
        Ok(())
    }

    /// The end of its log.
    fn said(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// Keeps the last lines of the log, and calls when the occurrence is opened.
fn listen_to(stderr: ChildStderr, said: &Mutex<VecDeque<String>>, opened: impl Fn()) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if line.contains(OPENED) {
            opened();
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() == 30 {
            said.pop_front();
        }
        said.push_back(line);
    }
}

/// User and system time of a process so far.
fn processor_seconds(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Behind the name in brackets, which may hold anything: state is field 3, utime 14, stime 15.
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat without a name")?;
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS_A_SECOND)
}

/// The most memory a process has held, in megabytes.
fn most_memory(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("/proc/PID/status without VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}
