//! Reach: what a signal can prove at most, told from its words alone, whatever else is on record. Where the reach of
//! everything somebody did is too short, nobody need fold it to know that they were never ready.
//!
//! An upper bound and nothing more: whether evidence counts, and for how long, is for the fold to say.

use super::criterion::Criterion;
use super::evidence::{Effect, Origin};
use super::question::Power;
use super::rule::{Qualifying, Reads};
use super::signal::{Detail, Signal};
use std::ops::{BitOr, BitOrAssign};

/// What signals can prove at most. Sixteen bits: a million prospects' fit into two megabytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach(u16);

const ALL_FIVE: u16 = 0b1_1111;
const ASKS: u16 = 1 << 5;
const SPEAKS: u16 = 1 << 6;
/// Where the criteria begin that it can prove for a colleague.
const FOR_COLLEAGUES: u32 = 8;

impl Reach {
    /// How many of the five it can meet.
    #[must_use]
    pub const fn criteria(self) -> u32 {
        (self.0 & ALL_FIVE).count_ones()
    }

    /// Whether it can meet this one.
    #[must_use]
    pub const fn can_meet(self, criterion: Criterion) -> bool {
        self.0 & Self::of(criterion) != 0
    }

    /// Whether it asks for a person.
    #[must_use]
    pub const fn asks(self) -> bool {
        self.0 & ASKS != 0
    }

    /// Whether it says anything, for or against, that may count for a colleague.
    #[must_use]
    pub const fn speaks(self) -> bool {
        self.0 & SPEAKS != 0
    }

    /// Whether a prospect can stand in the doorway with it.
    #[must_use]
    pub const fn reaches_the_doorway(self) -> bool {
        self.0 & ALL_FIVE == ALL_FIVE || self.asks()
    }

    /// What the same signals can prove for somebody else of the account.
    #[must_use]
    pub const fn for_a_colleague(self) -> Self {
        Self(self.0 >> FOR_COLLEAGUES)
    }

    const fn of(criterion: Criterion) -> u16 {
        1 << criterion as u16
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
    /// What a signal can prove at most, to the prospect and to their colleagues.
    #[must_use]
    pub fn reach(&self, signal: &Signal) -> Reach {
        let mut reach = 0;
        for evidence in self.read(signal) {
            let (criterion, power) = (evidence.criterion, evidence.effect);
            let meets = power == Effect::Power(Power::Meets);
            if meets || (power == Effect::Power(Power::Supports) && criterion.support_may_meet()) {
                reach |= Reach::of(criterion);
            }
            if self.criteria[criterion].of_account && signal.detail.may_speak_for_colleagues() {
                reach |= SPEAKS;
                if meets && evidence.origin >= Origin::Declared && !evidence.comes_due {
                    reach |= Reach::of(criterion) << FOR_COLLEAGUES;
                }
            }
        }
        match &signal.detail {
            // Without a power it proves nothing, and can still contradict another answer within a minute.
            Detail::Answer { criterion, .. } if self.criteria[*criterion].of_account => reach |= SPEAKS,
            Detail::Click { .. } | Detail::Fields { .. } => reach |= self.reach_in_groups(&signal.detail),
            _ => {}
        }
        if self.requests.iter().any(|rule| rule.reads(&signal.detail)) {
            reach |= ASKS;
        }
        Reach(reach)
    }

    /// Of clicks and fields, which are read in groups.
    fn reach_in_groups(&self, detail: &Detail) -> u16 {
        let counts = |criterion: Criterion, reads: &Reads, power: Power| match (reads, detail) {
            (Reads::Click { topic, .. }, Detail::Click { target }) => {
                criterion.support_may_meet() && self.topics.iter().any(|t| t.name == *topic && t.covers(target))
            }
            (Reads::Field { name, test }, Detail::Fields { changed, as_of, .. }) => {
                let value = changed.get(name).and_then(Option::as_deref);
                let meets = power == Power::Meets && as_of.is_some();
                let may = meets || (power != Power::Contradicts && criterion.support_may_meet());
                may && value.is_some() && test.passes(value)
            }
            _ => false,
        };
        let reached = |(criterion, of): (Criterion, &super::rule::CriterionRules)| {
            of.rules.iter().any(|rule| counts(criterion, &rule.reads, rule.power)).then(|| Reach::of(criterion))
        };
        self.criteria.iter().filter_map(reached).fold(0, BitOr::bitor)
    }
}
