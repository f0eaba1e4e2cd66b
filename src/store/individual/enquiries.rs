//! Enquiries on their way to a salesperson: placed on a queue one by one, or together on the list of an hour that brought too
//! many, and settled there.

use crate::domain::doorway::enquiry::{Enquiry, EnquiryList, Settled, WhyNoHandoff};
use crate::domain::id::{EnquiryId, EnquiryListId, Name, ProspectId, SignalId};
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::record::record;
use crate::store::engine::value::{address, from_json, instant, instant_or_none, name, texts, to_json, word};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The lock by which one node at a time counts an hour's enquiries.
const COUNTING: i64 = 0x65_6e_71;

struct Row {
    id: i64,
    prospect_id: Option<i64>,
    signal_id: Option<i64>,
    address: Option<String>,
    cause: String,
    form: String,
    said: String,
    asked_at: i64,
    salesperson: Option<String>,
    list_id: Option<i64>,
    settled_how: Option<String>,
}

record!(Row { id, prospect_id, signal_id, address, cause, form, said, asked_at, salesperson, list_id, settled_how });

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, prospect_id, signal_id, address, cause, form, said, asked_at, salesperson, list_id, settled_how FROM enquiries ",
            $rest
        )
    };
}

const LOAD: &str = columns!("WHERE id = $1");
const UNPLACED: &str = columns!("WHERE placed_at IS NULL AND settled_at IS NULL ORDER BY id LIMIT 1");
const OF: &str = columns!("WHERE salesperson = $1 AND settled_at IS NULL AND list_id IS NULL ORDER BY asked_at, id");
const DONE_SINCE: &str = columns!(
    "WHERE salesperson = $1 AND settled_how = 'done' AND settled_at > $2 AND once <> 'erased:' || id ORDER BY settled_at DESC, id DESC"
);
const OF_LIST: &str = columns!("WHERE list_id = $1 AND id > $2 AND once <> 'erased:' || id ORDER BY id LIMIT $3");
/// The confirmed and the unconfirmed are bounded each for itself: no stranger takes the place of a customer.
const PLACED: &str = "
    SELECT COUNT(*) FROM enquiries
    WHERE placed_at >= $1 AND list_id IS NULL AND (cause IN ('unconfirmed', 'forgotten')) = $2";
const PLACE: &str = "UPDATE enquiries SET salesperson = $2, placed_at = $3, told_at = $3 WHERE id = $1 AND placed_at IS NULL";
const EARLIER: &str = "
    SELECT salesperson FROM enquiries
    WHERE (prospect_id = $1 OR address = $2) AND id <> $3 AND placed_at IS NOT NULL AND list_id IS NULL
    ORDER BY placed_at DESC, id DESC LIMIT 1";
const LOADS: &str = "
    SELECT salesperson, COUNT(*) FROM enquiries
    WHERE placed_at >= $1 AND list_id IS NULL AND salesperson IS NOT NULL GROUP BY salesperson";
const ADD_LIST: &str = "
    INSERT INTO enquiry_lists (begins_at, ends_at, salesperson) VALUES ($1, $2, $3)
    ON CONFLICT (begins_at) DO UPDATE SET settled_at = NULL, told_at = NULL
    RETURNING id";
const PUT_ON_LIST: &str = "
    UPDATE enquiries SET salesperson = $2, placed_at = $3, list_id = $1
    WHERE placed_at IS NULL AND settled_at IS NULL
      AND (cause IN ('unconfirmed', 'forgotten')) = $4";
macro_rules! lists {
    ($rest:literal) => {
        concat!(
            "SELECT l.id, l.begins_at, l.ends_at, l.salesperson, ",
            "(SELECT COUNT(*) FROM enquiries e WHERE e.list_id = l.id AND e.once <> 'erased:' || e.id) FROM enquiry_lists l ",
            $rest
        )
    };
}
const LIST: &str = lists!("WHERE l.id = $1");
const LISTS_OF: &str = lists!("WHERE l.salesperson = $1 AND l.settled_at IS NULL ORDER BY l.begins_at");
const LISTS_DONE_SINCE: &str = lists!("WHERE l.salesperson = $1 AND l.settled_at > $2 ORDER BY l.settled_at DESC");
const UNTOLD: &str = lists!("WHERE l.told_at IS NULL ORDER BY l.ends_at LIMIT 1");
const TOLD: &str = "UPDATE enquiry_lists SET told_at = $2 WHERE id = $1 AND told_at IS NULL";
const DUE: &str = "
    SELECT (SELECT MIN(asked_at) FROM enquiries WHERE placed_at IS NULL AND settled_at IS NULL),
           (SELECT MIN(ends_at) FROM enquiry_lists WHERE told_at IS NULL),
           (SELECT MIN(expires_at) FROM enquiries WHERE expires_at IS NOT NULL)";
