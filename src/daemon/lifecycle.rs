//! The lifecycle under systemd: ready, reload, drain, stop; and the watchdog, fed by proven progress.

use super::assemble::{self, House};
use super::home::{self, Asks, Known};
use super::loops::{self, Pulse};
use crate::clock::SystemClock;
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError};
use crate::flow::{adopt, gate, qualify};
use crate::web::router::router;
use anyhow::Context as _;
use sd_notify::NotifyState;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::task::TaskTracker;

/// How long a drain may take before it is given up; systemd's own patience is longer.
const DRAIN: Duration = Duration::from_secs(75);

/// Reads the configuration again, for a reload: a plan fit to run, or every problem as text.
pub type Reread = Box<dyn Fn() -> Result<Plan, String> + Send + Sync>;

/// Runs until SIGTERM or SIGINT. SIGHUP rereads the configuration.
///
/// # Errors
/// When the database or the port cannot be opened, or a task died.
pub async fn run(plan: Plan, reread: Reread) -> anyhow::Result<()> {
    let listen = plan.settings.http.listen;
    let store = assemble::open_store(&plan).await.context("could not open the database")?;
    home::look(&store, &SystemClock, Asks::Daemon).await.context("could not tell whose database this is")?;
    let house = assemble::assemble(store, Arc::new(SystemClock), plan).await.context("could not assemble the house")?;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("could not listen on {listen}"))?;
    // Behind the port: whoever has it is the only one.
    let freed = assemble::take_over(house.ctx.store()).await.context("could not take over what was in hand")?;
    if freed > 0 {
        tracing::warn!(ranges = freed, "the last run ended without giving back what it held; what it marked is in doubt");
    }
    let signals = Signals {
        term: signal(SignalKind::terminate())?,
        int: signal(SignalKind::interrupt())?,
        hup: signal(SignalKind::hangup())?,
    };

    let due = qualify::apply_rules(&house.ctx).await.context("could not put the rules in force")?;
    if due > 0 {
        tracing::info!(prospects = due, "the rules are not those of the last run: everybody is assessed anew");
    }
    journal(&house.ctx).await.context("could not bring the stop journal up to date")?;
    let tracker = TaskTracker::new();
    let pulse = loops::start(&house, &tracker);
    let web = serve(&house, listener, &tracker);
    tell(&[NotifyState::Ready]);
    tracing::info!(%listen, campaigns = house.ctx.plan().campaigns.len(), "nurtured runs");
    let died = attend(&house, pulse, signals, &reread, web, &tracker).await;

    tell(&[NotifyState::Stopping]);
    tracing::info!("stopping: finishing what is in hand");
    house.ctx.stop();
    tracker.close();
    if tokio::time::timeout(DRAIN, tracker.wait()).await.is_err() {
        tracing::warn!("the drain was given up; what was in transmission is in doubt and will be treated by policy");
    }
    if let Err(error) = home::keep(house.ctx.store(), &SystemClock, &mut Known::default()).await {
        tracing::warn!(%error, "how far the database has come was not kept");
    }
    house.ctx.store().close().await;
    tracing::info!("stopped");
    anyhow::ensure!(!died, "a task ended that must not end");
    Ok(())
}

/// Brings the stop journal up to date where it is new, or could not be written, and shortens it where it is long.
async fn journal(ctx: &Context) -> Result<(), FlowError> {
    let Some(journal) = ctx.store().journal().cloned() else { return Ok(()) };
    let state = gate::state(ctx).await?;
    let troubled = state.stopped.is_some_and(|held| held.reason.starts_with(gate::JOURNAL_TROUBLE));
    // While observing it knows more than the database does.
    if state.observing.is_none() && (troubled || !journal.path().exists()) {
        let lines = adopt::complete(ctx).await?;
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

struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

/// Serves the web until the house stops; answers in hand are finished.
fn serve(house: &House, listener: TcpListener, tracker: &TaskTracker) -> tokio::task::JoinHandle<std::io::Result<()>> {
    let app = router(house.site.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let ctx = house.ctx.clone();
    tracker.spawn(async move { axum::serve(listener, app).with_graceful_shutdown(async move { ctx.stopping().await }).await })
}

/// Attends to signals and the watchdog. Returns whether a task died.
async fn attend(
    house: &House,
    mut pulse: Pulse,
    mut signals: Signals,
    reread: &Reread,
    mut web: tokio::task::JoinHandle<std::io::Result<()>>,
    tracker: &TaskTracker,
) -> bool {
    let mut patience = 0_u64;
    let watched = sd_notify::watchdog_enabled(false, &mut patience);
    let every = if watched { Duration::from_micros(patience / 3) } else { Duration::from_secs(20) };
    let mut tick = tokio::time::interval(every.max(Duration::from_millis(100)));
    let tasks = tracker.len();
    loop {
        tokio::select! {
            _ = signals.term.recv() => return false,
            _ = signals.int.recv() => return false,
            _ = signals.hup.recv() => reload(house, reread).await,
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

/// Puts a changed configuration in force, or says why not and keeps the old one.
async fn reload(house: &House, reread: &Reread) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
    let before = house.ctx.plan();
    let outcome = reread().and_then(|plan| {
        let moved =
            plan.settings.http.listen != before.settings.http.listen || !plan.settings.database.is(&before.settings.database);
        let hash = plan.hash.clone();
        house.ctx.replace_plan(plan).map_err(|e| e.to_string())?;
        Ok((hash, moved))
    });
    match outcome {
        Ok((hash, moved)) => {
            tracing::info!(plan = %hash, "configuration reloaded");
            match qualify::apply_rules(&house.ctx).await {
                Ok(0) => {}
                Ok(due) => tracing::info!(prospects = due, "other rules: everybody is assessed anew"),
                Err(error) => tracing::error!(%error, "the new rules wait for the next signal of each prospect"),
            }
            if moved {
                tracing::warn!("http.listen and database.url take effect at the next restart");
            }
        }
        Err(problems) => tracing::error!(%problems, "reload refused; the old configuration stays in force"),
    }
    tell(&[NotifyState::Ready]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::debug!(%error, "systemd was not told");
    }
}
