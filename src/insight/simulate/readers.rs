//! What prospects do with their mail: drawn when a mail is accepted, each from a source of its own that depends on the person
//! and the newsletter alone, and done when its hour has come.

use super::acts::{self, Act, Does};
use super::behaviour::{kind, said};
use super::event_log::Issue;
use super::world::{Person, World, grained, grained_to};
use super::writers;
use crate::domain::behaviour::Habit;
use crate::domain::chance::Chance;
use crate::domain::group::campaign::Order;
use crate::domain::id::{DeliveryId, IssueId};
use crate::domain::window::Window;
use crate::flow::context::FlowError;
use crate::flow::until_idle::Step;
use crate::store::group::issues;
use crate::store::operations::simulation_report::{self, Copy};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How many copies are looked up at a time.
const PAGE: usize = 5_000;
/// How many signals share a transaction.
const TOGETHER: usize = 1_000;
/// A machine is there within so many seconds.
const MACHINE: SignedDuration = SignedDuration::from_secs(5);

/// What people are about to do, by the hour.
#[derive(Debug, Default)]
pub struct Readers(BTreeMap<Timestamp, Vec<Act>>);

impl Readers {
    /// When somebody does something next.
    pub fn next(&self) -> Option<Timestamp> {
        self.0.keys().next().copied()
    }

    /// These mails were accepted now: notes them, and draws what becomes of them.
    pub async fn receive(&mut self, world: &mut World, accepted: &[DeliveryId]) -> Result<(), FlowError> {
        for page in accepted.chunks(PAGE) {
            let mut tx = world.ctx.store().read().await?;
            let copies = simulation_report::copies(&mut tx, page).await?;
            let newest = world.diary.issues.keys().next_back().copied().unwrap_or(IssueId(0));
            if copies.iter().any(|copy| copy.issue > newest) {
                for issued in simulation_report::issued(&mut tx, newest).await? {
                    let content = issues::content(&mut tx, issued.issue).await?.map(|i| i.content).unwrap_or_default();
                    let (campaign, newsletter, due_at) = (issued.campaign, issued.newsletter, issued.due_at);
                    world.diary.issues.insert(issued.issue, Issue { campaign, newsletter, due_at, content, accepted: 0 });
                }
            }
            drop(tx);
            for copy in &copies {
                self.read(world, copy);
            }
        }
        Ok(())
    }

    fn read(&mut self, world: &mut World, copy: &Copy) {
        let now = world.now();
        let Some(number) = copy.prospect.and_then(|id| world.number(id)) else { return };
        note(world, number, copy.issue, now);
        let (Some(issue), person) = (world.diary.issues.get(&copy.issue), &world.people[number]) else { return };
        let mut draw = Draw { world, person, copy, number, now, acts: Vec::new() };
        draw.all(issue);
        for act in draw.acts {
            // A machine comes at once: so young a hit changes nobody's verdicts, while one that is told of an hour later would
            // have the whole history of its prospect folded again, to no other end.
            let at = if act.is_machine() { grained_to(act.at, 60) } else { grained(act.at) };
            self.0.entry(at).or_default().push(act);
        }
    }

    /// Does everything whose hour has come.
    pub async fn act(&mut self, world: &mut World) -> Result<(), FlowError> {
        let now = world.now();
        while self.next().is_some_and(|at| at <= now) {
            let Some((_, mut acts)) = self.0.pop_first() else { return Ok(()) };
            acts.sort_by_key(|act| (act.at, act.delivery));
            let is_quiet = acts.iter().all(Act::is_machine);
            let (signals, others): (Vec<Act>, Vec<Act>) = acts.into_iter().partition(Act::is_signal);
            for page in signals.chunks(TOGETHER) {
                acts::together(world, page).await?;
            }
            for act in &others {
                acts::alone(world, act).await?;
            }
            if !is_quiet {
                world.ring(&[Step::Qualify, Step::Notify, Step::Correspond]);
            }
        }
        Ok(())
    }
}

