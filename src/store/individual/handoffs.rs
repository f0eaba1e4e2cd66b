//! Handoffs and their events.

use crate::domain::doorway::entry::Cause;
use crate::domain::id::{HandoffId, Name, ProspectId, QualificationId};
use crate::domain::individual::event::HandoffEvent;
use crate::domain::individual::handoff::{Handoff, Opening, Outcome, Rejection, Stage, State};
use crate::domain::individual::routing::{Assignment, Load};
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, Unique, args, configuration, locking};
use crate::store::engine::record::record;
use crate::store::engine::value::{from_json, instant, instant_or_none, name, texts, to_json, word};
use jiff::Timestamp;
use serde::Serialize;

/// The unique index that makes a second open handoff of one prospect impossible.
pub const ONE_OPEN: Unique = Unique { index: "handoff_open_once", columns: "handoffs.prospect_id" };

/// The actor of an event that no person caused.
const SERVICE: &str = "nurtured";

/// An event of a handoff, as stored.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    pub at: Timestamp,
    /// By whom: an id, or "nurtured".
    pub by: String,
    pub what: String,
    pub note: String,
}

struct Row {
    id: i64,
    prospect_id: i64,
    cause: String,
    state: String,
    salesperson: String,
    stage: String,
    opened_at: i64,
    answer_until: i64,
    touch_until: i64,
    accepted_at: Option<i64>,
    touched_at: Option<i64>,
    closed_at: Option<i64>,
    outcome: Option<String>,
    value: Option<i64>,
}

record!(Row {
    id,
    prospect_id,
    cause,
    state,
    salesperson,
    stage,
    opened_at,
    answer_until,
    touch_until,
    accepted_at,
    touched_at,
    closed_at,
    outcome,
    value
});

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, prospect_id, cause, state, salesperson, stage, opened_at, answer_until, touch_until, accepted_at, touched_at, ",
            "closed_at, outcome, value FROM handoffs ",
            $rest
        )
    };
}

const ADD: &str = "
    INSERT INTO handoffs (prospect_id, qualification_id, cause, state, salesperson, assignment, stage, opened_at, answer_until,
                          touch_until, configuration_id)
    VALUES ($1, $2, $3, 'offered', $4, $5, 'interested', $6, $7, $8,
            (SELECT q.configuration_id FROM qualifications q WHERE q.id = $2))
    RETURNING id";
const LOAD: &str = columns!("WHERE id = $1");
const LOCK: Sql = locking!(columns!("WHERE id = $1"), "FOR UPDATE");
const OF_PROSPECT: &str = columns!("WHERE prospect_id = $1 ORDER BY id DESC");
const OF_SALESPERSON: &str = columns!("WHERE salesperson = $1 AND state <> 'closed' ORDER BY id");
const OPEN_OF_ACCOUNT: &str = columns!(
    "WHERE state <> 'closed' AND (prospect_id = $1 OR prospect_id IN (
        SELECT c.id FROM prospects c JOIN prospects p ON p.account_id = c.account_id WHERE p.id = $1)) ORDER BY id"
);
const OF_OTHERS: &str = "
    SELECT id FROM handoffs WHERE state <> 'closed' AND salesperson NOT IN (SELECT value ->> 'text' FROM json_each($1)) ORDER BY id";
const ALL: &str = columns!("ORDER BY id");
const AFTER: &str = columns!("WHERE id > $1 ORDER BY id");
const STORE: &str = "
    UPDATE handoffs SET state = $2, salesperson = $3, stage = $4, answer_until = $5, touch_until = $6, accepted_at = $7,
           touched_at = $8, closed_at = $9, outcome = $10, value = $11
    WHERE id = $1";
const REASSIGN: &str =
    concat!("UPDATE handoffs SET assignment = $2, configuration_id = ", configuration!("$3"), " WHERE id = $1");
const PARTS: &str = "SELECT qualification_id, assignment FROM handoffs WHERE id = $1";
const LOADS: &str = "
    SELECT salesperson, SUM(CASE WHEN state <> 'closed' THEN 1 ELSE 0 END), MAX(opened_at) FROM handoffs GROUP BY salesperson";
