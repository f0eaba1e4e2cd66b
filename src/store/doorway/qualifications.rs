//! Qualifications: prospects found ready, or asking for a person. Those not settled are the doorway.

use crate::domain::criterion::PerCriterion;
use crate::domain::doorway::entry::Cause;
use crate::domain::doorway::qualification::{Finding, Qualification};
use crate::domain::id::{ProspectId, QualificationId, SignalId};
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args, configuration, locking};
use crate::store::engine::value::{from_json, ids, to_json, word};
use jiff::Timestamp;
use serde::Serialize;

const ADD: &str = concat!(
    "
    INSERT INTO qualifications (prospect_id, episode, cause, at, findings, configuration_id, by_rules, known_up_to)
    SELECT CAST(value ->> 'p' AS BIGINT), CAST(value ->> 'e' AS BIGINT), value ->> 'c', CAST(value ->> 'at' AS BIGINT),
           value ->> 'f', ",
    configuration!("$2"),
    ", CAST(value ->> 'r' AS BIGINT) = 1, CAST($3 AS BIGINT)
    FROM json_each($1) WHERE TRUE ORDER BY key
    ON CONFLICT (prospect_id) WHERE settled_at IS NULL DO NOTHING
    RETURNING prospect_id, cause"
);
const NEXT: Sql = locking!(
    "SELECT id, prospect_id FROM qualifications WHERE settled_at IS NULL ORDER BY by_rules, id LIMIT 1",
    "FOR UPDATE SKIP LOCKED"
);
const NEXT_AT_ONCE: Sql = locking!(
    "SELECT id, prospect_id FROM qualifications WHERE settled_at IS NULL AND NOT by_rules ORDER BY id LIMIT 1",
    "FOR UPDATE SKIP LOCKED"
);
const SETTLE: &str = concat!(
    "
    UPDATE qualifications SET settled_at = $2, cause = $3, at = $4, findings = $5, configuration_id = ",
    configuration!("$6"),
    ",
           known_up_to = (SELECT MAX(id) FROM signals)
    WHERE id = $1"
);
const WITHDRAW: &str = "UPDATE qualifications SET settled_at = $2 WHERE id = $1";
const KINDS: &str = "
    SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM qualifications WHERE settled_at IS NULL AND NOT by_rules LIMIT 1) AS at_once),
           (SELECT COUNT(*) FROM (SELECT 1 FROM qualifications WHERE settled_at IS NULL AND by_rules LIMIT 1) AS by_rules)";
const RELEASE: &str = "
    UPDATE qualifications SET by_rules = FALSE
    WHERE settled_at IS NULL AND by_rules
      AND prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
/// A prospect who no longer nurtures is not counted: their qualification will be withdrawn.
const BY_RULES: &str = "
    SELECT q.prospect_id FROM qualifications q JOIN prospects p ON p.id = q.prospect_id
    WHERE q.settled_at IS NULL AND q.by_rules AND p.standing = 'nurturing' ORDER BY q.id";
const WITHDRAW_ALL: &str = "
    UPDATE qualifications SET settled_at = $2
    WHERE settled_at IS NULL AND by_rules
      AND prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
const OFFERED: &str = "
    SELECT COUNT(*) FROM qualifications q WHERE q.by_rules AND q.settled_at >= $1
      AND EXISTS (SELECT 1 FROM handoffs h WHERE h.prospect_id = q.prospect_id AND h.qualification_id = q.id)";
/// The lock by which one node at a time counts offers.
const RAMP: i64 = 0x72_61_6d_70;
const FINDINGS: &str = "SELECT findings FROM qualifications WHERE id = $1";

/// A prospect to be added to the doorway.
#[derive(Debug)]
pub struct Candidate {
    pub prospect: ProspectId,
    pub episode: i64,
    pub cause: Cause,
    pub found: Qualification,
    /// Whether a change of the rules made them ready.
    pub by_rules: bool,
}

/// Adds prospects to the doorway, unless they are in it; returns those added, each with the cause. `known_up_to` is the newest
/// signal there was at the assessment.
pub async fn add(
    tx: &mut Tx,
    all: &[Candidate],
    known_up_to: SignalId,
    plan_hash: &str,
) -> Result<Vec<(ProspectId, Cause)>, StoreError> {
    #[derive(Serialize)]
    struct Row {
        p: ProspectId,
        e: i64,
        c: &'static str,
        at: i64,
        f: String,
        r: u8,
    }
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let row = |s: &Candidate| {
        let f = to_json(s.found.findings())?;
        Ok(Row { p: s.prospect, e: s.episode, c: s.cause.word(), at: s.found.at().as_millisecond(), f, r: u8::from(s.by_rules) })
    };
    let rows = all.iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
    let new: Vec<(i64, String)> = tx.rows(ADD, args![to_json(&rows)?, plan_hash, known_up_to]).await?;
    let added = |(prospect, cause): &(i64, String)| {
        let cause = word("cause", cause, Cause::parse).in_row("qualifications", format_args!("of prospect {prospect}"))?;
        Ok((ProspectId(*prospect), cause))
    };
    new.iter().map(added).collect()
}

