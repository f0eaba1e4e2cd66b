//! Counting over all tables: one number a question.

use super::backend::{StoreError, Tx, args};
use super::value::{instant_or_none, to_json};
use crate::domain::id::{Name, ProspectId};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// How a campaign fares.
#[derive(Debug, Clone, Default, Serialize, sqlx::FromRow)]
pub struct OfCampaign {
    /// Deliveries the relay accepted.
    pub sent: i64,
    /// Deliveries refused for good.
    pub failed: i64,
    /// Deliveries not finished.
    pub open: i64,
    /// Human clicks (machines left out).
    pub clicked: i64,
    /// Clicks of machines.
    pub machine_clicks: i64,
}

/// The whole house in numbers; they reconcile with the tables.
#[derive(Debug, Clone, Default, Serialize, sqlx::FromRow)]
pub struct Summary {
    /// Prospects.
    pub prospects: i64,
    /// Issues, test copies left out.
    pub issues: i64,
    /// Deliveries to prospects: test copies and seeds left out.
    pub deliveries: i64,
    /// Deliveries the relay accepted.
    pub accepted: i64,
    /// Signals.
    pub signals: i64,
    /// Signals taken for a machine's when they arrived.
    pub machine_signals: i64,
    /// Questions answered.
    pub answers: i64,
    /// Handoffs opened by five proofs.
    pub ready: i64,
    /// Handoffs opened by asking for a person.
    pub requests: i64,
    /// All handoffs.
    pub handoffs: i64,
    /// Handoffs returned to nurture.
    pub recycled: i64,
    /// Handoffs won.
    pub won: i64,
    /// Addresses that are not mailed.
    pub suppressed: i64,
}

/// Every delivery lies in a range, and ranges are found by issue.
const OF_CAMPAIGN: &str = "
    SELECT COALESCE(SUM(CASE WHEN s.state = 'accepted' THEN 1 ELSE 0 END), 0) AS sent,
           COALESCE(SUM(CASE WHEN s.state = 'failed' THEN 1 ELSE 0 END), 0) AS failed,
           COALESCE(SUM(CASE WHEN s.state IN ('pending', 'transmitting') THEN 1 ELSE 0 END), 0) AS open,
           (SELECT COUNT(*) FROM signals g JOIN issues i ON i.id = g.issue_id WHERE i.campaign = $1 AND NOT i.test AND g.kind = 'click' AND g.machine IS NULL) AS clicked,
           (SELECT COUNT(*) FROM signals g JOIN issues i ON i.id = g.issue_id WHERE i.campaign = $1 AND NOT i.test AND g.kind = 'click' AND g.machine IS NOT NULL) AS machine_clicks
    FROM (SELECT COALESCE((SELECT a.state FROM attempts a WHERE a.delivery_id = d.id ORDER BY a.number DESC LIMIT 1), 'pending') AS state
          FROM issues i JOIN leases l ON l.issue_id = i.id
          JOIN deliveries d ON d.id BETWEEN l.first_id AND l.last_id AND d.issue_id = i.id
          WHERE i.campaign = $1 AND NOT i.test AND d.prospect_id IS NOT NULL) s";
const SUMMARY: &str = "
    SELECT (SELECT COUNT(*) FROM prospects) AS prospects,
           (SELECT COUNT(*) FROM issues WHERE NOT test) AS issues,
           (SELECT COUNT(*) FROM deliveries d JOIN issues i ON i.id = d.issue_id WHERE NOT i.test AND d.prospect_id IS NOT NULL) AS deliveries,
           (SELECT COUNT(*) FROM delivery_states s JOIN issues i ON i.id = s.issue_id WHERE NOT i.test AND s.prospect_id IS NOT NULL AND s.state = 'accepted') AS accepted,
           (SELECT COUNT(*) FROM signals) AS signals,
           (SELECT COUNT(*) FROM signals WHERE machine IS NOT NULL) AS machine_signals,
           (SELECT COUNT(*) FROM signals WHERE kind = 'answer') AS answers,
           (SELECT COUNT(*) FROM handoffs WHERE cause = 'ready') AS ready,
           (SELECT COUNT(*) FROM handoffs WHERE cause = 'request') AS requests,
           (SELECT COUNT(*) FROM handoffs) AS handoffs,
           (SELECT COUNT(*) FROM handoffs WHERE outcome IN ('not_now', 'wrong_person', 'lost')) AS recycled,
           (SELECT COUNT(*) FROM handoffs WHERE outcome = 'won') AS won,
           (SELECT COUNT(*) FROM suppressions WHERE lifted_at IS NULL AND channel = 'email') AS suppressed";
