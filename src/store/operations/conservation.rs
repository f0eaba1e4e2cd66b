//! The law of conservation, set-wise: the group of each prospect of a page according to the tables, and the facts of those
//! to whom a campaign may come next. A page returns a few rows, regardless of how many prospects it has.
//!
//! It decides nothing about campaigns: the schedule decides which of them run and have another occurrence.

use super::audience_facts::{Facts, Truth};
use crate::domain::census::Group;
use crate::domain::id::{Name, ProspectId};
use crate::store::engine::backend::{InRow, Sql, StoreError, Tx, Value, args, is_under, may_be_mailed};
use crate::store::engine::record::record;
use crate::store::engine::value::{instant_or_none, texts, word};
use jiff::Timestamp;

/// The page to count, and the facts to query.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The conditions of campaigns with another occurrence.
    pub facts: &'a Facts<'a>,
    /// The people on the roster: an item on the queue of a person who left counts as on no queue.
    pub ours: &'a [&'a Name],
    /// Only prospects after this id…
    pub after: ProspectId,
    pub up_to: ProspectId,
    pub now: Timestamp,
}

/// Prospects of a page with the same place and facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike {
    /// Where they are, or would be if no campaign fitted them.
    pub group: Group,
    /// What is true of them, if a campaign may come next.
    pub truth: Option<Truth>,
    pub prospects: i64,
    /// Of how many of them the tables say two things.
    pub in_two: i64,
}

/// A prospect for whom the tables hold nothing that comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adrift {
    pub prospect: ProspectId,
    /// What is true of them, if a campaign may come next.
    pub truth: Option<Truth>,
    /// The date of review that has passed, if there was one.
    pub review_after: Option<Timestamp>,
}

/// $1 what is asked, $2 and $3 the window of ids, $4 now, $5 the roster. A window is small enough that what is found in it
/// stays in memory. A wake date counts when an assessment is due by then: nothing else reads it; and so does the end of a pause
/// that they chose, if mail goes on then.
macro_rules! page {
    ($join:literal, $rest:literal) => {
        concat!(
            "
    WITH asked AS MATERIALIZED (
        SELECT value ->> 'kind' AS kind, value ->> 'name' AS name, value ->> 'value' AS value,
               CAST(value ->> 'number' AS BIGINT) AS number
        FROM json_each($1)),
    cuts AS MATERIALIZED (SELECT name, number FROM asked WHERE kind = 'cut'),
    items AS MATERIALIZED (
        SELECT f.prospect_id, MAX(CASE WHEN h.id IS NULL THEN 0 ELSE 1 END) AS of_handoff
        FROM follow_ups f LEFT JOIN handoffs h ON h.id = f.handoff_id AND h.state <> 'closed'
        WHERE f.done_at IS NULL AND f.prospect_id > $2 AND f.prospect_id <= $3
          AND f.salesperson IN (SELECT value ->> 'text' FROM json_each($5)) AND (f.handoff_id IS NULL OR h.id IS NOT NULL)
        GROUP BY f.prospect_id),
    stopped AS (
        SELECT p.id, p.address, p.standing, p.review_after, p.wake_at, p.mail_stop,
               CASE WHEN p.wake_at IS NOT NULL
                    THEN (SELECT MIN(q.due_at) FROM assessment_queue q WHERE q.prospect_id = p.id) END AS due_at,
               p.address IS NULL OR (p.mail_stop IS NOT NULL AND (p.mail_stop = 'erased'
                   OR (SELECT COUNT(*) FROM suppressions s WHERE s.address = p.address AND s.lifted_at IS NULL) = 2)) AS everywhere
        FROM prospects p WHERE p.id > $2 AND p.id <= $3),
    placed AS MATERIALIZED (
        SELECT p.id, p.review_after,
               CASE WHEN p.standing = 'closed' THEN 'closed'
                    WHEN p.standing = 'suppressed' THEN CASE WHEN p.everywhere THEN 'suppressed' ELSE 'stranded' END
                    WHEN p.standing <> 'nurturing' THEN CASE WHEN i.of_handoff = 1 THEN p.standing ELSE 'unattended' END
                    WHEN q.prospect_id IS NOT NULL THEN 'doorway'
                    WHEN i.prospect_id IS NOT NULL THEN 'item'
                    WHEN c.prospect_id IS NOT NULL AND p.mail_stop IS NULL THEN 'wake'
                    WHEN p.due_at <= p.wake_at OR p.due_at <= $4 THEN 'wake'
                    WHEN p.review_after > $4 THEN 'review'
                    ELSE 'adrift' END AS place,
               ", may_be_mailed!("p"), " AND q.prospect_id IS NULL AND i.prospect_id IS NULL AND c.prospect_id IS NULL AS mailed,
               CASE WHEN p.standing NOT IN ('offered', 'owned') THEN CASE WHEN h.id IS NULL THEN 0 ELSE 1 END
                    WHEN h.state <> p.standing THEN 1 ELSE 0 END
               + CASE WHEN p.standing = 'nurturing' AND p.everywhere THEN 1 ELSE 0 END AS twice
        FROM stopped p
        LEFT JOIN handoffs h ON h.prospect_id = p.id AND h.state <> 'closed'
        LEFT JOIN qualifications q ON q.prospect_id = p.id AND q.settled_at IS NULL
        LEFT JOIN items i ON i.prospect_id = p.id
        LEFT JOIN preferences c ON c.prospect_id = p.id AND c.paused_until > $4),
    of_fields AS MATERIALIZED (
        SELECT f.prospect_id, ", $join, "(f.name
                   || CASE WHEN (f.name, f.folded) IN (SELECT a.name, a.value FROM asked a WHERE a.kind = 'value')
                           THEN '\u{1f}' || f.folded ELSE '' END
                   || CASE WHEN f.number IS NULL THEN '' ELSE '\u{1d}'
                      || CAST((SELECT COUNT(*) - 1 FROM cuts c WHERE c.name = f.name AND c.number <= f.number) AS TEXT) END, '\u{1e}') AS told
        FROM prospect_fields f
        WHERE f.prospect_id > $2 AND f.prospect_id <= $3 AND f.name IN (SELECT a.name FROM asked a WHERE a.kind = 'field')
        GROUP BY f.prospect_id),
    of_tags AS MATERIALIZED (
        SELECT t.prospect_id, ", $join, "(t.tag, '\u{1e}') AS told FROM prospect_tags t
        WHERE t.prospect_id > $2 AND t.prospect_id <= $3 AND t.tag IN (SELECT a.value FROM asked a WHERE a.kind = 'tag')
        GROUP BY t.prospect_id),
    of_verdicts AS MATERIALIZED (
        SELECT v.prospect_id, ", $join, "(v.criterion || '\u{1f}' || v.verdict, '\u{1e}') AS told FROM verdicts v
        WHERE v.prospect_id > $2 AND v.prospect_id <= $3 AND v.criterion IN (SELECT a.name FROM asked a WHERE a.kind = 'criterion')
        GROUP BY v.prospect_id),
    of_domains AS MATERIALIZED (
        SELECT p.id AS prospect_id, ", $join, "(CAST(a.number AS TEXT), '\u{1e}') AS told FROM prospects p CROSS JOIN asked a
        WHERE p.id > $2 AND p.id <= $3 AND a.kind = 'domain' AND ", is_under!("p.address", "a.value"), "
        GROUP BY p.id),
    of_topics AS MATERIALIZED (
        SELECT r.prospect_id, ", $join, "(r.topic, '\u{1e}') AS told FROM refused_topics r
        WHERE r.prospect_id > $2 AND r.prospect_id <= $3
        GROUP BY r.prospect_id),
    told AS (
        SELECT p.id, p.place, p.mailed, p.twice, p.review_after, f.told AS fields, t.told AS tags, v.told AS verdicts, d.told AS domains,
               r.told AS topics
        FROM placed p
        LEFT JOIN of_fields f ON f.prospect_id = p.id AND p.mailed
        LEFT JOIN of_tags t ON t.prospect_id = p.id AND p.mailed
        LEFT JOIN of_verdicts v ON v.prospect_id = p.id AND p.mailed
        LEFT JOIN of_domains d ON d.prospect_id = p.id AND p.mailed
        LEFT JOIN of_topics r ON r.prospect_id = p.id AND p.mailed)",
            $rest
        )
    };
}

