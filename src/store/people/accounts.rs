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
/// Of the newest colleague in this standing who has a salesperson.
macro_rules! colleagues {
    ($column:literal, $standing:literal) => {
        concat!(
            "(SELECT ",
            $column,
            " FROM prospects c WHERE c.account_id = p.account_id AND c.standing = '",
            $standing,
            "' AND c.salesperson IS NOT NULL AND c.id <> p.id AND c.address IS NOT NULL ORDER BY c.id DESC LIMIT 1)"
        )
    };
}
const OWNERS: &str = concat!(
    "
    SELECT p.id, COALESCE(a.salesperson, ",
    colleagues!("c.salesperson", "owned"),
    "), ",
    colleagues!("c.id", "offered"),
    ", ",
    colleagues!("c.salesperson", "offered"),
    ", COALESCE(",
    colleagues!("c.salesperson", "closed"),
    ", ",
    colleagues!("c.salesperson", "nurturing"),
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

/// Who may own the account of a prospect, the first there is: to whom it was given, or who has a colleague of theirs as a lead; to whom
/// one is offered; who won one, had one before, or was given one by a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners {
    has: Option<Name>,
    /// The newest colleague who is offered, and to whom.
    offered: Option<(ProspectId, Name)>,
    had: Option<Name>,
}

impl Owners {
    /// The salesperson whose account it is.
    pub fn first(&self) -> Option<&Name> {
        self.has.as_ref().or(self.offered.as_ref().map(|(_, to)| to)).or(self.had.as_ref())
    }

    /// As if a colleague were offered, too.
    pub fn offer(&mut self, colleague: ProspectId, to: &Name) {
        if self.offered.as_ref().is_none_or(|(newest, _)| *newest < colleague) {
            self.offered = Some((colleague, to.clone()));
        }
    }
}

/// The salesperson whose account this prospect belongs to.
pub async fn owner(tx: &mut Tx, prospect: ProspectId) -> Result<Option<Name>, StoreError> {
    Ok(owners(tx, &[prospect]).await?.remove(&prospect).and_then(|owners| owners.first().cloned()))
}

/// Who may own the accounts of these prospects, if they have one.
pub async fn owners(tx: &mut Tx, of: &[ProspectId]) -> Result<BTreeMap<ProspectId, Owners>, StoreError> {
    type Row = (i64, Option<String>, Option<i64>, Option<String>, Option<String>);
    let rows: Vec<Row> = tx.rows(OWNERS, args![ids(of)?]).await?;
    rows.into_iter()
        .map(|(id, has, colleague, offered, had)| {
            let named = |text: Option<String>| text.map(|text| name(&text)).transpose().in_row("accounts of prospects", id);
            let offered = colleague.map(ProspectId).zip(named(offered)?);
            Ok((ProspectId(id), Owners { has: named(has)?, offered, had: named(had)? }))
        })
        .collect()
}

/// Gives the account to a salesperson.
pub async fn own(tx: &mut Tx, account: AccountId, salesperson: &Name) -> Result<(), StoreError> {
    tx.execute_one(OWN, args![account, salesperson]).await
}