const SETTLE: &str = "
    UPDATE enquiries SET settled_at = $3, settled_how = $4 WHERE id = $1 AND salesperson = $2 AND list_id IS NULL AND settled_at IS NULL";
const REOPEN: &str = "
    UPDATE enquiries SET settled_at = NULL, settled_how = NULL
    WHERE id = $1 AND salesperson = $2 AND settled_how = 'done' AND once <> 'erased:' || id";
/// Of a list that was settled within its hour no letter needs to tell.
const SETTLE_LIST: &str = "
    UPDATE enquiry_lists SET settled_at = $3, told_at = COALESCE(told_at, $3)
    WHERE id = $1 AND salesperson = $2 AND settled_at IS NULL";
const SETTLE_LISTED: &str = "
    UPDATE enquiries SET settled_at = $2, settled_how = 'listed' WHERE list_id = $1 AND settled_at IS NULL";
const REOPEN_LIST: &str =
    "UPDATE enquiry_lists SET settled_at = NULL WHERE id = $1 AND salesperson = $2 AND settled_at IS NOT NULL";
const REOPEN_LISTED: &str = "
    UPDATE enquiries SET settled_at = NULL, settled_how = NULL WHERE list_id = $1 AND settled_how = 'listed' AND once <> 'erased:' || id";
const CONFIRM: &str = "
    UPDATE enquiries SET settled_at = $5, settled_how = 'confirmed', prospect_id = $1
    WHERE (prospect_id = $1 OR address = $2) AND form = $3 AND said = $4 AND settled_at IS NULL";
const HAD: &str = "
    SELECT salesperson FROM enquiries
    WHERE (prospect_id = $1 OR address = $2) AND form = $3 AND said = $4 AND placed_at IS NOT NULL AND list_id IS NULL
    ORDER BY placed_at DESC, id DESC LIMIT 1";
const ARE_OF_OTHERS: &str = "
    SELECT (SELECT COUNT(*) FROM enquiries
            WHERE settled_at IS NULL AND salesperson NOT IN (SELECT value ->> 'text' FROM json_each($1)))
         + (SELECT COUNT(*) FROM enquiry_lists
            WHERE settled_at IS NULL AND salesperson NOT IN (SELECT value ->> 'text' FROM json_each($1)))";
const INHERIT: &str = "
    UPDATE enquiries SET salesperson = $2
    WHERE settled_at IS NULL AND salesperson NOT IN (SELECT value ->> 'text' FROM json_each($1))";
const INHERIT_LISTS: &str = "
    UPDATE enquiry_lists SET salesperson = $2
    WHERE settled_at IS NULL AND salesperson NOT IN (SELECT value ->> 'text' FROM json_each($1))";
const COUNTS: &str = "
    SELECT COUNT(*), COALESCE(SUM(CASE WHEN (placed_at IS NULL AND asked_at <= $2)
                 OR salesperson NOT IN (SELECT value ->> 'text' FROM json_each($1)) THEN 1 ELSE 0 END), 0)
    FROM enquiries WHERE settled_at IS NULL";
const WAITING: &str = "
    SELECT salesperson, asked_at FROM enquiries WHERE settled_at IS NULL AND salesperson IS NOT NULL ORDER BY asked_at, id LIMIT $1";

/// From here on until the transaction ends, no other node places an enquiry.
pub async fn place_alone(tx: &mut Tx) -> Result<(), StoreError> {
    tx.alone(COUNTING).await
}

/// One enquiry.
pub async fn load(tx: &mut Tx, id: EnquiryId) -> Result<Option<Enquiry>, StoreError> {
    tx.row::<Row>(LOAD, args![id]).await?.map(Row::into_enquiry).transpose()
}

/// The oldest enquiry that is on no queue yet.
pub async fn unplaced(tx: &mut Tx) -> Result<Option<Enquiry>, StoreError> {
    tx.row::<Row>(UNPLACED, args![]).await?.map(Row::into_enquiry).transpose()
}

/// When the next enquiry, list or erasure is due.
pub async fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let (asked, over, expires): (Option<i64>, Option<i64>, Option<i64>) = tx.one(DUE, args![]).await?;
    instant_or_none([asked, over, expires].into_iter().flatten().min())
}

/// How many were placed one by one since an instant, of those that are confirmed, or not, as this cause is.
pub async fn placed_since(tx: &mut Tx, since: Timestamp, cause: WhyNoHandoff) -> Result<i64, StoreError> {
    tx.number(PLACED, args![since, !cause.is_confirmed()]).await
}

