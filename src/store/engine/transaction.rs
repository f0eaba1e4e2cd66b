//! A transaction on either engine: statements run in it, one row or many, and what its commit writes beside the database.

use super::connection::Connection;
use super::error::StoreError;
use super::journal_entries::Notes;
use super::record::Record;
use super::statement::{Sql, Value, args};
use sqlx::{Postgres, Sqlite, Transaction};
use std::ops::ControlFlow;

/// Settings for the rest of one transaction: plans use an index, and are made for the tables' present sizes. When a table
/// was empty at planning time, a scan of an index looked as cheap as a search by key.
const BY_KEY_HERE: &str = "
    SELECT set_config('enable_seqscan', 'off', TRUE), set_config('enable_hashjoin', 'off', TRUE),
           set_config('enable_mergejoin', 'off', TRUE), set_config('plan_cache_mode', 'force_custom_plan', TRUE),
           set_config('jit', 'off', TRUE)";

/// A transaction; rolled back unless committed. It carries the notes that its commit writes into the stop journal.
#[derive(Debug)]
pub enum Tx {
    Sqlite(Transaction<'static, Sqlite>, Notes),
    Postgres(Transaction<'static, Postgres>, Notes),
}

impl Tx {
    /// Runs a statement; returns how many rows it touched.
    pub(in crate::store) async fn execute(&mut self, sql: impl Into<Sql>, values: &[Value]) -> Result<u64, StoreError> {
        self.connection().execute(sql.into(), values).await
    }

    pub(in crate::store) async fn rows<T: Record>(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value],
    ) -> Result<Vec<T>, StoreError> {
        self.connection().rows(sql.into(), values).await
    }

    /// Hands over the rows of a query as they come, until `take` has enough: however many there are, one is held.
    pub(in crate::store) async fn each<T: Record>(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value],
        mut take: impl FnMut(T) -> ControlFlow<()> + Send,
    ) -> Result<(), StoreError> {
        self.connection().each(sql.into(), values, &mut |row| row.read().map(&mut take)).await
    }

    /// The first row of a query, if there is one.
    pub(in crate::store) async fn row<T: Record>(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value],
    ) -> Result<Option<T>, StoreError> {
        let row = self.connection().first(sql.into(), values).await?;
        Ok(row.map(|row| row.read()).transpose()?)
    }

    fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(tx, _) => Connection::Sqlite(tx),
            Self::Postgres(tx, _) => Connection::Postgres(tx),
        }
    }

    /// Runs a statement that changes exactly one row, and fails otherwise.
    pub(in crate::store) async fn execute_one(&mut self, sql: impl Into<Sql>, values: &[Value]) -> Result<(), StoreError> {
        match self.execute(sql, values).await? {
            1 => Ok(()),
            found => Err(StoreError::Rows { expected: 1, found }),
        }
    }

    /// The row of a query that always returns one.
    pub(in crate::store) async fn one<T: Record>(&mut self, sql: impl Into<Sql>, values: &[Value]) -> Result<T, StoreError> {
        self.row(sql, values).await?.ok_or(StoreError::Rows { expected: 1, found: 0 })
    }

    /// The number returned by a query that always returns one row.
    pub(in crate::store) async fn number(&mut self, sql: impl Into<Sql>, values: &[Value]) -> Result<i64, StoreError> {
        self.one(sql, values).await.map(|(number,)| number)
    }

    /// Takes the exclusive lock `what` until the transaction ends, waiting for its holder. SQLite has one writer anyway.
    pub(in crate::store) async fn alone(&mut self, what: i64) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(..) => Ok(()),
            Self::Postgres(..) => self.execute("SELECT pg_advisory_xact_lock($1)", args![what]).await.map(drop),
        }
    }

    /// From here on every statement of the transaction finds its rows by key, however small the tables were at planning
    /// time: for statements that run with every signal, and with every page of an issue. SQLite does so anyway.
    pub(in crate::store) async fn by_key(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(..) => Ok(()),
            Self::Postgres(..) => self.execute(BY_KEY_HERE, args![]).await.map(drop),
        }
    }

    /// Whether other nodes may write beside this transaction.
    pub(in crate::store) const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(..))
    }

    /// The notes that the commit writes into the stop journal.
    pub(in crate::store) const fn notes(&mut self) -> &mut Notes {
        match self {
            Self::Sqlite(_, notes) | Self::Postgres(_, notes) => notes,
        }
    }

    /// Makes the writes durable and visible; the stops among them are written to the journal first.
    ///
    /// # Errors
    /// When they could not be made durable: none of them took effect.
    pub async fn commit(self) -> Result<(), StoreError> {
        let (committed, notes) = match self {
            Self::Sqlite(tx, mut notes) => {
                notes.before_commit().await;
                (tx.commit().await, notes)
            }
            Self::Postgres(tx, mut notes) => {
                notes.before_commit().await;
                (tx.commit().await, notes)
            }
        };
        committed?;
        notes.after_commit().await;
        Ok(())
    }

    /// Undoes the writes, and returns once they are undone; a dropped transaction is undone some time later.
    ///
    /// # Errors
    /// When the connection was lost, which undoes it too.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx, _) => tx.rollback().await?,
            Self::Postgres(tx, _) => tx.rollback().await?,
        }
        Ok(())
    }
}
