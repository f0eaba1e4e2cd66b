//! Hits: what the request behind a signal showed of who made it. Beside the signals, which stay as they are.

use crate::domain::doorway::machine::{CROWD, Machine, Passed};
use crate::domain::doorway::sweep::Swept;
use crate::domain::id::{DeliveryId, ProspectId, SignalId};
use crate::store::engine::backend::{Sql, StoreError, Tx, args};
use crate::store::engine::record::record;
use crate::store::engine::value::{ids, instant, instant_or_none, texts, to_json, word};
use jiff::Timestamp;
use serde::Serialize;

/// What a hit showed, to be kept.
#[derive(Debug, Clone, Serialize)]
pub struct NewHit<'a> {
    #[serde(rename = "s")]
    pub signal: SignalId,
    #[serde(rename = "a")]
    pub agent: Option<&'a str>,
    #[serde(rename = "n")]
    pub network: &'a str,
    #[serde(rename = "c")]
    pub company: Option<&'a str>,
    /// Milliseconds since 1970.
    #[serde(rename = "t")]
    pub at: i64,
}

/// A hit on record, with what it was taken for.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its network and its company are empty where none is kept.
    pub passed: Passed,
    pub delivery: Option<DeliveryId>,
    pub agent: Option<String>,
    /// Whether anything was kept of the request; else `agent` and the network say nothing.
    pub is_kept: bool,
    /// When the relay took the mail.
    pub handed_over_at: Option<Timestamp>,
    /// What it was taken for when it arrived.
    pub machine: Option<Machine>,
    /// The latest judgement on it since: by whom, and of which machine.
    pub judged: Option<(String, Option<Machine>)>,
}

struct PassedRow {
    signal_id: i64,
    prospect_id: i64,
    network: String,
    company: String,
    at: i64,
}

record!(PassedRow { signal_id, prospect_id, network, company, at });

struct SweptRow {
    signal_id: i64,
    delivery_id: i64,
    agent: Option<String>,
    network: String,
    at: i64,
    machine: Option<String>,
}

record!(SweptRow { signal_id, delivery_id, agent, network, at, machine });

struct KeptRow {
    signal_id: i64,
    prospect_id: i64,
    delivery_id: Option<i64>,
    agent: Option<String>,
    network: Option<String>,
    company: Option<String>,
    at: i64,
    handed_over_at: Option<i64>,
    machine: Option<String>,
    judged_by: Option<String>,
    judged: Option<String>,
}

record!(KeptRow { signal_id, prospect_id, delivery_id, agent, network, company, at, handed_over_at, machine, judged_by, judged });

const ADD: &str = "
    INSERT INTO hits (signal_id, agent, network, company, at)
    SELECT CAST(value ->> 's' AS BIGINT), value ->> 'a', value ->> 'n', value ->> 'c', CAST(value ->> 't' AS BIGINT)
    FROM json_each($1) WHERE TRUE ORDER BY 1
    ON CONFLICT (signal_id) DO NOTHING";
/// The newest of all these networks, on mails of prospects to companies: what is older was judged when it was the newest. PostgreSQL is
/// told to ask network by network, as many of each as of all together; with stale statistics it would read them all.
const OF_NETWORKS: Sql = Sql::Each {
    sqlite: "
    SELECT h.signal_id, s.prospect_id, h.network, h.company, h.at
    FROM hits h JOIN signals s ON s.id = h.signal_id
    WHERE h.network IN (SELECT value ->> 'text' FROM json_each($1)) AND h.at BETWEEN $2 AND $3
      AND h.company IS NOT NULL AND s.prospect_id IS NOT NULL
    ORDER BY h.at DESC, h.signal_id DESC LIMIT 1000",
    postgres: "
    SELECT h.signal_id, h.prospect_id, h.network, h.company, h.at
    FROM json_each($1) j
    CROSS JOIN LATERAL (SELECT o.signal_id, s.prospect_id, o.network, o.company, o.at
                        FROM hits o JOIN signals s ON s.id = o.signal_id
                        WHERE o.network = j.value ->> 'text' AND o.at BETWEEN $2 AND $3
                          AND o.company IS NOT NULL AND s.prospect_id IS NOT NULL
                        ORDER BY o.at DESC, o.signal_id DESC LIMIT 1000) h
    ORDER BY h.at DESC, h.signal_id DESC LIMIT 1000",
};
/// The newest hits of those of these mails of which the trap was followed.
const OF_TRAPPED: &str = "
    SELECT h.signal_id, s.delivery_id, h.agent, h.network, h.at, s.machine
    FROM (SELECT DISTINCT prospect_id, delivery_id FROM signals
          WHERE machine = 'trap' AND delivery_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))) t
    JOIN signals s ON s.prospect_id = t.prospect_id AND s.delivery_id = t.delivery_id
    JOIN hits h ON h.signal_id = s.id
    ORDER BY h.signal_id DESC LIMIT 1000";
