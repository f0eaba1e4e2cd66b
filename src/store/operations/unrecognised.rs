//! Mails that came back and were recognised by nothing: kept for thirty days, with every address in them, so that an erasure finds them.

use crate::domain::address::Address;
use crate::domain::id::{Name, fingerprint};
use crate::domain::span::Span;
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::record::record;
use crate::store::engine::value::{instant, texts};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// How long one is kept.
pub const KEPT: Span = Span::days(30);
/// As many bytes of one are kept: its headers and what was written; what is behind that are attachments.
const MOST_BYTES: usize = 64 << 10;
/// As many are kept, so that no flood fills the disk (all of them are 640 MB at most): of more, the oldest go early.
pub const MOST: i64 = 10_000;

/// A mail to keep.
#[derive(Debug)]
pub struct NewUnrecognised<'a> {
    pub mailbox: Option<&'a Name>,
    /// Why nothing recognised it, as a sentence.
    pub why: &'a str,
    pub sender: &'a str,
    pub subject: &'a str,
    pub addresses: &'a [Address],
    pub raw: &'a [u8],
}

/// A mail that is kept, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unrecognised {
    pub id: i64,
    pub mailbox: Option<String>,
    pub why: String,
    pub sender: String,
    pub subject: String,
    pub bytes: i64,
    pub is_whole: bool,
    pub received_at: Timestamp,
    pub expires_at: Timestamp,
}

struct Row {
    id: i64,
    mailbox: Option<String>,
    why: String,
    sender: String,
    subject: String,
    bytes: i64,
    is_whole: bool,
    received_at: i64,
    expires_at: i64,
}

record!(Row { id, mailbox, why, sender, subject, bytes, is_whole, received_at, expires_at });

const ADD: &str = "
    INSERT INTO unrecognised_mails (once, mailbox, why, sender, subject, message, is_whole, received_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (once) DO NOTHING RETURNING id";
const ADD_ADDRESSES: &str = "
    INSERT INTO unrecognised_addresses (mail_id, address) SELECT CAST($1 AS BIGINT), value ->> 'text' FROM json_each($2)
    ORDER BY 2 ON CONFLICT (mail_id, address) DO NOTHING";
const LIST: &str = "
    SELECT id, mailbox, why, sender, subject, CAST(LENGTH(message) AS BIGINT) AS bytes, is_whole, received_at, expires_at
    FROM unrecognised_mails ORDER BY id";
const MESSAGE: &str = "SELECT message FROM unrecognised_mails WHERE id = $1";
const COUNT: &str = "SELECT COUNT(*) FROM unrecognised_mails";
const HAS_EXPIRED: &str = "SELECT COUNT(*) FROM (SELECT m.id FROM unrecognised_mails m WHERE m.expires_at <= $1 LIMIT 1) expired";
const EXPIRED: &str = "SELECT id FROM unrecognised_mails WHERE expires_at <= $1 ORDER BY id LIMIT 500";
const OF_ADDRESS: &str = "SELECT mail_id FROM unrecognised_addresses WHERE address = $1 ORDER BY mail_id";
const OLDEST: &str = "SELECT id FROM unrecognised_mails ORDER BY id LIMIT $1";
const REMOVE_ADDRESSES: &str = "DELETE FROM unrecognised_addresses WHERE mail_id = $1";
const REMOVE: &str = "DELETE FROM unrecognised_mails WHERE id = $1";

/// Keeps a mail. Returns whether it is new: the same bytes a second time are the same mail. Whoever keeps sheds before the commit.
pub async fn keep(tx: &mut Tx, new: &NewUnrecognised<'_>, now: Timestamp) -> Result<bool, StoreError> {
    let bytes = &new.raw[..new.raw.len().min(MOST_BYTES)];
    let values = args![
        once(new.raw),
        new.mailbox,
        new.why,
        new.sender,
        new.subject,
        bytes.to_vec(),
        bytes.len() == new.raw.len(),
        now,
        KEPT.after(now),
    ];
    let Some((id,)) = tx.row::<(i64,)>(ADD, values).await? else { return Ok(false) };
    tx.execute(ADD_ADDRESSES, args![id, texts(new.addresses.iter().map(Address::as_str))?]).await?;
    Ok(true)
}

/// Removes the oldest of more than [`MOST`]. It counts them all, so it is done once for all that are kept together.
pub async fn shed(tx: &mut Tx) -> Result<(), StoreError> {
    let beyond = count(tx).await? - MOST;
    if beyond > 0 {
        let oldest: Vec<(i64,)> = tx.rows(OLDEST, args![beyond]).await?;
        remove_all(tx, &oldest).await?;
    }
    Ok(())
}

/// What makes it the same mail.
pub fn once(raw: &[u8]) -> String {
    fingerprint(&[&HEXLOWER.encode(&Sha256::digest(raw))])
}

/// Every mail that is kept, oldest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<Unrecognised>, StoreError> {
    let rows: Vec<Row> = tx.rows(LIST, args![]).await?;
    rows.into_iter().map(Row::read).collect()
}

pub async fn count(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.number(COUNT, args![]).await
}

/// Its bytes; `None` where there is none of this number any more.
pub async fn message(tx: &mut Tx, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(tx.row::<(Vec<u8>,)>(MESSAGE, args![id]).await?.map(|(message,)| message))
}

pub async fn remove(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    remove_all(tx, &[(id,)]).await.map(drop)
}

/// Whether the time of any is over.
pub async fn has_expired(tx: &mut Tx, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.number(HAS_EXPIRED, args![now]).await? > 0)
}

/// Removes a page of those whose time is over. Returns how many.
pub async fn remove_expired(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(EXPIRED, args![now]).await?;
    remove_all(tx, &rows).await
}

/// Removes every mail in which an address stands. Returns how many.
pub async fn remove_of(tx: &mut Tx, address: &Address) -> Result<u64, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(OF_ADDRESS, args![address]).await?;
    remove_all(tx, &rows).await
}

async fn remove_all(tx: &mut Tx, ids: &[(i64,)]) -> Result<u64, StoreError> {
    let mut removed = 0;
    for (id,) in ids {
        tx.execute(REMOVE_ADDRESSES, args![*id]).await?;
        removed += tx.execute(REMOVE, args![*id]).await?;
    }
    Ok(removed)
}

impl Row {
    fn read(self) -> Result<Unrecognised, StoreError> {
        Ok(Unrecognised {
            id: self.id,
            mailbox: self.mailbox,
            why: self.why,
            sender: self.sender,
            subject: self.subject,
            bytes: self.bytes,
            is_whole: self.is_whole,
            received_at: instant(self.received_at)?,
            expires_at: instant(self.expires_at)?,
        })
    }
}
