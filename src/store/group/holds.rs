//! Holds: occurrences of which a few deliveries are sent first while the others wait.
//!
//! A waiting delivery's range has a `not_before` that never comes; the release sets a real one.

use crate::domain::group::guard::Canary;
use crate::domain::id::{OccurrenceId, ProspectId};
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::value::instant_or_none;
use jiff::Timestamp;

/// The `not_before` of a held range: the first of the year 9999.
pub const NEVER: Timestamp = Timestamp::constant(253_370_764_800, 0);

/// An occurrence that is held.
#[derive(Debug, Clone, Copy)]
pub struct Hold {
    pub occurrence: OccurrenceId,
    /// How many minutes after the last canary's try the others are released.
    pub minutes: i64,
    /// When the last canary was tried; `None` while some were not tried yet.
    pub tried_at: Option<Timestamp>,
}

/// Deliveries are written in the order of prospects, so the first of them stay the first whatever page follows.
const LAST: &str = "
    SELECT COALESCE(MAX(prospect_id), 0) FROM (
        SELECT prospect_id FROM deliveries WHERE occurrence_id = $1 AND prospect_id IS NOT NULL
        ORDER BY prospect_id LIMIT $2) AS first";
const PUT: &str = "
    INSERT INTO holds (occurrence_id, last_canary, minutes) VALUES ($1, $2, $3)
    ON CONFLICT (occurrence_id) DO UPDATE SET last_canary = excluded.last_canary
    RETURNING released_at";
/// A canary counts as tried with any reply, so that a busy server's deferral does not hold up the others.
const OPEN: &str = "
    SELECT h.occurrence_id, h.minutes,
           CASE WHEN EXISTS (SELECT 1 FROM deliveries d WHERE d.occurrence_id = h.occurrence_id AND d.prospect_id <= h.last_canary
                AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id AND a.state <> 'transmitting'))
           THEN NULL
           ELSE (SELECT MAX(t.at) FROM (
                SELECT MIN(a.at) AS at FROM deliveries d JOIN attempts a ON a.delivery_id = d.id AND a.state <> 'transmitting'
                WHERE d.occurrence_id = h.occurrence_id AND d.prospect_id <= h.last_canary GROUP BY d.id) AS t) END AS tried_at
    FROM holds h JOIN occurrences o ON o.id = h.occurrence_id
    JOIN campaigns c ON c.name = o.campaign AND c.state = 'running'
    WHERE h.released_at IS NULL ORDER BY h.occurrence_id";
const RELEASED: &str = "UPDATE holds SET released_at = $2 WHERE occurrence_id = $1 AND released_at IS NULL";
const RELEASE_RANGES: &str = "
    UPDATE leases SET not_before = $2
    WHERE finished_at IS NULL AND not_before = $3 AND issue_id IN (SELECT id FROM issues WHERE occurrence_id = $1)";

/// Holds an occurrence behind its first deliveries. Returns the last prospect among those, and whether the others were
/// released already.
pub async fn put(tx: &mut Tx, occurrence: OccurrenceId, canary: Canary) -> Result<(ProspectId, bool), StoreError> {
    let last = tx.number(LAST, args![occurrence, canary.first]).await?;
    let row: Option<(Option<i64>,)> = tx.row(PUT, args![occurrence, last, canary.hold.rough_minutes()]).await?;
    Ok((ProspectId(last), row.is_some_and(|(released_at,)| released_at.is_some())))
}

/// Every occurrence of a running campaign that is held.
pub async fn open(tx: &mut Tx) -> Result<Vec<Hold>, StoreError> {
    let rows: Vec<(i64, i64, Option<i64>)> = tx.rows(OPEN, args![]).await?;
    let hold = |(id, minutes, at)| {
        Ok(Hold { occurrence: OccurrenceId(id), minutes, tried_at: instant_or_none(at).in_row("occurrences", id)? })
    };
    rows.into_iter().map(hold).collect()
}

/// Releases the others. Returns whether they were held until now.
pub async fn release(tx: &mut Tx, occurrence: OccurrenceId, now: Timestamp) -> Result<bool, StoreError> {
    let held = tx.execute(RELEASED, args![occurrence, now]).await? > 0;
    if held {
        tx.execute(RELEASE_RANGES, args![occurrence, now, NEVER]).await?;
    }
    Ok(held)
}
