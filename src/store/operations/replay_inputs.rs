//! Replay inputs: what a replay asks of the tables beside signals, for many prospects at once: who they are, what was
//! decided about them, what was judged about their signals, when they were suppressed. Reads, and writes nothing.

use crate::domain::doorway::entry::Cause;
use crate::domain::doorway::machine::Machine;
use crate::domain::doorway::signal::Judged;
use crate::domain::id::{AccountId, HandoffId, Name, ProspectId, SignalId};
use crate::domain::individual::handoff::Outcome;
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::record::record;
use crate::store::engine::value::{ids, instant, instant_or_none, name, word};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A prospect, as far as a replay minds.
#[derive(Debug, Clone)]
pub struct Person {
    pub prospect: ProspectId,
    /// What colleagues' citations call them: name, else address.
    pub name: Option<String>,
    pub erased: bool,
    /// When the row turned out to be another one's person: its past ends there.
    pub merged_at: Option<Timestamp>,
    pub account: Option<AccountId>,
    pub admitted_at: Timestamp,
}

/// What was decided, and what became of it.
#[derive(Debug, Clone)]
pub struct Decided {
    pub prospect: ProspectId,
    /// In which episode of theirs.
    pub episode: i64,
    pub cause: Cause,
    pub at: Timestamp,
    /// The newest signal there was then; none where it was not noted.
    pub known_up_to: Option<SignalId>,
    /// The five findings, as JSON.
    pub findings: String,
    /// When it was handed off or withdrawn.
    pub settled_at: Option<Timestamp>,
    pub handoff: Option<Offered>,
}

/// The handoff that a decision led to.
#[derive(Debug, Clone)]
pub struct Offered {
    pub id: HandoffId,
    /// Who has it, or had it last.
    pub salesperson: Name,
    pub opened_at: Timestamp,
    pub accepted_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub outcome: Option<Outcome>,
}

struct PersonRow {
    id: i64,
    called: Option<String>,
    address: Option<String>,
    account_id: Option<i64>,
    created_at: i64,
    merged_at: Option<i64>,
}

record!(PersonRow { id, called, address, account_id, created_at, merged_at });

struct Row {
    prospect_id: i64,
    episode: i64,
    cause: String,
    at: i64,
    known_up_to: Option<i64>,
    findings: String,
    settled_at: Option<i64>,
    handoff_id: Option<i64>,
    salesperson: Option<String>,
    opened_at: Option<i64>,
    accepted_at: Option<i64>,
    closed_at: Option<i64>,
    outcome: Option<String>,
}

record!(Row {
    prospect_id,
    episode,
    cause,
    at,
    known_up_to,
    findings,
    settled_at,
    handoff_id,
    salesperson,
    opened_at,
    accepted_at,
    closed_at,
    outcome
});

const PEOPLE: &str = "
    SELECT p.id, COALESCE(p.name, p.address) AS called, p.address, p.account_id, p.created_at, m.merged_at
    FROM prospects p LEFT JOIN merged_prospects m ON m.prospect_id = p.id
    WHERE p.id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) ORDER BY p.id";
const DECIDED: &str = "
    SELECT q.prospect_id, q.episode, q.cause, q.at, q.known_up_to, q.findings, q.settled_at, h.id AS handoff_id, h.salesperson,
           h.opened_at, h.accepted_at, h.closed_at, h.outcome
    FROM qualifications q LEFT JOIN handoffs h ON h.prospect_id = q.prospect_id AND h.qualification_id = q.id
    WHERE q.prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) ORDER BY q.prospect_id, q.id";
const DECIDED_ABOUT: &str = "SELECT DISTINCT prospect_id FROM qualifications ORDER BY prospect_id";
const JUDGED_ABOUT: &str = "SELECT DISTINCT prospect_id FROM reclassifications ORDER BY prospect_id";
const JUDGEMENTS: &str = "
    SELECT prospect_id, signal_id, machine, recorded_at FROM reclassifications
    WHERE prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) ORDER BY id";
const SUPPRESSED: &str = "
    SELECT p.id, s.channel, s.suppressed_at, s.lifted_at FROM prospects p JOIN suppressions s ON s.address = p.address
    WHERE p.id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) ORDER BY s.id";
/// Of a thousand accounts at a time, one value: a row each would take ten times as long.
const MEMBERS: &str = "
    SELECT account_id / 1000, string_agg(CAST(account_id AS TEXT) || ' ' || CAST(id AS TEXT), ',') FROM prospects
    WHERE account_id > $1 AND account_id <= $2 GROUP BY account_id / 1000 ORDER BY 1";
const LAST_ACCOUNT: &str = "SELECT COALESCE(MAX(account_id), 0) FROM prospects";
/// How many accounts are read at a time.
const ACCOUNTS: i64 = 20_000;
const OWNERS: &str = "
    SELECT p.id, a.salesperson FROM prospects p JOIN accounts a ON a.id = p.account_id
    WHERE a.salesperson IS NOT NULL AND p.id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";

/// These prospects, by number.
pub async fn people(tx: &mut Tx, of: &[ProspectId]) -> Result<Vec<Person>, StoreError> {
    let person = |row: PersonRow| {
        let (prospect, account) = (ProspectId(row.id), row.account_id.map(AccountId));
        let merged_at = instant_or_none(row.merged_at)?;
        // An erased row of a merged person has no name either.
        let (erased, name) = (row.address.is_none() && (merged_at.is_none() || row.called.is_none()), row.called);
        Ok(Person { prospect, name, erased, merged_at, account, admitted_at: instant(row.created_at)? })
    };
    tx.rows::<PersonRow>(PEOPLE, args![ids(of)?]).await?.into_iter().map(person).collect()
}

