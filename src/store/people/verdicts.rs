//! What is known of each prospect now, set-wise: near misses are listed, and audiences chosen, by verdict. Kept current by
//! `qualify`; whether a prospect is ready is never decided from it.

use crate::domain::criterion::{Criterion, Verdict};
use crate::domain::id::{HandoffId, Name, ProspectId};
use crate::store::engine::backend::{InRow, StoreError, Tx, args, configuration};
use crate::store::engine::value::{ids, to_json, word};
use crate::store::people::audience_changes;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// The verdicts of one prospect that are not unknown.
pub type VerdictsByCriterion = BTreeMap<Criterion, Verdict>;

#[derive(Serialize)]
struct Row {
    p: ProspectId,
    c: &'static str,
    v: Option<&'static str>,
}

const OF: &str = "
    SELECT prospect_id, criterion, verdict FROM verdicts
    WHERE prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
const SET: &str = concat!(
    "
    INSERT INTO verdicts (prospect_id, criterion, verdict, changed_at, configuration_id)
    SELECT CAST(value ->> 'p' AS BIGINT), value ->> 'c', value ->> 'v', CAST($2 AS BIGINT), ",
    configuration!("$3"),
    "
    FROM json_each($1) WHERE TRUE ORDER BY 1, 2
    ON CONFLICT (prospect_id, criterion) DO UPDATE SET verdict = excluded.verdict, changed_at = excluded.changed_at,
        configuration_id = excluded.configuration_id"
);
const UNSET: &str = "
    DELETE FROM verdicts WHERE (prospect_id, criterion) IN (
        SELECT CAST(value ->> 'p' AS BIGINT), value ->> 'c' FROM json_each($1))";
const NEAR: &str = "
    SELECT v.prospect_id FROM verdicts v JOIN prospects p ON p.id = v.prospect_id
    WHERE v.verdict = 'met' AND p.standing = 'nurturing'
    GROUP BY v.prospect_id HAVING COUNT(*) BETWEEN 3 AND 4
    ORDER BY COUNT(*) DESC, MAX(v.changed_at) DESC, v.prospect_id LIMIT $1";
const LAPSED: &str = "
    SELECT h.id, h.prospect_id, q.findings FROM handoffs h JOIN qualifications q ON q.id = h.qualification_id
    WHERE h.salesperson = $1 AND h.state <> 'closed'
      AND (SELECT COUNT(*) FROM verdicts v WHERE v.prospect_id = h.prospect_id AND v.verdict = 'met') < 5
    ORDER BY h.id";

/// What is known of these prospects.
pub async fn of(tx: &mut Tx, prospects: &[ProspectId]) -> Result<BTreeMap<ProspectId, VerdictsByCriterion>, StoreError> {
    let mut found: BTreeMap<ProspectId, VerdictsByCriterion> = BTreeMap::new();
    for (id, criterion, verdict) in tx.rows::<(i64, String, String)>(OF, args![ids(prospects)?]).await? {
        let key = || format!("of prospect {id}");
        let criterion = word("criterion", &criterion, Criterion::parse).in_row("verdicts", key())?;
        let verdict = word("verdict", &verdict, Verdict::parse).in_row("verdicts", key())?;
        found.entry(ProspectId(id)).or_default().insert(criterion, verdict);
    }
    Ok(found)
}

/// Writes down verdicts that changed, and under which configuration.
pub async fn set(
    tx: &mut Tx,
    changed: &[(ProspectId, Criterion, Verdict)],
    plan_hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row =
        |(p, c, v): &(ProspectId, Criterion, Verdict)| Row { p: *p, c: c.word(), v: (*v != Verdict::Unknown).then(|| v.word()) };
    let (known, unknown): (Vec<Row>, Vec<Row>) = changed.iter().map(row).partition(|row| row.v.is_some());
    if !known.is_empty() {
        tx.execute(SET, args![to_json(&known)?, now, plan_hash]).await?;
    }
    if !unknown.is_empty() {
        tx.execute(UNSET, args![to_json(&unknown)?]).await?;
    }
    audience_changes::note(tx, changed.iter().map(|(prospect, ..)| *prospect)).await
}

/// Nurturing prospects with three or four of the five met, the nearest and newest first.
pub async fn near_misses(tx: &mut Tx, most: i64) -> Result<Vec<ProspectId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(NEAR, args![most]).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// Open handoffs of a salesperson of whose prospects not all five are met now, with the findings they were opened with.
pub async fn lapsed(tx: &mut Tx, salesperson: &Name) -> Result<Vec<(HandoffId, ProspectId, String)>, StoreError> {
    let rows: Vec<(i64, i64, String)> = tx.rows(LAPSED, args![salesperson]).await?;
    Ok(rows.into_iter().map(|(id, prospect, findings)| (HandoffId(id), ProspectId(prospect), findings)).collect())
}
