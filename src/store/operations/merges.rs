//! Merges: two rows turn out to be one person. What was said is recorded again about the row that is kept, as of now; the other row
//! keeps what happened to it until then, so that every past decision about either is replayed as it was made.
//!
//! The statements stand together here, as those of an erasure do: each table's own file does not know of merged rows.

use crate::domain::id::ProspectId;
use crate::domain::prospect::{Prospect, Standing};
use crate::domain::suppression::StopReason;
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::people::{audience_changes, external_ids, former_addresses, preferences};
use jiff::Timestamp;
use serde::Serialize;

/// How much came over to the row that is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    pub signals: u64,
    pub deliveries: u64,
}

/// What the row that is kept is to hold.
#[derive(Debug)]
pub struct Kept<'a> {
    pub id: ProspectId,
    pub details: &'a Prospect,
    pub wake_at: Option<Timestamp>,
}

/// A signal is recorded again with its own instant. It belongs to no issue: an issue's clicks are counted once. What it was judged to
/// be is known now, and so it is recorded.
const SIGNALS: &str = "
    INSERT INTO signals (prospect_id, once, kind, occurred_at, recorded_at, delivery_id, issue_id, by_whom, machine, detail)
    SELECT CAST($2 AS BIGINT), 'again:' || CAST(s.id AS TEXT), s.kind, s.occurred_at, CAST($3 AS BIGINT), s.delivery_id, CAST(NULL AS BIGINT),
           s.by_whom, CASE WHEN r.id IS NULL THEN s.machine ELSE r.machine END, s.detail
    FROM signals s LEFT JOIN reclassifications r
         ON r.id = (SELECT MAX(latest.id) FROM reclassifications latest WHERE latest.signal_id = s.id)
    WHERE s.prospect_id = $1 ORDER BY s.id";
/// Who wrote it, if somebody else did.
const AUTHORS: &str = "
    INSERT INTO signal_authors (address, signal_id)
    SELECT a.address, again.id FROM signal_authors a JOIN signals s ON s.id = a.signal_id
    JOIN signals again ON again.once = 'again:' || CAST(s.id AS TEXT) WHERE s.prospect_id = $1
    ON CONFLICT (address, signal_id) DO NOTHING";
/// What their requests showed goes with them: of two rows one person's hits would be a crowd of two.
const HITS: &str = "
    UPDATE hits SET signal_id = (SELECT again.id FROM signals again WHERE again.once = 'again:' || CAST(hits.signal_id AS TEXT))
    WHERE signal_id IN (SELECT s.id FROM signals s JOIN signals again ON again.once = 'again:' || CAST(s.id AS TEXT)
                        WHERE s.prospect_id = $1)";
/// A delivery of an occurrence of which both got one stays with the merged row; its links lead to the kept one all the same.
const DELIVERIES: &str = "
    UPDATE deliveries SET prospect_id = $2
    WHERE prospect_id = $1 AND NOT EXISTS (SELECT 1 FROM deliveries o
        WHERE o.prospect_id = $2 AND o.occurrence_id = deliveries.occurrence_id)";
const REMINDERS: &str =
    "UPDATE follow_ups SET prospect_id = $2 WHERE prospect_id = $1 AND handoff_id IS NULL AND done_at IS NULL";
const FORMS: &str = "UPDATE pending_forms SET prospect_id = $2 WHERE prospect_id = $1";
const ENQUIRIES: &str = "UPDATE enquiries SET prospect_id = $2 WHERE prospect_id = $1";
/// Of two absences the one that was told last is in force.
const ABSENCE: &str = "
    INSERT INTO absences (prospect_id, until_at, told_at)
    SELECT CAST($2 AS BIGINT), b.until_at, b.told_at FROM absences b WHERE b.prospect_id = $1
    ON CONFLICT (prospect_id) DO UPDATE SET until_at = excluded.until_at, told_at = excluded.told_at
    WHERE excluded.told_at > absences.told_at";
