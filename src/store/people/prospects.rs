//! Prospects, with their fields and tags.

use super::{audience_changes, former_addresses, verdicts};
use crate::domain::address::Address;
use crate::domain::id::{AccountId, Name, ProspectId};
use crate::domain::prospect::{Prospect, Standing, comparable};
use crate::domain::suppression::StopReason;
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args, locking};
use crate::store::engine::journal::What;
use crate::store::engine::record::record;
use crate::store::engine::value::{address, ids, instant, instant_or_none, name, texts, to_json, word};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A prospect to add.
#[derive(Debug, Serialize)]
pub struct NewProspect<'a> {
    pub address: &'a str,
    #[serde(flatten)]
    pub details: Details<'a>,
    /// Why group mail may not start, if it may not.
    pub mail_stop: Option<StopReason>,
}

/// Details of a prospect; an absent one changes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Details<'a> {
    pub name: Option<&'a str>,
    pub phone: Option<&'a str>,
    pub company: Option<&'a str>,
    pub account: Option<AccountId>,
    pub salesperson: Option<&'a str>,
}

/// A field to set, or to empty.
#[derive(Debug, Serialize)]
pub struct FieldChange<'a> {
    pub prospect: ProspectId,
    pub name: &'a str,
    /// Canonical text; `None` empties it.
    pub value: Option<&'a str>,
}

struct Row {
    id: i64,
    address: Option<String>,
    name: Option<String>,
    phone: Option<String>,
    company: Option<String>,
    account_id: Option<i64>,
    standing: String,
    episode: i64,
    episode_started_at: i64,
    wake_at: Option<i64>,
    review_after: Option<i64>,
    mail_stop: Option<String>,
    tracking_consent: bool,
    salesperson: Option<String>,
}

record!(Row {
    id,
    address,
    name,
    phone,
    company,
    account_id,
    standing,
    episode,
    episode_started_at,
    wake_at,
    review_after,
    mail_stop,
    tracking_consent,
    salesperson
});

const LOAD: &str = "
    SELECT id, address, name, phone, company, account_id, standing, episode, episode_started_at, wake_at, review_after,
           mail_stop, tracking_consent, salesperson
    FROM prospects WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) ORDER BY id";
const FIELDS: &str = "
    SELECT prospect_id, name, value FROM prospect_fields
    WHERE prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
const TAGS: &str = "
    SELECT prospect_id, tag FROM prospect_tags
    WHERE prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
/// A prospect's own address goes before a former one, and is read last.
const BY_ADDRESS: &str = "
    SELECT address, prospect_id FROM former_addresses WHERE address IN (SELECT value ->> 'text' FROM json_each($1))
    UNION ALL
    SELECT address, id FROM prospects WHERE address IN (SELECT value ->> 'text' FROM json_each($1))";
const PAGE: &str = "SELECT id FROM prospects WHERE id > $1 AND address IS NOT NULL ORDER BY id LIMIT $2";
const STANDING_PAGE: &str = "SELECT id FROM prospects WHERE id > $1 AND standing = $3 ORDER BY id LIMIT $2";
const FIELD_NAMES: &str = "SELECT DISTINCT name FROM prospect_fields ORDER BY name";
const ADD: &str = "
    INSERT INTO prospects (address, name, phone, company, account_id, salesperson, mail_stop, episode_started_at, created_at)
    SELECT value ->> 'address', value ->> 'name', value ->> 'phone', value ->> 'company', CAST(value ->> 'account' AS BIGINT),
           value ->> 'salesperson', value ->> 'mail_stop', CAST($2 AS BIGINT), CAST($2 AS BIGINT)
    FROM json_each($1) WHERE TRUE ORDER BY key
    ON CONFLICT (address) DO NOTHING
    RETURNING address, id";
const UPDATE: &str = "
    UPDATE prospects SET name = COALESCE($2, name), phone = COALESCE($3, phone), company = COALESCE($4, company),
           account_id = COALESCE($5, account_id), salesperson = COALESCE($6, salesperson)
    WHERE id = $1";
const BLANKS: Sql = locking!("SELECT name, phone, company FROM prospects WHERE id = $1", "FOR UPDATE");
const FILL_BLANKS: &str = "
    UPDATE prospects SET name = COALESCE(name, $2), phone = COALESCE(phone, $3), company = COALESCE(company, $4) WHERE id = $1";
