//! judge: a colleague decides about evidence, under their own name. A criterion holds, or does not hold, until a day; or a
//! signal turns out to be a machine's, or a person's. Both decisions are appended, and no record is edited.

use super::observe::{self, Observed, observe};
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::machine::Machine;
use crate::domain::doorway::signal::{Detail, NewSignal};
use crate::domain::id::{Name, ProspectId, SignalId};
use crate::domain::question::Power;
use crate::domain::span::midnight;
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::assessment_queue::{self, Later};
use crate::store::doorway::{reclassifications, withdrawn_evidence};
use crate::store::engine::backend::{StoreError, Tx};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeSet;

/// A decision about one criterion of one prospect.
#[derive(Debug, Clone)]
pub struct Decision {
    pub address: Address,
    pub criterion: Criterion,
    pub holds: bool,
    /// The day on which the decision stops counting.
    pub until: Date,
    pub by: Name,
    pub note: String,
}

/// Records a decision as dated evidence: a later statement of the prospect outranks it. The same decision at the same
/// instant is recorded once.
///
/// # Errors
/// When the day is not in the future, the reason is missing, the name is not on the roster, or no prospect has the
/// address.
pub async fn decide(ctx: &Context, decision: Decision) -> Result<Observed, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let Decision { address, criterion, holds, until, by, note } = decision;
    observe::known(&plan, &by)?;
    if midnight(until) <= now {
        return Err(FlowError::Refused(format!("{until} is not in the future: a decision counts until a day that is")));
    }
    let note = reason(&note)?;
    let power = if holds { Power::Meets } else { Power::Contradicts };
    let detail = Detail::Override { criterion, power, until, note };
    let signal = NewSignal::decided(address, by, detail, now);
    match observe(ctx, &[signal]).await?.first() {
        Some(Observed::Unknown) | None => Err(FlowError::Missing("a prospect with that address".to_owned())),
        Some(observed) => Ok(*observed),
    }
}

/// Reclassifies signals as a machine's or a person's. Their prospects, and the colleagues they counted for, are assessed
/// anew. Returns those prospects.
///
/// # Errors
/// When the reason is missing, the name is not on the roster, or a signal does not exist or identifies no prospect.
pub async fn judge(
    ctx: &Context,
    signals: &[SignalId],
    is_machine: bool,
    by: &Name,
    note: &str,
) -> Result<Vec<(SignalId, ProspectId)>, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    observe::known(&plan, by)?;
    let note = reason(note)?;
    let mut tx = ctx.store().write().await?;
    let machine = is_machine.then_some(Machine::ByHand);
    let judged = reclassifications::add(&mut tx, signals, machine, by, &note, now).await?;
    if let Some(missing) = signals.iter().find(|id| judged.iter().all(|(found, _)| found != *id)) {
        return Err(FlowError::Missing(format!("signal {missing} of a prospect; nothing was judged")));
    }
    concern(&mut tx, &judged, is_machine, now).await?;
    tx.commit().await?;
    ctx.wake();
    tracing::info!(signals = judged.len(), is_machine, %by, "signals judged anew");
    Ok(judged)
}

/// Has whomever judged signals concern assessed anew, and told if they rest on what was withdrawn. The caller commits.
pub async fn concern(tx: &mut Tx, judged: &[(SignalId, ProspectId)], is_machine: bool, now: Timestamp) -> Result<(), StoreError> {
    let whose: BTreeSet<ProspectId> = judged.iter().map(|(_, prospect)| *prospect).collect();
    let due: Vec<_> = whose.iter().map(|prospect| (*prospect, Later { at: now, if_all_met: false })).collect();
    assessment_queue::enqueue_with_colleagues(tx, &due, &whose, now).await?;
    let signals: Vec<SignalId> = judged.iter().map(|(signal, _)| *signal).collect();
    if is_machine { withdrawn_evidence::add(tx, &signals, now).await } else { withdrawn_evidence::take_back(tx, &signals).await }
}

fn reason(note: &str) -> Result<String, FlowError> {
    let note = note.trim();
    if note.is_empty() {
        return Err(FlowError::Refused("say why: whoever reads it later was not there".to_owned()));
    }
    Ok(note.to_owned())
}
