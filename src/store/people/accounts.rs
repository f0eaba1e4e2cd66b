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
const OWNER: &str = "SELECT salesperson FROM accounts WHERE id = $1 AND salesperson IS NOT NULL";
const OWNERS: &str = "
    SELECT id, salesperson FROM accounts
    WHERE salesperson IS NOT NULL AND id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
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

/// The salesperson whose account it is.
pub async fn owner(tx: &mut Tx, account: AccountId) -> Result<Option<Name>, StoreError> {
    let row: Option<(String,)> = tx.row(OWNER, args![account]).await?;
    row.map(|(id,)| name(&id).in_row("accounts", account)).transpose()
}

/// The salesperson of each of these accounts that has one.
pub async fn owners(tx: &mut Tx, of: &[AccountId]) -> Result<BTreeMap<AccountId, Name>, StoreError> {
    let rows: Vec<(i64, String)> = tx.rows(OWNERS, args![ids(of)?]).await?;
    rows.into_iter().map(|(id, owner)| Ok((AccountId(id), name(&owner).in_row("accounts", id)?))).collect()
}

/// Gives the account to a salesperson.
pub async fn own(tx: &mut Tx, account: AccountId, salesperson: &Name) -> Result<(), StoreError> {
    tx.execute_one(OWN, args![account, salesperson]).await
}
