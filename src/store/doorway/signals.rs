//! Signals: each is appended once and never edited.

use super::reclassifications;
use crate::domain::doorway::account::Colleague;
use crate::domain::doorway::machine::Machine;
use crate::domain::doorway::signal::{Detail, NewSignal, Signal};
use crate::domain::id::{AccountId, DeliveryId, IssueId, ProspectId, SignalId};
use crate::store::engine::backend::{Sql, StoreError, Tx, args};
use crate::store::engine::text_rows::{self, Columns};
use crate::store::engine::value::{from_json, ids, instant, name, to_json, word};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

#[derive(Serialize)]
struct NewRow<'a> {
    prospect: Option<ProspectId>,
    once: &'a str,
    kind: &'static str,
    occurred_at: i64,
    delivery: Option<DeliveryId>,
    issue: Option<IssueId>,
    by: Option<&'a str>,
    machine: Option<&'static str>,
    detail: String,
}

/// Longer details, in bytes, are not looked up among those parsed before: nobody says the same at such length.
const REPEATED: usize = 1_000;
/// How many prospects' signals are packed into one text.
const PACK: usize = 2_000;

/// The values are unpacked in the way that costs each engine least, because every signal runs this statement.
macro_rules! append {
    ($rest:literal) => {
        Sql::Each {
            sqlite: concat!(
                "
    INSERT INTO signals (prospect_id, once, kind, occurred_at, recorded_at, delivery_id, issue_id, by_whom, machine, detail)
    SELECT value ->> 'prospect', value ->> 'once', value ->> 'kind', value ->> 'occurred_at', $2, value ->> 'delivery',
           value ->> 'issue', value ->> 'by', value ->> 'machine', value ->> 'detail'
    FROM jsonb_each($1) WHERE TRUE ORDER BY key
    ON CONFLICT (once) DO NOTHING",
                $rest
            ),
            postgres: concat!(
                "
    INSERT INTO signals (prospect_id, once, kind, occurred_at, recorded_at, delivery_id, issue_id, by_whom, machine, detail)
    SELECT prospect, once, kind, occurred_at, CAST($2 AS BIGINT), delivery, issue, by, machine, detail
    FROM json_to_recordset(CAST($1 AS JSON)) AS news (prospect BIGINT, once TEXT, kind TEXT, occurred_at BIGINT, delivery BIGINT,
                                                      issue BIGINT, by TEXT, machine TEXT, detail TEXT)
    ON CONFLICT (once) DO NOTHING",
                $rest
            ),
        }
    };
}
const APPEND: Sql = append!("");
const APPEND_AND_SAY: Sql = append!(" RETURNING once, id");
/// SQLite's own count, which may be further than the newest row.
const LAST_GIVEN: &str = "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'signals'), 0)";
const NEWEST: &str = "SELECT COALESCE(MAX(id), 0) FROM signals";
const IS_RECORDED: &str = "SELECT COUNT(*) FROM signals WHERE once = $1";
const SINCE: &str = "SELECT once, id FROM signals WHERE id > $1";
/// Of the newest signals of a prospect alone: however long their history is, it is not read.
const CLICKED_SINCE: &str = "
    SELECT COUNT(*) FROM (SELECT kind, delivery_id, occurred_at FROM signals WHERE prospect_id = $1 ORDER BY id DESC LIMIT 50) newest
    WHERE kind = 'click' AND delivery_id = $2 AND occurred_at >= $3";
/// The columns of signals, packed and queried prospect by prospect: in one query for all, a PostgreSQL with stale statistics
/// would read every signal in the table once for each prospect.
macro_rules! packed {
    ($rest:literal) => {
        concat!(
            "SELECT string_agg((SELECT string_agg(format('%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s', id, prospect_id, occurred_at, ",
            "recorded_at, delivery_id, issue_id, by_whom, machine, detail), '\n') FROM (SELECT * FROM signals ",
            "WHERE prospect_id = CAST(j.value AS BIGINT)",
            $rest,
            ") s), '\n') FROM json_each($1) j"
        )
    };
}
const OF: &str = packed!("");
/// The signals that may count for colleagues: `Detail::may_speak_for_colleagues`.
const STATEMENTS_OF: &str = packed!(" AND kind IN ('answer', 'form', 'touch', 'recycled')");
/// A detail of the record is blank once, so few forms fill any.
const FILLED: &str = "
    SELECT detail FROM signals WHERE prospect_id = $1 AND kind = 'unconfirmed_form' AND detail NOT LIKE '%\"filled\":[]%'
    ORDER BY id LIMIT 20";
