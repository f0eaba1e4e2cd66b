//! The scenario: daemons that are killed at random while they send and while prospects stop, until so many kills have
//! happened; then everything is finished, and the checker looks at what is left.
//!
//! Every kill is awaited on an event: a connection has stepped into the trap that the seed chose. Nothing sleeps; what
//! waits looks around at intervals only to notice that it waits in vain.

use crate::checker::{Remains, Stopped, Verdict, check};
use crate::database::{DOMAIN, Database, number_of};
use crate::node::Node;
use crate::relay::{Relay, Step};
use crate::seeded::Seeded;
use anyhow::{Context as _, bail, ensure};
use nurtured::clock::{Clock, SystemClock};
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How many connections each daemon opens.
pub(crate) const CONNECTIONS: usize = 4;
/// How many mails each connection may have marked and not recorded.
const IN_DOUBT: usize = nurtured::domain::settings::MAX_IN_DOUBT;
/// How often somebody who waits looks whether there is still something to wait for.
const LOOK_AROUND: Duration = Duration::from_millis(250);
/// For how long nothing may happen while something is left to be sent.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) kills: usize,
    pub(crate) prospects: usize,
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
}

/// What it came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) kills: usize,
    /// How many of them hit a connection that stood in a trap.
    pub(crate) in_the_trap: usize,
    pub(crate) stops: usize,
    pub(crate) bound: usize,
    pub(crate) mails: usize,
    pub(crate) seconds: i64,
    pub(crate) verdict: Verdict,
}

struct Run<'a> {
    scenario: &'a Scenario,
    directory: &'a Path,
    database: Database,
    relay: Relay,
    nodes: Vec<Node>,
    chance: Seeded,
    published: usize,
    in_the_trap: usize,
    stops: Vec<Stopped>,
}

/// Plays it in an empty directory, on an empty database.
pub(crate) async fn play(scenario: &Scenario, directory: &Path, database: Database) -> anyhow::Result<Outcome> {
    let began = SystemClock.now();
    let relay = Relay::start(&directory.join("journal"), scenario.seed, scenario.nodes)?;
    let (plan, published) = database.publish(directory, relay.addresses[0], scenario.prospects).await?;
    ensure!(published == scenario.prospects, "{published} deliveries were published to {} prospects", scenario.prospects);
    let mut run = Run {
        scenario,
        directory,
        database,
        relay,
        nodes: Vec::new(),
        chance: Seeded::new(scenario.seed),
        published,
        in_the_trap: 0,
        stops: Vec::new(),
    };
    let played = run.kill_and_finish().await;
    let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
    let tail = || log.lines().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
    played.with_context(|| format!("the last lines of the daemons' log:\n{}", tail()))?;

    let finished = run.database.let_time_pass(&plan).await?;
    let bound = scenario.kills * CONNECTIONS * IN_DOUBT;
    let remains = Remains {
        journal: run.relay.journal()?,
        deliveries: run.database.deliveries().await?,
        published,
        stops: run.stops,
        complaints: run.database.complaints().await?,
        log,
        secret: DOMAIN.to_owned(),
        bound,
        in_flight: CONNECTIONS * IN_DOUBT * scenario.nodes,
        finished,
    };
    Ok(Outcome {
        kills: scenario.kills,
        in_the_trap: run.in_the_trap,
        stops: remains.stops.len(),
        bound,
        mails: remains.journal.len(),
        seconds: SystemClock.now().duration_since(began).as_secs(),
        verdict: check(&remains),
    })
}

