//! Prospects to look at again. A mark, one of a prospect, says when time alone changes something, if it does, and is what is
//! held while somebody is looked at; a look is what a signal leaves to be done, one of each, so that marks need not move with
//! every click.

use crate::domain::id::ProspectId;
use crate::store::engine::backend::{Sql, StoreError, Tx, args, locking};
use crate::store::engine::text_rows::{self, Columns};
use crate::store::engine::value::{instant_or_none, to_json};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct Due {
    p: ProspectId,
    at: i64,
}

#[derive(Serialize)]
struct Number {
    p: i64,
}

/// When to look at somebody of whom a signal came that changes nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later {
    pub at: Timestamp,
    /// Only if all five are met: then anything a person does may be the something new that is missing.
    pub if_all_met: bool,
}

const MARK: &str = "
    INSERT INTO due_assessments (prospect_id, due_at)
    SELECT CAST(value ->> 'p' AS BIGINT), MIN(CAST(value ->> 'at' AS BIGINT)) FROM json_each($1) GROUP BY 1 ORDER BY 1
    ON CONFLICT (prospect_id) DO UPDATE SET due_at = excluded.due_at
        WHERE due_assessments.due_at IS NULL OR due_assessments.due_at > excluded.due_at";
/// A mark without an instant, where there is none to take hold of. In the order of ids, as everywhere marks are locked.
const HAVE: &str = "
    INSERT INTO due_assessments (prospect_id, due_at)
    SELECT CAST(value ->> 'p' AS BIGINT), NULL FROM json_each($1) WHERE TRUE ORDER BY 1
    ON CONFLICT (prospect_id) DO NOTHING";
const HOLD: Sql = locking!(
    "SELECT prospect_id FROM due_assessments WHERE prospect_id IN (SELECT CAST(value ->> 'p' AS BIGINT) FROM json_each($1))",
    "FOR UPDATE SKIP LOCKED"
);
/// What a signal leaves to be looked at: the prospect themselves, later, or the colleagues of whoever stated something, now.
const LEAVE: &str = "
    INSERT INTO looks (prospect_id, due_at)
    SELECT CAST(m.value ->> 'p' AS BIGINT), CAST(m.value ->> 'at' AS BIGINT) FROM json_each($1) m
    WHERE m.value ->> 'met' IS NULL
       OR (SELECT COUNT(*) FROM verdicts v WHERE v.prospect_id = CAST(m.value ->> 'p' AS BIGINT) AND v.verdict = 'met') = 5
    UNION
    SELECT c.id, CAST($3 AS BIGINT) FROM json_each($2) j
    JOIN prospects p ON p.id = CAST(j.value ->> 'p' AS BIGINT) JOIN prospects c ON c.account_id = p.account_id
    WHERE c.id <> p.id AND c.address IS NOT NULL";
/// Nobody waits for a row of these: each signal adds its own, and whoever takes one removes it.
const TAKE: Sql = locking!(
    "WITH taken AS MATERIALIZED (SELECT id FROM looks WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2",
    "FOR UPDATE SKIP LOCKED",
    ") DELETE FROM looks WHERE id IN (SELECT id FROM taken) RETURNING prospect_id"
);
const LEFT: &str = "
    SELECT string_agg(format('%s\t%s', id, prospect_id), '\n')
    FROM (SELECT id, prospect_id FROM looks WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2) AS due";
const TAKE_THESE: &str = "DELETE FROM looks WHERE id IN (SELECT CAST(value ->> 'p' AS BIGINT) FROM json_each($1))";
const SETTLE: &str = "
    INSERT INTO due_assessments (prospect_id, due_at)
    SELECT CAST(value ->> 'p' AS BIGINT), CAST(value ->> 'at' AS BIGINT) FROM json_each($1) WHERE TRUE ORDER BY 1
    ON CONFLICT (prospect_id) DO UPDATE SET due_at = excluded.due_at
        WHERE due_assessments.due_at IS NULL OR due_assessments.due_at <> excluded.due_at";
