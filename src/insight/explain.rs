//! explain: everything the house concludes about one prospect, with the signals that say so, what is missing and how it
//! could be asked, and what happens next. The same fold as the live path; nothing here is remembered.

use crate::domain::campaign::Campaign;
use crate::domain::criterion::Criterion;
use crate::domain::handoff::Handoff;
use crate::domain::id::{ProspectId, SignalId};
use crate::domain::ignored;
use crate::domain::plan::Plan;
use crate::domain::prospect::{Prospect, Standing};
use crate::domain::qualification::{Citation, Finding, Qualification, Verdict};
use crate::domain::signal::Signal;
use crate::flow::context::{Context, FlowError};
use crate::flow::{look, qualify};
use crate::store::backend::Tx;
use crate::store::{campaigns, follow_ups, handoffs, prospects};
use jiff::Timestamp;
use serde::Serialize;

/// All that is concluded about one prospect.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Whose.
    pub prospect: ProspectId,
    /// What they are called.
    pub name: String,
    /// Their company.
    pub company: Option<String>,
    /// The instant it holds for.
    pub at: Timestamp,
    /// Where they stand.
    pub standing: Standing,
    /// Why group mail stopped, if it did.
    pub mail_stop: Option<String>,
    /// Which episode of theirs.
    pub episode: i64,
    /// Since when.
    pub episode_started_at: Timestamp,
    /// Whether all five are met, with something human newer than the episode's start.
    pub ready: bool,
    /// How many of the five are met.
    pub met: usize,
    /// The five, in order.
    pub criteria: Vec<Explained>,
    /// Signals that count for nothing, and why.
    pub ignored: Vec<Ignored>,
    /// How they asked for a person, if they did.
    pub request: Option<Citation>,
    /// The handoff that is open.
    pub handoff: Option<Handoff>,
    /// When time alone changes a verdict.
    pub changes_at: Option<Timestamp>,
    /// What happens next.
    pub next: Next,
}

/// One criterion.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// Which.
    pub criterion: Criterion,
    /// The verdict, since when, until when, and the signals that say so.
    #[serde(flatten)]
    pub finding: Finding,
    /// How it could be asked, while it is not met.
    pub missing: Option<Missing>,
}

/// How a criterion that is not met could be asked.
#[derive(Debug, Clone, Serialize)]
pub struct Missing {
    /// Of the group, in a newsletter; absent when it has no answers to choose from.
    pub in_a_newsletter: Option<String>,
    /// By a person.
    pub in_person: Option<String>,
}

/// A signal that counts for nothing.
#[derive(Debug, Clone, Serialize)]
pub struct Ignored {
    /// Which.
    pub signal: SignalId,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// In a line.
    pub words: String,
    /// About which criterion; absent when it counts for nothing at all.
    pub criterion: Option<Criterion>,
    /// Why it does not count.
    pub why: ignored::Why,
}

/// What happens next: an act and its date, wherever there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Next {
    /// What.
    pub what: String,
    /// Who does it; absent for the service itself.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// Explains a prospect as things stand now.
///
/// # Errors
/// The store's.
pub async fn explain(ctx: &Context, tx: &mut Tx, prospect: ProspectId) -> Result<Explanation, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let prospect = prospects::one(tx, prospect).await?;
    let (qualification, signals) = look::look(tx, &plan, prospect.id, now).await?;
    let handoffs = handoffs::of_prospect(tx, prospect.id).await?;
    let stands_in_the_doorway =
        prospect.standing == Standing::Nurturing && qualify::doorway(qualification.clone(), &prospect, &handoffs).is_some();
    let next = if stands_in_the_doorway {
        Next { what: "they are offered to a salesperson".to_owned(), by: None, at: Some(now) }
    } else {
        next(tx, &plan, &prospect, now).await?
    };
    let handoff = handoffs.into_iter().find(Handoff::is_open);
    Ok(Explanation {
        prospect: prospect.id,
        name: prospect.display_name(),
        company: prospect.company.clone(),
        at: qualification.at(),
        standing: prospect.standing,
        mail_stop: prospect.mail_stop.clone(),
        episode: prospect.episode,
        episode_started_at: prospect.episode_started_at,
        ready: qualification.clone().into_ready(prospect.episode_started_at).is_some(),
        met: qualification.met(),
        criteria: qualification.findings().iter().map(|(criterion, finding)| explained(&plan, criterion, finding)).collect(),
        ignored: ignored(&qualification, &signals),
        request: qualification.request().cloned(),
        handoff,
        changes_at: qualification.changes_at(),
        next,
    })
}

fn explained(plan: &Plan, criterion: Criterion, finding: &Finding) -> Explained {
    let rules = &plan.qualifying.criteria[criterion];
    let missing = (finding.verdict != Verdict::Met).then(|| Missing {
        in_a_newsletter: (!rules.answers.is_empty()).then(|| rules.question.clone()),
        in_person: rules.ask.clone(),
    });
    Explained { criterion, finding: finding.clone(), missing }
}

fn ignored(qualification: &Qualification, signals: &[Signal]) -> Vec<Ignored> {
    let of = |id: SignalId| signals.iter().find(|s| s.id == id);
    let told = |i: &ignored::Ignored| Ignored {
        signal: i.signal,
        at: of(i.signal).map(|s| s.occurred_at),
        words: of(i.signal).map(|s| s.detail.words()).unwrap_or_default(),
        criterion: i.criterion,
        why: i.why,
    };
    qualification.ignored().iter().map(told).collect()
}

/// What happens next: an item on a queue, else a date they asked for, else the next occurrence of a campaign that fits,
/// else the date of review.
async fn next(tx: &mut Tx, plan: &Plan, prospect: &Prospect, now: Timestamp) -> Result<Next, FlowError> {
    let nobody = |what: &str| Next { what: what.to_owned(), by: None, at: None };
    match prospect.standing {
        Standing::Closed => return Ok(nobody("nothing: it is closed")),
        Standing::Suppressed => return Ok(nobody("nothing: they are suppressed on every channel")),
        Standing::Nurturing | Standing::Offered | Standing::Owned => {}
    }
    if let Some(item) = follow_ups::of_prospect(tx, prospect.id).await?.into_iter().next() {
        return Ok(Next { what: item.action, by: Some(item.salesperson.to_string()), at: Some(item.due_at) });
    }
    let wakes = prospect.wake_at.map(|at| Next { what: "the date they asked for comes".to_owned(), by: None, at: Some(at) });
    let states = campaigns::all(tx).await?;
    let runs = |campaign: &&Campaign| states.get(&campaign.name).is_none_or(|state| state.paused.is_none());
    let fits = |campaign: &&Campaign| prospect.mail_stop.is_none() && campaign.audience.fits(prospect);
    let fires = plan.campaigns.iter().filter(runs).filter(fits).filter_map(|c| Some((c.schedule.after(now)?.due_at, c)));
    let mail = fires.min_by_key(|(at, _)| *at).map(|(at, campaign)| Next {
        what: format!("campaign {}", campaign.name),
        by: None,
        at: Some(at),
    });
    let soonest = [wakes, mail].into_iter().flatten().min_by_key(|next| next.at);
    let review = prospect.review_after.map(|at| Next { what: "somebody looks at them".to_owned(), by: None, at: Some(at) });
    Ok(soonest.or(review).unwrap_or_else(|| nobody("no campaign fits; the next sweep gives them a date of review")))
}
