//! change: what a changed configuration would do, ready to print: to the campaigns and their audiences, to who is ready, to whose
//! they are.

use super::config_diff::{CampaignChange, FileChange};
use super::planned_offers::{Offer, Share};
use crate::domain::criterion::{Criterion, Verdict};
use crate::domain::id::{Name, ProspectId};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// What would happen.
#[derive(Debug, Clone, Serialize)]
pub struct PlanReport {
    pub at: Timestamp,
    /// The configuration in force.
    pub before: Option<Before>,
    /// What identifies the one that is to be.
    pub after: String,
    /// Whether it is another one at all. If not, nothing else was looked at.
    pub is_new: bool,
    /// Whether the rules of qualification are others: then everybody is assessed anew.
    pub other_rules: bool,
    pub files: Vec<FileChange>,
    /// Every campaign, before and after.
    pub campaigns: Vec<CampaignChange>,
    /// How many prospects were looked at.
    pub prospects: u64,
    /// How many verdicts become others.
    pub verdicts: Vec<Shift>,
    pub ready: u64,
    /// How many are found to have asked for a person. They are never made to wait.
    pub requests: u64,
    /// How many waited to be offered, and are not ready any more.
    pub no_longer_ready: u64,
    /// How many open leads hold no longer in all five; they stay, and are marked.
    pub reconfirm: u64,
    /// How many are offered a working day, if that is limited.
    pub max_new_offers: Option<u32>,
    /// What comes to each salesperson, those who wait already among it.
    pub offers: BTreeMap<Name, Share>,
    /// Whose next offer could go to other people than before.
    pub territories: Vec<Territory>,
    /// The people, where they were asked for.
    pub people: Option<People>,
}

/// A configuration that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Before {
    pub hash: String,
    pub since: Timestamp,
}

/// Verdicts on one criterion that become others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shift {
    pub criterion: Criterion,
    pub from: Verdict,
    pub to: Verdict,
    pub prospects: u64,
}

/// Prospects whose next offer moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Territory {
    pub from: Vec<Name>,
    pub to: Vec<Name>,
    pub prospects: u64,
}

/// A person, by number and address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Who {
    pub prospect: ProspectId,
    pub address: Option<String>,
}

/// A person, and a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    pub campaign: Name,
    #[serde(flatten)]
    pub who: Who,
}

/// A person whose next offer moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    #[serde(flatten)]
    pub who: Who,
    pub from: Vec<Name>,
    pub to: Vec<Name>,
}

/// People by what happens to them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct People {
    pub gain: Vec<Member>,
    pub lose: Vec<Member>,
    /// Who is offered, when and to whom.
    pub offers: Vec<Offer>,
    /// Who waited, and is not ready any more.
    pub no_longer_ready: Vec<Who>,
    /// Whose lead is to be confirmed again.
    pub reconfirm: Vec<Who>,
    /// Whose next offer goes to whom.
    pub moves: Vec<Move>,
}
