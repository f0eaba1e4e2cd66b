//! A row of either engine, and what it is read into.

use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

/// What a row of either engine can be read into.
pub trait Record: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

impl<T> Record for T where T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

/// A row as its engine gave it.
pub enum AnyRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl AnyRow {
    pub(in crate::store) fn read<T: Record>(&self) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => T::from_row(row),
            Self::Postgres(row) => T::from_row(row),
        }
    }
}

/// Lets a struct be read by column names, from either engine; what stands under `with` is read from other columns of the same row.
macro_rules! record {
    ($name:ident { $($column:ident),+ $(,)? } $(with { $($part:ident),+ })?) => {
        $crate::store::engine::record::record!(@from sqlx::sqlite::SqliteRow, $name { $($column),+ } { $($($part),+)? });
        $crate::store::engine::record::record!(@from sqlx::postgres::PgRow, $name { $($column),+ } { $($($part),+)? });
    };
    (@from $row:ty, $name:ident { $($column:ident),+ } { $($part:ident),* }) => {
        impl sqlx::FromRow<'_, $row> for $name {
            fn from_row(row: &$row) -> Result<Self, sqlx::Error> {
                Ok(Self {
                    $($column: sqlx::Row::try_get(row, stringify!($column))?,)+
                    $($part: sqlx::FromRow::from_row(row)?,)*
                })
            }
        }
    };
}
pub(in crate::store) use record;
