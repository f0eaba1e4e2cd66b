//! The five criteria. Each must be met before a sale can take place, so there is no sum and no score.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Index, IndexMut};

/// One of Vision, Budget, Authority, Need and Timeframe, in the order salespeople say them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Criterion {
    /// They see what would be better.
    Vision,
    /// Money is, or will be, set aside.
    Budget,
    /// They decide, or sit at the table.
    Authority,
    /// They have the problem we solve.
    Need,
    Timeframe,
}

impl Criterion {
    /// All five, in order.
    pub const ALL: [Self; 5] = [Self::Vision, Self::Budget, Self::Authority, Self::Need, Self::Timeframe];

    /// The word used in files, SQL, logs and pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Vision => "vision",
            Self::Budget => "budget",
            Self::Authority => "authority",
            Self::Need => "need",
            Self::Timeframe => "timeframe",
        }
    }

    /// The criterion of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.word() == word)
    }

    /// Whether a colleague of the same account may prove it: what the company has, who decides there, and by when. Vision and
    /// Need are personal: a colleague cannot prove what another person sees or needs.
    pub const fn account_may_meet(self) -> bool {
        !self.support_may_meet()
    }

    /// Behaviour and facts may meet only Vision and Need; the others must be said or observed.
    pub const fn support_may_meet(self) -> bool {
        matches!(self, Self::Vision | Self::Need)
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Vision => "Vision",
            Self::Budget => "Budget",
            Self::Authority => "Authority",
            Self::Need => "Need",
            Self::Timeframe => "Timeframe",
        })
    }
}

/// The verdicts on a criterion. Unknown is not a no.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Met,
    /// Some support, not enough; or a proof that begins later.
    Weak,
    #[default]
    Unknown,
    /// A person said the opposite.
    Contradicted,
    /// It was proven, and no longer counts.
    Expired,
}

impl Verdict {
    /// The word in SQL, logs and pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Weak => "weak",
            Self::Unknown => "unknown",
            Self::Contradicted => "contradicted",
            Self::Expired => "expired",
        }
    }

    /// Every verdict, the best first.
    pub const ALL: [Self; 5] = [Self::Met, Self::Weak, Self::Unknown, Self::Contradicted, Self::Expired];

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.word() == word)
    }
}

/// One value for each of the five criteria.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PerCriterion<T>([T; 5]);

impl<T> PerCriterion<T> {
    pub fn build(make: impl FnMut(Criterion) -> T) -> Self {
        Self(Criterion::ALL.map(make))
    }

    /// The five, each with its criterion, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Criterion, &T)> {
        Criterion::ALL.into_iter().zip(&self.0)
    }
}

impl<T> Index<Criterion> for PerCriterion<T> {
    type Output = T;

    fn index(&self, criterion: Criterion) -> &T {
        &self.0[criterion as usize]
    }
}

impl<T> IndexMut<Criterion> for PerCriterion<T> {
    fn index_mut(&mut self, criterion: Criterion) -> &mut T {
        &mut self.0[criterion as usize]
    }
}
