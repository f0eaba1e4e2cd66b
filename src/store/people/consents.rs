//! Consents: what a prospect agreed to, where and when. Appended.

use crate::domain::consent::{Consent, Purpose};
use crate::domain::id::ProspectId;
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::value::{ids, instant_or_none, to_json, word};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};

/// A repetition is what the same source said last about the purpose; in between it may have said the opposite.
const ADD: &str = "
    INSERT INTO consents (prospect_id, purpose, given, source, given_at, recorded_at, wording)
    SELECT CAST(value ->> 'prospect' AS BIGINT), value ->> 'purpose', CAST(value ->> 'given' AS TEXT) IN ('true', '1'),
           value ->> 'source', CAST(value ->> 'given_at' AS BIGINT), CAST($2 AS BIGINT), value ->> 'wording'
    FROM json_each($1) WHERE NOT EXISTS (
        SELECT 1 FROM consents c
        WHERE c.id = (SELECT MAX(l.id) FROM consents l WHERE l.prospect_id = CAST(value ->> 'prospect' AS BIGINT)
                      AND l.purpose = value ->> 'purpose' AND l.source = value ->> 'source')
          AND c.given = (CAST(value ->> 'given' AS TEXT) IN ('true', '1'))
          AND COALESCE(c.given_at, -1) = COALESCE(CAST(value ->> 'given_at' AS BIGINT), -1)
          AND COALESCE(c.wording, '') = COALESCE(value ->> 'wording', ''))
    ORDER BY key";
/// The latest statement is the one made last, as far as its date is known; one without a date was made when we learnt of it.
const TRACKING: &str = "
    UPDATE prospects SET tracking_consent = (SELECT c.given FROM consents c
        WHERE c.prospect_id = prospects.id AND c.purpose = $2
        ORDER BY COALESCE(c.given_at, c.recorded_at) DESC, c.id DESC LIMIT 1)
    WHERE id IN (SELECT CAST(value ->> 'prospect' AS BIGINT) FROM json_each($1) WHERE value ->> 'purpose' = $2)";
/// Who said anything about it and does not consent now has said no.
const REFUSING: &str = "
    SELECT p.id FROM json_each($1) j JOIN prospects p ON p.id = CAST(j.value AS BIGINT)
    WHERE NOT p.tracking_consent
      AND EXISTS (SELECT 1 FROM consents c WHERE c.prospect_id = p.id AND c.purpose = $2)";
const OF: &str = "SELECT purpose, given, source, given_at, wording FROM consents WHERE prospect_id = $1 ORDER BY id";

/// Those of these prospects whose latest word about being tracked is no.
pub async fn refusing(tx: &mut Tx, of: &[ProspectId]) -> Result<BTreeSet<ProspectId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(REFUSING, args![ids(of)?, Purpose::Tracking.word()]).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// Records statements; the same one again changes nothing. Returns how many are new.
pub async fn add(tx: &mut Tx, consents: &[(ProspectId, Consent)], now: Timestamp) -> Result<u64, StoreError> {
    #[derive(Serialize)]
    struct Row<'a> {
        prospect: ProspectId,
        purpose: &'static str,
        given: bool,
        source: &'a str,
        given_at: Option<i64>,
        wording: Option<&'a str>,
    }
    if consents.is_empty() {
        return Ok(0);
    }
    // The statement sees no row of its own: what stands twice in one call is left out here.
    let mut seen = HashSet::new();
    let once = consents.iter().filter(|c| seen.insert(*c)).map(|(prospect, said)| Row {
        prospect: *prospect,
        purpose: said.purpose.word(),
        given: said.given,
        source: &said.source,
        given_at: said.given_at.map(Timestamp::as_millisecond),
        wording: said.wording.as_deref(),
    });
    let once: Vec<Row<'_>> = once.collect();
    let rows = to_json(&once)?;
    let new = tx.execute(ADD, args![rows.clone(), now]).await?;
    tx.execute(TRACKING, args![rows, Purpose::Tracking.word()]).await?;
    Ok(new)
}

/// A prospect's statements, oldest first.
pub async fn of(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<Consent>, StoreError> {
    type Row = (String, bool, String, Option<i64>, Option<String>);
    let rows: Vec<Row> = tx.rows(OF, args![prospect]).await?;
    let consent = |(purpose, given, source, at, wording): Row| {
        let whose = || format!("of prospect {prospect}");
        let purpose = word("purpose", &purpose, Purpose::parse).in_row("consents", whose())?;
        let given_at = instant_or_none(at).in_row("consents", whose())?;
        Ok(Consent { purpose, given, source, given_at, wording })
    };
    rows.into_iter().map(consent).collect()
}
