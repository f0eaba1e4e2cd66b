//! The database as the test process sees it: what is there before the daemons start, stops committed beside them, and
//! what is done on a clock moved by hand when they are gone. What is left is read in `remains`.

use crate::checker::Stopped;
use crate::company::{self, address, arrival, half_a_year_ago};
use jiff::{SignedDuration, Timestamp};
use nurtured::clock::{Clock, ManualClock, SystemClock};
use nurtured::daemon::assemble;
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::plan::Plan;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::flow::context::Progress;
use nurtured::flow::doorway::admit;
use nurtured::flow::until_idle::Step;
use nurtured::store::engine::backend::{Store, StoreError, Tx};
use nurtured::store::group::leases;
use nurtured::store::people::suppressions::{self, Stop};
use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where it is.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

/// The rows of a query, on either engine. It speaks SQL itself: what is checked was not read by what is tested.
macro_rules! rows {
    ($tx:expr, $sql:expr $(, $value:expr)*) => {
        match $tx {
            Tx::Sqlite(tx, _) => sqlx::query_as($sql)$(.bind($value))*.fetch_all(&mut **tx).await,
            Tx::Postgres(tx, _) => sqlx::query_as($sql)$(.bind($value))*.fetch_all(&mut **tx).await,
        }
    };
}
pub(crate) use rows;

/// Ranges that somebody holds, or may take now.
const IN_HAND: &str = "SELECT COUNT(*) FROM leases WHERE finished_at IS NULL AND (owner IS NOT NULL OR not_before <= $1)";
const UNFILLED: &str = "SELECT (SELECT COUNT(*) FROM occurrences WHERE state = 'filling'), (SELECT COUNT(*) FROM occurrences)";
pub(crate) const MARKS: &str = "
    SELECT COUNT(*) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE d.address = $1 AND a.state = 'transmitting'";

impl Database {
    /// As the configuration names it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// Opened for one purpose and closed after it: while nobody of ours has a SQLite file open, the next daemon finds it
    /// as the killed one left it, and has to recover it by itself.
    pub(crate) async fn open(&self) -> Result<Store, StoreError> {
        match self {
            Self::Sqlite(path) => Store::open_sqlite(path).await,
            Self::Postgres(url) => Store::open_postgres(&SecretString::from(url.as_str())).await,
        }
    }

    /// Writes the configuration and admits so many prospects, an hour before the campaign is due.
    pub(crate) async fn prepare(
        &self,
        directory: &Path,
        relay: SocketAddr,
        people: usize,
        due: Timestamp,
    ) -> anyhow::Result<Plan> {
        let files = company::files(due);
        company::write(&files, directory)?;
        let plan = company::plan(&files, relay, &[])?;
        let clock = Arc::new(ManualClock::at(due - SignedDuration::from_hours(1)));
        let store = self.open().await?;
        assemble::assemble(store.clone(), clock.clone(), plan.clone()).await?;
        let arrivals: Vec<Arrival> = (0..people).map(arrival).collect::<Result<_, _>>()?;
        for page in arrivals.chunks(1_000) {
            let mut tx = store.write().await?;
            admit::admit(&mut tx, &plan, page, "import", None, clock.now()).await?;
            tx.commit().await?;
        }
        store.close().await;
        Ok(plan)
    }

    /// The same, and publishes one issue to them, on a clock of half a year ago: nothing of it is sent.
    pub(crate) async fn publish(&self, directory: &Path, relay: SocketAddr, people: usize) -> anyhow::Result<Plan> {
        let due = half_a_year_ago()?;
        let plan = self.prepare(directory, relay, people, due).await?;
        let store = self.open().await?;
        let clock = Arc::new(ManualClock::at(due + SignedDuration::from_mins(1)));
        let node = assemble::assemble(store.clone(), clock, plan.clone()).await?;
        while Step::Publish.take(&node.ctx, &node.writer).await? == Progress::Done {}
        store.close().await;
        Ok(plan)
    }

    /// Whether nothing can be sent now: something was published, and every range is finished, or waits for its time in
    /// nobody's hands.
    pub(crate) async fn is_idle(&self) -> anyhow::Result<bool> {
        let store = self.open().await?;
        let mut tx = store.read().await?;
        let held: Vec<(i64,)> = rows!(&mut tx, IN_HAND, SystemClock.now().as_millisecond())?;
        let unfilled: Vec<(i64, i64)> = rows!(&mut tx, UNFILLED)?;
        tx.rollback().await?;
        store.close().await;
        Ok(held[0].0 == 0 && unfilled[0].0 == 0 && unfilled[0].1 > 0)
    }

    /// Commits somebody's stop, as an unsubscribe does.
    pub(crate) async fn stop(&self, store: &Store, number: usize, journalled: impl Fn() -> usize) -> anyhow::Result<Stopped> {
        let recipient = address(number);
        let mut tx = store.write().await?;
        let stop = Stop {
            address: recipient.clone(),
            channel: Channel::Email,
            reason: StopReason::Unsubscribed,
            source: "chaos".into(),
        };
        suppressions::add(&mut tx, &[stop], SystemClock.now()).await?;
        let marks: Vec<(i64,)> = rows!(&mut tx, MARKS, recipient.as_str())?;
        tx.commit().await?;
        let (committed_at, journalled) = (SystemClock.now().as_millisecond(), journalled());
        Ok(Stopped { recipient, committed_at, marks: usize::try_from(marks[0].0)?, journalled })
    }

    /// Gives back what a killed node held, once the server has ended what that node had begun: a commit may still be
    /// under way when its client is dead. On SQLite the next daemon does that itself.
    pub(crate) async fn bury(&self, node: &str) -> anyhow::Result<()> {
        let Self::Postgres(url) = self else { return Ok(()) };
        let died_at = crate::postgres::ask(url, "SELECT clock_timestamp()");
        let begun = format!(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND xact_start <= '{died_at}'"
        );
        while crate::postgres::ask(url, &begun) != "0" {}
        let store = self.open().await?;
        let mut tx = store.write().await?;
        leases::expire_of(&mut tx, node).await?;
        tx.commit().await?;
        store.close().await;
        Ok(())
    }

    /// Lets time pass on a clock moved by hand, with one node in this process that takes every step, until nothing is
    /// left to be tried. Returns whether every delivery came to its end within four days.
    pub(crate) async fn let_time_pass(&self, plan: &Plan) -> anyhow::Result<bool> {
        let began = SystemClock.now();
        let clock = Arc::new(ManualClock::at(began));
        let store = self.open().await?;
        let node = assemble::assemble(store.clone(), clock.clone(), plan.clone()).await?;
        let finished = loop {
            let (mut is_done, mut is_delivered, mut next) = (true, false, None::<Timestamp>);
            for step in Step::ALL {
                match step.take(&node.ctx, &node.writer).await? {
                    Progress::Done => is_done = false,
                    Progress::Idle => is_delivered |= step == Step::Deliver,
                    Progress::NotBefore(at) => next = Some(next.map_or(at, |soonest| soonest.min(at))),
                }
            }
            match next.filter(|at| *at < began + SignedDuration::from_hours(96)) {
                _ if !is_done => {}
                Some(at) => clock.move_to(at.max(clock.now())),
                None => break is_delivered,
            }
        };
        store.close().await;
        Ok(finished)
    }
}
