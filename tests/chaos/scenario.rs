//! The scenario: daemons that are killed at random while they send and while prospects stop, until so many kills have
//! happened; then everything is finished, and the checker looks at what is left.
//!
//! Every kill is awaited on an event: a connection has stepped into the trap that the seed chose. Nothing sleeps; what
//! waits looks around at intervals only to notice that it waits in vain.

use crate::caller::Caller;
use crate::checker::{Remains, Stopped, Verdict, check};
use crate::company::number_of;
use crate::database::Database;
use crate::node::{Node, Post};
use crate::relay::{Relay, Step};
use crate::seeded::Seeded;
use crate::wait;
use anyhow::ensure;
use nurtured::clock::{Clock, SystemClock};
use nurtured::domain::group::delivery::OnUncertain;
use std::path::Path;
use tokio::task::JoinHandle;

/// How many connections each daemon opens.
pub(crate) const CONNECTIONS: usize = 4;
/// How many mails each connection may have marked and not recorded, unless the configuration says otherwise.
pub(crate) const IN_DOUBT: usize = nurtured::domain::settings::MAX_IN_DOUBT;

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) kills: usize,
    pub(crate) prospects: usize,
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    /// What becomes of what is in doubt.
    pub(crate) policy: OnUncertain,
}

/// What it came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) kills: usize,
    /// How many of them hit a connection that stood in a trap.
    pub(crate) in_the_trap: usize,
    pub(crate) stops: usize,
    pub(crate) handoffs: usize,
    pub(crate) acknowledged: usize,
    pub(crate) bound: usize,
    pub(crate) mails: usize,
    pub(crate) seconds: i64,
    pub(crate) verdict: Verdict,
}

struct Run<'a> {
    scenario: &'a Scenario,
    database: Database,
    relay: Relay,
    posts: Vec<Post>,
    nodes: Vec<Node>,
    chance: Seeded,
    caller: Option<Caller>,
    in_the_trap: usize,
    stops: Vec<Stopped>,
}

/// Plays it in an empty directory, on an empty database.
pub(crate) async fn play(scenario: &Scenario, directory: &Path, database: Database) -> anyhow::Result<Outcome> {
    let began = SystemClock.now();
    let relay = Relay::start(&directory.join("journal"), Some(scenario.seed), scenario.nodes)?;
    let mut plan = database.publish(directory, relay.addresses[0], scenario.prospects).await?;
    plan.settings.smtp.on_uncertain = scenario.policy;
    let published = database.deliveries().await?.len();
    ensure!(published == scenario.prospects, "{published} deliveries were published to {} prospects", scenario.prospects);
    let post = |relay| anyhow::Ok(Post { on_uncertain: scenario.policy, ..Post::new(directory, &database.url(), relay)? });
    let posts = relay.addresses.iter().copied().map(post).collect::<Result<_, _>>()?;
    let caller = Some(Caller::new(relay.clone(), scenario.prospects));
    let chance = Seeded::new(scenario.seed);
    let nodes = Vec::new();
    let mut run = Run { scenario, database, relay, posts, nodes, chance, caller, in_the_trap: 0, stops: Vec::new() };
    let played = run.kill_and_finish().await;
    wait::explained(played, &run.posts[0])?;

    let bound = if scenario.policy == OnUncertain::Hold { 0 } else { scenario.kills * CONNECTIONS * IN_DOUBT };
    let finished = run.database.let_time_pass(&plan).await?;
    let caller = run.caller.take().expect("it comes back from every round");
    let remains = Remains {
        stops: run.stops,
        acknowledged: caller.acknowledged,
        listed: Some(run.posts[0].uncertain()?),
        bound,
        in_flight: CONNECTIONS * IN_DOUBT * scenario.nodes,
        finished,
        ..run.database.remains(&run.relay, &run.posts[0], published).await?
    };
    Ok(Outcome {
        kills: scenario.kills,
        in_the_trap: run.in_the_trap,
        stops: remains.stops.len(),
        handoffs: remains.handoffs.len(),
        acknowledged: remains.acknowledged.len(),
        bound,
        mails: remains.journal.len(),
        seconds: SystemClock.now().duration_since(began).as_secs(),
        verdict: check(&remains),
    })
}

