//! The queue: a salesperson's open items, in the order in which they should be worked. The page and the command print this
//! same list.

use super::dossier;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::entry::Cause;
use crate::domain::doorway::qualification::Verdict;
use crate::domain::id::{HandoffId, Name, ProspectId};
use crate::domain::individual::follow_up::{Urgency, urgency};
use crate::domain::prospect::Prospect;
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::qualifications;
use crate::store::engine::backend::Tx;
use crate::store::individual::{follow_ups, handoffs};
use crate::store::people::{prospects, verdicts};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// One item, ready to print.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    pub urgency: Urgency,
    /// The handoff the item belongs to, if any.
    pub handoff: Option<HandoffId>,
    pub prospect: ProspectId,
    pub name: String,
    pub company: Option<String>,
    pub phone: Option<String>,
    /// Whether the prospect asked for a person.
    pub request: bool,
    /// "offered" or "owned"; absent without a handoff.
    pub state: Option<&'static str>,
    /// The stage, once owned.
    pub stage: Option<&'static str>,
    pub action: String,
    pub due_at: Timestamp,
    pub overdue: bool,
    pub page_url: Option<String>,
    /// The criteria that were proven when the prospect was offered and have lapsed: to be confirmed again.
    pub reconfirm: Vec<Criterion>,
}

/// A salesperson's open items: requests and offers first, then those due, then those due later.
pub async fn of(ctx: &Context, tx: &mut Tx, salesperson: &Name, now: Timestamp) -> Result<Vec<Item>, FlowError> {
    let plan = ctx.plan();
    let open: BTreeMap<HandoffId, _> = handoffs::of_salesperson(tx, salesperson).await?.into_iter().map(|h| (h.id, h)).collect();
    let items = follow_ups::of(tx, salesperson).await?;
    let ids: Vec<ProspectId> = items.iter().map(|i| i.prospect).collect();
    let people: BTreeMap<ProspectId, _> = prospects::load(tx, &ids).await?.into_iter().map(|p| (p.id, p)).collect();
    let mut lapsed = lapsed(tx, salesperson, &people).await?;
    let mut agenda: Vec<Item> = items
        .into_iter()
        .map(|item| {
            let handoff = item.handoff.and_then(|id| open.get(&id));
            let person = people.get(&item.prospect);
            Item {
                urgency: urgency(&item, handoff, now),
                handoff: item.handoff,
                prospect: item.prospect,
                name: person.map_or_else(|| format!("prospect {}", item.prospect), Prospect::display_name),
                company: person.and_then(|p| p.company.clone()),
                phone: person.and_then(|p| p.phone.clone()),
                request: handoff.is_some_and(|h| h.cause == Cause::Request),
                state: handoff.map(|h| h.state.word()),
                stage: handoff.filter(|h| h.accepted_at.is_some()).map(|h| h.stage.word()),
                page_url: item.handoff.map(|id| dossier::page_url(ctx.signer(), &plan, id, salesperson)),
                overdue: item.due_at <= now,
                reconfirm: item.handoff.and_then(|id| lapsed.remove(&id)).unwrap_or_default(),
                action: item.action,
                due_at: item.due_at,
            }
        })
        .collect();
    agenda.sort_by_key(|item| (item.urgency, item.due_at, item.prospect));
    Ok(agenda)
}

/// The criteria that have lapsed in a salesperson's open handoffs. Only prospects with a lapsed criterion are read.
async fn lapsed(
    tx: &mut Tx,
    salesperson: &Name,
    people: &BTreeMap<ProspectId, Prospect>,
) -> Result<BTreeMap<HandoffId, Vec<Criterion>>, FlowError> {
    let mut found = BTreeMap::new();
    for (handoff, prospect, findings) in verdicts::lapsed(tx, salesperson).await? {
        let then = qualifications::read_findings(&findings)?;
        let now = |criterion| people.get(&prospect).and_then(|p| p.verdicts.get(&criterion).copied()).unwrap_or_default();
        let lapsed = then.iter().filter(|(c, f)| f.verdict == Verdict::Met && now(*c) != Verdict::Met).map(|(c, _)| c);
        found.insert(handoff, lapsed.collect());
    }
    Ok(found)
}