/// The language that a prospect chose on their own page stays theirs, whatever a list says.
const SET_FIELDS: &str = "
    INSERT INTO prospect_fields (prospect_id, name, value, folded, number)
    SELECT CAST(value ->> 'p' AS BIGINT), value ->> 'n', value ->> 'v', value ->> 'l', CAST(value ->> 'c' AS BIGINT)
    FROM json_each($1) WHERE CASE WHEN value ->> 'n' = 'language' THEN NOT EXISTS (
        SELECT 1 FROM preferences own WHERE own.prospect_id = CAST(value ->> 'p' AS BIGINT) AND own.language <> value ->> 'v') ELSE TRUE END
    ON CONFLICT (prospect_id, name) DO UPDATE SET value = excluded.value, folded = excluded.folded,
        number = excluded.number";
const EMPTY_FIELDS: &str = "
    DELETE FROM prospect_fields WHERE EXISTS (SELECT 1 FROM json_each($1) j
        WHERE CAST(j.value ->> 'p' AS BIGINT) = prospect_fields.prospect_id AND j.value ->> 'n' = prospect_fields.name)
      AND NOT (prospect_fields.name = 'language' AND EXISTS (
        SELECT 1 FROM preferences own WHERE own.prospect_id = prospect_fields.prospect_id AND own.language IS NOT NULL))";
const ADD_TAGS: &str = "
    INSERT INTO prospect_tags (prospect_id, tag)
    SELECT CAST(value ->> 'p' AS BIGINT), value ->> 't' FROM json_each($1) WHERE TRUE
    ON CONFLICT (prospect_id, tag) DO NOTHING";
const FIELD: &str = "SELECT value FROM prospect_fields WHERE prospect_id = $1 AND name = $2";
const LOCK: Sql = locking!("SELECT standing FROM prospects WHERE id = $1", "FOR UPDATE");
const SET_STANDING: &str = "
    UPDATE prospects SET standing = $2, salesperson = COALESCE($3, salesperson), review_after = NULL WHERE id = $1
    RETURNING address";
/// A prospect who was stopped on every channel meanwhile is not nurtured again.
const RETURN_TO_NURTURE: &str = "
    UPDATE prospects SET standing = CASE
               WHEN (SELECT COUNT(*) FROM suppressions s WHERE s.address = prospects.address AND s.lifted_at IS NULL) = 2
               THEN 'suppressed' ELSE 'nurturing' END, episode = episode + 1, episode_started_at = $2, wake_at = $3
    WHERE id = $1 AND standing IN ('offered', 'owned') RETURNING address, standing";
const SUPPRESS: &str = "
    UPDATE prospects SET standing = 'suppressed'
    WHERE standing = 'nurturing' AND id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
const ADMITTED: &str = "SELECT created_at FROM prospects WHERE id = $1";
const SET_WAKE: &str = "UPDATE prospects SET wake_at = $2 WHERE id = $1";
const FLAG_SPEAKERS: &str = "
    UPDATE prospects SET speaks = TRUE
    WHERE NOT speaks AND id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";

/// Flags prospects who stated something that may count for colleagues: an assessment of a colleague reads their signals.
pub async fn flag_speakers(tx: &mut Tx, of: &[ProspectId]) -> Result<(), StoreError> {
    if of.is_empty() { Ok(()) } else { tx.execute(FLAG_SPEAKERS, args![ids(of)?]).await.map(drop) }
}

/// Loads prospects with their fields and tags, by id.
pub async fn load(tx: &mut Tx, of: &[ProspectId]) -> Result<Vec<Prospect>, StoreError> {
    let wanted = ids(of)?;
    let rows: Vec<Row> = tx.rows(LOAD, args![wanted.clone()]).await?;
    let mut fields: BTreeMap<i64, BTreeMap<Name, String>> = BTreeMap::new();
    for (id, field, value) in tx.rows::<(i64, String, String)>(FIELDS, args![wanted.clone()]).await? {
        fields.entry(id).or_default().insert(name(&field).in_row("prospect_fields", format_args!("of prospect {id}"))?, value);
    }
    let mut tags: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for (id, tag) in tx.rows::<(i64, String)>(TAGS, args![wanted]).await? {
        tags.entry(id).or_default().insert(tag);
    }
    let mut known = verdicts::of(tx, of).await?;
    rows.into_iter()
        .map(|row| {
            let (fields, tags) = (fields.remove(&row.id).unwrap_or_default(), tags.remove(&row.id).unwrap_or_default());
            let known = known.remove(&ProspectId(row.id)).unwrap_or_default();
            row.into_prospect(fields, tags, known)
        })
        .collect()
}

/// One prospect.
///
/// # Errors
/// Also when there is no such row.
pub async fn one(tx: &mut Tx, id: ProspectId) -> Result<Prospect, StoreError> {
    load(tx, &[id]).await?.pop().ok_or(StoreError::Rows { expected: 1, found: 0 })
}

