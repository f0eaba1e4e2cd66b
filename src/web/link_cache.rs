//! The targets of the newest issues' links, in memory: a prospect's click is redirected even while the database is down.
//!
//! The cache holds only targets from issues, so a link can lead nowhere else, and its size is bounded. It knows no
//! prospect and records nothing.

use crate::domain::group::issue::Content;
use crate::domain::id::IssueId;
use crate::flow::context::{Context, FlowError};
use crate::store::group::issues;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How many issues are cached at most.
const MOST_ISSUES: usize = 1_000;
/// How many bytes of links are cached at most.
const MOST_BYTES: usize = 4 << 20;
/// How long the task waits at most before it reads new issues without a wake: another node may have published them.
const LOOK_ANYWAY: Duration = Duration::from_mins(10);
/// How long the task waits at least between reads, because every click wakes it.
const BREATH: Duration = Duration::from_secs(1);

/// The targets of the newest issues. Cheap to clone; clones share everything.
#[derive(Debug, Clone, Default)]
pub struct LinkCache(Arc<RwLock<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    issues: BTreeMap<IssueId, Box<[Box<str>]>>,
    bytes: usize,
    /// Issues up to this one were dropped and are not read again.
    forgotten: Option<IssueId>,
}

impl LinkCache {
    /// The target of an issue's link, if it is cached.
    pub fn of(&self, issue: IssueId, ordinal: u16) -> Option<String> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.issues.get(&issue)?.get(usize::from(ordinal)).map(ToString::to_string)
    }

    /// Caches the targets of an issue's links. The oldest issues are dropped when the cache is full. A correction adds links.
    pub fn keep(&self, issue: IssueId, content: &Content) {
        if self.wants(issue) || self.has_fewer(issue, content.links.len()) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).add(issue, &content.links, MOST_ISSUES, MOST_BYTES);
        }
    }

    /// Reads the issues that are not cached yet.
    ///
    /// # Errors
    /// Those of the store; the cache keeps what it had.
    pub async fn refresh(&self, ctx: &Context) -> Result<(), FlowError> {
        let most = i64::try_from(MOST_ISSUES).unwrap_or(i64::MAX);
        let newest = issues::newest(&mut ctx.store().read().await?, most).await?;
        for issue in newest {
            if self.wants(issue)
                && let Some(found) = issues::content(&mut ctx.store().read().await?, issue).await?
            {
                self.keep(issue, &found.content);
            }
        }
        Ok(())
    }

    /// Reads new issues when they appear, until the service stops.
    pub async fn keep_current(&self, ctx: &Context) {
        let mut wakes = ctx.wakes();
        while !ctx.is_stopping() {
            wakes.borrow_and_update();
            if let Err(error) = self.refresh(ctx).await {
                tracing::warn!(%error, "links of new issues not read");
            }
            tokio::select! {
                () = async {
                    tokio::time::sleep(BREATH).await;
                    // The sender is in the context, so it is not dropped; a timeout means to read anyway.
                    let _ = tokio::time::timeout(LOOK_ANYWAY, wakes.changed()).await;
                } => {}
                () = ctx.stopping() => {}
            }
        }
    }

    fn has_fewer(&self, issue: IssueId, links: usize) -> bool {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.issues.get(&issue).is_some_and(|kept| kept.len() < links)
    }

    fn wants(&self, issue: IssueId) -> bool {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        !kept.issues.contains_key(&issue) && kept.forgotten.is_none_or(|forgotten| issue > forgotten)
    }
}

impl Kept {
    fn add(&mut self, issue: IssueId, links: &[String], most_issues: usize, most_bytes: usize) {
        let links: Box<[Box<str>]> = links.iter().map(|link| link.as_str().into()).collect();
        self.bytes += weight(&links);
        if let Some(before) = self.issues.insert(issue, links) {
            self.bytes -= weight(&before);
        }
        while self.issues.len() > most_issues || self.bytes > most_bytes {
            let Some((oldest, links)) = self.issues.pop_first() else { return };
            self.bytes -= weight(&links);
            self.forgotten = self.forgotten.max(Some(oldest));
        }
    }
}

/// How many bytes an issue's links take, with their share of the map.
fn weight(links: &[Box<str>]) -> usize {
    links.iter().map(|link| link.len() + 32).sum::<usize>() + 64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(issue: i64) -> Vec<String> {
        vec![format!("https://tecnofab.example/{issue}"); 2]
    }

    fn kept(most_issues: usize, most_bytes: usize, issues: impl IntoIterator<Item = i64>) -> Kept {
        let mut kept = Kept::default();
        for issue in issues {
            kept.add(IssueId(issue), &links(issue), most_issues, most_bytes);
            let weighed: usize = kept.issues.values().map(|links| weight(links)).sum();
            assert_eq!(kept.bytes, weighed);
            assert!(kept.issues.len() <= most_issues && kept.bytes <= most_bytes);
        }
        kept
    }

    #[test]
    fn the_newest_are_kept_in_whatever_order_they_come() {
        for order in [vec![1, 2, 3, 4, 5], vec![5, 4, 3, 2, 1], vec![3, 5, 1, 4, 2], vec![5, 5, 4, 5, 3]] {
            let kept = kept(3, usize::MAX, order.clone());
            assert_eq!(kept.issues.keys().map(|id| id.0).collect::<Vec<_>>(), [3, 4, 5], "{order:?}");
        }
    }

    #[test]
    fn what_is_forgotten_is_not_asked_for_again() {
        let targets = LinkCache(Arc::new(RwLock::new(kept(2, usize::MAX, [1, 2, 3, 4]))));
        let wanted: Vec<i64> = (0..8).filter(|issue| targets.wants(IssueId(*issue))).collect();
        assert_eq!(wanted, [5, 6, 7]);
        assert_eq!(targets.of(IssueId(4), 1).as_deref(), Some("https://tecnofab.example/4"));
        assert_eq!((targets.of(IssueId(4), 2), targets.of(IssueId(1), 0)), (None, None));
    }

    #[test]
    fn long_links_leave_room_for_fewer() {
        let room = weight(&links(1).iter().map(|link| link.as_str().into()).collect::<Vec<_>>());
        assert_eq!(kept(100, 3 * room, 1..=9).issues.len(), 3);
        assert!(kept(100, room - 1, 1..=9).issues.is_empty(), "one that is too large alone");
    }
}
