//! Suppressions: addresses that must not be used, per channel. A stop is also written into the prospect's row, which
//! the last check before a send reads and locks.

use crate::domain::address::Address;
use crate::domain::suppression::{Channel, StopReason};
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::journal::What;
use crate::store::engine::record::record;
use crate::store::engine::value::{instant, texts, to_json, word};
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// An address that must not be used from now on.
#[derive(Debug, Clone, Serialize)]
pub struct Stop {
    pub address: String,
    pub channel: Channel,
    pub reason: StopReason,
    pub source: String,
}

/// A suppression in force.
#[derive(Debug, Clone, Serialize)]
pub struct Suppression {
    /// Which address (`sha256:…` after erasure).
    pub address: String,
    pub channel: Channel,
    pub reason: StopReason,
    pub source: String,
    #[serde(skip)]
    pub since: Timestamp,
}

struct Row {
    id: i64,
    address: String,
    channel: String,
    reason: String,
    source: String,
    suppressed_at: i64,
}

record!(Row { id, address, channel, reason, source, suppressed_at });

impl Row {
    fn into_suppression(self) -> Result<Suppression, StoreError> {
        let (table, id) = ("suppressions", self.id);
        Ok(Suppression {
            address: self.address,
            channel: channel(&self.channel).in_row(table, id)?,
            reason: reason(&self.reason).in_row(table, id)?,
            source: self.source,
            since: instant(self.suppressed_at).in_row(table, id)?,
        })
    }
}

const ADD: &str = "
    INSERT INTO suppressions (address, channel, reason, source, suppressed_at)
    SELECT value ->> 'address', value ->> 'channel', value ->> 'reason', value ->> 'source', CAST($2 AS BIGINT)
    FROM json_each($1) WHERE TRUE ORDER BY key
    ON CONFLICT (address, channel) WHERE lifted_at IS NULL DO NOTHING";
const STOP_PROSPECTS: &str = "
    UPDATE prospects SET mail_stop = (SELECT MIN(value ->> 'reason') FROM json_each($1)
                                      WHERE value ->> 'address' = prospects.address AND value ->> 'channel' = $2)
    WHERE mail_stop IS NULL AND address IN (SELECT value ->> 'address' FROM json_each($1) WHERE value ->> 'channel' = $2)";
/// Stopped on every channel, a prospect may not be approached at all.
const SUPPRESS_PROSPECTS: &str = "
    UPDATE prospects SET standing = 'suppressed'
    WHERE standing = 'nurturing' AND address IN (SELECT value ->> 'address' FROM json_each($1))
      AND (SELECT COUNT(DISTINCT s.channel) FROM suppressions s WHERE s.address = prospects.address AND s.lifted_at IS NULL) = 2";
/// Unless the other stops are on every channel too: those of an erased address stand under its hash.
const UNSUPPRESS_PROSPECT: &str = "
    UPDATE prospects SET standing = 'nurturing' WHERE address = $1 AND standing = 'suppressed'
      AND (SELECT COUNT(DISTINCT s.channel) FROM suppressions s WHERE s.address IN ($1, $2) AND s.lifted_at IS NULL) < 2";
const IN_FORCE: &str = "
    SELECT s.id, s.address, s.channel, s.reason, s.source, s.suppressed_at FROM suppressions s
    WHERE s.lifted_at IS NULL AND s.address IN (SELECT value ->> 'text' FROM json_each($1))";
const ALL: &str = "
    SELECT id, address, channel, reason, source, suppressed_at FROM suppressions WHERE lifted_at IS NULL
    ORDER BY suppressed_at, id";
const IN_FORCE_AT: &str = "
    SELECT channel, MIN(reason) FROM suppressions
    WHERE address = $1 AND suppressed_at <= $2 AND (lifted_at IS NULL OR lifted_at > $2) GROUP BY channel ORDER BY channel";
const LIFT: &str = "UPDATE suppressions SET lifted_at = $3 WHERE address = $1 AND channel = $2 AND lifted_at IS NULL";
const NOTE_LIFTED: &str = "UPDATE suppressions SET source = source || $4 WHERE address = $1 AND channel = $2 AND lifted_at = $3";
/// What else is in force for the address, under its hash too, goes on stopping the prospect. What stands under the hash, for
/// whatever reason it came there, is an erased person's.
const RESUME_PROSPECT: &str = "
    UPDATE prospects SET mail_stop = (SELECT MIN(CASE WHEN s.address = $2 THEN $3 ELSE s.reason END) FROM suppressions s
        WHERE s.address IN ($1, $2) AND s.channel = $4 AND s.lifted_at IS NULL)
    WHERE address = $1";

