//! The assessment queue: which prospects are to be assessed, and from when on. A signal adds an entry, and an assessment adds
//! one for the instant at which time alone changes a verdict; a prospect may have several. Entries are added and removed, never
//! changed, so that adding one waits for no other transaction.
//!
//! On PostgreSQL the transaction that assesses a prospect holds their row of `assessment_locks`. SQLite has one writer,
//! and leaves that table empty.

use crate::domain::id::ProspectId;
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::text_rows::{self, Columns};
use crate::store::engine::value::{ids, instant_or_none, to_json};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};

#[derive(Serialize)]
struct Entry {
    p: ProspectId,
    at: i64,
    /// Present only to require that all five criteria are met.
    met: Option<bool>,
}

/// When to assess a prospect after a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later {
    pub at: Timestamp,
    /// Whether to assess only if all five criteria are met: then any action of a person may be the new signal that is
    /// still missing.
    pub if_all_met: bool,
}

const ENQUEUE: &str = "
    INSERT INTO assessment_queue (prospect_id, due_at)
    SELECT CAST(e.value ->> 'p' AS BIGINT), CAST(e.value ->> 'at' AS BIGINT) FROM json_each($1) e
    WHERE e.value ->> 'met' IS NULL
       OR (SELECT COUNT(*) FROM verdicts v WHERE v.prospect_id = CAST(e.value ->> 'p' AS BIGINT) AND v.verdict = 'met') = 5
    UNION ALL
    SELECT DISTINCT c.id, CAST($3 AS BIGINT) FROM json_each($2) j
    JOIN prospects p ON p.id = CAST(j.value AS BIGINT) JOIN prospects c ON c.account_id = p.account_id
    WHERE c.id <> p.id AND c.address IS NOT NULL";
const ENQUEUE_EVERYBODY: &str = "
    INSERT INTO assessment_queue (prospect_id, due_at)
    SELECT DISTINCT prospect_id, CAST($1 AS BIGINT) FROM signals WHERE prospect_id IS NOT NULL
    UNION
    SELECT c.id, CAST($1 AS BIGINT) FROM prospects c
    WHERE c.account_id IN (SELECT p.account_id FROM prospects p WHERE p.speaks)";
/// All entries of the prospects of whom one is due.
const DUE: &str = "
    SELECT string_agg(format('%s\t%s', q.id, q.prospect_id), '\n') FROM assessment_queue q
    WHERE q.prospect_id IN (
        SELECT prospect_id FROM (SELECT prospect_id FROM assessment_queue WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2) page)";
const THERE: &str = "
    SELECT string_agg(format('%s', id), '\n') FROM assessment_queue WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
const TAKE: &str = "DELETE FROM assessment_queue WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
const LOCK: &str = "
    SELECT prospect_id FROM assessment_locks WHERE prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
    FOR UPDATE SKIP LOCKED";
/// In the order of ids, so that two transactions that add the same rows do not wait for each other in a circle.
const ADD_LOCKS: &str = "
    INSERT INTO assessment_locks (prospect_id) SELECT CAST(value AS BIGINT) FROM json_each($1) ORDER BY 1
    ON CONFLICT (prospect_id) DO NOTHING";
const PEEK: &str = "SELECT MIN(due_at) FROM assessment_queue";

/// Enqueues prospects, each to be assessed from an instant on.
pub async fn enqueue(tx: &mut Tx, due: impl IntoIterator<Item = (ProspectId, Timestamp)>) -> Result<(), StoreError> {
    let entries: Vec<Entry> = due.into_iter().map(|(p, at)| Entry { p, at: at.as_millisecond(), met: None }).collect();
    add(tx, &entries, &BTreeSet::new(), Timestamp::UNIX_EPOCH).await
}

/// Enqueues prospects of whom a signal came in, and, for now, the colleagues of those who stated something that may count for
/// them.
pub async fn enqueue_with_colleagues(
    tx: &mut Tx,
    later: &[(ProspectId, Later)],
    stated: &BTreeSet<ProspectId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    // What else the transaction of a signal does comes after this.
    tx.by_key().await?;
    let entry = |(p, later): &(ProspectId, Later)| {
        let met = later.if_all_met.then_some(true);
        Entry { p: *p, at: later.at.as_millisecond(), met }
    };
    add(tx, &later.iter().map(entry).collect::<Vec<_>>(), stated, now).await
}

