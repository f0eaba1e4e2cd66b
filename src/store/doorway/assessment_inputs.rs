//! Assessment inputs: for many prospects at once, the columns needed to conclude from their signals, and no others.

use crate::domain::criterion::{Criterion, Verdict};
use crate::domain::doorway::entry::Entry;
use crate::domain::id::{AccountId, ProspectId};
use crate::domain::prospect::Standing;
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::text_rows::{self, Columns};
use crate::store::engine::value::{ids, instant, instant_or_none, word};
use crate::store::people::verdicts::VerdictsByCriterion;
use jiff::Timestamp;

/// The facts about a prospect that their verdicts depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssessmentInput {
    pub prospect: ProspectId,
    pub account: Option<AccountId>,
    pub standing: Standing,
    /// The number of their current episode.
    pub episode: i64,
    pub episode_started_at: Timestamp,
    /// The date before which the prospect asked not to be approached.
    pub wake_at: Option<Timestamp>,
    /// Whether a qualification of theirs waits in the doorway.
    pub is_waiting: bool,
    /// When their latest handoff was opened.
    pub handed_off_at: Option<Timestamp>,
    pub known: VerdictsByCriterion,
}

impl AssessmentInput {
    /// The facts that the rule for entering the doorway needs.
    pub const fn entry(&self) -> Entry {
        Entry { episode_started_at: self.episode_started_at, handed_off_at: self.handed_off_at }
    }
}

/// Waiting qualifications are counted as all less the settled ones, because a PostgreSQL without statistics of the table
/// would otherwise read every waiting row once for each prospect.
const OF: &str = "
    SELECT string_agg(format('%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s', p.id, p.account_id, p.standing, p.episode, p.episode_started_at,
               p.wake_at, (SELECT COUNT(*) - COUNT(q.settled_at) FROM qualifications q WHERE q.prospect_id = p.id),
               (SELECT MAX(h.opened_at) FROM handoffs h WHERE h.prospect_id = p.id),
               (SELECT string_agg(v.criterion || ' ' || v.verdict, ' ') FROM verdicts v WHERE v.prospect_id = p.id)), '\n')
    FROM prospects p
    WHERE p.id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) AND p.address IS NOT NULL";

/// Loads them in the order of ids, without erased prospects.
pub async fn of(tx: &mut Tx, prospects: &[ProspectId]) -> Result<Vec<AssessmentInput>, StoreError> {
    let mut found = text_rows::read(tx, OF, args![ids(prospects)?], subject).await?;
    found.sort_unstable_by_key(|subject| subject.prospect);
    Ok(found)
}

fn subject(columns: &mut Columns<'_>) -> Result<AssessmentInput, StoreError> {
    Ok(AssessmentInput {
        prospect: ProspectId(columns.number()?),
        account: columns.number_or_none()?.map(AccountId),
        standing: word("standing", columns.text()?, Standing::parse)?,
        episode: columns.number()?,
        episode_started_at: instant(columns.number()?)?,
        wake_at: instant_or_none(columns.number_or_none()?)?,
        is_waiting: columns.number()? > 0,
        handed_off_at: instant_or_none(columns.number_or_none()?)?,
        known: known(columns.text()?)?,
    })
}

fn known(text: &str) -> Result<VerdictsByCriterion, StoreError> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let read = |pair: &[&str]| match pair {
        [criterion, verdict] => Ok((word("criterion", criterion, Criterion::parse)?, word("verdict", verdict, Verdict::parse)?)),
        _ => Err(StoreError::value("verdicts", "one without its criterion")),
    };
    words.chunks(2).map(read).collect()
}
