//! Reach: an upper bound of what signals can prove, read from each signal alone. A prospect whose signals together cannot
//! reach the doorway need not be folded: they were never ready.
//!
//! Whether evidence counts, and for how long, only the fold can tell.

use super::evidence::{Effect, Origin};
use super::rule::{CriterionRules, Qualifying, Reads, Rule};
use super::signal::{Detail, Signal};
use crate::domain::criterion::Criterion;
use crate::domain::question::Power;
use std::ops::{BitOr, BitOrAssign};

/// What signals can prove at most: which criteria by a statement alone, and which rules give some support. 32 bits, so that
/// a million prospects take four megabytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach(u32);

const ASKS: u32 = 1 << 5;
const SPEAKS: u32 = 1 << 6;
/// The first bit of the criteria that it can prove for a colleague.
const FOR_COLLEAGUES: u32 = 8;
/// The first bit of the supporting rules of Vision and of Need: seven rules each, and one bit for answers.
const OF_VISION: u32 = 16;
const OF_NEED: u32 = 24;
const ANSWERS: u32 = 7;

impl Reach {
    /// Whether it holds a request for a person.
    pub const fn asks(self) -> bool {
        self.0 & ASKS != 0
    }

    /// Whether it holds a statement, for or against, that may count for a colleague.
    pub const fn speaks(self) -> bool {
        self.0 & SPEAKS != 0
    }

    /// What the same signals can prove for a colleague of the account.
    #[must_use]
    pub const fn for_a_colleague(self) -> Self {
        Self((self.0 >> FOR_COLLEAGUES) & 0b1_1111)
    }

    const fn of(criterion: Criterion) -> u32 {
        1 << criterion as u32
    }

    /// The bit of a supporting rule, by its place; a rule beyond those that have a bit counts as a proof.
    fn support(criterion: Criterion, rule: Option<usize>) -> u32 {
        let begins = match criterion {
            Criterion::Vision => OF_VISION,
            Criterion::Need => OF_NEED,
            // Support never meets these three.
            Criterion::Budget | Criterion::Authority | Criterion::Timeframe => return 0,
        };
        match rule.map(u32::try_from) {
            Some(Ok(place)) if place < ANSWERS => 1 << (begins + place),
            Some(_) => Self::of(criterion),
            None => 1 << (begins + ANSWERS),
        }
    }
}

impl BitOr for Reach {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Reach {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl Qualifying {
    /// Whether signals of this reach can meet the criterion.
    pub fn can_meet(&self, reach: Reach, criterion: Criterion) -> bool {
        let begins = if criterion == Criterion::Vision { OF_VISION } else { OF_NEED };
        let supports = ((reach.0 >> begins) & 0xff).count_ones() as usize;
        reach.0 & Reach::of(criterion) != 0
            || (criterion.support_may_meet() && supports >= self.criteria[criterion].enough.max(1))
    }

    /// How many of the five criteria signals of this reach can meet.
    pub fn met_at_most(&self, reach: Reach) -> usize {
        Criterion::ALL.into_iter().filter(|criterion| self.can_meet(reach, *criterion)).count()
    }

    /// Whether a prospect with signals of this reach can be in the doorway.
    pub fn reaches_the_doorway(&self, reach: Reach) -> bool {
        reach.asks() || self.met_at_most(reach) == 5
    }

    /// What a signal can prove at most, for the prospect and for their colleagues.
    pub fn reach(&self, signal: &Signal) -> Reach {
        let mut reach = 0;
        for evidence in self.read(signal) {
            let (criterion, power) = (evidence.criterion, evidence.effect);
            let meets = power == Effect::Power(Power::Meets);
            if meets {
                reach |= Reach::of(criterion);
            } else if power == Effect::Power(Power::Supports) {
                reach |= Reach::support(criterion, evidence.rule);
            }
            if self.criteria[criterion].of_account && signal.detail.may_speak_for_colleagues() {
                reach |= SPEAKS;
                if meets && evidence.origin >= Origin::Declared && !evidence.comes_due {
                    reach |= Reach::of(criterion) << FOR_COLLEAGUES;
                }
            }
        }
        match &signal.detail {
            // An answer without power proves nothing, and can still contradict another answer within a minute, or show that a
            // machine gave it.
            Detail::Answer { .. } if self.concerns_colleagues(&signal.detail) => reach |= SPEAKS,
            Detail::Click { .. } | Detail::Fields { .. } => reach |= self.reach_in_groups(&signal.detail),
            _ => {}
        }
        if self.requests.iter().any(|rule| rule.reads(&signal.detail)) {
            reach |= ASKS;
        }
        Reach(reach)
    }

    /// The reach of clicks and fields, which are read in groups.
    fn reach_in_groups(&self, detail: &Detail) -> u32 {
        let counts = |criterion: Criterion, place: usize, rule: &Rule| match (&rule.reads, detail) {
            (Reads::Click { topic, .. }, Detail::Click { target })
                if self.topics.iter().any(|t| t.name == *topic && t.covers(target)) =>
            {
                Reach::support(criterion, Some(place))
            }
            (Reads::Field { name, test }, Detail::Fields { changed, as_of, .. }) => {
                let value = changed.get(name).and_then(Option::as_deref);
                match (value.is_some() && test.passes(value), rule.power) {
                    (true, Power::Meets) if as_of.is_some() => Reach::of(criterion),
                    (true, Power::Meets | Power::Supports) => Reach::support(criterion, Some(place)),
                    _ => 0,
                }
            }
            _ => 0,
        };
        let of = |(criterion, of): (Criterion, &CriterionRules)| {
            of.rules.iter().enumerate().map(|(place, rule)| counts(criterion, place, rule)).fold(0, BitOr::bitor)
        };
        self.criteria.iter().map(of).fold(0, BitOr::bitor)
    }
}
