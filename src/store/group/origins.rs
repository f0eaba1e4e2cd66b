//! Where many signals come from at once: the deliveries that their tokens name, and when those left.

use super::deliveries::Origin;
use crate::domain::id::{DeliveryId, IssueId, ProspectId};
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::record::record;
use crate::store::engine::value::{address, ids, instant_or_none};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// An origin, and when its mail was handed to the relay.
#[derive(Debug, Clone)]
pub struct Sent {
    pub origin: Origin,
    /// When the relay accepted it; of a mail that it may have, when it was last begun.
    pub handed_over_at: Option<Timestamp>,
}

struct Row {
    id: i64,
    issue_id: i64,
    prospect_id: Option<i64>,
    address: String,
    tracked: bool,
    consents: bool,
    handed_over_at: Option<i64>,
}

record!(Row { id, issue_id, prospect_id, address, tracked, consents, handed_over_at });

const OF: &str = "
    SELECT d.id, d.issue_id, p.id AS prospect_id, d.address, d.tracked, COALESCE(p.tracking_consent, FALSE) AS consents,
           COALESCE((SELECT MIN(a.at) FROM attempts a WHERE a.delivery_id = d.id AND a.state = 'accepted'),
                    (SELECT MAX(m.at) FROM attempts m WHERE m.delivery_id = d.id AND m.state = 'transmitting')) AS handed_over_at
    FROM deliveries d LEFT JOIN merged_prospects m ON m.prospect_id = d.prospect_id
    LEFT JOIN prospects p ON p.id = COALESCE(m.into_id, d.prospect_id) AND p.address IS NOT NULL
    WHERE d.id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";

/// The origins of these deliveries; one that is not on record has none.
pub async fn of(tx: &mut Tx, deliveries: &[DeliveryId]) -> Result<BTreeMap<DeliveryId, Sent>, StoreError> {
    let rows: Vec<Row> = if deliveries.is_empty() { Vec::new() } else { tx.rows(OF, args![ids(deliveries)?]).await? };
    rows.into_iter()
        .map(|row| {
            let (id, issue) = (DeliveryId(row.id), IssueId(row.issue_id));
            let origin = Origin {
                id,
                issue,
                prospect: row.prospect_id.map(ProspectId),
                address: address(&row.address).in_row("deliveries", id)?,
                tracked: row.tracked,
                consents: row.consents,
            };
            Ok((id, Sent { origin, handed_over_at: instant_or_none(row.handed_over_at)? }))
        })
        .collect()
}