const CLAIM: Sql = locking!(
    "SELECT prospect_id FROM due_assessments WHERE due_at <= $1 ORDER BY due_at, prospect_id LIMIT $2",
    "FOR UPDATE SKIP LOCKED"
);
const SPEAKS: &str = "
    UPDATE prospects SET speaks = TRUE
    WHERE NOT speaks AND id IN (SELECT CAST(value ->> 'p' AS BIGINT) FROM json_each($1))";
/// Where marks are held they stay, to be held again: to remove one and to put it back would be written with every signal.
const DONE: Sql = Sql::Each {
    sqlite: "DELETE FROM due_assessments WHERE prospect_id IN (SELECT CAST(value ->> 'p' AS BIGINT) FROM json_each($1))",
    postgres: "
    UPDATE due_assessments SET due_at = NULL
    WHERE due_at IS NOT NULL AND prospect_id IN (SELECT CAST(value ->> 'p' AS BIGINT) FROM json_each($1))",
};
/// In the order of ids: two nodes that start together lock the same rows, and must not wait for each other.
const EVERYBODY: &str = "
    INSERT INTO due_assessments (prospect_id, due_at)
    SELECT DISTINCT prospect_id, CAST($1 AS BIGINT) FROM signals WHERE prospect_id IS NOT NULL
    UNION
    SELECT c.id, CAST($1 AS BIGINT) FROM prospects c
    WHERE c.account_id IN (SELECT p.account_id FROM prospects p WHERE p.speaks)
    ORDER BY 1
    ON CONFLICT (prospect_id) DO UPDATE SET due_at = excluded.due_at";
const SOONEST: &str = "
    SELECT MIN(at) FROM (SELECT MIN(due_at) AS at FROM due_assessments WHERE due_at IS NOT NULL
                         UNION ALL SELECT MIN(due_at) FROM looks) AS soonest";

/// Marks prospects to be looked at, each at its instant; an earlier mark stays.
pub async fn mark(tx: &mut Tx, due: impl Iterator<Item = (ProspectId, Timestamp)>) -> Result<(), StoreError> {
    let rows: Vec<Due> = due.map(|(p, at)| Due { p, at: at.as_millisecond() }).collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.execute(MARK, args![to_json(&rows)?]).await.map(drop)
}

/// Takes hold of the marks of prospects who are looked at before the transaction ends, and returns them: of two nodes that hear
/// of one, the later one reads what the earlier one wrote. Whoever another transaction has in hand is not waited for, but left
/// to be looked at when that has ended. SQLite has one writer, and nothing to take hold of.
pub async fn hold(tx: &mut Tx, whom: Vec<ProspectId>, now: Timestamp) -> Result<Vec<ProspectId>, StoreError> {
    tx.by_key().await?;
    if whom.is_empty() || !tx.is_shared() {
        return Ok(whom);
    }
    let mut held = take_hold(tx, &whom).await?;
    if held.len() < whom.len() {
        // Of whom there is no mark yet, or whom another transaction has in hand.
        let rest: Vec<ProspectId> = whom.into_iter().filter(|p| !held.contains(p)).collect();
        tx.execute(HAVE, args![rows(&rest)?]).await?;
        held.extend(take_hold(tx, &rest).await?);
        let later = Later { at: now, if_all_met: false };
        let busy: Vec<_> = rest.into_iter().filter(|p| !held.contains(p)).map(|p| (p, later)).collect();
        leave(tx, &busy, &BTreeSet::new(), now).await?;
    }
    Ok(held.into_iter().collect())
}

async fn take_hold(tx: &mut Tx, whom: &[ProspectId]) -> Result<BTreeSet<ProspectId>, StoreError> {
    let held: Vec<(i64,)> = tx.rows(HOLD, args![rows(whom)?]).await?;
    Ok(held.into_iter().map(|(id,)| ProspectId(id)).collect())
}

fn rows(whom: &[ProspectId]) -> Result<String, StoreError> {
    to_json(&whom.iter().map(|p| Due { p: *p, at: 0 }).collect::<Vec<_>>())
}

