//! explain: everything concluded about one prospect, now or at a past instant, with the signals on which it rests,
//! those that count for nothing and why, what is missing, and what time alone will change. It runs the same fold as the live
//! path over what was recorded by then, and reads no stored verdicts.

use super::standing_at::StandingAt;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::ignored::Why;
use crate::domain::doorway::qualification::{Citation, Obstacle, Qualification};
use crate::domain::doorway::signal::Signal;
use crate::domain::doorway::unconfirmed::{Unconfirmed, unconfirmed};
use crate::domain::group::campaign::Campaign;
use crate::domain::id::{ProspectId, SignalId};
use crate::domain::individual::handoff::{Handoff, entry};
use crate::domain::plan::Plan;
use crate::domain::prospect::{Prospect, Standing};
use crate::domain::suppression::StopReason;
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::assess::KnownSignals;
use crate::flow::doorway::conclude;
use crate::flow::doorway::ramp;
use crate::flow::individual::dossier;
use crate::store::doorway::{applied_rules, qualifications};
use crate::store::engine::backend::Tx;
use crate::store::group::campaigns;
use crate::store::individual::{follow_ups, handoffs};
use crate::store::people::preferences::{self, Chosen};
use crate::store::people::{absences, prospects};
use crate::text::verdict::{self, ComingChange, Line};
use jiff::Timestamp;
use serde::Serialize;

/// The conclusions about one prospect.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    pub prospect: ProspectId,
    pub name: String,
    pub company: Option<String>,
    pub at: Timestamp,
    /// Whether that instant is past or to come: then the verdicts are by what was known then, or will be if nothing else happens.
    pub not_now: bool,
    /// Whether other rules were in force at a past instant. The verdicts are by those in force now.
    pub other_rules_then: bool,
    pub standing: Standing,
    /// The reason of the suppression of group mail, if any.
    pub mail_stop: Option<StopReason>,
    /// Until when an automatic reply says that they are away: a mail that falls due before waits until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away_until: Option<Timestamp>,
    /// What they chose about newsletters and what stands of it, each with its source and instant; of now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chosen: Vec<Chosen>,
    pub episode: i64,
    pub episode_started_at: Timestamp,
    /// Whether all five are met, and no obstacle remains.
    pub ready: bool,
    /// What keeps a prospect with five of five from being ready.
    pub obstacle: Option<Obstacle>,
    /// How many of the five are met.
    pub met: usize,
    /// The five criteria, in order.
    pub criteria: Vec<Line>,
    /// Signals that count for nothing, and why.
    pub ignored: Vec<IgnoredSignal>,
    /// What forms say that nobody has answered for, beside what is on record.
    pub unconfirmed: Vec<Unconfirmed>,
    /// The signal by which they asked for a person, if they did.
    pub request: Option<Citation>,
    pub handoff: Option<Handoff>,
    /// The lines as they were offered with the handoff, and how the verdicts changed since.
    pub offered: Option<Vec<Line>>,
    /// The verdicts that will begin or lapse, the soonest first.
    pub coming: Vec<ComingChange>,
    /// The next instant at which time alone changes a verdict.
    pub changes_at: Option<Timestamp>,
    /// The next step; absent for another instant than now.
    pub next: Option<NextStep>,
}

/// A signal that counts for nothing.
#[derive(Debug, Clone, Serialize)]
pub struct IgnoredSignal {
    pub signal: SignalId,
    pub at: Option<Timestamp>,
    pub words: String,
    /// The criterion; absent when it counts for nothing at all.
    pub criterion: Option<Criterion>,
    pub why: Why,
}

/// The next step: an act and its date, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextStep {
    pub what: String,
    /// Who takes it; absent for the service itself.
    pub by: Option<String>,
    pub at: Option<Timestamp>,
}

/// Explains a prospect at this instant, or by what was recorded at `at`.
///
/// # Errors
/// Those of the store; when the prospect was not known at that instant.
pub async fn explain(ctx: &Context, tx: &mut Tx, prospect: ProspectId, at: Option<Timestamp>) -> Result<Explanation, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let prospect = prospects::one(tx, prospect).await?;
    let record = KnownSignals::load(tx, &plan, std::slice::from_ref(&prospect), at.unwrap_or(Timestamp::MAX)).await?;
    let qualification = record.assess(&plan, &prospect, at.unwrap_or(now));
    let all = handoffs::of_prospect(tx, prospect.id).await?;
    let away_until = if at.is_none() { absences::of(tx, prospect.id, now).await? } else { None };
    let chosen = if at.is_none() { preferences::standing(tx, prospect.id, now).await? } else { Vec::new() };
    let next = if at.is_none() { Some(next_of(tx, &plan, &prospect, &qualification, &all, now).await?) } else { None };
    let then = match at {
        Some(at) if at < now => StandingAt::at(tx, &prospect, at).await?,
        Some(_) | None => StandingAt::now(&prospect, all),
    };
    let other_rules_then = match at.filter(|at| *at < now) {
        Some(at) => {
            let (then, now) = (applied_rules::hash_at(tx, at).await?, conclude::rules_hash(&plan));
            then.is_some_and(|hash| hash != now)
        }
        None => false,
    };
    let offered = match &then.handoff {
        Some(handoff) => {
            let (grounds, _) = handoffs::grounds(tx, handoff.id).await?;
            let findings = qualifications::findings(tx, grounds).await?;
            Some(dossier::offered_lines(&plan, &findings, &prospect, Some(&qualification)))
        }
        None => None,
    };
    let criteria =
        verdict::lines(qualification.findings(), &plan.qualifying, &prospect.display_name(), |id| plan.roster.name_of(id));
    let obstacle = qualification.obstacle(then.episode_started_at).filter(|_| qualification.met() == 5);
    Ok(Explanation {
        prospect: prospect.id,
        name: prospect.display_name(),
        company: prospect.company.clone(),
        at: qualification.at(),
        not_now: at.is_some(),
        other_rules_then,
        standing: then.standing,
        mail_stop: then.mail_stop,
        away_until,
        chosen,
        episode: then.episode,
        episode_started_at: then.episode_started_at,
        ready: qualification.met() == 5 && obstacle.is_none(),
        obstacle,
        met: qualification.met(),
        coming: verdict::coming(&criteria, qualification.at()),
        criteria,
        ignored: ignored(&qualification, record.signals(prospect.id)),
        unconfirmed: unconfirmed(record.signals(prospect.id), &prospect, &plan.settings.fields),
        request: qualification.request().cloned(),
        handoff: then.handoff,
        offered,
        changes_at: qualification.changes_at(),
        next,
    })
}

