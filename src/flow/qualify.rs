//! qualify: signals become evidence, evidence becomes five verdicts, and whoever is ready, or asks for a person, stands
//! in the doorway.

use super::context::{Context, FlowError, Progress};
use super::look::Record;
use super::ramp;
use crate::domain::criterion::Criterion;
use crate::domain::handoff::Handoff;
use crate::domain::id::{ProspectId, fingerprint};
use crate::domain::plan::Plan;
use crate::domain::prospect::{Prospect, Standing};
use crate::domain::qualification::{Qualification, Verdict};
use crate::store::backend::Tx;
use crate::store::{applied_rules, assessments, follow_ups, handoffs, prospects, qualifications, verdicts};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How many prospects one transaction assesses.
const PAGE: i64 = 200;
/// How often new rules are tried to be put in force, while the database says that trying again may help.
const TRIES: usize = 5;

/// Assesses the prospects that are due.
///
/// # Errors
/// The store's.
pub async fn qualify(ctx: &Context) -> Result<Progress, FlowError> {
    let now = ctx.now();
    let mut read = ctx.store().read().await?;
    let due = assessments::next_due(&mut read).await?;
    drop(read);
    if due.is_none_or(|at| at > now) {
        return Ok(Progress::until(due));
    }
    let plan = ctx.plan();
    let mut tx = ctx.store().write().await?;
    let claimed = assessments::claim(&mut tx, PAGE, now).await?;
    if claimed.is_empty() {
        return Ok(Progress::Idle);
    }
    assessments::done(&mut tx, &claimed).await?;
    let people = prospects::load(&mut tx, &claimed).await?;
    let record = Record::load(&mut tx, &plan, &people, Timestamp::MAX).await?;
    let (mut again, mut changed, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for prospect in people.iter().filter(|p| p.address.is_some()) {
        let found = record.assess(&plan, prospect, now);
        changed.extend(changes(prospect, &found));
        let judged = judge(&mut tx, &plan, prospect, found, now).await?;
        again.extend(judged.again_at.map(|at| (prospect.id, at)));
        gone.extend((!judged.in_doorway).then_some(prospect.id));
    }
    verdicts::set(&mut tx, &changed, &plan.hash, now).await?;
    // Whoever waits for the ramp may wait for days, and stop being ready meanwhile.
    qualifications::leave(&mut tx, &gone, now).await?;
    assessments::mark(&mut tx, again.into_iter()).await?;
    failpoint!("qualify.before_commit");
    tx.commit().await?;
    failpoint!("qualify.after_commit");
    ctx.ring();
    Ok(Progress::Done)
}

/// Puts the plan's rules in force: if they differ from those before, everybody is due to be assessed. Returns how many.
///
/// A daemon that starts does this while other nodes record signals and mark the same prospects: it may be the one of two
/// deadlocked transactions that is ended, and that must not keep it from starting.
///
/// # Errors
/// The store's.
pub async fn apply_rules(ctx: &Context) -> Result<u64, FlowError> {
    for _ in 1..TRIES {
        match apply_once(ctx).await {
            Err(error) if error.is_transient() => tracing::warn!(%error, "the rules are not in force yet; they are tried again"),
            applied => return applied,
        }
    }
    apply_once(ctx).await
}

async fn apply_once(ctx: &Context) -> Result<u64, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut tx = ctx.store().write().await?;
    let due = put_rules(&mut tx, &plan, false, now).await?;
    tx.commit().await?;
    ctx.ring();
    Ok(due)
}

/// The same within a transaction; also for a node that worked by other rules until now, whoever put these in force.
///
/// # Errors
/// The store's.
pub async fn put_rules(tx: &mut Tx, plan: &Plan, had_others: bool, now: Timestamp) -> Result<u64, FlowError> {
    let are_new = applied_rules::apply(tx, &rules_hash(plan)?, now).await?;
    if are_new || had_others { Ok(assessments::mark_everybody(tx, now).await?) } else { Ok(0) }
}

/// What identifies the rules of a plan.
///
/// # Errors
/// When they cannot be written down.
pub fn rules_hash(plan: &Plan) -> Result<String, FlowError> {
    let rules = serde_json::to_string(&plan.qualifying).map_err(|e| FlowError::Unable(format!("write the rules down: {e}")))?;
    Ok(fingerprint(&[&rules]))
}

