//! Pending forms: each waits for the answer of its address, and is erased after thirty days
//! (`store::operations::erasures`).

use crate::domain::address::Address;
use crate::domain::doorway::pending_form::{APART, AskedBefore, Asking, KEPT, PendingForm, counted_domain};
use crate::domain::id::{Name, PendingFormId, ProspectId};
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args, locking};
use crate::store::engine::record::record;
use crate::store::engine::value::{address, from_json, instant, instant_or_none, name, to_json};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A form to keep.
#[derive(Debug)]
pub struct NewPendingForm<'a> {
    /// That of its signal.
    pub once: &'a str,
    pub address: &'a Address,
    pub form: &'a Name,
    pub fields: &'a BTreeMap<String, String>,
    pub asked_at: Timestamp,
    pub prospect: Option<ProspectId>,
}

struct Row {
    id: i64,
    once: String,
    address: String,
    form: String,
    fields: String,
    asked_at: i64,
    expires_at: i64,
    prospect_id: Option<i64>,
    confirmed_at: Option<i64>,
}

record!(Row { id, once, address, form, fields, asked_at, expires_at, prospect_id, confirmed_at });

/// The advisory lock under which mails are counted, so that two nodes do not both send the last one.
const COUNTING: i64 = 0x636f_6e66;

const ADD: &str = "
    INSERT INTO pending_forms (once, address, domain, form, fields, asked_at, expires_at, prospect_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (once) DO NOTHING RETURNING id";
const IS_DUE: &str = "SELECT COUNT(*) FROM (SELECT id FROM pending_forms WHERE mail = 'due' LIMIT 1) due";
const DUE: &str = "
    SELECT id, once, address, form, fields, asked_at, expires_at, prospect_id, confirmed_at FROM pending_forms
    WHERE mail = 'due' ORDER BY id LIMIT $1";
const ONE: Sql = locking!(
    "SELECT id, once, address, form, fields, asked_at, expires_at, prospect_id, confirmed_at FROM pending_forms WHERE id = $1",
    "FOR UPDATE"
);
const SHOW: &str =
    "SELECT id, once, address, form, fields, asked_at, expires_at, prospect_id, confirmed_at FROM pending_forms WHERE id = $1";
const OF_ADDRESS: &str = "
    SELECT id, once, address, form, fields, asked_at, expires_at, prospect_id, confirmed_at FROM pending_forms
    WHERE address = $1 AND confirmed_at IS NULL AND expires_at > $2 ORDER BY id DESC LIMIT $3";
const ASKED_BEFORE: &str = "
    SELECT (SELECT COUNT(*) FROM pending_forms
            WHERE address = $1 AND mailed_at > $3 AND confirmed_at IS NULL) AS unanswered,
           (SELECT COUNT(*) FROM pending_forms WHERE address = $1 AND mailed_at > $4) AS to_address,
           (SELECT COUNT(*) FROM pending_forms WHERE domain = $2 AND mailed_at > $3) AS to_domain";
const ASKED_OF: &str =
    "SELECT COUNT(*) FROM pending_forms WHERE prospect_id = $1 AND asked_at > $2 AND once LIKE 'new address:%'";
const DECIDE: &str = "UPDATE pending_forms SET mail = $2, mailed_at = $3, message_id = $4 WHERE id = $1 AND mail = 'due'";
/// What it said is in the signal from now on.
const CONFIRM: &str = "
    UPDATE pending_forms SET confirmed_at = $2, fields = '{}' WHERE id = $1 AND confirmed_at IS NULL AND expires_at > $2";
const WAITING: &str = "
    SELECT COUNT(*) AS waiting, COALESCE(SUM(CASE WHEN mail = 'held' THEN 1 ELSE 0 END), 0) AS held
    FROM pending_forms WHERE confirmed_at IS NULL AND expires_at > $1";

/// Keeps a form; `None` if the same one is kept already.
pub async fn add(tx: &mut Tx, new: &NewPendingForm<'_>) -> Result<Option<PendingFormId>, StoreError> {
    let values = args![
        new.once,
        new.address,
        counted_domain(new.address),
        new.form,
        to_json(new.fields)?,
        new.asked_at,
        KEPT.after(new.asked_at),
        new.prospect,
    ];
    let row: Option<(i64,)> = tx.row(ADD, values).await?;
    Ok(row.map(|(id,)| PendingFormId(id)))
}

/// Whether it is to be decided of any form if its address is asked.
pub async fn is_due(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.number(IS_DUE, args![]).await? > 0)
}

