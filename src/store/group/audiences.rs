//! Audiences, set-wise: which prospects fit, and which newsletter is due to each. One statement serves any conditions,
//! passed as JSON; `domain::audience` decides the same for one prospect, and the conformance suite compares the two.

use crate::domain::audience::{Audience, Condition, Test};
use crate::domain::criterion::Verdict;
use crate::domain::id::{Name, OccurrenceId, ProspectId};
use crate::domain::settings::Tracking;
use crate::store::engine::backend::{StoreError, Tx, args, has_come_to_nothing, is_under, may_be_mailed};
use crate::store::engine::value::{name, to_json};
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

#[derive(Serialize)]
struct Place<'a> {
    place: usize,
    id: &'a Name,
}

/// A clause is evaluated for each member separately, with one row of the member's at a time: for `EXISTS` or a group
/// PostgreSQL would build a table for each member anew.
///
/// $1 atoms, $2 newsletters, $3 campaign, $4 and $5 the window of ids, $6 whose clicks are followed. With "MATERIALIZED"
/// the newsletter due is computed once for each member and not at each mention.
macro_rules! members {
    ($once:literal, $rest:literal) => {
        concat!(
            "
    WITH atoms AS MATERIALIZED (
        SELECT CAST(value ->> 'clause' AS BIGINT) AS clause, CAST(value ->> 'must' AS BIGINT) AS must, value ->> 'kind' AS kind,
               value ->> 'field' AS field, value ->> 'value' AS expected, CAST(value ->> 'bound' AS BIGINT) AS bound
        FROM json_each($1)),
    clauses AS MATERIALIZED (SELECT DISTINCT clause, must FROM atoms),
    newsletters AS MATERIALIZED (
        SELECT CAST(value ->> 'place' AS BIGINT) AS place, value ->> 'id' AS id FROM json_each($2)),
    members AS ", $once, " (
        SELECT p.id, p.address, (CAST($6 AS TEXT) = 'all' OR (CAST($6 AS TEXT) = 'consented' AND p.tracking_consent)) AS tracked,
               (SELECT n.id FROM newsletters n
                WHERE (
                    SELECT 1 FROM issues i CROSS JOIN deliveries d
                    WHERE i.campaign = $3 AND i.newsletter = n.id
                      AND d.prospect_id = p.id AND d.occurrence_id = i.occurrence_id AND d.issue_id = i.id
                      AND NOT ", has_come_to_nothing!("d"), "
                    LIMIT 1) IS NULL
                ORDER BY n.place LIMIT 1) AS newsletter
        FROM prospects p
        WHERE p.id > $4 AND p.id <= $5 AND ", may_be_mailed!("p"), "
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
                END LIMIT 1) = 1 THEN 1 ELSE 0 END))",
            $rest
        )
    };
}

const NEWSLETTERS: &str = members!("MATERIALIZED", "SELECT DISTINCT newsletter FROM members WHERE newsletter IS NOT NULL");
const SIZE: &str = members!("", "SELECT COUNT(*) FROM members");
const DUE: &str = members!("", "SELECT COUNT(*) FROM members WHERE newsletter IS NOT NULL");
const IDS: &str = members!("", "SELECT id FROM members ORDER BY id");
const FILL: &str = members!(
    "MATERIALIZED",
    "
    INSERT INTO deliveries (occurrence_id, issue_id, prospect_id, address, tracked)
    SELECT CAST($7 AS BIGINT), i.id, m.id, m.address, m.tracked
    FROM members m JOIN issues i ON i.occurrence_id = $7 AND i.newsletter = m.newsletter
    WHERE TRUE ORDER BY m.id
    ON CONFLICT (occurrence_id, prospect_id) DO NOTHING"
);
const WINDOW: &str = "SELECT COALESCE(MAX(id), 0) FROM (SELECT id FROM prospects WHERE id > $1 ORDER BY id LIMIT $2) AS next";
const LAST: &str = "SELECT COALESCE(MAX(id), 0) FROM prospects";

/// The newsletters that at least one prospect is due.
pub async fn newsletters_due(tx: &mut Tx, question: &AudienceQuery<'_>) -> Result<Vec<Name>, StoreError> {
    let rows: Vec<(String,)> = ask(tx, NEWSLETTERS, question).await?;
    rows.iter().map(|(newsletter,)| name(newsletter)).collect()
}

/// How many prospects can be mailed now, with a newsletter due or not.
pub async fn size(tx: &mut Tx, question: &AudienceQuery<'_>) -> Result<i64, StoreError> {
    let rows: Vec<(i64,)> = ask(tx, SIZE, question).await?;
    Ok(rows.first().map_or(0, |(n,)| *n))
}

/// How many prospects are due a newsletter now.
pub async fn due(tx: &mut Tx, question: &AudienceQuery<'_>) -> Result<i64, StoreError> {
    let rows: Vec<(i64,)> = ask(tx, DUE, question).await?;
    Ok(rows.first().map_or(0, |(n,)| *n))
}

/// The prospects who can be mailed now.
pub async fn members(tx: &mut Tx, question: &AudienceQuery<'_>) -> Result<Vec<ProspectId>, StoreError> {
    let rows: Vec<(i64,)> = ask(tx, IDS, question).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// Writes a delivery for each prospect to whom a newsletter with an issue at this occurrence is due. Returns how many.
pub async fn fill(tx: &mut Tx, occurrence: OccurrenceId, question: &AudienceQuery<'_>) -> Result<u64, StoreError> {
    let (atoms, newsletters) = (atoms(question.audience)?, places(question.newsletters)?);
    tx.by_key().await?;
    let values =
        args![atoms, newsletters, question.campaign, question.after, question.up_to, tracking(question.tracking), occurrence];
    tx.execute(FILL, values).await
}

/// The end of a page: the id of the `most`-th prospect after `after`, or zero when there is none.
pub async fn window(tx: &mut Tx, after: ProspectId, most: i64) -> Result<ProspectId, StoreError> {
    tx.number(WINDOW, args![after, most]).await.map(ProspectId)
}

/// The id of the last prospect.
pub async fn last(tx: &mut Tx) -> Result<ProspectId, StoreError> {
    tx.number(LAST, args![]).await.map(ProspectId)
}

async fn ask<T: crate::store::engine::record::Record>(
    tx: &mut Tx,
    sql: &'static str,
    question: &AudienceQuery<'_>,
) -> Result<Vec<T>, StoreError> {
    let (atoms, newsletters) = (atoms(question.audience)?, places(question.newsletters)?);
    tx.by_key().await?;
    tx.rows(sql, args![atoms, newsletters, question.campaign, question.after, question.up_to, tracking(question.tracking)]).await
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
