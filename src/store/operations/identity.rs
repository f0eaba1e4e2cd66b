//! Identity: which database this is, where it is at home, and how far it has come.

use super::restore_marker::{Identity, Marks};
use crate::store::engine::backend::{StoreError, Tx, args};
use std::path::Path;

const IDENTITY: &str = "
    SELECT o.token, o.place, o.former, o.beat, (SELECT COALESCE(MAX(d.id), 0) FROM deliveries d),
           (SELECT COALESCE(MAX(s.id), 0) FROM signals s), (SELECT COALESCE(MAX(s.id), 0) FROM suppressions s)
    FROM sending o";
const BEAT: &str = "UPDATE sending SET beat = beat + 1";
const SETTLE: &str = "UPDATE sending SET token = $1, place = $2 WHERE token IS NULL";
const ADOPT: &str = "UPDATE sending SET former = token, token = $1, place = $2";
/// Any role may ask (PostgreSQL 9.6 and later): a copy within the cluster has another number, a copy of the cluster made by
/// dump and restore another identifier.
const POSTGRES_PLACE: &str = "
    SELECT 'PostgreSQL system ' || system_identifier || ', database ' || (SELECT oid FROM pg_database WHERE datname = current_database())
    FROM pg_control_system()";
const SQLITE_FILE: &str = "SELECT file FROM pragma_database_list WHERE name = 'main'";

/// What the database says of itself.
pub async fn of(tx: &mut Tx) -> Result<Identity, StoreError> {
    type Row = (Option<String>, Option<String>, Option<String>, i64, i64, i64, i64);
    let row: Option<Row> = tx.row(IDENTITY, args![]).await?;
    let (token, place, former, beat, deliveries, signals, suppressions) =
        row.ok_or(StoreError::Rows { expected: 1, found: 0 })?;
    Ok(Identity { token, place, former, marks: Marks { beat, deliveries, signals, suppressions } })
}

/// Another second in which something was written.
pub async fn beat(tx: &mut Tx) -> Result<(), StoreError> {
    tx.execute(BEAT, args![]).await.map(drop)
}

/// Where this database is, now: the server's own numbers, or the machine and the file.
pub async fn place(tx: &mut Tx, machine: &str) -> Result<String, StoreError> {
    let row: Option<(String,)> =
        tx.row(if matches!(tx, Tx::Postgres(..)) { POSTGRES_PLACE } else { SQLITE_FILE }, args![]).await?;
    let (place,) = row.ok_or(StoreError::Rows { expected: 1, found: 0 })?;
    if matches!(tx, Tx::Postgres(..)) {
        return Ok(place);
    }
    let path = Path::new(&place);
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    Ok(format!("{} on machine {machine}", path.display()))
}

/// Makes this place the home of a database that has none yet. Returns whether it had none.
pub async fn settle(tx: &mut Tx, token: &str, place: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(SETTLE, args![token, place]).await? > 0)
}

/// Makes it another database than the one it was copied from, at home here.
pub async fn adopt(tx: &mut Tx, token: &str, place: &str) -> Result<(), StoreError> {
    tx.execute(ADOPT, args![token, place]).await.map(drop)
}