/// The members of an account who stated anything; most members only read.
const SPEAKERS: &str = "
    SELECT string_agg((SELECT string_agg(format('%s\t%s\t%s', p.id, p.account_id,
               REPLACE(REPLACE(COALESCE(p.name, p.address), '\t', ' '), '\n', ' ')), '\n')
        FROM prospects p
        WHERE p.account_id = CAST(j.value AS BIGINT) AND p.speaks AND p.address IS NOT NULL), '\n')
    FROM json_each($1) j";

/// Whether a signal of this key is recorded.
pub async fn is_recorded(tx: &mut Tx, once: &str) -> Result<bool, StoreError> {
    Ok(tx.number(IS_RECORDED, args![once]).await? > 0)
}

/// Appends signals whose `once` is new, each with the prospect it was resolved to. Returns the new ones' ids by `once`.
///
/// They are written in the order of prospects, because the indexes are ordered so; those of one prospect stay in the order
/// in which they arrived.
pub async fn append(
    tx: &mut Tx,
    signals: &[(Option<ProspectId>, &NewSignal)],
    now: Timestamp,
) -> Result<HashMap<String, SignalId>, StoreError> {
    if signals.is_empty() {
        return Ok(HashMap::new());
    }
    let mut signals = signals.to_vec();
    signals.sort_by_key(|(prospect, _)| *prospect);
    let rows = signals.iter().map(|(prospect, signal)| row(*prospect, signal)).collect::<Result<Vec<_>, StoreError>>()?;
    let rows = to_json(&rows)?;
    let new: Vec<(String, i64)> = if tx.is_shared() {
        tx.rows(APPEND_AND_SAY, args![rows, now]).await?
    } else {
        // No other transaction writes: if all rows are new, they are the last ones, in this order, and their ids need not
        // be returned.
        let newest = tx.number(LAST_GIVEN, args![]).await?;
        let appended = tx.execute(APPEND, args![rows, now]).await?;
        if appended == signals.len() as u64 {
            signals.iter().map(|(_, signal)| signal.once.clone()).zip(newest + 1..).collect()
        } else {
            tx.rows(SINCE, args![newest]).await?
        }
    };
    Ok(new.into_iter().map(|(once, id)| (once, SignalId(id))).collect())
}

fn row(prospect: Option<ProspectId>, signal: &NewSignal) -> Result<NewRow<'_>, StoreError> {
    Ok(NewRow {
        prospect,
        once: &signal.once,
        kind: signal.detail.kind(),
        occurred_at: signal.occurred_at.as_millisecond(),
        delivery: signal.delivery,
        issue: signal.issue,
        by: signal.by.as_ref().map(crate::domain::id::Name::as_str),
        machine: signal.machine.map(Machine::word),
        detail: to_json(&signal.detail)?,
    })
}

/// The number of the newest signal; zero without any.
pub async fn newest(tx: &mut Tx) -> Result<SignalId, StoreError> {
    tx.number(NEWEST, args![]).await.map(SignalId)
}

/// Whether links of this mail were followed since an instant, among the newest signals of the prospect.
pub async fn was_clicked_since(
    tx: &mut Tx,
    prospect: ProspectId,
    delivery: DeliveryId,
    since: Timestamp,
) -> Result<bool, StoreError> {
    Ok(tx.number(CLICKED_SINCE, args![prospect, delivery, since]).await? > 0)
}

/// Every signal of these prospects, in the order recorded, each with the latest judgement on it.
pub async fn of(tx: &mut Tx, prospects: &[ProspectId]) -> Result<BTreeMap<ProspectId, Vec<Signal>>, StoreError> {
    known_at(tx, prospects, Timestamp::MAX).await
}