/// Notes that somebody got a mail.
fn note(world: &mut World, number: usize, issue: IssueId, now: Timestamp) {
    let plan = world.ctx.plan();
    let person = &mut world.people[number];
    if let Some(since) = person.silent_since.replace(now) {
        world.diary.silence(now.duration_since(since));
    }
    let Some(issue) = world.diary.issues.get_mut(&issue) else { return };
    issue.accepted += 1;
    let (name, due_at, asks) = (issue.campaign.clone(), issue.due_at, !issue.content.questions.is_empty());
    let is_own = !writers::is_more(&issue.newsletter);
    let Some(campaign) = plan.campaign(&name) else { return };
    let had = person.had.entry(name.clone()).or_default();
    *had += usize::from(is_own);
    let has_all = *had >= campaign.newsletters.iter().filter(|n| !writers::is_more(&n.id)).count();
    let day = now.to_zoned(campaign.schedule.zone().clone()).date();
    *world.diary.days.entry(day).or_default() += 1;
    let late = now.duration_since(due_at);
    let of = world.diary.of(&name);
    of.accepted += 1;
    of.asking += u64::from(asks);
    if late > SignedDuration::ZERO {
        let closes = |w: &Window| !w.is_open(due_at) || w.next_closing(due_at) <= now;
        let kept = if campaign.window.as_ref().is_some_and(closes) { &mut of.window } else { &mut of.later };
        *kept = (kept.0 + 1, kept.1.max(late));
    }
    if has_all && is_own && campaign.order == Order::Series {
        of.ran_out_at.get_or_insert(now);
    }
}

/// The draws of one mail.
struct Draw<'a> {
    world: &'a World,
    person: &'a Person,
    copy: &'a Copy,
    number: usize,
    now: Timestamp,
    acts: Vec<Act>,
}

impl Draw<'_> {
    fn all(&mut self, issue: &Issue) {
        let Some(habit) = kind(self.world, self.person, self.now) else { return };
        let own = self.person.chance.of(issue.campaign.as_str()).of(issue.newsletter.as_str());
        let links = &issue.content.links;
        if self.person.scanned && self.copy.tracked {
            for link in 0..links.len().min(self.world.behaviour.scanners.links) {
                self.acts.push(self.act(self.now + MACHINE, Does::Machine { link }));
            }
        }
        let clicks = *habit.newsletters.get(&issue.newsletter).unwrap_or(&habit.clicks);
        if own.of("click").happens(clicks)
            && let Some(link) = self.chosen(own.of("link"), habit, links)
        {
            self.later(own.of("when click"), Does::Click { link, tracked: self.copy.tracked });
        }
        if own.of("answer").happens(habit.answers)
            && let Some((question, answer)) = said(own.of("says"), habit, issue)
        {
            self.later(own.of("when answer"), Does::Answer { question, answer });
        }
        for (n, form) in (0..).zip(&habit.forms) {
            if own.of("form").nth(n).happens(form.share) {
                let does = Does::Form { form: form.form.clone(), fields: form.fields.clone() };
                self.later(own.of("when form").nth(n), does);
            }
        }
        for (what, share) in [("reply", habit.replies), ("unsubscribe", habit.unsubscribes), ("complain", habit.complains)] {
            if own.of(what).happens(share) {
                let does = match what {
                    "reply" => Does::Reply(own.of("words").among(&habit.words).cloned().unwrap_or_default()),
                    "unsubscribe" => Does::Unsubscribe,
                    _ => Does::Complain,
                };
                self.later(own.of("when").of(what), does);
            }
        }
    }

    fn act(&self, at: Timestamp, does: Does) -> Act {
        Act { person: self.number, delivery: self.copy.delivery, issue: self.copy.issue, at, does }
    }

    /// In the hours in which people read; what falls outside waits for the next morning, and comes spread over it.
    fn later(&mut self, chance: Chance, does: Does) {
        let then = self.now + chance.delay(self.world.behaviour.delay);
        let opens = self.world.behaviour.reads.next_opening(then);
        let spread = if opens > then { chance.of("morning").below(7_200) } else { 0 };
        let at = opens + SignedDuration::from_secs(i64::try_from(spread).unwrap_or(0));
        self.acts.push(self.act(at, does));
    }

    fn chosen(&self, chance: Chance, habit: &Habit, links: &[String]) -> Option<usize> {
        let plan = self.world.ctx.plan();
        let weight = |link: &String| {
            let of_topic = plan.qualifying.topics.iter().filter(|topic| topic.covers(link));
            of_topic.filter_map(|topic| habit.topics.get(&topic.name)).max().copied().unwrap_or(1)
        };
        chance.weighed(&links.iter().enumerate().map(|(n, link)| (n, weight(link))).collect::<Vec<_>>()).copied()
    }
}