/// Every decision about these prospects, in order.
pub async fn decided(tx: &mut Tx, of: &[ProspectId]) -> Result<BTreeMap<ProspectId, Vec<Decided>>, StoreError> {
    let mut found: BTreeMap<ProspectId, Vec<Decided>> = BTreeMap::new();
    for row in tx.rows::<Row>(DECIDED, args![ids(of)?]).await? {
        let decided = row.into_decided()?;
        found.entry(decided.prospect).or_default().push(decided);
    }
    Ok(found)
}

/// Every prospect who ever had a qualification.
pub async fn decided_about(tx: &mut Tx) -> Result<Vec<ProspectId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(DECIDED_ABOUT, args![]).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// Every prospect of whose signals one was ever judged.
pub async fn judged_about(tx: &mut Tx) -> Result<Vec<ProspectId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(JUDGED_ABOUT, args![]).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// Every judgement on signals of these prospects, in the order recorded.
pub async fn judgements(tx: &mut Tx, of: &[ProspectId]) -> Result<BTreeMap<ProspectId, Vec<(SignalId, Judged)>>, StoreError> {
    let mut found: BTreeMap<ProspectId, Vec<(SignalId, Judged)>> = BTreeMap::new();
    let rows: Vec<(i64, i64, Option<String>, i64)> = tx.rows(JUDGEMENTS, args![ids(of)?]).await?;
    for (prospect, signal, machine, recorded_at) in rows {
        let machine = machine.as_deref().map(|m| word("machine reason", m, Machine::parse)).transpose()?;
        let judged = Judged { machine, recorded_at: instant(recorded_at)? };
        found.entry(ProspectId(prospect)).or_default().push((SignalId(signal), judged));
    }
    Ok(found)
}

/// From when, and until when.
pub type Stretch = (Timestamp, Option<Timestamp>);

/// When these prospects were suppressed on every channel.
pub async fn suppressed(tx: &mut Tx, of: &[ProspectId]) -> Result<BTreeMap<ProspectId, Vec<Stretch>>, StoreError> {
    let rows: Vec<(i64, String, i64, Option<i64>)> = tx.rows(SUPPRESSED, args![ids(of)?]).await?;
    let mut by_channel: BTreeMap<ProspectId, BTreeMap<String, Vec<Stretch>>> = BTreeMap::new();
    for (id, channel, since, until) in rows {
        let stretch = (instant(since)?, instant_or_none(until)?);
        by_channel.entry(ProspectId(id)).or_default().entry(channel).or_default().push(stretch);
    }
    let both = |channels: BTreeMap<String, Vec<Stretch>>| {
        let mut channels = channels.into_values();
        let (one, other) = (channels.next().unwrap_or_default(), channels.next().unwrap_or_default());
        let together = |(a, b): (&Stretch, &Stretch)| {
            let until = [a.1, b.1].into_iter().flatten().min();
            let since = a.0.max(b.0);
            until.is_none_or(|until| since < until).then_some((since, until))
        };
        one.iter().flat_map(|a| other.iter().filter_map(move |b| together((a, b)))).collect::<Vec<_>>()
    };
    Ok(by_channel.into_iter().map(|(id, channels)| (id, both(channels))).filter(|(_, both)| !both.is_empty()).collect())
}

/// Whose accounts these prospects belong to.
pub async fn owners(tx: &mut Tx, of: &[ProspectId]) -> Result<BTreeMap<ProspectId, Name>, StoreError> {
    let rows: Vec<(i64, String)> = tx.rows(OWNERS, args![ids(of)?]).await?;
    rows.into_iter().map(|(id, owner)| Ok((ProspectId(id), name(&owner)?))).collect()
}

/// Every member of an account, account by account.
pub async fn members(tx: &mut Tx) -> Result<Vec<(AccountId, ProspectId)>, StoreError> {
    let unreadable = || StoreError::value("member of an account", "no number");
    let mut found = Vec::new();
    let last = tx.number(LAST_ACCOUNT, args![]).await?;
    for after in (0..last).step_by(usize::try_from(ACCOUNTS).unwrap_or(1)) {
        for (_, text) in tx.rows::<(i64, String)>(MEMBERS, args![after, after + ACCOUNTS]).await? {
            for pair in text.split(',') {
                let pair = pair.split_once(' ').and_then(|(account, id)| Some((account.parse().ok()?, id.parse().ok()?)));
                let (account, id) = pair.ok_or_else(unreadable)?;
                found.push((AccountId(account), ProspectId(id)));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

impl Row {
    fn into_decided(self) -> Result<Decided, StoreError> {
        let handoff = match (self.handoff_id, self.salesperson, self.opened_at) {
            (Some(id), Some(salesperson), Some(opened_at)) => Some(Offered {
                id: HandoffId(id),
                salesperson: name(&salesperson)?,
                opened_at: instant(opened_at)?,
                accepted_at: instant_or_none(self.accepted_at)?,
                closed_at: instant_or_none(self.closed_at)?,
                outcome: self.outcome.as_deref().map(|o| word("outcome", o, Outcome::parse)).transpose()?,
            }),
            _ => None,
        };
        Ok(Decided {
            prospect: ProspectId(self.prospect_id),
            episode: self.episode,
            cause: word("cause", &self.cause, Cause::parse)?,
            at: instant(self.at)?,
            known_up_to: self.known_up_to.map(SignalId),
            findings: self.findings,
            settled_at: instant_or_none(self.settled_at)?,
            handoff,
        })
    }
}
