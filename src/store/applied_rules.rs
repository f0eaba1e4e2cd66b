//! Under which rules everybody was assessed.

use super::backend::{StoreError, Tx, args};
use jiff::Timestamp;

const APPLY: &str = "
    INSERT INTO applied_rules (hash, applied_at)
    SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT)
    WHERE NOT EXISTS (SELECT 1 FROM applied_rules r WHERE r.hash = $1 AND r.id = (SELECT MAX(id) FROM applied_rules))";

/// Records that these rules are in force. Returns whether others were before.
///
/// # Errors
/// The store's.
pub async fn apply(tx: &mut Tx, hash: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(APPLY, args![hash, now]).await? > 0)
}
