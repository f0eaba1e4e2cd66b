//! Deliveries: immutable rows, and the states that attempts and leases give them.

use super::leases::Lease;
use crate::domain::address::Address;
use crate::domain::group::delivery::{Mailed, State};
use crate::domain::id::{DeliveryId, IssueId, OccurrenceId, ProspectId};
use crate::store::engine::backend::{
    InRow, StoreError, Tx, args, kept_version, latest_attempt, reply_and_reason, subject_as_sent,
};
use crate::store::engine::record::record;
use crate::store::engine::value::{address, ids, instant, instant_or_none};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A delivery that is not finished, as its lease's holder reads it.
#[derive(Debug, Clone)]
pub struct Open {
    pub id: DeliveryId,
    pub issue: IssueId,
    /// `None` for a test copy.
    pub prospect: Option<ProspectId>,
    pub address: Address,
    /// Whether its clicks are followed.
    pub tracked: bool,
    /// The number of its latest attempt; 0 for none.
    pub number: i64,
    /// Whether that was a mark without a result: the mail may have been sent.
    pub in_doubt: bool,
    pub marks: i64,
    /// How many of those marks have no result.
    pub doubts: i64,
    /// The version of the words in which it may have arrived, as far as is known: no other words follow those.
    pub kept: Option<i64>,
    pub first_marked_at: Option<Timestamp>,
    pub retry_at: Option<Timestamp>,
}

/// The origin of a delivery, for signals that arrive through its tokens.
#[derive(Debug, Clone)]
pub struct Origin {
    pub id: DeliveryId,
    pub issue: IssueId,
    /// Its prospect; `None` for a test copy or an erased prospect.
    pub prospect: Option<ProspectId>,
    pub address: Address,
    /// Whether clicks were to be followed.
    pub tracked: bool,
    /// Whether the prospect still consents to being tracked.
    pub consents: bool,
}

impl Origin {
    /// The mail that a signal answers.
    pub const fn mailed(&self) -> Mailed {
        Mailed { prospect: self.prospect, delivery: self.id, issue: Some(self.issue) }
    }
}

struct TriedRow {
    id: i64,
    prospect_id: Option<i64>,
    address: String,
    tracked: bool,
    number: i64,
    state: String,
    marks: i64,
    doubts: i64,
    kept: Option<i64>,
    first_marked_at: Option<i64>,
    retry_at: Option<i64>,
}

record!(TriedRow { id, prospect_id, address, tracked, number, state, marks, doubts, kept, first_marked_at, retry_at });

/// Deliveries never tried: usually all of the range, which the `MIN` over its attempts shows at once. They are returned as
/// one value, which costs a fifth of as many rows.
const UNTRIED: &str = "
    SELECT STRING_AGG(d.id || ' ' || COALESCE(d.prospect_id, 0) || ' ' || CASE WHEN d.tracked THEN 1 ELSE 0 END || ' ' || d.address, $4)
    FROM deliveries d
    WHERE d.issue_id = $1 AND d.id BETWEEN $2 AND $3
      AND ((SELECT MIN(tried.delivery_id) FROM attempts tried WHERE tried.delivery_id BETWEEN $2 AND $3) IS NULL
           OR NOT EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id))";
/// Marks before a failure do not count: a delivery that is open again is tried as often as a new one.
const TRIED: &str = concat!(
    "
    SELECT d.id, d.prospect_id, d.address, d.tracked, a.number, a.state, a.retry_at,
           (SELECT COUNT(*) FROM attempts m WHERE m.delivery_id = d.id AND m.state = 'transmitting'
              AND m.number > COALESCE((SELECT MAX(f.number) FROM attempts f WHERE f.delivery_id = d.id AND f.state = 'failed'), 0)) AS marks,
           (SELECT COUNT(*) FROM attempts m WHERE m.delivery_id = d.id AND m.state = 'transmitting'
              AND NOT EXISTS (SELECT 1 FROM attempts r WHERE r.delivery_id = m.delivery_id AND r.number = m.number + 1
                              AND r.state <> 'transmitting')) AS doubts,
           ",
    kept_version!("d"),
    " AS kept,
           (SELECT MIN(m.at) FROM attempts m WHERE m.delivery_id = d.id AND m.state = 'transmitting'
              AND m.number > COALESCE((SELECT MAX(f.number) FROM attempts f WHERE f.delivery_id = d.id AND f.state = 'failed'), 0)) AS first_marked_at
    FROM attempts a
    JOIN deliveries d ON d.id = a.delivery_id
    WHERE a.delivery_id BETWEEN $2 AND $3 AND a.state IN ('pending', 'transmitting') AND d.issue_id = $1
      AND NOT EXISTS (SELECT 1 FROM attempts later WHERE later.delivery_id = a.delivery_id AND later.number > a.number)"
);
/// When the first of a range is due again: one never tried at $4, one marked without a result at $5, another at its
/// `retry_at`. As a rule all are finished, which two counts show. The latest attempt decides: what was uncertain may have been
/// decided since, and what failed may be open again.
const DUE_AGAIN: &str = concat!(
    "
    SELECT CASE WHEN (SELECT COUNT(*) FROM deliveries all_of WHERE all_of.id BETWEEN $2 AND $3)
                   = (SELECT COUNT(*) FROM (SELECT f.delivery_id FROM attempts f WHERE f.delivery_id BETWEEN $2 AND $3
                          GROUP BY f.delivery_id
                          HAVING MAX(f.number) = MAX(CASE WHEN f.state NOT IN ('pending', 'transmitting', 'uncertain')
                                                          THEN f.number END)) AS ended) THEN NULL
                ELSE (
        SELECT MIN(CASE WHEN a.state IS NULL THEN $4 WHEN a.state = 'transmitting' THEN $5 ELSE COALESCE(a.retry_at, $4) END)
        FROM deliveries d
        ",
    latest_attempt!("d"),
    "
        WHERE d.issue_id = $1 AND d.id BETWEEN $2 AND $3
          AND (a.state IS NULL OR a.state IN ('pending', 'transmitting'))) END"
);
const ORIGIN: &str = "
    SELECT d.id, d.issue_id, p.id, d.address, d.tracked, COALESCE(p.tracking_consent, FALSE) AS consents
    FROM deliveries d LEFT JOIN merged_prospects m ON m.prospect_id = d.prospect_id
    LEFT JOIN prospects p ON p.id = COALESCE(m.into_id, d.prospect_id) AND p.address IS NOT NULL WHERE d.id = $1";
