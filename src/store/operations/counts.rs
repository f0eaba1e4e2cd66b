//! Counting over all tables: one number a question.

use crate::domain::doorway::entry::Cause;
use crate::domain::id::{Name, ProspectId};
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::record::record;
use crate::store::engine::value::ids;
use jiff::Timestamp;
use serde::Serialize;

/// How a campaign fares.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OfCampaign {
    /// Deliveries the relay accepted.
    pub sent: i64,
    /// Deliveries refused for good.
    pub failed: i64,
    pub open: i64,
    /// Human clicks (machines left out).
    pub clicked: i64,
    pub machine_clicks: i64,
}

record!(OfCampaign { sent, failed, open, clicked, machine_clicks });

/// Everything in numbers; they reconcile with the tables.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    pub prospects: i64,
    /// Issues, test copies left out.
    pub issues: i64,
    /// Deliveries to prospects: test copies and seeds left out.
    pub deliveries: i64,
    /// Deliveries the relay accepted.
    pub accepted: i64,
    pub signals: i64,
    /// Signals taken for a machine's when they arrived.
    pub machine_signals: i64,
    pub answers: i64,
    /// Handoffs opened by five proofs.
    pub ready: i64,
    /// Handoffs opened by asking for a person.
    pub requests: i64,
    /// Requests that no handoff can answer.
    pub enquiries: i64,
    pub handoffs: i64,
    /// Handoffs returned to nurture.
    pub recycled: i64,
    pub won: i64,
    /// Addresses that are not mailed.
    pub suppressed: i64,
}

record!(Summary {
    prospects,
    issues,
    deliveries,
    accepted,
    signals,
    machine_signals,
    answers,
    ready,
    requests,
    enquiries,
    handoffs,
    recycled,
    won,
    suppressed
});

/// Every delivery lies in a range, and ranges are found by issue.
const OF_CAMPAIGN: &str = "
    SELECT COALESCE(SUM(CASE WHEN s.state = 'accepted' THEN 1 ELSE 0 END), 0) AS sent,
           COALESCE(SUM(CASE WHEN s.state = 'failed' THEN 1 ELSE 0 END), 0) AS failed,
           COALESCE(SUM(CASE WHEN s.state IN ('pending', 'transmitting') THEN 1 ELSE 0 END), 0) AS open,
           (SELECT COUNT(*) FROM signals g JOIN issues i ON i.id = g.issue_id
            WHERE i.campaign = $1 AND NOT i.test AND g.kind = 'click' AND g.machine IS NULL) AS clicked,
           (SELECT COUNT(*) FROM signals g JOIN issues i ON i.id = g.issue_id
            WHERE i.campaign = $1 AND NOT i.test AND g.kind = 'click' AND g.machine IS NOT NULL) AS machine_clicks
    FROM (SELECT COALESCE((SELECT a.state FROM attempts a WHERE a.delivery_id = d.id ORDER BY a.number DESC LIMIT 1), 'pending') AS state
          FROM issues i JOIN leases l ON l.issue_id = i.id
          JOIN deliveries d ON d.id BETWEEN l.first_id AND l.last_id AND d.issue_id = i.id
          WHERE i.campaign = $1 AND NOT i.test AND d.prospect_id IS NOT NULL) s";
const SUMMARY: &str = "
    SELECT (SELECT COUNT(*) FROM prospects) AS prospects,
           (SELECT COUNT(*) FROM issues WHERE NOT test) AS issues,
           (SELECT COUNT(*) FROM deliveries d JOIN issues i ON i.id = d.issue_id WHERE NOT i.test AND d.prospect_id IS NOT NULL) AS deliveries,
           (SELECT COUNT(*) FROM delivery_states s JOIN issues i ON i.id = s.issue_id
            WHERE NOT i.test AND s.prospect_id IS NOT NULL AND s.state = 'accepted') AS accepted,
           (SELECT COUNT(*) FROM signals) AS signals,
           (SELECT COUNT(*) FROM signals WHERE machine IS NOT NULL) AS machine_signals,
           (SELECT COUNT(*) FROM signals WHERE kind = 'answer') AS answers,
           (SELECT COUNT(*) FROM handoffs WHERE cause = $1) AS ready,
           (SELECT COUNT(*) FROM handoffs WHERE cause = $2) AS requests,
           (SELECT COUNT(*) FROM enquiries) AS enquiries,
           (SELECT COUNT(*) FROM handoffs) AS handoffs,
           (SELECT COUNT(*) FROM handoffs WHERE outcome IN ('not_now', 'wrong_person', 'lost')) AS recycled,
           (SELECT COUNT(*) FROM handoffs WHERE outcome = 'won') AS won,
           (SELECT COUNT(*) FROM suppressions WHERE lifted_at IS NULL AND channel = 'email') AS suppressed";
const REVIEW: &str = "
    UPDATE prospects SET review_after = $2
    WHERE standing = 'nurturing' AND id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";

/// How a campaign fares.
pub async fn of_campaign(tx: &mut Tx, campaign: &Name) -> Result<OfCampaign, StoreError> {
    Ok(tx.row(OF_CAMPAIGN, args![campaign]).await?.unwrap_or_default())
}

/// Everything in numbers.
pub async fn summary(tx: &mut Tx) -> Result<Summary, StoreError> {
    Ok(tx.row(SUMMARY, args![Cause::Ready.word(), Cause::Request.word()]).await?.unwrap_or_default())
}

/// Sets the date of review of these prospects, while they are nurturing.
pub async fn review(tx: &mut Tx, prospects: &[ProspectId], review_after: Timestamp) -> Result<(), StoreError> {
    tx.execute(REVIEW, args![ids(prospects)?, review_after]).await.map(drop)
}
