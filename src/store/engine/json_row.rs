//! A row of either engine as a JSON object, whatever its columns are: for what is handed out as it is kept. Instants are written as
//! RFC 3339 and JSON is nested, both by the names that our columns have.

use serde_json::{Map, Value};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, FromRow, Row, TypeInfo, ValueRef};

/// The columns by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JsonRow(pub Map<String, Value>);

/// Columns that hold JSON.
const NESTED: [&str; 5] = ["detail", "findings", "assignment", "said", "fields"];

macro_rules! read_row {
    ($row:ty) => {
        impl FromRow<'_, $row> for JsonRow {
            fn from_row(row: &$row) -> Result<Self, sqlx::Error> {
                let mut values = Map::new();
                for (at, column) in row.columns().iter().enumerate() {
                    let kept = row.try_get_raw(at)?;
                    let value = match (kept.is_null(), kept.type_info().name()) {
                        (true, _) => Value::Null,
                        // SQLite keeps a truth as a number, in a column that says what it is.
                        (_, _) if matches!(column.type_info().name(), "BOOLEAN" | "BOOL") => row.try_get::<bool, _>(at)?.into(),
                        (_, "INTEGER" | "INT8" | "BIGINT") => number(column.name(), row.try_get(at)?),
                        (_, "BLOB" | "BYTEA") => String::from_utf8_lossy(row.try_get::<&[u8], _>(at)?).into(),
                        (_, "TEXT" | "VARCHAR") => text(column.name(), row.try_get(at)?),
                        (_, other) => {
                            let source = format!("a column of type {other} is not read").into();
                            return Err(sqlx::Error::ColumnDecode { index: column.name().to_owned(), source });
                        }
                    };
                    values.insert(column.name().to_owned(), value);
                }
                Ok(Self(values))
            }
        }
    };
}
read_row!(SqliteRow);
read_row!(PgRow);

fn number(column: &str, number: i64) -> Value {
    let is_instant = ["at", "not_before", "review_after"].contains(&column)
        || ["_at", "_until", "_since"].iter().any(|end| column.ends_with(end));
    let instant = is_instant.then(|| jiff::Timestamp::from_millisecond(number).ok()).flatten();
    instant.map_or_else(|| number.into(), |at| at.to_string().into())
}

fn text(column: &str, text: String) -> Value {
    let nested = NESTED.contains(&column).then(|| serde_json::from_str(&text).ok()).flatten();
    nested.unwrap_or(Value::String(text))
}
