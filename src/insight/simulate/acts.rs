//! One act of a prospect about one mail, recorded by the same functions that the web and the inbox call.

use super::behaviour::{answer, kind};
use super::world::World;
use crate::domain::address::Address;
use crate::domain::criterion::{Criterion, Verdict};
use crate::domain::doorway::machine::Machine;
use crate::domain::doorway::new_signal::{AskedIn, Clicked};
use crate::domain::doorway::signal::{Detail, NewSignal};
use crate::domain::group::delivery::Mailed;
use crate::domain::id::{DeliveryId, IssueId, Name, ProspectId};
use crate::domain::plan::Plan;
use crate::domain::trusted_sources::feedback_loop;
use crate::flow::context::FlowError;
use crate::flow::doorway::{observe, take};
use crate::flow::individual::receive;
use crate::inbox::mail::authored::Authored;
use crate::inbox::mail::bounce::{Incoming, Returned};
use crate::inbox::mail::identity::Identity;
use crate::inbox::mail::report::Complaint;
use crate::mail::token::{Kind, Token};
use crate::store::people::prospects;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How many further questions the answer page asks.
const MORE: usize = 2;

/// One act of a prospect about one mail.
#[derive(Debug, Clone)]
pub struct Act {
    pub person: usize,
    pub delivery: DeliveryId,
    pub issue: IssueId,
    pub at: Timestamp,
    pub does: ActKind,
}

/// The kind of an act.
#[derive(Debug, Clone)]
pub enum ActKind {
    /// Clicks the n-th link; the click is attributed to the prospect only if they may be tracked.
    Click {
        link: usize,
        /// Whether it may be attributed.
        tracked: bool,
    },
    Machine {
        link: usize,
    },
    /// Gives the n-th answer to the n-th question.
    Answer {
        question: usize,
        answer: usize,
    },
    Form {
        form: Name,
        fields: BTreeMap<String, String>,
    },
    Reply(String),
    Unsubscribe,
    Complain,
}

impl Act {
    pub const fn is_machine(&self) -> bool {
        matches!(self.does, ActKind::Machine { .. })
    }

    /// Whether it is recorded in a transaction shared with other acts.
    pub const fn is_signal(&self) -> bool {
        !matches!(self.does, ActKind::Form { .. } | ActKind::Reply(_) | ActKind::Complain)
    }
}

/// Records acts as signals in one transaction, as the web does.
pub async fn record_together(world: &mut World, acts: &[Act]) -> Result<(), FlowError> {
    let plan = world.ctx.plan();
    let mut signals: Vec<NewSignal> = acts.iter().filter_map(|act| signal(world, act)).collect();
    signals.extend(further(world, &plan, acts).await?);
    observe::observe(&world.ctx, &signals).await?;
    for act in acts {
        let Some(issue) = world.event_log.issues.get(&act.issue) else { continue };
        let campaign = issue.campaign.clone();
        let of = world.event_log.of(&campaign);
        match act.does {
            ActKind::Click { tracked: true, .. } => of.clicked += 1,
            ActKind::Click { tracked: false, .. } => of.clicked_untracked += 1,
            ActKind::Machine { .. } => of.machine += 1,
            ActKind::Answer { .. } => of.answered += 1,
            ActKind::Unsubscribe => of.unsubscribed += 1,
            _ => {}
        }
    }
    Ok(())
}

fn signal(world: &World, act: &Act) -> Option<NewSignal> {
    let (mail, issue) = (mailed(world, act), world.event_log.issues.get(&act.issue)?);
    let target = |link: usize| issue.content.links.get(link);
    Some(match &act.does {
        ActKind::Click { link, tracked: true } => {
            NewSignal::click(Clicked::By(mail), &format!("{link}:person"), target(*link)?, None, act.at)
        }
        ActKind::Click { link, tracked: false } => {
            let visit = format!("{link}:{}", world.people[act.person].id);
            NewSignal::click(Clicked::Untracked(act.issue), &visit, target(*link)?, None, act.at)
        }
        ActKind::Machine { link } => {
            NewSignal::click(Clicked::By(mail), &format!("{link}:machine"), target(*link)?, Some(Machine::Agent), act.at)
        }
        ActKind::Answer { question, answer } => {
            let asked = issue.content.questions.get(*question)?;
            let visit = act.at.as_millisecond().to_string();
            let asked_in = AskedIn::Mail { link: u16::try_from(*question).ok()?, visit: &visit };
            NewSignal::answer(mail, asked.criterion, asked.answers.get(*answer)?, asked_in, act.at)
        }
        ActKind::Unsubscribe => NewSignal::unsubscribe(mail, "one-click", act.at),
        ActKind::Form { .. } | ActKind::Reply(_) | ActKind::Complain => return None,
    })
}

fn mailed(world: &World, act: &Act) -> Mailed {
    Mailed { prospect: Some(world.people[act.person].id), delivery: act.delivery, issue: Some(act.issue) }
}

