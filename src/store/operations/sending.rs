//! Sending: whether mail may leave at all. Every mark reads this one row in its own statement: after the commit of a stop
//! no node marks group mail, even in ranges it has claimed.
//!
//! Two switches, each with its reason, which do not know of each other: `stopped` holds group mail until `resume`;
//! `observing` holds everything until the database is adopted. Letters to our own people and test copies, which an
//! operator asks for, go on while group mail is stopped: they show whether it may go on.

use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args};
use crate::store::engine::value::instant_or_none;
use jiff::Timestamp;
use serde::Serialize;

/// Why nothing leaves, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SendingHold {
    pub reason: String,
    pub since: Timestamp,
}

/// Whether mail may leave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sending {
    /// Group mail is stopped until an operator resumes it.
    pub stopped: Option<SendingHold>,
    /// No mail is sent until an operator adopts the database.
    pub observing: Option<SendingHold>,
}

impl Sending {
    /// Why no group mail leaves, with what ends it; `None` when it may.
    pub fn why_not(&self) -> Option<String> {
        let observing = self.observing.as_ref().map(|held| format!("observing: {}; `nurtured adopt` ends it", held.reason));
        let stopped = self.stopped.as_ref().map(|held| format!("stopped: {}; `nurtured resume` ends it", held.reason));
        match (observing, stopped) {
            (Some(one), Some(two)) => Some(format!("{one} · {two}")),
            (one, two) => one.or(two),
        }
    }
}

/// Waits for marks that are being written, and lets no new one begin before this commits: PostgreSQL queues for a table's
/// lock in order, so a stop waits for one group commit and not for the rest of a busy night. A mark that waited rereads
/// the row afterwards. (A share lock of each mark on the row would let a stop starve among them.) SQLite has one writer.
const BEHIND_MARKS: Sql = Sql::Each { sqlite: "SELECT 1", postgres: "LOCK TABLE attempts IN SHARE ROW EXCLUSIVE MODE" };
const STATE: &str = "SELECT stopped, stopped_at, observing, observing_at FROM sending";
const STOP: &str = "UPDATE sending SET stopped = $1, stopped_at = $2 WHERE stopped IS NULL";
const RESUME: &str = "UPDATE sending SET stopped = NULL, stopped_at = NULL WHERE stopped IS NOT NULL";
pub(super) const OBSERVE: &str = "UPDATE sending SET observing = $1, observing_at = $2 WHERE observing IS NULL";
const OPEN: &str = "UPDATE sending SET observing = NULL, observing_at = NULL WHERE observing IS NOT NULL";

/// Whether mail may leave.
pub async fn state(tx: &mut Tx) -> Result<Sending, StoreError> {
    type Row = (Option<String>, Option<i64>, Option<String>, Option<i64>);
    let (stopped, stopped_at, observing, observing_at): Row = tx.one(STATE, args![]).await?;
    Ok(Sending { stopped: held(stopped, stopped_at)?, observing: held(observing, observing_at)? })
}

/// Stops all group mail. Returns whether it was not stopped yet; if it was, the reason it had stays.
///
/// Call it in a transaction of its own: on PostgreSQL it waits for every transaction that writes attempts, and one
/// that wrote some itself could wait for another that does the same.
pub async fn stop(tx: &mut Tx, reason: &str, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute(BEHIND_MARKS, args![]).await?;
    Ok(tx.execute(STOP, args![reason, now]).await? > 0)
}

/// Lets group mail go on. Returns whether it was stopped.
pub async fn resume(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.execute(RESUME, args![]).await? > 0)
}

/// Holds everything until the database is adopted. Returns whether it was not held yet. In a transaction of its own, as
/// [`stop`].
pub async fn observe(tx: &mut Tx, reason: &str, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute(BEHIND_MARKS, args![]).await?;
    Ok(tx.execute(OBSERVE, args![reason, now]).await? > 0)
}

/// Ends observing. Returns whether it was on.
pub async fn open(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.execute(OPEN, args![]).await? > 0)
}

fn held(reason: Option<String>, since: Option<i64>) -> Result<Option<SendingHold>, StoreError> {
    Ok(reason.zip(instant_or_none(since).in_row("sending", 1)?).map(|(reason, since)| SendingHold { reason, since }))
}