/// Nurturing, with nothing that will ever bring somebody to look at them: no wake date, no review, no assessment due, no
/// item on a queue, no place in the doorway. $1 are the members of running campaigns.
const ADRIFT: &str = "
    SELECT p.id, p.review_after FROM prospects p
    WHERE p.id > $3 AND p.id <= $4 AND p.standing = 'nurturing' AND p.wake_at IS NULL AND (p.review_after IS NULL OR p.review_after <= $2)
      AND p.id NOT IN (SELECT CAST(value ->> 'id' AS BIGINT) FROM json_each($1))
      AND NOT EXISTS (SELECT 1 FROM follow_ups f WHERE f.prospect_id = p.id AND f.done_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM qualifications q WHERE q.prospect_id = p.id AND q.settled_at IS NULL)";
const UNATTENDED: &str = "
    SELECT COUNT(*) FROM prospects p WHERE p.standing IN ('offered', 'owned')
      AND NOT EXISTS (SELECT 1 FROM follow_ups f JOIN handoffs h ON h.id = f.handoff_id
                      WHERE f.prospect_id = p.id AND f.done_at IS NULL AND h.state <> 'closed')";
const REVIEW: &str = "
    UPDATE prospects SET review_after = $2 WHERE id IN (SELECT CAST(value ->> 'id' AS BIGINT) FROM json_each($1))";

/// How a campaign fares.
///
/// # Errors
/// The store's.
pub async fn of_campaign(tx: &mut Tx, campaign: &Name) -> Result<OfCampaign, StoreError> {
    Ok(tx.row(OF_CAMPAIGN, args![campaign]).await?.unwrap_or_default())
}

/// The whole house in numbers.
///
/// # Errors
/// The store's.
pub async fn summary(tx: &mut Tx) -> Result<Summary, StoreError> {
    Ok(tx.row(SUMMARY, args![]).await?.unwrap_or_default())
}

/// Nurturing prospects outside `members`, behind `after` and up to `up_to`, without any next step, each with the date of review that has passed.
///
/// # Errors
/// The store's.
pub async fn adrift(
    tx: &mut Tx,
    members: &BTreeSet<ProspectId>,
    after: ProspectId,
    up_to: ProspectId,
    now: Timestamp,
) -> Result<Vec<(ProspectId, Option<Timestamp>)>, StoreError> {
    let rows: Vec<(i64, Option<i64>)> = tx.rows(ADRIFT, args![ids(members.iter())?, now, after, up_to]).await?;
    rows.into_iter().map(|(id, at)| Ok((ProspectId(id), instant_or_none(at)?))).collect()
}

/// Offered or owned prospects without an open item on a queue: always none.
///
/// # Errors
/// The store's.
pub async fn unattended(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.number(UNATTENDED, args![]).await
}

/// Sets the date on which somebody should look at these prospects.
///
/// # Errors
/// The store's.
pub async fn review(tx: &mut Tx, prospects: &[ProspectId], review_after: Timestamp) -> Result<(), StoreError> {
    tx.execute(REVIEW, args![ids(prospects.iter())?, review_after]).await.map(drop)
}

fn ids<'a>(of: impl Iterator<Item = &'a ProspectId>) -> Result<String, StoreError> {
    #[derive(Serialize)]
    struct Id {
        id: ProspectId,
    }
    to_json(&of.map(|id| Id { id: *id }).collect::<Vec<_>>())
}
