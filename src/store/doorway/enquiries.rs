//! Enquiries: requests for a person for which no handoff can be opened.

use crate::domain::doorway::enquiry::NewEnquiry;
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::value::to_json;

const ADD: &str = "
    INSERT INTO enquiries (once, prospect_id, pending_form_id, signal_id, address, cause, form, said, asked_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (once) DO NOTHING";

/// Records an enquiry, once for each `once`. Returns whether it is new.
pub async fn add(tx: &mut Tx, new: &NewEnquiry) -> Result<bool, StoreError> {
    let address = new.address.as_ref().map(ToString::to_string);
    let values = args![
        new.once.as_str(),
        new.prospect,
        new.pending_form,
        new.signal,
        address,
        new.cause.word(),
        &new.form,
        to_json(&new.said)?,
        new.asked_at,
        new.expires_at,
    ];
    Ok(tx.execute(ADD, values).await? > 0)
}
