//! The dossier: the facts about one prospect for their salesperson, compiled from the record. The letter, the page and the
//! confirmation all print it, so they cannot disagree.

use crate::domain::address::Address;
use crate::domain::consent::Purpose;
use crate::domain::criterion::PerCriterion;
use crate::domain::doorway::entry::Cause;
use crate::domain::doorway::qualification::{Citation, Finding, Qualification};
use crate::domain::doorway::signal::{Detail, Signal};
use crate::domain::doorway::unconfirmed::{Unconfirmed, unconfirmed};
use crate::domain::id::{HandoffId, Name};
use crate::domain::individual::handoff::Handoff;
use crate::domain::individual::salesperson::link_number;
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::domain::suppression;
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::assess;
use crate::mail::token::{Kind, Recipient, Signer, Token};
use crate::store::doorway::qualifications;
use crate::store::engine::backend::Tx;
use crate::store::group::deliveries;
use crate::store::individual::handoffs;
use crate::store::people::{consents, suppressions};
use crate::text::dossier::{self, Channel, Dossier, Happening, Received, Spoke, WhyNow};
use crate::text::verdict::{self, Line};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A dossier and the prospect it is about.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub dossier: Dossier,
    pub handoff: Handoff,
    pub salesperson: Name,
}

/// How many days a salesperson's queue link works.
pub const QUEUE_LINK_DAYS: i64 = 30;

/// Compiles the dossier of a handoff as of now: its five lines are those the handoff was opened with.
///
/// # Errors
/// The store's; when there is no such handoff.
pub async fn compile(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    id: HandoffId,
    prospect: &Prospect,
    now: Timestamp,
) -> Result<Compiled, FlowError> {
    let handoff = handoffs::load(tx, id).await?.ok_or_else(|| FlowError::Missing(format!("handoff {id}")))?;
    let (qualification, assignment) = handoffs::grounds(tx, id).await?;
    let findings = qualifications::findings(tx, qualification).await?;
    let (live, signals) = assess::assess(tx, plan, prospect.id, now).await?;
    let zone = zone_of(plan, &handoff.salesperson);
    let person = |id: &Name| plan.roster.name_of(id);
    let is_machine = |s: &Signal| live.ignored().iter().any(|i| i.signal == s.id && i.why.is_machine());
    let mut history: Vec<&Signal> = signals.iter().filter(|s| !is_machine(s)).collect();
    history.sort_by_key(|s| std::cmp::Reverse((s.occurred_at, s.id)));
    let why_now = why_now(&handoff, &findings, live.request(), &history);
    let dossier = Dossier {
        name: prospect.display_name(),
        company: prospect.company.clone(),
        phone: prospect.phone.clone(),
        address: prospect.address.clone(),
        best_hours: None,
        why_now,
        sentence: dossier::sentence(&findings, &plan.qualifying, &zone),
        page_url: page_url(ctx.signer(), plan, id, prospect, &handoff.salesperson),
        queue_url: queue_url(ctx.signer(), plan, &handoff.salesperson, now),
        lines: offered_lines(plan, &findings, prospect, Some(&live).filter(|_| handoff.is_open())),
        questions: dossier::questions(&findings, &plan.qualifying),
        fields: prospect.fields.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        unconfirmed: unconfirmed(&signals, prospect, &plan.settings.fields).iter().map(Unconfirmed::words).collect(),
        history: history.iter().take(100).map(|s| Happening { at: s.occurred_at, words: s.detail.words() }).collect(),
        machine_hits: signals.iter().filter(|s| is_machine(s)).count() as u64,
        issues: received(tx, prospect).await?,
        spoke_last: spoke_last(plan, &history),
        channels: channels(tx, prospect).await?,
        salesperson: person(&handoff.salesperson),
        assignment: assignment.words(),
        answer_until: handoff.answer_until,
        touch_until: handoff.touch_until,
        if_not_taken: format!("It stays yours; you and {} are reminded.", person(&plan.roster.manager)),
        zone,
    };
    Ok(Compiled { dossier, salesperson: handoff.salesperson.clone(), handoff })
}

/// The five lines as they were offered, each annotated with what has changed since: lapsed, so to be confirmed again, or a
/// machine's after all. No line is removed; without the live verdicts none is annotated.
pub fn offered_lines(plan: &Plan, then: &PerCriterion<Finding>, prospect: &Prospect, live: Option<&Qualification>) -> Vec<Line> {
    let mut lines = verdict::lines(then, &plan.qualifying, &prospect.display_name(), |id| plan.roster.name_of(id));
    if let Some(live) = live {
        verdict::note_changes(&mut lines, live);
    }
    lines
}

