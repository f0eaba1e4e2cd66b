//! Letters: one-to-one mails on their way out, written in the transaction that caused them. The fence rises with every
//! claim; what became of a letter is written only under the fence it was claimed with. One that failed stays, is counted and
//! listed, and can be sent again.

use crate::domain::address::Address;
use crate::domain::id::{HandoffId, LetterId, SignalId};
use crate::domain::individual::letter::LetterKind;
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args, locking};
use crate::store::engine::record::record;
use crate::store::engine::value::{address, instant, instant_or_none};
use jiff::Timestamp;
use serde::Serialize;

/// A letter to write into the outbox.
#[derive(Debug)]
pub struct NewLetter<'a> {
    pub kind: LetterKind,
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
    pub kind: LetterKind,
    pub recipient: Address,
    /// The final bytes.
    pub message: Vec<u8>,
    /// How often it was tried before, since it was written or sent again.
    pub tries: i64,
    pub first_tried_at: Option<Timestamp>,
    /// Since when it is due.
    pub waits_since: Timestamp,
    /// Since when the relay refuses it.
    pub refused_since: Option<Timestamp>,
    /// What a write about it must carry.
    pub fence: i64,
}

const ADD: &str = "
    INSERT INTO letters (kind, handoff_id, recipient, message_id, message, not_before) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (message_id) DO NOTHING";
const NEXT: Sql = locking!(
    "SELECT id, kind, recipient, message, tries, fence, first_tried_at, refused_since,
            COALESCE(waits_since, not_before) AS since FROM letters
     WHERE sent_at IS NULL AND failed_at IS NULL AND not_before <= $1 AND (owner IS NULL OR leased_until <= $1)
       AND EXISTS (SELECT 1 FROM sending g WHERE g.observing IS NULL)
     ORDER BY not_before, id LIMIT 1",
    "FOR UPDATE SKIP LOCKED"
);
const TAKE: &str = "UPDATE letters SET owner = $2, leased_until = $3, tries = tries + 1, fence = fence + 1 WHERE id = $1";
const BEGIN: &str =
    "UPDATE letters SET message = $3, first_tried_at = $4 WHERE id = $1 AND fence = $2 AND first_tried_at IS NULL";
/// What waits for the same relay waits with it: a hundred letters are not a hundred refused logins.
const ALL_LATER: &str = "
    UPDATE letters SET waits_since = COALESCE(waits_since, not_before), not_before = $2
    WHERE sent_at IS NULL AND failed_at IS NULL AND not_before < $2 AND (owner IS NULL OR leased_until <= $1)";
const SENT: &str = "
    UPDATE letters SET sent_at = $3, owner = NULL, leased_until = NULL, reply = NULL
    WHERE id = $1 AND fence = $2 AND sent_at IS NULL AND failed_at IS NULL";
const LATER: &str = "
    UPDATE letters SET waits_since = COALESCE(waits_since, not_before), not_before = $3, owner = NULL, leased_until = NULL, reply = $4,
           refused_since = COALESCE(refused_since, $5)
    WHERE id = $1 AND fence = $2 AND sent_at IS NULL AND failed_at IS NULL";
const FAILED: &str = "
    UPDATE letters SET failed_at = $3, owner = NULL, leased_until = NULL, reply = $4
    WHERE id = $1 AND fence = $2 AND sent_at IS NULL AND failed_at IS NULL";
/// The letter that passes a reply on has the fingerprint in its Message-ID under which the reply's signal is recorded once.
const PASSED_ON: &str = "
    SELECT COUNT(*) FROM letters l
    WHERE l.kind = 'reply' AND l.recipient = $3
      AND l.message_id LIKE (SELECT $2 || REPLACE(REPLACE(s.once, 'colleague_', ''), 'reply:mail:', '') || '@%' FROM signals s
                             WHERE s.id = $1 AND s.kind IN ('reply', 'colleague_reply'))";
/// Of the newest alone, however many there are.
const BEGUN: &str = "
    SELECT COUNT(*) FROM (SELECT l.message_id FROM letters l ORDER BY l.id DESC LIMIT 5000) newest WHERE message_id LIKE $1";