/// What followed a link or posted a page of a mail; of the oldest of these nothing is kept beside the signal.
const AFTER: &str = "
    SELECT s.id AS signal_id, s.prospect_id, s.delivery_id, h.agent, h.network, h.company, s.occurred_at AS at, s.machine,
           COALESCE((SELECT MIN(a.at) FROM attempts a WHERE a.delivery_id = s.delivery_id AND a.state = 'accepted'),
                    (SELECT MAX(m.at) FROM attempts m WHERE m.delivery_id = s.delivery_id AND m.state = 'transmitting'))
               AS handed_over_at,
           (SELECT r.by_whom FROM reclassifications r WHERE r.signal_id = s.id AND r.prospect_id = s.prospect_id
            ORDER BY r.id DESC LIMIT 1) AS judged_by,
           (SELECT r.machine FROM reclassifications r WHERE r.signal_id = s.id AND r.prospect_id = s.prospect_id
            ORDER BY r.id DESC LIMIT 1) AS judged
    FROM signals s LEFT JOIN hits h ON h.signal_id = s.id
    WHERE s.id > $1 AND s.prospect_id IS NOT NULL AND s.kind IN ('click', 'answer')
      AND (h.signal_id IS NOT NULL OR s.delivery_id IS NOT NULL)
    ORDER BY s.id LIMIT $2";

/// Keeps what hits showed.
pub async fn add(tx: &mut Tx, hits: &[NewHit<'_>]) -> Result<(), StoreError> {
    if !hits.is_empty() {
        tx.execute(ADD, args![to_json(&hits)?]).await?;
    }
    Ok(())
}

/// The hits of these networks on mails to companies that may make a crowd with one of this time.
pub async fn around<'a>(
    tx: &mut Tx,
    networks: impl Iterator<Item = &'a str>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Passed>, StoreError> {
    let rows: Vec<PassedRow> = tx.rows(OF_NETWORKS, args![texts(networks)?, from - CROWD, to + CROWD]).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Passed {
                signal: SignalId(row.signal_id),
                prospect: ProspectId(row.prospect_id),
                network: row.network,
                company: row.company,
                at: instant(row.at)?,
            })
        })
        .collect()
}

/// The hits of those of these mails of which somebody followed the link that no person sees.
pub async fn of_trapped(tx: &mut Tx, deliveries: &[DeliveryId]) -> Result<Vec<Swept>, StoreError> {
    let rows: Vec<SweptRow> =
        if deliveries.is_empty() { Vec::new() } else { tx.rows(OF_TRAPPED, args![ids(deliveries)?]).await? };
    rows.into_iter()
        .map(|row| {
            Ok(Swept {
                signal: SignalId(row.signal_id),
                delivery: DeliveryId(row.delivery_id),
                agent: row.agent,
                network: row.network,
                at: instant(row.at)?,
                is_trap: row.machine.as_deref() == Some(Machine::Trap.word()),
            })
        })
        .collect()
}

/// The next clicks and answers after a signal, in the order recorded, at most so many.
pub async fn after(tx: &mut Tx, signal: SignalId, most: i64) -> Result<Vec<Kept>, StoreError> {
    let rows: Vec<KeptRow> = tx.rows(AFTER, args![signal, most]).await?;
    let machine = |text: &str| word("machine reason", text, Machine::parse);
    rows.into_iter()
        .map(|row| {
            let judged = row.judged.as_deref().map(machine).transpose()?;
            Ok(Kept {
                is_kept: row.network.is_some(),
                passed: Passed {
                    signal: SignalId(row.signal_id),
                    prospect: ProspectId(row.prospect_id),
                    network: row.network.unwrap_or_default(),
                    company: row.company.unwrap_or_default(),
                    at: instant(row.at)?,
                },
                delivery: row.delivery_id.map(DeliveryId),
                agent: row.agent,
                handed_over_at: instant_or_none(row.handed_over_at)?,
                machine: row.machine.as_deref().map(machine).transpose()?,
                judged: row.judged_by.map(|by| (by, judged)),
            })
        })
        .collect()
}
