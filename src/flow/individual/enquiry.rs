//! What is told of an enquiry: the letter, the queue's page and the command print the same. Nothing a stranger typed is told as
//! if it were known: the record comes first, and what the form says otherwise stands beside it.

use super::dossier;
use crate::domain::doorway::enquiry::{Enquiry, WhyNoHandoff};
use crate::domain::id::{Name, ProspectId};
use crate::domain::individual::handoff::{Handoff, Outcome, State};
use crate::domain::plan::Plan;
use crate::domain::prospect::{Prospect, Standing};
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::signals;
use crate::store::engine::backend::Tx;
use crate::store::individual::handoffs;
use crate::store::people::{prospects, suppressions};
use crate::text::enquiry::{Asked, fields, lines};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of some enquiries' people.
#[derive(Debug, Default)]
pub struct Known {
    people: BTreeMap<ProspectId, Prospect>,
    handoffs: BTreeMap<ProspectId, Vec<Handoff>>,
    /// When they were forgotten, or stopped, by the enquiry.
    stopped: BTreeMap<i64, Timestamp>,
}

impl Known {
    /// Loads it. The handoffs and stops are left out for a list, which has one line for each.
    pub async fn load(tx: &mut Tx, of: &[Enquiry], briefly: bool) -> Result<Self, FlowError> {
        let ids: Vec<ProspectId> = of.iter().filter_map(|enquiry| enquiry.prospect).collect();
        let mut people: BTreeMap<_, _> = prospects::load(tx, &ids).await?.into_iter().map(|p| (p.id, p)).collect();
        let unconfirmed = of.iter().filter(|enquiry| enquiry.cause == WhyNoHandoff::Unconfirmed);
        for id in unconfirmed.filter_map(|enquiry| enquiry.prospect).collect::<BTreeSet<_>>() {
            // What strangers' forms filled in is no record to hold their word against.
            for (what, said) in signals::filled_by_strangers(tx, id).await? {
                if let Some(person) = people.get_mut(&id) {
                    without(person, &what, &said);
                }
            }
        }
        let mut known = Self { people, ..Self::default() };
        if briefly {
            return Ok(known);
        }
        for id in ids.into_iter().collect::<BTreeSet<_>>() {
            known.handoffs.insert(id, handoffs::of_prospect(tx, id).await?);
        }
        for enquiry in of.iter().filter(|enquiry| enquiry.cause == WhyNoHandoff::Forgotten) {
            let on_record = enquiry.prospect.and_then(|id| known.people.get(&id)).and_then(|p| p.address.clone());
            if let Some(address) = enquiry.address.clone().or_else(|| on_record.clone()) {
                let forgotten = suppressions::forgotten_at(tx, &address).await?;
                let stopped = suppressions::of(tx, &[&address]).await?.into_iter().map(|stop| stop.since).max();
                if let Some(at) = forgotten.or(stopped) {
                    known.stopped.insert(enquiry.id.0, at);
                }
            }
        }
        Ok(known)
    }

    pub fn prospect(&self, enquiry: &Enquiry) -> Option<&Prospect> {
        self.people.get(&enquiry.prospect?)
    }

    /// Their handoffs, newest first.
    fn handoffs(&self, enquiry: &Enquiry) -> &[Handoff] {
        enquiry.prospect.and_then(|id| self.handoffs.get(&id)).map_or(&[], Vec::as_slice)
    }

    /// The handoff that a salesperson has of them now.
    pub fn open(&self, enquiry: &Enquiry) -> Option<&Handoff> {
        self.handoffs(enquiry).iter().find(|handoff| handoff.is_open())
    }
}

/// Takes a detail that says this out of what is told of a person.
fn without(person: &mut Prospect, what: &str, said: &str) {
    let place = match what {
        "name" => &mut person.name,
        "phone" => &mut person.phone,
        "company" => &mut person.company,
        _ => return,
    };
    if place.as_deref() == Some(said) {
        *place = None;
    }
}

/// Tells an enquiry to its reader.
pub fn told(ctx: &Context, plan: &Plan, enquiry: &Enquiry, known: &Known, reader: &Name) -> Asked {
    let (person, open) = (known.prospect(enquiry), known.open(enquiry));
    let (zone, hours) = (dossier::zone_of(plan, reader), plan.roster.hours(reader));
    let address = enquiry.address.clone().or_else(|| person.and_then(|p| p.address.clone()));
    let text = |value: Option<&str>| value.map(str::to_owned);
    let (record_name, record_company) = person.map_or((None, None), |p| (p.name.clone(), p.company.clone()));
    let differing = [("name", enquiry.name(), &record_name), ("company", enquiry.company(), &record_company)];
    let differs = differing.into_iter().filter_map(|(what, said, known)| {
        let (said, known) = (said?, known.as_deref()?);
        (said != known).then(|| (what.to_owned(), said.to_owned(), known.to_owned()))
    });
    let differs = differs.collect();
    let (message, is_cut) = enquiry.message().map(lines).unwrap_or_default();
    let mine = open.is_some_and(|handoff| handoff.salesperson == *reader);
    Asked {
        name: record_name
            .or_else(|| text(enquiry.name()))
            .or_else(|| address.as_ref().map(ToString::to_string))
            .unwrap_or_else(|| format!("enquiry {}", enquiry.id)),
        company: record_company.or_else(|| text(enquiry.company())),
        confirmed: enquiry.cause.is_confirmed(),
        state: state(enquiry, mine),
        standing: standing(plan, enquiry, known, reader, &zone),
        said_phone: text(enquiry.phone()),
        known_phone: person.and_then(|p| p.phone.clone()),
        differs,
        message,
        is_cut,
        more: fields(enquiry.rest()),
        how: if enquiry.form.as_str() == "reply" { "by mail".to_owned() } else { format!("form {}", enquiry.form) },
        asked_at: enquiry.asked_at,
        answer_until: hours.after_working(plan.roster.promise.request, enquiry.asked_at),
        to_do: to_do(enquiry, person, mine).to_owned(),
        page_url: open
            .filter(|_| mine)
            .zip(person)
            .map(|(handoff, person)| dossier::page_url(ctx.signer(), plan, handoff.id, person, reader)),
        address,
    }
}

