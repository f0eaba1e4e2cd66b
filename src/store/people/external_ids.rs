//! External ids: what other systems call a prospect.

use super::erasure_keys::Hashes;
use crate::domain::doorway::external_id::ExternalId;
use crate::domain::id::ProspectId;
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::value::to_json;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Row<'a> {
    s: &'a str,
    e: &'a str,
    p: Option<ProspectId>,
}

const ADD: &str = "
    INSERT INTO external_ids (system, external_id, prospect_id, recorded_at)
    SELECT value ->> 's', value ->> 'e', CAST(value ->> 'p' AS BIGINT), CAST($2 AS BIGINT) FROM json_each($1) WHERE TRUE ORDER BY key
    ON CONFLICT (system, external_id) DO NOTHING";
const FIND: &str = "
    SELECT x.system, x.external_id, x.prospect_id FROM json_each($1) j
    JOIN external_ids x ON x.system = j.value ->> 's' AND x.external_id = j.value ->> 'e'";
const OF: &str = "SELECT system, external_id FROM external_ids WHERE prospect_id = $1 ORDER BY system, external_id";
const PASS_ON: &str = "UPDATE external_ids SET prospect_id = $2 WHERE prospect_id = $1";
const HIDE: &str = "UPDATE external_ids SET external_id = $3 WHERE system = $1 AND external_id = $2";
const REMOVE: &str = "DELETE FROM external_ids WHERE system = $1 AND external_id = $2";

/// Whom an id is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Known(ProspectId),
    /// Somebody who asked to be forgotten.
    Erased,
}

/// Notes ids of prospects; an id that is somebody's already stays theirs.
pub async fn add(tx: &mut Tx, ids: &[(ProspectId, &ExternalId)], now: Timestamp) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row<'_>> = ids.iter().map(|(p, id)| Row { s: &id.system, e: &id.id, p: Some(*p) }).collect();
    tx.execute(ADD, args![to_json(&rows)?, now]).await.map(drop)
}

/// Whose these ids are, as far as they are anybody's.
pub async fn find(tx: &mut Tx, ids: &[&ExternalId], hashes: &Hashes) -> Result<BTreeMap<ExternalId, Whose>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let hidden: BTreeMap<(&str, String), &ExternalId> =
        ids.iter().filter_map(|id| Some(((id.system.as_str(), hashes.of_id(id)?), *id))).collect();
    let plain = ids.iter().map(|id| Row { s: &id.system, e: &id.id, p: None });
    let rows: Vec<Row<'_>> = plain.chain(hidden.keys().map(|(s, e)| Row { s, e, p: None })).collect();
    let found: Vec<(String, String, i64)> = tx.rows(FIND, args![to_json(&rows)?]).await?;
    let whose = |(system, id, prospect): (String, String, i64)| match hidden.get(&(system.as_str(), id.clone())) {
        Some(given) => ((*given).clone(), Whose::Erased),
        None => (ExternalId { system, id }, Whose::Known(ProspectId(prospect))),
    };
    Ok(found.into_iter().map(whose).collect())
}

/// What other systems call a prospect.
pub async fn of(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<ExternalId>, StoreError> {
    let rows: Vec<(String, String)> = tx.rows(OF, args![prospect]).await?;
    Ok(rows.into_iter().map(|(system, id)| ExternalId { system, id }).collect())
}

/// Gives one prospect's ids to another.
pub async fn pass_on(tx: &mut Tx, from: ProspectId, to: ProspectId) -> Result<(), StoreError> {
    tx.execute(PASS_ON, args![from, to]).await.map(drop)
}

/// Replaces an erased prospect's ids by their hashes; without a key they go.
pub async fn hide(tx: &mut Tx, prospect: ProspectId, hashes: &Hashes) -> Result<(), StoreError> {
    for id in of(tx, prospect).await? {
        match hashes.of_id(&id) {
            Some(hash) => tx.execute(HIDE, args![id.system.as_str(), id.id.as_str(), hash]).await?,
            None => tx.execute(REMOVE, args![id.system.as_str(), id.id.as_str()]).await?,
        };
    }
    Ok(())
}
