//! What is left in the database when everything is over, as the checker wants it.

use crate::checker::{Delivery, Handoff, Heard, Remains};
use crate::company::DOMAIN;
use crate::database::{Database, rows};
use crate::node::Post;
use crate::relay::Relay;
use nurtured::store::engine::backend::Tx;
use nurtured::store::operations::integrity;
use std::collections::{BTreeMap, BTreeSet};

const DELIVERIES: &str = "
    SELECT d.id, d.address, s.state FROM deliveries d JOIN delivery_states s ON s.delivery_id = d.id ORDER BY d.id";
const ATTEMPTS: &str = "SELECT delivery_id, number, state, at FROM attempts ORDER BY delivery_id, number";
const SIGNALS: &str = "SELECT id, once FROM signals ORDER BY id";
const STOPPED: &str = "SELECT DISTINCT address, channel FROM suppressions WHERE channel = 'email' AND lifted_at IS NULL";
const HANDOFFS: &str = "
    SELECT h.prospect_id, h.state, h.cause, q.findings,
           (SELECT COUNT(*) FROM letters l WHERE l.handoff_id = h.id AND l.kind = 'handoff'),
           (SELECT COUNT(*) FROM follow_ups f WHERE f.handoff_id = h.id)
    FROM handoffs h JOIN qualifications q ON q.id = h.qualification_id ORDER BY h.id";

const HEARD: &str = "
    SELECT e.said, e.placed_at, e.list_id, e.settled_how, e.cause,
           (SELECT COUNT(*) FROM letters l WHERE l.kind = 'enquiry' AND l.message_id LIKE '<enquiry-' || e.id || '-%')
    FROM enquiries e ORDER BY e.id";

impl Database {
    /// Every enquiry, and how often a person hears of it.
    pub(crate) async fn heard(&self) -> anyhow::Result<Vec<Heard>> {
        type Row = (String, Option<i64>, Option<i64>, Option<String>, String, i64);
        let store = self.open().await?;
        let mut tx = store.read().await?;
        let rows: Vec<Row> = rows!(&mut tx, HEARD)?;
        tx.rollback().await?;
        store.close().await;
        let heard = rows.into_iter().map(|(words, placed, list, settled, cause, letters)| {
            let by_handoff = settled.as_deref() == Some("confirmed");
            let confirmed = by_handoff || cause != "unconfirmed";
            let times = if by_handoff { 1 } else { usize::try_from(letters)? + usize::from(list.is_some()) };
            Ok(Heard { words, placed: placed.is_some() || by_handoff, times, confirmed })
        });
        heard.collect()
    }

    /// All that is left, as the relay, the database and the logs say; the scenario adds what only it knows.
    pub(crate) async fn remains(&self, relay: &Relay, post: &Post, published: usize) -> anyhow::Result<Remains> {
        let (signals, handoffs) = self.signals_and_handoffs().await?;
        // Letters to our own people go through the same relay; they are none of the group's.
        let journal = relay.journal()?.into_iter().filter(|mail| mail.recipient.contains(DOMAIN)).collect();
        let (deliveries, complaints) = (self.deliveries().await?, self.complaints().await?);
        let (log, secret) = (post.log(), DOMAIN.to_owned());
        Ok(Remains { journal, deliveries, published, handoffs, signals, complaints, log, secret, ..Remains::default() })
    }

    /// Every delivery, with its marks.
    pub(crate) async fn deliveries(&self) -> anyhow::Result<Vec<Delivery>> {
        let store = self.open().await?;
        let mut tx = store.read().await?;
        let rows: Vec<(i64, String, String)> = rows!(&mut tx, DELIVERIES)?;
        let attempts: Vec<(i64, i64, String, i64)> = rows!(&mut tx, ATTEMPTS)?;
        tx.rollback().await?;
        store.close().await;
        let mut by_delivery: BTreeMap<i64, Vec<(i64, bool, i64)>> = BTreeMap::new();
        for (delivery, number, state, at) in attempts {
            by_delivery.entry(delivery).or_default().push((number, state == "transmitting", at));
        }
        Ok(rows
            .into_iter()
            .map(|(id, recipient, state)| {
                let attempts = by_delivery.remove(&id).unwrap_or_default();
                let marks = attempts.iter().filter(|(_, is_mark, _)| *is_mark);
                let answered = |mark: i64| attempts.iter().any(|(number, is_mark, _)| *number == mark + 1 && !is_mark);
                let doubts = marks.clone().filter(|(number, ..)| !answered(*number)).count();
                Delivery { recipient, state, marked_at: marks.map(|(.., at)| *at).collect(), doubts }
            })
            .collect())
    }

    /// What makes each signal one (and each stop in force, by its address), and every handoff with what it rests on.
    pub(crate) async fn signals_and_handoffs(&self) -> anyhow::Result<(Vec<String>, Vec<Handoff>)> {
        let store = self.open().await?;
        let mut tx = store.read().await?;
        let signals: Vec<(i64, String)> = rows!(&mut tx, SIGNALS)?;
        let stopped: Vec<(String, String)> = rows!(&mut tx, STOPPED)?;
        let handoffs: Vec<(i64, String, String, String, i64, i64)> = rows!(&mut tx, HANDOFFS)?;
        tx.rollback().await?;
        store.close().await;
        let there: BTreeSet<i64> = signals.iter().map(|(id, _)| *id).collect();
        let handoffs = handoffs.into_iter().map(|(prospect, state, cause, findings, letters, items)| {
            let findings: Vec<serde_json::Value> = serde_json::from_str(&findings)?;
            let is_there = |citation: &serde_json::Value| citation["signal"].as_i64().is_some_and(|id| there.contains(&id));
            let is_cited = |finding: &&serde_json::Value| {
                finding["verdict"] == "met" && finding["cites"].as_array().is_some_and(|cites| cites.iter().any(is_there))
            };
            let cited = findings.iter().filter(is_cited).count();
            let (letters, items) = (usize::try_from(letters)?, usize::try_from(items)?);
            Ok(Handoff { prospect, is_open: state != "closed", is_ready: cause == "ready", cited, letters, items })
        });
        let handoffs = handoffs.collect::<anyhow::Result<_>>()?;
        let stopped = stopped.into_iter().map(|(address, _)| format!("stop of {address}"));
        Ok((signals.into_iter().map(|(_, once)| once).chain(stopped).collect(), handoffs))
    }

    /// What the engine complains about.
    pub(crate) async fn complaints(&self) -> anyhow::Result<Vec<String>> {
        let store = self.open().await?;
        let complaints = integrity::complaints(&mut store.read().await?).await?;
        store.close().await;
        Ok(complaints)
    }
}
