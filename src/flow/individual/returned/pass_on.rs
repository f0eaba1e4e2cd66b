//! The letter that passes a mail on to one of our own people. It says whose word the mail is; answering it answers its author.

use super::arrival::Arrival;
use crate::domain::address::Address;
use crate::domain::doorway::sender::Sender as Whose;
use crate::domain::group::campaign::Sender;
use crate::domain::id::{Name, ProspectId, fingerprint};
use crate::domain::individual::handoff::Handoff;
use crate::domain::individual::letter::LetterKind;
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::flow::context::FlowError;
use crate::flow::individual::dossier;
use crate::flow::individual::outbox::{self, Envelope};
use crate::store::engine::backend::Tx;
use crate::store::group::issues::Issue;
use crate::store::individual::{handoffs, letters};
use crate::store::operations::authored::{letter_of_stranger, letters_of_strangers};
use crate::store::operations::erasures;
use crate::text::notice::{self, Reply};
use jiff::tz::TimeZone;

/// How many mails that are not shown to be a prospect's word are passed on in a day (UTC) about one of them: the others are recorded.
const DOUBTFUL: i64 = 10;
/// How many mails of strangers, who answer nothing of ours, are passed on in a day, of one and of all: a mailbox draws spam.
const OF_ONE: i64 = 3;
const OF_ALL: i64 = 20;

/// What a mail says.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    pub from: &'a Address,
    pub subject: &'a str,
    /// What its author wrote themselves.
    pub text: &'a str,
    /// The issue it answers, if that is on record.
    pub issue: Option<&'a Issue>,
}

/// Who reads a mail about a prospect, and the lead they are.
#[derive(Debug)]
pub struct Desk {
    pub reader: Name,
    lead: Option<Handoff>,
}

/// What was found in a mail, for its reader to know.
#[derive(Debug, Default)]
pub struct Found {
    /// Whether its author asked for no more newsletters, which have stopped.
    pub has_stopped: bool,
    /// Whether that is confirmed to them.
    pub confirmed: bool,
    /// The word that leaves it open whether they ask for a person.
    pub doubtful: Option<String>,
    /// The pages that ask the reader what the mail leaves open.
    pub request_url: Option<String>,
    pub wish_url: Option<String>,
}

/// Who reads mails about a prospect that answer an issue of a campaign, or none.
pub async fn desk(tx: &mut Tx, plan: &Plan, prospect: ProspectId, issue: Option<&Issue>) -> Result<Desk, FlowError> {
    let lead = handoffs::of_prospect(tx, prospect).await?.into_iter().find(Handoff::is_open);
    Ok(Desk { reader: reader(plan, lead.as_ref(), issue), lead })
}

/// Passes a mail on that concerns a prospect. Returns its reader; `None` beyond what a day takes of those that nobody vouches for.
pub async fn about_prospect(
    tx: &mut Tx,
    plan: &Plan,
    arrival: &Arrival<'_>,
    (prospect, desk): (&Prospect, Desk),
    (words, found): (Words<'_>, Found),
) -> Result<Option<Name>, FlowError> {
    let mut begins = erasures::letter_about(prospect.id);
    if !arrival.whose.speaks() {
        begins = format!("{begins}doubtful-{}-", arrival.now.to_zoned(TimeZone::UTC).date());
        if letters::begun(tx, &begins).await? >= DOUBTFUL {
            return Ok(None);
        }
    }
    let Desk { reader, lead } = desk;
    let letter = Reply {
        sender: arrival.whose,
        prospect: prospect.display_name(),
        company: prospect.company.clone(),
        lead_of: lead.map(|h| h.salesperson).filter(|id| *id != reader).map(|id| id.to_string()),
        has_stopped: found.has_stopped,
        confirmed: found.confirmed,
        doubtful: found.doubtful,
        request_url: found.request_url,
        wish_url: found.wish_url,
        ..letter(plan, arrival, words, &reader)
    };
    post(tx, plan, &letter, &reader, &format!("{begins}{}", fingerprint(&[&arrival.key])), arrival).await?;
    Ok(Some(reader))
}

/// Passes a mail on whose author is nobody we know, and that answers no prospect's mail. Nothing else is kept of it. `None` beyond what
/// a day takes.
pub async fn of_stranger(tx: &mut Tx, plan: &Plan, arrival: &Arrival<'_>, words: Words<'_>) -> Result<Option<Name>, FlowError> {
    let day = arrival.now.to_zoned(TimeZone::UTC).date().to_string();
    let begins = letter_of_stranger(&day, words.from.as_str());
    let too_many =
        letters::begun(tx, &begins).await? >= OF_ONE || letters::begun(tx, &letters_of_strangers(&day)).await? >= OF_ALL;
    if too_many {
        return Ok(None);
    }
    let reader = reader(plan, None, words.issue);
    let letter = letter(plan, arrival, words, &reader);
    post(tx, plan, &letter, &reader, &format!("{begins}{}", fingerprint(&[&arrival.key])), arrival).await?;
    Ok(Some(reader))
}

fn letter(plan: &Plan, arrival: &Arrival<'_>, words: Words<'_>, reader: &Name) -> Reply {
    Reply {
        // Whoever it answers is nobody any more.
        sender: if arrival.whose == Whose::Forged { Whose::Forged } else { Whose::Unverified },
        prospect: words.from.to_string(),
        company: None,
        address: words.from.clone(),
        campaign: words.issue.map(|issue| issue.campaign.to_string()).unwrap_or_default(),
        subject: words.subject.to_owned(),
        text: words.text.to_owned(),
        attachments: arrival.mail.authored.attachments.clone(),
        has_stopped: false,
        confirmed: false,
        doubtful: None,
        request_url: None,
        wish_url: None,
        at: arrival.now,
        lead_of: None,
        zone: dossier::zone_of(plan, reader),
    }
}

/// The reader of a reply: the salesperson who has the lead, else the campaign's colleague, else the sales manager.
fn reader(plan: &Plan, lead: Option<&Handoff>, issue: Option<&Issue>) -> Name {
    let colleague = issue.and_then(|issue| plan.campaign(&issue.campaign)).map(|campaign| &campaign.reply_to);
    let readers = [lead.map(|handoff| &handoff.salesperson), colleague];
    let known = readers.into_iter().flatten().find(|id| plan.roster.has(id));
    known.unwrap_or(&plan.roster.manager).clone()
}

/// Writes the letter into the outbox; answering it answers the author.
async fn post(tx: &mut Tx, plan: &Plan, reply: &Reply, reader: &Name, id: &str, arrival: &Arrival<'_>) -> Result<(), FlowError> {
    let letter = notice::reply(reply).map_err(|e| FlowError::Unable(format!("pass on a reply: {e}")))?;
    let message_id = format!("{id}@{}>", plan.settings.smtp.return_path.domain());
    let name = if reply.sender == Whose::Prospect { reply.prospect.clone() } else { reply.address.to_string() };
    let reply_to = Sender { name, address: reply.address.clone() };
    let envelope = Envelope {
        kind: LetterKind::Reply,
        handoff: None,
        to: reader,
        reply_to: Some(&reply_to),
        message_id: &message_id,
        thread: None,
        not_before: arrival.now,
    };
    outbox::post(tx, plan, &letter, &envelope, arrival.now).await
}
