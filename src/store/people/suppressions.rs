//! Suppressions: addresses that must not be used, per channel. A stop is also written into the prospect's row, which
//! the last check before a send reads and locks.

use super::erasure_keys;
use crate::domain::address::Address;
use crate::domain::suppression::{Channel, StopReason};
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::journal::What;
use crate::store::engine::record::record;
use crate::store::engine::value::{instant, texts, to_json, word};
use jiff::Timestamp;
use serde::Serialize;

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
    /// Which address (a hash after erasure).
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
      AND (SELECT COUNT(DISTINCT s.channel) FROM suppressions s
           WHERE s.address IN (SELECT value ->> 'text' FROM json_each($2)) AND s.lifted_at IS NULL) < 2";
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
    UPDATE prospects SET mail_stop = (SELECT MIN(CASE WHEN s.address = $1 THEN s.reason ELSE $3 END) FROM suppressions s
        WHERE s.address IN (SELECT value ->> 'text' FROM json_each($2)) AND s.channel = $4 AND s.lifted_at IS NULL)
    WHERE address = $1";
/// The other addresses, former ones and the present one, of the people who have or had one of these.
const OTHERS: &str = "
    WITH given AS (SELECT value ->> 'text' AS address FROM json_each($1)),
    theirs AS (
        SELECT g.address, f.prospect_id FROM given g JOIN former_addresses f ON f.address = g.address
        UNION ALL
        SELECT g.address, p.id FROM given g JOIN prospects p ON p.address = g.address)
    SELECT t.address, f.address FROM theirs t JOIN former_addresses f ON f.prospect_id = t.prospect_id AND f.address <> t.address
    UNION ALL
    SELECT t.address, p.address FROM theirs t JOIN prospects p ON p.id = t.prospect_id AND p.address <> t.address";

/// What stopped an address at an instant: the channels, each with a reason.
pub async fn in_force_at(tx: &mut Tx, address: &Address, at: Timestamp) -> Result<Vec<(Channel, StopReason)>, StoreError> {
    let rows: Vec<(String, String)> = tx.rows(IN_FORCE_AT, args![address, at]).await?;
    rows.iter().map(|(on, why)| Ok((channel(on)?, reason(why)?))).collect()
}

/// Adds suppressions; one already in force is kept as it is. Prospects of these addresses stop at once. What a person said holds
/// for every address of theirs, former ones too; a mailbox that is gone is one address's. Returns how many are new.
pub async fn add(tx: &mut Tx, stops: &[Stop], now: Timestamp) -> Result<u64, StoreError> {
    if stops.is_empty() {
        return Ok(0);
    }
    let mut stops = stops.to_vec();
    stops.extend(of_the_person(tx, &stops).await?);
    let rows = to_json(&stops)?;
    for stop in &stops {
        let what = What::Stopped { channel: stop.channel, reason: stop.reason, source: stop.source.clone() };
        tx.notes().say(stop.address.clone(), what);
    }
    let new = tx.execute(ADD, args![rows.clone(), now]).await?;
    tx.execute(STOP_PROSPECTS, args![rows.clone(), Channel::Email.word()]).await?;
    tx.execute(SUPPRESS_PROSPECTS, args![rows]).await?;
    Ok(new)
}

/// The same stops at the other addresses of the people concerned.
async fn of_the_person(tx: &mut Tx, stops: &[Stop]) -> Result<Vec<Stop>, StoreError> {
    let theirs: Vec<&Stop> = stops.iter().filter(|stop| stop.reason.follows_the_person()).collect();
    if theirs.is_empty() {
        return Ok(Vec::new());
    }
    let others: Vec<(String, String)> = tx.rows(OTHERS, args![texts(theirs.iter().map(|stop| &stop.address))?]).await?;
    let at = |(given, other): &(String, String)| {
        let (given, other) = (given.clone(), other.clone());
        theirs
            .iter()
            .filter(move |stop| stop.address == given)
            .map(move |stop| Stop { address: other.clone(), ..(*stop).clone() })
    };
    Ok(others.iter().flat_map(at).collect())
}

/// Stops at a prospect's new address what was stopped at an old one in their own name, and reads from the new address alone
/// whether they may be mailed: a mailbox that is gone is the old address's.
pub async fn follow(tx: &mut Tx, old: &Address, new: &Address, now: Timestamp) -> Result<u64, StoreError> {
    let stops = of(tx, &[old]).await?.into_iter().filter(|s| s.address == old.as_str() && s.reason.follows_the_person());
    let follows = |s: Suppression| Stop { address: new.to_string(), channel: s.channel, reason: s.reason, source: s.source };
    let stops: Vec<Stop> = stops.map(follows).collect();
    let new_stops = add(tx, &stops, now).await?;
    resume(tx, new, Channel::Email).await?;
    tx.execute(SUPPRESS_PROSPECTS, args![to_json(&[serde_json::json!({ "address": new })])?]).await?;
    Ok(new_stops)
}

/// The suppressions in force for any of these addresses, erased ones included.
pub async fn of(tx: &mut Tx, addresses: &[&Address]) -> Result<Vec<Suppression>, StoreError> {
    let hashes = erasure_keys::load(tx).await?;
    let wanted = texts(addresses.iter().flat_map(|a| hashes.all(a).into_iter().chain([a.to_string()])))?;
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
        resume(tx, address, channel).await?;
    }
    Ok(lifted)
}

/// Reads from what is in force for the address, and for its hash, whether its prospect is stopped.
async fn resume(tx: &mut Tx, address: &Address, channel: Channel) -> Result<(), StoreError> {
    let hashes = erasure_keys::load(tx).await?;
    let under = texts(hashes.all(address).into_iter().chain([address.to_string()]))?;
    tx.execute(UNSUPPRESS_PROSPECT, args![address, under.clone()]).await?;
    if channel == Channel::Email {
        tx.execute(RESUME_PROSPECT, args![address, under, StopReason::Erased.word(), channel.word()]).await?;
    }
    Ok(())
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