/// What stopped an address at an instant: the channels, each with a reason.
pub async fn in_force_at(tx: &mut Tx, address: &Address, at: Timestamp) -> Result<Vec<(Channel, StopReason)>, StoreError> {
    let rows: Vec<(String, String)> = tx.rows(IN_FORCE_AT, args![address, at]).await?;
    rows.iter().map(|(on, why)| Ok((channel(on)?, reason(why)?))).collect()
}

/// Adds suppressions; one already in force is kept as it is. Prospects of these addresses stop at once.
/// Returns how many are new.
pub async fn add(tx: &mut Tx, stops: &[Stop], now: Timestamp) -> Result<u64, StoreError> {
    if stops.is_empty() {
        return Ok(0);
    }
    let rows = to_json(stops)?;
    for stop in stops {
        let what = What::Stopped { channel: stop.channel, reason: stop.reason, source: stop.source.clone() };
        tx.notes().say(stop.address.clone(), what);
    }
    let new = tx.execute(ADD, args![rows.clone(), now]).await?;
    tx.execute(STOP_PROSPECTS, args![rows.clone(), Channel::Email.word()]).await?;
    tx.execute(SUPPRESS_PROSPECTS, args![rows]).await?;
    Ok(new)
}

/// The suppressions in force for any of these addresses, erased ones included.
pub async fn of(tx: &mut Tx, addresses: &[&Address]) -> Result<Vec<Suppression>, StoreError> {
    let wanted = texts(addresses.iter().flat_map(|a| [a.to_string(), erased(a)]))?;
    tx.rows::<Row>(IN_FORCE, args![wanted]).await?.into_iter().map(Row::into_suppression).collect()
}

/// When the owner of an address was forgotten at their wish, if they were: what stands under the hash of an address is an erased
/// person's.
pub async fn forgotten_at(tx: &mut Tx, address: &Address) -> Result<Option<Timestamp>, StoreError> {
    let stops = of(tx, &[address]).await?;
    let under_hash = || stops.iter().filter(|stop| stop.address != address.as_str());
    // Stops that were there before keep their dates under the hash.
    let erased = under_hash().filter(|stop| stop.reason == StopReason::Erased).map(|stop| stop.since).min();
    Ok(erased.or_else(|| under_hash().map(|stop| stop.since).max()))
}

/// Every suppression in force, oldest first.
pub async fn all(tx: &mut Tx) -> Result<Vec<Suppression>, StoreError> {
    tx.rows::<Row>(ALL, args![]).await?.into_iter().map(Row::into_suppression).collect()
}

/// Lifts a suppression. Returns whether there was one.
pub async fn lift(tx: &mut Tx, address: &Address, channel: Channel, now: Timestamp) -> Result<bool, StoreError> {
    let lifted = tx.execute(LIFT, args![address, channel.word(), now]).await? > 0;
    if lifted {
        tx.notes().say(address.to_string(), What::Lifted { channel });
        tx.execute(UNSUPPRESS_PROSPECT, args![address, erased(address)]).await?;
    }
    if lifted && channel == Channel::Email {
        tx.execute(RESUME_PROSPECT, args![address, erased(address), StopReason::Erased.word(), channel.word()]).await?;
    }
    Ok(lifted)
}

/// Notes beside what was lifted at `lifted_at` why it was.
pub async fn note_lifted(
    tx: &mut Tx,
    address: &Address,
    channel: Channel,
    words: &str,
    lifted_at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(NOTE_LIFTED, args![address, channel.word(), lifted_at, words]).await.map(drop)
}

fn channel(text: &str) -> Result<Channel, StoreError> {
    word("channel", text, Channel::parse)
}

fn reason(text: &str) -> Result<StopReason, StoreError> {
    word("suppression reason", text, StopReason::parse)
}

/// The hash that replaces an erased address: the same address is recognised, and cannot be recovered.
pub fn erased(address: &Address) -> String {
    let hash = Sha256::digest(address.as_str().as_bytes());
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&hash))
}
