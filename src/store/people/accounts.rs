//! Accounts: companies, known by their mail domain.

use crate::domain::id::{AccountId, Name, ProspectId};
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::text_rows::{self, Columns};
use crate::store::engine::value::{ids, name, to_json};
use serde::Serialize;
use std::collections::BTreeMap;

/// A company as an import or a form names it.
#[derive(Debug, Serialize)]
pub struct Company<'a> {
    pub domain: &'a str,
    pub name: Option<&'a str>,
}

const ADD: &str = "
    INSERT INTO accounts (domain, name)
    SELECT value ->> 'domain', MIN(value ->> 'name') FROM json_each($1) GROUP BY value ->> 'domain' ORDER BY 1
    ON CONFLICT (domain) DO UPDATE SET name = COALESCE(accounts.name, excluded.name)
    RETURNING domain, id";
/// The salesperson to whom the account was given; else of a colleague: who has one, then who won one, then who had one or was given one
/// by a list; among several the one of the newest colleague.
macro_rules! colleagues_salesperson {
    ($standing:literal) => {
        concat!(
            "(SELECT c.salesperson FROM prospects c
              WHERE c.account_id = p.account_id AND c.standing = '",
            $standing,
            "' AND c.salesperson IS NOT NULL AND c.id <> p.id AND c.address IS NOT NULL ORDER BY c.id DESC LIMIT 1)"
        )
    };
}
const OWNERS: &str = concat!(
    "
    SELECT p.id, COALESCE(a.salesperson, ",
    colleagues_salesperson!("owned"),
    ", ",
    colleagues_salesperson!("offered"),
    ", ",
    colleagues_salesperson!("closed"),
    ", ",
    colleagues_salesperson!("nurturing"),
    ")
    FROM prospects p JOIN accounts a ON a.id = p.account_id WHERE p.id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))"
);
const OF: &str = "
    SELECT string_agg(format('%s\t%s', id, account_id), '\n') FROM prospects
    WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) AND address IS NOT NULL";
const OWN: &str = "UPDATE accounts SET salesperson = $2 WHERE id = $1";

/// Finds or makes the accounts of these domains. A name already known is kept.
pub async fn find_or_add(tx: &mut Tx, companies: &[Company<'_>]) -> Result<BTreeMap<String, AccountId>, StoreError> {
    let rows: Vec<(String, i64)> = tx.rows(ADD, args![to_json(companies)?]).await?;
    Ok(rows.into_iter().map(|(domain, id)| (domain, AccountId(id))).collect())
}

/// The account each of these prospects belongs to, without erased prospects.
pub async fn of(tx: &mut Tx, prospects: &[ProspectId]) -> Result<Vec<(ProspectId, Option<AccountId>)>, StoreError> {
    let row = |columns: &mut Columns<'_>| Ok((ProspectId(columns.number()?), columns.number_or_none()?.map(AccountId)));
    text_rows::read(tx, OF, args![ids(prospects)?], row).await
}

/// The salesperson whose account this prospect belongs to: to whom it was given, or who has a colleague of theirs.
pub async fn owner(tx: &mut Tx, prospect: ProspectId) -> Result<Option<Name>, StoreError> {
    Ok(owners(tx, &[prospect]).await?.remove(&prospect))
}

/// The salesperson of the account of each of these prospects, where there is one.
pub async fn owners(tx: &mut Tx, of: &[ProspectId]) -> Result<BTreeMap<ProspectId, Name>, StoreError> {
    let rows: Vec<(i64, Option<String>)> = tx.rows(OWNERS, args![ids(of)?]).await?;
    let known = rows.into_iter().filter_map(|(id, owner)| Some((id, owner?)));
    known.map(|(id, owner)| Ok((ProspectId(id), name(&owner).in_row("accounts of prospects", id)?))).collect()
}

/// Gives the account to a salesperson.
pub async fn own(tx: &mut Tx, account: AccountId, salesperson: &Name) -> Result<(), StoreError> {
    tx.execute_one(OWN, args![account, salesperson]).await
}