/// The state of an enquiry, in the words of headings.
const fn state(enquiry: &Enquiry, mine: bool) -> &'static str {
    match enquiry.cause {
        WhyNoHandoff::Unconfirmed => "not confirmed",
        WhyNoHandoff::Owned if mine => "already yours",
        WhyNoHandoff::Owned => "a lead already",
        WhyNoHandoff::Won => "closed before",
        WhyNoHandoff::Lost => "lost before",
        WhyNoHandoff::Forgotten if enquiry.prospect.is_none() => "forgotten, not confirmed",
        WhyNoHandoff::Forgotten => "stopped on every channel",
    }
}

/// Where they stand, in sentences: whether it is confirmed, and what they are to us.
fn standing(plan: &Plan, enquiry: &Enquiry, known: &Known, reader: &Name, zone: &TimeZone) -> Vec<String> {
    let day = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%-d %b %Y").to_string();
    let by = |handoff: &Handoff| {
        if handoff.salesperson == *reader { "you".to_owned() } else { plan.roster.name_of(&handoff.salesperson) }
    };
    let mut said = Vec::new();
    if !enquiry.cause.is_confirmed() {
        said.push("Not confirmed: nobody has answered from this address yet, and anybody can type one.".to_owned());
    }
    let stopped = known.stopped.get(&enquiry.id.0).map(|at| format!(" on {}", day(*at))).unwrap_or_default();
    let Some(person) = known.prospect(enquiry) else {
        said.push(match enquiry.cause {
            WhyNoHandoff::Forgotten => format!("The owner of this address was forgotten{stopped} at their own wish."),
            _ => "We do not know this address.".to_owned(),
        });
        return said;
    };
    let handoffs = known.handoffs(enquiry);
    let last = handoffs.iter().find(|handoff| !handoff.is_open());
    said.push(match (known.open(enquiry), last.and_then(|h| Some((h, h.outcome?, h.closed_at?)))) {
        (Some(open), _) if open.state == State::Offered => format!("Offered to {} since {}.", by(open), day(open.opened_at)),
        (Some(open), _) => {
            let since = day(open.accepted_at.unwrap_or(open.opened_at));
            let whose = if open.salesperson == *reader { "Already yours".to_owned() } else { format!("A lead of {}", by(open)) };
            format!("{whose} since {since}, {}.", open.stage.word())
        }
        (None, Some((handoff, Outcome::Won, at))) => format!("A customer: won on {} by {}.", day(at), by(handoff)),
        (None, Some((handoff, Outcome::Lost, at))) => format!("Lost on {} by {}.", day(at), by(handoff)),
        (None, Some((handoff, outcome, at))) => {
            format!("A lead of {} once, until {} ({}).", by(handoff), day(at), outcome.word().replace('_', " "))
        }
        (None, None) => "On record, and never a lead.".to_owned(),
    });
    if person.standing == Standing::Suppressed {
        said.push(format!("Stopped on every channel{stopped}: they asked us not to write and not to phone."));
    }
    said
}

const fn to_do(enquiry: &Enquiry, person: Option<&Prospect>, mine: bool) -> &'static str {
    match (enquiry.cause, person) {
        (WhyNoHandoff::Unconfirmed, Some(Prospect { phone: Some(_), .. })) => {
            "Call the number on record, not the other one, and ask whether it was them. Nothing on record was changed."
        }
        (WhyNoHandoff::Unconfirmed, Some(_)) => {
            "Write to the address on record and ask whether it was them, before you call the number they give."
        }
        (WhyNoHandoff::Unconfirmed, None) => {
            "Get in touch, say who you are, and ask whether they wrote it. If they confirm it from that address, they become an \
             offer to you and this item goes by itself."
        }
        (WhyNoHandoff::Owned, _) if mine => "Answer them, and log it on their page: that settles this item too.",
        (WhyNoHandoff::Owned, _) => "Answer them, or pass it to the salesperson who has the lead.",
        (WhyNoHandoff::Won, _) => "Answer them, or pass it to the colleague who looks after them.",
        (WhyNoHandoff::Lost, _) => "Answer them, and log what you learn: what was lost may be open again.",
        (WhyNoHandoff::Forgotten, None) => {
            "Answer them from your own mailbox if you think it is them. When you say it is done, and after thirty days at the latest, \
             their words are erased here: they stay forgotten."
        }
        (WhyNoHandoff::Forgotten, Some(_)) => "Answer this one request, and nothing more: they stay stopped.",
    }
}