/// The further questions of the answer page, about criteria that are unknown, and the answers to them.
async fn further(world: &mut World, plan: &Plan, acts: &[Act]) -> Result<Vec<NewSignal>, FlowError> {
    let answerers: Vec<&Act> = acts.iter().filter(|act| matches!(act.does, ActKind::Answer { .. })).collect();
    if answerers.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ProspectId> = answerers.iter().map(|act| world.people[act.person].id).collect();
    let mut tx = world.ctx.store().read().await?;
    let known: BTreeMap<ProspectId, BTreeMap<Criterion, Verdict>> =
        prospects::load(&mut tx, &ids).await?.into_iter().map(|p| (p.id, p.verdicts)).collect();
    drop(tx);
    let (mut signals, mut counted) = (Vec::new(), Vec::new());
    for act in answerers {
        let (ActKind::Answer { question, .. }, Some(issue)) = (&act.does, world.event_log.issues.get(&act.issue)) else {
            continue;
        };
        let person = &world.people[act.person];
        let Some(habit) = kind(world, person, act.at) else { continue };
        let asked = issue.content.questions.get(*question).map(|asked| asked.criterion);
        let verdict = |c: Criterion| known.get(&person.id).and_then(|of| of.get(&c)).copied().unwrap_or_default();
        let with = |is: Verdict| Criterion::ALL.into_iter().filter(move |c| verdict(*c) == is);
        let open = with(Verdict::Unknown).chain(with(Verdict::Expired)).filter(|c| Some(*c) != asked);
        let askable = open.filter(|c| !plan.qualifying.criteria[*c].answers.is_empty());
        let own = person.chance.of(issue.campaign.as_str()).of(issue.newsletter.as_str()).of("further");
        for criterion in askable.take(MORE).filter(|c| own.of(c.word()).happens(habit.further)) {
            let answers = &plan.qualifying.criteria[criterion].answers;
            let Some(n) = answer(own.of(criterion.word()).of("says"), habit, criterion, answers) else { continue };
            let (visit, at) = (act.at.as_millisecond().to_string(), act.at + SignedDuration::from_secs(61));
            let asked_in = AskedIn::Page { visit: &visit };
            signals.push(NewSignal::answer(mailed(world, act), criterion, &answers[n], asked_in, at));
            counted.push(issue.campaign.clone());
        }
    }
    for campaign in counted {
        world.event_log.of(&campaign).further += 1;
    }
    Ok(signals)
}

/// Records an act that has a transaction of its own: a form, a reply, a complaint.
pub async fn record_alone(world: &mut World, act: &Act) -> Result<(), FlowError> {
    let Some(issue) = world.event_log.issues.get(&act.issue) else { return Ok(()) };
    let (campaign, newsletter, address) =
        (issue.campaign.clone(), issue.newsletter.clone(), world.people[act.person].address.clone());
    match &act.does {
        ActKind::Form { form, fields } => {
            let key = format!("{form}:{}:{}", act.delivery, act.at.as_millisecond());
            let detail = Detail::Form { form: form.clone(), fields: fields.clone() };
            take::take(&world.ctx, NewSignal::reported(None, &key, address, None, detail, act.at)).await?;
            world.event_log.of(&campaign).forms += 1;
        }
        ActKind::Reply(text) => {
            let says = Incoming::Reply { from: address, subject: format!("Re: {newsletter}"), text: text.clone() };
            receive::receive(&world.ctx, &mail(world, act, "reply", says)).await?;
            world.event_log.of(&campaign).replied += 1;
        }
        _ => {
            let feedback = "abuse".to_owned();
            let says = Incoming::Complaint(Complaint { feedback, recipients: Vec::new(), return_path: None });
            let mut report = mail(world, act, "complaint", says);
            report.identity.author = feedback_loop();
            receive::receive(&world.ctx, &report).await?;
            world.event_log.of(&campaign).complained += 1;
        }
    }
    Ok(())
}

/// A mail that answers a delivery.
fn mail(world: &World, act: &Act, what: &str, kind: Incoming) -> Returned {
    let ours: Address = world.ctx.plan().settings.smtp.return_path.clone();
    let (signer, person) = (world.ctx.signer(), &world.people[act.person]);
    let recipient = signer.recipient(Some(person.id), person.address.as_str());
    let token = signer.text(Token { kind: Kind::MessageId, id: act.delivery.0, ordinal: 0, recipient }, "");
    let message_id = format!("{token}@{}", ours.domain());
    let mut authored = Authored::default();
    if let Incoming::Reply { text, .. } = &kind {
        authored.text.clone_from(text);
    }
    Returned {
        id: format!("{what}-{}@simulation", act.delivery),
        identity: Identity::of(&person.address, &format!("{what}-{}", act.delivery)),
        recipients: vec![ours.to_string()],
        message_ids: vec![message_id],
        is_bulk: false,
        kind,
        subject: String::new(),
        authored,
    }
}
