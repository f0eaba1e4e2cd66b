//! The law of conservation: every prospect is in exactly one group, and each group but the last three has a next step
//! with a date, or an end. A prospect without a group would be forgotten; the census shows it.
//!
//! This module counts; the store decides set-wise which prospect is in which group.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a prospect is, and what comes next for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Nurturing, in the doorway: the next hand-off offers them.
    Doorway,
    /// Nurturing, with a follow-up on a salesperson's queue.
    Item,
    /// Nurturing, in the audience of a running campaign that has another occurrence.
    Campaign,
    /// Nurturing, until a date they asked for.
    Wake,
    /// Nurturing, until the date at which the prospect is to be reviewed.
    Review,
    /// Offered, with the item to answer.
    Offered,
    /// Owned, with the next action.
    Owned,
    /// Closed: won or disqualified.
    Closed,
    /// Suppressed on every channel.
    Suppressed,
    /// Nurturing, and no step will ever be due: without a future.
    Adrift,
    /// Offered or owned, and on no salesperson's queue: without a future.
    Unattended,
    /// Standing says suppressed, though a channel is open: without a future.
    Stranded,
}

impl Group {
    /// Every group, in the order in which reports list them.
    pub const ALL: [Self; 12] = [
        Self::Doorway,
        Self::Item,
        Self::Campaign,
        Self::Wake,
        Self::Review,
        Self::Offered,
        Self::Owned,
        Self::Closed,
        Self::Suppressed,
        Self::Adrift,
        Self::Unattended,
        Self::Stranded,
    ];

    /// The word in SQL, figures and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Doorway => "doorway",
            Self::Item => "item",
            Self::Campaign => "campaign",
            Self::Wake => "wake",
            Self::Review => "review",
            Self::Offered => "offered",
            Self::Owned => "owned",
            Self::Closed => "closed",
            Self::Suppressed => "suppressed",
            Self::Adrift => "adrift",
            Self::Unattended => "unattended",
            Self::Stranded => "stranded",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.word() == word)
    }

    /// The next step, in one line.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Doorway => "nurturing, about to be offered",
            Self::Item => "nurturing, an item on a queue",
            Self::Campaign => "nurturing, a campaign's next occurrence",
            Self::Wake => "nurturing, until a date they asked for",
            Self::Review => "nurturing, until their date of review",
            Self::Offered => "offered, with the item to answer",
            Self::Owned => "owned, with the next action",
            Self::Closed => "closed",
            Self::Suppressed => "suppressed on every channel",
            Self::Adrift => "nurturing, and nothing comes next",
            Self::Unattended => "offered or owned, and on no salesperson's queue",
            Self::Stranded => "called suppressed, though a channel is open",
        }
    }

    /// Whether no step will ever be due for the prospects in it, and no person decided that it should end.
    pub const fn is_without_future(self) -> bool {
        matches!(self, Self::Adrift | Self::Unattended | Self::Stranded)
    }
}

/// All prospects, counted by group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Census {
    pub at: Timestamp,
    /// How many prospects there are, by a count of their own table.
    pub prospects: i64,
    /// How many are in each group; every group is named.
    pub groups: BTreeMap<Group, i64>,
    /// How many the tables put in two groups: counted once above, by their standing.
    pub in_two: i64,
    /// How many enquiries are open: requests that no handoff can answer. They are no prospects, and in no group.
    pub enquiries: i64,
    /// How many of these nobody on the roster has: must be none.
    pub unheard: i64,
}

impl Census {
    pub fn begin(at: Timestamp) -> Self {
        let groups = Group::ALL.into_iter().map(|group| (group, 0)).collect();
        Self { at, prospects: 0, groups, in_two: 0, enquiries: 0, unheard: 0 }
    }

    /// Adds prospects to a group.
    pub fn add(&mut self, group: Group, prospects: i64) {
        *self.groups.entry(group).or_default() += prospects;
    }

    /// Adds another census to this one.
    pub fn join(&mut self, other: &Self) {
        other.groups.iter().for_each(|(group, count)| self.add(*group, *count));
        self.prospects += other.prospects;
        self.in_two += other.in_two;
        self.enquiries += other.enquiries;
        self.unheard += other.unheard;
    }

    /// Moves prospects from one group to another after a step that changed their group.
    pub fn move_over(&mut self, from: Group, to: Group, prospects: i64) {
        self.add(from, -prospects);
        self.add(to, prospects);
    }

    pub fn of(&self, group: Group) -> i64 {
        self.groups.get(&group).copied().unwrap_or_default()
    }

    pub fn counted(&self) -> i64 {
        self.groups.values().sum()
    }

    /// How many prospects are without a future: must be none.
    pub fn without_future(&self) -> i64 {
        self.groups.iter().filter(|(group, _)| group.is_without_future()).map(|(_, count)| count).sum()
    }

    /// Whether the law holds: no prospect without a future, none in two groups, no enquiry unheard, and the sums agree.
    pub fn holds(&self) -> bool {
        self.without_future() == 0 && self.in_two == 0 && self.unheard == 0 && self.counted() == self.prospects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_its_word() {
        for group in Group::ALL {
            assert_eq!(Group::parse(group.word()), Some(group));
            assert_eq!(serde_json::to_value(group).expect("JSON"), group.word());
        }
        assert_eq!(Group::parse("nowhere"), None);
    }

    #[test]
    fn the_law_holds_when_everybody_has_one_place() {
        let mut census = Census::begin(Timestamp::UNIX_EPOCH);
        assert!(census.holds(), "nobody at all");
        census.prospects = 3;
        census.add(Group::Campaign, 2);
        assert!(!census.holds(), "one is nowhere");
        census.add(Group::Unattended, 1);
        assert_eq!((census.holds(), census.counted(), census.without_future()), (false, 3, 1));
        census.move_over(Group::Unattended, Group::Owned, 1);
        assert!(census.holds());
        census.in_two = 1;
        assert!(!census.holds(), "one is in two places");
        (census.in_two, census.enquiries) = (0, 2);
        assert!(census.holds(), "two who asked are heard");
        census.unheard = 1;
        assert!(!census.holds(), "one of them is not");
    }
}
