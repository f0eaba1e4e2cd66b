//! What the breakers count, campaign by campaign, since it was last paused or resumed: troubles are appended, mails that
//! ended are looked at backwards. Test copies and seeds count for nothing.

use super::backend::{StoreError, Tx, args};
use super::value::{name as name_of, to_json};
use crate::domain::breaker::{BOUNCES_AMONG, BROKEN_IN_A_ROW, COMPLAINTS_AMONG, Share};
use crate::domain::id::{DeliveryId, IssueId, Name};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What went wrong with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Its mailbox does not exist.
    Bounced,
    /// Its recipient complained.
    Complained,
    /// The connection broke in the middle of it.
    Broken,
}

impl Kind {
    /// The word in SQL.
    #[must_use]
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
    /// With which delivery.
    pub delivery: DeliveryId,
    /// What.
    pub kind: Kind,
    /// At which try; a bounce and a complaint count once: 0.
    pub number: i64,
}

/// How far back, in attempts of all campaigns, a campaign's last mails are looked for: a mail makes two at least.
const LOOKED_AT: i64 = 100_000;
/// How many of a campaign's issues are looked at.
const ISSUES: i64 = 200;

const NOTE: &str = "
    INSERT INTO troubles (campaign, delivery_id, kind, number, position, at)
    SELECT i.campaign, d.id, j.value ->> 'kind', CAST(j.value ->> 'number' AS BIGINT), (SELECT COALESCE(MAX(id), 0) FROM attempts),
           CAST($2 AS BIGINT)
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
/// The order of the joins is meant: backwards through the newest attempts, until there are enough.
const BOUNCES: &str = "
    SELECT COALESCE(SUM(bounced), 0), COUNT(*) FROM (
        SELECT CASE WHEN EXISTS (SELECT 1 FROM troubles t WHERE t.delivery_id = a.delivery_id AND t.kind = 'bounced')
               THEN 1 ELSE 0 END AS bounced
        FROM attempts a CROSS JOIN deliveries d CROSS JOIN issues i
        WHERE a.id > (SELECT COALESCE(MAX(id), 0) FROM attempts) - $2 AND a.state IN ('accepted', 'failed', 'uncertain')
          AND a.at >= (SELECT changed_at FROM campaigns WHERE name = $1)
          AND d.id = a.delivery_id AND d.prospect_id IS NOT NULL AND i.id = d.issue_id AND i.campaign = $1 AND NOT i.test
        ORDER BY a.id DESC LIMIT $3) AS ended";
const ISSUES_OF: &str = "SELECT id FROM issues WHERE campaign = $1 AND NOT test ORDER BY id DESC LIMIT $2";
/// Complaints come days later, when other campaigns have sent much: so these are looked for by issue, from the last
/// delivery that a node ever held.
const COMPLAINTS: &str = "
    SELECT COUNT(*), COALESCE(SUM(CASE WHEN at >= (SELECT changed_at FROM campaigns WHERE name = $2) THEN 1 ELSE 0 END), 0),
           COALESCE(SUM(CASE WHEN at >= (SELECT changed_at FROM campaigns WHERE name = $2) THEN complained ELSE 0 END), 0)
    FROM (
        SELECT a.at AS at, CASE WHEN EXISTS (SELECT 1 FROM troubles t WHERE t.delivery_id = d.id AND t.kind = 'complained')
               THEN 1 ELSE 0 END AS complained
        FROM deliveries d CROSS JOIN attempts a
        WHERE d.issue_id = $1 AND d.id <= (SELECT COALESCE(MAX(l.last_id), 0) FROM leases l WHERE l.issue_id = $1 AND l.fence > 0)
          AND d.prospect_id IS NOT NULL AND a.delivery_id = d.id AND a.state IN ('accepted', 'failed', 'uncertain')
        ORDER BY d.id DESC LIMIT $3) AS ended";
/// Where the breaks in a row would begin: the position of the twentieth from the end.
const ROW_BEGINS: &str = "
    SELECT t.position FROM troubles t JOIN campaigns c ON c.name = t.campaign
    WHERE t.campaign = $1 AND t.kind = 'broken' AND t.at >= c.changed_at ORDER BY t.id DESC LIMIT 1 OFFSET $2";
const ACCEPTED_SINCE: &str = "
    SELECT COUNT(*) FROM (
        SELECT 1 FROM attempts a CROSS JOIN deliveries d CROSS JOIN issues i
        WHERE a.id > $2 AND a.state = 'accepted' AND d.id = a.delivery_id AND i.id = d.issue_id AND i.campaign = $1
        ORDER BY a.id LIMIT 1) AS accepted";
const RUNNING: &str = "SELECT name FROM campaigns WHERE state = 'running' ORDER BY name";

/// Appends what went wrong; what is known already is not counted again.
///
/// # Errors
/// The store's.
pub async fn note(tx: &mut Tx, troubles: &[Trouble], now: Timestamp) -> Result<(), StoreError> {
    if troubles.is_empty() {
        return Ok(());
    }
    tx.execute(NOTE, args![to_json(troubles)?, now]).await.map(drop)
}

/// The campaigns of these deliveries, test copies left out.
///
/// # Errors
/// The store's.
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
///
/// # Errors
/// The store's.
pub async fn noted(tx: &mut Tx, campaign: &Name, kind: Kind) -> Result<i64, StoreError> {
    tx.number(NOTED, args![campaign, kind.word()]).await
}

/// How many of the campaign's last mails bounced.
///
/// # Errors
/// The store's.
pub async fn bounces(tx: &mut Tx, campaign: &Name) -> Result<Share, StoreError> {
    let row: Option<(i64, i64)> = tx.row(BOUNCES, args![campaign, LOOKED_AT, BOUNCES_AMONG]).await?;
    Ok(row.map_or(Share { bad: 0, of: 0 }, |(bad, of)| Share { bad, of }))
}

/// How many of the campaign's last mails were complained about.
///
/// # Errors
/// The store's.
pub async fn complaints(tx: &mut Tx, campaign: &Name) -> Result<Share, StoreError> {
    let issues: Vec<(i64,)> = tx.rows(ISSUES_OF, args![campaign, ISSUES]).await?;
    let (mut share, mut left) = (Share { bad: 0, of: 0 }, COMPLAINTS_AMONG);
    for (issue,) in issues {
        let row: Option<(i64, i64, i64)> = tx.row(COMPLAINTS, args![IssueId(issue), campaign, left]).await?;
        let (seen, of, bad) = row.unwrap_or_default();
        share = Share { bad: share.bad + bad, of: share.of + of };
        left -= seen;
        if left <= 0 {
            break;
        }
    }
    Ok(share)
}

/// Whether the last twenty connections of a campaign broke, and nothing was accepted between.
///
/// # Errors
/// The store's.
pub async fn broke_in_a_row(tx: &mut Tx, campaign: &Name) -> Result<bool, StoreError> {
    let begins: Option<(i64,)> = tx.row(ROW_BEGINS, args![campaign, BROKEN_IN_A_ROW - 1]).await?;
    match begins {
        Some((position,)) => Ok(tx.number(ACCEPTED_SINCE, args![campaign, position]).await? == 0),
        None => Ok(false),
    }
}

/// Every campaign that runs.
///
/// # Errors
/// The store's.
pub async fn running(tx: &mut Tx) -> Result<Vec<Name>, StoreError> {
    let rows: Vec<(String,)> = tx.rows(RUNNING, args![]).await?;
    rows.iter().map(|(campaign,)| name_of(campaign)).collect()
}
