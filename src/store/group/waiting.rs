//! What waits: how many mails of which issue, and in which words they would leave.

use crate::domain::id::{IssueId, Name};
use crate::store::engine::backend::{InRow, StoreError, Tx, args, kept_version, latest_attempt};
use crate::store::engine::record::record;
use crate::store::engine::value::name;
use serde::Serialize;

/// Mails of one issue that wait in the same words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    pub campaign: Name,
    pub issue: IssueId,
    pub newsletter: Name,
    pub subject: String,
    /// 1 until they were corrected.
    pub version: i64,
    /// Whether these are the words of before a correction: these mails may have arrived, and are only repeated as they were.
    pub former: bool,
    /// Whether the campaign is configured: if not, they wait until it is.
    pub configured: bool,
    /// Whether the issue is cancelled: then these are still to be written down as such, or are just being transmitted.
    pub cancelled: bool,
    pub mails: i64,
}

struct Row {
    campaign: String,
    issue: i64,
    newsletter: String,
    subject: String,
    version: i64,
    former: bool,
    configured: bool,
    cancelled: bool,
    mails: i64,
}

record!(Row { campaign, issue, newsletter, subject, version, former, configured, cancelled, mails });

/// It begins at the ranges that are not finished, so what was sent long ago costs nothing: "CROSS" keeps SQLite to that order,
/// and "+" from making an index of all deliveries there are.
const WAITING: &str = concat!(
    "
    SELECT i.campaign, i.id AS issue, i.newsletter, COALESCE(f.subject, i.subject) AS subject,
           CASE WHEN f.version IS NULL THEN i.version ELSE f.version END AS version, f.version IS NOT NULL AS former,
           c.configured, EXISTS (SELECT 1 FROM cancellations x WHERE x.issue_id = i.id) AS cancelled, w.mails
    FROM (SELECT issue_id, kept, COUNT(*) AS mails FROM (
              SELECT d.issue_id, ",
    kept_version!("d"),
    " AS kept
              FROM leases l CROSS JOIN deliveries d
              ",
    latest_attempt!("d"),
    "
              WHERE l.finished_at IS NULL AND +d.issue_id = l.issue_id AND d.id BETWEEN l.first_id AND l.last_id
                AND d.prospect_id IS NOT NULL
                AND (a.state IS NULL OR a.state IN ('pending', 'transmitting'))) AS open
          GROUP BY issue_id, kept) AS w
    JOIN issues i ON i.id = w.issue_id AND NOT i.test
    JOIN campaigns c ON c.name = i.campaign
    LEFT JOIN former_words f ON f.issue_id = i.id AND f.version = w.kept
    WHERE CAST($1 AS TEXT) IS NULL OR i.campaign = $1
    ORDER BY i.campaign, i.id, 5"
);

/// What waits of every campaign, or of one.
pub async fn waiting(tx: &mut Tx, campaign: Option<&Name>) -> Result<Vec<Waiting>, StoreError> {
    let rows: Vec<Row> = tx.rows(WAITING, args![campaign]).await?;
    let read = |row: Row| {
        Ok(Waiting {
            campaign: name(&row.campaign).in_row("issues", row.issue)?,
            issue: IssueId(row.issue),
            newsletter: name(&row.newsletter).in_row("issues", row.issue)?,
            subject: row.subject,
            version: row.version,
            former: row.former,
            configured: row.configured,
            cancelled: row.cancelled,
            mails: row.mails,
        })
    };
    rows.into_iter().map(read).collect()
}
