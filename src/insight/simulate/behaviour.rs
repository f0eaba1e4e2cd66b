//! Which kind of people a prospect belongs to, and what people of that kind answer.

use super::event_log::IssueMails;
use super::world::{Participant, World};
use crate::domain::behaviour::Habit;
use crate::domain::chance::{Chance, Share};
use crate::domain::criterion::Criterion;
use crate::domain::question::Answer;
use jiff::Timestamp;

/// The kind of people that a prospect belongs to now: the first that fits.
pub fn kind<'a>(world: &'a World, person: &Participant, now: Timestamp) -> Option<&'a Habit> {
    let passed = now.duration_since(world.begins_at).as_secs() / 60;
    let mut kinds = (0..).zip(world.behaviour.people.iter().zip(&person.fits));
    let is = |(n, (habit, fits)): &(u64, (&Habit, &bool))| {
        let own = person.chance.of("kind").nth(*n);
        let turn = habit.lasts.map_or(0, |lasts| {
            // A different offset for each person, so that kinds do not all change on one day.
            let length = lasts.rough_minutes().max(1);
            let begun = i64::try_from(own.of("begun").below(length.unsigned_abs())).unwrap_or(0);
            (passed + begun) / length
        });
        **fits && (habit.share == Share::ALL || own.nth(turn.unsigned_abs()).happens(habit.share))
    };
    kinds.find(is).map(|(_, (habit, _))| habit)
}

/// Which question a person answers, and how.
pub fn said(chance: Chance, habit: &Habit, issue: &IssueMails) -> Option<(usize, usize)> {
    let questions = &issue.content.questions;
    let question = usize::try_from(chance.of("which").below(questions.len() as u64)).ok()?;
    let asked = questions.get(question)?;
    Some((question, answer(chance, habit, asked.criterion, &asked.answers)?))
}

/// Which of these answers a person chooses.
pub fn answer(chance: Chance, habit: &Habit, criterion: Criterion, answers: &[Answer]) -> Option<usize> {
    let says = &habit.says[criterion];
    let weight = |answer: &Answer| if says.is_empty() { 1 } else { says.get(&answer.say).copied().unwrap_or(0) };
    chance.weighed(&answers.iter().enumerate().map(|(n, a)| (n, weight(a))).collect::<Vec<_>>()).copied()
}
