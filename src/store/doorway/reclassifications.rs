//! Judgements on signals, made after they were recorded. Appended; the signals stay as they are.

use crate::domain::doorway::machine::Machine;
use crate::domain::doorway::signal::Judged;
use crate::domain::id::{Name, ProspectId, SignalId};
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::value::{ids, instant, word};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

const ADD: &str = "
    INSERT INTO reclassifications (signal_id, prospect_id, machine, by_whom, note, recorded_at)
    SELECT s.id, s.prospect_id, CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT) FROM signals s
    WHERE s.prospect_id IS NOT NULL AND s.id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) ORDER BY s.id
    RETURNING signal_id, prospect_id";
/// What a colleague judged by hand stays.
const ADD_BY_RULES: &str = "
    INSERT INTO reclassifications (signal_id, prospect_id, machine, by_whom, note, recorded_at)
    SELECT s.id, s.prospect_id, CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT) FROM signals s
    WHERE s.prospect_id IS NOT NULL AND s.id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
      AND NOT EXISTS (SELECT 1 FROM reclassifications r
                      WHERE r.signal_id = s.id AND r.prospect_id = s.prospect_id AND r.by_whom <> $3) ORDER BY s.id
    RETURNING signal_id, prospect_id";
const ADD_WHERE_NONE_IS: &str = "
    INSERT INTO reclassifications (signal_id, prospect_id, machine, by_whom, note, recorded_at)
    SELECT s.id, s.prospect_id, CAST($2 AS TEXT), CAST($3 AS TEXT), '', CAST($4 AS BIGINT) FROM signals s
    WHERE s.prospect_id IS NOT NULL AND s.machine IS NULL AND s.id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
      AND NOT EXISTS (SELECT 1 FROM reclassifications r WHERE r.signal_id = s.id) ORDER BY s.id
    RETURNING signal_id, prospect_id";
/// An answer counts at once, a click once it is old enough.
const THAT_COUNT: &str = "
    SELECT id FROM signals
    WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) AND (kind <> 'click' OR occurred_at <= $2)";
const OF: &str = "
    SELECT signal_id, machine, recorded_at FROM reclassifications
    WHERE prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) AND recorded_at <= $2 ORDER BY id";

/// Records a judgement on signals: a machine's, or, with `None`, a person's. Returns the signals that exist, with their
/// prospects.
pub async fn add(
    tx: &mut Tx,
    signals: &[SignalId],
    machine: Option<Machine>,
    by: &Name,
    note: &str,
    now: Timestamp,
) -> Result<Vec<(SignalId, ProspectId)>, StoreError> {
    Ok(judged(tx.rows(ADD, args![ids(signals)?, machine.map(Machine::word), by, note, now]).await?))
}

/// As [`add`], by the program itself, of those on which nobody else's judgement is on record.
pub async fn add_by_rules(
    tx: &mut Tx,
    signals: &[SignalId],
    machine: Option<Machine>,
    by: &Name,
    note: &str,
    now: Timestamp,
) -> Result<Vec<(SignalId, ProspectId)>, StoreError> {
    Ok(judged(tx.rows(ADD_BY_RULES, args![ids(signals)?, machine.map(Machine::word), by, note, now]).await?))
}

/// As [`add`], by the program itself, of those that were not taken for a machine's and on which there is no judgement yet.
pub async fn add_where_none_is(
    tx: &mut Tx,
    signals: &[SignalId],
    machine: Machine,
    by: &str,
    now: Timestamp,
) -> Result<Vec<(SignalId, ProspectId)>, StoreError> {
    Ok(judged(tx.rows(ADD_WHERE_NONE_IS, args![ids(signals)?, machine.word(), by, now]).await?))
}

/// Which of these clicks and answers counted before they were judged, if clicks count that are as old as this.
pub async fn that_count(tx: &mut Tx, signals: &[SignalId], clicked_by: Timestamp) -> Result<BTreeSet<SignalId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(THAT_COUNT, args![ids(signals)?, clicked_by]).await?;
    Ok(rows.into_iter().map(|(signal,)| SignalId(signal)).collect())
}

fn judged(rows: Vec<(i64, i64)>) -> Vec<(SignalId, ProspectId)> {
    rows.into_iter().map(|(signal, prospect)| (SignalId(signal), ProspectId(prospect))).collect()
}

/// The latest judgement on each signal of these prospects, of those recorded up to an instant.
pub async fn of(tx: &mut Tx, prospects: &[ProspectId], known_at: Timestamp) -> Result<BTreeMap<SignalId, Judged>, StoreError> {
    let rows: Vec<(i64, Option<String>, i64)> = tx.rows(OF, args![ids(prospects)?, known_at]).await?;
    rows.into_iter()
        .map(|(signal, machine, recorded_at)| {
            let machine = machine.as_deref().map(|m| word("machine reason", m, Machine::parse)).transpose()?;
            Ok((SignalId(signal), Judged { machine, recorded_at: instant(recorded_at)? }))
        })
        .collect()
}
