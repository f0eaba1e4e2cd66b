//! Conclude: what signals change in the record of their prospects: the verdicts that changed, the instants at which time
//! alone will change them, and the prospects that enter or leave the doorway.
//!
//! The step `qualify` folds in a transaction that only reads, and concludes in one that has locked the prospects.

use super::assess::KnownSignals;
use super::enquiries;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::qualification::{Qualification, Verdict};
use crate::domain::doorway::signal::Signal;
use crate::domain::id::{AccountId, ProspectId, SignalId, fingerprint};
use crate::domain::plan::Plan;
use crate::domain::prospect::Standing;
use crate::store::doorway::assessment_inputs::{self, AssessmentInput};
use crate::store::doorway::qualifications::Candidate;
use crate::store::doorway::{applied_rules, assessment_queue, qualifications, reminders, signals};
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::people::{accounts, prospects, verdicts};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// What a fold over everything on record says of prospects, each with the account that was asked.
#[derive(Debug)]
pub struct Findings {
    /// The newest signal there was before anything was read.
    known_up_to: SignalId,
    of: BTreeMap<ProspectId, (Option<AccountId>, Qualification)>,
    /// The signals by which some of them ask for a person.
    requests: BTreeMap<ProspectId, Signal>,
}

/// Folds everything on record about these prospects. It writes nothing: [`conclude`] does.
pub async fn fold(tx: &mut Tx, plan: &Plan, of: &[ProspectId], now: Timestamp) -> Result<Findings, StoreError> {
    let known_up_to = signals::newest(tx).await?;
    let whose = accounts::of(tx, of).await?;
    let known = KnownSignals::of(tx, plan, &whose, Timestamp::MAX).await?;
    let found = whose.into_iter().map(|(id, account)| (id, (account, known.verdicts(plan, id, account, now))));
    let of: BTreeMap<_, _> = found.collect();
    let request = |(id, (_, found)): (&ProspectId, &(_, Qualification))| {
        let asked = found.request()?.signal;
        Some((*id, known.signals(*id).iter().find(|signal| signal.id == asked)?.clone()))
    };
    let requests = of.iter().filter_map(request).collect();
    Ok(Findings { known_up_to, of, requests })
}

