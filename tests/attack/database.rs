//! The database as the attack sees it. It speaks SQL itself: what is checked was not read by what is attacked.

use anyhow::bail;
use jiff::{SignedDuration, Timestamp};
use nurtured::clock::{Clock, SystemClock};
use nurtured::store::engine::backend::{Store, Tx};
use sqlx::sqlite::SqliteRow;
use std::path::Path;
use std::time::Duration;

use crate::company::CAMPAIGN;

pub(crate) struct Database(Store);

/// What is still to be done: forms not decided on, enquiries not placed, requests not handed off, letters and mails not sent.
const TO_DO: &str = "
    SELECT (SELECT COUNT(*) FROM pending_forms WHERE mail = 'due')
         + (SELECT COUNT(*) FROM enquiries WHERE placed_at IS NULL AND settled_at IS NULL)
         + (SELECT COUNT(*) FROM qualifications WHERE settled_at IS NULL AND NOT by_rules)
         + (SELECT COUNT(*) FROM letters WHERE sent_at IS NULL AND failed_at IS NULL AND not_before <= $1)
         + (SELECT COUNT(*) FROM leases WHERE finished_at IS NULL AND (owner IS NOT NULL OR not_before <= $1))";
/// What a link can change. An unsubscribe may be recorded once a minute and so again, and is looked at by the stop it leaves.
const STATE: &str = "
    SELECT (SELECT COUNT(*) FROM pending_forms WHERE confirmed_at IS NOT NULL),
           (SELECT COUNT(*) FROM suppressions WHERE lifted_at IS NULL),
           (SELECT COUNT(*) FROM signals WHERE kind NOT IN ('click', 'unsubscribe')),
           (SELECT COUNT(*) FROM enquiries WHERE settled_at IS NOT NULL),
           (SELECT COUNT(*) FROM handoffs WHERE state <> 'offered'),
           (SELECT COUNT(*) FROM prospects),
           (SELECT COUNT(*) FROM preference_changes)";
/// How often it is looked whether everything is done.
const AGAIN: Duration = Duration::from_millis(50);
/// What is not done by then is never done.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// What links can change, counted: forms confirmed, stops, signals but clicks and unsubscribes, enquiries settled, handoffs moved, prospects,
/// preferences chosen.
pub(crate) type State = (i64, i64, i64, i64, i64, i64, i64);

impl Database {
    pub(crate) async fn open(directory: &Path) -> anyhow::Result<Self> {
        Ok(Self(Store::open_sqlite(&directory.join("attack.db")).await?))
    }

    /// The rows of a query.
    pub(crate) async fn rows<T>(&self, sql: &'static str) -> anyhow::Result<Vec<T>>
    where
        T: for<'r> sqlx::FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let mut tx = self.0.read().await?;
        let Tx::Sqlite(inner, _) = &mut tx else { bail!("the attack is on SQLite") };
        Ok(sqlx::query_as(sql).fetch_all(&mut **inner).await?)
    }

    pub(crate) async fn number(&self, sql: &'static str) -> anyhow::Result<i64> {
        Ok(self.rows::<(i64,)>(sql).await?.first().map_or(0, |(number,)| *number))
    }

    pub(crate) async fn state(&self) -> anyhow::Result<State> {
        Ok(self.rows(STATE).await?.remove(0))
    }

    /// How much is to be done now.
    async fn to_do(&self) -> anyhow::Result<i64> {
        let mut tx = self.0.read().await?;
        let Tx::Sqlite(inner, _) = &mut tx else { bail!("the attack is on SQLite") };
        let now = SystemClock.now().as_millisecond();
        Ok(sqlx::query_scalar(TO_DO).bind(now).fetch_one(&mut **inner).await?)
    }

    /// Waits until the daemon has done everything that is to be done now.
    pub(crate) async fn settled(&self) -> anyhow::Result<()> {
        let began = SystemClock.now();
        while self.to_do().await? > 0 {
            if SystemClock.now().duration_since(began) > PATIENCE {
                bail!("{} things are still to be done", self.to_do().await?);
            }
            tokio::time::sleep(AGAIN).await;
        }
        Ok(())
    }

    /// Lets nothing that fell due before this instant come due any more, or again what fell due after it.
    pub(crate) async fn campaign_seen_until(&self, at: Timestamp) -> anyhow::Result<()> {
        let mut tx = self.0.write().await?;
        let Tx::Sqlite(inner, _) = &mut tx else { bail!("the attack is on SQLite") };
        let set = sqlx::query("UPDATE campaigns SET seen_until = $1 WHERE name = $2");
        set.bind(at.as_millisecond()).bind(CAMPAIGN).execute(&mut **inner).await?;
        Ok(tx.commit().await?)
    }
}
