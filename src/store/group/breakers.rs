//! The counts behind the breakers, per campaign, since it was last paused or resumed: troubles are appended, finished
//! mails are read backwards. Test copies and seeds are not counted.

use crate::domain::group::breaker::{BOUNCES_AMONG, BROKEN_IN_A_ROW, BadShare};
use crate::domain::id::{DeliveryId, IssueId, Name};
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::value::{ids, name as name_of, to_json};
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
    /// The connection broke during the mail.
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

/// One trouble of a delivery.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Trouble {
    pub delivery: DeliveryId,
    pub kind: Kind,
    /// The try it happened at; 0 for a bounce and a complaint, which count once.
    pub number: i64,
}

/// How many of a campaign's issues are read.
const ISSUES: i64 = 200;

const NOTE: &str = "
    INSERT INTO troubles (campaign, delivery_id, kind, number, at)
    SELECT i.campaign, d.id, j.value ->> 'kind', CAST(j.value ->> 'number' AS BIGINT), CAST($2 AS BIGINT)
    FROM json_each($1) j
    JOIN deliveries d ON d.id = CAST(j.value ->> 'delivery' AS BIGINT) AND d.prospect_id IS NOT NULL
    JOIN issues i ON i.id = d.issue_id AND NOT i.test
    WHERE TRUE
    ON CONFLICT (delivery_id, kind, number) DO NOTHING";
/// The campaigns of these deliveries, without test copies but with seeds: a refusal of a seed concerns the sender as well.
const LIVE: &str = "
    SELECT d.id, i.campaign FROM json_each($1) j
    JOIN deliveries d ON d.id = CAST(j.value AS BIGINT) JOIN issues i ON i.id = d.issue_id AND NOT i.test";
const NOTED: &str = "
    SELECT COUNT(*) FROM troubles t JOIN campaigns c ON c.name = t.campaign
    WHERE t.campaign = $1 AND t.kind = $2 AND t.at >= c.changed_at";
const ISSUES_OF: &str = "SELECT id FROM issues WHERE campaign = $1 AND NOT test ORDER BY id DESC LIMIT $2";
/// The finished deliveries of an issue, backwards from the last one a node ever leased, because deliveries leave in the
/// order of their ids: how many were read; and since the last pause, how many there are, how many are bad, and when the
/// last was accepted. The order of the joins matters.
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
/// The instant of the twentieth break from the end: a row of breaks begins there.
const ROW_BEGINS: &str = "
    SELECT t.at FROM troubles t JOIN campaigns c ON c.name = t.campaign
    WHERE t.campaign = $1 AND t.kind = 'broken' AND t.at >= c.changed_at ORDER BY t.id DESC LIMIT 1 OFFSET $2";
const RUNNING: &str = "SELECT name FROM campaigns WHERE state = 'running' AND configured ORDER BY name";

/// Appends troubles; one that is recorded already is not counted again.
pub async fn note(tx: &mut Tx, troubles: &[Trouble], now: Timestamp) -> Result<(), StoreError> {
    if troubles.is_empty() {
        return Ok(());
    }
    tx.execute(NOTE, args![to_json(troubles)?, now]).await.map(drop)
}

/// The campaigns of these deliveries, without test copies.
pub async fn live(tx: &mut Tx, deliveries: &BTreeSet<DeliveryId>) -> Result<BTreeMap<DeliveryId, Name>, StoreError> {
    let found: Vec<(i64, String)> = tx.rows(LIVE, args![ids(deliveries)?]).await?;
    found.into_iter().map(|(id, campaign)| Ok((DeliveryId(id), name_of(&campaign).in_row("deliveries", id)?))).collect()
}

/// How many troubles of a kind a campaign has had since it was last paused or resumed.
pub async fn noted(tx: &mut Tx, campaign: &Name, kind: Kind) -> Result<i64, StoreError> {
    tx.number(NOTED, args![campaign, kind.word()]).await
}

/// How many of the campaign's last `among` finished mails had this trouble.
pub async fn share(tx: &mut Tx, campaign: &Name, kind: Kind, among: i64) -> Result<BadShare, StoreError> {
    lately(tx, campaign, kind, among).await.map(|(share, _)| share)
}

/// The campaign's newest issues, as many as are read, without test copies.
pub(super) async fn newest_issues(tx: &mut Tx, campaign: &Name) -> Result<Vec<IssueId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(ISSUES_OF, args![campaign, ISSUES]).await?;
    Ok(rows.into_iter().map(|(issue,)| IssueId(issue)).collect())
}

/// The same share, and when the last of those mails was accepted, in epoch milliseconds.
async fn lately(tx: &mut Tx, campaign: &Name, kind: Kind, among: i64) -> Result<(BadShare, Option<i64>), StoreError> {
    let (mut share, mut accepted_at, mut left) = (BadShare { bad: 0, of: 0 }, None, among);
    for issue in newest_issues(tx, campaign).await? {
        let row: Option<(i64, i64, i64, Option<i64>)> = tx.row(LATELY, args![issue, campaign, left, kind.word()]).await?;
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

/// Whether the last twenty connections of a campaign broke with no mail accepted in between.
pub async fn broke_in_a_row(tx: &mut Tx, campaign: &Name) -> Result<bool, StoreError> {
    let begins: Option<(i64,)> = tx.row(ROW_BEGINS, args![campaign, BROKEN_IN_A_ROW - 1]).await?;
    let Some((begins,)) = begins else { return Ok(false) };
    let (_, accepted_at) = lately(tx, campaign, Kind::Broken, BOUNCES_AMONG).await?;
    Ok(accepted_at.is_none_or(|at| at < begins))
}

/// Every campaign of the configuration that runs.
pub async fn running(tx: &mut Tx) -> Result<Vec<Name>, StoreError> {
    let rows: Vec<(String,)> = tx.rows(RUNNING, args![]).await?;
    rows.iter().map(|(campaign,)| name_of(campaign).in_row("campaigns", campaign)).collect()
}