/// Concludes from findings made before the transaction that has locked these prospects, and enqueues each for the instant at
/// which time alone changes a verdict. A prospect who belongs to another account since is enqueued for now. The caller
/// commits.
pub async fn conclude(tx: &mut Tx, plan: &Plan, of: &[ProspectId], found: &Findings, now: Timestamp) -> Result<(), StoreError> {
    let subjects = assessment_inputs::of(tx, of).await?;
    let as_found = |s: &AssessmentInput| found.of.get(&s.prospect).is_some_and(|(account, _)| *account == s.account);
    let (subjects, moved): (Vec<_>, Vec<_>) = subjects.into_iter().partition(as_found);
    assessment_queue::enqueue(tx, moved.iter().map(|s| (s.prospect, now))).await?;
    let (mut changed, mut again) = (Vec::new(), Vec::new());
    let (mut arrived, mut released, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    let mut rules = None;
    let Findings { known_up_to, of, requests } = found;
    for subject in &subjects {
        let Some((_, found)) = of.get(&subject.prospect) else { continue };
        changed.extend(changes(subject, found));
        // A wake date is a change that time brings, even if the statement it was read from no longer counts.
        let wakes_at = subject.wake_at.filter(|at| *at > now);
        again.extend([found.changes_at(), wakes_at].into_iter().flatten().min().map(|at| (subject.prospect, at)));
        if subject.standing != Standing::Nurturing {
            gone.extend(subject.is_waiting.then_some(subject.prospect));
            // They asked while a handoff could have answered, and none can any more.
            if let Some(asked) = requests.get(&subject.prospect).filter(|_| subject.entry().asks(found)) {
                enquiries::put_down_unheard(tx, subject, asked, now).await?;
            }
            continue;
        }
        let woke = subject.wake_at.is_some_and(|at| at <= now);
        if let Some(cause) = subject.entry().cause(found) {
            let asks = subject.entry().asks(found);
            // The query runs once, and only if a prospect stands in the doorway: most signals bring none there.
            let rules = match rules {
                Some(rules) => rules,
                None => *rules.insert(applied_rules::changed(tx).await?),
            };
            let by_rules = !asks && rules.is_some_and(|rules| rules.made_ready(found));
            if !subject.is_waiting {
                arrived.push(Candidate {
                    prospect: subject.prospect,
                    episode: subject.episode,
                    cause,
                    found: found.clone(),
                    by_rules,
                });
            } else if !by_rules {
                // A prospect who waits already can only be released from the ramp: those behind them then come up sooner.
                released.push(subject.prospect);
            }
        } else {
            gone.extend(subject.is_waiting.then_some(subject.prospect));
            if woke {
                remind(tx, plan, subject, found, now).await?;
            }
        }
        if woke {
            prospects::set_wake(tx, subject.prospect, None).await?;
        }
    }
    verdicts::set(tx, &changed, &plan.hash, now).await?;
    for (prospect, cause) in qualifications::add(tx, &arrived, *known_up_to, &plan.hash).await? {
        tracing::info!(%prospect, %cause, "stands in the doorway");
    }
    qualifications::release(tx, &released).await?;
    // A prospect who waits for the ramp may wait for days, and may stop being ready meanwhile.
    qualifications::withdraw_all(tx, &gone, now).await?;
    assessment_queue::enqueue(tx, again).await
}

/// The hash that identifies a plan's rules.
pub fn rules_hash(plan: &Plan) -> String {
    fingerprint(&[&serde_json::to_string(&plan.qualifying).expect("rules are plain values with names for keys")])
}

/// The verdicts that differ from the stored ones. A change that time brought is logged once, with its signals.
fn changes(subject: &AssessmentInput, found: &Qualification) -> Vec<(ProspectId, Criterion, Verdict)> {
    let was = |criterion| subject.known.get(&criterion).copied().unwrap_or_default();
    let changed = found.findings().iter().filter(|(criterion, finding)| finding.verdict != was(*criterion));
    changed
        .map(|(criterion, finding)| {
            // A verdict changed by a signal is explained by that signal; a verdict changed by time is visible only in this
            // log line.
            if let Some(since) = finding.since.filter(|since| finding.cites.iter().all(|c| c.at < *since)) {
                let signals: Vec<i64> = finding.cites.iter().map(|c| c.signal.0).collect();
                let (criterion, verdict) = (criterion.word(), finding.verdict.word());
                tracing::info!(prospect = %subject.prospect, criterion, verdict, %since, ?signals, "time changed a verdict");
            }
            (subject.prospect, criterion, finding.verdict)
        })
        .collect()
}

/// The wake date has come and the prospect is not ready: puts a reminder for today on the queue of the salesperson who
/// knows them, or of the manager.
async fn remind(
    tx: &mut Tx,
    plan: &Plan,
    subject: &AssessmentInput,
    found: &Qualification,
    now: Timestamp,
) -> Result<(), StoreError> {
    let prospect = prospects::one(tx, subject.prospect).await?;
    let salesperson = plan.roster.active_or_manager(prospect.previous_salesperson.as_ref());
    let date = prospect.wake_at.unwrap_or(now).to_zoned(TimeZone::UTC).date();
    let missing: Vec<&str> = found.missing().into_iter().map(Criterion::word).collect();
    let action =
        format!("They asked to be approached from {date}. {} of 5 known; ask about {}.", found.met(), missing.join(", "));
    reminders::add(tx, prospect.id, salesperson, &action, now).await?;
    tracing::info!(prospect = %prospect.id, %salesperson, "woke without being ready");
    Ok(())
}