/// Puts an enquiry on a salesperson's queue.
pub async fn place(tx: &mut Tx, id: EnquiryId, salesperson: &Name, now: Timestamp) -> Result<(), StoreError> {
    tx.execute_one(PLACE, args![id, salesperson, now]).await
}

/// Puts all that wait, of those that are confirmed, or not, as this cause is, on the list of the hour. Returns how many.
pub async fn put_on_list(
    tx: &mut Tx,
    (begins_at, ends_at): (Timestamp, Timestamp),
    salesperson: &Name,
    cause: WhyNoHandoff,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let id = EnquiryListId(tx.number(ADD_LIST, args![begins_at, ends_at, salesperson]).await?);
    tx.execute(PUT_ON_LIST, args![id, salesperson, now, !cause.is_confirmed()]).await
}

/// Who got the latest enquiry of the same person before this one.
pub async fn earlier(tx: &mut Tx, enquiry: &Enquiry) -> Result<Option<Name>, StoreError> {
    let address = enquiry.address.as_ref().map(ToString::to_string);
    let row: Option<(String,)> = tx.row(EARLIER, args![enquiry.prospect, address, enquiry.id]).await?;
    row.map(|(id,)| name(&id).in_row("enquiries", format_args!("before {}", enquiry.id))).transpose()
}

/// How many each salesperson got one by one since an instant.
pub async fn loads(tx: &mut Tx, since: Timestamp) -> Result<BTreeMap<Name, i64>, StoreError> {
    let rows: Vec<(String, i64)> = tx.rows(LOADS, args![since]).await?;
    rows.into_iter().map(|(id, count)| Ok((name(&id).in_row("enquiries", format_args!("of {id}"))?, count))).collect()
}

/// A salesperson's open enquiries, oldest first, without those on lists.
pub async fn of(tx: &mut Tx, salesperson: &Name) -> Result<Vec<Enquiry>, StoreError> {
    tx.rows::<Row>(OF, args![salesperson]).await?.into_iter().map(Row::into_enquiry).collect()
}

/// What a salesperson settled since an instant and may open again, newest first.
pub async fn done_since(tx: &mut Tx, salesperson: &Name, since: Timestamp) -> Result<Vec<Enquiry>, StoreError> {
    tx.rows::<Row>(DONE_SINCE, args![salesperson, since]).await?.into_iter().map(Row::into_enquiry).collect()
}

/// The enquiries of a list that come after this one, oldest first, without those that were erased.
pub async fn of_list(tx: &mut Tx, list: EnquiryListId, after: EnquiryId, most: i64) -> Result<Vec<Enquiry>, StoreError> {
    tx.rows::<Row>(OF_LIST, args![list, after, most]).await?.into_iter().map(Row::into_enquiry).collect()
}

/// One list.
pub async fn list(tx: &mut Tx, id: EnquiryListId) -> Result<Option<EnquiryList>, StoreError> {
    tx.row(LIST, args![id]).await?.map(into_list).transpose()
}

/// The lists on a salesperson's queue, oldest first.
pub async fn lists_of(tx: &mut Tx, salesperson: &Name) -> Result<Vec<EnquiryList>, StoreError> {
    tx.rows(LISTS_OF, args![salesperson]).await?.into_iter().map(into_list).collect()
}

/// The lists a salesperson settled since an instant, newest first.
pub async fn lists_done_since(tx: &mut Tx, salesperson: &Name, since: Timestamp) -> Result<Vec<EnquiryList>, StoreError> {
    tx.rows(LISTS_DONE_SINCE, args![salesperson, since]).await?.into_iter().map(into_list).collect()
}

/// The list whose hour was over first and of which no letter tells yet.
pub async fn untold(tx: &mut Tx) -> Result<Option<EnquiryList>, StoreError> {
    tx.row(UNTOLD, args![]).await?.map(into_list).transpose()
}

/// Records that a letter tells of a list.
pub async fn told(tx: &mut Tx, id: EnquiryListId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute_one(TOLD, args![id, now]).await
}

/// Settles an enquiry on this salesperson's queue as done. Returns whether it was open.
pub async fn settle(tx: &mut Tx, id: EnquiryId, salesperson: &Name, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(SETTLE, args![id, salesperson, now, Settled::Done.word()]).await? > 0)
}

/// Opens an enquiry again that this salesperson settled. Returns whether it could be.
pub async fn reopen(tx: &mut Tx, id: EnquiryId, salesperson: &Name) -> Result<bool, StoreError> {
    Ok(tx.execute(REOPEN, args![id, salesperson]).await? > 0)
}

