//! Spooled: links that were followed while the database was away. The visitor was led on; what they did waits in a file beside
//! the stop journal, and is recorded later, once, as of when it happened.

use super::hit::{self, Followed, Hit, Requester, What};
use super::observe::commit;
use crate::flow::context::{Context, FlowError};
use crate::store::engine::spool::Spool;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How many bytes wait at most: some forty thousand clicks.
const MOST: u64 = 16 << 20;
/// How many are recorded in one transaction.
const PAGE: usize = 500;
/// How long the task waits after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The clicks that wait. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Spooled(Option<Arc<Waiting>>);

#[derive(Debug)]
struct Waiting {
    spool: Spool,
    added: Notify,
}

#[derive(Serialize, Deserialize)]
struct Line {
    followed: Followed,
    from: Requester,
}

impl Spooled {
    /// Those of a node; without a stop journal there is no file for them, and none waits.
    pub fn of(ctx: &Context) -> Self {
        let journal = ctx.store().journal();
        let waiting = |path| Arc::new(Waiting { spool: Spool::beside(path, "clicks", MOST), added: Notify::new() });
        Self(journal.map(|journal| waiting(journal.path())))
    }

    /// Keeps a followed link until the database is back. It is on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn keep(&self, followed: Followed, from: Requester) -> Result<(), FlowError> {
        let unable = |what: String| FlowError::Unable(format!("keep a click for later: {what}"));
        let waiting = self.0.clone().ok_or_else(|| unable("there is no stop journal".to_owned()))?;
        let line = serde_json::to_string(&Line { followed, from }).map_err(|e| unable(e.to_string()))?;
        let writing = waiting.clone();
        let written = tokio::task::spawn_blocking(move || writing.spool.add(&line)).await;
        written.map_err(|e| unable(e.to_string()))?.map_err(|e| unable(e.to_string()))?;
        waiting.added.notify_one();
        Ok(())
    }

    /// Records what waits. Returns how many clicks were read.
    ///
    /// # Errors
    /// Those of the store, or of the file; everything waits on.
    pub async fn record(&self, ctx: &Context) -> Result<usize, FlowError> {
        let Some(waiting) = self.0.clone() else { return Ok(0) };
        let reading = waiting.clone();
        let lines = on_disk(move || reading.spool.take()).await?;
        let hits: Vec<Hit> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).map(hit).collect();
        if hits.len() < lines.len() {
            tracing::warn!(lines = lines.len() - hits.len(), "clicks that waited cannot be read; a crash may have torn one");
        }
        for page in hits.chunks(PAGE) {
            let mut tx = ctx.store().write().await?;
            hit::write(&mut tx, ctx, page).await?;
            commit(ctx, tx).await?;
        }
        on_disk(move || waiting.spool.done()).await?;
        Ok(hits.len())
    }

    /// Records what waits as soon as the database takes it, until the service stops.
    pub async fn keep_recording(&self, ctx: &Context) {
        let Some(waiting) = self.0.clone() else { return };
        while !ctx.is_stopping() {
            if waiting.spool.is_empty() {
                tokio::select! {
                    () = waiting.added.notified() => {}
                    () = ctx.stopping() => return,
                }
            }
            match self.record(ctx).await {
                Ok(0) => {}
                Ok(clicks) => tracing::info!(clicks, "recorded clicks that had waited for the database"),
                Err(error) => {
                    tracing::warn!(%error, "clicks wait for the database");
                    tokio::select! {
                        () = tokio::time::sleep(AFTER_FAILURE) => {}
                        () = ctx.stopping() => return,
                    }
                }
            }
        }
    }
}

/// Reads what waits where it holds up nobody else: up to `MOST`, and behind the lock of another process.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, FlowError> {
    let unable = |what: String| FlowError::Unable(format!("read the clicks that wait: {what}"));
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| unable(e.to_string()))?.map_err(|e| unable(e.to_string()))
}

fn hit(line: Line) -> Hit {
    Hit { what: What::Followed(line.followed), from: line.from }
}
