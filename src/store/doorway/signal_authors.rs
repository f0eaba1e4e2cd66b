//! Who wrote a signal that is recorded of somebody else. Only an erasure asks for them.

use crate::domain::address::Address;
use crate::domain::id::{ProspectId, SignalId};
use crate::store::engine::backend::{StoreError, Tx, args};

const ADD: &str = "INSERT INTO signal_authors (address, signal_id) VALUES ($1, $2) ON CONFLICT (address, signal_id) DO NOTHING";
const BY: &str = "
    SELECT s.id, s.prospect_id, s.once FROM signal_authors a JOIN signals s ON s.id = a.signal_id
    WHERE a.address = $1 AND s.prospect_id IS NOT NULL ORDER BY s.id";
const REMOVE_BY: &str = "DELETE FROM signal_authors WHERE address = $1";
const REMOVE_OF: &str = "DELETE FROM signal_authors WHERE signal_id IN (SELECT s.id FROM signals s WHERE s.prospect_id = $1)";

/// A signal that somebody else wrote than the prospect it is recorded of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authored {
    pub signal: SignalId,
    pub prospect: ProspectId,
    pub once: String,
}

pub async fn add(tx: &mut Tx, author: &Address, signal: SignalId) -> Result<(), StoreError> {
    tx.execute(ADD, args![author, signal]).await.map(drop)
}

/// What this author wrote that is recorded of others.
pub async fn by(tx: &mut Tx, author: &Address) -> Result<Vec<Authored>, StoreError> {
    let rows: Vec<(i64, i64, String)> = tx.rows(BY, args![author]).await?;
    let authored = |(signal, prospect, once)| Authored { signal: SignalId(signal), prospect: ProspectId(prospect), once };
    Ok(rows.into_iter().map(authored).collect())
}

/// Forgets that this author wrote anything.
pub async fn remove_by(tx: &mut Tx, author: &Address) -> Result<(), StoreError> {
    tx.execute(REMOVE_BY, args![author]).await.map(drop)
}

/// Forgets who wrote what is recorded of a prospect.
pub async fn remove_of(tx: &mut Tx, prospect: ProspectId) -> Result<(), StoreError> {
    tx.execute(REMOVE_OF, args![prospect]).await.map(drop)
}
