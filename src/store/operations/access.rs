//! Access: everything that is kept of one person, table by table and row by row, for the person (GDPR, Articles 15 and 20).
//!
//! What others said stays theirs (Article 15(4)): the words of a colleague who answered or is cited are left out, and so are letters that
//! repeat them and mails of others. That there is something, its kind and its instant are handed out.

use super::access_tables::{By, TABLES, Table};
use super::authored::letter_of_stranger;
use super::erasures::{self, letter_about, letter_of_enquiry, letter_of_wish};
use super::reasons;
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::id::{EnquiryId, ProspectId};
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::json_row::JsonRow;
use crate::store::engine::value::{ids, texts};
use crate::store::people::erasure_keys;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Whose rows are handed out.
#[derive(Debug, Default)]
pub struct Person {
    /// Their prospect, and those that were merged into it.
    pub prospects: Vec<ProspectId>,
    /// Their address, and those they had.
    pub addresses: Vec<Address>,
    /// Hashes under which an erased one of these addresses stands.
    hashes: Vec<String>,
    /// What is recorded of them in somebody else's words: when, and the key by which a letter is found that passed it on.
    of_others: BTreeMap<i64, (i64, Option<String>)>,
    /// Handoffs that were opened with what a colleague of theirs said.
    citing: BTreeSet<i64>,
    letters: Vec<String>,
}

/// What stands in place of words that are somebody else's.
const WITHHELD: &str = "withheld: these are somebody else's words";

const OF_OTHERS: &str = "
    SELECT s.id, s.recorded_at, s.once FROM signals s
    WHERE s.prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
      AND EXISTS (SELECT 1 FROM signal_authors a
                  WHERE a.signal_id = s.id AND a.address NOT IN (SELECT value ->> 'text' FROM json_each($2)))";
const HANDOFFS: &str = "
    SELECT h.id, q.findings FROM handoffs h JOIN qualifications q ON q.id = h.qualification_id
    WHERE h.prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) AND q.findings LIKE '%\"of\":{%'";
const ENQUIRIES: &str = "
    SELECT id FROM enquiries
    WHERE prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) OR address IN (SELECT value ->> 'text' FROM json_each($2))";
const ASKED: &str = "
    SELECT message_id FROM pending_forms
    WHERE message_id IS NOT NULL AND address IN (SELECT value ->> 'text' FROM json_each($1))";

impl Person {
    /// Who is meant by an address: a prospect whose it is or was, or nobody but the address.
    pub async fn find(tx: &mut Tx, address: &Address, prospect: Option<ProspectId>) -> Result<Self, StoreError> {
        let mut person = Self { addresses: vec![address.clone()], ..Self::default() };
        if let Some(prospect) = prospect {
            person.prospects = [vec![prospect], erasures::merged_into(tx, prospect).await?].concat();
            person.addresses = erasures::addresses(tx, prospect).await?;
        }
        let hashes = erasure_keys::load(tx).await?;
        person.hashes = person.addresses.iter().flat_map(|address| hashes.all(address)).collect();
        let (theirs, addresses) = (person.ids()?, person.texts()?);
        for (id, recorded_at, once) in
            tx.rows::<(i64, i64, String)>(OF_OTHERS, args![theirs.as_str(), addresses.as_str()]).await?
        {
            let key = once.split_once(":mail:").map(|(_, key)| key.to_owned());
            person.of_others.insert(id, (recorded_at, key));
        }
        for (id, findings) in tx.rows::<(i64, String)>(HANDOFFS, args![theirs.as_str()]).await? {
            let mut findings = serde_json::from_str(&findings).unwrap_or_default();
            if person.withhold_citations(&mut findings) {
                person.citing.insert(id);
            }
        }
        let enquiries: Vec<(i64,)> = tx.rows(ENQUIRIES, args![theirs, addresses.as_str()]).await?;
        let asked: Vec<(String,)> = tx.rows(ASKED, args![addresses]).await?;
        let of_prospects = person.prospects.iter().flat_map(|id| [letter_about(*id), letter_of_wish(*id)]);
        let of_enquiries = enquiries.into_iter().map(|(id,)| letter_of_enquiry(EnquiryId(id)));
        // Any day: ten characters.
        let of_strangers = person.addresses.iter().map(|address| letter_of_stranger("____-__-__", address.as_str()));
        let begin = of_prospects.chain(of_enquiries).chain(of_strangers).map(|begins| format!("{begins}%"));
        person.letters = begin.chain(asked.into_iter().map(|(id,)| id)).collect();
        Ok(person)
    }

