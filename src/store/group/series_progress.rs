//! How many newsletters of a series prospects have had, counted set-wise for members that were found before.

use crate::domain::id::{Name, ProspectId};
use crate::store::engine::backend::{StoreError, Tx, args, came_to_nothing, has_come_to_nothing};
use crate::store::engine::value::{ids, texts};

/// A newsletter counts as had by every delivery except those that came to nothing, as in `audiences`.
const HAD: &str = concat!(
    "
    SELECT had, COUNT(*) FROM (
        SELECT m.id, (SELECT COUNT(DISTINCT i.newsletter) FROM deliveries d JOIN issues i ON i.id = d.issue_id
                      WHERE d.prospect_id = m.id AND i.campaign = $2 AND i.newsletter IN (SELECT value ->> 'text' FROM json_each($3))
                        AND NOT ",
    has_come_to_nothing!("d"),
    ") AS had
        FROM (SELECT CAST(value AS BIGINT) AS id FROM json_each($1)) m) counted
    GROUP BY had ORDER BY had"
);

/// How many of these prospects have had how many of these newsletters of a campaign.
pub async fn had(
    tx: &mut Tx,
    campaign: &Name,
    newsletters: &[&Name],
    members: &[ProspectId],
) -> Result<Vec<(i64, i64)>, StoreError> {
    tx.rows(HAD, args![ids(members)?, campaign, texts(newsletters)?]).await
}
