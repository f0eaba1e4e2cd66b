//! desk: near misses, for marketing's callers. Who has three or four of five, what is missing, the weakest first, and
//! what we asked about it and when. Before them, who has all five and waits for the day on which they are offered. A call that
//! a colleague logs is observed evidence, and may be the one that was missing.

use crate::domain::criterion::Criterion;
use crate::domain::doorway::qualification::{Qualification, Verdict};
use crate::domain::id::{IssueId, ProspectId};
use crate::domain::plan::Plan;
use crate::domain::prospect::{Prospect, Standing};
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::assess::KnownSignals;
use crate::flow::doorway::{qualify, ramp};
use crate::flow::individual::dossier;
use crate::store::engine::backend::Tx;
use crate::store::group::{issues, issues_received};
use crate::store::individual::handoffs;
use crate::store::people::{prospects, verdicts};
use crate::text::verdict::{self, Line};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Somebody of whom little is missing.
#[derive(Debug, Clone, Serialize)]
pub struct NearMiss {
    pub prospect: ProspectId,
    pub name: String,
    pub company: Option<String>,
    pub address: Option<String>,
    pub phone: Option<String>,
    /// How many of the five are met.
    pub met: usize,
    /// When they are offered: they are ready because the rules changed, and so many others are that they wait.
    pub offered_at: Option<Timestamp>,
    /// When somebody last did, said or was due to do something.
    pub newest_human_at: Option<Timestamp>,
    /// What is missing, the weakest first.
    pub missing: Vec<Gap>,
}

/// A criterion that is missing, and what was asked about it.
#[derive(Debug, Clone, Serialize)]
pub struct Gap {
    /// What is known of it, and how it could be asked.
    #[serde(flatten)]
    pub line: Line,
    /// What was asked about it in newsletters they received, the newest first.
    pub asked: Vec<Asked>,
}

/// A question that reached them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    pub at: Timestamp,
    pub question: String,
    /// The subject of the issue that asked it.
    pub subject: String,
}

/// Who is ready and waits for their day, the soonest first; then near misses, four of five first, then by who did something
/// last. So many of either at most.
pub async fn near_misses(ctx: &Context, tx: &mut Tx, most: i64) -> Result<Vec<NearMiss>, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let ids = verdicts::near_misses(tx, most).await?;
    let people = prospects::load(tx, &ids).await?;
    let record = KnownSignals::load(tx, &plan, &people, Timestamp::MAX).await?;
    let asked = asked(tx, &ids).await?;
    let mut found: Vec<NearMiss> = people
        .iter()
        .filter(|p| p.standing == Standing::Nurturing)
        .map(|p| (p, record.assess(&plan, p, now)))
        // What is kept set-wise may be a moment old; the fold is not.
        .filter(|(_, q)| (3..=4).contains(&q.met()))
        .map(|(prospect, q)| near_miss(&plan, prospect, &q, &asked))
        .collect();
    found.sort_by_key(|n| (std::cmp::Reverse((n.met, n.newest_human_at)), n.prospect));
    let mut all = waiting(tx, &plan, most, now).await?;
    all.append(&mut found);
    Ok(all)
}

/// Those who are ready, and are offered on a later day.
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
        if qualify::doorway(q.clone(), prospect, &earlier).is_some() {
            found.push(NearMiss { offered_at: Some(at), ..near_miss(plan, prospect, &q, &AskedOf::new()) });
        }
    }
    Ok(found)
}

type AskedOf = BTreeMap<(ProspectId, Criterion), Vec<Asked>>;

fn near_miss(plan: &Plan, prospect: &Prospect, found: &Qualification, asked: &AskedOf) -> NearMiss {
    let lines = verdict::lines(found.findings(), &plan.qualifying, &prospect.display_name(), |id| dossier::called(plan, id));
    let gap = |line: Line| Gap { asked: asked.get(&(prospect.id, line.criterion)).cloned().unwrap_or_default(), line };
    let mut missing: Vec<Gap> = lines.into_iter().filter(|line| line.verdict != Verdict::Met).map(gap).collect();
    missing.sort_by_key(|gap| verdict::strength(&found.findings()[gap.line.criterion]));
    NearMiss {
        prospect: prospect.id,
        name: prospect.display_name(),
        company: prospect.company.clone(),
        address: prospect.address.as_ref().map(ToString::to_string),
        phone: prospect.phone.clone(),
        met: found.met(),
        offered_at: None,
        newest_human_at: found.newest_human_at(),
        missing,
    }
}

/// Every question of the issues that reached these prospects.
async fn asked(tx: &mut Tx, prospects: &[ProspectId]) -> Result<AskedOf, FlowError> {
    let mut found = AskedOf::new();
    let mut contents: BTreeMap<IssueId, Option<issues::Issue>> = BTreeMap::new();
    for reached in issues_received::reached(tx, prospects).await? {
        let issue = match contents.entry(reached.issue) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unread) => unread.insert(issues::content(tx, reached.issue).await?),
        };
        for question in issue.iter().flat_map(|issue| &issue.content.questions) {
            let asked = Asked { at: reached.at, question: question.question.clone(), subject: reached.subject.clone() };
            found.entry((reached.prospect, question.criterion)).or_default().push(asked);
        }
    }
    Ok(found)
}
