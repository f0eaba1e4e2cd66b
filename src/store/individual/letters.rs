//! Letters: one-to-one mails on their way out, written in the transaction that caused them. The fence rises with every
//! claim; what became of a letter is written only under the fence it was claimed with.

use crate::domain::address::Address;
use crate::domain::id::{HandoffId, LetterId, SignalId};
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args, locking};
use crate::store::engine::value::{address, instant_or_none};
use jiff::Timestamp;

/// A letter to write into the outbox.
#[derive(Debug)]
pub struct NewLetter<'a> {
    /// What it is: "handoff", "changed", "reply" …
    pub kind: &'a str,
    pub handoff: Option<HandoffId>,
    pub recipient: &'a Address,
    /// Its Message-ID, which makes it one letter.
    pub message_id: &'a str,
    /// The final bytes.
    pub message: Vec<u8>,
    pub not_before: Timestamp,
}

/// A letter that was claimed.
#[derive(Debug, Clone)]
pub struct Letter {
    pub id: LetterId,
    pub kind: String,
    pub recipient: Address,
    /// The final bytes.
    pub message: Vec<u8>,
    /// How often it was tried before.
    pub tries: i64,
    /// What a write about it must carry.
    pub fence: i64,
}

const ADD: &str = "
    INSERT INTO letters (kind, handoff_id, recipient, message_id, message, not_before) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (message_id) DO NOTHING";
const NEXT: Sql = locking!(
    "SELECT id, kind, recipient, message, tries, fence FROM letters
     WHERE sent_at IS NULL AND failed_at IS NULL AND not_before <= $1 AND (owner IS NULL OR leased_until <= $1)
       AND EXISTS (SELECT 1 FROM sending g WHERE g.observing IS NULL)
     ORDER BY not_before, id LIMIT 1",
    "FOR UPDATE SKIP LOCKED"
);
const TAKE: &str = "UPDATE letters SET owner = $2, leased_until = $3, tries = tries + 1, fence = fence + 1 WHERE id = $1";
const SENT: &str = "
    UPDATE letters SET sent_at = $3, owner = NULL, leased_until = NULL, reply = NULL
    WHERE id = $1 AND fence = $2 AND sent_at IS NULL AND failed_at IS NULL";
const LATER: &str = "
    UPDATE letters SET not_before = $3, owner = NULL, leased_until = NULL, reply = $4
    WHERE id = $1 AND fence = $2 AND sent_at IS NULL AND failed_at IS NULL";
const FAILED: &str = "
    UPDATE letters SET failed_at = $3, owner = NULL, leased_until = NULL, reply = $4
    WHERE id = $1 AND fence = $2 AND sent_at IS NULL AND failed_at IS NULL";
/// The letter that passes a reply on has the fingerprint in its Message-ID under which the reply's signal is recorded once.
const PASSED_ON: &str = "
    SELECT COUNT(*) FROM letters l
    WHERE l.kind = 'reply' AND l.recipient = $3
      AND l.message_id LIKE (SELECT $2 || REPLACE(s.once, 'reply:mail:', '') || '@%' FROM signals s
                             WHERE s.id = $1 AND s.kind = 'reply')";
const SOONEST: &str = "
    SELECT MIN(CASE WHEN owner IS NULL THEN not_before ELSE leased_until END) FROM letters
    WHERE sent_at IS NULL AND failed_at IS NULL AND EXISTS (SELECT 1 FROM sending g WHERE g.observing IS NULL)";

/// Writes a letter into the outbox; one with the same Message-ID is there already.
pub async fn add(tx: &mut Tx, letter: NewLetter<'_>) -> Result<(), StoreError> {
    let values = args![letter.kind, letter.handoff, letter.recipient, letter.message_id, letter.message, letter.not_before];
    tx.execute(ADD, values).await.map(drop)
}

/// Takes the next letter that is due.
pub async fn claim(tx: &mut Tx, node: &str, now: Timestamp, until: Timestamp) -> Result<Option<Letter>, StoreError> {
    let row: Option<(i64, String, String, Vec<u8>, i64, i64)> = tx.row(NEXT, args![now]).await?;
    let Some((id, kind, recipient, message, tries, fence)) = row else {
        return Ok(None);
    };
    tx.execute_one(TAKE, args![LetterId(id), node, until]).await?;
    let recipient = address(&recipient).in_row("letters", id)?;
    Ok(Some(Letter { id: LetterId(id), kind, recipient, message, tries, fence: fence + 1 }))
}

/// Records that the relay took it. Returns whether the claim still held.
pub async fn sent(tx: &mut Tx, letter: &Letter, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(SENT, args![letter.id, letter.fence, now]).await? > 0)
}

/// Puts it back until `at`. Returns whether the claim still held.
pub async fn later(tx: &mut Tx, letter: &Letter, at: Timestamp, reply: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(LATER, args![letter.id, letter.fence, at, reply]).await? > 0)
}

/// Gives it up. Returns whether the claim still held.
pub async fn failed(tx: &mut Tx, letter: &Letter, reply: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(FAILED, args![letter.id, letter.fence, now, reply]).await? > 0)
}

/// Whether the reply recorded as this signal was passed on to this reader; the letter's Message-ID begins so.
pub async fn passed_on(tx: &mut Tx, signal: SignalId, begins: &str, reader: &Address) -> Result<bool, StoreError> {
    Ok(tx.number(PASSED_ON, args![signal, begins, reader]).await? > 0)
}

/// When the next letter is due.
pub async fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let row: Option<(Option<i64>,)> = tx.row(SOONEST, args![]).await?;
    instant_or_none(row.and_then(|(at,)| at))
}
