//! Who is away until when, by what their mailboxes said, and which mails were answered with "has left".

use crate::domain::address::Address;
use crate::domain::id::{DeliveryId, ProspectId};
use crate::store::engine::backend::{InRow, StoreError, Tx, args, latest_attempt};
use crate::store::engine::value::{instant, instant_or_none};
use jiff::Timestamp;

const PUT: &str = "
    INSERT INTO absences (prospect_id, until_at, told_at) VALUES ($1, $2, $3)
    ON CONFLICT (prospect_id) DO UPDATE SET until_at = excluded.until_at, told_at = excluded.told_at
    WHERE excluded.told_at > absences.told_at OR (excluded.told_at = absences.told_at AND excluded.until_at > absences.until_at)";
const OF: &str = "SELECT until_at FROM absences WHERE prospect_id = $1 AND until_at > $2";
const ANY: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM absences WHERE until_at > $1 LIMIT 1) AS one";
/// Of one campaign a single mail waits for somebody who is away.
const AWAY: &str = concat!(
    "
    SELECT d.id, b.until_at,
           CAST(CASE WHEN EXISTS (SELECT 1 FROM deliveries o JOIN issues oi ON oi.id = o.issue_id
                ",
    latest_attempt!("o"),
    "
                WHERE o.prospect_id = d.prospect_id AND o.id < d.id AND oi.campaign = i.campaign AND a.state = 'pending' AND a.retry_at > $4)
           THEN 1 ELSE 0 END AS BIGINT)
    FROM absences b JOIN deliveries d ON d.prospect_id = b.prospect_id JOIN issues i ON i.id = d.issue_id
    WHERE b.until_at > $4 AND d.issue_id = $1 AND d.id BETWEEN $2 AND $3"
);
const ADD_DEPARTURE: &str = "INSERT INTO departures (delivery_id, told_at) VALUES ($1, $2) ON CONFLICT (delivery_id) DO NOTHING";
const DEPARTED: &str = "
    SELECT COUNT(DISTINCT d.issue_id) FROM deliveries d JOIN departures x ON x.delivery_id = d.id
    WHERE d.prospect_id = (SELECT o.prospect_id FROM deliveries o WHERE o.id = $1) AND d.address = $2";

/// A delivery to somebody who is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    pub delivery: DeliveryId,
    pub until_at: Timestamp,
    /// Whether an earlier mail of the campaign waits for them already.
    pub another_waits: bool,
}

/// Records until when somebody is away. The word that was said last counts, whichever comes last.
pub async fn put(tx: &mut Tx, prospect: ProspectId, until: Timestamp, said_at: Timestamp) -> Result<(), StoreError> {
    tx.execute(PUT, args![prospect, until, said_at]).await.map(drop)
}

/// Until when somebody is away, if they are.
pub async fn of(tx: &mut Tx, prospect: ProspectId, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let row: Option<(i64,)> = tx.row(OF, args![prospect, now]).await?;
    instant_or_none(row.map(|(at,)| at))
}

/// The deliveries of a range to people who are away.
pub async fn among(
    tx: &mut Tx,
    issue: crate::domain::id::IssueId,
    (first, last): (DeliveryId, DeliveryId),
    now: Timestamp,
) -> Result<Vec<Away>, StoreError> {
    if tx.number(ANY, args![now]).await? == 0 {
        return Ok(Vec::new());
    }
    let rows: Vec<(i64, i64, i64)> = tx.rows(AWAY, args![issue, first, last, now]).await?;
    let away = |(id, until, waits): (i64, i64, i64)| {
        Ok(Away { delivery: DeliveryId(id), until_at: instant(until).in_row("absences", id)?, another_waits: waits > 0 })
    };
    rows.into_iter().map(away).collect()
}

/// Records that a mail was answered with "has left the company". Returns of how many issues that was said by this address;
/// `None` if it was said of this mail before.
pub async fn add_departure(
    tx: &mut Tx,
    delivery: DeliveryId,
    address: &Address,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    if tx.execute(ADD_DEPARTURE, args![delivery, now]).await? == 0 {
        return Ok(None);
    }
    tx.number(DEPARTED, args![delivery, address]).await.map(Some)
}
