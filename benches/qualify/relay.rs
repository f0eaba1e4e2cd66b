//! A relay that only counts (delivery's), in a process of its own, so that its processor time is not ours.

use crate::sink::Sink;
use anyhow::{Context as _, Result, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Is set for the process that is to be the relay.
const ASKED: &str = "NURTURED_BENCH_RELAY";

/// The running relay. Its process ends when its standard input is closed, however this one ends.
pub(crate) struct Relay {
    process: Child,
    said: BufReader<ChildStdout>,
    address: SocketAddr,
}

/// What a relay received.
pub(crate) struct Received {
    pub messages: u64,
    /// The mean length of a message, in bytes.
    pub length: u64,
}

impl Relay {
    pub(crate) fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = command.env(ASKED, "1").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut said = BufReader::new(process.stdout.take().context("the relay has no output")?);
        let address = line(&mut said)?.parse().context("the relay gave no address")?;
        Ok(Self { process, said, address })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it; what it received.
    pub(crate) fn end(mut self) -> Result<Received> {
        drop(self.process.stdin.take());
        let said = line(&mut self.said)?;
        ensure!(self.process.wait()?.success(), "the relay failed");
        let (messages, length) = said.split_once(' ').with_context(|| format!("the relay said “{said}”"))?;
        Ok(Received { messages: messages.parse()?, length: length.parse()? })
    }
}

fn line(said: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    said.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// Whether this process was started to be the relay.
pub(crate) fn asked() -> bool {
    std::env::var_os(ASKED).is_some()
}

/// Is the relay, until standard input is closed.
pub(crate) fn serve() -> Result<()> {
    let sink = Sink::start(Duration::ZERO)?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", sink.address())?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    writeln!(out, "{} {}", sink.messages(), sink.mean_length().unwrap_or_default())?;
    Ok(())
}
