//! Whether the tables are whole: what the engine finds wrong with its own file, and rows that refer to nothing.
//!
//! It repairs nothing. PostgreSQL offers no such check of its files over SQL (that is `pg_amcheck`), and holds foreign
//! keys unless it was told not to: there, constraints that were left unchecked or switched off are named.

use crate::store::engine::backend::{StoreError, Tx, args};

const SQLITE_FILE: &str = "PRAGMA integrity_check";
const SQLITE_KEYS: &str = "PRAGMA foreign_key_check";
const POSTGRES_KEYS: &str = "
    SELECT r.relname || ' refers to rows that were not checked: ' || c.conname
    FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid WHERE c.contype = 'f' AND NOT c.convalidated
    UNION ALL
    SELECT r.relname || ' has its triggers switched off: ' || t.tgname
    FROM pg_trigger t JOIN pg_class r ON r.oid = t.tgrelid WHERE t.tgenabled = 'D'";

/// What is wrong with the tables, one complaint each; none when they are whole. Reads every page of a SQLite file:
/// not for the hot path.
pub async fn complaints(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    if tx.is_shared() {
        let found: Vec<(String,)> = tx.rows(POSTGRES_KEYS, args![]).await?;
        return Ok(found.into_iter().map(|(complaint,)| complaint).collect());
    }
    let file: Vec<(String,)> = tx.rows(SQLITE_FILE, args![]).await?;
    let keys: Vec<(String, Option<i64>, String, i64)> = tx.rows(SQLITE_KEYS, args![]).await?;
    let file = file.into_iter().map(|(said,)| said).filter(|said| said != "ok");
    let keys = keys.into_iter().map(|(table, row, parent, _)| {
        let row = row.map_or_else(|| "without a number".to_owned(), |row| row.to_string());
        format!("{table} row {row} refers to a row of {parent} that is not there")
    });
    Ok(file.chain(keys).collect())
}