const DECLINED: &str = "SELECT DISTINCT by_whom FROM handoff_events WHERE handoff_id = $1 AND what = $2";
const UNREMINDED: &str = "
    SELECT due.id, due.until FROM (
        SELECT id, CASE WHEN state = 'offered' THEN answer_until ELSE touch_until END AS until FROM handoffs
        WHERE state = 'offered' OR (state = 'owned' AND touched_at IS NULL)) due
    WHERE NOT EXISTS (SELECT 1 FROM handoff_events e WHERE e.handoff_id = due.id AND e.what = $1 AND e.at >= due.until)
    ORDER BY due.until, due.id LIMIT 1";
const ADD_EVENT: &str = "INSERT INTO handoff_events (handoff_id, at, by_whom, what, note) VALUES ($1, $2, $3, $4, $5)";
const EVENTS: &str = "SELECT id, at, by_whom, what, note FROM handoff_events WHERE handoff_id = $1 ORDER BY id";

/// Stores the opening of a handoff, under the configuration of its qualification.
///
/// # Errors
/// The store's; a violation of [`ONE_OPEN`] when the prospect has an open one already.
pub async fn open(tx: &mut Tx, opening: &Opening, qualification: QualificationId) -> Result<HandoffId, StoreError> {
    let values = args![
        opening.prospect,
        qualification,
        opening.grounds.cause().word(),
        opening.assignment.salesperson(),
        to_json(&opening.assignment)?,
        opening.opened_at,
        opening.answer_until,
        opening.touch_until
    ];
    tx.number(ADD, values).await.map(HandoffId)
}

/// One handoff.
pub async fn load(tx: &mut Tx, id: HandoffId) -> Result<Option<Handoff>, StoreError> {
    tx.row::<Row>(LOAD, args![id]).await?.map(Row::into_handoff).transpose()
}

/// One handoff, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: HandoffId) -> Result<Option<Handoff>, StoreError> {
    tx.row::<Row>(LOCK, args![id]).await?.map(Row::into_handoff).transpose()
}

