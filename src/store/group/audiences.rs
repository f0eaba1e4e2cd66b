//! Audiences, set-wise: which prospects fit, and which newsletter is due to each. One statement serves any conditions,
//! passed as JSON; `domain::audience` decides the same for one prospect, and the conformance suite compares the two.

use super::leases::Lease;
use crate::domain::audience::{Audience, Condition, Test};
use crate::domain::criterion::Verdict;
use crate::domain::id::{DeliveryId, Name, OccurrenceId, ProspectId};
use crate::domain::settings::Tracking;
use crate::store::engine::backend::{Sql, StoreError, Tx, args, came_to_nothing, is_under, may_be_mailed};
use crate::store::engine::text_rows::{self, Columns};
use crate::store::engine::value::to_json;
use serde::Serialize;

/// A campaign's audience and newsletters, as the statements need them.
#[derive(Debug)]
pub struct AudienceQuery<'a> {
    pub campaign: &'a Name,
    pub audience: &'a Audience,
    /// The newsletters it may send, in order; each prospect is due the first they have not had.
    pub newsletters: &'a [&'a Name],
    pub tracking: Tracking,
    /// Only prospects after this id…
    pub after: ProspectId,
    pub up_to: ProspectId,
}

/// One alternative of a clause. A clause holds if one of its atoms does; it must hold, or must not.
#[derive(Serialize)]
struct Atom {
    clause: usize,
    must: u8,
    kind: &'static str,
    field: String,
    value: String,
    bound: Option<i64>,
}

/// A newsletter of the campaign, by its place in the order.
#[derive(Serialize)]
struct Place<'a> {
    place: usize,
    id: &'a Name,
}

/// A prospect, and the newsletter they are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due<'a> {
    pub prospect: ProspectId,
    pub newsletter: &'a Name,
}

/// A clause is evaluated for each member separately, with one row of the member's at a time: for `EXISTS` or a group
/// PostgreSQL would build a table for each member anew.
///
/// $1 atoms, $2 and $3 the window of ids; `$more` are further tables, `$of` what is asked of each member `p`.
macro_rules! members {
    ($more:expr, $of:expr) => {
        concat!(
            "
    WITH atoms AS MATERIALIZED (
        SELECT CAST(value ->> 'clause' AS BIGINT) AS clause, CAST(value ->> 'must' AS BIGINT) AS must, value ->> 'kind' AS kind,
               value ->> 'field' AS field, value ->> 'value' AS expected, CAST(value ->> 'bound' AS BIGINT) AS bound
        FROM json_each($1)),
    clauses AS MATERIALIZED (SELECT DISTINCT clause, must FROM atoms)", $more, "
    SELECT ", $of, "
        FROM prospects p
        WHERE p.id > $2 AND p.id <= $3 AND ", may_be_mailed!("p"), "
          AND NOT EXISTS (
            SELECT 1 FROM clauses c WHERE c.must <> CASE WHEN (SELECT 1 FROM atoms a WHERE a.clause = c.clause AND CASE a.kind
                WHEN 'in' THEN (SELECT f.folded FROM prospect_fields f WHERE f.prospect_id = p.id AND f.name = a.field) = a.expected
                WHEN 'least' THEN (SELECT f.number FROM prospect_fields f WHERE f.prospect_id = p.id AND f.name = a.field) >= a.bound
                WHEN 'most' THEN (SELECT f.number FROM prospect_fields f WHERE f.prospect_id = p.id AND f.name = a.field) <= a.bound
                WHEN 'known' THEN (SELECT 1 FROM prospect_fields f WHERE f.prospect_id = p.id AND f.name = a.field) = 1
                WHEN 'absent' THEN (SELECT 1 FROM prospect_fields f WHERE f.prospect_id = p.id AND f.name = a.field) IS NULL
                WHEN 'tag' THEN (SELECT 1 FROM prospect_tags t WHERE t.prospect_id = p.id AND t.tag = a.expected) = 1
                WHEN 'domain' THEN ", is_under!("p.address", "a.expected"), "
                WHEN 'verdict' THEN
                    (SELECT v.verdict FROM verdicts v WHERE v.prospect_id = p.id AND v.criterion = a.field) = a.expected
                WHEN 'unknown' THEN (SELECT 1 FROM verdicts v WHERE v.prospect_id = p.id AND v.criterion = a.field) IS NULL
                ELSE FALSE
                END LIMIT 1) = 1 THEN 1 ELSE 0 END)"
        )
    };
}