/// The verdicts that are not what they were. Each is told once, with the reason, when it happens.
fn changes(prospect: &Prospect, found: &Qualification) -> Vec<(ProspectId, Criterion, Verdict)> {
    let was = |criterion| prospect.verdicts.get(&criterion).copied().unwrap_or_default();
    let changed = found.findings().iter().filter(|(criterion, finding)| finding.verdict != was(*criterion));
    changed
        .map(|(criterion, finding)| {
            // What a signal did can be seen in the signal; what the clock did is seen nowhere else.
            if let Some(since) = finding.since.filter(|since| finding.cites.iter().all(|c| c.at < *since)) {
                let signals: Vec<i64> = finding.cites.iter().map(|c| c.signal.0).collect();
                let (criterion, verdict) = (criterion.word(), finding.verdict.word());
                tracing::info!(prospect = %prospect.id, criterion, verdict, %since, ?signals, "time changed a verdict");
            }
            (prospect.id, criterion, finding.verdict)
        })
        .collect()
}

/// What became of one prospect.
struct Judged {
    /// When time alone will change something.
    again_at: Option<Timestamp>,
    /// Whether they stand in the doorway.
    in_doorway: bool,
}

/// Acts on one prospect's verdicts.
async fn judge(
    tx: &mut Tx,
    plan: &Plan,
    prospect: &Prospect,
    qualification: Qualification,
    now: Timestamp,
) -> Result<Judged, FlowError> {
    // A wake date is a change that time brings, whatever became of the statement it was read from.
    let wakes_at = prospect.wake_at.filter(|at| *at > now);
    let again_at = [qualification.changes_at(), wakes_at].into_iter().flatten().min();
    if prospect.standing != Standing::Nurturing {
        return Ok(Judged { again_at, in_doorway: false });
    }
    let handoffs = handoffs::of_prospect(tx, prospect.id).await?;
    let woke = prospect.wake_at.is_some_and(|at| at <= now);
    let found = doorway(qualification.clone(), prospect, &handoffs);
    let in_doorway = found.is_some();
    match found {
        Some((cause, found)) => {
            let fresh = qualifications::add(tx, prospect.id, prospect.episode, cause, &found, &plan.hash).await?;
            let asks = found.clone().into_request(unanswered_since(prospect, &handoffs)).is_some();
            ramp::note(tx, prospect.id, &found, asks, fresh).await?;
            tracing::info!(prospect = %prospect.id, cause, fresh, "stands in the doorway");
        }
        None if woke => remind(tx, plan, prospect, &qualification, now).await?,
        None => {}
    }
    if woke {
        prospects::set_wake(tx, prospect.id, None).await?;
    }
    Ok(Judged { again_at, in_doorway })
}

/// Whether the prospect may stand in the doorway, and why. A request is one that no handoff has answered yet.
#[must_use]
pub fn doorway(qualification: Qualification, prospect: &Prospect, handoffs: &[Handoff]) -> Option<(&'static str, Qualification)> {
    let answered_at = handoffs.iter().map(|h| h.opened_at).max();
    let cause = qualification.doorway(prospect.episode_started_at, answered_at)?;
    Some((cause, qualification))
}

/// Since when nobody has answered a request of theirs.
#[must_use]
pub fn unanswered_since(prospect: &Prospect, handoffs: &[Handoff]) -> Timestamp {
    let answered = handoffs.iter().map(|h| h.opened_at).max();
    answered.map_or(Timestamp::MIN, |at| at.max(prospect.episode_started_at))
}

/// The date they asked for has come, and they are not ready: somebody who knows them looks at them today.
async fn remind(tx: &mut Tx, plan: &Plan, prospect: &Prospect, found: &Qualification, now: Timestamp) -> Result<(), FlowError> {
    let owner = prospect.previous_salesperson.as_ref().filter(|id| plan.roster.salesperson(id).is_some_and(|s| s.active));
    let salesperson = owner.unwrap_or(&plan.roster.manager);
    let date = prospect.wake_at.unwrap_or(now).to_zoned(TimeZone::UTC).date();
    let missing: Vec<&str> = found.missing().into_iter().map(Criterion::word).collect();
    let action =
        format!("They asked to be approached from {date}. {} of 5 known; ask about {}.", found.met(), missing.join(", "));
    follow_ups::add(tx, prospect.id, None, salesperson, &action, now).await?;
    tracing::info!(prospect = %prospect.id, %salesperson, "woke without being ready");
    Ok(())
}
