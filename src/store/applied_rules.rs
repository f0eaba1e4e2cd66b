//! Under which rules everybody was assessed.

use super::backend::{StoreError, Tx, args};
use jiff::Timestamp;

const APPLY: &str = "
    INSERT INTO applied_rules (hash, applied_at)
    SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT)
    WHERE NOT EXISTS (SELECT 1 FROM applied_rules r WHERE r.hash = $1 AND r.id = (SELECT MAX(id) FROM applied_rules))";
const NEWEST: &str = "SELECT hash FROM applied_rules ORDER BY id DESC LIMIT 1";
const AT: &str = "SELECT hash FROM applied_rules WHERE applied_at <= $1 ORDER BY id DESC LIMIT 1";

/// Which rules were in force at an instant; `None` before the first were.
///
/// # Errors
/// The store's.
pub async fn hash_at(tx: &mut Tx, at: Timestamp) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = tx.row(AT, args![at]).await?;
    Ok(row.map(|(hash,)| hash))
}

/// Which rules are in force; `None` before the first are.
///
/// # Errors
/// The store's.
pub async fn newest(tx: &mut Tx) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = tx.row(NEWEST, args![]).await?;
    Ok(row.map(|(hash,)| hash))
}

/// Records that these rules are in force. Returns whether others were before.
///
/// # Errors
/// The store's.
pub async fn apply(tx: &mut Tx, hash: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(APPLY, args![hash, now]).await? > 0)
}
