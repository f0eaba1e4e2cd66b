//! The outcomes of a whole period, computed set-wise: for reports that cover all of it at once.

use crate::domain::criterion::Criterion;
use crate::domain::group::delivery::State;
use crate::domain::id::{DeliveryId, IssueId, Name, OccurrenceId, ProspectId};
use crate::store::engine::backend::{InRow, StoreError, Tx, args, came_to_nothing, latest_attempt, may_be_mailed};
use crate::store::engine::text_rows::{self, Columns};
use crate::store::engine::value::{ids, instant, name, word};
use jiff::Timestamp;

/// Whose copy a delivery is.
#[derive(Debug, Clone, Copy)]
pub struct Copy {
    pub delivery: DeliveryId,
    pub issue: IssueId,
    /// `None` for a copy to a colleague.
    pub prospect: Option<ProspectId>,
    /// Whether its clicks are followed.
    pub tracked: bool,
}

/// An issue, and the occurrence it belongs to.
#[derive(Debug, Clone)]
pub struct Issued {
    pub issue: IssueId,
    pub campaign: Name,
    pub newsletter: Name,
    pub occurrence: OccurrenceId,
    pub due_at: Timestamp,
}

/// An occurrence as it went.
#[derive(Debug, Clone)]
pub struct Occurred {
    pub id: OccurrenceId,
    pub campaign: Name,
    /// Its nominal local time, with its zone.
    pub nominal: String,
    pub due_at: Timestamp,
    /// Why it was missed, if it was.
    pub missed: Option<String>,
}

/// How many deliveries of a campaign stand in a state, for one reason.
#[derive(Debug, Clone)]
pub struct Ended {
    pub campaign: Name,
    pub state: State,
    /// Why, where something was said: "over the cap of …", "unsubscribed", a relay's words.
    pub reason: String,
    pub count: i64,
}

const COPIES: &str = "
    SELECT string_agg(format('%s\t%s\t%s\t%s', id, issue_id, prospect_id, CASE WHEN tracked THEN 1 ELSE 0 END), '\n')
    FROM deliveries WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
const ISSUED: &str = "
    SELECT i.id, i.campaign, i.newsletter, o.id, o.due_at FROM issues i JOIN occurrences o ON o.id = i.occurrence_id
    WHERE i.id > $1 AND NOT i.test ORDER BY i.id";
const OCCURRED: &str = "
    SELECT o.id, o.campaign, o.nominal, o.due_at, CASE WHEN o.state = 'missed' THEN COALESCE(o.reason, 'missed') END
    FROM occurrences o WHERE NOT EXISTS (SELECT 1 FROM issues i WHERE i.occurrence_id = o.id AND i.test)
    ORDER BY o.due_at, o.campaign, o.id";
const ENDED: &str = concat!(
    "
    SELECT i.campaign, COALESCE(a.state, 'pending') AS state,
           CASE WHEN a.state = 'uncertain' OR a.state IN ",
    came_to_nothing!(),
    " THEN COALESCE(a.reply, '') ELSE '' END AS reason,
           COUNT(*)
    FROM deliveries d JOIN issues i ON i.id = d.issue_id
    ",
    latest_attempt!("d"),
    "
    WHERE NOT i.test AND d.prospect_id IS NOT NULL
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
);
/// The first word about a delivery is fence-less only where it was put aside before any lease.
const PUT_OFF: &str = "
    SELECT i.campaign, COUNT(*) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id JOIN issues i ON i.id = d.issue_id
    WHERE a.number = 1 AND a.fence = 0 AND a.state = 'pending' GROUP BY i.campaign ORDER BY i.campaign";
const MET: &str = "
    SELECT v.prospect_id, v.criterion FROM verdicts v JOIN prospects p ON p.id = v.prospect_id
    WHERE v.verdict = 'met' AND p.standing = 'nurturing' ORDER BY v.prospect_id, v.criterion";
const REACHABLE: &str = concat!("SELECT p.id FROM prospects p WHERE ", may_be_mailed!("p"), " ORDER BY p.id");

