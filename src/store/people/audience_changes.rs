//! Whose fields, tags or verdicts changed since their mails were written: these ask their audience again before they leave.

use crate::domain::id::ProspectId;
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::value::ids;
use std::collections::BTreeSet;

/// Who has no delivery needs no row, unless an occurrence is being written, which may give them their first at this moment.
const NOTE: &str = "
    INSERT INTO audience_changes (prospect_id, newest_delivery)
    SELECT p.id, (SELECT COALESCE(MAX(newest.id), 0) FROM deliveries newest)
    FROM (SELECT CAST(value AS BIGINT) AS id FROM json_each($1)) p
    WHERE EXISTS (SELECT 1 FROM deliveries d WHERE d.prospect_id = p.id)
       OR EXISTS (SELECT 1 FROM occurrences o WHERE o.state = 'filling')
    ORDER BY p.id
    ON CONFLICT (prospect_id) DO UPDATE SET newest_delivery = excluded.newest_delivery
        WHERE audience_changes.newest_delivery < excluded.newest_delivery";

/// Notes that something changed of these prospects that an audience may ask; commits with the change.
pub async fn note(tx: &mut Tx, changed: impl IntoIterator<Item = ProspectId>) -> Result<(), StoreError> {
    let changed: BTreeSet<ProspectId> = changed.into_iter().collect();
    if changed.is_empty() {
        return Ok(());
    }
    tx.execute(NOTE, args![ids(&changed)?]).await.map(drop)
}
