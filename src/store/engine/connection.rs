//! A statement on a connection of either engine. None of this is generic, so it is compiled once, and not for every
//! record.

use super::error::StoreError;
use super::record::{AnyRow, Record};
use super::statement::{Sql, Value, bound};
use futures_util::TryStreamExt;
use sqlx::{PgConnection, SqliteConnection};
use std::ops::ControlFlow;

/// The connection on which a statement runs.
pub enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// The function that receives the rows of a statement, one after the other, until it has enough.
pub type Take<'a> = &'a mut (dyn FnMut(&AnyRow) -> Result<ControlFlow<()>, sqlx::Error> + Send);

impl Connection<'_> {
    /// How many rows it touched.
    pub(in crate::store) async fn execute(self, sql: Sql, values: &[Value]) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(c) => bound!(sqlx::query(sql.sqlite()), values).execute(c).await?.rows_affected(),
            Self::Postgres(c) => bound!(sqlx::query(sql.postgres()), values).execute(c).await?.rows_affected(),
        })
    }

    pub(in crate::store) async fn rows<T: Record>(self, sql: Sql, values: &[Value]) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        let mut keep = |row: &AnyRow| {
            rows.push(row.read()?);
            Ok(ControlFlow::Continue(()))
        };
        self.each(sql, values, &mut keep).await?;
        Ok(rows)
    }

    /// Hands over rows as they come; none is kept.
    pub(in crate::store) async fn each(self, sql: Sql, values: &[Value], take: Take<'_>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(c) => {
                let mut rows = bound!(sqlx::query(sql.sqlite()), values).fetch(c);
                while let Some(row) = rows.try_next().await? {
                    if take(&AnyRow::Sqlite(row))?.is_break() {
                        break;
                    }
                }
            }
            Self::Postgres(c) => {
                let mut rows = bound!(sqlx::query(sql.postgres()), values).fetch(c);
                while let Some(row) = rows.try_next().await? {
                    if take(&AnyRow::Postgres(row))?.is_break() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    pub(in crate::store) async fn first(self, sql: Sql, values: &[Value]) -> Result<Option<AnyRow>, StoreError> {
        Ok(match self {
            Self::Sqlite(c) => bound!(sqlx::query(sql.sqlite()), values).fetch_optional(c).await?.map(AnyRow::Sqlite),
            Self::Postgres(c) => bound!(sqlx::query(sql.postgres()), values).fetch_optional(c).await?.map(AnyRow::Postgres),
        })
    }
}