/// Whose copies these deliveries are, in the order of their ids.
pub async fn copies(tx: &mut Tx, of: &[DeliveryId]) -> Result<Vec<Copy>, StoreError> {
    let copy = |columns: &mut Columns<'_>| {
        Ok(Copy {
            delivery: DeliveryId(columns.number()?),
            issue: IssueId(columns.number()?),
            prospect: columns.number_or_none()?.map(ProspectId),
            tracked: columns.number()? == 1,
        })
    };
    let mut copies = text_rows::read(tx, COPIES, args![ids(of)?], copy).await?;
    copies.sort_unstable_by_key(|copy| copy.delivery);
    Ok(copies)
}

/// Issues after this one, with their occurrences; test copies are none.
pub async fn issued(tx: &mut Tx, after: IssueId) -> Result<Vec<Issued>, StoreError> {
    let rows: Vec<(i64, String, String, i64, i64)> = tx.rows(ISSUED, args![after]).await?;
    let issued = |(id, campaign, newsletter, occurrence, due_at): (i64, String, String, i64, i64)| {
        Ok(Issued {
            issue: IssueId(id),
            campaign: name(&campaign).in_row("issues", id)?,
            newsletter: name(&newsletter).in_row("issues", id)?,
            occurrence: OccurrenceId(occurrence),
            due_at: instant(due_at).in_row("occurrences", occurrence)?,
        })
    };
    rows.into_iter().map(issued).collect()
}

/// Every occurrence, by when it was due.
pub async fn occurred(tx: &mut Tx) -> Result<Vec<Occurred>, StoreError> {
    let rows: Vec<(i64, String, String, i64, Option<String>)> = tx.rows(OCCURRED, args![]).await?;
    let occurred = |(id, campaign, nominal, due_at, missed): (i64, String, String, i64, Option<String>)| {
        let (campaign, due_at) = (name(&campaign).in_row("occurrences", id)?, instant(due_at).in_row("occurrences", id)?);
        Ok(Occurred { id: OccurrenceId(id), campaign, nominal, due_at, missed })
    };
    rows.into_iter().map(occurred).collect()
}

/// Deliveries to prospects by campaign, state and reason.
pub async fn ended(tx: &mut Tx) -> Result<Vec<Ended>, StoreError> {
    let rows: Vec<(String, String, String, i64)> = tx.rows(ENDED, args![]).await?;
    let ended = |(campaign, state, reason, count): (String, String, String, i64)| {
        let state = word("delivery state", &state, State::parse).in_row("delivery_states", format_args!("of {campaign}"))?;
        Ok(Ended { campaign: name(&campaign).in_row("issues", format_args!("of {campaign}"))?, state, reason, count })
    };
    rows.into_iter().map(ended).collect()
}

/// How many deliveries of each campaign were put off by the cap when they were written.
pub async fn put_off(tx: &mut Tx) -> Result<Vec<(Name, i64)>, StoreError> {
    let rows: Vec<(String, i64)> = tx.rows(PUT_OFF, args![]).await?;
    let put_off = |(campaign, n): (String, i64)| Ok((name(&campaign).in_row("issues", format_args!("of {campaign}"))?, n));
    rows.into_iter().map(put_off).collect()
}

/// What is met of nurturing prospects, set-wise: a row for each criterion.
pub async fn met(tx: &mut Tx) -> Result<Vec<(ProspectId, Criterion)>, StoreError> {
    let rows: Vec<(i64, String)> = tx.rows(MET, args![]).await?;
    let met = |(id, criterion): (i64, String)| {
        Ok((
            ProspectId(id),
            word("criterion", &criterion, Criterion::parse).in_row("verdicts", format_args!("of prospect {id}"))?,
        ))
    };
    rows.into_iter().map(met).collect()
}

/// Nurturing prospects who may be mailed.
pub async fn reachable(tx: &mut Tx) -> Result<Vec<ProspectId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(REACHABLE, args![]).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}