    fn ids(&self) -> Result<String, StoreError> {
        ids(&self.prospects)
    }

    fn texts(&self) -> Result<String, StoreError> {
        texts(self.addresses.iter().map(Address::as_str).chain(self.hashes.iter().map(String::as_str)))
    }

    /// Names the five findings about a prospect, and takes out what colleagues said, with their names. Returns whether there was any.
    pub fn withhold_citations(&self, findings: &mut Value) -> bool {
        if let Some(five) = findings.as_array_mut() {
            let named = Criterion::ALL.iter().map(|criterion| criterion.word().to_owned()).zip(five.drain(..));
            *findings = Value::Object(named.collect());
        }
        let cites = findings.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(|finding| finding.get_mut("cites"));
        let mut is_others = false;
        for cite in cites.filter_map(Value::as_array_mut).flatten() {
            let of = cite["of"]["prospect"].as_i64().map(ProspectId);
            let is_own = of.is_none_or(|of| self.prospects.contains(&of));
            if is_own && cite["signal"].as_i64().is_none_or(|signal| !self.of_others.contains_key(&signal)) {
                continue;
            }
            is_others = true;
            cite["words"] = WITHHELD.into();
            if !is_own {
                cite["of"] = "a colleague of theirs".into();
            }
        }
        is_others
    }

    /// Takes out of a row what is not theirs.
    fn withhold(&self, table: &str, row: &mut Map<String, Value>) {
        let number = |column: &str| row.get(column).and_then(Value::as_i64);
        let is_of_others = |column: &str| number(column).is_some_and(|id| self.of_others.contains_key(&id));
        let column = match table {
            "signals" if is_of_others("id") => "detail",
            "enquiries" if is_of_others("signal_id") => "said",
            "letters" if self.repeats_others(row) => "message",
            "unrecognised_mails" if !self.wrote(row.get("sender").and_then(Value::as_str).unwrap_or_default()) => "message",
            "qualifications" => {
                if let Some(findings) = row.get_mut("findings") {
                    self.withhold_citations(findings);
                }
                return;
            }
            _ => return,
        };
        row.insert(column.to_owned(), WITHHELD.into());
    }

    /// Whether a letter tells what somebody else said: a handoff's tells all that was said before it.
    fn repeats_others(&self, letter: &Map<String, Value>) -> bool {
        let text = |column: &str| letter.get(column).and_then(Value::as_str).unwrap_or_default();
        let message_id = text("message_id");
        let written_at = text("not_before").parse::<jiff::Timestamp>().map_or(i64::MAX, jiff::Timestamp::as_millisecond);
        let handoff = letter.get("handoff_id").and_then(Value::as_i64);
        let passes_on = |key: &Option<String>| key.as_ref().is_some_and(|key| message_id.contains(&format!("{key}@")));
        handoff.is_some_and(|id| self.citing.contains(&id))
            || self.of_others.values().any(|(at, key)| (handoff.is_some() && *at <= written_at) || passes_on(key))
    }

    fn wrote(&self, sender: &str) -> bool {
        Address::parse(sender).is_ok_and(|sender| self.addresses.contains(&sender))
    }

    /// Hands over every row of theirs in a table as it comes, until `take` has enough.
    pub async fn rows(
        &self,
        tx: &mut Tx,
        table: &Table,
        mut take: impl FnMut(Map<String, Value>) -> ControlFlow<()> + Send,
    ) -> Result<(), StoreError> {
        let own = |JsonRow(mut row): JsonRow| {
            self.withhold(table.name, &mut row);
            take(row)
        };
        match table.by {
            By::Rows => tx.each(table.sql, args![self.ids()?], own).await,
            By::Addresses => tx.each(table.sql, args![self.texts()?], own).await,
            By::Both => tx.each(table.sql, args![self.ids()?, self.texts()?], own).await,
            By::Letters => tx.each(table.sql, args![self.ids()?, texts(&self.letters)?], own).await,
        }
    }

    /// Whether anything is kept of them.
    pub async fn is_known(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let mut known = !self.prospects.is_empty();
        for table in &TABLES {
            if known {
                break;
            }
            self.rows(tx, table, |_| {
                known = true;
                ControlFlow::Break(())
            })
            .await?;
        }
        Ok(known)
    }

    /// The reasons for a pause, a cancellation or a stop that name them, each under the table in which it stands.
    pub async fn reasons(&self, tx: &mut Tx) -> Result<Vec<String>, StoreError> {
        let mut known_by: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        for prospect in &self.prospects {
            known_by.extend(erasures::known_by(tx, *prospect).await?);
        }
        reasons::naming(tx, &known_by).await
    }
}
