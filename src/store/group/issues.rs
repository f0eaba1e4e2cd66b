//! Issues: one newsletter at one occurrence, with its prepared bytes.

use crate::domain::group::issue::Content;
use crate::domain::id::{IssueId, Name, OccurrenceId};
use crate::store::engine::backend::{InRow, StoreError, Tx, args, configuration};
use crate::store::engine::value::{from_json, name, to_json};
use std::collections::BTreeSet;

/// An issue about to be stored.
#[derive(Debug)]
pub struct NewIssue<'a> {
    pub occurrence: OccurrenceId,
    pub campaign: &'a Name,
    pub newsletter: &'a Name,
    pub subject: &'a str,
    pub content: &'a Content,
    /// The prepared message, as JSON.
    pub message: String,
    /// A test copy: counts nowhere.
    pub test: bool,
    /// The hash of the plan it is made under.
    pub plan_hash: &'a str,
}

/// An issue as delivery and the web need it.
#[derive(Debug, Clone)]
pub struct Issue {
    pub id: IssueId,
    pub campaign: Name,
    pub subject: String,
    pub content: Content,
    /// The prepared message, as JSON.
    pub message: String,
    pub test: bool,
    /// Which words these are: 1 until they are corrected.
    pub version: i64,
}

/// What a claim asks of its issue.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub campaign: Name,
    pub test: bool,
    /// Whether the issue was made under the configuration with this hash, as far as is known.
    pub is_of_plan: bool,
    /// Whether nothing more of it leaves.
    pub is_cancelled: bool,
}

const ADD: &str = concat!(
    "
    INSERT INTO issues (occurrence_id, campaign, newsletter, subject, content, message, test, configuration_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, ",
    configuration!("$8"),
    ")
    ON CONFLICT (occurrence_id, newsletter) DO NOTHING"
);
const OF_OCCURRENCE: &str = "SELECT id, newsletter FROM issues WHERE occurrence_id = $1";
const ID: &str = "SELECT id FROM issues WHERE occurrence_id = $1 AND newsletter = $2";
const LOAD: &str = "SELECT id, campaign, subject, content, message, test, version FROM issues WHERE id = $1";
const CONTENT: &str = "SELECT id, campaign, subject, content, '', test, version FROM issues WHERE id = $1";
const CLAIMED: &str = concat!(
    "
    SELECT i.campaign, i.test, COALESCE(i.configuration_id, 0) = COALESCE(",
    configuration!("$2"),
    ", 0), EXISTS (SELECT 1 FROM cancellations x WHERE x.issue_id = i.id) FROM issues i WHERE i.id = $1"
);
const NEWEST: &str = "SELECT id FROM issues ORDER BY id DESC LIMIT $1";

/// Stores an issue, unless this newsletter already has one at this occurrence.
pub async fn add(tx: &mut Tx, issue: &NewIssue<'_>) -> Result<(), StoreError> {
    let values = args![
        issue.occurrence,
        issue.campaign,
        issue.newsletter,
        issue.subject,
        to_json(issue.content)?,
        issue.message.clone(),
        issue.test,
        issue.plan_hash
    ];
    tx.execute(ADD, values).await.map(drop)
}

/// The newsletters that have an issue at this occurrence.
pub async fn of_occurrence(tx: &mut Tx, occurrence: OccurrenceId) -> Result<BTreeSet<Name>, StoreError> {
    let rows: Vec<(i64, String)> = tx.rows(OF_OCCURRENCE, args![occurrence]).await?;
    rows.into_iter().map(|(id, newsletter)| name(&newsletter).in_row("issues", id)).collect()
}

/// The issue of a newsletter at an occurrence.
///
/// # Errors
/// Also when there is none.
pub async fn id(tx: &mut Tx, occurrence: OccurrenceId, newsletter: &Name) -> Result<IssueId, StoreError> {
    tx.number(ID, args![occurrence, newsletter]).await.map(IssueId)
}

/// The newest issues, the newest first.
pub async fn newest(tx: &mut Tx, most: i64) -> Result<Vec<IssueId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(NEWEST, args![most]).await?;
    Ok(rows.into_iter().map(|(id,)| IssueId(id)).collect())
}

/// An issue with its prepared message.
pub async fn load(tx: &mut Tx, id: IssueId) -> Result<Option<Issue>, StoreError> {
    read(tx.row(LOAD, args![id]).await?)
}

/// An issue without its message: what its tokens point to.
pub async fn content(tx: &mut Tx, id: IssueId) -> Result<Option<Issue>, StoreError> {
    read(tx.row(CONTENT, args![id]).await?)
}

/// What a claim asks of its issue.
///
/// # Errors
/// Also when there is no such issue.
pub async fn claimed(tx: &mut Tx, id: IssueId, plan_hash: &str) -> Result<Claimed, StoreError> {
    let (campaign, test, is_of_plan, is_cancelled): (String, bool, bool, bool) = tx.one(CLAIMED, args![id, plan_hash]).await?;
    Ok(Claimed { campaign: name(&campaign).in_row("issues", id)?, test, is_of_plan, is_cancelled })
}

fn read(row: Option<(i64, String, String, String, String, bool, i64)>) -> Result<Option<Issue>, StoreError> {
    row.map(|(id, campaign, subject, content, message, test, version)| {
        Ok(Issue {
            id: IssueId(id),
            campaign: name(&campaign).in_row("issues", id)?,
            subject,
            content: from_json("issue content", &content).in_row("issues", id)?,
            message,
            test,
            version,
        })
    })
    .transpose()
}
