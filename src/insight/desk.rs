//! desk: near misses, for marketing's callers. Who has three or four of five, what is missing, the weakest first, and
//! what we asked about it and when. Before them, who has all five and waits for the day on which they are offered. A call that
//! a colleague logs is observed evidence, and may be the one that was missing.

use crate::domain::criterion::Criterion;
use crate::domain::doorway::qualification::{Qualification, Verdict};
use crate::domain::doorway::unconfirmed::{Unconfirmed, unconfirmed};
use crate::domain::id::{IssueId, ProspectId};
use crate::domain::individual::handoff::entry;
use crate::domain::plan::Plan;
use crate::domain::prospect::{Prospect, Standing};
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::assess::KnownSignals;
use crate::flow::doorway::ramp;
use crate::store::engine::backend::Tx;
use crate::store::group::{issues, issues_received};
use crate::store::individual::handoffs;
use crate::store::people::{prospects, verdicts};
use crate::text::verdict::{self, Line};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A prospect who lacks one or two criteria, or waits to be offered.
#[derive(Debug, Clone, Serialize)]
pub struct NearMiss {
    pub prospect: ProspectId,
    pub name: String,
    pub company: Option<String>,
    pub address: Option<String>,
    pub phone: Option<String>,
    /// What forms say that nobody has answered for, beside what is on record.
    pub unconfirmed: Vec<Unconfirmed>,
    /// How many of the five are met.
    pub met: usize,
    /// When they are offered, if they are ready and wait: a change of rules made more ready than are offered on a day.
    pub offered_at: Option<Timestamp>,
    /// The latest instant at which they did or said something, or something came due.
    pub newest_human_at: Option<Timestamp>,
    /// The criteria that are not met, the weakest first.
    pub missing: Vec<Gap>,
}

/// A criterion that is not met, and the questions asked about it.
#[derive(Debug, Clone, Serialize)]
pub struct Gap {
    /// Its verdict, and how it could be asked for.
    #[serde(flatten)]
    pub line: Line,
    /// The questions about it in newsletters they received, the newest first.
    pub asked: Vec<QuestionReceived>,
}

/// A question in an issue that a prospect received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuestionReceived {
    pub at: Timestamp,
    pub question: String,
    /// The subject of the issue.
    pub subject: String,
}

/// Ready prospects who wait for their day, the soonest first; then near misses, four of five first, then by their latest act.
/// At most `most` of each.
pub async fn near_misses(ctx: &Context, tx: &mut Tx, most: i64) -> Result<Vec<NearMiss>, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let ids = verdicts::near_misses(tx, most).await?;
    let people = prospects::load(tx, &ids).await?;
    let record = KnownSignals::load(tx, &plan, &people, Timestamp::MAX).await?;
    let asked = questions_received(tx, &ids).await?;
    let mut found: Vec<NearMiss> = people
        .iter()
        .filter(|p| p.standing == Standing::Nurturing)
        .map(|p| (p, record.assess(&plan, p, now)))
        // The stored verdicts may be a moment old; the fold is up to date.
        .filter(|(_, q)| (3..=4).contains(&q.met()))
        .map(|(prospect, q)| near_miss(&plan, prospect, &q, &record, &asked))
        .collect();
    found.sort_by_key(|n| (std::cmp::Reverse((n.met, n.newest_human_at)), n.prospect));
    let mut all = waiting(tx, &plan, most, now).await?;
    all.append(&mut found);
    Ok(all)
}

/// Ready prospects who are offered on a later day.
async fn waiting(tx: &mut Tx, plan: &Plan, most: i64, now: Timestamp) -> Result<Vec<NearMiss>, FlowError> {
    let mut dates = ramp::waiting(tx, plan, now).await?;
    dates.retain(|(_, at)| *at > now);
    dates.truncate(usize::try_from(most).unwrap_or(0));
    let ids: Vec<ProspectId> = dates.iter().map(|(id, _)| *id).collect();
    let people = prospects::load(tx, &ids).await?;
    let record = KnownSignals::load(tx, plan, &people, Timestamp::MAX).await?;
    let mut found = Vec::new();
    for (id, at) in dates {
        let Some(prospect) = people.iter().find(|p| p.id == id) else { continue };
        let q = record.assess(plan, prospect, now);
        let earlier = handoffs::of_prospect(tx, id).await?;
        if entry(prospect, &earlier).cause(&q).is_some() {
            found.push(NearMiss { offered_at: Some(at), ..near_miss(plan, prospect, &q, &record, &QuestionsReceived::new()) });
        }
    }
    Ok(found)
}

type QuestionsReceived = BTreeMap<(ProspectId, Criterion), Vec<QuestionReceived>>;

fn near_miss(
    plan: &Plan,
    prospect: &Prospect,
    found: &Qualification,
    record: &KnownSignals,
    asked: &QuestionsReceived,
) -> NearMiss {
    let lines = verdict::lines(found.findings(), &plan.qualifying, &prospect.display_name(), |id| plan.roster.name_of(id));
    let gap = |line: Line| Gap { asked: asked.get(&(prospect.id, line.criterion)).cloned().unwrap_or_default(), line };
    let mut missing: Vec<Gap> = lines.into_iter().filter(|line| line.verdict != Verdict::Met).map(gap).collect();
    missing.sort_by_key(|gap| verdict::strength(&found.findings()[gap.line.criterion]));
    NearMiss {
        prospect: prospect.id,
        name: prospect.display_name(),
        company: prospect.company.clone(),
        address: prospect.address.as_ref().map(ToString::to_string),
        phone: prospect.phone.clone(),
        unconfirmed: unconfirmed(record.signals(prospect.id), prospect, &plan.settings.fields),
        met: found.met(),
        offered_at: None,
        newest_human_at: found.newest_human_at(),
        missing,
    }
}

/// The questions in all issues that these prospects received.
async fn questions_received(tx: &mut Tx, prospects: &[ProspectId]) -> Result<QuestionsReceived, FlowError> {
    let mut found = QuestionsReceived::new();
    let mut contents: BTreeMap<IssueId, Option<issues::Issue>> = BTreeMap::new();
    for reached in issues_received::reached(tx, prospects).await? {
        let issue = match contents.entry(reached.issue) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unread) => unread.insert(issues::content(tx, reached.issue).await?),
        };
        for question in issue.iter().flat_map(|issue| &issue.content.questions) {
            let asked =
                QuestionReceived { at: reached.at, question: question.question.clone(), subject: reached.subject.clone() };
            found.entry((reached.prospect, question.criterion)).or_default().push(asked);
        }
    }
    Ok(found)
}