/// The members, a line each, with the places of the newsletters they have had. The query starts from a member's own deliveries, of
/// which there are as many as letters they got: a campaign in its tenth year has thousands of issues. Those before the first issue
/// of any of these newsletters are left out, so an edition costs what it is and not what came before it.
///
/// SQLite builds an index of `sent` once, and needs to be told that the partial index finds the few attempts that came to nothing.
/// PostgreSQL, told to find its rows by key, has no join that would: there `sent` is packed into one value, which is as good as an index.
///
/// $4 campaign, $5 newsletters.
macro_rules! with_what_they_had {
    ($packed:literal, $sent:literal, $index:literal, $found:literal) => {
        members!(
            concat!(
                ",
    newsletters AS MATERIALIZED (
        SELECT CAST(value ->> 'place' AS BIGINT) AS place, value ->> 'id' AS id FROM json_each($5)),
    sent AS MATERIALIZED (
        SELECT i.id, i.occurrence_id, n.place FROM newsletters n CROSS JOIN issues i WHERE i.campaign = $4 AND i.newsletter = n.id),
    since AS MATERIALIZED (SELECT COALESCE(MIN(occurrence_id), 0) AS first_id FROM sent)",
                $packed
            ),
            concat!(
                "string_agg(format('%s\t%s', p.id, (
            SELECT string_agg(CAST(s.place AS TEXT), ',') FROM deliveries d CROSS JOIN ",
                $sent,
                " s
            LEFT JOIN attempts came ",
                $index,
                " ON came.delivery_id = d.id AND came.state IN ",
                came_to_nothing!(),
                " AND NOT EXISTS (SELECT 1 FROM attempts later WHERE later.delivery_id = came.delivery_id AND later.number > came.number)
            WHERE ",
                $found,
                " AND d.prospect_id = p.id AND d.occurrence_id >= (SELECT first_id FROM since) AND came.delivery_id IS NULL)), '\n')"
            )
        )
    };
}

macro_rules! due {
    (sqlite) => {
        with_what_they_had!("", "sent", "INDEXED BY attempts_that_came_to_nothing", "s.id = d.issue_id")
    };
    (postgres) => {
        with_what_they_had!(
            ",
    packed AS MATERIALIZED (SELECT jsonb_object_agg(id, place) AS places FROM sent)",
            "LATERAL (SELECT (SELECT places FROM packed) ->> CAST(d.issue_id AS TEXT) AS place)",
            "",
            "s.place IS NOT NULL"
        )
    };
}

const SIZE: &str = members!("", "COUNT(*)");
const IDS: &str = members!("", "p.id");
const DUE: Sql = Sql::Each { sqlite: due!(sqlite), postgres: due!(postgres) };
/// Who was stopped since the page was read gets none.
macro_rules! fill {
    () => {
        concat!(
            "
    INSERT INTO deliveries (occurrence_id, issue_id, prospect_id, address, tracked)
    SELECT i.occurrence_id, i.id, p.id, p.address,
           CASE CAST($3 AS TEXT) WHEN 'consented' THEN p.tracking_consent
               WHEN 'all' THEN p.tracking_consent OR NOT EXISTS (
                   SELECT 1 FROM consents c WHERE c.prospect_id = p.id AND c.purpose = 'tracking')
               ELSE FALSE END
    FROM json_each($1) m CROSS JOIN prospects p CROSS JOIN issues i
    WHERE p.id = CAST(m.value ->> 'prospect' AS BIGINT) AND i.occurrence_id = $2 AND i.newsletter = m.value ->> 'newsletter' AND ",
            may_be_mailed!("p"),
            " ORDER BY p.id
    ON CONFLICT (occurrence_id, prospect_id) DO NOTHING"
        )
    };
}
const FILL: &str = fill!();
const EXPLAIN_DUE: Sql =
    Sql::Each { sqlite: concat!("EXPLAIN QUERY PLAN ", due!(sqlite)), postgres: concat!("EXPLAIN ", due!(postgres)) };
const EXPLAIN_FILL: Sql = Sql::Each { sqlite: concat!("EXPLAIN QUERY PLAN ", fill!()), postgres: concat!("EXPLAIN ", fill!()) };
const ANY_CHANGED: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM audience_changes WHERE newest_delivery >= $1 LIMIT 1) AS one";
const CHANGED: &str = "
    SELECT d.id, d.prospect_id FROM deliveries d JOIN audience_changes c ON c.prospect_id = d.prospect_id
    WHERE d.issue_id = $1 AND d.id BETWEEN $2 AND $3 AND c.newest_delivery >= d.id - CAST($4 AS BIGINT)";
