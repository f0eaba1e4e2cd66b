//! automatic: what a mailbox answered by itself is kept as a signal that proves nothing and asks for nobody. A day named puts off
//! group mail; "has left the company" becomes a note, and after the second issue stops the address.
//!
//! Only the mailbox we wrote to speaks for its person: whoever a mail was forwarded to may be away as well.

use super::dossier;
use super::outbox::{self, Envelope};
use super::returned::arrival::Arrival;
use crate::domain::absence::{self, DEPARTED_AFTER};
use crate::domain::address::Address;
use crate::domain::doorway::sender::Sender;
use crate::domain::id::{Name, ProspectId, fingerprint};
use crate::domain::individual::handoff::Handoff;
use crate::domain::individual::letter::LetterKind;
use crate::domain::plan::Plan;
use crate::domain::suppression::{Channel, StopReason};
use crate::flow::context::FlowError;
use crate::flow::doorway::trace::Traced;
use crate::inbox::mail::automatic::Notice;
use crate::inbox::mail::automatic::departure::Departure;
use crate::store::engine::backend::Tx;
use crate::store::group::issues;
use crate::store::individual::handoffs;
use crate::store::operations::erasures;
use crate::store::people::suppressions::{self, Stop};
use crate::store::people::{absences, prospects};
use crate::text::notice::{self, Departed};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What an automatic reply says of the prospect: nothing, unless the mailbox we wrote to sent it, whose own name may lack what stands
/// behind a `+`.
pub fn theirs(sent: &Traced, from: Option<&Address>, notice: &Notice) -> Notice {
    let wrote_to = std::slice::from_ref(&sent.address);
    let is_mailbox = from.is_some_and(|from| Sender::answering(from, wrote_to, &[]) == Sender::Prospect);
    let is_theirs = sent.is_present && !sent.is_of_forgotten() && is_mailbox;
    if is_theirs { notice.clone() } else { Notice::default() }
}

/// Heeds what the mailbox of a prospect says of them: until when mail waits, and that they have left.
pub async fn heed(tx: &mut Tx, plan: &Plan, arrival: &Arrival<'_>, sent: &Traced, notice: &Notice) -> Result<(), FlowError> {
    let Some(prospect) = sent.mail.prospect else { return Ok(()) };
    // A mail may come days late, behind one that was written after it.
    let said_at = arrival.mail.identity.dated_at.map_or(arrival.now, |at| at.min(arrival.now));
    if let Some(until) = notice.back_on.and_then(|day| absence::until(day, said_at)) {
        absences::put(tx, prospect, until, said_at).await?;
    }
    match &notice.left {
        Some(departure) => departed(tx, plan, &arrival.key, (sent, prospect), departure, arrival.now).await,
        None => Ok(()),
    }
}

/// Tells the campaign's colleague and whoever has the lead, and stops the address when another issue was answered so before.
async fn departed(
    tx: &mut Tx,
    plan: &Plan,
    mail: &str,
    (sent, prospect): (&Traced, ProspectId),
    departure: &Departure,
    now: Timestamp,
) -> Result<(), FlowError> {
    let issues = match sent.mail.on_record() {
        Some(delivery) => match absences::add_departure(tx, delivery, &sent.address, now).await? {
            Some(issues) => issues,
            None => return Ok(()),
        },
        // Of a mail that is not on record nobody knows the issue.
        None => 0,
    };
    let stopped = issues >= DEPARTED_AFTER;
    if stopped {
        let source = format!("has left the company, say automatic replies to {issues} issues");
        let stop = Stop { address: sent.address.to_string(), channel: Channel::Email, reason: StopReason::Bounced, source };
        suppressions::add(tx, &[stop], now).await?;
    }
    let campaign = match sent.mail.issue {
        Some(issue) => issues::content(tx, issue).await?.map(|issue| issue.campaign),
        None => None,
    };
    let person = prospects::one(tx, prospect).await?;
    let lead = handoffs::of_prospect(tx, prospect).await?.into_iter().find(Handoff::is_open);
    let colleague = campaign.as_ref().and_then(|name| plan.campaign(name)).map(|campaign| &campaign.reply_to);
    let colleague = colleague.filter(|id| plan.roster.has(id)).unwrap_or(&plan.roster.manager).clone();
    let owner = lead.map(|handoff| handoff.salesperson).or_else(|| person.previous_salesperson.clone());
    let readers: BTreeSet<Name> = owner.into_iter().filter(|id| plan.roster.has(id)).chain([colleague]).collect();
    for reader in &readers {
        let letter = Departed {
            prospect: person.display_name(),
            company: person.company.clone(),
            address: sent.address.clone(),
            instead: departure.instead.clone(),
            stopped,
            at: now,
            zone: dossier::zone_of(plan, reader),
        };
        let letter = notice::departed(&letter).map_err(|e| FlowError::Unable(format!("write of a departure: {e}")))?;
        let domain = plan.settings.smtp.return_path.domain();
        let message_id = format!("{}{}-{reader}@{domain}>", erasures::letter_about(prospect), fingerprint(&[mail]));
        let envelope = Envelope {
            kind: LetterKind::Reply,
            handoff: None,
            to: reader,
            reply_to: None,
            message_id: &message_id,
            thread: None,
            not_before: now,
        };
        outbox::post(tx, plan, &letter, &envelope, now).await?;
    }
    Ok(())
}
