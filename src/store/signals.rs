//! Signals: appended once, never edited.

use super::backend::{StoreError, Tx, args};
use super::value::{from_json, instant, name, to_json, word};
use crate::domain::id::{DeliveryId, IssueId, ProspectId, SignalId};
use crate::domain::machine::Machine;
use crate::domain::signal::{Detail, NewSignal, Signal};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct NewRow<'a> {
    prospect: Option<ProspectId>,
    once: &'a str,
    kind: &'static str,
    occurred_at: i64,
    delivery: Option<DeliveryId>,
    issue: Option<IssueId>,
    by: Option<&'a str>,
    machine: Option<&'static str>,
    detail: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    prospect_id: Option<i64>,
    occurred_at: i64,
    recorded_at: i64,
    delivery_id: Option<i64>,
    issue_id: Option<i64>,
    by_whom: Option<String>,
    machine: Option<String>,
    detail: String,
}

const APPEND: &str = "
    INSERT INTO signals (prospect_id, once, kind, occurred_at, recorded_at, delivery_id, issue_id, by_whom, machine, detail)
    SELECT CAST(value ->> 'prospect' AS BIGINT), value ->> 'once', value ->> 'kind', CAST(value ->> 'occurred_at' AS BIGINT),
           CAST($2 AS BIGINT), CAST(value ->> 'delivery' AS BIGINT), CAST(value ->> 'issue' AS BIGINT), value ->> 'by',
           value ->> 'machine', value ->> 'detail'
    FROM json_each($1) WHERE TRUE ORDER BY key
    ON CONFLICT (once) DO NOTHING
    RETURNING once, id";
const OF: &str = "
    SELECT id, prospect_id, occurred_at, recorded_at, delivery_id, issue_id, by_whom, machine, detail FROM signals
    WHERE prospect_id IN (SELECT CAST(value ->> 'id' AS BIGINT) FROM json_each($1)) ORDER BY id";

/// Appends signals whose `once` is new, each with the prospect it was resolved to. Returns the new ones' ids by `once`.
///
/// # Errors
/// The store's.
pub async fn append(
    tx: &mut Tx,
    signals: &[(Option<ProspectId>, &NewSignal)],
    now: Timestamp,
) -> Result<BTreeMap<String, SignalId>, StoreError> {
    if signals.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut rows = Vec::with_capacity(signals.len());
    for (prospect, signal) in signals {
        rows.push(NewRow {
            prospect: *prospect,
            once: &signal.once,
            kind: signal.detail.kind(),
            occurred_at: signal.occurred_at.as_millisecond(),
            delivery: signal.delivery,
            issue: signal.issue,
            by: signal.by.as_ref().map(crate::domain::id::Name::as_str),
            machine: signal.machine.map(Machine::word),
            detail: to_json(&signal.detail)?,
        });
    }
    let new: Vec<(String, i64)> = tx.rows(APPEND, args![to_json(&rows)?, now]).await?;
    Ok(new.into_iter().map(|(once, id)| (once, SignalId(id))).collect())
}

/// Every signal of these prospects, in the order recorded.
///
/// # Errors
/// The store's.
pub async fn of(tx: &mut Tx, prospects: &[ProspectId]) -> Result<BTreeMap<ProspectId, Vec<Signal>>, StoreError> {
    #[derive(Serialize)]
    struct Id {
        id: ProspectId,
    }
    let ids: Vec<Id> = prospects.iter().map(|id| Id { id: *id }).collect();
    let rows: Vec<Row> = tx.rows(OF, args![to_json(&ids)?]).await?;
    let mut found: BTreeMap<ProspectId, Vec<Signal>> = prospects.iter().map(|id| (*id, Vec::new())).collect();
    for row in rows {
        let signal = row.into_signal()?;
        if let Some(list) = signal.prospect.and_then(|id| found.get_mut(&id)) {
            list.push(signal);
        }
    }
    Ok(found)
}

impl Row {
    fn into_signal(self) -> Result<Signal, StoreError> {
        Ok(Signal {
            id: SignalId(self.id),
            prospect: self.prospect_id.map(ProspectId),
            occurred_at: instant(self.occurred_at)?,
            recorded_at: instant(self.recorded_at)?,
            delivery: self.delivery_id.map(DeliveryId),
            issue: self.issue_id.map(IssueId),
            by: self.by_whom.as_deref().map(name).transpose()?,
            machine: self.machine.as_deref().map(|m| word("machine reason", m, Machine::parse)).transpose()?,
            detail: from_json::<Detail>("signal", &self.detail)?,
        })
    }
}
