//! Refusals for good, each with whom it is about: what a row of refusals alike and a share of refusals about us are read
//! from. Everything is derived from these rows and the attempts, so that it holds on every node and after every crash.

use super::breakers::newest_issues;
use crate::domain::group::breaker::{BadShare, REFUSALS_AMONG};
use crate::domain::group::refusal::About;
use crate::domain::id::{DeliveryId, Name};
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args, latest_attempt, locking};
use crate::store::engine::value::{instant, to_json, word};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// A refusal as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    pub delivery: DeliveryId,
    /// The number of the attempt that is its result; 0 for one that came back by mail.
    pub number: i64,
    pub about: About,
    /// What it has in common with others.
    pub alike: String,
}

/// One refusal of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InRowOf {
    pub delivery: DeliveryId,
    pub about: About,
    pub at: Timestamp,
}

/// Not FOR UPDATE: rows that refer to a campaign are written before, and hold its key.
const LOCK: Sql = locking!("SELECT name FROM campaigns WHERE name = $1", "FOR NO KEY UPDATE");
const NOTE: &str = "
    INSERT INTO refusals (campaign, delivery_id, number, about, alike, at)
    SELECT i.campaign, d.id, CAST(j.value ->> 'number' AS BIGINT), j.value ->> 'about', j.value ->> 'alike', CAST($2 AS BIGINT)
    FROM json_each($1) j
    JOIN deliveries d ON d.id = CAST(j.value ->> 'delivery' AS BIGINT)
    JOIN issues i ON i.id = d.issue_id AND NOT i.test
    WHERE TRUE ORDER BY j.key
    ON CONFLICT (delivery_id, number) DO NOTHING";
/// Since the campaign runs; of a paused one also what was counted before, because mails that had been marked are answered
/// after the pause.
const ROW: &str = "
    SELECT r.delivery_id, r.about, r.at FROM refusals r JOIN campaigns c ON c.name = r.campaign
    WHERE r.campaign = $1 AND r.alike = $2 AND r.number > 0 AND (c.state = 'paused' OR r.at >= c.changed_at)
    ORDER BY r.id DESC LIMIT $3";
/// The last mail of an issue that was accepted, among its last answers: deliveries leave in the order of their ids.
const ACCEPTED: &str = "
    WITH ended AS MATERIALIZED (
        SELECT d.id, a.at, a.state FROM deliveries d CROSS JOIN attempts a
        WHERE d.id <= (SELECT COALESCE(MAX(l.last_id), 0) FROM leases l WHERE l.issue_id = $1 AND l.fence > 0)
          AND d.id >= (SELECT COALESCE(MIN(l.first_id), 0) FROM leases l WHERE l.issue_id = $1)
          AND d.issue_id = $1 AND d.prospect_id IS NOT NULL
          AND a.delivery_id = d.id AND a.state IN ('accepted', 'failed', 'uncertain')
        ORDER BY d.id DESC LIMIT $2)
    SELECT (SELECT COUNT(*) FROM ended),
           (SELECT at FROM ended WHERE state = 'accepted' ORDER BY at DESC, id DESC LIMIT 1),
           (SELECT id FROM ended WHERE state = 'accepted' ORDER BY at DESC, id DESC LIMIT 1)";
const ABOUT_US: &str = "
    SELECT COUNT(DISTINCT r.delivery_id) FROM refusals r JOIN campaigns c ON c.name = r.campaign
    WHERE r.campaign = $1 AND r.about IN ('us', 'us_at_once') AND r.at >= c.changed_at";
/// The answers to an issue's mails since the campaign changed, backwards: those accepted or failed, and of each that is open
/// because of a refusal its last one. How many were read; of how many, since the last pause, the refusal is about us.
const SHARE: &str = "
    SELECT COUNT(*), COALESCE(SUM(since), 0), COALESCE(SUM(since * bad), 0)
    FROM (
        SELECT CASE WHEN a.at >= (SELECT changed_at FROM campaigns WHERE name = $2) THEN 1 ELSE 0 END AS since,
               CASE WHEN EXISTS (SELECT 1 FROM refusals r WHERE r.delivery_id = d.id AND r.number IN (0, a.number)
                                 AND r.about IN ('us', 'us_at_once')) THEN 1 ELSE 0 END AS bad
        FROM deliveries d CROSS JOIN attempts a
        WHERE d.id <= (SELECT COALESCE(MAX(l.last_id), 0) FROM leases l WHERE l.issue_id = $1 AND l.fence > 0)
          AND d.id >= (SELECT COALESCE(MIN(l.first_id), 0) FROM leases l WHERE l.issue_id = $1)
          AND d.issue_id = $1 AND d.prospect_id IS NOT NULL
          AND a.delivery_id = d.id
          AND (a.state IN ('accepted', 'failed', 'uncertain')
               OR a.state = 'pending' AND a.number = (SELECT MAX(r.number) FROM refusals r WHERE r.delivery_id = d.id))
        ORDER BY d.id DESC LIMIT $3) AS answers";