fn why_now(handoff: &Handoff, findings: &PerCriterion<Finding>, request: Option<&Citation>, history: &[&Signal]) -> WhyNow {
    let kind = if handoff.cause == Cause::Request { dossier::Kind::Request } else { dossier::Kind::Ready };
    let asked = request.filter(|c| kind == dossier::Kind::Request && c.at <= handoff.opened_at);
    let fifth = findings.iter().flat_map(|(_, f)| &f.cites).max_by_key(|c| (c.at, c.signal));
    let latest = || {
        history
            .iter()
            .find(|s| s.occurred_at <= handoff.opened_at && !s.detail.is_unconfirmed())
            .map(|s| (s.detail.words(), s.occurred_at))
    };
    let (words, at) =
        asked.or(fifth).map(|c| (c.words.clone(), c.at)).or_else(latest).unwrap_or_else(|| (String::new(), handoff.opened_at));
    WhyNow { words, at, kind }
}

async fn received(tx: &mut Tx, prospect: &Prospect) -> Result<Vec<Received>, FlowError> {
    let rows = deliveries::received(tx, prospect.id, 100).await?;
    Ok(rows.into_iter().map(|(subject, at, _)| Received { at, subject }).collect())
}

fn spoke_last(plan: &Plan, history: &[&Signal]) -> Option<Spoke> {
    let signal = history.iter().find(|s| matches!(s.detail, Detail::Touch { .. }) && s.by.is_some())?;
    let by = signal.by.as_ref()?;
    let who = plan.roster.name_of(by);
    Some(Spoke { who, at: signal.occurred_at, words: signal.detail.words() })
}

async fn channels(tx: &mut Tx, prospect: &Prospect) -> Result<Vec<Channel>, FlowError> {
    let stops = match &prospect.address {
        Some(address) => suppressions::of(tx, &[address]).await?,
        None => Vec::new(),
    };
    let given = consents::of(tx, prospect.id).await?;
    let channel = |on: suppression::Channel, word: &str, reachable: bool| {
        let stop = stops.iter().find(|s| s.channel == on);
        let agreed = given.iter().rev().find(|said| said.purpose == Purpose::Mail && on == suppression::Channel::Email);
        let consent = match (stop, agreed) {
            (Some(stop), _) => format!("{} ({})", stop.reason, stop.source),
            (None, Some(said)) if said.given => {
                let when = said.given_at.map(|at| at.to_zoned(TimeZone::UTC).date());
                format!("agreed: {}{}", said.source, when.map(|day| format!(", {day}")).unwrap_or_default())
            }
            (None, Some(said)) => format!("not agreed: {}", said.source),
            (None, None) => "no objection on record".to_owned(),
        };
        reachable.then(|| Channel { channel: word.to_owned(), permitted: stop.is_none(), consent })
    };
    let both = [
        channel(suppression::Channel::Email, "mail", prospect.address.is_some()),
        channel(suppression::Channel::Phone, "phone", prospect.phone.is_some()),
    ];
    Ok(both.into_iter().flatten().collect())
}

/// The signed link to the page of a prospect's handoff; it works for this salesperson only.
pub fn page_url(signer: &Signer, plan: &Plan, id: HandoffId, prospect: &Prospect, salesperson: &Name) -> String {
    let recipient = signer.recipient(Some(prospect.id), prospect.address.as_ref().map_or("", Address::as_str));
    let token = signer.text(Token { kind: Kind::Handoff, id: id.0, ordinal: 0, recipient }, salesperson.as_str());
    format!("{}/h/{token}", plan.settings.public_url)
}

/// The signed link to a salesperson's queue; it works for thirty days.
pub fn queue_url(signer: &Signer, plan: &Plan, salesperson: &Name, now: Timestamp) -> String {
    let day = u16::try_from(now.as_second() / 86_400 + QUEUE_LINK_DAYS).unwrap_or(u16::MAX);
    let token = Token { kind: Kind::Queue, id: link_number(salesperson), ordinal: day, recipient: Recipient::ANYBODY };
    let token = signer.text(token, "");
    format!("{}/q/{token}", plan.settings.public_url)
}

/// The Message-ID of a handoff letter; confirmations and reminders thread under it.
pub fn message_id(plan: &Plan, id: HandoffId, salesperson: &Name) -> String {
    format!("<handoff-{id}-{salesperson}@{}>", plan.settings.smtp.return_path.domain())
}

/// The time zone of a colleague; the company's, if they have no hours of their own.
pub fn zone_of(plan: &Plan, id: &Name) -> TimeZone {
    plan.roster.hours(id).zone().clone()
}