const ADDRESSES: &str = "SELECT id, address FROM deliveries WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
const ADD_TEST: &str = "
    INSERT INTO deliveries (occurrence_id, issue_id, prospect_id, address, tracked) VALUES ($1, $2, NULL, $3, TRUE) RETURNING id";
const STATE: &str = "SELECT state FROM delivery_states WHERE delivery_id = $1";
const RECEIVED: &str = concat!(
    "
    SELECT ",
    subject_as_sent!("i", "d"),
    ", a.at, i.id FROM deliveries d JOIN issues i ON i.id = d.issue_id
    JOIN attempts a ON a.delivery_id = d.id AND a.state = 'accepted'
    WHERE d.prospect_id = $1 ORDER BY a.at DESC LIMIT $2"
);
const OF_PROSPECT: &str = concat!(
    "
    SELECT s.delivery_id, i.campaign, i.newsletter, ",
    subject_as_sent!("i", "d"),
    ", s.state, s.at, ",
    reply_and_reason!("s", "i"),
    " FROM delivery_states s
    JOIN deliveries d ON d.id = s.delivery_id JOIN issues i ON i.id = s.issue_id WHERE s.prospect_id = $1 ORDER BY s.delivery_id"
);
const TEST_COPY: &str = "
    SELECT s.delivery_id, i.campaign, i.newsletter, i.subject, s.state, COALESCE(s.retry_at, s.at), s.reply
    FROM issues i JOIN leases l ON l.issue_id = i.id JOIN delivery_states s ON s.delivery_id = l.first_id
    WHERE i.id = $1 AND i.test LIMIT 1";

/// A delivery as reports show it.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    pub id: DeliveryId,
    pub campaign: String,
    pub newsletter: String,
    pub subject: String,
    /// Its state, in the diagram's words.
    pub state: String,
    /// When the latest attempt was, or the next one will be.
    pub at: Option<Timestamp>,
    /// The relay's reply, or the reason why the mail was not sent.
    pub reply: Option<String>,
}

type DeliveryRow = (i64, String, String, String, String, Option<i64>, Option<String>);

fn delivery((id, campaign, newsletter, subject, state, at, reply): DeliveryRow) -> Result<Delivery, StoreError> {
    let at = instant_or_none(at).in_row("deliveries", id)?;
    Ok(Delivery { id: DeliveryId(id), campaign, newsletter, subject, state, at, reply })
}