/// Settles a list on this salesperson's queue, and what stands on it. Returns whether it was open.
pub async fn settle_list(tx: &mut Tx, id: EnquiryListId, salesperson: &Name, now: Timestamp) -> Result<bool, StoreError> {
    let settled = tx.execute(SETTLE_LIST, args![id, salesperson, now]).await? > 0;
    if settled {
        tx.execute(SETTLE_LISTED, args![id, now]).await?;
    }
    Ok(settled)
}

/// Opens a list again that this salesperson settled. Returns whether it could be.
pub async fn reopen_list(tx: &mut Tx, id: EnquiryListId, salesperson: &Name) -> Result<bool, StoreError> {
    let opened = tx.execute(REOPEN_LIST, args![id, salesperson]).await? > 0;
    if opened {
        tx.execute(REOPEN_LISTED, args![id]).await?;
    }
    Ok(opened)
}

/// Settles the open enquiries of a prospect, or of their address, that say the same as the request a handoff is opened for.
/// Returns the salesperson who heard of it.
pub async fn confirm(
    tx: &mut Tx,
    (prospect, address): (ProspectId, Option<&str>),
    form: &Name,
    said: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Option<Name>, StoreError> {
    let said = to_json(said)?;
    let row: Option<(String,)> = tx.row(HAD, args![prospect, address, form, said.clone()]).await?;
    tx.execute(CONFIRM, args![prospect, address, form, said, now]).await?;
    row.map(|(id,)| name(&id).in_row("enquiries", format_args!("of prospect {prospect}"))).transpose()
}

/// Whether an open enquiry or list is on the queue of a person other than these.
pub async fn are_of_others(tx: &mut Tx, ours: &[&Name]) -> Result<bool, StoreError> {
    Ok(tx.number(ARE_OF_OTHERS, args![texts(ours)?]).await? > 0)
}

/// Moves the open enquiries and lists of all people but these to one person's queue. Returns how many.
pub async fn inherit(tx: &mut Tx, ours: &[&Name], to: &Name) -> Result<u64, StoreError> {
    let moved = tx.execute(INHERIT, args![texts(ours)?, to]).await?;
    Ok(moved + tx.execute(INHERIT_LISTS, args![texts(ours)?, to]).await?)
}

/// How many enquiries are open, and how many of them no one of these people has: on another's queue, or on none though asked by
/// `since`.
pub async fn counts(tx: &mut Tx, ours: &[&Name], since: Timestamp) -> Result<(i64, i64), StoreError> {
    tx.one(COUNTS, args![texts(ours)?, since]).await
}

/// The open enquiries that were placed, the oldest first and at most so many: on whose queue, and when they were asked.
pub async fn waiting(tx: &mut Tx, most: i64) -> Result<Vec<(Name, Timestamp)>, StoreError> {
    let rows: Vec<(String, i64)> = tx.rows(WAITING, args![most]).await?;
    let read = |(id, at): (String, i64)| {
        Ok((name(&id).in_row("enquiries", format_args!("of {id}"))?, instant(at).in_row("enquiries", format_args!("of {id}"))?))
    };
    rows.into_iter().map(read).collect()
}

impl Row {
    fn into_enquiry(self) -> Result<Enquiry, StoreError> {
        let id = self.id;
        self.read().in_row("enquiries", id)
    }

    fn read(self) -> Result<Enquiry, StoreError> {
        Ok(Enquiry {
            id: EnquiryId(self.id),
            prospect: self.prospect_id.map(ProspectId),
            signal: self.signal_id.map(SignalId),
            address: self.address.as_deref().map(address).transpose()?,
            cause: word("cause of an enquiry", &self.cause, WhyNoHandoff::parse)?,
            form: name(&self.form)?,
            said: from_json("said", &self.said)?,
            asked_at: instant(self.asked_at)?,
            salesperson: self.salesperson.as_deref().map(name).transpose()?,
            list: self.list_id.map(EnquiryListId),
            settled: self.settled_how.as_deref().map(|how| word("how an enquiry ended", how, Settled::parse)).transpose()?,
        })
    }
}

fn into_list(row: (i64, i64, i64, String, i64)) -> Result<EnquiryList, StoreError> {
    let (id, begins_at, ends_at, salesperson, count) = row;
    let read = || {
        Ok(EnquiryList {
            id: EnquiryListId(id),
            begins_at: instant(begins_at)?,
            ends_at: instant(ends_at)?,
            salesperson: name(&salesperson)?,
            count,
        })
    };
    read().in_row("enquiry_lists", id)
}