/// A prospect's handoffs, newest first.
pub async fn of_prospect(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<Handoff>, StoreError> {
    tx.rows::<Row>(OF_PROSPECT, args![prospect]).await?.into_iter().map(Row::into_handoff).collect()
}

/// A salesperson's open handoffs, oldest first.
pub async fn of_salesperson(tx: &mut Tx, salesperson: &Name) -> Result<Vec<Handoff>, StoreError> {
    tx.rows::<Row>(OF_SALESPERSON, args![salesperson]).await?.into_iter().map(Row::into_handoff).collect()
}

/// The open handoffs of a prospect and of their colleagues, oldest first.
pub async fn open_of_account(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<Handoff>, StoreError> {
    tx.rows::<Row>(OPEN_OF_ACCOUNT, args![prospect]).await?.into_iter().map(Row::into_handoff).collect()
}

/// Open handoffs of salespeople who are none of these, oldest first.
pub async fn of_others(tx: &mut Tx, ours: &[&Name]) -> Result<Vec<HandoffId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(OF_OTHERS, args![texts(ours)?]).await?;
    Ok(rows.into_iter().map(|(id,)| HandoffId(id)).collect())
}

/// Every handoff, oldest first.
pub async fn all(tx: &mut Tx) -> Result<Vec<Handoff>, StoreError> {
    tx.rows::<Row>(ALL, args![]).await?.into_iter().map(Row::into_handoff).collect()
}

/// Handoffs opened after this one, oldest first.
pub async fn after(tx: &mut Tx, id: HandoffId) -> Result<Vec<Handoff>, StoreError> {
    tx.rows::<Row>(AFTER, args![id]).await?.into_iter().map(Row::into_handoff).collect()
}

/// Stores a handoff after a transition.
pub async fn store(tx: &mut Tx, handoff: &Handoff) -> Result<(), StoreError> {
    let values = args![
        handoff.id,
        handoff.state.word(),
        &handoff.salesperson,
        handoff.stage.word(),
        handoff.answer_until,
        handoff.touch_until,
        handoff.accepted_at,
        handoff.touched_at,
        handoff.closed_at,
        handoff.outcome.map(Outcome::word),
        handoff.value
    ];
    tx.execute_one(STORE, values).await
}

/// Stores a new assignment's reason, and under which configuration it was found.
pub async fn reassign(tx: &mut Tx, id: HandoffId, assignment: &Assignment, plan_hash: &str) -> Result<(), StoreError> {
    tx.execute_one(REASSIGN, args![id, to_json(assignment)?, plan_hash]).await
}

/// The qualification a handoff cites, and why this salesperson.
///
/// # Errors
/// Also when there is no such row.
pub async fn grounds(tx: &mut Tx, id: HandoffId) -> Result<(QualificationId, Assignment), StoreError> {
    let (qualification, assignment): (i64, String) = tx.one(PARTS, args![id]).await?;
    Ok((QualificationId(qualification), from_json("assignment", &assignment).in_row("handoffs", id)?))
}

/// How many open handoffs each salesperson has, and when the latest was opened.
pub async fn load_of_all(tx: &mut Tx) -> Result<Load, StoreError> {
    let rows: Vec<(String, i64, i64)> = tx.rows(LOADS, args![]).await?;
    let mut load = Load::default();
    for (salesperson, open, latest) in rows {
        let latest = instant(latest).in_row("handoffs", format_args!("of {salesperson}"))?;
        let id = name(&salesperson).in_row("handoffs", format_args!("of {salesperson}"))?;
        load.open.insert(id.clone(), u32::try_from(open).unwrap_or(u32::MAX));
        load.last_assigned_at.insert(id, latest);
    }
    Ok(load)
}

/// The salespeople who declined it as not theirs.
pub async fn declined_by(tx: &mut Tx, id: HandoffId) -> Result<Vec<Name>, StoreError> {
    let rows: Vec<(String,)> = tx.rows(DECLINED, args![id, HandoffEvent::Declined(Rejection::NotMine).to_string()]).await?;
    rows.iter().map(|(by,)| name(by).in_row("handoff_events", format_args!("of handoff {id}"))).collect()
}

/// The promise that runs out first and has had no reminder yet: an offer to be answered, an accepted lead to be
/// contacted.
pub async fn unreminded(tx: &mut Tx) -> Result<Option<(HandoffId, Timestamp)>, StoreError> {
    let row: Option<(i64, i64)> = tx.row(UNREMINDED, args![HandoffEvent::Reminded.to_string()]).await?;
    row.map(|(id, until)| Ok((HandoffId(id), instant(until).in_row("handoffs", id)?))).transpose()
}

/// Appends what happened; the service did it where no person did.
pub async fn add_event(
    tx: &mut Tx,
    id: HandoffId,
    by: Option<&Name>,
    what: &HandoffEvent,
    note: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute_one(ADD_EVENT, args![id, now, by.map_or(SERVICE, Name::as_str), what.to_string(), note]).await
}

/// What happened, in order.
pub async fn events(tx: &mut Tx, id: HandoffId) -> Result<Vec<Event>, StoreError> {
    let rows: Vec<(i64, i64, String, String, String)> = tx.rows(EVENTS, args![id]).await?;
    let event = |(id, at, by, what, note)| Ok(Event { at: instant(at).in_row("handoff_events", id)?, by, what, note });
    rows.into_iter().map(event).collect()
}

impl Row {
    fn into_handoff(self) -> Result<Handoff, StoreError> {
        let id = self.id;
        self.read().in_row("handoffs", id)
    }

    fn read(self) -> Result<Handoff, StoreError> {
        Ok(Handoff {
            id: HandoffId(self.id),
            prospect: ProspectId(self.prospect_id),
            cause: word("cause", &self.cause, Cause::parse)?,
            state: word("handoff state", &self.state, State::parse)?,
            salesperson: name(&self.salesperson)?,
            stage: word("stage", &self.stage, Stage::parse)?,
            opened_at: instant(self.opened_at)?,
            answer_until: instant(self.answer_until)?,
            touch_until: instant(self.touch_until)?,
            accepted_at: instant_or_none(self.accepted_at)?,
            touched_at: instant_or_none(self.touched_at)?,
            closed_at: instant_or_none(self.closed_at)?,
            outcome: self.outcome.as_deref().map(|o| word("outcome", o, Outcome::parse)).transpose()?,
            value: self.value,
        })
    }
}
