//! How people act, as far as a simulation needs to know: prospects who read, marketing that writes, callers and
//! salespeople who answer. Nothing else reads it: it decides nothing about real people.

use super::audience::Condition;
use super::chance::Share;
use super::criterion::PerCriterion;
use super::id::Name;
use super::individual::handoff::Outcome;
use super::plan::Plan;
use super::span::Span;
use super::window::Window;
use std::collections::BTreeMap;

/// How everybody acts.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// When prospects read their mail.
    pub reads: Window,
    /// Half of those who do something do it within this time.
    pub delay: Span,
    /// Whether marketing goes on writing once a campaign has no letter left.
    pub writes_on: bool,
    /// Machines that follow links before a person does.
    pub scanners: Scanners,
    pub refusals: Refusals,
    /// Kinds of people; the first that fits somebody is theirs.
    pub people: Vec<Habit>,
    pub sales: Sales,
    /// What marketing's callers do, if there are any.
    pub desk: Option<Desk>,
}

impl Behaviour {
    /// The same for another company: without what it does not know (its newsletters, topics, answers, reasons, people).
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

/// Machines that follow links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanners {
    /// The share of companies that have one.
    pub share: Share,
    /// How many links of a mail it follows.
    pub links: usize,
}

/// What relays do not take, of all mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusals {
    /// The mailbox does not exist any more.
    pub gone: Share,
    pub later: Share,
}

/// How people of one kind act. Shares without another word are of the mails they get.
#[derive(Debug, Clone)]
pub struct Habit {
    /// What they are called in the report.
    pub name: Name,
    /// All of these hold for them.
    pub when: Vec<Condition>,
    /// The share of those who fit that are of this kind.
    pub share: Share,
    /// How long one stays of this kind before it is drawn anew; for ever without it.
    pub lasts: Option<Span>,
    pub clicks: Share,
    /// The same in one newsletter.
    pub newsletters: BTreeMap<Name, Share>,
    /// How likely a link about a topic is to be the one, beside 1 for any other.
    pub topics: BTreeMap<Name, u32>,
    /// They answer, of mails that ask.
    pub answers: Share,
    /// They answer each further question of the page, too.
    pub further: Share,
    /// What they say: how likely each answer is; all the same without it.
    pub says: PerCriterion<BTreeMap<String, u32>>,
    pub replies: Share,
    pub words: Vec<String>,
    pub unsubscribes: Share,
    pub complains: Share,
    pub forms: Vec<FormHabit>,
}

/// A form somebody may fill in after a mail.
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
    pub offers: Vec<(Offer, u32)>,
    /// Half of the accepted are contacted within this working time.
    pub touches: Span,
    /// Half of the leads come to an end within this time.
    pub lasts: Span,
    pub ends: Vec<(End, u32)>,
}

/// What a salesperson answers to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    Accept,
    NotMine,
    NotReady,
    Customer,
}

impl Offer {
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
    /// Who logs the calls: no salesperson, for those prove nothing alone.
    pub by: Name,
    /// How many calls on a working day.
    pub calls: u32,
    /// How many of them reach somebody.
    pub reaches: Share,
    /// How often something that is missing is proven then.
    pub proves: Share,
    /// Nobody is called again sooner.
    pub again: Span,
}
