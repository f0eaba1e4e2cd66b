//! Former addresses: what comes from one, or is said of one, is about the prospect whose it was.

use crate::domain::address::Address;
use crate::domain::id::{AccountId, ProspectId};
use crate::domain::prospect::Standing;
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::journal::What;
use crate::store::engine::value::{address, texts, word};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Why an address is no longer a prospect's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Changed,
    /// Their other row was merged.
    Merged,
}

impl Cause {
    const fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Merged => "merged",
        }
    }
}

const ADD: &str = "
    INSERT INTO former_addresses (address, prospect_id, cause, recorded_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (address) DO UPDATE SET prospect_id = excluded.prospect_id, cause = excluded.cause, recorded_at = excluded.recorded_at";
const REMOVE: &str = "DELETE FROM former_addresses WHERE address = $1";
const OF: &str = "SELECT address FROM former_addresses WHERE prospect_id = $1 ORDER BY recorded_at, address";
const CURRENT: &str = "
    SELECT f.address, p.address FROM former_addresses f JOIN prospects p ON p.id = f.prospect_id
    WHERE p.address IS NOT NULL AND f.address IN (SELECT value ->> 'text' FROM json_each($1))";
const PASS_ON: &str = "UPDATE former_addresses SET prospect_id = $2 WHERE prospect_id = $1";
const PERSON: &str = "
    SELECT p.id, p.address, p.tracking_consent FROM prospects p
    WHERE p.id = COALESCE((SELECT m.into_id FROM merged_prospects m WHERE m.prospect_id = $1), $1) AND p.address IS NOT NULL";
const SET_ADDRESS: &str = "UPDATE prospects SET address = $2, account_id = $3 WHERE id = $1 RETURNING standing";

/// Notes an address that was a prospect's.
pub async fn add(tx: &mut Tx, of: ProspectId, address: &Address, cause: Cause, now: Timestamp) -> Result<(), StoreError> {
    tx.execute_one(ADD, args![address, of, cause.word(), now]).await
}

/// Takes an address off: it is somebody's own again.
pub async fn remove(tx: &mut Tx, address: &Address) -> Result<(), StoreError> {
    tx.execute(REMOVE, args![address]).await.map(drop)
}

/// A prospect's former addresses, oldest first.
pub async fn of(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<Address>, StoreError> {
    let rows: Vec<(String,)> = tx.rows(OF, args![prospect]).await?;
    rows.iter().map(|(text,)| address(text).in_row("former_addresses", format_args!("of prospect {prospect}"))).collect()
}

/// Which of these addresses are former ones, each with the address that its prospect has now.
pub async fn current(tx: &mut Tx, of: &[&Address]) -> Result<BTreeMap<Address, Address>, StoreError> {
    let rows: Vec<(String, String)> = tx.rows(CURRENT, args![texts(of.iter().map(|a| a.as_str()))?]).await?;
    let parsed = |text: &String| address(text).in_row("former_addresses", "with its current one");
    rows.iter().map(|(former, now)| Ok((parsed(former)?, parsed(now)?))).collect()
}

/// A person as their number finds them.
#[derive(Debug, Clone)]
pub struct Person {
    /// Of a row that was merged, the number of the kept one.
    pub id: ProspectId,
    pub address: Address,
    /// Whether they consent to being tracked.
    pub consents: bool,
}

/// The person with this number, or the one their row was merged into; `None` for nobody, and for one without an address.
pub async fn person(tx: &mut Tx, number: ProspectId) -> Result<Option<Person>, StoreError> {
    let row: Option<(i64, String, bool)> = tx.row(PERSON, args![number]).await?;
    row.map(|(id, own, consents)| Ok(Person { id: ProspectId(id), address: address(&own).in_row("prospects", id)?, consents }))
        .transpose()
}

/// Gives one prospect's former addresses to another.
pub async fn pass_on(tx: &mut Tx, from: ProspectId, to: ProspectId) -> Result<(), StoreError> {
    tx.execute(PASS_ON, args![from, to]).await.map(drop)
}

/// Gives a prospect an address that nobody has, with the account of its domain.
///
/// # Errors
/// Also when another prospect has the address.
pub async fn set_own(tx: &mut Tx, prospect: ProspectId, address: &Address, account: Option<AccountId>) -> Result<(), StoreError> {
    let (standing,): (String,) = tx.one(SET_ADDRESS, args![prospect, address, account]).await?;
    let standing = word("standing", &standing, Standing::parse).in_row("prospects", prospect)?;
    if matches!(standing, Standing::Offered | Standing::Owned | Standing::Closed) {
        // The stop journal knows standings by address: a restored database must find this one.
        tx.notes().say(address.to_string(), What::Stands { standing });
    }
    Ok(())
}
