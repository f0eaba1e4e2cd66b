//! How people act in a simulation: prospects who read, marketing that writes, callers and
//! salespeople who answer. Only `insight::simulate` reads it; no decision about a real person depends on it.

use super::audience::Condition;
use super::chance::Share;
use super::criterion::PerCriterion;
use super::id::Name;
use super::individual::handoff::Outcome;
use super::plan::Plan;
use super::span::Span;
use super::window::Window;
use std::collections::BTreeMap;

/// How all people of a simulation act.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// When prospects read their mail.
    pub reads: Window,
    /// Half of the acts happen within this time after the mail arrived.
    pub delay: Span,
    /// Whether marketing writes another letter once a campaign has none left.
    pub writes_on: bool,
    pub scanners: Scanners,
    pub refusals: Refusals,
    /// Kinds of people; each prospect is of the first kind that fits.
    pub people: Vec<Habit>,
    pub sales: Sales,
    /// What marketing's callers do, if there are any.
    pub desk: Option<Desk>,
}

impl Behaviour {
    /// Drops what another company's plan does not know: newsletters, topics, answers, reasons, people.
    #[must_use]
    pub fn fitted(mut self, plan: &Plan) -> Self {
        let newsletters: Vec<&Name> = plan.campaigns.iter().flat_map(|c| &c.newsletters).map(|n| &n.id).collect();
        for habit in &mut self.people {
            habit.newsletters.retain(|id, _| newsletters.contains(&id));
            habit.topics.retain(|name, _| plan.qualifying.topics.iter().any(|topic| topic.name == *name));
            for (criterion, rules) in plan.qualifying.criteria.iter() {
                habit.says[criterion].retain(|say, _| rules.answers.iter().any(|answer| answer.say == *say));
            }
        }
        let known = |end: &End| match end {
            End::Outcome(_) => true,
            End::Recycle(reason) => plan.qualifying.recycle_reason(reason).is_some(),
        };
        self.sales.ends.retain(|(end, _)| known(end));
        let colleague = |id: &Name| plan.roster.colleagues.iter().any(|colleague| colleague.id == *id);
        if let Some(desk) = &mut self.desk
            && !colleague(&desk.by)
        {
            match plan.roster.colleagues.first() {
                Some(first) => desk.by = first.id.clone(),
                None => self.desk = None,
            }
        }
        self
    }
}

/// Machines that follow the links of a mail before a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanners {
    /// The share of companies that have one.
    pub share: Share,
    /// How many links of a mail the machine follows.
    pub links: usize,
}

/// What relays refuse, as shares of all mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusals {
    /// The mailbox does not exist any more.
    pub gone: Share,
    pub later: Share,
}

/// How people of one kind act. A share is of the mails they get, unless its comment says otherwise.
#[derive(Debug, Clone)]
pub struct Habit {
    /// What they are called in the report.
    pub name: Name,
    /// All of these conditions hold for people of this kind.
    pub when: Vec<Condition>,
    /// The share of those who fit that are of this kind.
    pub share: Share,
    /// After this time a person's kind is drawn anew; without it, never.
    pub lasts: Option<Span>,
    pub clicks: Share,
    /// The share of mails of which they follow a link, by newsletter, where it differs from the usual one.
    pub newsletters: BTreeMap<Name, Share>,
    /// The weight with which a link about a topic is chosen; any other link weighs 1.
    pub topics: BTreeMap<Name, u32>,
    /// The share of mails with a question that they answer.
    pub answers: Share,
    /// The share of the answer page's further questions that they answer.
    pub further: Share,
    /// The weight of each answer; all weigh the same without it.
    pub says: PerCriterion<BTreeMap<String, u32>>,
    pub replies: Share,
    pub words: Vec<String>,
    pub unsubscribes: Share,
    pub complains: Share,
    pub forms: Vec<FormHabit>,
}

/// A form that a person may fill in after a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormHabit {
    pub form: Name,
    pub share: Share,
    pub fields: BTreeMap<String, String>,
}

/// What salespeople do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sales {
    /// Half of the offers are answered within this working time.
    pub answers: Span,
    pub offers: Vec<(OfferAnswer, u32)>,
    /// Half of the accepted are contacted within this working time.
    pub touches: Span,
    /// Half of the leads end within this time.
    pub lasts: Span,
    pub ends: Vec<(End, u32)>,
}

/// What a salesperson answers to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferAnswer {
    Accept,
    NotMine,
    NotReady,
    Customer,
}

impl OfferAnswer {
    pub const WORDS: [(&'static str, Self); 4] = [
        ("accept", Self::Accept),
        ("not mine", Self::NotMine),
        ("not ready", Self::NotReady),
        ("already a customer", Self::Customer),
    ];
}

/// How a lead ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Outcome(Outcome),
    /// Returned to nurture for this reason of `qualification.toml`.
    Recycle(String),
}

/// What marketing's callers do about near misses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desk {
    /// The colleague who logs the calls: no salesperson, because a salesperson's touches alone make no prospect ready.
    pub by: Name,
    /// How many calls on a working day.
    pub calls: u32,
    /// The share of calls that reach the prospect.
    pub reaches: Share,
    /// The share of calls that, having reached the prospect, prove a missing criterion.
    pub proves: Share,
    /// A prospect is called again no sooner than this.
    pub again: Span,
}
