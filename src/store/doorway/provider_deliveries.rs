//! Deliveries of which a mail provider says that the recipient's server took them.

use crate::domain::hook::Provider;
use crate::domain::id::DeliveryId;
use crate::store::engine::backend::{StoreError, Tx, args};
use jiff::Timestamp;

const ADD: &str = "
    INSERT INTO provider_deliveries (delivery_id, provider, delivered_at, recorded_at)
    SELECT d.id, CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS BIGINT) FROM deliveries d WHERE d.id = $1
    ON CONFLICT (delivery_id) DO NOTHING";
const COUNT: &str = "
    SELECT COUNT(*) FROM provider_deliveries p JOIN deliveries d ON d.id = p.delivery_id
    JOIN issues i ON i.id = d.issue_id WHERE i.campaign = $1 AND NOT i.test";

/// Records a report; whether it is the first about its delivery.
pub async fn add(tx: &mut Tx, delivery: DeliveryId, by: Provider, at: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(ADD, args![delivery, by.word(), at, now]).await? == 1)
}

/// How many deliveries of a campaign are known to have been taken by the recipient's server.
pub async fn count(tx: &mut Tx, campaign: &str) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(COUNT, args![campaign]).await?;
    Ok(count)
}