/// The details of the record that a form filled which nobody confirmed, each with the value it gave: "phone", "+44 20 1234".
pub async fn filled_by_strangers(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<(String, String)>, StoreError> {
    let rows: Vec<(String,)> = tx.rows(FILLED, args![prospect]).await?;
    let mut found = Vec::new();
    for (text,) in rows {
        if let Detail::UnconfirmedForm { fields, filled, .. } = from_json("signal", &text)? {
            found.extend(filled.into_iter().filter_map(|what| Some((what.clone(), fields.get(&what)?.trim().to_owned()))));
        }
    }
    Ok(found)
}

/// Every signal of these prospects as known at an instant: without signals and judgements recorded later.
pub async fn known_at(
    tx: &mut Tx,
    prospects: &[ProspectId],
    at: Timestamp,
) -> Result<BTreeMap<ProspectId, Vec<Signal>>, StoreError> {
    known(tx, OF, prospects, at).await
}

/// Every signal of these prospects up to a number, in the order recorded, without the judgements on them.
pub async fn recorded(
    tx: &mut Tx,
    prospects: &[ProspectId],
    up_to: SignalId,
) -> Result<BTreeMap<ProspectId, Vec<Signal>>, StoreError> {
    load(tx, OF, prospects, |signal| signal.id <= up_to).await
}

/// The signals of these prospects that may count for colleagues, up to a number.
pub async fn stated(
    tx: &mut Tx,
    prospects: &[ProspectId],
    up_to: SignalId,
) -> Result<BTreeMap<ProspectId, Vec<Signal>>, StoreError> {
    load(tx, STATEMENTS_OF, prospects, |signal| signal.id <= up_to).await
}

async fn known(
    tx: &mut Tx,
    sql: &'static str,
    prospects: &[ProspectId],
    at: Timestamp,
) -> Result<BTreeMap<ProspectId, Vec<Signal>>, StoreError> {
    let mut judged = if prospects.is_empty() { BTreeMap::new() } else { reclassifications::of(tx, prospects, at).await? };
    let mut found = load(tx, sql, prospects, |signal| signal.recorded_at <= at).await?;
    if !judged.is_empty() {
        found.values_mut().flatten().for_each(|signal| signal.judged = judged.remove(&signal.id));
    }
    Ok(found)
}

async fn load(
    tx: &mut Tx,
    sql: &'static str,
    prospects: &[ProspectId],
    wanted: impl Fn(&Signal) -> bool,
) -> Result<BTreeMap<ProspectId, Vec<Signal>>, StoreError> {
    let mut found: BTreeMap<ProspectId, Vec<Signal>> = prospects.iter().map(|id| (*id, Vec::new())).collect();
    for some in prospects.chunks(PACK) {
        let mut said = Said::new();
        let signals = text_rows::read(tx, sql, args![ids(some)?], |columns| signal(columns, &mut said)).await?;
        for signal in signals.into_iter().filter(&wanted) {
            if let Some(list) = signal.prospect.and_then(|id| found.get_mut(&id)) {
                list.push(signal);
            }
        }
    }
    for signals in found.values_mut() {
        signals.sort_unstable_by_key(|signal| signal.id);
    }
    Ok(found)
}

/// Every member of these accounts who ever stated something that may count for a colleague, as known at an instant.
pub async fn of_accounts(
    tx: &mut Tx,
    accounts: &[AccountId],
    at: Timestamp,
) -> Result<BTreeMap<AccountId, Vec<Colleague>>, StoreError> {
    let mut found: BTreeMap<AccountId, Vec<Colleague>> = BTreeMap::new();
    if accounts.is_empty() {
        return Ok(found);
    }
    let speaker =
        |columns: &mut Columns<'_>| Ok((ProspectId(columns.number()?), AccountId(columns.number()?), columns.text()?.to_owned()));
    let mut speakers = text_rows::read(tx, SPEAKERS, args![ids(accounts)?], speaker).await?;
    speakers.sort_unstable_by_key(|(id, ..)| *id);
    let members: Vec<ProspectId> = speakers.iter().map(|(id, ..)| *id).collect();
    let mut signals = known(tx, STATEMENTS_OF, &members, at).await?;
    for (id, account, name) in speakers {
        let signals = signals.remove(&id).unwrap_or_default();
        found.entry(account).or_default().push(Colleague { prospect: id, name, signals });
    }
    Ok(found)
}

/// Parsed details by their text: many signals have the same, and copying one takes a tenth of the time of parsing it.
type Said = HashMap<String, Detail>;

fn signal(columns: &mut Columns<'_>, said: &mut Said) -> Result<Signal, StoreError> {
    Ok(Signal {
        id: SignalId(columns.number()?),
        prospect: columns.number_or_none()?.map(ProspectId),
        occurred_at: instant(columns.number()?)?,
        recorded_at: instant(columns.number()?)?,
        delivery: columns.number_or_none()?.map(DeliveryId),
        issue: columns.number_or_none()?.map(IssueId),
        by: columns.text_or_none()?.map(name).transpose()?,
        machine: columns.text_or_none()?.map(|m| word("machine reason", m, Machine::parse)).transpose()?,
        judged: None,
        detail: detail(columns.text()?, said)?,
    })
}

fn detail(text: &str, said: &mut Said) -> Result<Detail, StoreError> {
    if text.len() > REPEATED {
        return from_json("signal", text);
    }
    if let Some(detail) = said.get(text) {
        return Ok(detail.clone());
    }
    let detail = from_json::<Detail>("signal", text)?;
    said.insert(text.to_owned(), detail.clone());
    Ok(detail)
}
