//! The queue: a salesperson's open items, in the order in which they should be worked. The page and the command print this
//! same list.

use super::enquiry::{Known, told};
use super::{dossier, enquire};
use crate::domain::criterion::Criterion;
use crate::domain::doorway::enquiry::{Enquiry, EnquiryList};
use crate::domain::doorway::entry::Cause;
use crate::domain::doorway::qualification::Verdict;
use crate::domain::excerpt::excerpt;
use crate::domain::id::{EnquiryId, EnquiryListId, HandoffId, Name, ProspectId};
use crate::domain::individual::follow_up::{Urgency, urgency};
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::qualifications;
use crate::store::engine::backend::Tx;
use crate::store::individual::{enquiries, follow_ups, handoffs};
use crate::store::people::{prospects, verdicts};
use crate::text::enquiry::{Asked, between};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// What an item is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Handoff,
    /// A prospect in nurture who came due.
    Reminder,
    /// A request for which no handoff can be opened.
    Enquiry,
    /// What was asked within one hour beyond the bound.
    EnquiryList,
}

/// One item, ready to print.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    pub kind: Kind,
    pub urgency: Urgency,
    /// The handoff the item belongs to, if any.
    pub handoff: Option<HandoffId>,
    /// The prospect; absent for an enquiry from an address we do not know, and for a list.
    pub prospect: Option<ProspectId>,
    pub enquiry: Option<EnquiryId>,
    pub list: Option<EnquiryListId>,
    /// What an enquiry asks, and what is known of who asks.
    pub asked: Option<Asked>,
    pub name: String,
    pub company: Option<String>,
    pub phone: Option<String>,
    /// Whether the prospect asked for a person.
    pub request: bool,
    /// "offered" or "owned"; absent without a handoff; of an enquiry, whether it is confirmed, in words.
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
                kind: if item.handoff.is_some() { Kind::Handoff } else { Kind::Reminder },
                enquiry: None,
                list: None,
                asked: None,
                urgency: urgency(&item, handoff, now),
                handoff: item.handoff,
                prospect: Some(item.prospect),
                name: person.map_or_else(|| format!("prospect {}", item.prospect), Prospect::display_name),
                company: person.and_then(|p| p.company.clone()),
                phone: person.and_then(|p| p.phone.clone()),
                request: handoff.is_some_and(|h| h.cause == Cause::Request),
                state: handoff.map(|h| h.state.word()),
                stage: handoff.filter(|h| h.accepted_at.is_some()).map(|h| h.stage.word()),
                page_url: item
                    .handoff
                    .zip(person)
                    .map(|(id, person)| dossier::page_url(ctx.signer(), &plan, id, person, salesperson)),
                overdue: item.due_at <= now,
                reconfirm: item.handoff.and_then(|id| lapsed.remove(&id)).unwrap_or_default(),
                action: item.action,
                due_at: item.due_at,
            }
        })
        .collect();
    agenda.extend(asked_of(ctx, tx, &plan, salesperson, now).await?);
    agenda.sort_by_key(|item| (item.urgency, item.due_at, item.prospect));
    Ok(agenda)
}

/// A salesperson's enquiries, and the lists of those that came beyond the bound.
async fn asked_of(ctx: &Context, tx: &mut Tx, plan: &Plan, reader: &Name, now: Timestamp) -> Result<Vec<Item>, FlowError> {
    let open = enquiries::of(tx, reader).await?;
    let known = Known::load(tx, &open, false).await?;
    let mut items: Vec<Item> = open.iter().map(|enquiry| enquiry_item(ctx, plan, enquiry, &known, reader, now)).collect();
    let queue_url = dossier::queue_url(ctx.signer(), plan, reader, now);
    items.extend(enquiries::lists_of(tx, reader).await?.iter().map(|list| list_item(plan, list, reader, &queue_url, now)));
    Ok(items)
}

/// An enquiry as an item of a queue.
pub fn enquiry_item(ctx: &Context, plan: &Plan, enquiry: &Enquiry, known: &Known, reader: &Name, now: Timestamp) -> Item {
    let asked = told(ctx, plan, enquiry, known, reader);
    let words = asked.message.join(" ");
    Item {
        kind: Kind::Enquiry,
        urgency: Urgency::Enquiry,
        handoff: known.open(enquiry).map(|handoff| handoff.id),
        prospect: enquiry.prospect,
        enquiry: Some(enquiry.id),
        list: None,
        name: asked.name.clone(),
        company: asked.company.clone(),
        phone: asked.known_phone.clone().or_else(|| asked.said_phone.clone()),
        request: true,
        state: Some(asked.state),
        stage: None,
        action: if words.is_empty() { "Answer them".to_owned() } else { format!("Answer: “{}”", excerpt(&words, 80)) },
        due_at: asked.answer_until,
        overdue: asked.answer_until <= now,
        page_url: asked.page_url.clone(),
        reconfirm: Vec::new(),
        asked: Some(asked),
    }
}

/// A list as an item of a queue.
pub fn list_item(plan: &Plan, list: &EnquiryList, reader: &Name, queue_url: &str, now: Timestamp) -> Item {
    let due_at = plan.roster.hours(reader).after_working(plan.roster.promise.request, list.ends_at);
    let zone = dossier::zone_of(plan, reader);
    Item {
        kind: Kind::EnquiryList,
        urgency: Urgency::Enquiry,
        handoff: None,
        prospect: None,
        enquiry: None,
        list: Some(list.id),
        asked: None,
        name: format!("{} more asked between {}", list.count, between(list.begins_at, list.ends_at, &zone)),
        company: None,
        phone: None,
        request: true,
        state: Some("not looked through"),
        stage: None,
        action: "Look through them, and answer whoever is real".to_owned(),
        due_at,
        overdue: due_at <= now,
        page_url: Some(enquire::list_url(queue_url, list.id)),
        reconfirm: Vec::new(),
    }
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
