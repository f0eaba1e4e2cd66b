//! The keys that sign our links, made once with the database.

use crate::store::engine::backend::{StoreError, Tx, args};
use jiff::Timestamp;

const NEWEST: &str = "SELECT id, secret FROM signing_keys ORDER BY id DESC";
const ADD_FIRST: &str = "INSERT INTO signing_keys (id, secret, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING";
const COUNT: &str = "SELECT COUNT(*) FROM signing_keys WHERE LENGTH(secret) >= 32";

/// How many keys of full length there are.
pub async fn count(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.number(COUNT, args![]).await
}

/// Every key, newest first; `fresh` becomes the first one if there is none yet.
pub async fn load(tx: &mut Tx, fresh: [u8; 32], now: Timestamp) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    tx.execute(ADD_FIRST, args![fresh.to_vec(), now]).await?;
    tx.rows(NEWEST, args![]).await
}
