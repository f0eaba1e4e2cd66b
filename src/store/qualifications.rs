//! The doorway: qualifications that found somebody ready, or asking for a person.

use super::backend::{Sql, StoreError, Tx, args, locking};
use super::value::{from_json, to_json};
use crate::domain::criterion::PerCriterion;
use crate::domain::id::{ProspectId, QualificationId};
use crate::domain::qualification::{Finding, Qualification};
use jiff::Timestamp;
use serde::Serialize;

const ADD: &str = "
    INSERT INTO qualifications (prospect_id, episode, cause, at, findings, plan_hash) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (prospect_id) WHERE settled_at IS NULL DO NOTHING";
const ADD_ALL: &str = "
    INSERT INTO qualifications (prospect_id, episode, cause, at, findings, plan_hash)
    SELECT CAST(value ->> 'p' AS BIGINT), CAST(value ->> 'e' AS BIGINT), value ->> 'c', CAST(value ->> 'at' AS BIGINT),
           value ->> 'f', CAST($2 AS TEXT)
    FROM json_each($1) WHERE TRUE ORDER BY key
    ON CONFLICT (prospect_id) WHERE settled_at IS NULL DO NOTHING
    RETURNING prospect_id, cause";
const NEXT: Sql =
    locking!("SELECT id, prospect_id FROM qualifications WHERE settled_at IS NULL ORDER BY id LIMIT 1", "FOR UPDATE SKIP LOCKED");
const WAITING: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM qualifications WHERE settled_at IS NULL LIMIT 1) AS waiting";
const SETTLE: &str =
    "UPDATE qualifications SET settled_at = $2, cause = $3, at = $4, findings = $5, plan_hash = $6 WHERE id = $1";
const WITHDRAW: &str = "UPDATE qualifications SET settled_at = $2 WHERE id = $1";
const FINDINGS: &str = "SELECT findings FROM qualifications WHERE id = $1";

/// Lets a prospect stand in the doorway, unless one of theirs stands there already.
///
/// # Errors
/// The store's.
pub async fn add(
    tx: &mut Tx,
    prospect: ProspectId,
    episode: i64,
    cause: &str,
    qualification: &Qualification,
    plan_hash: &str,
) -> Result<bool, StoreError> {
    let findings = to_json(qualification.findings())?;
    Ok(tx.execute(ADD, args![prospect, episode, cause, qualification.at(), findings, plan_hash]).await? > 0)
}

/// Somebody who may stand there.
#[derive(Debug)]
pub struct Standee {
    /// Who.
    pub prospect: ProspectId,
    /// In which episode.
    pub episode: i64,
    /// `ready` or `request`.
    pub cause: &'static str,
    /// Their five verdicts.
    pub found: Qualification,
}

/// The same for many at once; returns those who did not stand there yet, each with the cause.
///
/// # Errors
/// The store's.
pub async fn add_all(tx: &mut Tx, all: &[Standee], plan_hash: &str) -> Result<Vec<(ProspectId, String)>, StoreError> {
    #[derive(Serialize)]
    struct Row {
        p: ProspectId,
        e: i64,
        c: &'static str,
        at: i64,
        f: String,
    }
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let row = |s: &Standee| {
        let f = to_json(s.found.findings())?;
        Ok(Row { p: s.prospect, e: s.episode, c: s.cause, at: s.found.at().as_millisecond(), f })
    };
    let rows = all.iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
    let new: Vec<(i64, String)> = tx.rows(ADD_ALL, args![to_json(&rows)?, plan_hash]).await?;
    Ok(new.into_iter().map(|(prospect, cause)| (ProspectId(prospect), cause)).collect())
}

/// The next one waiting, locked until the transaction ends.
///
/// # Errors
/// The store's.
pub async fn next(tx: &mut Tx) -> Result<Option<(QualificationId, ProspectId)>, StoreError> {
    let row: Option<(i64, i64)> = tx.row(NEXT, args![]).await?;
    Ok(row.map(|(id, prospect)| (QualificationId(id), ProspectId(prospect))))
}

/// Whether anybody stands there.
///
/// # Errors
/// The store's.
pub async fn is_any_waiting(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.number(WAITING, args![]).await? > 0)
}

/// Settles it as assessed again at the handoff: these are the findings the handoff cites.
///
/// # Errors
/// The store's.
pub async fn settle(
    tx: &mut Tx,
    id: QualificationId,
    cause: &str,
    qualification: &Qualification,
    plan_hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let findings = to_json(qualification.findings())?;
    tx.execute(SETTLE, args![id, now, cause, qualification.at(), findings, plan_hash]).await.map(drop)
}

/// Settles it without a handoff: it no longer holds.
///
/// # Errors
/// The store's.
pub async fn withdraw(tx: &mut Tx, id: QualificationId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(WITHDRAW, args![id, now]).await.map(drop)
}

/// The findings a handoff was opened with.
///
/// # Errors
/// The store's; also when there is no such row.
pub async fn findings(tx: &mut Tx, id: QualificationId) -> Result<PerCriterion<Finding>, StoreError> {
    let row: Option<(String,)> = tx.row(FINDINGS, args![id]).await?;
    let (text,) = row.ok_or(StoreError::Rows { expected: 1, found: 0 })?;
    read_findings(&text)
}

/// Reads findings as they are stored.
///
/// # Errors
/// When they are not.
pub fn read_findings(text: &str) -> Result<PerCriterion<Finding>, StoreError> {
    from_json("findings", text)
}