async fn add(tx: &mut Tx, entries: &[Entry], stated: &BTreeSet<ProspectId>, now: Timestamp) -> Result<(), StoreError> {
    if entries.is_empty() && stated.is_empty() {
        return Ok(());
    }
    tx.execute(ENQUEUE, args![to_json(&entries)?, ids(stated)?, now]).await.map(drop)
}

/// Enqueues, after a change of the rules, every prospect with a signal, and those for whom a colleague's may count.
/// Returns how many.
pub async fn enqueue_everybody(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(ENQUEUE_EVERYBODY, args![now]).await
}

/// Locks those of these prospects whom no other transaction has locked.
async fn lock_now(tx: &mut Tx, whom: &[ProspectId]) -> Result<BTreeSet<ProspectId>, StoreError> {
    if !tx.is_shared() {
        return Ok(whom.iter().copied().collect());
    }
    let mut locked = lock_free(tx, whom).await?;
    if locked.len() < whom.len() {
        // The prospects without a row yet, or whom another transaction has locked.
        let rest: Vec<ProspectId> = whom.iter().copied().filter(|p| !locked.contains(p)).collect();
        tx.execute(ADD_LOCKS, args![ids(&rest)?]).await?;
        locked.extend(lock_free(tx, &rest).await?);
    }
    Ok(locked)
}

async fn lock_free(tx: &mut Tx, whom: &[ProspectId]) -> Result<BTreeSet<ProspectId>, StoreError> {
    let locked: Vec<(i64,)> = tx.rows(LOCK, args![ids(whom)?]).await?;
    Ok(locked.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// Entries of prospects who are due, read together with what these entries came with.
#[derive(Debug, Default)]
pub struct Due(BTreeMap<ProspectId, Vec<i64>>);

impl Due {
    pub fn prospects(&self) -> Vec<ProspectId> {
        self.0.keys().copied().collect()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Every entry of the prospects to whom the first `most` due entries belong.
pub async fn due(tx: &mut Tx, most: i64, now: Timestamp) -> Result<Due, StoreError> {
    tx.by_key().await?;
    let mut due = Due::default();
    let entries = text_rows::read(tx, DUE, args![now, most], |columns| Ok((columns.number()?, columns.number()?))).await?;
    for (entry, prospect) in entries {
        due.0.entry(ProspectId(prospect)).or_default().push(entry);
    }
    Ok(due)
}

/// Locks prospects and removes the entries that were read of them. Returns, in the order of ids, those who are locked and
/// whose entries were all still there: no other transaction has concluded anything about them since, and a signal that came
/// meanwhile has left an entry that stays. The others are passed over: whoever removed their entries knew as much; if an entry
/// was left, they are enqueued for now. `None` if other transactions have locked all of them.
pub async fn take(tx: &mut Tx, due: &Due, now: Timestamp) -> Result<Option<Vec<ProspectId>>, StoreError> {
    tx.by_key().await?;
    let locked = lock_now(tx, &due.prospects()).await?;
    if locked.is_empty() {
        return Ok(None);
    }
    let entries = ids(locked.iter().flat_map(|id| &due.0[id]))?;
    let there: HashSet<i64> = text_rows::read(tx, THERE, args![entries.clone()], |columns: &mut Columns<'_>| columns.number())
        .await?
        .into_iter()
        .collect();
    tx.execute(TAKE, args![entries]).await?;
    let left = |id: &&ProspectId| due.0[*id].iter().filter(|entry| there.contains(entry)).count();
    let (taken, others): (Vec<&ProspectId>, Vec<&ProspectId>) = locked.iter().partition(|id| left(id) == due.0[*id].len());
    enqueue(tx, others.into_iter().filter(|id| left(id) > 0).map(|id| (*id, now))).await?;
    Ok(Some(taken.into_iter().copied().collect()))
}

/// When the first entry is due.
pub async fn peek(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let row: Option<(Option<i64>,)> = tx.row(PEEK, args![]).await?;
    instant_or_none(row.and_then(|(at,)| at))
}
