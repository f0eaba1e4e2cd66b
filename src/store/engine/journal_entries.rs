//! The entries that a transaction adds to the stop journal. A store function that stops an address, or ends a stop, leaves a
//! note; the commit writes all notes, so that no caller can forget it and a group commit costs one fsync.

use super::journal::{Journal, What};
use std::sync::Arc;
use tokio::sync::{OwnedMutexGuard, watch};

/// How often a store and its clones have committed. The restore marker waits for the next commit to write how far the
/// database has come.
#[derive(Debug, Clone)]
pub struct Commits(watch::Sender<u64>);

impl Default for Commits {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Commits {
    pub(in crate::store) fn count(&self) {
        self.0.send_modify(|commits| *commits = commits.wrapping_add(1));
    }

    pub fn number(&self) -> u64 {
        *self.0.borrow()
    }

    /// Waits until the number is another than `seen`.
    pub async fn others_than(&self, seen: u64) {
        // The sender is a field of this value: the channel cannot be closed.
        let _ = self.0.subscribe().wait_for(|commits| *commits != seen).await;
    }
}

/// The notes of one transaction; empty where there is no journal. They are kept until it ends, and its turn with them.
#[derive(Debug, Default)]
pub struct Notes {
    journal: Option<Arc<Journal>>,
    commits: Commits,
    said: Vec<(String, What)>,
    erased: Vec<(String, String)>,
    /// The turn among those that write, where there are turns; the next one comes when it is dropped.
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Notes {
    /// For a transaction whose stops go into this journal.
    pub(in crate::store) const fn of(journal: Option<Arc<Journal>>, commits: Commits) -> Self {
        Self { journal, commits, said: Vec::new(), erased: Vec::new(), _turn: None }
    }

    /// For a transaction that has a turn, and keeps it until it ends.
    pub(in crate::store) fn with_turn(self, turn: Option<OwnedMutexGuard<()>>) -> Self {
        Self { _turn: turn, ..self }
    }

    /// Notes a stop, or the end of one.
    pub(in crate::store) fn say(&mut self, address: String, what: What) {
        if self.journal.is_some() {
            self.said.push((address, what));
        }
    }

    /// Notes that an address is to be replaced by its hash.
    pub(in crate::store) fn erase(&mut self, address: String, stands_for_it: String) {
        if self.journal.is_some() {
            self.erased.push((address, stands_for_it));
        }
    }

    /// Whether the last attempt to write the journal failed.
    pub(in crate::store) fn are_lost(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.is_broken())
    }

    /// Writes the stops, before the commit: one that is in the journal and not in the database does no harm. A journal
    /// that cannot be written does not keep the stop from being committed; it keeps us from sending.
    pub(in crate::store) async fn before_commit(&mut self) {
        let (ends, stops): (Vec<_>, Vec<_>) = std::mem::take(&mut self.said).into_iter().partition(|(_, what)| what.lets_go());
        self.said = ends;
        if !stops.is_empty() {
            self.on_disk(move |journal| journal.write(stops)).await;
        }
    }

    /// Writes the ends of stops, and takes erased addresses out, now that both are committed.
    pub(in crate::store) async fn after_commit(mut self) {
        self.commits.count();
        let (ends, erased) = (std::mem::take(&mut self.said), std::mem::take(&mut self.erased));
        if !ends.is_empty() || !erased.is_empty() {
            let write = move |journal: &Journal| {
                if !ends.is_empty() {
                    journal.write(ends);
                }
                if !erased.is_empty() {
                    journal.erase(erased);
                }
            };
            self.on_disk(write).await;
        }
    }

    async fn on_disk(&self, write: impl FnOnce(&Journal) + Send + 'static) {
        if let Some(journal) = self.journal.clone() {
            let written = tokio::task::spawn_blocking(move || write(&journal)).await;
            if let Err(error) = written {
                tracing::error!(%error, "the stop journal was not written");
            }
        }
    }
}
