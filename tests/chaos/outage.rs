//! The scenario: what the daemons write to fails under them while they send, and comes back. PostgreSQL is killed, frozen
//! and made read-only; the disk under SQLite is full. Sending stops: nothing goes out but what was marked before. When it
//! is over they go on by themselves, and the checker looks at what is left.

use crate::checker::{Remains, Verdict, check};
use crate::database::Database;
use crate::mount::{Disk, ROOM};
use crate::node::{Node, Post};
use crate::relay::Relay;
use crate::scenario::{CONNECTIONS, IN_DOUBT};
use crate::server::Server;
use crate::wait;
use anyhow::ensure;
use nurtured::clock::{Clock, SystemClock};
use nurtured::domain::plan::Plan;
use std::path::Path;
use std::time::Duration;

/// What it came to.
pub(crate) struct Outcome {
    pub(crate) outages: usize,
    /// How many mails were accepted while nothing could be recorded: they had been marked before.
    pub(crate) late: usize,
    /// The longest it took until the first mail after the end of an outage.
    pub(crate) back_after: Duration,
    pub(crate) bound: usize,
    pub(crate) verdict: Verdict,
}

struct Run {
    relay: Relay,
    database: Database,
    posts: Vec<Post>,
    nodes: Vec<Node>,
    outages: usize,
    late: usize,
    back_after: Duration,
    /// How soon sending must go on when it is over: the step that failed is taken again after five seconds.
    back_within: Duration,
}

impl Run {
    /// Publishes to so many prospects and starts the nodes.
    async fn begin(
        directory: &Path,
        database: Database,
        nodes: usize,
        people: usize,
        back_within: Duration,
    ) -> anyhow::Result<(Self, Plan)> {
        let relay = Relay::start(&directory.join("journal"), None, nodes)?;
        let plan = database.publish(directory, relay.addresses[0], people).await?;
        let new = |relay: &std::net::SocketAddr| Post::new(directory, &database.url(), *relay);
        let posts = relay.addresses.iter().map(new).collect::<Result<Vec<_>, _>>()?;
        let (nodes, back_after) = (Vec::new(), Duration::ZERO);
        Ok((Self { relay, database, posts, nodes, outages: 0, late: 0, back_after, back_within }, plan))
    }

    fn start(&mut self) -> anyhow::Result<()> {
        for post in &self.posts {
            self.nodes.push(post.start()?);
        }
        Ok(())
    }

    fn journalled(&self) -> usize {
        self.relay.progress.borrow().journalled
    }

    fn in_flight(&self) -> usize {
        self.posts.len() * CONNECTIONS * IN_DOUBT
    }

    /// Waits until so many mails have been accepted.
    async fn until_sent(&self, count: usize) -> anyhow::Result<()> {
        let mut progress = self.relay.progress.clone();
        wait::in_time("so many mails are sent", async { Ok(progress.wait_for(|p| p.journalled >= count).await.map(drop)?) }).await
    }

    /// Waits until the daemons have said so often, since a place in their log, that delivery failed.
    async fn until_failed(&mut self, since: usize, times: usize) -> anyhow::Result<()> {
        let post = &self.posts[0];
        let nodes = &mut self.nodes;
        wait::until("delivery fails", || {
            for node in &mut *nodes {
                ensure!(node.ended()?.is_none(), "a daemon ended");
            }
            Ok(failures(&post.log()[since..]) >= times)
        })
        .await
    }

    /// An outage that makes delivery fail: nothing more than what was marked may go out, however often it is tried.
    async fn out(&mut self, since: usize, before: usize) -> anyhow::Result<()> {
        // Each node fails, and fails again when it tries anew.
        self.until_failed(since, 2 * self.nodes.len()).await?;
        self.count_late(before)
    }

    fn count_late(&mut self, before: usize) -> anyhow::Result<()> {
        let late = self.journalled() - before;
        (self.outages, self.late) = (self.outages + 1, self.late + late);
        ensure!(late <= self.in_flight(), "{late} mails were accepted while nothing could be recorded");
        Ok(())
    }

    /// The outage is over: sending goes on by itself.
    async fn back(&mut self) -> anyhow::Result<()> {
        let began = SystemClock.now();
        self.until_sent(self.journalled() + 2 * self.in_flight()).await?;
        let took = SystemClock.now().duration_since(began).unsigned_abs();
        ensure!(took < self.back_within, "it took {took:?} until sending went on");
        self.back_after = self.back_after.max(took);
        Ok(())
    }