/// Whose bytes were erased has nothing to send.
const UNSENT: &str = "
    SELECT id, kind, handoff_id, recipient, message_id, COALESCE(waits_since, not_before) AS since, not_before, tries, failed_at, reply
    FROM letters
    WHERE sent_at IS NULL AND (failed_at IS NULL OR (failed_at > $1 AND LENGTH(message) > 0)) ORDER BY id";
const RESEND: &str = "
    UPDATE letters SET failed_at = NULL, sent_at = NULL, owner = NULL, leased_until = NULL, tries = 0, not_before = $2,
           waits_since = $2, refused_since = NULL
    WHERE id = $1 AND LENGTH(message) > 0 AND (owner IS NULL OR leased_until <= $2)";
const RESEND_FAILED: &str = "
    UPDATE letters SET failed_at = NULL, owner = NULL, leased_until = NULL, tries = 0, not_before = $2,
           waits_since = $2, refused_since = NULL
    WHERE failed_at > $1 AND sent_at IS NULL AND LENGTH(message) > 0 AND kind <> $3";
const STANDING: &str = "
    SELECT COUNT(CASE WHEN failed_at IS NULL THEN 1 END),
           MIN(CASE WHEN failed_at IS NULL THEN COALESCE(waits_since, not_before) END),
           COUNT(CASE WHEN failed_at IS NOT NULL THEN 1 END)
    FROM letters
    WHERE sent_at IS NULL AND kind <> $3 AND ((failed_at IS NULL AND COALESCE(waits_since, not_before) <= $1)
                                              OR (failed_at > $2 AND LENGTH(message) > 0))";
const SOONEST: &str = "
    SELECT MIN(CASE WHEN owner IS NULL THEN not_before ELSE leased_until END) FROM letters
    WHERE sent_at IS NULL AND failed_at IS NULL AND EXISTS (SELECT 1 FROM sending g WHERE g.observing IS NULL)";

/// Writes a letter into the outbox; one with the same Message-ID is there already.
pub async fn add(tx: &mut Tx, letter: NewLetter<'_>) -> Result<(), StoreError> {
    let values =
        args![letter.kind.word(), letter.handoff, letter.recipient, letter.message_id, letter.message, letter.not_before];
    tx.execute(ADD, values).await.map(drop)
}

/// Takes the next letter that is due.
pub async fn claim(tx: &mut Tx, node: &str, now: Timestamp, until: Timestamp) -> Result<Option<Letter>, StoreError> {
    let row: Option<Claimed> = tx.row(NEXT, args![now]).await?;
    let Some(row) = row else { return Ok(None) };
    let id = row.id;
    tx.execute_one(TAKE, args![LetterId(id), node, until]).await?;
    row.letter().in_row("letters", id).map(Some)
}

/// Records the first try, and the message as it leaves from now on.
pub async fn begin(tx: &mut Tx, letter: &Letter, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(BEGIN, args![letter.id, letter.fence, letter.message.clone(), now]).await.map(drop)
}

/// Puts off what would be tried before `until`, because the relay takes nothing now.
pub async fn all_later(tx: &mut Tx, now: Timestamp, until: Timestamp) -> Result<u64, StoreError> {
    tx.execute(ALL_LATER, args![now, until]).await
}

/// Records that the relay took it. Returns whether the claim still held.
pub async fn sent(tx: &mut Tx, letter: &Letter, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(SENT, args![letter.id, letter.fence, now]).await? > 0)
}

/// Puts it back until `at`; `refused_since` where the relay refused the letter itself. Returns whether the claim still held.
pub async fn later(
    tx: &mut Tx,
    letter: &Letter,
    at: Timestamp,
    refused_since: Option<Timestamp>,
    reply: &str,
) -> Result<bool, StoreError> {
    Ok(tx.execute(LATER, args![letter.id, letter.fence, at, reply, refused_since]).await? > 0)
}

/// Gives it up. Returns whether the claim still held.
pub async fn failed(tx: &mut Tx, letter: &Letter, reply: &str, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(FAILED, args![letter.id, letter.fence, now, reply]).await? > 0)
}

