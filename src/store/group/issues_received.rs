//! The issues that reached a prospect: what they were asked, and when.

use crate::domain::id::{IssueId, ProspectId};
use crate::store::engine::backend::{InRow, StoreError, Tx, args, kept_version, subject_as_sent};
use crate::store::engine::value::{ids, instant};
use jiff::Timestamp;

/// An issue that reached a prospect.
#[derive(Debug, Clone)]
pub struct Reached {
    pub prospect: ProspectId,
    pub issue: IssueId,
    pub subject: String,
    pub at: Timestamp,
}

const REACHED: &str = concat!(
    "
    SELECT d.prospect_id, i.id, ",
    subject_as_sent!("i", "d"),
    ", a.at FROM deliveries d JOIN issues i ON i.id = d.issue_id
    JOIN attempts a ON a.delivery_id = d.id AND a.state = 'accepted'
    WHERE d.prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) ORDER BY a.at DESC, d.id DESC"
);

/// Every issue that reached one of these prospects, the newest first.
pub async fn reached(tx: &mut Tx, prospects: &[ProspectId]) -> Result<Vec<Reached>, StoreError> {
    let rows: Vec<(i64, i64, String, i64)> = tx.rows(REACHED, args![ids(prospects)?]).await?;
    rows.into_iter()
        .map(|(prospect, issue, subject, at)| {
            Ok(Reached {
                prospect: ProspectId(prospect),
                issue: IssueId(issue),
                subject,
                at: instant(at).in_row("issues", issue)?,
            })
        })
        .collect()
}
