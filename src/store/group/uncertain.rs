//! Uncertain deliveries: whether they were sent is unknown. What an operator finds out later is appended as an attempt; no
//! row is edited.

use crate::domain::group::delivery::Resolution;
use crate::domain::id::{DeliveryId, IssueId, ProspectId};
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args, locking, reply_and_reason};
use crate::store::engine::value::{instant, instant_or_none};
use jiff::Timestamp;
use serde::Serialize;

/// An uncertain delivery.
#[derive(Debug, Clone, Serialize)]
pub struct Uncertain {
    pub id: DeliveryId,
    pub issue: IssueId,
    #[serde(skip)]
    pub prospect: Option<ProspectId>,
    pub address: String,
    pub campaign: String,
    pub newsletter: String,
    /// When it was last marked; `None` if it is held because the backup cannot show whether it was sent.
    pub marked_at: Option<Timestamp>,
    /// Since when it is uncertain.
    pub since: Timestamp,
    /// The relay's reply, or the reason why it is unknown.
    pub reply: Option<String>,
}

/// Which of them.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    One(DeliveryId),
    OfIssue(IssueId),
}

const LIST: &str = concat!(
    "
    SELECT d.id, d.issue_id, d.prospect_id, d.address, i.campaign, i.newsletter,
           (SELECT MAX(m.at) FROM attempts m WHERE m.delivery_id = d.id AND m.state = 'transmitting'), a.at, ",
    reply_and_reason!("a", "i"),
    "
    FROM attempts a JOIN deliveries d ON d.id = a.delivery_id JOIN issues i ON i.id = d.issue_id
    WHERE a.state = 'uncertain'
      AND NOT EXISTS (SELECT 1 FROM attempts later WHERE later.delivery_id = a.delivery_id AND later.number > a.number)
    ORDER BY d.issue_id, d.id"
);
/// Locks the ranges first, so that none is claimed before the retries in it are written.
const LOCK: Sql = locking!(
    "SELECT l.id FROM leases l WHERE l.owner IS NULL AND l.id IN (SELECT o.id FROM leases o JOIN deliveries d ON d.issue_id = o.issue_id
         AND d.id BETWEEN o.first_id AND o.last_id WHERE d.id = $1 OR d.issue_id = $2)",
    "FOR UPDATE"
);
const REOPEN: &str = "
    UPDATE leases SET finished_at = NULL, not_before = CAST($3 AS BIGINT)
    WHERE owner IS NULL AND id IN (SELECT o.id FROM leases o JOIN deliveries d ON d.issue_id = o.issue_id
         AND d.id BETWEEN o.first_id AND o.last_id WHERE d.id = $1 OR d.issue_id = $2)";
const RESOLVE: &str = "
    INSERT INTO attempts (delivery_id, number, state, at, fence, reply)
    SELECT a.delivery_id, a.number + 1, CAST($3 AS TEXT), CAST($4 AS BIGINT), a.fence, CAST($5 AS TEXT)
    FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
    WHERE a.state = 'uncertain' AND (d.id = $1 OR d.issue_id = $2)
      AND NOT EXISTS (SELECT 1 FROM attempts later WHERE later.delivery_id = a.delivery_id AND later.number > a.number)
      AND ($3 <> 'pending' OR EXISTS (SELECT 1 FROM leases l WHERE l.issue_id = d.issue_id AND d.id BETWEEN l.first_id AND l.last_id
                                      AND l.owner IS NULL))
    ON CONFLICT (delivery_id, number) DO NOTHING";

/// Every uncertain delivery, by issue.
pub async fn list(tx: &mut Tx) -> Result<Vec<Uncertain>, StoreError> {
    type Row = (i64, i64, Option<i64>, String, String, String, Option<i64>, i64, Option<String>);
    let rows: Vec<Row> = tx.rows(LIST, args![]).await?;
    let uncertain = |(id, issue, prospect, address, campaign, newsletter, marked_at, since, reply): Row| {
        let (marked_at, since) = (instant_or_none(marked_at).in_row("deliveries", id)?, instant(since).in_row("deliveries", id)?);
        let (id, issue, prospect) = (DeliveryId(id), IssueId(issue), prospect.map(ProspectId));
        Ok(Uncertain { id, issue, prospect, address, campaign, newsletter, marked_at, since, reply })
    };
    rows.into_iter().map(uncertain).collect()
}

/// Appends what an operator found out about uncertain deliveries. Returns about how many. A delivery to be sent again is
/// skipped if its range is leased at the moment, because the holder may have read it already.
pub async fn resolve(tx: &mut Tx, which: Which, how: Resolution, words: &str, now: Timestamp) -> Result<u64, StoreError> {
    let (one, issue) = match which {
        Which::One(id) => (Some(id), None),
        Which::OfIssue(id) => (None, Some(id)),
    };
    if how == Resolution::Resend {
        let _: Vec<(i64,)> = tx.rows(LOCK, args![one, issue]).await?;
        tx.execute(REOPEN, args![one, issue, now]).await?;
    }
    tx.execute(RESOLVE, args![one, issue, how.state().word(), now, words]).await
}