/// When a prospect came in.
///
/// # Errors
/// Also when there is no such row.
pub async fn admitted_at(tx: &mut Tx, id: ProspectId) -> Result<Timestamp, StoreError> {
    instant(tx.number(ADMITTED, args![id]).await?).in_row("prospects", id)
}

/// Which of these addresses are prospects', or were.
pub async fn by_address(tx: &mut Tx, addresses: &[&Address]) -> Result<BTreeMap<Address, ProspectId>, StoreError> {
    found(tx.rows(BY_ADDRESS, args![texts(addresses.iter().map(|a| a.as_str()))?]).await?)
}

/// The ids of the next prospects after `after`, erased ones left out.
pub async fn page(tx: &mut Tx, after: ProspectId, most: i64) -> Result<Vec<ProspectId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(PAGE, args![after, most]).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// The ids of the next prospects after `after` with this standing.
pub async fn page_of(tx: &mut Tx, standing: Standing, after: ProspectId, most: i64) -> Result<Vec<ProspectId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(STANDING_PAGE, args![after, most, standing.word()]).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// Every field that at least one prospect has a value of, by name.
pub async fn field_names(tx: &mut Tx) -> Result<Vec<Name>, StoreError> {
    let rows: Vec<(String,)> = tx.rows(FIELD_NAMES, args![]).await?;
    rows.iter().map(|(field,)| name(field).in_row("prospect_fields", format_args!("named {field:?}"))).collect()
}

/// Adds prospects whose addresses are new; returns those added.
pub async fn add(tx: &mut Tx, new: &[NewProspect<'_>], now: Timestamp) -> Result<BTreeMap<Address, ProspectId>, StoreError> {
    if new.is_empty() {
        return Ok(BTreeMap::new());
    }
    found(tx.rows(ADD, args![to_json(new)?, now]).await?)
}

/// Sets the details that are given.
pub async fn update(tx: &mut Tx, id: ProspectId, details: &Details<'_>) -> Result<(), StoreError> {
    let values = args![id, details.name, details.phone, details.company, details.account, details.salesperson];
    tx.execute_one(UPDATE, values).await
}

/// Sets those of the details name, phone and company that are blank, and returns which were: no value on record changes.
pub async fn fill_blanks(tx: &mut Tx, id: ProspectId, details: &Details<'_>) -> Result<BTreeSet<String>, StoreError> {
    let (name, phone, company): (Option<String>, Option<String>, Option<String>) = tx.one(BLANKS, args![id]).await?;
    let said = [("name", name, details.name), ("phone", phone, details.phone), ("company", company, details.company)];
    let blank = said.into_iter().filter(|(_, known, said)| known.is_none() && said.is_some());
    let filled: BTreeSet<String> = blank.map(|(what, ..)| what.to_owned()).collect();
    if !filled.is_empty() {
        tx.execute_one(FILL_BLANKS, args![id, details.name, details.phone, details.company]).await?;
    }
    Ok(filled)
}

/// Sets fields, and empties those without a value. Of two changes to one field the later one counts.
pub async fn set_fields(tx: &mut Tx, changes: &[FieldChange<'_>]) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Set<'a> {
        p: ProspectId,
        n: &'a str,
        v: Option<&'a str>,
        l: Option<String>,
        c: Option<i64>,
    }
    // One statement cannot change a row twice on PostgreSQL.
    let last: BTreeMap<(ProspectId, &str), Option<&str>> = changes.iter().map(|c| ((c.prospect, c.name), c.value)).collect();
    let rows = last.into_iter().map(|((p, n), v)| Set { p, n, v, l: v.map(str::to_lowercase), c: v.and_then(comparable) });
    let (set, emptied): (Vec<_>, Vec<_>) = rows.partition(|row| row.v.is_some());
    if !emptied.is_empty() {
        tx.execute(EMPTY_FIELDS, args![to_json(&emptied)?]).await?;
    }
    if !set.is_empty() {
        tx.execute(SET_FIELDS, args![to_json(&set)?]).await?;
    }
    audience_changes::note(tx, changes.iter().map(|change| change.prospect)).await
}

/// One field of a prospect, if it has a value.
pub async fn field(tx: &mut Tx, id: ProspectId, name: &str) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = tx.row(FIELD, args![id, name]).await?;
    Ok(row.map(|(value,)| value))
}

/// Adds tags; one already there stays. Returns how many are new.
pub async fn add_tags(tx: &mut Tx, tags: &[(ProspectId, &str)]) -> Result<u64, StoreError> {
    #[derive(Serialize)]
    struct Tag<'a> {
        p: ProspectId,
        t: &'a str,
    }
    if tags.is_empty() {
        return Ok(0);
    }
    let rows: Vec<Tag<'_>> = tags.iter().map(|(p, t)| Tag { p: *p, t }).collect();
    let added = tx.execute(ADD_TAGS, args![to_json(&rows)?]).await?;
    audience_changes::note(tx, tags.iter().map(|(prospect, _)| *prospect)).await?;
    Ok(added)
}

