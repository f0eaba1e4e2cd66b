//! Withdraw: signals turned out to be a machine's after a prospect was handed off by them, and whoever holds the handoff is told
//! by letter. The lead stays theirs: what else is known of it still holds.

use super::dossier;
use super::outbox::{self, Envelope};
use crate::domain::id::{HandoffId, Name, ProspectId, SignalId};
use crate::domain::individual::handoff::Handoff;
use crate::domain::individual::letter::LetterKind;
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError, Progress};
use crate::flow::doorway::assess;
use crate::store::doorway::{qualifications, withdrawn_evidence};
use crate::store::engine::backend::Tx;
use crate::store::individual::handoffs;
use crate::store::people::prospects;
use crate::text::withdrawn::{Line, Withdrawn, withdrawn};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many signals are read at once.
const PAGE: i64 = 1_000;

/// Tells whoever rests on what was withdrawn from one prospect.
pub async fn tell(ctx: &Context) -> Result<Progress, FlowError> {
    let untold = withdrawn_evidence::untold(&mut ctx.store().read().await?, PAGE).await?;
    let Some((prospect, signals)) = untold else { return Ok(Progress::Idle) };
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut tx = ctx.store().write().await?;
    if withdrawn_evidence::told(&mut tx, &signals, now).await? > 0 {
        let gone: BTreeSet<SignalId> = signals.into_iter().collect();
        for (handoff, lines) in resting_on(&mut tx, prospect, &gone).await? {
            write(ctx, &mut tx, &plan, &handoff, lines, now).await?;
        }
    }
    tx.commit().await?;
    ctx.wake();
    Ok(Progress::Done)
}

/// The open handoffs, of a prospect and of their colleagues, that cite any of these signals, with what they cite of them.
async fn resting_on(
    tx: &mut Tx,
    prospect: ProspectId,
    gone: &BTreeSet<SignalId>,
) -> Result<Vec<(Handoff, Vec<Line>)>, FlowError> {
    let mut found = Vec::new();
    for handoff in handoffs::open_of_account(tx, prospect).await? {
        let (qualification, _) = handoffs::grounds(tx, handoff.id).await?;
        let findings = qualifications::findings(tx, qualification).await?;
        let cited = findings.iter().flat_map(|(criterion, finding)| finding.cites.iter().map(move |cited| (criterion, cited)));
        let cited = cited.filter(|(_, cited)| gone.contains(&cited.signal));
        let lines: Vec<Line> =
            cited.map(|(criterion, cited)| Line { criterion, words: cited.words.clone(), at: cited.at }).collect();
        if !lines.is_empty() {
            found.push((handoff, lines));
        }
    }
    Ok(found)
}

/// A handoff that rests on what is to be withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resting {
    pub handoff: HandoffId,
    pub prospect: ProspectId,
    pub salesperson: Name,
}

/// The open handoffs that would lose any of these signals.
///
/// # Errors
/// The store's.
pub async fn would_lose(ctx: &Context, signals: &[(SignalId, ProspectId)]) -> Result<Vec<Resting>, FlowError> {
    let mut of: BTreeMap<ProspectId, BTreeSet<SignalId>> = BTreeMap::new();
    for (signal, prospect) in signals {
        of.entry(*prospect).or_default().insert(*signal);
    }
    let mut tx = ctx.store().read().await?;
    let mut found = Vec::new();
    for (prospect, gone) in &of {
        let resting = resting_on(&mut tx, *prospect, gone).await?.into_iter();
        let resting = resting.map(|(h, _)| Resting { handoff: h.id, prospect: h.prospect, salesperson: h.salesperson });
        found.extend(resting);
    }
    found.sort_by_key(|resting| resting.handoff);
    found.dedup();
    Ok(found)
}

async fn write(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    handoff: &Handoff,
    lines: Vec<Line>,
    now: Timestamp,
) -> Result<(), FlowError> {
    let to = &handoff.salesperson;
    // A salesperson who left the roster gets no mail; `explain` says what was withdrawn.
    if !plan.roster.has(to) {
        return Ok(());
    }
    let prospect = prospects::one(tx, handoff.prospect).await?;
    let (live, _) = assess::assess(tx, plan, handoff.prospect, now).await?;
    let newest = lines.iter().map(|line| line.at).max().unwrap_or(now).as_millisecond();
    let letter = withdrawn(&Withdrawn {
        prospect: prospect.display_name(),
        company: prospect.company.clone(),
        withdrawn: lines,
        met: live.met(),
        page_url: dossier::page_url(ctx.signer(), plan, handoff.id, &prospect, to),
        zone: dossier::zone_of(plan, to),
    });
    let letter = letter.map_err(|e| FlowError::Unable(format!("write of withdrawn evidence: {e}")))?;
    let at = now.as_millisecond();
    let message_id = format!("<withdrawn-{}-{newest}-{at}@{}>", handoff.id, plan.settings.smtp.return_path.domain());
    let thread = dossier::message_id(plan, handoff.id, to);
    let envelope = Envelope {
        kind: LetterKind::Changed,
        handoff: Some(handoff.id),
        to,
        reply_to: None,
        message_id: &message_id,
        thread: Some(&thread),
        not_before: plan.roster.hours(to).next_open(now),
    };
    outbox::post(tx, plan, &letter, &envelope, now).await?;
    tracing::info!(handoff = %handoff.id, %to, "told that evidence was withdrawn");
    Ok(())
}