/// The next forms of which it is to be decided if their address is asked. No other node decides until the transaction ends.
pub async fn due(tx: &mut Tx, most: i64) -> Result<Vec<PendingForm>, StoreError> {
    tx.alone(COUNTING).await?;
    let rows: Vec<Row> = tx.rows(DUE, args![most]).await?;
    rows.into_iter().map(Row::into_form).collect()
}

/// The mails that asked this address, and its domain, before.
pub async fn asked_before(tx: &mut Tx, address: &Address, now: Timestamp) -> Result<AskedBefore, StoreError> {
    let values = args![address, counted_domain(address), APART.before(now), KEPT.before(now)];
    let (unanswered, to_address, to_domain): (i64, i64, i64) = tx.one(ASKED_BEFORE, values).await?;
    Ok(AskedBefore { unanswered, to_address, to_domain })
}

/// How many other addresses a prospect has asked to be written to since this instant.
pub async fn new_addresses_of(tx: &mut Tx, prospect: ProspectId, since: Timestamp) -> Result<i64, StoreError> {
    tx.number(ASKED_OF, args![prospect, since]).await
}

/// Decides what becomes of the mail that asks the address; one that is sent has its Message-ID.
pub async fn decide(
    tx: &mut Tx,
    id: PendingFormId,
    asking: Asking,
    message_id: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mailed_at = (asking == Asking::Sent).then_some(now);
    tx.execute_one(DECIDE, args![id, asking.word(), mailed_at, message_id]).await
}

/// A form, locked until the transaction ends; `None` once it is erased.
pub async fn lock(tx: &mut Tx, id: PendingFormId) -> Result<Option<PendingForm>, StoreError> {
    tx.row::<Row>(ONE, args![id]).await?.map(Row::into_form).transpose()
}

/// A form; `None` once it is erased.
pub async fn one(tx: &mut Tx, id: PendingFormId) -> Result<Option<PendingForm>, StoreError> {
    tx.row::<Row>(SHOW, args![id]).await?.map(Row::into_form).transpose()
}

/// The newest forms of an address that wait for its answer, newest first.
pub async fn of_address(tx: &mut Tx, address: &Address, most: i64, now: Timestamp) -> Result<Vec<PendingForm>, StoreError> {
    let rows: Vec<Row> = tx.rows(OF_ADDRESS, args![address, now, most]).await?;
    rows.into_iter().map(Row::into_form).collect()
}

/// Notes that the address has answered. Returns whether it is the first answer, and in time.
pub async fn confirm(tx: &mut Tx, id: PendingFormId, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(CONFIRM, args![id, now]).await? > 0)
}

/// How many forms wait for an answer, and for how many of them no mail was sent because there were too many.
pub async fn waiting(tx: &mut Tx, now: Timestamp) -> Result<(i64, i64), StoreError> {
    tx.one(WAITING, args![now]).await
}

impl Row {
    fn into_form(self) -> Result<PendingForm, StoreError> {
        let id = self.id;
        self.read().in_row("pending_forms", id)
    }

    fn read(self) -> Result<PendingForm, StoreError> {
        Ok(PendingForm {
            id: PendingFormId(self.id),
            once: self.once,
            address: address(&self.address)?,
            form: name(&self.form)?,
            fields: from_json("fields", &self.fields)?,
            asked_at: instant(self.asked_at)?,
            expires_at: instant(self.expires_at)?,
            prospect: self.prospect_id.map(ProspectId),
            confirmed_at: instant_or_none(self.confirmed_at)?,
        })
    }
}