    async fn finish(mut self, plan: &Plan, people: usize) -> anyhow::Result<Outcome> {
        let idle = wait::until_idle(&self.database, &self.relay, &mut self.nodes).await;
        wait::explained(idle, &self.posts[0])?;
        for node in self.nodes.drain(..) {
            ensure!(node.stop().await?.success(), "a daemon that was told to stop did not end well");
        }
        let finished = self.database.let_time_pass(plan).await?;
        let bound = self.outages * self.in_flight();
        let remains = self.database.remains(&self.relay, &self.posts[0], people).await?;
        let verdict = check(&Remains { bound, finished, in_flight: self.in_flight(), ..remains });
        Ok(Outcome { outages: self.outages, late: self.late, back_after: self.back_after, bound, verdict })
    }
}

/// How often a log says that delivery failed.
fn failures(log: &str) -> usize {
    let failed = |line: &str| line.contains("step failed") && line.contains("deliver");
    log.lines().filter(|line| failed(line) || line.contains("cannot be recorded")).count()
}

/// PostgreSQL, with two nodes, on a server of its own that is dead, and then frozen, for so long; `None` where it is not on
/// the machine.
pub(crate) async fn server(
    directory: &Path,
    people: usize,
    gone_for: Duration,
    back_within: Duration,
) -> anyhow::Result<Option<Outcome>> {
    let Some(server) = Server::start() else { return Ok(None) };
    let (mut run, plan) = Run::begin(directory, Database::Postgres(server.url()), 2, people, back_within).await?;
    run.start()?;
    let played = fail_the_server(&mut run, &server, gone_for).await;
    // Whoever clears up cannot do so while it is frozen; when it is dead, there is nothing to thaw.
    let _ = server.thaw();
    wait::explained(played, &run.posts[0])?;
    run.finish(&plan, people).await.map(Some)
}

async fn fail_the_server(run: &mut Run, server: &Server, gone_for: Duration) -> anyhow::Result<()> {
    // Killed. Connections are tried for half a minute before a step fails.
    run.until_sent(100).await?;
    server.kill().await?;
    let before = run.journalled();
    tokio::time::sleep(gone_for).await;
    run.count_late(before)?;
    server.start_again()?;
    run.back().await?;
    // Frozen: nothing fails, and nothing goes out.
    server.freeze()?;
    let before = run.journalled();
    tokio::time::sleep(gone_for).await;
    run.count_late(before)?;
    server.thaw()?;
    run.back().await?;
    // Read-only: who has begun to write may still end it.
    let since = run.posts[0].log().len();
    server.set_read_only(true);
    run.until_failed(since, 1).await?;
    let before = run.journalled();
    run.out(since, before).await?;
    server.set_read_only(false);
    run.back().await
}

/// SQLite on a disk that is full and freed again, and on one that cannot be written when the daemon starts.
pub(crate) async fn disk(directory: &Path, people: usize, back_within: Duration) -> anyhow::Result<Outcome> {
    let disk = Disk::mount(&directory.join("disk"))?;
    let database = Database::Sqlite(directory.join("disk/chaos.db"));
    let (mut run, plan) = Run::begin(directory, database, 1, people, back_within).await?;

    // Read-only from the start: it refuses, and nothing is sent.
    disk.set_read_only(true)?;
    let mut node = run.posts[0].start()?;
    let status = wait::until_ended(&mut node).await?;
    ensure!(!status.success() && run.journalled() == 0, "on a read-only disk it ended with {status}");
    disk.set_read_only(false)?;

    disk.fill(ROOM)?;
    run.start()?;
    let played = fail_the_disk(&mut run, &disk).await;
    wait::explained(played, &run.posts[0])?;
    run.finish(&plan, people).await
}

async fn fail_the_disk(run: &mut Run, disk: &Disk) -> anyhow::Result<()> {
    // Full while it sends.
    run.until_sent(100).await?;
    let since = run.posts[0].log().len();
    disk.fill(0)?;
    run.until_failed(since, 1).await?;
    let before = run.journalled();
    run.out(since, before).await?;
    disk.free()?;
    run.back().await
}
