//! The lifecycle under systemd: ready, reload, drain, stop; and the watchdog, fed only while every loop makes progress.

use super::assemble::{self, Node};
use super::identity_guard::{self, LastCheck, OpenedBy};
use super::loops::{self, Pulse};
use crate::clock::{Clock, SystemClock};
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::apply::{self, Applied};
use crate::flow::group::gate;
use crate::flow::operations::adopt;
use crate::store::engine::backend::Store;
use crate::store::engine::file_lock::FileLock;
use crate::web::connections::room;
use crate::web::inside::inside;
use crate::web::router::router;
use crate::web::server;
use anyhow::Context as _;
use rustix::process::{Resource, getrlimit};
use sd_notify::NotifyState;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::task::TaskTracker;

/// How long a drain may take before it is given up; systemd waits longer.
const DRAIN: Duration = Duration::from_secs(75);

/// Reads the configuration again for a reload: a plan fit to run, or every problem as text.
pub type Reread = Box<dyn Fn() -> Result<Plan, String> + Send + Sync>;

/// Runs until SIGTERM or SIGINT, also while it starts. SIGHUP rereads the configuration, once it has started.
///
/// # Errors
/// When the database or the port cannot be opened, or a task died.
pub async fn run(plan: Plan, reread: Reread, mut signals: Signals) -> anyhow::Result<()> {
    let started = tokio::select! {
        biased;
        () = signals.stop() => None,
        started = start(plan) => Some(started?),
    };
    // Nothing was sent yet: a start that is given up leaves what a death would leave, and that is nothing to wait for.
    let Some(started) = started else {
        tell(&[NotifyState::Stopping]);
        tracing::info!("told to stop before it ran");
        return Ok(());
    };
    let Started { node, listener, monitoring, listen, lock } = started;
    let tracker = TaskTracker::new();
    let pulse = loops::start(&node, &tracker);
    let web = serve(&node, listener, monitoring, &tracker);
    tell(&[NotifyState::Ready]);
    tracing::info!(%listen, campaigns = node.ctx.plan().campaigns.len(), "nurtured runs");
    let died = attend(&node, pulse, signals, &reread, web, &tracker).await;

    node.ctx.stop();
    tell(&[NotifyState::Stopping]);
    tracing::info!("stopping: finishing the present steps");
    tracker.close();
    if tokio::time::timeout(DRAIN, tracker.wait()).await.is_err() {
        tracing::warn!("the drain was given up; what was in transmission is in doubt and will be treated by policy");
    }
    if let Err(error) = identity_guard::recheck(node.ctx.store(), &SystemClock, &mut LastCheck::default()).await {
        tracing::warn!(%error, "how far the database has come was not kept");
    }
    node.ctx.store().close().await;
    drop(lock);
    tracing::info!("stopped");
    anyhow::ensure!(!died, "a task ended that must not end");
    Ok(())
}

/// What has started, and does not work yet.
struct Started {
    node: Node,
    listener: TcpListener,
    /// The second listener, for monitoring.
    monitoring: Option<TcpListener>,
    listen: SocketAddr,
    /// No other daemon runs on this file.
    lock: Option<FileLock>,
}

/// Opens the port and then the database, and puts the configuration in force. What fails leaves no database open.
async fn start(plan: Plan) -> anyhow::Result<Started> {
    let listen = plan.settings.http.listen;
    let bind =
        async |listen: SocketAddr| TcpListener::bind(listen).await.with_context(|| format!("could not listen on {listen}"));
    let listener = bind(listen).await?;
    let monitoring = match plan.settings.http.door.metrics_listen {
        Some(listen) => Some(bind(listen).await?),
        None => None,
    };
    let (store, lock) = assemble::open_alone(&plan, SystemClock.now()).await.context("could not open the database")?;
    match enforce(store.clone(), plan).await {
        Ok(node) => Ok(Started { node, listener, monitoring, listen, lock }),
        Err(error) => {
            store.close().await;
            Err(error)
        }
    }
}

/// Assembles the node, and puts the configuration in force.
async fn enforce(store: Store, plan: Plan) -> anyhow::Result<Node> {
    identity_guard::check(&store, &SystemClock, OpenedBy::Daemon).await.context("could not tell whose database this is")?;
    let node = assemble::assemble(store, Arc::new(SystemClock), plan).await.context("could not assemble the node")?;
    // Under the file's lock: no other daemon has any.
    let freed = assemble::take_over(node.ctx.store()).await.context("could not expire the leases of an earlier process")?;
    if freed > 0 {
        tracing::warn!(ranges = freed, "the last run ended without returning its leases; what it had marked is uncertain");
    }
    let applied = apply::begin(&node.ctx).await.context("could not put the configuration in force")?;
    if applied.is_new {
        tracing::info!(plan = %node.ctx.plan().hash, "another configuration than the one in force: it is applied");
    }
    say_who_is_due(applied);
    journal(&node.ctx).await.context("could not bring the stop journal up to date")?;
    Ok(node)
}

