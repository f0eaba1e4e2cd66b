//! What the breakers count, campaign by campaign, since it was last paused or resumed: troubles are appended, mails that
//! ended are looked at backwards. Test copies and seeds count for nothing.

use crate::domain::group::breaker::{BOUNCES_AMONG, BROKEN_IN_A_ROW, BadShare};
use crate::domain::id::{DeliveryId, IssueId, Name};
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::value::{name as name_of, to_json};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What went wrong with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Its mailbox does not exist.
    Bounced,
    Complained,
    /// The connection broke in the middle of it.
    Broken,
}

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Broken => "broken",
        }
    }
}

/// One thing that went wrong.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Trouble {
    pub delivery: DeliveryId,
    pub kind: Kind,
    /// At which try; a bounce and a complaint count once: 0.
    pub number: i64,
}

/// How many of a campaign's issues are looked at.
const ISSUES: i64 = 200;

const NOTE: &str = "
    INSERT INTO troubles (campaign, delivery_id, kind, number, at)
    SELECT i.campaign, d.id, j.value ->> 'kind', CAST(j.value ->> 'number' AS BIGINT), CAST($2 AS BIGINT)
    FROM json_each($1) j
    JOIN deliveries d ON d.id = CAST(j.value ->> 'delivery' AS BIGINT) AND d.prospect_id IS NOT NULL
    JOIN issues i ON i.id = d.issue_id AND NOT i.test
    WHERE TRUE
    ON CONFLICT (delivery_id, kind, number) DO NOTHING";
/// Whose they are, those of test copies left out; seeds are in it: a refusal of a seed is about us as well.
const LIVE: &str = "
    SELECT d.id, i.campaign FROM json_each($1) j
    JOIN deliveries d ON d.id = CAST(j.value ->> 'delivery' AS BIGINT) JOIN issues i ON i.id = d.issue_id AND NOT i.test";
const NOTED: &str = "
    SELECT COUNT(*) FROM troubles t JOIN campaigns c ON c.name = t.campaign
    WHERE t.campaign = $1 AND t.kind = $2 AND t.at >= c.changed_at";
const ISSUES_OF: &str = "SELECT id FROM issues WHERE campaign = $1 AND NOT test ORDER BY id DESC LIMIT $2";
/// What ended of an issue, backwards from the last delivery that a node ever held: deliveries leave in the order of their
/// ids. How many were looked at; of those since the last pause, how many there are, how many are bad, and when the last was
/// accepted. The order of the joins is meant.
const LATELY: &str = "
    SELECT COUNT(*), COALESCE(SUM(since), 0), COALESCE(SUM(since * bad), 0), MAX(CASE WHEN since = 1 THEN accepted_at END)
    FROM (
        SELECT CASE WHEN a.at >= (SELECT changed_at FROM campaigns WHERE name = $2) THEN 1 ELSE 0 END AS since,
               CASE WHEN EXISTS (SELECT 1 FROM troubles t WHERE t.delivery_id = d.id AND t.kind = $4) THEN 1 ELSE 0 END AS bad,
               CASE WHEN a.state = 'accepted' THEN a.at END AS accepted_at
        FROM deliveries d CROSS JOIN attempts a
        WHERE d.id <= (SELECT COALESCE(MAX(l.last_id), 0) FROM leases l WHERE l.issue_id = $1 AND l.fence > 0)
          AND d.id >= (SELECT COALESCE(MIN(l.first_id), 0) FROM leases l WHERE l.issue_id = $1)
          AND d.issue_id = $1 AND d.prospect_id IS NOT NULL
          AND a.delivery_id = d.id AND a.state IN ('accepted', 'failed', 'uncertain')
        ORDER BY d.id DESC LIMIT $3) AS ended";
/// Where the breaks in a row would begin: when the twentieth from the end was.
const ROW_BEGINS: &str = "
    SELECT t.at FROM troubles t JOIN campaigns c ON c.name = t.campaign
    WHERE t.campaign = $1 AND t.kind = 'broken' AND t.at >= c.changed_at ORDER BY t.id DESC LIMIT 1 OFFSET $2";
const RUNNING: &str = "SELECT name FROM campaigns WHERE state = 'running' ORDER BY name";

/// Appends what went wrong; what is known already is not counted again.
pub async fn note(tx: &mut Tx, troubles: &[Trouble], now: Timestamp) -> Result<(), StoreError> {
    if troubles.is_empty() {
        return Ok(());
    }
    tx.execute(NOTE, args![to_json(troubles)?, now]).await.map(drop)
}

/// The campaigns of these deliveries, test copies left out.
pub async fn live(tx: &mut Tx, deliveries: &BTreeSet<DeliveryId>) -> Result<BTreeMap<DeliveryId, Name>, StoreError> {
    #[derive(Serialize)]
    struct Row {
        delivery: DeliveryId,
    }
    let rows: Vec<Row> = deliveries.iter().map(|delivery| Row { delivery: *delivery }).collect();
    let found: Vec<(i64, String)> = tx.rows(LIVE, args![to_json(&rows)?]).await?;
    found.into_iter().map(|(id, campaign)| Ok((DeliveryId(id), name_of(&campaign)?))).collect()
}

/// How many troubles of a kind a campaign has had since it was last paused or resumed.
pub async fn noted(tx: &mut Tx, campaign: &Name, kind: Kind) -> Result<i64, StoreError> {
    tx.number(NOTED, args![campaign, kind.word()]).await
}

/// How many of the campaign's last mails that ended, so many of them, had this trouble.
pub async fn share(tx: &mut Tx, campaign: &Name, kind: Kind, among: i64) -> Result<BadShare, StoreError> {
    lately(tx, campaign, kind, among).await.map(|(share, _)| share)
}

/// The same, and when the last of them was accepted, epoch milliseconds.
async fn lately(tx: &mut Tx, campaign: &Name, kind: Kind, among: i64) -> Result<(BadShare, Option<i64>), StoreError> {
    let issues: Vec<(i64,)> = tx.rows(ISSUES_OF, args![campaign, ISSUES]).await?;
    let (mut share, mut accepted_at, mut left) = (BadShare { bad: 0, of: 0 }, None, among);
    for (issue,) in issues {
        let row: Option<(i64, i64, i64, Option<i64>)> =
            tx.row(LATELY, args![IssueId(issue), campaign, left, kind.word()]).await?;
        let (seen, of, bad, at) = row.unwrap_or_default();
        share = BadShare { bad: share.bad + bad, of: share.of + of };
        accepted_at = accepted_at.max(at);
        left -= seen;
        if left <= 0 {
            break;
        }
    }
    Ok((share, accepted_at))
}

/// Whether the last twenty connections of a campaign broke, and nothing was accepted between.
pub async fn broke_in_a_row(tx: &mut Tx, campaign: &Name) -> Result<bool, StoreError> {
    let begins: Option<(i64,)> = tx.row(ROW_BEGINS, args![campaign, BROKEN_IN_A_ROW - 1]).await?;
    let Some((begins,)) = begins else { return Ok(false) };
    let (_, accepted_at) = lately(tx, campaign, Kind::Broken, BOUNCES_AMONG).await?;
    Ok(accepted_at.is_none_or(|at| at < begins))
}

/// Every campaign that runs.
pub async fn running(tx: &mut Tx) -> Result<Vec<Name>, StoreError> {
    let rows: Vec<(String,)> = tx.rows(RUNNING, args![]).await?;
    rows.iter().map(|(campaign,)| name_of(campaign)).collect()
}
