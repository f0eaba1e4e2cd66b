//! From the start of the process to the first claim, in a database with a million prospects and ten million deliveries
//! behind it. Writing that database takes minutes.
//!
//! The claim itself cannot be seen from outside. The benchmark sees the first connection at the relay, which comes after the
//! claim, after the issue is loaded and after the first page of its deliveries is read: never too early.

use crate::arguments::{Arguments, What};
use crate::company::Company;
use crate::daemon::{Daemon, PATIENCE, Place};
use crate::database::Database;
use crate::figures::Series;
use crate::history::{self, ISSUES};
use crate::round::SESSIONS;
use crate::stopwatch::Stopwatch;
use anyhow::{Context, Result, ensure};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// In milliseconds, behind ten million deliveries to a million prospects.
const GOAL: f64 = 100.0;

/// Starts the daemon once to warm the file, and then once a round.
pub(crate) async fn measure(arguments: &Arguments, company: &Company, at: &Path) -> Result<()> {
    let prospects = arguments.prospects(What::Start);
    let deliveries = prospects * ISSUES.unsigned_abs();
    println!("start: {prospects} prospects, {deliveries} deliveries done with, an issue that is due; at a million, minutes");
    let filled = Database::sqlite(company, prospects, at).await?;
    let directory = tempfile::tempdir_in(at)?;
    company.write(directory.path())?;
    let copy = filled.copy(directory.path()).await?;
    let file = directory.path().join("nurtured.db");
    company.make_due(&copy.store).await?;
    let url = copy.url.clone();
    filled.drop_copy(copy).await;
    history::write(company, &file).await?;

    let relay = Refusing::listen()?;
    let place =
        Place { directory: directory.path(), database: &url, relay: relay.address, connections: SESSIONS, max_in_doubt: 4 };
    let mut times = Series::default();
    let mut claims = history::put_back(&file).await?;
    for number in 0..=arguments.rounds() {
        relay.forget();
        let watch = Stopwatch::start();
        let mut daemon = Daemon::start(&place, channel().0)?;
        let time = relay.first(watch).with_context(|| format!("the daemon said:\n{}", daemon.said()))?;
        daemon.stop()?;
        let now = history::put_back(&file).await?;
        ensure!(now > claims, "somebody came to the relay, and nothing was claimed");
        claims = now;
        if number > 0 {
            times.add(time.as_secs_f64() * 1e3);
        }
    }
    println!("  {times:.0} ms from the start to the first connection at the relay");
    let name = if prospects == 1_000_000 { String::new() } else { format!("_{prospects}") };
    println!("start_ms{name}={} goal_at_most={GOAL}\n", times.value(0));
    Ok(())
}

/// A relay that refuses every connection, and records when each came.
struct Refusing {
    address: SocketAddr,
    came: Receiver<Stopwatch>,
}

impl Refusing {
    /// Listens until this process ends.
    fn listen() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (coming, came) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(mut stream), Ok(())) = (stream, coming.send(Stopwatch::start())) else { return };
                // A client that has gone needs no answer.
                let _ = stream.write_all(b"421 4.3.2 Not today\r\n");
            }
        });
        Ok(Self { address, came })
    }

    /// Forgets the connections so far.
    fn forget(&self) {
        self.came.try_iter().for_each(drop);
    }

    /// How long after the start of this stopwatch the first connection came.
    fn first(&self, since: Stopwatch) -> Result<Duration> {
        let came = self.came.recv_timeout(PATIENCE).context("nobody came to the relay")?;
        Ok(since.read().saturating_sub(came.read()))
    }
}
