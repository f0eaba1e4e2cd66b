//! Holds: occurrences of which a few deliveries are sent first while the others wait.
//!
//! A waiting delivery's range has a `not_before` that never comes; the release sets a real one.

use crate::domain::group::guard::Canary;
use crate::domain::id::{Name, OccurrenceId, ProspectId};
use crate::store::engine::backend::{InRow, StoreError, Tx, args, came_to_nothing, latest_attempt};
use crate::store::engine::value::{instant_or_none, name};
use jiff::Timestamp;

/// The `not_before` of a held range: the first of the year 9999.
pub const NEVER: Timestamp = Timestamp::constant(253_370_764_800, 0);

/// An occurrence that is held.
#[derive(Debug, Clone)]
pub struct Hold {
    pub occurrence: OccurrenceId,
    pub campaign: Name,
    /// How many minutes after the last canary's try the others are released.
    pub minutes: i64,
    /// The last prospect among the canaries.
    pub last: ProspectId,
    /// Whether pages of recipients may still follow.
    pub is_filling: bool,
    /// How many canaries were tried or will be: without those over the cap, skipped, stopped or refused.
    pub able: i64,
    /// Whether every canary that is able was tried.
    pub all_tried: bool,
    /// When the last canary was tried; `None` while some were not tried yet, or none was.
    pub tried_at: Option<Timestamp>,
}

/// Deliveries are written in the order of prospects, so the first of them stay the first whatever page follows.
const LAST: &str = "
    SELECT COALESCE(MAX(prospect_id), 0) FROM (
        SELECT prospect_id FROM deliveries WHERE occurrence_id = $1 AND prospect_id IS NOT NULL
        ORDER BY prospect_id LIMIT $2) AS first";
const PUT: &str = "
    INSERT INTO holds (occurrence_id, last_canary, minutes) VALUES ($1, $2, $3)
    ON CONFLICT (occurrence_id) DO UPDATE SET last_canary =
        CASE WHEN excluded.last_canary > holds.last_canary THEN excluded.last_canary ELSE holds.last_canary END
    RETURNING last_canary, released_at";
const OPEN: &str = "
    SELECT h.occurrence_id, o.campaign, h.minutes, h.last_canary, o.state = 'filling'
    FROM holds h JOIN occurrences o ON o.id = h.occurrence_id
    JOIN campaigns c ON c.name = o.campaign AND c.state = 'running' AND c.configured
    WHERE h.released_at IS NULL ORDER BY h.occurrence_id";
/// Of an occurrence's canaries: how many are able; how many of them were not tried; when the last was. One that was deferred by
/// its server was tried, so that a busy server does not hold up the others; one that was never marked, or that the relay
/// refused for good, was not. One that failed and is open again is tried anew: what was before, and the attempt that opened it,
/// say nothing.
const CANARIES: &str = concat!(
    "
    SELECT COALESCE(SUM(1 - c.lost), 0), COALESCE(SUM(CASE WHEN c.lost = 0 AND c.answered_at IS NULL THEN 1 ELSE 0 END), 0),
           MAX(CASE WHEN c.lost = 0 THEN c.answered_at END)
    FROM (
        SELECT CASE WHEN a.state IN ",
    came_to_nothing!(),
    "
                         OR a.state = 'pending' AND (
                             NOT EXISTS (SELECT 1 FROM attempts m WHERE m.delivery_id = d.id AND m.state = 'transmitting')
                             OR EXISTS (SELECT 1 FROM refusals r WHERE r.delivery_id = d.id AND r.number = a.number))
                    THEN 1 ELSE 0 END AS lost,
               (SELECT MIN(t.at) FROM attempts t WHERE t.delivery_id = d.id AND t.state <> 'transmitting' AND t.fence > 0
                  AND t.number > COALESCE((SELECT MAX(f.number) + 1 FROM attempts f WHERE f.delivery_id = d.id AND f.state = 'failed'), 0)
               ) AS answered_at
        FROM deliveries d
        ",
    latest_attempt!("d"),
    "
        WHERE d.occurrence_id = $1 AND d.prospect_id <= $2) AS c"
);
const NEXT_AFTER: &str = "
    SELECT MAX(prospect_id) FROM (
        SELECT prospect_id FROM deliveries WHERE occurrence_id = $1 AND prospect_id > $2 ORDER BY prospect_id LIMIT $3) AS next";
const EXTEND: &str = "UPDATE holds SET last_canary = $3 WHERE occurrence_id = $1 AND last_canary = $2 AND released_at IS NULL";
/// Held ranges without anybody after the last canary can be claimed as they are.
const RELEASE_WHOLE: &str = "
    UPDATE leases SET not_before = $3
    WHERE finished_at IS NULL AND not_before = $4 AND issue_id IN (SELECT id FROM issues WHERE occurrence_id = $1)
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id BETWEEN leases.first_id AND leases.last_id AND d.issue_id = leases.issue_id
                      AND d.prospect_id > $2)";
