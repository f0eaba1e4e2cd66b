//! Withdrawn evidence: signals that were judged to be a machine's after they counted, until whoever rests on them is told.

use crate::domain::id::{ProspectId, SignalId};
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::value::ids;
use jiff::Timestamp;

const ADD: &str = "
    INSERT INTO withdrawn_evidence (signal_id, prospect_id, withdrawn_at)
    SELECT s.id, s.prospect_id, CAST($2 AS BIGINT) FROM signals s
    WHERE s.prospect_id IS NOT NULL AND s.id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) ORDER BY s.id
    ON CONFLICT (signal_id) DO UPDATE SET withdrawn_at = excluded.withdrawn_at, told_at = NULL";
/// What was given back before anybody was told is nobody's news.
const TAKE_BACK: &str = "
    DELETE FROM withdrawn_evidence
    WHERE told_at IS NULL AND signal_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
/// Of one prospect.
const UNTOLD: &str = "
    SELECT signal_id, prospect_id FROM withdrawn_evidence
    WHERE told_at IS NULL AND prospect_id = (SELECT MIN(o.prospect_id) FROM withdrawn_evidence o WHERE o.told_at IS NULL)
    ORDER BY signal_id LIMIT $1";
const TOLD: &str = "
    UPDATE withdrawn_evidence SET told_at = $2
    WHERE told_at IS NULL AND signal_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";

/// Notes that these signals count no longer.
pub async fn add(tx: &mut Tx, signals: &[SignalId], now: Timestamp) -> Result<(), StoreError> {
    if !signals.is_empty() {
        tx.execute(ADD, args![ids(signals)?, now]).await?;
    }
    Ok(())
}

/// Notes that these signals count after all.
pub async fn take_back(tx: &mut Tx, signals: &[SignalId]) -> Result<(), StoreError> {
    if !signals.is_empty() {
        tx.execute(TAKE_BACK, args![ids(signals)?]).await?;
    }
    Ok(())
}

/// A prospect with signals of whose withdrawal nobody was told yet, at most so many.
pub async fn untold(tx: &mut Tx, most: i64) -> Result<Option<(ProspectId, Vec<SignalId>)>, StoreError> {
    let rows: Vec<(i64, i64)> = tx.rows(UNTOLD, args![most]).await?;
    let prospect = rows.first().map(|(_, prospect)| ProspectId(*prospect));
    Ok(prospect.map(|prospect| (prospect, rows.iter().map(|(signal, _)| SignalId(*signal)).collect())))
}

/// Says that whoever rests on these signals was told. Returns how many of them nobody else had told meanwhile.
pub async fn told(tx: &mut Tx, signals: &[SignalId], now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(TOLD, args![ids(signals)?, now]).await
}
