//! admit: prospects arrive in a list, a form or from another system, and are merged with the record.
//!
//! A blank field never overwrites; an opt-out only ever adds a suppression; every change of a field is a signal. The same
//! arrival a second time changes nothing.

use crate::domain::address::Address;
use crate::domain::doorway::arrival::Arrival;
use crate::domain::doorway::signal::{About, NewSignal};
use crate::domain::id::{Name, ProspectId};
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::domain::suppression::{Channel, StopReason};
use crate::store::doorway::{assessment_queue, signals};
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::people::accounts::{self, Company};
use crate::store::people::consents;
use crate::store::people::prospects::{self, Details, FieldChange, NewProspect};
use crate::store::people::suppressions::{self, Stop};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// What an admission changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Admitted {
    pub added: u64,
    /// Known prospects of whom at least one field changed.
    pub changed: u64,
    /// Known prospects without any change.
    pub unchanged: u64,
    pub suppressed: u64,
}

/// Admits a page of people, each address once. `source` says where they come from ("import hubspot.csv"); `as_of` is the
/// day on which the fields were true, if the source vouches for it. The caller commits.
pub async fn admit(
    tx: &mut Tx,
    plan: &Plan,
    arrivals: &[Arrival],
    source: &str,
    as_of: Option<Date>,
    now: Timestamp,
) -> Result<Admitted, StoreError> {
    let addresses: Vec<&Address> = arrivals.iter().map(|a| &a.address).collect();
    let companies: BTreeMap<&str, Option<&str>> =
        arrivals.iter().filter_map(|a| Some((a.address.company_domain()?, a.company.as_deref()))).collect();
    let companies: Vec<Company<'_>> = companies.into_iter().map(|(domain, name)| Company { domain, name }).collect();
    let known_accounts = accounts::find_or_add(tx, &companies).await?;
    let suppressed = suppressions::of(tx, &addresses).await?;
    let stop_of = |address: &Address| {
        let erased = suppressions::erased(address);
        let mut stops = suppressed.iter().filter(|s| s.channel == Channel::Email);
        // An erasure outranks every other stop of the address, because it cannot be lifted.
        if stops.clone().any(|s| s.address == erased) {
            return Some(StopReason::Erased);
        }
        stops.find(|s| s.address == address.as_str()).map(|s| s.reason)
    };
    let known = prospects::by_address(tx, &addresses).await?;
    let known_ids: Vec<ProspectId> = known.values().copied().collect();
    let before: BTreeMap<ProspectId, Prospect> = prospects::load(tx, &known_ids).await?.into_iter().map(|p| (p.id, p)).collect();

    let details = |a: &'_ Arrival| -> (Option<_>, Option<Name>) {
        let account = a.address.company_domain().and_then(|domain| known_accounts.get(domain).copied());
        (account, a.owner.as_deref().and_then(|owner| plan.roster.salesperson_called(owner)).map(|s| s.id.clone()))
    };
    let resolved: Vec<_> = arrivals.iter().map(details).collect();
    let full: Vec<Details<'_>> = arrivals
        .iter()
        .zip(&resolved)
        .map(|(a, (account, owner))| Details {
            name: a.name.as_deref(),
            phone: a.phone.as_deref(),
            company: a.company.as_deref(),
            account: *account,
            salesperson: owner.as_ref().map(Name::as_str),
        })
        .collect();
    let new: Vec<NewProspect<'_>> = arrivals
        .iter()
        .zip(&full)
        .filter(|(a, _)| !known.contains_key(&a.address))
        .map(|(a, details)| NewProspect { address: a.address.as_str(), details: *details, mail_stop: stop_of(&a.address) })
        .collect();
    let added = prospects::add(tx, &new, now).await?;
    // A person who is stopped on every channel, perhaps because they were erased, is not nurtured under the same address.
    let stopped_everywhere = |address: &Address| {
        let erased = suppressions::erased(address);
        let channels = suppressed.iter().filter(|s| s.address == address.as_str() || s.address == erased);
        channels.map(|s| s.channel).collect::<BTreeSet<_>>().len() == Channel::ALL.len()
    };
    let silent: Vec<ProspectId> = added.iter().filter(|(address, _)| stopped_everywhere(address)).map(|(_, id)| *id).collect();
    if !silent.is_empty() {
        prospects::suppress(tx, &silent).await?;
    }

    let mut count = Admitted { added: added.len() as u64, ..Admitted::default() };
    let mut changes: Vec<FieldChange<'_>> = Vec::new();
    let mut tags: Vec<(ProspectId, &str)> = Vec::new();
    let mut stops = Vec::new();
    let mut agreed = Vec::new();
    let mut news: Vec<NewSignal> = Vec::new();
    for (arrival, details) in arrivals.iter().zip(&full) {
        let Some(id) = known.get(&arrival.address).or_else(|| added.get(&arrival.address)).copied() else {
            continue;
        };
        let earlier = before.get(&id);
        let was = |field: &Name| earlier.and_then(|p| p.fields.get(field));
        let fields: Vec<(&Name, &String)> = arrival.fields.iter().filter(|(name, value)| was(name) != Some(value)).collect();
        let fresh_tags: Vec<&String> = arrival.tags.iter().filter(|tag| earlier.is_none_or(|p| !p.tags.contains(*tag))).collect();
        if let Some(earlier) = earlier {
            let changed_details = details_that_change(details, earlier);
            if changed_details != Details::default() {
                prospects::update(tx, id, &changed_details).await?;
            }
            let same = changed_details == Details::default() && fields.is_empty() && fresh_tags.is_empty();
            *(if same { &mut count.unchanged } else { &mut count.changed }) += 1;
        }
        changes.extend(fields.iter().map(|(name, value)| FieldChange { prospect: id, name: name.as_str(), value: Some(value) }));
        tags.extend(fresh_tags.iter().map(|tag| (id, tag.as_str())));
        if !fields.is_empty() {
            let changed = fields.into_iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
            news.push(NewSignal::fields(id, changed, source, as_of, now));
        }
        let channels = [(arrival.email_opt_out, Channel::Email), (arrival.phone_opt_out, Channel::Phone)];
        stops.extend(channels.into_iter().filter(|(out, _)| *out).map(|(_, channel)| Stop {
            address: arrival.address.to_string(),
            channel,
            reason: StopReason::OptedOut,
            source: source.to_owned(),
        }));
        agreed.extend(arrival.consents.iter().map(|said| (id, said.clone())));
    }
    prospects::set_fields(tx, &changes).await?;
    prospects::add_tags(tx, &tags).await?;
    consents::add(tx, &agreed, now).await?;
    count.suppressed = suppressions::add(tx, &stops, now).await?;
    let rows: Vec<_> = news.iter().map(|s| (about(s), s)).collect();
    signals::append(tx, &rows, now).await?;
    assessment_queue::enqueue(tx, rows.iter().filter_map(|(id, _)| Some(((*id)?, now)))).await?;
    Ok(count)
}

fn about(signal: &NewSignal) -> Option<ProspectId> {
    match signal.about {
        About::Prospect(id) => Some(id),
        About::Address(_) | About::Nobody => None,
    }
}

/// The fields that are given and differ from the record. An owner on record is not overwritten: routing knows better.
fn details_that_change<'a>(said: &Details<'a>, known: &Prospect) -> Details<'a> {
    let differs = |said: Option<&'a str>, known: Option<&str>| said.filter(|said| known != Some(*said));
    Details {
        name: differs(said.name, known.name.as_deref()),
        phone: differs(said.phone, known.phone.as_deref()),
        company: differs(said.company, known.company.as_deref()),
        account: said.account.filter(|account| known.account != Some(*account)),
        salesperson: said.salesperson.filter(|_| known.previous_salesperson.is_none()),
    }
}
