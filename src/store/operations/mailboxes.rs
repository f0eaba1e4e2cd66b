//! How far each mailbox is read, and which node reads it. The fence rises with every claim: what a node read that has lost the mailbox
//! meanwhile is not kept, because the commit that keeps it also moves the mailbox on.

use crate::domain::id::Name;
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::record::record;
use crate::store::engine::value::{instant_or_none, name};
use jiff::Timestamp;

/// A claimed mailbox, and how far it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub mailbox: Name,
    pub fence: i64,
    /// The server's UIDVALIDITY under which `last_uid` was read.
    pub validity: Option<i64>,
    pub last_uid: i64,
}

/// What is known of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxState {
    pub mailbox: Name,
    /// When mails were last taken out of it.
    pub read_at: Option<Timestamp>,
    pub trouble: Option<String>,
}

struct Row {
    name: String,
    read_at: Option<i64>,
    trouble: Option<String>,
}

record!(Row { name, read_at, trouble });

const ADD: &str = "INSERT INTO mailboxes (name, place) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const CLAIM: &str = "
    UPDATE mailboxes
    SET owner = $3, leased_until = $5, fence = fence + 1, place = $2,
        validity = CASE WHEN place = $2 THEN validity END, last_uid = CASE WHEN place = $2 THEN last_uid ELSE 0 END
    WHERE name = $1 AND (owner IS NULL OR owner = $3 OR leased_until <= $4)
    RETURNING fence, validity, last_uid";
const RENEW: &str = "UPDATE mailboxes SET leased_until = $3 WHERE name = $1 AND fence = $2 AND owner IS NOT NULL";
const ADVANCE: &str = "
    UPDATE mailboxes SET validity = $3, last_uid = $4, read_at = $5, trouble = NULL
    WHERE name = $1 AND fence = $2 AND owner IS NOT NULL";
const TROUBLE: &str = "UPDATE mailboxes SET trouble = $3 WHERE name = $1 AND fence = $2";
const RELEASE: &str = "UPDATE mailboxes SET owner = NULL, leased_until = NULL WHERE name = $1 AND fence = $2";
const RELEASE_OF: &str = "UPDATE mailboxes SET owner = NULL, leased_until = NULL WHERE owner = $1";
const RELEASE_ALL: &str = "UPDATE mailboxes SET owner = NULL, leased_until = NULL WHERE owner IS NOT NULL";
const LIST: &str = "SELECT name, read_at, trouble FROM mailboxes ORDER BY name";

/// Claims a mailbox that is free, ours, or whose holder let its lease lapse; `None` while another node reads it. A mailbox whose `place`
/// has changed is read from the beginning.
pub async fn claim(
    tx: &mut Tx,
    mailbox: &Name,
    place: &str,
    node: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Claim>, StoreError> {
    tx.execute(ADD, args![mailbox, place]).await?;
    let row: Option<(i64, Option<i64>, i64)> = tx.row(CLAIM, args![mailbox, place, node, now, until]).await?;
    Ok(row.map(|(fence, validity, last_uid)| Claim { mailbox: mailbox.clone(), fence, validity, last_uid }))
}

/// Holds a claim for longer. Returns whether it still holds.
pub async fn renew(tx: &mut Tx, claim: &Claim, until: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(RENEW, args![&claim.mailbox, claim.fence, until]).await? > 0)
}

/// Notes in the transaction that keeps the mails how far they were read. Returns whether the claim still holds: if not, nothing may be
/// committed.
pub async fn advance(tx: &mut Tx, claim: &Claim, now: Timestamp) -> Result<bool, StoreError> {
    let values = args![&claim.mailbox, claim.fence, claim.validity, claim.last_uid, now];
    Ok(tx.execute(ADVANCE, values).await? > 0)
}

/// Notes why a mailbox cannot be read, or that it can.
pub async fn trouble(tx: &mut Tx, claim: &Claim, why: Option<&str>) -> Result<(), StoreError> {
    tx.execute(TROUBLE, args![&claim.mailbox, claim.fence, why]).await.map(drop)
}

/// Gives a mailbox back.
pub async fn release(tx: &mut Tx, claim: &Claim) -> Result<(), StoreError> {
    tx.execute(RELEASE, args![&claim.mailbox, claim.fence]).await.map(drop)
}

/// Gives back every mailbox of a node.
pub async fn release_of(tx: &mut Tx, node: &str) -> Result<u64, StoreError> {
    tx.execute(RELEASE_OF, args![node]).await
}

/// Gives back what a process had that is dead, where there can be no second node.
pub async fn release_all(tx: &mut Tx) -> Result<u64, StoreError> {
    tx.execute(RELEASE_ALL, args![]).await
}

/// Every mailbox that was ever read.
pub async fn list(tx: &mut Tx) -> Result<Vec<MailboxState>, StoreError> {
    let rows: Vec<Row> = tx.rows(LIST, args![]).await?;
    let read =
        |row: Row| Ok(MailboxState { mailbox: name(&row.name)?, read_at: instant_or_none(row.read_at)?, trouble: row.trouble });
    rows.into_iter().map(read).collect()
}
