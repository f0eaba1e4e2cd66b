//! The doors of delivery: marks and results of all connections share group commits.

use crate::clock::Clock;
use crate::domain::id::{DeliveryId, IssueId, ProspectId};
use crate::domain::signal::{About, Detail, NewSignal};
use crate::store::attempts::{self, Mark, Outcome};
use crate::store::backend::{Store, StoreError, Tx};
use crate::store::batch::Batch;
use crate::store::suppressions::{self, Channel, Stop};
use crate::store::{assessments, deliveries, signals};
use jiff::Timestamp;
use std::sync::Arc;

/// How many marks or results share one commit at most.
const GROUP: usize = 512;

/// The doors through which marks and results are written together.
#[derive(Clone)]
pub struct Doors {
    /// Whether each may be transmitted.
    pub marks: Batch<Mark, bool>,
    /// Whether each was recorded.
    pub results: Batch<Finished, bool>,
}

/// A result, and what else it means.
#[derive(Debug)]
pub struct Finished {
    /// The result.
    pub outcome: Outcome,
    /// The mailbox does not exist: whose, and what the relay said.
    pub gone: Option<(String, String)>,
}

impl Doors {
    /// Opens the doors; their tasks end with the last clone.
    #[must_use]
    pub fn open(store: &Store, clock: &Arc<dyn Clock>) -> Self {
        let (at_mark, at_result) = (clock.clone(), clock.clone());
        let marks = Batch::open(store.clone(), GROUP, move |tx: &mut Tx, marks: &[Mark]| {
            let now = at_mark.now();
            Box::pin(async move {
                let marked = attempts::mark(tx, marks, now).await?;
                failpoint!("mark.before_commit", StoreError::Rows { expected: 1, found: 0 });
                Ok(marks.iter().map(|m| marked.contains(&m.delivery)).collect())
            })
        });
        let results = Batch::open(store.clone(), GROUP, move |tx: &mut Tx, finished: &[Finished]| {
            let now = at_result.now();
            Box::pin(record(tx, finished, now))
        });
        Self { marks, results }
    }
}

/// Writes results; a mailbox that does not exist is suppressed and becomes a signal in the same transaction.
async fn record(tx: &mut Tx, finished: &[Finished], now: Timestamp) -> Result<Vec<bool>, StoreError> {
    let outcomes: Vec<Outcome> = finished.iter().map(|f| f.outcome.clone()).collect();
    let recorded = attempts::record(tx, &outcomes, now).await?;
    let gone: Vec<_> =
        finished.iter().filter(|f| recorded.contains(&f.outcome.delivery)).filter_map(|f| Some((f, f.gone.as_ref()?))).collect();
    if !gone.is_empty() {
        let stops: Vec<Stop> = gone.iter().map(|(_, (address, words))| bounced(address, words)).collect();
        suppressions::add(tx, &stops, now).await?;
        let mut news = Vec::new();
        for (f, (_, words)) in &gone {
            let origin = deliveries::origin(tx, f.outcome.delivery).await?;
            let prospect = origin.as_ref().and_then(|o| o.prospect);
            news.push((prospect, refused(f.outcome.delivery, origin.map(|o| o.issue), prospect, words, now)));
        }
        let rows: Vec<_> = news.iter().map(|(prospect, signal)| (*prospect, signal)).collect();
        signals::append(tx, &rows, now).await?;
        assessments::mark(tx, rows.iter().filter_map(|(p, _)| Some(((*p)?, now)))).await?;
    }
    failpoint!("result.before_commit", StoreError::Rows { expected: 1, found: 0 });
    Ok(finished.iter().map(|f| recorded.contains(&f.outcome.delivery)).collect())
}

fn bounced(address: &str, words: &str) -> Stop {
    Stop {
        address: address.to_owned(),
        channel: Channel::Email,
        reason: "bounced",
        source: format!("refused at delivery: {}", crate::domain::signal::excerpt(words, 100)),
    }
}

fn refused(delivery: DeliveryId, issue: Option<IssueId>, prospect: Option<ProspectId>, words: &str, now: Timestamp) -> NewSignal {
    NewSignal {
        about: prospect.map_or(About::Nobody, About::Prospect),
        once: format!("bounce:{delivery}"),
        occurred_at: now,
        delivery: Some(delivery),
        issue,
        by: None,
        machine: None,
        detail: Detail::Bounce { hard: true, status: None, diagnostic: words.to_owned() },
    }
}