impl Run<'_> {
    async fn kill_and_finish(&mut self) -> anyhow::Result<()> {
        let mut within = self.aim(self.scenario.kills);
        for post in &self.posts {
            self.nodes.push(post.start()?);
        }
        for left in (0..self.scenario.kills).rev() {
            let killed = self.kill_one(within, left).await;
            within = anyhow::Context::with_context(killed, || format!("with {left} kills left after this one"))?;
        }
        wait::until_idle(&self.database, &self.relay, &mut self.nodes).await?;
        for node in self.nodes.drain(..) {
            let status = node.stop().await?;
            ensure!(status.success(), "a daemon that was told to stop ended with {status}");
        }
        Ok(())
    }

    /// Sets the trap somewhere in what is left, while so many kills are; returns behind how many tries. None for no kill.
    fn aim(&mut self, left: usize) -> usize {
        let untouched = self.scenario.prospects.saturating_sub(self.relay.recipients());
        let within = 1 + self.chance.below(3 * untouched / (2 * left + 2));
        let step = self.chance.one_of(&Step::ALL);
        if left > 0 {
            self.relay.set_trap(within, step);
        }
        within
    }

    /// One kill and the restart, under a trap for the next one: nothing is sent between two kills without it. Returns
    /// behind how many tries that one is.
    async fn kill_one(&mut self, within: usize, left: usize) -> anyhow::Result<usize> {
        let stopping = if self.chance.below(2) == 0 { Some(self.stop_some(within)) } else { None };
        let mut calling = Some(self.call());
        let caught = wait::until_caught(&self.database, &self.relay, &mut self.nodes).await?;
        self.in_the_trap += usize::from(caught.is_some());
        // Half of the calls are under way when it dies; what the others have caused is.
        if self.chance.below(2) == 0 {
            self.answered(calling.take()).await?;
        }
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
        let within = self.aim(left);
        self.nodes[victim] = self.posts[victim].start()?;
        self.answered(calling).await?;
        Ok(within)
    }

    /// Waits until a round of calls has ended, if one has not.
    async fn answered(&mut self, calling: Option<JoinHandle<Caller>>) -> anyhow::Result<()> {
        if let Some(calling) = calling {
            self.caller = Some(calling.await?);
        }
        Ok(())
    }

    /// Lets one round of calls go on beside the kill.
    fn call(&mut self) -> JoinHandle<Caller> {
        let mut caller = self.caller.take().expect("it comes back from every round");
        let writer: Vec<_> = self.posts.iter().map(Post::listen).collect();
        tokio::spawn(async move {
            caller.round(&writer).await;
            caller
        })
    }

    /// Lets up to four prospects stop while mails go out, the last one while the kill happens: anybody, or somebody close
    /// to who is being sent to.
    fn stop_some(&mut self, within: usize) -> JoinHandle<anyhow::Result<Vec<Stopped>>> {
        let (database, relay) = (self.database.clone(), self.relay.clone());
        let before = relay.progress.borrow().tries;
        let mut moments: Vec<usize> = (0..self.chance.below(4)).map(|_| before + self.chance.below(within)).collect();
        moments.sort_unstable();
        moments.push(usize::MAX);
        let (people, who) = (self.scenario.prospects, moments.iter().map(|_| self.somebody()).collect::<Vec<_>>());
        tokio::spawn(async move {
            let store = database.open().await?;
            let mut progress = relay.progress.clone();
            let mut stops = Vec::new();
            for (moment, who) in moments.into_iter().zip(who) {
                progress.wait_for(|p| p.tries >= moment || !p.armed).await?;
                let who = who.number(&relay.latest(), people);
                stops.push(database.stop(&store, who, || relay.progress.borrow().journalled).await?);
            }
            store.close().await;
            Ok(stops)
        })
    }

    fn somebody(&mut self) -> Somebody {
        let (is_close, ahead) = (self.chance.below(2) == 0, self.chance.below(8));
        if is_close { Somebody::Close { ahead } } else { Somebody::Any(self.chance.below(self.scenario.prospects)) }
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
    fn number(self, latest: &str, people: usize) -> usize {
        match self {
            Self::Any(number) => number,
            Self::Close { ahead } => (number_of(latest) + ahead).saturating_sub(3) % people,
        }
    }
}
