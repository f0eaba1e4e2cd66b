//! Mails that were received: each is recorded once, whichever way it comes.

use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::value::instant;
use jiff::Timestamp;

const OF: &str = "SELECT dated_at FROM received_mails WHERE fingerprint = $1 ORDER BY number";
const ADD: &str = "
    INSERT INTO received_mails (fingerprint, number, dated_at, recorded_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (fingerprint, number) DO NOTHING";
const REMOVE: &str = "DELETE FROM received_mails WHERE fingerprint = $1 AND number = $2";

/// The dates of the mails of this fingerprint, in the order recorded; `None` for one without a date.
pub async fn dates(tx: &mut Tx, fingerprint: &str) -> Result<Vec<Option<Timestamp>>, StoreError> {
    let rows: Vec<(Option<i64>,)> = tx.rows(OF, args![fingerprint]).await?;
    rows.into_iter().map(|(at,)| at.map(instant).transpose()).collect()
}

/// Notes a mail under its number among those of its fingerprint. Returns whether nobody else has: another node may hold the same mail.
pub async fn add(
    tx: &mut Tx,
    fingerprint: &str,
    number: i64,
    dated_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(tx.execute(ADD, args![fingerprint, number, dated_at, now]).await? == 1)
}

pub async fn remove(tx: &mut Tx, fingerprint: &str, number: i64) -> Result<(), StoreError> {
    tx.execute(REMOVE, args![fingerprint, number]).await.map(drop)
}
