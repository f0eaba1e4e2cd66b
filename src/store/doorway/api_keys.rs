//! Idempotency keys of the API: each belongs to its token, and stands for one body.

use crate::domain::span::Span;
use crate::store::engine::backend::{StoreError, Tx, args};
use jiff::Timestamp;

/// For how long a key is remembered. A signal stays recorded once beyond that, by its own key.
const KEPT: Span = Span::days(30);

const CLAIM: &str = "
    INSERT INTO api_keys (token, idempotency_key, body, called_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (token, idempotency_key) DO NOTHING";
const LOAD: &str = "SELECT body, answer FROM api_keys WHERE token = $1 AND idempotency_key = $2";
const ANSWER: &str = "UPDATE api_keys SET answer = $3 WHERE token = $1 AND idempotency_key = $2";
const RELEASE: &str = "DELETE FROM api_keys WHERE token = $1 AND idempotency_key = $2";
const EXPIRE: &str = "DELETE FROM api_keys WHERE called_at < $1";

/// A key as a system sent it, with what it sent under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The token's name; empty for `api_token`.
    pub token: String,
    pub key: String,
    /// The hash of the body.
    pub body: String,
}

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// It was free.
    New,
    /// The same body came under it before, with what was answered, if that was kept.
    Again(Option<String>),
    /// Another body came under it before.
    Other,
}

/// Claims a key for a body. Of two transactions that claim one, the later waits for the earlier.
pub async fn claim(tx: &mut Tx, key: &ApiKey, now: Timestamp) -> Result<Claimed, StoreError> {
    tx.execute(EXPIRE, args![KEPT.before(now)]).await?;
    if tx.execute(CLAIM, args![key.token.as_str(), key.key.as_str(), key.body.as_str(), now]).await? == 1 {
        return Ok(Claimed::New);
    }
    let (body, answer): (String, Option<String>) = tx.one(LOAD, args![key.token.as_str(), key.key.as_str()]).await?;
    Ok(if body == key.body { Claimed::Again(answer) } else { Claimed::Other })
}

/// Keeps what was answered.
pub async fn answered(tx: &mut Tx, key: &ApiKey, answer: &str) -> Result<(), StoreError> {
    tx.execute_one(ANSWER, args![key.token.as_str(), key.key.as_str(), answer]).await
}

/// Gives a key back: nothing was recorded under it.
pub async fn release(tx: &mut Tx, key: &ApiKey) -> Result<(), StoreError> {
    tx.execute(RELEASE, args![key.token.as_str(), key.key.as_str()]).await.map(drop)
}