/// Who chose what stays known; what holds now is chosen anew for the row that is kept.
const CHOICES: &str = "UPDATE preference_changes SET prospect_id = $2 WHERE prospect_id = $1";
const WITHDRAW: &str = "UPDATE qualifications SET settled_at = $2 WHERE prospect_id = $1 AND settled_at IS NULL";
const TAGS: &str = "
    INSERT INTO prospect_tags (prospect_id, tag) SELECT CAST($2 AS BIGINT), t.tag FROM prospect_tags t WHERE t.prospect_id = $1
    ON CONFLICT (prospect_id, tag) DO NOTHING";
const SPEAKS: &str = "
    UPDATE prospects SET speaks = TRUE WHERE id = $2 AND EXISTS (SELECT 1 FROM prospects o WHERE o.id = $1 AND o.speaks)";
const POINT_ON: &str = "UPDATE merged_prospects SET into_id = $2 WHERE into_id = $1";
const POINT: &str = "INSERT INTO merged_prospects (prospect_id, into_id, merged_at) VALUES ($1, $2, $3)";
/// The merged row keeps its account, and the name by which colleagues' citations call it: their past is replayed with it.
const EMPTY: &str = "
    UPDATE prospects SET name = COALESCE(name, address), address = NULL, standing = $2, mail_stop = $3, wake_at = NULL,
           review_after = NULL, tracking_consent = FALSE
    WHERE id = $1";
const OF_MERGED: [&str; 6] = [
    "DELETE FROM verdicts WHERE prospect_id = $1",
    "DELETE FROM prospect_fields WHERE prospect_id = $1",
    "DELETE FROM prospect_tags WHERE prospect_id = $1",
    "DELETE FROM consents WHERE prospect_id = $1",
    "DELETE FROM assessment_queue WHERE prospect_id = $1",
    "DELETE FROM absences WHERE prospect_id = $1",
];
const KEEP: &str = "
    UPDATE prospects SET name = $2, phone = $3, company = $4, salesperson = $5, wake_at = $6 WHERE id = $1";

/// Takes the address off the row that is merged, and brings over what is known of it.
pub async fn take_over(tx: &mut Tx, merged: ProspectId, kept: ProspectId, now: Timestamp) -> Result<Moved, StoreError> {
    let signals = tx.execute(SIGNALS, args![merged, kept, now]).await?;
    tx.execute(AUTHORS, args![merged]).await?;
    tx.execute(HITS, args![merged]).await?;
    let deliveries = tx.execute(DELIVERIES, args![merged, kept]).await?;
    for sql in [REMINDERS, FORMS, ENQUIRIES, TAGS, SPEAKS, ABSENCE, CHOICES, POINT_ON] {
        tx.execute(sql, args![merged, kept]).await?;
    }
    audience_changes::note(tx, [kept]).await?;
    tx.execute(WITHDRAW, args![merged, now]).await?;
    former_addresses::pass_on(tx, merged, kept).await?;
    external_ids::pass_on(tx, merged, kept).await?;
    tx.execute_one(POINT, args![merged, kept, now]).await?;
    for part in OF_MERGED {
        tx.execute(part, args![merged]).await?;
    }
    preferences::clear(tx, merged).await?;
    tx.execute_one(EMPTY, args![merged, Standing::Suppressed.word(), StopReason::Manual.word()]).await?;
    Ok(Moved { signals, deliveries })
}

/// Writes into the row that is kept what is known of the person, but for the address.
pub async fn keep(tx: &mut Tx, kept: &Kept<'_>) -> Result<(), StoreError> {
    let Prospect { name, phone, company, previous_salesperson: owner, .. } = kept.details;
    let row = args![kept.id, name.as_deref(), phone.as_deref(), company.as_deref(), owner.as_ref(), kept.wake_at];
    tx.execute_one(KEEP, row).await
}