impl Run<'_> {
    async fn kill_and_finish(&mut self) -> anyhow::Result<()> {
        for node in 0..self.scenario.nodes {
            let started = self.start(node)?;
            self.nodes.push(started);
        }
        for left in (1..=self.scenario.kills).rev() {
            self.kill_one(left).await.with_context(|| format!("with {left} kills left"))?;
        }
        self.wait(true).await?;
        for node in self.nodes.drain(..) {
            let status = node.stop()?;
            ensure!(status.success(), "a daemon that was told to stop ended with {status}");
        }
        Ok(())
    }

    fn start(&self, node: usize) -> anyhow::Result<Node> {
        Ok(Node::start(self.directory, &self.database.url(), self.relay.addresses[node])?)
    }

    /// One kill, somewhere in what is left, and the restart.
    async fn kill_one(&mut self, left: usize) -> anyhow::Result<()> {
        let untouched = self.published.saturating_sub(self.relay.recipients());
        let after = 1 + self.chance.below(3 * untouched / (2 * left + 2));
        self.relay.set_trap(after, self.chance.one_of(&Step::ALL));
        let stopping = if self.chance.below(2) == 0 { Some(self.stop_some(after)) } else { None };
        let caught = self.wait(false).await?;
        self.in_the_trap += usize::from(caught.is_some());
        let victim = match caught {
            Some(node) => node,
            None => self.chance.below(self.nodes.len()),
        };
        self.nodes[victim].kill()?;
        self.relay.release();
        if let Some(stopping) = stopping {
            self.stops.extend(stopping.await??);
        }
        self.database.bury(&self.nodes[victim].name()).await?;
        self.nodes[victim] = self.start(victim)?;
        Ok(())
    }

    /// Lets up to four prospects stop while mails go out, the last one while the kill happens: anybody, or somebody close
    /// to who is being sent to.
    fn stop_some(&mut self, within: usize) -> JoinHandle<anyhow::Result<Vec<Stopped>>> {
        let (database, relay) = (self.database.clone(), self.relay.clone());
        let before = relay.progress.borrow().tries;
        let mut moments: Vec<usize> = (0..self.chance.below(4)).map(|_| before + self.chance.below(within)).collect();
        moments.sort_unstable();
        moments.push(usize::MAX);
        let (published, who) = (self.published, moments.iter().map(|_| self.somebody()).collect::<Vec<_>>());
        tokio::spawn(async move {
            let store = database.open().await?;
            let mut progress = relay.progress.clone();
            let mut stops = Vec::new();
            for (moment, who) in moments.into_iter().zip(who) {
                progress.wait_for(|p| p.tries >= moment || !p.armed).await?;
                let who = who.number(&relay.latest(), published);
                stops.push(database.stop(&store, who, || relay.progress.borrow().journalled).await?);
            }
            store.close().await;
            Ok(stops)
        })
    }

    fn somebody(&mut self) -> Somebody {
        let (is_close, ahead) = (self.chance.below(2) == 0, self.chance.below(8));
        if is_close { Somebody::Close { ahead } } else { Somebody::Any(self.chance.below(self.published)) }
    }

    /// Waits until a node stands in the trap, and says which; or until nothing can be sent now. `to_the_end` knows of no
    /// trap.
    async fn wait(&mut self, to_the_end: bool) -> anyhow::Result<Option<usize>> {
        let mut progress = self.relay.progress.clone();
        let (mut seen, mut since) = (0, SystemClock.now());
        loop {
            // The end of the interval is when to look around.
            let caught = tokio::time::timeout(LOOK_AROUND, progress.wait_for(|p| p.caught.is_some())).await;
            if let (Ok(caught), false) = (caught, to_the_end) {
                return Ok(caught?.caught);
            }
            for node in &mut self.nodes {
                if let Some(status) = node.ended()? {
                    bail!("a daemon ended by itself: {status}");
                }
            }
            if self.database.is_idle().await? {
                return Ok(None);
            }
            let (tries, now) = (progress.borrow().tries, SystemClock.now());
            if tries > seen {
                (seen, since) = (tries, now);
            }
            ensure!(now.duration_since(since).unsigned_abs() < PATIENCE, "nothing was sent for a minute, and something is left");
        }
    }
}

/// Who is to stop.
#[derive(Debug, Clone, Copy)]
enum Somebody {
    /// This prospect.
    Any(usize),
    /// So many places behind the third before the one that was named last: in transmission, or about to be.
    Close { ahead: usize },
}

impl Somebody {
    fn number(self, latest: &str, published: usize) -> usize {
        match self {
            Self::Any(number) => number,
            Self::Close { ahead } => (number_of(latest) + ahead).saturating_sub(3) % published,
        }
    }
}