/// Every copy written for a prospect, oldest first.
pub async fn of_prospect(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<Delivery>, StoreError> {
    tx.rows(OF_PROSPECT, args![prospect]).await?.into_iter().map(delivery).collect()
}

/// The one copy of a test issue.
///
/// # Errors
/// Also when there is none.
pub async fn test_copy(tx: &mut Tx, issue: IssueId) -> Result<Delivery, StoreError> {
    delivery(tx.one(TEST_COPY, args![issue]).await?)
}

/// The unfinished deliveries of an issue in a range of ids, in their order: those that were tried and answered last, because
/// they may be refused again, and a campaign that pauses for it would never reach the others.
pub async fn open_in(tx: &mut Tx, issue: IssueId, first: DeliveryId, last: DeliveryId) -> Result<Vec<Open>, StoreError> {
    tx.by_key().await?;
    let packed: Option<(Option<String>,)> = tx.row(UNTRIED, args![issue, first, last, "\n"]).await?;
    let packed = packed.and_then(|(packed,)| packed).unwrap_or_default();
    let mut open: Vec<Open> = packed.lines().map(|line| untried(issue, line)).collect::<Result<_, _>>()?;
    let rows: Vec<TriedRow> = tx.rows(TRIED, args![issue, first, last]).await?;
    for row in rows {
        open.push(tried(issue, &row).in_row("deliveries", row.id)?);
    }
    open.sort_unstable_by_key(|row| (row.number > 1 && !row.in_doubt, row.id));
    Ok(open)
}

fn tried(issue: IssueId, row: &TriedRow) -> Result<Open, StoreError> {
    Ok(Open {
        id: DeliveryId(row.id),
        issue,
        prospect: row.prospect_id.map(ProspectId),
        address: address(&row.address)?,
        tracked: row.tracked,
        number: row.number,
        in_doubt: row.state == State::Transmitting.word(),
        marks: row.marks,
        doubts: row.doubts,
        kept: row.kept,
        first_marked_at: instant_or_none(row.first_marked_at)?,
        retry_at: instant_or_none(row.retry_at)?,
    })
}

/// One of [`UNTRIED`]. An address has neither spaces nor line ends.
fn untried(issue: IssueId, line: &str) -> Result<Open, StoreError> {
    let strange = || StoreError::value("delivery", "it is not an id, a prospect, whether clicks are followed, and an address");
    let mut words = line.splitn(4, ' ');
    let mut number = || words.next().and_then(|word| word.parse().ok()).ok_or_else(strange);
    let (id, prospect): (i64, i64) = (number()?, number()?);
    let (tracked, to) = (words.next(), words.next());
    Ok(Open {
        id: DeliveryId(id),
        issue,
        prospect: Some(prospect).filter(|id| *id > 0).map(ProspectId),
        address: to.ok_or_else(strange).and_then(address).in_row("deliveries", id)?,
        tracked: tracked == Some("1"),
        number: 0,
        in_doubt: false,
        marks: 0,
        doubts: 0,
        kept: None,
        first_marked_at: None,
        retry_at: None,
    })
}

/// When the first unfinished delivery of a range is due again; `None` when all are finished. Those never tried are due at
/// `untried`, those marked without a result at `doubted`, the others at their `retry_at`.
pub async fn due_again(
    tx: &mut Tx,
    lease: &Lease,
    untried: Timestamp,
    doubted: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    tx.by_key().await?;
    let row: Option<(Option<i64>,)> = tx.row(DUE_AGAIN, args![lease.issue, lease.first, lease.last, untried, doubted]).await?;
    instant_or_none(row.and_then(|(at,)| at))
}

/// The origin of a delivery.
pub async fn origin(tx: &mut Tx, id: DeliveryId) -> Result<Option<Origin>, StoreError> {
    let row: Option<(i64, i64, Option<i64>, String, bool, bool)> = tx.row(ORIGIN, args![id]).await?;
    row.map(|(id, issue, prospect, to, tracked, consents)| {
        Ok(Origin {
            id: DeliveryId(id),
            issue: IssueId(issue),
            prospect: prospect.map(ProspectId),
            address: address(&to).in_row("deliveries", id)?,
            tracked,
            consents,
        })
    })
    .transpose()
}

/// Where these deliveries went.
pub async fn addresses(tx: &mut Tx, of: &[DeliveryId]) -> Result<BTreeMap<DeliveryId, Address>, StoreError> {
    let rows: Vec<(i64, String)> = tx.rows(ADDRESSES, args![ids(of)?]).await?;
    rows.into_iter().map(|(id, to)| Ok((DeliveryId(id), address(&to).in_row("deliveries", id)?))).collect()
}

/// Writes a delivery to a colleague: a test copy, or a seed. It belongs to no prospect and is counted nowhere.
pub async fn add_test(tx: &mut Tx, occurrence: OccurrenceId, issue: IssueId, to: &Address) -> Result<DeliveryId, StoreError> {
    tx.number(ADD_TEST, args![occurrence, issue, to]).await.map(DeliveryId)
}

/// The state of a delivery, in the diagram's words.
pub async fn state(tx: &mut Tx, id: DeliveryId) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = tx.row(STATE, args![id]).await?;
    Ok(row.map(|(state,)| state))
}

/// The newest issues a prospect received: subject, when, which.
pub async fn received(tx: &mut Tx, prospect: ProspectId, most: i64) -> Result<Vec<(String, Timestamp, IssueId)>, StoreError> {
    let rows: Vec<(String, i64, i64)> = tx.rows(RECEIVED, args![prospect, most]).await?;
    let received = |(subject, at, issue)| Ok((subject, instant(at).in_row("issues", issue)?, IssueId(issue)));
    rows.into_iter().map(received).collect()
}