/// Of the others the beginning becomes a range of its own. Nobody has claimed them yet.
const SPLIT: &str = "
    INSERT INTO leases (issue_id, first_id, last_id, not_before)
    SELECT l.issue_id, l.first_id, MAX(d.id), CAST($3 AS BIGINT)
    FROM leases l JOIN issues i ON i.id = l.issue_id AND i.occurrence_id = $1
    JOIN deliveries d ON d.id BETWEEN l.first_id AND l.last_id AND d.issue_id = l.issue_id AND d.prospect_id <= $2
    WHERE l.finished_at IS NULL AND l.not_before = $4
    GROUP BY l.id, l.issue_id, l.first_id";
const SHORTEN: &str = "
    UPDATE leases SET first_id = (
        SELECT MAX(d.id) + 1 FROM deliveries d
        WHERE d.id BETWEEN leases.first_id AND leases.last_id AND d.issue_id = leases.issue_id AND d.prospect_id <= $2)
    WHERE finished_at IS NULL AND not_before = $3 AND issue_id IN (SELECT id FROM issues WHERE occurrence_id = $1)
      AND EXISTS (SELECT 1 FROM deliveries d WHERE d.id BETWEEN leases.first_id AND leases.last_id AND d.issue_id = leases.issue_id
                  AND d.prospect_id <= $2)";
const RELEASED: &str = "UPDATE holds SET released_at = $2 WHERE occurrence_id = $1 AND released_at IS NULL";
const RELEASE_RANGES: &str = "
    UPDATE leases SET not_before = $2
    WHERE finished_at IS NULL AND not_before = $3 AND issue_id IN (SELECT id FROM issues WHERE occurrence_id = $1)";

/// Holds an occurrence behind its first deliveries. Returns the last prospect among those, and whether the others were
/// released already.
pub async fn put(tx: &mut Tx, occurrence: OccurrenceId, canary: Canary) -> Result<(ProspectId, bool), StoreError> {
    let last = tx.number(LAST, args![occurrence, canary.first]).await?;
    let row: Option<(i64, Option<i64>)> = tx.row(PUT, args![occurrence, last, canary.hold.rough_minutes()]).await?;
    let (last, released_at) = row.unwrap_or((last, None));
    Ok((ProspectId(last), released_at.is_some()))
}

/// Every occurrence of a running campaign of the configuration that is held.
pub async fn open(tx: &mut Tx) -> Result<Vec<Hold>, StoreError> {
    let rows: Vec<(i64, String, i64, i64, bool)> = tx.rows(OPEN, args![]).await?;
    let mut holds = Vec::new();
    for (id, campaign, minutes, last, is_filling) in rows {
        let (occurrence, last) = (OccurrenceId(id), ProspectId(last));
        let row: Option<(i64, i64, Option<i64>)> = tx.row(CANARIES, args![occurrence, last]).await?;
        let (able, untried, at) = row.unwrap_or_default();
        let tried_at = instant_or_none(at.filter(|_| untried == 0)).in_row("occurrences", id)?;
        let campaign = name(&campaign).in_row("occurrences", id)?;
        holds.push(Hold { occurrence, campaign, minutes, last, is_filling, able, all_tried: untried == 0, tried_at });
    }
    Ok(holds)
}

/// Has the next `more` deliveries take the place of canaries that cannot be tried. Returns whether there were any.
pub async fn extend(tx: &mut Tx, hold: &Hold, more: i64, now: Timestamp) -> Result<bool, StoreError> {
    let next: Option<(Option<i64>,)> = tx.row(NEXT_AFTER, args![hold.occurrence, hold.last, more]).await?;
    let Some(last) = next.and_then(|(last,)| last) else { return Ok(false) };
    // Another node may have extended it meanwhile.
    if tx.execute(EXTEND, args![hold.occurrence, hold.last, last]).await? == 0 {
        return Ok(false);
    }
    tx.execute(RELEASE_WHOLE, args![hold.occurrence, last, now, NEVER]).await?;
    tx.execute(SPLIT, args![hold.occurrence, last, now, NEVER]).await?;
    tx.execute(SHORTEN, args![hold.occurrence, last, NEVER]).await?;
    Ok(true)
}

/// Releases the others. Returns whether they were held until now.
pub async fn release(tx: &mut Tx, occurrence: OccurrenceId, now: Timestamp) -> Result<bool, StoreError> {
    let held = tx.execute(RELEASED, args![occurrence, now]).await? > 0;
    if held {
        tx.execute(RELEASE_RANGES, args![occurrence, now, NEVER]).await?;
    }
    Ok(held)
}
