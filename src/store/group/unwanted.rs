//! Which mails their recipients do not want now, by what they chose on their own pages: asked when a page of an issue is written, and
//! again of those who chose something since.

use crate::domain::id::{DeliveryId, Name, OccurrenceId, ProspectId};
use crate::domain::preferences::{Unwanted, today};
use crate::domain::span::midnight;
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, args};
use crate::store::engine::value::{ids, instant};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// $1 the topic of the campaign, $2 the day it is there, as its midnight in UTC.
macro_rules! unwanted {
    ($what:literal, $joined:literal, $which:literal) => {
        concat!(
            "
    SELECT ",
            $what,
            ", CASE WHEN t.topic IS NULL THEN c.paused_until END
    FROM preferences c LEFT JOIN refused_topics t ON t.prospect_id = c.prospect_id AND t.topic = $1
    ",
            $joined,
            "
    WHERE ",
            $which,
            " AND (t.topic IS NOT NULL OR c.paused_until > $2)"
        )
    };
}
/// Those of a page are found from the few who ever chose something, so a page costs what it did.
macro_rules! of_page {
    () => {
        unwanted!(
            "d.id",
            "JOIN deliveries d ON d.prospect_id = c.prospect_id AND d.occurrence_id = $3",
            "c.prospect_id > $4 AND c.prospect_id <= $5"
        )
    };
}
const OF_PAGE: &str = of_page!();
const OF_PEOPLE: &str = unwanted!("c.prospect_id", "", "c.prospect_id IN (SELECT CAST(value AS BIGINT) FROM json_each($3))");
const EXPLAIN: Sql = Sql::Each { sqlite: concat!("EXPLAIN QUERY PLAN ", of_page!()), postgres: concat!("EXPLAIN ", of_page!()) };
const ANY_LESS_OFTEN: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM preferences WHERE less_often LIMIT 1) AS one";

/// Of an occurrence's deliveries to prospects after `after` up to `up_to`: those that are not wanted, each with the reason.
pub async fn of_page(
    tx: &mut Tx,
    occurrence: OccurrenceId,
    (after, up_to): (ProspectId, ProspectId),
    topic: Option<&Name>,
    day: Date,
) -> Result<BTreeMap<DeliveryId, Unwanted>, StoreError> {
    tx.by_key().await?;
    let rows = tx.rows(OF_PAGE, args![topic, midnight(day), occurrence, after, up_to]).await?;
    Ok(read(rows, topic)?.map(|(id, why)| (DeliveryId(id), why)).collect())
}

/// Which of these prospects do not want a mail of this topic on this day, each with the reason.
pub async fn of_people(
    tx: &mut Tx,
    people: &[ProspectId],
    topic: Option<&Name>,
    day: Date,
) -> Result<BTreeMap<ProspectId, Unwanted>, StoreError> {
    tx.by_key().await?;
    let rows = tx.rows(OF_PEOPLE, args![topic, midnight(day), ids(people)?]).await?;
    Ok(read(rows, topic)?.map(|(id, why)| (ProspectId(id), why)).collect())
}

/// Whether anybody wants newsletters less often.
pub async fn any_less_often(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.number(ANY_LESS_OFTEN, args![]).await? > 0)
}

/// How the engine is going to ask of a page, line by line.
pub async fn plan(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    tx.by_key().await?;
    let values = args![Option::<&Name>::None, Timestamp::UNIX_EPOCH, OccurrenceId(1), ProspectId(0), ProspectId(2_000)];
    if tx.is_shared() {
        return Ok(tx.rows::<(String,)>(EXPLAIN, values).await?.into_iter().map(|(line,)| line).collect());
    }
    Ok(tx.rows::<(i64, i64, i64, String)>(EXPLAIN, values).await?.into_iter().map(|(.., line)| line).collect())
}

/// A topic that is refused counts before a pause: it does not end by itself.
fn read(rows: Vec<(i64, Option<i64>)>, topic: Option<&Name>) -> Result<impl Iterator<Item = (i64, Unwanted)>, StoreError> {
    let mut found = Vec::new();
    for (id, paused_until) in rows {
        let until = paused_until.map(instant).transpose().in_row("preferences", id)?;
        let why = match (until, topic) {
            (Some(until), _) => Unwanted::Paused(today(until)),
            (None, Some(topic)) => Unwanted::Topic(topic.clone()),
            (None, None) => continue,
        };
        found.push((id, why));
    }
    Ok(found.into_iter())
}
