//! Postfix's own test programs: smtp-source, the limit to reach, and smtp-sink, which takes what both sides send.

use crate::child::Process;
use crate::cores::Group;
use crate::stopwatch::Stopwatch;
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What to install, and why.
pub(crate) const MISSING: &str = "smtp-source and smtp-sink are not on this machine, so there is nothing to compare with.
They are Postfix's own test programs: install its package (on Debian and Ubuntu: apt-get install postfix). It need not run.";

/// How long smtp-sink may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the two programs are.
#[derive(Debug, Clone)]
pub(crate) struct Postfix {
    source: PathBuf,
    sink: PathBuf,
}

impl Postfix {
    /// Finds them on the `PATH` or where Debian keeps them.
    pub(crate) fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(["/usr/sbin".into()]).collect();
        let find = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file());
        Some(Self { source: find("smtp-source")?, sink: find("smtp-sink")? })
    }

    /// Sends so many messages, each with so many bytes of text, in so many sessions, and in this group. Returns how long it
    /// took.
    ///
    /// It says nothing when a message is refused: whoever receives them must be asked how many there were.
    pub(crate) fn send(
        &self,
        to: SocketAddr,
        messages: u64,
        length: u64,
        sessions: u64,
        group: Option<&Group>,
    ) -> Result<Duration> {
        let mut command = Command::new(&self.source);
        command.args(["-d", "-f", "letter@tecnofab-sl.com", "-t", "somebody@plant.com"]);
        for (flag, value) in [("-s", sessions), ("-m", messages), ("-l", length)] {
            command.arg(flag).arg(value.to_string());
        }
        let watch = Stopwatch::start();
        let mut source = Process::start(command.arg(format!("inet:{to}"))).context("could not start smtp-source")?;
        group.map_or(Ok(()), |group| group.take_in(source.id()))?;
        let status = source.child().wait()?;
        let time = watch.read();
        ensure!(status.success(), "smtp-source ended with {status}");
        Ok(time)
    }

    /// Starts a fresh smtp-sink that counts into a file in this directory.
    pub(crate) fn sink(&self, directory: &Path) -> Result<Sink> {
        // Let go of the port just before the sink takes it: nothing else on this machine asks for this very one.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let counts = directory.join(format!("smtp-sink-{}", address.port()));
        let mut command = Command::new(&self.sink);
        if Path::new("/proc/self").metadata().is_ok_and(|me| me.uid() == 0) {
            command.args(["-u", "nobody"]); // it refuses to stay root
        }
        command.arg("-c").arg(address.to_string()).arg("1024").stdout(File::create(&counts)?);
        let process = Process::start(command.current_dir("/")).context("could not start smtp-sink")?;
        let mut sink = Sink { process, address, counts };
        let watch = Stopwatch::start();
        while TcpStream::connect(address).is_err() {
            ensure!(sink.process.ended()?.is_none(), "smtp-sink ended at once");
            ensure!(watch.read() < PATIENCE, "smtp-sink does not listen");
            std::thread::yield_now();
        }
        Ok(sink)
    }
}

/// A running smtp-sink; it ends when dropped.
pub(crate) struct Sink {
    process: Process,
    address: SocketAddr,
    counts: PathBuf,
}

impl Sink {
    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many messages it has accepted: it writes "mesg=N" behind every one, over the line before.
    pub(crate) fn messages(&self) -> Result<u64> {
        let mut file = File::open(&self.counts)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(200)))?;
        let mut tail = String::new();
        file.read_to_string(&mut tail)?;
        // What stands behind the last return may be half a line.
        let whole = tail.rsplit_once('\r').map_or("", |(whole, _)| whole);
        let Some((_, count)) = whole.rsplit_once("mesg=") else { return Ok(0) };
        count.trim().parse().with_context(|| format!("could not read smtp-sink's count from {count:?}"))
    }
}
