//! What prospects do with their mail: drawn when a mail is accepted, from a source that depends on the person
//! and the newsletter alone, and done when its hour has come.

use super::acts::{self, Act, ActKind};
use super::behaviour::{kind, said};
use super::event_log::IssueMails;
use super::world::{Participant, World, grained, grained_to};
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

/// How many deliveries are loaded at a time.
const PAGE: usize = 5_000;
/// How many signals share a transaction.
const TOGETHER: usize = 1_000;
/// A machine clicks within this time.
const MACHINE: SignedDuration = SignedDuration::from_secs(5);

/// The pending acts, by hour.
#[derive(Debug, Default)]
pub struct Readers(BTreeMap<Timestamp, Vec<Act>>);

impl Readers {
    /// When the next act is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.0.keys().next().copied()
    }

    /// Records mails accepted now, and draws the acts that follow from them.
    pub async fn receive(&mut self, world: &mut World, accepted: &[DeliveryId]) -> Result<(), FlowError> {
        for page in accepted.chunks(PAGE) {
            let mut tx = world.ctx.store().read().await?;
            let copies = simulation_report::copies(&mut tx, page).await?;
            let newest = world.event_log.issues.keys().next_back().copied().unwrap_or(IssueId(0));
            if copies.iter().any(|copy| copy.issue > newest) {
                for issued in simulation_report::issued(&mut tx, newest).await? {
                    let content = issues::content(&mut tx, issued.issue).await?.map(|i| i.content).unwrap_or_default();
                    let (campaign, newsletter, due_at) = (issued.campaign, issued.newsletter, issued.due_at);
                    world
                        .event_log
                        .issues
                        .insert(issued.issue, IssueMails { campaign, newsletter, due_at, content, accepted: 0 });
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
        let (Some(issue), person) = (world.event_log.issues.get(&copy.issue), &world.people[number]) else { return };
        let mut draw = Draw { world, person, copy, number, now, acts: Vec::new() };
        draw.all(issue);
        for act in draw.acts {
            // A machine acts at once: so young a hit changes no verdict, while one an hour later would cause
            // the whole history of its prospect to be folded again, with the same result.
            let at = if act.is_machine() { grained_to(act.at, 60) } else { grained(act.at) };
            self.0.entry(at).or_default().push(act);
        }
    }

    /// Does every act whose hour has come.
    pub async fn act(&mut self, world: &mut World) -> Result<(), FlowError> {
        let now = world.now();
        while self.next().is_some_and(|at| at <= now) {
            let Some((_, mut acts)) = self.0.pop_first() else { return Ok(()) };
            acts.sort_by_key(|act| (act.at, act.delivery));
            let is_quiet = acts.iter().all(Act::is_machine);
            let (signals, others): (Vec<Act>, Vec<Act>) = acts.into_iter().partition(Act::is_signal);
            for page in signals.chunks(TOGETHER) {
                acts::record_together(world, page).await?;
            }
            for act in &others {
                acts::record_alone(world, act).await?;
            }
            if !is_quiet {
                world.wake(&[Step::Qualify, Step::Enquire, Step::Notify, Step::Correspond]);
            }
        }
        Ok(())
    }
}

/// Records that a person got a mail.
fn note(world: &mut World, number: usize, issue: IssueId, now: Timestamp) {
    let plan = world.ctx.plan();
    let person = &mut world.people[number];
    if let Some(since) = person.silent_since.replace(now) {
        world.event_log.silence(now.duration_since(since));
    }
    let Some(issue) = world.event_log.issues.get_mut(&issue) else { return };
    issue.accepted += 1;
    let (name, due_at, asks) = (issue.campaign.clone(), issue.due_at, !issue.content.questions.is_empty());
    let is_own = !writers::is_made_up(&issue.newsletter);
    let Some(campaign) = plan.campaign(&name) else { return };
    let had = person.had.entry(name.clone()).or_default();
    *had += usize::from(is_own);
    let has_all = *had >= campaign.newsletters.iter().filter(|n| !writers::is_made_up(&n.id)).count();
    let day = now.to_zoned(campaign.schedule.zone().clone()).date();
    *world.event_log.days.entry(day).or_default() += 1;
    let late = now.duration_since(due_at);
    let of = world.event_log.of(&name);
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

/// The draws for one mail.
struct Draw<'a> {
    world: &'a World,
    person: &'a Participant,
    copy: &'a Copy,
    number: usize,
    now: Timestamp,
    acts: Vec<Act>,
}

impl Draw<'_> {
    fn all(&mut self, issue: &IssueMails) {
        let Some(habit) = kind(self.world, self.person, self.now) else { return };
        let own = self.person.chance.of(issue.campaign.as_str()).of(issue.newsletter.as_str());
        let links = &issue.content.links;
        if self.person.scanned && self.copy.tracked {
            for link in 0..links.len().min(self.world.behaviour.scanners.links) {
                self.acts.push(self.act(self.now + MACHINE, ActKind::Machine { link }));
            }
        }
        let clicks = *habit.newsletters.get(&issue.newsletter).unwrap_or(&habit.clicks);
        if own.of("click").happens(clicks)
            && let Some(link) = self.chosen(own.of("link"), habit, links)
        {
            self.later(own.of("when click"), ActKind::Click { link, tracked: self.copy.tracked });
        }
        if own.of("answer").happens(habit.answers)
            && let Some((question, answer)) = said(own.of("says"), habit, issue)
        {
            self.later(own.of("when answer"), ActKind::Answer { question, answer });
        }
        for (n, form) in (0..).zip(&habit.forms) {
            if own.of("form").nth(n).happens(form.share) {
                let does = ActKind::Form { form: form.form.clone(), fields: form.fields.clone() };
                self.later(own.of("when form").nth(n), does);
            }
        }
        for (what, share) in [("reply", habit.replies), ("unsubscribe", habit.unsubscribes), ("complain", habit.complains)] {
            if own.of(what).happens(share) {
                let does = match what {
                    "reply" => ActKind::Reply(own.of("words").among(&habit.words).cloned().unwrap_or_default()),
                    "unsubscribe" => ActKind::Unsubscribe,
                    _ => ActKind::Complain,
                };
                self.later(own.of("when").of(what), does);
            }
        }
    }

    fn act(&self, at: Timestamp, does: ActKind) -> Act {
        Act { person: self.number, delivery: self.copy.delivery, issue: self.copy.issue, at, does }
    }

    /// Within the hours in which people read; an act outside them waits for the next opening, and is spread over it.
    fn later(&mut self, chance: Chance, does: ActKind) {
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