const RECIPIENTS: &str = "
    SELECT d.id, d.prospect_id FROM deliveries d
    WHERE d.issue_id = $1 AND d.id BETWEEN $2 AND $3 AND d.prospect_id IS NOT NULL";
/// A page is read before it is written, here and on other nodes: what changes in between is not seen by it, and its deliveries get
/// later numbers. Ten such pages.
const BESIDE: i64 = 20_000;
const WINDOW: &str = "SELECT COALESCE(MAX(id), 0) FROM (SELECT id FROM prospects WHERE id > $1 ORDER BY id LIMIT $2) AS next";
const LAST: &str = "SELECT COALESCE(MAX(id), 0) FROM prospects";

/// How many prospects can be mailed now, with a newsletter due or not.
pub async fn size(tx: &mut Tx, question: &AudienceQuery<'_>) -> Result<i64, StoreError> {
    tx.by_key().await?;
    tx.number(SIZE, args![atoms(question.audience)?, question.after, question.up_to]).await
}

/// The prospects who can be mailed now.
pub async fn members(tx: &mut Tx, question: &AudienceQuery<'_>) -> Result<Vec<ProspectId>, StoreError> {
    tx.by_key().await?;
    let rows: Vec<(i64,)> = tx.rows(IDS, args![atoms(question.audience)?, question.after, question.up_to]).await?;
    let mut found: Vec<ProspectId> = rows.into_iter().map(|(id,)| ProspectId(id)).collect();
    found.sort_unstable();
    Ok(found)
}

/// The prospects who are due a newsletter now, in the order of their ids: each the first that they have not had.
pub async fn due<'a>(tx: &mut Tx, question: &AudienceQuery<'a>) -> Result<Vec<Due<'a>>, StoreError> {
    let (atoms, newsletters) = (atoms(question.audience)?, places(question.newsletters)?);
    tx.by_key().await?;
    let values = args![atoms, question.after, question.up_to, question.campaign, newsletters];
    let mut had = vec![false; question.newsletters.len()];
    let line = |columns: &mut Columns<'_>| {
        let prospect = ProspectId(columns.number()?);
        had.fill(false);
        for place in columns.text()?.split(',').filter_map(|place| place.parse::<usize>().ok()) {
            if let Some(had) = had.get_mut(place) {
                *had = true;
            }
        }
        let first = had.iter().position(|had| !had);
        Ok(first.map(|place| Due { prospect, newsletter: question.newsletters[place] }))
    };
    let lines = text_rows::read(tx, DUE, values, line).await?;
    let mut due: Vec<Due<'a>> = lines.into_iter().flatten().collect();
    due.sort_unstable_by_key(|due| due.prospect);
    Ok(due)
}

/// Writes a delivery for each of these prospects, who were due a newsletter with an issue at this occurrence a moment ago. Returns
/// how many.
pub async fn fill(
    tx: &mut Tx,
    occurrence: OccurrenceId,
    question: &AudienceQuery<'_>,
    due: &[Due<'_>],
) -> Result<u64, StoreError> {
    #[derive(Serialize)]
    struct Row<'r> {
        prospect: i64,
        newsletter: &'r Name,
    }
    let rows: Vec<Row<'_>> = due.iter().map(|due| Row { prospect: due.prospect.0, newsletter: due.newsletter }).collect();
    tx.by_key().await?;
    tx.execute(FILL, args![to_json(&rows)?, occurrence, tracking(question.tracking)]).await
}

/// How the engine is going to read a page and to write it, line by line: so that a test sees a scan before a tenth year does.
pub async fn plans(tx: &mut Tx, question: &AudienceQuery<'_>) -> Result<Vec<String>, StoreError> {
    let (atoms, newsletters) = (atoms(question.audience)?, places(question.newsletters)?);
    tx.by_key().await?;
    let due = args![atoms, question.after, question.up_to, question.campaign, newsletters];
    let fill = args!["[]", OccurrenceId(1), tracking(question.tracking)];
    let mut lines = Vec::new();
    for (sql, values) in [(EXPLAIN_DUE, &due[..]), (EXPLAIN_FILL, &fill[..])] {
        if tx.is_shared() {
            lines.extend(tx.rows::<(String,)>(sql, values).await?.into_iter().map(|(line,)| line));
        } else {
            lines.extend(tx.rows::<(i64, i64, i64, String)>(sql, values).await?.into_iter().map(|(.., line)| line));
        }
    }
    Ok(lines)
}