/// Whether each of a prospect's last mails at this address came to nothing because the mailbox takes nothing now. A refusal
/// before a later result no longer counts; one that came back by mail stands.
const LAST_ENDS: &str = concat!(
    "
    SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM refusals r WHERE r.delivery_id = d.id AND r.about = 'not_now'
                                  AND (r.number = 0 OR r.number >= a.number)) THEN 1 ELSE 0 END AS BIGINT)
    FROM deliveries one
    JOIN deliveries d ON d.prospect_id = one.prospect_id AND d.address = one.address
    JOIN issues i ON i.id = d.issue_id AND NOT i.test
    ",
    latest_attempt!("d"),
    "
    WHERE one.id = $1 AND a.state IN ('accepted', 'failed') ORDER BY d.id DESC LIMIT $2"
);

/// Records refusals, those of test copies excepted. One that is recorded already is not counted again.
pub async fn note(tx: &mut Tx, refusals: &[Refused], now: Timestamp) -> Result<(), StoreError> {
    if refusals.is_empty() {
        return Ok(());
    }
    tx.execute(NOTE, args![to_json(refusals)?, now]).await.map(drop)
}

/// Has other nodes wait that count this campaign's refusals, until the transaction ends.
pub async fn lock(tx: &mut Tx, campaign: &Name) -> Result<(), StoreError> {
    tx.row::<(String,)>(LOCK, args![campaign]).await.map(drop)
}

/// The campaign's refusals in these words with no mail accepted in between, one of each delivery, newest first: at most this many
/// are read.
pub async fn row(tx: &mut Tx, campaign: &Name, alike: &str, most: i64) -> Result<Vec<InRowOf>, StoreError> {
    let rows: Vec<(i64, String, i64)> = tx.rows(ROW, args![campaign, alike, most]).await?;
    let mut seen = BTreeSet::new();
    let mut row = Vec::new();
    for (delivery, about, at) in rows {
        if seen.insert(delivery) {
            let about = word("refusal", &about, About::parse).in_row("refusals", delivery)?;
            let at = instant(at).in_row("refusals", delivery)?;
            row.push(InRowOf { delivery: DeliveryId(delivery), about, at });
        }
    }
    Ok(row)
}

/// Those of a row since the last mail of the campaign that was accepted. At the same instant, the delivery's number decides.
pub async fn since_accepted(tx: &mut Tx, campaign: &Name, row: Vec<InRowOf>) -> Result<Vec<InRowOf>, StoreError> {
    let (mut last, mut left) = (None, REFUSALS_AMONG);
    for issue in newest_issues(tx, campaign).await? {
        let found: Option<(i64, Option<i64>, Option<i64>)> = tx.row(ACCEPTED, args![issue, left]).await?;
        let (seen, at, delivery) = found.unwrap_or_default();
        last = last.max(at.zip(delivery));
        left -= seen;
        if left <= 0 {
            break;
        }
    }
    let is_since = |one: &InRowOf| last.is_none_or(|last| (one.at.as_millisecond(), one.delivery.0) > last);
    Ok(row.into_iter().filter(is_since).collect())
}

/// How many of the campaign's deliveries were refused because of us since it was last paused or resumed.
pub async fn about_us(tx: &mut Tx, campaign: &Name) -> Result<i64, StoreError> {
    tx.number(ABOUT_US, args![campaign]).await
}

/// How many of the campaign's last answers were refusals because of us.
pub async fn share(tx: &mut Tx, campaign: &Name) -> Result<BadShare, StoreError> {
    let (mut share, mut left) = (BadShare { bad: 0, of: 0 }, REFUSALS_AMONG);
    for issue in newest_issues(tx, campaign).await? {
        let row: Option<(i64, i64, i64)> = tx.row(SHARE, args![issue, campaign, left]).await?;
        let (seen, of, bad) = row.unwrap_or_default();
        share = BadShare { bad: share.bad + bad, of: share.of + of };
        left -= seen;
        if left <= 0 {
            break;
        }
    }
    Ok(share)
}

/// Whether the prospect's last `issues` mails at the address of this delivery all came to nothing because the mailbox takes
/// nothing now.
pub async fn is_full_again(tx: &mut Tx, delivery: DeliveryId, issues: usize) -> Result<bool, StoreError> {
    let most = i64::try_from(issues).unwrap_or(i64::MAX);
    let ends: Vec<(i64,)> = tx.rows(LAST_ENDS, args![delivery, most]).await?;
    Ok(ends.len() >= issues && ends.iter().all(|(full,)| *full == 1))
}