/// Brings the stop journal up to date where it is new or could not be written, and compacts it where it is long.
async fn journal(ctx: &Context) -> Result<(), FlowError> {
    let Some(journal) = ctx.store().journal().cloned() else { return Ok(()) };
    let state = gate::state(ctx).await?;
    let troubled = state.stopped.is_some_and(|held| held.reason.starts_with(gate::JOURNAL_TROUBLE));
    // While the database observes, the journal may know more suppressions than the database does.
    if state.observing.is_none() && (troubled || !journal.path().exists()) {
        let lines = adopt::backfill_journal(ctx.store()).await?;
        tracing::info!(lines, "the stop journal was brought up to date");
    }
    let tidied = tokio::task::spawn_blocking(move || journal.tidy()).await;
    match tidied {
        Ok(Ok(lines)) if lines > 0 => tracing::info!(lines, "the stop journal was shortened"),
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the stop journal was not shortened"),
        Err(error) => tracing::warn!(%error, "the stop journal was not shortened"),
    }
    Ok(())
}

/// What the daemon listens to. From [`Signals::listen`] on none of them ends the process by itself.
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    /// Listens to SIGTERM, SIGINT and SIGHUP: before anything is read or opened, so that a stop during the start ends well.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns when it is told to stop.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// How many connections the second listener takes.
const MONITORS: usize = 16;

/// Serves the web until the daemon stops, and monitoring beside it; requests in progress are finished.
fn serve(
    node: &Node,
    listener: TcpListener,
    monitoring: Option<TcpListener>,
    tracker: &TaskTracker,
) -> tokio::task::JoinHandle<std::io::Result<()>> {
    let most = room(getrlimit(Resource::Nofile).current, node.ctx.plan().settings.smtp.connections);
    tracing::info!(connections = most, "as many visitors are served at once");
    let (site, ctx) = (node.site.clone(), node.ctx.clone());
    tracker.spawn(async move {
        let visitors = server::serve(listener, router(site.clone()), most, ctx.clone());
        match monitoring {
            Some(listener) => tokio::try_join!(visitors, server::serve(listener, inside(site), MONITORS, ctx)).map(drop),
            None => visitors.await,
        }
    })
}

/// Handles signals and the watchdog. Returns whether a task died.
async fn attend(
    node: &Node,
    mut pulse: Pulse,
    mut signals: Signals,
    reread: &Reread,
    mut web: tokio::task::JoinHandle<std::io::Result<()>>,
    tracker: &TaskTracker,
) -> bool {
    let (mut patience, mut refused) = (0_u64, None);
    let watched = sd_notify::watchdog_enabled(false, &mut patience);
    let every = if watched { Duration::from_micros(patience / 3) } else { Duration::from_secs(20) };
    let mut tick = tokio::time::interval(every.max(Duration::from_millis(100)));
    let tasks = tracker.len();
    loop {
        tokio::select! {
            _ = signals.term.recv() => return false,
            _ = signals.int.recv() => return false,
            _ = signals.hup.recv() => {
                refused = None;
                reload(node, reread, None).await;
            }
            () = pulse.applied_elsewhere() => take_over(node, reread, &mut refused).await,
            ended = &mut web => {
                tracing::error!(?ended, "the web server ended");
                return true;
            }
            _ = tick.tick() => {
                if tracker.len() < tasks {
                    tracing::error!("a loop ended");
                    return true;
                }
                if pulse.is_alive(every) {
                    if watched {
                        tell(&[NotifyState::Watchdog]);
                    }
                } else {
                    tracing::error!("a step does not come back; systemd is left to restart us");
                }
            }
        }
    }
}

/// Adopts a configuration that was applied by `nurtured apply` or by another node, if the files here are the
/// same. If not, it logs that once, and keeps the one in force here.
async fn take_over(node: &Node, reread: &Reread, refused: &mut Option<String>) {
    match apply::applied_elsewhere(&node.ctx).await {
        Ok(Some(hash)) if refused.as_ref() != Some(&hash) => {
            if !reload(node, reread, Some(&hash)).await {
                *refused = Some(hash);
            }
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "could not look which configuration is in force"),
    }
}

/// Puts a changed configuration in force, or logs why not and keeps the old one. With a hash, only that configuration.
/// Returns whether it is in force.
async fn reload(node: &Node, reread: &Reread, wanted: Option<&str>) -> bool {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
    let before = node.ctx.plan();
    let plan = reread().and_then(|plan| match wanted {
        Some(hash) if plan.hash != hash => {
            Err(format!("{hash} was applied elsewhere, and the files here are {}; bring the files here, then reload", plan.hash))
        }
        _ => Ok(plan),
    });
    let outcome = match plan {
        Ok(plan) => {
            let (old, new) = (&before.settings, &plan.settings);
            let moved = new.http.listen != old.http.listen
                || new.http.door.metrics_listen != old.http.door.metrics_listen
                || !new.database.is(&old.database);
            let hash = plan.hash.clone();
            apply::apply(&node.ctx, plan).await.map(|applied| (hash, moved, applied)).map_err(|e| format!("could not {e}"))
        }
        Err(problems) => Err(problems),
    };
    let done = outcome.is_ok();
    match outcome {
        Ok((hash, moved, applied)) => {
            tracing::info!(plan = %hash, "configuration reloaded");
            say_who_is_due(applied);
            if moved {
                tracing::warn!("http.listen, http.metrics_listen and database.url take effect at the next restart");
            }
        }
        Err(problems) => tracing::error!(%problems, "reload refused; the old configuration stays in force"),
    }
    tell(&[NotifyState::Ready]);
    done
}

fn say_who_is_due(applied: Applied) {
    if applied.due > 0 {
        tracing::info!(prospects = applied.due, "other rules: every prospect is assessed again");
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::debug!(%error, "systemd was not told");
    }
}