/// Locks the prospect's row until the transaction ends and says where they stand.
///
/// # Errors
/// Also when there is no such row.
pub async fn lock(tx: &mut Tx, id: ProspectId) -> Result<Standing, StoreError> {
    let (standing,): (String,) = tx.one(LOCK, args![id]).await?;
    word("standing", &standing, Standing::parse).in_row("prospects", id)
}

/// Moves a prospect to a standing; `salesperson` becomes the one who had them last.
pub async fn set_standing(tx: &mut Tx, id: ProspectId, standing: Standing, salesperson: Option<&Name>) -> Result<(), StoreError> {
    let (address,): (Option<String>,) = tx.one(SET_STANDING, args![id, standing.word(), salesperson]).await?;
    stands(tx, id, address, standing).await
}

/// Back to nurture: a new episode begins, with a wake date or without. A prospect who was stopped on every channel meanwhile
/// is suppressed instead.
///
/// # Errors
/// Also when the prospect was neither offered nor owned.
pub async fn return_to_nurture(
    tx: &mut Tx,
    id: ProspectId,
    wake_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (address, standing): (_, String) = tx.one(RETURN_TO_NURTURE, args![id, now, wake_at]).await?;
    stands(tx, id, address, word("standing", &standing, Standing::parse).in_row("prospects", id)?).await
}

/// Suppresses those of these prospects who are nurturing: they are stopped on every channel.
pub async fn suppress(tx: &mut Tx, of: &[ProspectId]) -> Result<(), StoreError> {
    tx.execute(SUPPRESS, args![ids(of)?]).await.map(drop)
}

/// Only a nurturing prospect gets group mail, so a standing is a stop or the end of one, and goes into the stop journal; under their
/// former addresses too, because a backup may know them by one.
async fn stands(tx: &mut Tx, id: ProspectId, address: Option<String>, standing: Standing) -> Result<(), StoreError> {
    let former = former_addresses::of(tx, id).await?.into_iter().map(|former| former.to_string());
    for address in address.into_iter().chain(former) {
        tx.notes().say(address, What::Stands { standing });
    }
    Ok(())
}

/// Sets or clears the wake date.
pub async fn set_wake(tx: &mut Tx, id: ProspectId, wake_at: Option<Timestamp>) -> Result<(), StoreError> {
    tx.execute_one(SET_WAKE, args![id, wake_at]).await
}

impl Row {
    fn into_prospect(
        self,
        fields: BTreeMap<Name, String>,
        tags: BTreeSet<String>,
        verdicts: verdicts::VerdictsByCriterion,
    ) -> Result<Prospect, StoreError> {
        let id = self.id;
        self.read(fields, tags, verdicts).in_row("prospects", id)
    }

    fn read(
        self,
        fields: BTreeMap<Name, String>,
        tags: BTreeSet<String>,
        verdicts: verdicts::VerdictsByCriterion,
    ) -> Result<Prospect, StoreError> {
        Ok(Prospect {
            id: ProspectId(self.id),
            address: self.address.as_deref().map(address).transpose()?,
            name: self.name,
            phone: self.phone,
            company: self.company,
            account: self.account_id.map(AccountId),
            standing: word("standing", &self.standing, Standing::parse)?,
            episode: self.episode,
            episode_started_at: instant(self.episode_started_at)?,
            wake_at: instant_or_none(self.wake_at)?,
            review_after: instant_or_none(self.review_after)?,
            mail_stop: self.mail_stop.as_deref().map(|why| word("suppression reason", why, StopReason::parse)).transpose()?,
            tracking_consent: self.tracking_consent,
            previous_salesperson: self.salesperson.as_deref().map(name).transpose()?,
            fields,
            tags,
            verdicts,
        })
    }
}

fn found(rows: Vec<(String, i64)>) -> Result<BTreeMap<Address, ProspectId>, StoreError> {
    rows.into_iter().map(|(text, id)| Ok((address(&text).in_row("prospects", id)?, ProspectId(id)))).collect()
}
