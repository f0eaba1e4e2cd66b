//! Corrections: an issue gets other words, and those it had are kept for the mails that were marked under them.

use crate::domain::group::issue::Content;
use crate::domain::id::{IssueId, Name};
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::value::{from_json, instant, name, to_json};
use jiff::Timestamp;

/// An issue of which something waits, with what is needed to render it anew.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub id: IssueId,
    pub newsletter: Name,
    /// When its occurrence was due: the date its words carry.
    pub due_at: Timestamp,
    pub subject: String,
    pub content: Content,
    /// The prepared message, as JSON.
    pub message: String,
    pub version: i64,
}

/// What an issue is to say from now on.
#[derive(Debug)]
pub struct Words<'a> {
    pub subject: &'a str,
    /// What its tokens lead to, those of the former words included.
    pub content: &'a Content,
    /// The prepared message, as JSON.
    pub message: &'a str,
}

/// An occurrence that is still being written may have no range yet.
const WAITING: &str = "
    SELECT i.id, i.newsletter, o.due_at, i.subject, i.content, i.message, i.version
    FROM issues i JOIN occurrences o ON o.id = i.occurrence_id
    WHERE i.campaign = $1 AND NOT i.test AND (CAST($2 AS BIGINT) IS NULL OR i.id = $2)
      AND NOT EXISTS (SELECT 1 FROM cancellations x WHERE x.issue_id = i.id)
      AND (o.state = 'filling' OR EXISTS (SELECT 1 FROM leases l WHERE l.issue_id = i.id AND l.finished_at IS NULL))
    ORDER BY i.id";
const KEEP: &str = "
    INSERT INTO former_words (issue_id, version, subject, message, corrected_by, corrected_at)
    SELECT id, version, subject, message, CAST($3 AS TEXT), CAST($4 AS BIGINT) FROM issues WHERE id = $1 AND version = $2
    ON CONFLICT (issue_id, version) DO NOTHING";
const CORRECT: &str = "
    UPDATE issues SET subject = $3, content = $4, message = $5, version = version + 1 WHERE id = $1 AND version = $2";
const FORMER: &str = "SELECT message FROM former_words WHERE issue_id = $1 AND version = $2";

/// The issues of a campaign of which something waits, or may come to wait; of all of them, or of one.
pub async fn waiting(tx: &mut Tx, campaign: &Name, issue: Option<IssueId>) -> Result<Vec<Waiting>, StoreError> {
    type Row = (i64, String, i64, String, String, String, i64);
    let rows: Vec<Row> = tx.rows(WAITING, args![campaign, issue]).await?;
    let read = |(id, newsletter, due_at, subject, content, message, version): Row| {
        Ok(Waiting {
            id: IssueId(id),
            newsletter: name(&newsletter).in_row("issues", id)?,
            due_at: instant(due_at).in_row("issues", id)?,
            subject,
            content: from_json("issue content", &content).in_row("issues", id)?,
            message,
            version,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Gives an issue other words, unless somebody did so since it was read. Whoever holds a range of it marks nothing more under
/// the former ones. Returns whether it has them now.
pub async fn correct(tx: &mut Tx, of: &Waiting, words: &Words<'_>, by: Option<&str>, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute(KEEP, args![of.id, of.version, by, now]).await?;
    let values = args![of.id, of.version, words.subject, to_json(words.content)?, words.message];
    Ok(tx.execute(CORRECT, values).await? > 0)
}

/// The prepared message of an issue under a version that was corrected since, as JSON.
pub async fn former(tx: &mut Tx, issue: IssueId, version: i64) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = tx.row(FORMER, args![issue, version]).await?;
    Ok(row.map(|(message,)| message))
}