/// A statement over a page: the engines differ in the name of the aggregate that joins texts.
macro_rules! over_a_page {
    ($rest:literal) => {
        Sql::Each { sqlite: page!("group_concat", $rest), postgres: page!("string_agg", $rest) }
    };
}

const COUNT: Sql = over_a_page!(
    "
    SELECT place, mailed, fields, tags, verdicts, domains, topics, COUNT(*) AS prospects, SUM(CASE WHEN twice > 0 THEN 1 ELSE 0 END) AS in_two
    FROM told GROUP BY place, mailed, fields, tags, verdicts, domains, topics"
);
const ADRIFT: Sql = over_a_page!(
    "
    SELECT id, review_after, mailed, fields, tags, verdicts, domains, topics FROM told WHERE place = 'adrift' ORDER BY id"
);
const ALL: &str = "SELECT COUNT(*) FROM prospects WHERE id <= $1";

struct Row {
    place: String,
    mailed: bool,
    truth: Truth,
    prospects: i64,
    in_two: i64,
}

record!(Row { place, mailed, prospects, in_two } with { truth });

struct AdriftRow {
    id: i64,
    review_after: Option<i64>,
    mailed: bool,
    truth: Truth,
}

record!(AdriftRow { id, review_after, mailed } with { truth });

/// Counts a page. Prospects who may be mailed are told apart by what is true of them.
pub async fn count(tx: &mut Tx, page: Page<'_>) -> Result<Vec<Alike>, StoreError> {
    let rows: Vec<Row> = tx.rows(COUNT, &values(page)?).await?;
    let alike = |row: Row| {
        let (group, truth) = (word("place", &row.place, Group::parse)?, row.mailed.then_some(row.truth));
        Ok(Alike { group, truth, prospects: row.prospects, in_two: row.in_two })
    };
    rows.into_iter().map(alike).collect()
}

/// Those of a page for whom the tables hold nothing that comes next; whether a campaign does, what is true of them tells.
pub async fn adrift(tx: &mut Tx, page: Page<'_>) -> Result<Vec<Adrift>, StoreError> {
    let rows: Vec<AdriftRow> = tx.rows(ADRIFT, &values(page)?).await?;
    let adrift = |row: AdriftRow| {
        let truth = row.mailed.then_some(row.truth);
        Ok(Adrift {
            prospect: ProspectId(row.id),
            truth,
            review_after: instant_or_none(row.review_after).in_row("prospects", row.id)?,
        })
    };
    rows.into_iter().map(adrift).collect()
}

/// How many prospects there are up to this id.
pub async fn all(tx: &mut Tx, up_to: ProspectId) -> Result<i64, StoreError> {
    tx.number(ALL, args![up_to]).await
}

fn values(page: Page<'_>) -> Result<[Value; 5], StoreError> {
    let (facts, ours) = (page.facts.to_json()?, texts(page.ours)?);
    Ok([facts.into(), page.after.into(), page.up_to.into(), page.now.into(), ours.into()])
}
