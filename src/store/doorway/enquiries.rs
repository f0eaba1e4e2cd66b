//! Enquiries as they come: requests for a person for which no handoff can be opened. Who gets them, and what becomes of them,
//! is in `individual::enquiries`.

use crate::domain::doorway::enquiry::NewEnquiry;
use crate::domain::id::ProspectId;
use crate::domain::span::Span;
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::value::to_json;
use jiff::Timestamp;
use serde::Serialize;

/// The same words of the same person within this time are one enquiry.
const ONE: Span = Span::days(1);

const ADD: &str = "
    INSERT INTO enquiries (once, prospect_id, signal_id, address, cause, form, said, asked_at, expires_at)
    SELECT $1, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS TEXT), $5, $6, $7, CAST($8 AS BIGINT), CAST($9 AS BIGINT)
    WHERE NOT EXISTS (SELECT 1 FROM enquiries e WHERE e.prospect_id = $2 AND e.form = $6 AND e.said = $7 AND e.asked_at > $10
                                                  AND (e.settled_how IS NULL OR e.settled_how <> 'confirmed'))
      AND NOT EXISTS (SELECT 1 FROM enquiries e WHERE e.address = $4 AND e.form = $6 AND e.said = $7 AND e.asked_at > $10
                                                  AND (e.settled_how IS NULL OR e.settled_how <> 'confirmed'))
    ON CONFLICT (once) DO NOTHING";
/// What an address confirms is no second enquiry: the one that waits for it is the prospect's now, and no stranger's. On a list, it
/// is taken off, and placed anew.
const VOUCH: &str = "
    UPDATE enquiries SET cause = $5, prospect_id = $1, address = NULL, expires_at = NULL, list_id = NULL,
           placed_at = CASE WHEN list_id IS NULL THEN placed_at END, salesperson = CASE WHEN list_id IS NULL THEN salesperson END
    WHERE (prospect_id = $1 OR address = $2) AND form = $3 AND said = $4 AND cause = 'unconfirmed' AND settled_at IS NULL";
/// Whoever was in touch after they asked has answered them.
const TOUCHED: &str = "
    UPDATE enquiries SET settled_at = $2, settled_how = 'done'
    WHERE settled_at IS NULL AND placed_at IS NOT NULL
      AND prospect_id IN (SELECT CAST(value ->> 'prospect' AS BIGINT) FROM json_each($1))
      AND EXISTS (SELECT 1 FROM json_each($1) WHERE CAST(value ->> 'prospect' AS BIGINT) = enquiries.prospect_id
                                                AND CAST(value ->> 'at' AS BIGINT) >= enquiries.asked_at)";

/// Records an enquiry, once for each `once`, and once for the same words within a day. Returns whether it is new.
pub async fn add(tx: &mut Tx, new: &NewEnquiry) -> Result<bool, StoreError> {
    let address = new.address.as_ref().map(ToString::to_string);
    let values = args![
        new.once.as_str(),
        new.prospect,
        new.signal,
        address,
        new.cause.word(),
        &new.form,
        to_json(&new.said)?,
        new.asked_at,
        new.expires_at,
        ONE.before(new.asked_at),
    ];
    Ok(tx.execute(ADD, values).await? > 0)
}

/// Gives the open unconfirmed enquiries of the same words the cause of this one, which is confirmed. Returns whether there was any.
pub async fn vouch(tx: &mut Tx, new: &NewEnquiry, address: Option<&str>) -> Result<bool, StoreError> {
    let values = args![new.prospect, address, &new.form, to_json(&new.said)?, new.cause.word()];
    Ok(tx.execute(VOUCH, values).await? > 0)
}

/// Settles the enquiries of prospects with whom a colleague was in touch, each at an instant, after they asked.
pub async fn touched(tx: &mut Tx, touches: &[(ProspectId, Timestamp)], now: Timestamp) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Row {
        prospect: ProspectId,
        at: i64,
    }
    if touches.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row> = touches.iter().map(|(prospect, at)| Row { prospect: *prospect, at: at.as_millisecond() }).collect();
    tx.execute(TOUCHED, args![to_json(&rows)?, now]).await.map(drop)
}
