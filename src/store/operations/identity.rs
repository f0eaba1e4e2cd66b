//! Identity: which database this is, where it is at home, and how far it has come.

use super::restore_marker::{Identity, Marks};
use crate::store::engine::backend::{Sql, StoreError, Tx, args};
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
const PLACE: Sql = Sql::Each {
    sqlite: "SELECT file FROM pragma_database_list WHERE name = 'main'",
    postgres: "
    SELECT 'PostgreSQL system ' || system_identifier || ', database '
           || (SELECT oid FROM pg_database WHERE datname = current_database())
    FROM pg_control_system()",
};

/// What the database says of itself.
pub async fn of(tx: &mut Tx) -> Result<Identity, StoreError> {
    type Row = (Option<String>, Option<String>, Option<String>, i64, i64, i64, i64);
    let (token, place, former, beat, deliveries, signals, suppressions): Row = tx.one(IDENTITY, args![]).await?;
    Ok(Identity { token, place, former, marks: Marks { beat, deliveries, signals, suppressions } })
}

/// Another second in which something was written.
pub async fn beat(tx: &mut Tx) -> Result<(), StoreError> {
    tx.execute_one(BEAT, args![]).await
}

/// Where this database is, now: the server's own numbers, or the machine and the file.
pub async fn place(tx: &mut Tx, machine: &str) -> Result<String, StoreError> {
    let (place,): (String,) = tx.one(PLACE, args![]).await?;
    if tx.is_shared() {
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
    tx.execute_one(ADOPT, args![token, place]).await
}