/// How many of the newest letters have a Message-ID that begins so.
pub async fn begun(tx: &mut Tx, begins: &str) -> Result<i64, StoreError> {
    tx.number(BEGUN, args![format!("{begins}%")]).await
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

/// Every letter that is not sent: those that wait, and those that failed after `since`.
pub async fn unsent(tx: &mut Tx, since: Timestamp) -> Result<Vec<Unsent>, StoreError> {
    let rows: Vec<UnsentRow> = tx.rows(UNSENT, args![since]).await?;
    let unsent = |row: UnsentRow| {
        let id = row.id;
        row.unsent().in_row("letters", id)
    };
    rows.into_iter().map(unsent).collect()
}

/// Has a letter sent again, with the same bytes; also one the relay took. Returns whether it can be: it is there, was not
/// erased, and is not on its way just now.
pub async fn resend(tx: &mut Tx, id: LetterId, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(RESEND, args![id, now]).await? > 0)
}

/// Has every letter to one of ours sent again that failed after `since`. Returns how many.
pub async fn resend_failed(tx: &mut Tx, since: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(RESEND_FAILED, args![since, now, LetterKind::Confirmation.word()]).await
}

/// How the letters to our own people stand; of those that failed, those after `since` are counted.
pub async fn standing(tx: &mut Tx, since: Timestamp, now: Timestamp) -> Result<OutboxState, StoreError> {
    let row: (i64, Option<i64>, i64) = tx.one(STANDING, args![now, since, LetterKind::Confirmation.word()]).await?;
    Ok(OutboxState { waiting: row.0, waiting_since: instant_or_none(row.1)?, failed: row.2 })
}

/// How letters stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxState {
    /// How many are due, or were tried, and are not sent.
    pub waiting: i64,
    /// Since when the oldest of them waits.
    pub waiting_since: Option<Timestamp>,
    pub failed: i64,
}

/// A letter that is not sent, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unsent {
    pub id: LetterId,
    pub kind: String,
    pub handoff: Option<HandoffId>,
    pub to: String,
    pub message_id: String,
    /// Since when it is due.
    pub since: Timestamp,
    /// When it is tried next; absent once it failed.
    pub next_at: Option<Timestamp>,
    pub tries: i64,
    pub failed_at: Option<Timestamp>,
    /// The relay's words.
    pub reply: Option<String>,
}

struct Claimed {
    id: i64,
    kind: String,
    recipient: String,
    message: Vec<u8>,
    tries: i64,
    fence: i64,
    first_tried_at: Option<i64>,
    refused_since: Option<i64>,
    since: i64,
}

record!(Claimed { id, kind, recipient, message, tries, fence, first_tried_at, refused_since, since });

impl Claimed {
    fn letter(self) -> Result<Letter, StoreError> {
        Ok(Letter {
            id: LetterId(self.id),
            kind: LetterKind::parse(&self.kind)
                .ok_or_else(|| StoreError::value("letter", "it is of a kind that is not known"))?,
            recipient: address(&self.recipient)?,
            message: self.message,
            tries: self.tries,
            first_tried_at: instant_or_none(self.first_tried_at)?,
            waits_since: instant(self.since)?,
            refused_since: instant_or_none(self.refused_since)?,
            fence: self.fence + 1,
        })
    }
}

struct UnsentRow {
    id: i64,
    kind: String,
    handoff_id: Option<i64>,
    recipient: String,
    message_id: String,
    since: i64,
    not_before: i64,
    tries: i64,
    failed_at: Option<i64>,
    reply: Option<String>,
}

record!(UnsentRow { id, kind, handoff_id, recipient, message_id, since, not_before, tries, failed_at, reply });

impl UnsentRow {
    fn unsent(self) -> Result<Unsent, StoreError> {
        Ok(Unsent {
            id: LetterId(self.id),
            kind: self.kind,
            handoff: self.handoff_id.map(HandoffId),
            to: self.recipient,
            message_id: self.message_id,
            since: instant(self.since)?,
            next_at: if self.failed_at.is_none() { Some(instant(self.not_before)?) } else { None },
            tries: self.tries,
            failed_at: instant_or_none(self.failed_at)?,
            reply: self.reply,
        })
    }
}