/// Leaves prospects to be looked at, each at its instant, and now the colleagues of those who stated something that may count
/// for them. Their marks stay as they are, and are not waited for: a click would move its prospect's back and forth.
pub async fn leave(
    tx: &mut Tx,
    later: &[(ProspectId, Later)],
    stated: &BTreeSet<ProspectId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Row {
        p: ProspectId,
        at: i64,
        met: Option<bool>,
    }
    if later.is_empty() && stated.is_empty() {
        return Ok(());
    }
    let row =
        |(p, later): &(ProspectId, Later)| Row { p: *p, at: later.at.as_millisecond(), met: later.if_all_met.then_some(true) };
    let rows: Vec<Row> = later.iter().map(row).collect();
    let stated: Vec<Due> = stated.iter().map(|p| Due { p: *p, at: 0 }).collect();
    tx.execute(LEAVE, args![to_json(&rows)?, to_json(&stated)?, now]).await.map(drop)
}

/// Notes that these prospects stated something: whoever asks what an account says asks them.
pub async fn speak(tx: &mut Tx, who: &BTreeSet<ProspectId>) -> Result<(), StoreError> {
    if who.is_empty() {
        return Ok(());
    }
    let rows: Vec<Due> = who.iter().map(|p| Due { p: *p, at: 0 }).collect();
    tx.execute(SPEAKS, args![to_json(&rows)?]).await.map(drop)
}

/// These prospects, whose marks are held, were looked at: each is marked for when time alone changes something, or not.
pub async fn settle(tx: &mut Tx, looked_at: &[ProspectId], again: &[(ProspectId, Timestamp)]) -> Result<(), StoreError> {
    let rows: Vec<Due> = again.iter().map(|(p, at)| Due { p: *p, at: at.as_millisecond() }).collect();
    if !rows.is_empty() {
        tx.execute(SETTLE, args![to_json(&rows)?]).await?;
    }
    let again: BTreeSet<ProspectId> = again.iter().map(|(p, _)| *p).collect();
    let never: Vec<ProspectId> = looked_at.iter().filter(|p| !again.contains(p)).copied().collect();
    if never.is_empty() { Ok(()) } else { done(tx, &never).await }
}

/// Takes what is due, what signals left first; the marks of those taken are held until the transaction ends. A signal that
/// comes meanwhile leaves something anew.
pub async fn claim(tx: &mut Tx, most: i64, now: Timestamp) -> Result<Vec<ProspectId>, StoreError> {
    tx.by_key().await?;
    let left: Vec<(i64,)> = tx.rows(TAKE, args![now, most]).await?;
    if !left.is_empty() {
        let whom: BTreeSet<ProspectId> = left.into_iter().map(|(id,)| ProspectId(id)).collect();
        return hold(tx, whom.into_iter().collect(), now).await;
    }
    let rows: Vec<(i64,)> = tx.rows(CLAIM, args![now, most]).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// What signals left that is due, by its numbers, and whose it is; nothing is taken.
pub async fn left(tx: &mut Tx, most: i64, now: Timestamp) -> Result<(Vec<i64>, Vec<ProspectId>), StoreError> {
    let line = |columns: &mut Columns<'_>| Ok((columns.number()?, ProspectId(columns.number()?)));
    let found = text_rows::read(tx, LEFT, args![now, most], line).await?;
    let whom: BTreeSet<ProspectId> = found.iter().map(|(_, whose)| *whose).collect();
    Ok((found.into_iter().map(|(number, _)| number).collect(), whom.into_iter().collect()))
}

/// Takes what was left under these numbers; returns how much of it was still there. A number is never given twice.
pub async fn take(tx: &mut Tx, left: &[i64]) -> Result<u64, StoreError> {
    let numbers: Vec<Number> = left.iter().map(|p| Number { p: *p }).collect();
    tx.execute(TAKE_THESE, args![to_json(&numbers)?]).await
}

/// Whatever these prospects were marked for was acted on.
pub async fn done(tx: &mut Tx, prospects: &[ProspectId]) -> Result<(), StoreError> {
    tx.execute(DONE, args![rows(prospects)?]).await.map(drop)
}

/// Marks everybody who ever gave a signal: the rules changed.
pub async fn mark_everybody(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(EVERYBODY, args![now]).await
}

/// When the next mark is due.
pub async fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let row: Option<(Option<i64>,)> = tx.row(SOONEST, args![]).await?;
    instant_or_none(row.and_then(|(at,)| at))
}