fn ignored(qualification: &Qualification, signals: &[Signal]) -> Vec<IgnoredSignal> {
    let of = |id: SignalId| signals.iter().find(|s| s.id == id);
    let mut told: Vec<IgnoredSignal> = qualification
        .ignored()
        .iter()
        .map(|i| IgnoredSignal {
            signal: i.signal,
            at: of(i.signal).map(|s| s.occurred_at),
            words: of(i.signal).map(|s| s.detail.words()).unwrap_or_default(),
            criterion: i.criterion,
            why: i.why,
        })
        .collect();
    told.sort_by_key(|i| (i.at, i.signal, i.criterion));
    told
}

/// The next step: the doorway, a follow-up on a queue, else a wake date, else the next occurrence of a campaign
/// that fits, else the date of review.
async fn next_of(
    tx: &mut Tx,
    plan: &Plan,
    prospect: &Prospect,
    found: &Qualification,
    all: &[Handoff],
    now: Timestamp,
) -> Result<NextStep, FlowError> {
    let nobody = |what: &str| NextStep { what: what.to_owned(), by: None, at: None };
    match prospect.standing {
        Standing::Closed => return Ok(nobody("nothing: it is closed")),
        Standing::Suppressed => return Ok(nobody("nothing: they are suppressed on every channel")),
        Standing::Nurturing if entry(prospect, all).cause(found).is_some() => {
            // A prospect whom a change of rules made ready may have to wait for their day.
            let waiting = ramp::waiting(tx, plan, now).await?;
            let at = waiting.into_iter().find(|(id, _)| *id == prospect.id).map_or(now, |(_, at)| at);
            return Ok(NextStep { what: "they are offered to a salesperson".to_owned(), by: None, at: Some(at) });
        }
        Standing::Nurturing | Standing::Offered | Standing::Owned => {}
    }
    if let Some(item) = follow_ups::of_prospect(tx, prospect.id).await?.into_iter().next() {
        return Ok(NextStep { what: item.action, by: Some(item.salesperson.to_string()), at: Some(item.due_at) });
    }
    let wakes = prospect.wake_at.map(|at| NextStep { what: "the date they asked for comes".to_owned(), by: None, at: Some(at) });
    let states = campaigns::all(tx).await?;
    let runs = |campaign: &&Campaign| states.get(&campaign.name).is_none_or(|state| state.paused.is_none());
    let wanted = preferences::of(tx, prospect.id, now).await?;
    let wants = |campaign: &&Campaign| campaign.topic.as_ref().is_none_or(|topic| !wanted.refused_topics.contains(topic));
    let fits = |campaign: &&Campaign| prospect.mail_stop.is_none() && campaign.audience.fits(prospect);
    // What falls due before a pause is over is skipped.
    let from = |campaign: &Campaign| {
        let over = wanted.paused_until.and_then(|until| until.to_zoned(campaign.schedule.zone().clone()).ok());
        over.map_or(now, |over| over.timestamp().max(now))
    };
    let fires = plan.campaigns.iter().filter(runs).filter(fits).filter(wants);
    let fires = fires.filter_map(|c| Some((c.opens(c.schedule.after(from(c))?.due_at), c)));
    let away = absences::of(tx, prospect.id, now).await?;
    let mail = fires.min_by_key(|(at, _)| *at).map(|(at, campaign)| match away.filter(|until| *until > at) {
        Some(until) => {
            NextStep { what: format!("campaign {}, put off while they are away", campaign.name), by: None, at: Some(until) }
        }
        None => NextStep { what: format!("campaign {}", campaign.name), by: None, at: Some(at) },
    });
    let soonest = [wakes, mail].into_iter().flatten().min_by_key(|next| next.at);
    let review = prospect.review_after.map(|at| NextStep { what: "review".to_owned(), by: None, at: Some(at) });
    Ok(soonest.or(review).unwrap_or_else(|| nobody("no campaign fits; the next sweep gives them a date of review")))
}
