//! Applied rules: under which rules the prospects were assessed, and since when.

use crate::domain::doorway::in_force::InForce;
use crate::domain::id::SignalId;
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::value::instant;
use jiff::Timestamp;

const APPLY: &str = "
    INSERT INTO applied_rules (hash, applied_at, last_signal)
    SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), (SELECT COALESCE(MAX(s.id), 0) FROM signals s)
    WHERE NOT EXISTS (SELECT 1 FROM applied_rules r WHERE r.hash = $1 AND r.id = (SELECT MAX(id) FROM applied_rules))";
const ALL: &str = "SELECT applied_at, hash FROM applied_rules ORDER BY id";
const AT: &str = "SELECT hash FROM applied_rules WHERE applied_at <= $1 ORDER BY id DESC LIMIT 1";
const NEWEST: &str = "SELECT hash FROM applied_rules ORDER BY id DESC LIMIT 1";
/// The first rules of a database replaced none, so they are no change.
const CHANGED: &str = "
    SELECT applied_at, last_signal FROM applied_rules
    WHERE id > (SELECT MIN(id) FROM applied_rules) ORDER BY id DESC LIMIT 1";

/// The hash of the rules in force at an instant; `None` before the first.
pub async fn hash_at(tx: &mut Tx, at: Timestamp) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = tx.row(AT, args![at]).await?;
    Ok(row.map(|(hash,)| hash))
}

/// The hashes of all rules with the instants at which they came into force, in order.
pub async fn all(tx: &mut Tx) -> Result<Vec<(Timestamp, String)>, StoreError> {
    let rows: Vec<(i64, String)> = tx.rows(ALL, args![]).await?;
    rows.into_iter().map(|(at, hash)| Ok((instant(at)?, hash))).collect()
}

/// The hash of the rules in force; `None` before the first.
pub async fn newest(tx: &mut Tx) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = tx.row(NEWEST, args![]).await?;
    Ok(row.map(|(hash,)| hash))
}

/// When the rules were last changed; `None` while the first are in force.
pub async fn changed(tx: &mut Tx) -> Result<Option<InForce>, StoreError> {
    let row: Option<(i64, i64)> = tx.row(CHANGED, args![]).await?;
    row.map(|(at, last)| Ok(InForce { since: instant(at)?, last_signal: SignalId(last) })).transpose()
}

/// Records that these rules are in force. Returns whether other rules were in force before.
pub async fn apply(tx: &mut Tx, hash: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(APPLY, args![hash, now]).await? > 0)
}