/// The next waiting prospect, locked until the transaction ends.
pub async fn next(tx: &mut Tx) -> Result<Option<(QualificationId, ProspectId)>, StoreError> {
    let row: Option<(i64, i64)> = tx.row(NEXT, args![]).await?;
    Ok(row.map(|(id, prospect)| (QualificationId(id), ProspectId(prospect))))
}

/// The next waiting prospect whom no change of the rules made ready, locked until the transaction ends.
pub async fn next_at_once(tx: &mut Tx) -> Result<Option<(QualificationId, ProspectId)>, StoreError> {
    let row: Option<(i64, i64)> = tx.row(NEXT_AT_ONCE, args![]).await?;
    Ok(row.map(|(id, prospect)| (QualificationId(id), ProspectId(prospect))))
}

/// Which kinds of prospects wait in the doorway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Whether one waits whom a signal or the calendar made ready, or who asked for a person.
    pub at_once: bool,
    /// Whether one waits whom a change of the rules made ready.
    pub by_rules: bool,
}

/// Which kinds of prospects wait in the doorway now.
pub async fn waiting(tx: &mut Tx) -> Result<Waiting, StoreError> {
    let row: Option<(i64, i64)> = tx.row(KINDS, args![]).await?;
    let (at_once, by_rules) = row.unwrap_or_default();
    Ok(Waiting { at_once: at_once > 0, by_rules: by_rules > 0 })
}

/// Releases from the ramp those of these prospects who wait because the rules changed: a signal made them ready since, or
/// they ask for a person.
pub async fn release(tx: &mut Tx, prospects: &[ProspectId]) -> Result<(), StoreError> {
    if prospects.is_empty() {
        return Ok(());
    }
    tx.execute(RELEASE, args![ids(prospects)?]).await.map(drop)
}

/// The waiting prospects whom a change of the rules made ready, in the order in which they are offered.
pub async fn made_ready_by_rules(tx: &mut Tx) -> Result<Vec<ProspectId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(BY_RULES, args![]).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// Settles, without a handoff, the qualifications of these prospects that wait because the rules changed: they are not
/// ready any more.
pub async fn withdraw_all(tx: &mut Tx, prospects: &[ProspectId], now: Timestamp) -> Result<(), StoreError> {
    if prospects.is_empty() {
        return Ok(());
    }
    tx.execute(WITHDRAW_ALL, args![ids(prospects)?, now]).await.map(drop)
}

/// How many prospects whom a change of the rules made ready were handed off since this instant.
pub async fn offered_by_rules(tx: &mut Tx, since: Timestamp) -> Result<usize, StoreError> {
    Ok(usize::try_from(tx.number(OFFERED, args![since]).await?).unwrap_or(0))
}

/// Waits until no other node counts offers, and excludes the others until the transaction ends.
pub async fn count_alone(tx: &mut Tx) -> Result<(), StoreError> {
    tx.alone(RAMP).await
}

/// Settles a qualification after the assessment at the handoff, with the findings the handoff cites.
pub async fn settle(
    tx: &mut Tx,
    id: QualificationId,
    cause: Cause,
    qualification: &Qualification,
    plan_hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let findings = to_json(qualification.findings())?;
    tx.execute_one(SETTLE, args![id, now, cause.word(), qualification.at(), findings, plan_hash]).await
}

/// Settles a qualification without a handoff, because it no longer holds.
pub async fn withdraw(tx: &mut Tx, id: QualificationId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute_one(WITHDRAW, args![id, now]).await
}

/// The findings with which a handoff was opened.
///
/// # Errors
/// Those of the store, and when there is no such row.
pub async fn findings(tx: &mut Tx, id: QualificationId) -> Result<PerCriterion<Finding>, StoreError> {
    let row: Option<(String,)> = tx.row(FINDINGS, args![id]).await?;
    let (text,) = row.ok_or(StoreError::Rows { expected: 1, found: 0 })?;
    read_findings(&text)
}

/// Parses stored findings.
///
/// # Errors
/// When the text is not stored findings.
pub fn read_findings(text: &str) -> Result<PerCriterion<Finding>, StoreError> {
    from_json("findings", text)
}
