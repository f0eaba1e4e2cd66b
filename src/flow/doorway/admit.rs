//! admit: prospects arrive in a list, a form or from another system, and are merged with the record.
//!
//! A blank field never overwrites; an opt-out only ever adds a suppression; every change of a field is a signal. The same
//! arrival a second time changes nothing.

use super::identify::{Counts, Identified, identify};
use crate::domain::address::Address;
use crate::domain::doorway::arrival::Arrival;
use crate::domain::doorway::signal::{About, NewSignal};
use crate::domain::id::{Name, ProspectId};
use crate::domain::plan::Plan;
use crate::domain::prospect::{Prospect, Standing};
use crate::domain::suppression::{Channel, StopReason};
use crate::store::doorway::{assessment_queue, signals};
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::people::accounts::{self, Company};
use crate::store::people::prospects::{self, Details, FieldChange, NewProspect};
use crate::store::people::suppressions::{self, Stop};
use crate::store::people::{consents, external_ids};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What an admission changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Admitted {
    pub added: u64,
    /// Known prospects of whom at least one field changed.
    pub changed: u64,
    /// Known prospects without any change.
    pub unchanged: u64,
    pub suppressed: u64,
    /// What was found out about who they are: forgotten ones, those with a new address, doubtful ids, rows of one person.
    #[serde(flatten)]
    pub identity: Counts,
    /// Prospects whose salesperson on record changed.
    pub owners_changed: u64,
    /// Prospects of whom a salesperson has an open handoff: another owner was not taken over.
    pub owners_kept: u64,
    /// Owners who are nobody on the roster, and of how many prospects; of the first few names.
    pub owners_unknown: BTreeMap<String, u64>,
}

/// How many unknown owners are named at most.
const OWNERS_NAMED: usize = 50;

impl Admitted {
    /// Adds what another page changed.
    pub fn add(&mut self, more: Self) {
        self.added += more.added;
        self.changed += more.changed;
        self.unchanged += more.unchanged;
        self.suppressed += more.suppressed;
        self.identity.forgotten += more.identity.forgotten;
        self.identity.readdressed += more.identity.readdressed;
        self.identity.doubtful += more.identity.doubtful;
        self.identity.repeated += more.identity.repeated;
        self.owners_changed += more.owners_changed;
        self.owners_kept += more.owners_kept;
        for (owner, prospects) in more.owners_unknown {
            self.unknown_owner(&owner, prospects);
        }
    }

    fn unknown_owner(&mut self, owner: &str, prospects: u64) {
        if self.owners_unknown.len() < OWNERS_NAMED || self.owners_unknown.contains_key(owner) {
            *self.owners_unknown.entry(owner.to_owned()).or_default() += prospects;
        }
    }
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
    let Identified { arrivals, counts: identity } = identify(tx, arrivals, source, now).await?;
    let arrivals = &arrivals[..];
    let addresses: Vec<&Address> = arrivals.iter().map(|a| &a.address).collect();
    let companies: BTreeMap<&str, Option<&str>> =
        arrivals.iter().filter_map(|a| Some((a.address.company_domain()?, a.company.as_deref()))).collect();
    let companies: Vec<Company<'_>> = companies.into_iter().map(|(domain, name)| Company { domain, name }).collect();
    let known_accounts = accounts::find_or_add(tx, &companies).await?;
    let suppressed = suppressions::of(tx, &addresses).await?;
    let stop_of = |address: &Address| {
        let mut stops = suppressed.iter().filter(|s| s.channel == Channel::Email);
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
    // A person who is stopped on every channel is not nurtured under the same address.
    let stopped_everywhere = |address: &Address| {
        let channels = suppressed.iter().filter(|s| s.address == address.as_str());
        channels.map(|s| s.channel).collect::<BTreeSet<_>>().len() == Channel::ALL.len()
    };
    let silent: Vec<ProspectId> = added.iter().filter(|(address, _)| stopped_everywhere(address)).map(|(_, id)| *id).collect();
    if !silent.is_empty() {
        prospects::suppress(tx, &silent).await?;
    }

    let mut count = Admitted { added: added.len() as u64, identity, ..Admitted::default() };
    let mut ids = Vec::new();
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
            count.owners_changed += u64::from(changed_details.salesperson.is_some() && earlier.previous_salesperson.is_some());
            count.owners_kept += u64::from(keeps_owner(details, earlier));
            if changed_details != Details::default() {
                prospects::update(tx, id, &changed_details).await?;
            }
            let same = changed_details == Details::default() && fields.is_empty() && fresh_tags.is_empty();
            *(if same { &mut count.unchanged } else { &mut count.changed }) += 1;
        }
        if let Some(owner) = arrival.owner.as_deref().filter(|_| details.salesperson.is_none()) {
            count.unknown_owner(owner, 1);
        }
        ids.extend(arrival.external_id.as_ref().map(|external| (id, external)));
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
    external_ids::add(tx, &ids, now).await?;
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

/// Whether the list gives another owner to somebody of whom a salesperson has an open handoff: it ends before another one begins.
fn keeps_owner(said: &Details<'_>, known: &Prospect) -> bool {
    let has_open_handoff = matches!(known.standing, Standing::Offered | Standing::Owned);
    let owner = known.previous_salesperson.as_ref().map(Name::as_str);
    has_open_handoff && said.salesperson.is_some_and(|said| owner != Some(said))
}

/// The fields that are given and differ from the record.
fn details_that_change<'a>(said: &Details<'a>, known: &Prospect) -> Details<'a> {
    let differs = |said: Option<&'a str>, known: Option<&str>| said.filter(|said| known != Some(*said));
    Details {
        name: differs(said.name, known.name.as_deref()),
        phone: differs(said.phone, known.phone.as_deref()),
        company: differs(said.company, known.company.as_deref()),
        account: said.account.filter(|account| known.account != Some(*account)),
        salesperson: differs(said.salesperson, known.previous_salesperson.as_ref().map(Name::as_str))
            .filter(|_| !keeps_owner(said, known)),
    }
}
