//! The lifecycle under systemd: ready, reload, drain, stop; and the watchdog, fed by proven progress.

use super::assemble::{self, House};
use super::loops::{self, Pulse};
use crate::clock::SystemClock;
use crate::domain::plan::Plan;
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
    let house = assemble::assemble(store, Arc::new(SystemClock), plan).await.context("could not assemble the house")?;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("could not listen on {listen}"))?;
    let signals = Signals {
        term: signal(SignalKind::terminate())?,
        int: signal(SignalKind::interrupt())?,
        hup: signal(SignalKind::hangup())?,
    };

    let tracker = TaskTracker::new();
    let pulse = loops::start(&house, &tracker);
    let web = serve(&house, listener, &tracker);
    tell(&[NotifyState::Ready]);
    tracing::info!(%listen, campaigns = house.ctx.plan().campaigns.len(), "nurtured runs");
    let died = attend(&house, &pulse, signals, &reread, web, &tracker).await;

    tell(&[NotifyState::Stopping]);
    tracing::info!("stopping: finishing what is in hand");
    house.ctx.stop();
    tracker.close();
    if tokio::time::timeout(DRAIN, tracker.wait()).await.is_err() {
        tracing::warn!("the drain was given up; what was in transmission is in doubt and will be treated by policy");
    }
    house.ctx.store().close().await;
    tracing::info!("stopped");
    anyhow::ensure!(!died, "a task ended that must not end");
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
    pulse: &Pulse,
    mut signals: Signals,
    reread: &Reread,
    mut web: tokio::task::JoinHandle<std::io::Result<()>>,
    tracker: &TaskTracker,
) -> bool {
    let mut patience = 0_u64;
    let watched = sd_notify::watchdog_enabled(false, &mut patience);
    let every = if watched { Duration::from_micros(patience / 3) } else { Duration::from_secs(20) };
    let mut tick = tokio::time::interval(every.max(Duration::from_millis(100)));
    let mut beats = pulse.beats();
    let tasks = tracker.len();
    loop {
        tokio::select! {
            _ = signals.term.recv() => return false,
            _ = signals.int.recv() => return false,
            _ = signals.hup.recv() => reload(house, reread),
            ended = &mut web => {
                tracing::error!(?ended, "the web server ended");
                return true;
            }
            _ = tick.tick() => {
                if tracker.len() < tasks {
                    tracing::error!("a loop ended");
                    return true;
                }
                // A loop looks around every five seconds at the latest: a third of the watchdog's time without a single
                // beat means that nothing moves.
                if watched && pulse.beats() != beats {
                    tell(&[NotifyState::Watchdog]);
                }
                beats = pulse.beats();
            }
        }
    }
}

/// Puts a changed configuration in force, or says why not and keeps the old one.
fn reload(house: &House, reread: &Reread) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
    let before = house.ctx.plan();
    let outcome = reread().and_then(|plan| {
        let moved = plan.settings.http.listen != before.settings.http.listen;
        let hash = plan.hash.clone();
        house.ctx.replace_plan(plan).map_err(|e| e.to_string())?;
        Ok((hash, moved))
    });
    match outcome {
        Ok((hash, moved)) => {
            tracing::info!(plan = %hash, "configuration reloaded");
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
