//! What the scenarios wait for. Nothing sleeps for its own sake; whoever waits looks around at intervals, to notice that
//! the thing has happened, or that it is waited for in vain.

use crate::database::Database;
use crate::node::{Node, Post};
use crate::relay::Relay;
use anyhow::{Context as _, bail, ensure};
use nurtured::clock::{Clock, SystemClock};
use std::process::ExitStatus;
use std::time::Duration;

/// How often somebody who waits looks whether there is still something to wait for.
const LOOK_AROUND: Duration = Duration::from_millis(250);
/// For how long nothing may happen while something is left to be sent.
const PATIENCE: Duration = Duration::from_mins(5);

/// Waits until a node stands in the relay's trap, and says which; or until nothing can be sent now.
pub(crate) async fn until_caught(database: &Database, relay: &Relay, nodes: &mut [Node]) -> anyhow::Result<Option<usize>> {
    let mut progress = relay.progress.clone();
    let (mut seen, mut since) = (0, SystemClock.now());
    loop {
        // The end of the interval is when to look around.
        if let Ok(caught) = tokio::time::timeout(LOOK_AROUND, progress.wait_for(|p| p.caught.is_some())).await {
            return Ok(caught?.caught);
        }
        for node in &mut *nodes {
            if let Some(status) = node.ended()? {
                bail!("a daemon ended by itself: {status}");
            }
        }
        if database.is_idle().await? {
            return Ok(None);
        }
        let (tries, now) = (progress.borrow().tries, SystemClock.now());
        if tries > seen {
            (seen, since) = (tries, now);
        }
        ensure!(now.duration_since(since).unsigned_abs() < PATIENCE, "nothing was sent for {PATIENCE:?}, and something is left");
    }
}

/// Waits until nothing can be sent now. There must be no trap.
pub(crate) async fn until_idle(database: &Database, relay: &Relay, nodes: &mut [Node]) -> anyhow::Result<()> {
    let caught = until_caught(database, relay, nodes).await?;
    ensure!(caught.is_none(), "a trap was forgotten");
    Ok(())
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let began = SystemClock.now();
    while !holds()? {
        ensure!(SystemClock.now().duration_since(began).unsigned_abs() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(LOOK_AROUND / 10).await;
    }
    Ok(())
}

/// Waits until a daemon has ended by itself.
pub(crate) async fn until_ended(node: &mut Node) -> anyhow::Result<ExitStatus> {
    let mut status = None;
    until("the daemon ended", || {
        status = node.ended()?;
        Ok(status.is_some())
    })
    .await?;
    status.context("it ended")
}

/// Adds the last lines of the log to what went wrong.
pub(crate) fn explained<T>(result: anyhow::Result<T>, post: &Post) -> anyhow::Result<T> {
    result.with_context(|| {
        let log = post.log();
        let mut lines: Vec<&str> = log.lines().rev().take(20).collect();
        lines.reverse();
        format!("the last lines of the daemons' log:\n{}", lines.join("\n"))
    })
}

/// Waits for something for as long as anything is waited for.
pub(crate) async fn in_time<T>(what: &str, something: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::time::timeout(PATIENCE, something).await.with_context(|| format!("waited in vain until {what}"))?
}