/// The deliveries of a range whose prospects may have left their audience since these were written: those of whom something
/// changed that an audience may ask.
pub async fn changed(tx: &mut Tx, range: &Lease) -> Result<Vec<(DeliveryId, ProspectId)>, StoreError> {
    // As a rule nothing changed since the first of them was written, which one look at an index says.
    if tx.number(ANY_CHANGED, args![range.first.0 - BESIDE]).await? == 0 {
        return Ok(Vec::new());
    }
    tx.by_key().await?;
    Ok(pairs(tx.rows(CHANGED, args![range.issue, range.first, range.last, BESIDE]).await?))
}

/// Every delivery of a range to a prospect.
pub async fn recipients(tx: &mut Tx, range: &Lease) -> Result<Vec<(DeliveryId, ProspectId)>, StoreError> {
    tx.by_key().await?;
    Ok(pairs(tx.rows(RECIPIENTS, args![range.issue, range.first, range.last]).await?))
}

fn pairs(rows: Vec<(i64, i64)>) -> Vec<(DeliveryId, ProspectId)> {
    rows.into_iter().map(|(delivery, prospect)| (DeliveryId(delivery), ProspectId(prospect))).collect()
}

/// The end of a page: the id of the `most`-th prospect after `after`, or zero when there is none.
pub async fn window(tx: &mut Tx, after: ProspectId, most: i64) -> Result<ProspectId, StoreError> {
    tx.number(WINDOW, args![after, most]).await.map(ProspectId)
}

/// The id of the last prospect.
pub async fn last(tx: &mut Tx) -> Result<ProspectId, StoreError> {
    tx.number(LAST, args![]).await.map(ProspectId)
}

const fn tracking(tracking: Tracking) -> &'static str {
    match tracking {
        Tracking::All => "all",
        Tracking::Consented => "consented",
        Tracking::None => "none",
    }
}

fn places(newsletters: &[&Name]) -> Result<String, StoreError> {
    to_json(&newsletters.iter().enumerate().map(|(place, id)| Place { place, id }).collect::<Vec<_>>())
}

/// Every `all` is a clause of its own; the `any` together are one; the `none` together are one that must not hold.
fn atoms(audience: &Audience) -> Result<String, StoreError> {
    let mut atoms = Vec::new();
    for (clause, condition) in audience.all.iter().enumerate() {
        add(&mut atoms, clause + 2, 1, condition);
    }
    audience.any.iter().for_each(|condition| add(&mut atoms, 0, 1, condition));
    audience.none.iter().for_each(|condition| add(&mut atoms, 1, 0, condition));
    to_json(&atoms)
}

/// The atoms of one condition. An empty list gives an atom that never holds, so that no clause is empty.
fn add(atoms: &mut Vec<Atom>, clause: usize, must: u8, condition: &Condition) {
    let before = atoms.len();
    let mut atom = |kind, field: &str, value: &str, bound| {
        atoms.push(Atom { clause, must, kind, field: field.to_owned(), value: value.to_owned(), bound });
    };
    match condition {
        Condition::Tag(tag) => atom("tag", "", tag, None),
        // The end of an address is compared, so a value with an `@` would match part of the local part.
        Condition::Domain(domains) => {
            domains.iter().filter(|d| !d.contains('@')).for_each(|domain| atom("domain", "", domain, None));
        }
        Condition::Verdict { criterion, is } => is.iter().for_each(|verdict| match verdict {
            Verdict::Unknown => atom("unknown", criterion.word(), "", None),
            known => atom("verdict", criterion.word(), known.word(), None),
        }),
        Condition::Field { name, test } => match test {
            Test::In(values) => values.iter().for_each(|value| atom("in", name.as_str(), value, None)),
            Test::AtLeast(least) => atom("least", name.as_str(), "", Some(*least)),
            Test::AtMost(limit) => atom("most", name.as_str(), "", Some(*limit)),
            Test::Known(true) => atom("known", name.as_str(), "", None),
            Test::Known(false) => atom("absent", name.as_str(), "", None),
        },
    }
    if atoms.len() == before {
        atoms.push(Atom { clause, must, kind: "never", field: String::new(), value: String::new(), bound: None });
    }
}
