//! The report of a plan: what a changed configuration would do to the campaigns and their audiences, to who is ready, and to
//! whose they are.

use super::config_diff::{CampaignChange, FileChange};
use super::planned_offers::{OfferShare, PlannedOffer};
use super::waiting::WaitingMails;
use crate::domain::criterion::{Criterion, Verdict};
use crate::domain::id::{Name, ProspectId};
use crate::flow::group::rename::Rename;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// What would happen.
#[derive(Debug, Clone, Serialize)]
pub struct PlanReport {
    pub at: Timestamp,
    /// The configuration in force.
    pub before: Option<Before>,
    /// The hash of the new configuration.
    pub after: String,
    /// Whether the new configuration differs. If not, nothing else was computed.
    pub is_new: bool,
    /// Whether the rules of qualification differ: then every prospect is assessed again.
    pub other_rules: bool,
    pub files: Vec<FileChange>,
    /// Every campaign, before and after.
    pub campaigns: Vec<CampaignChange>,
    /// Campaigns that are renamed, or look so.
    pub renames: Vec<Rename>,
    /// Mails that wait, and in which words; also those of campaigns that are not configured.
    pub waiting: Vec<WaitingMails>,
    /// How many prospects were examined.
    pub prospects: u64,
    /// How many verdicts change.
    pub verdicts: Vec<Shift>,
    pub ready: u64,
    /// How many would be requests for a person. The ramp never applies to them.
    pub requests: u64,
    /// How many wait to be offered, and are not ready any more.
    pub no_longer_ready: u64,
    /// How many open leads lose one of their five verdicts; they stay, and are to be confirmed again.
    pub reconfirm: u64,
    /// The most offers on a working day, if that is limited.
    pub max_new_offers: Option<u32>,
    /// The offers to each salesperson, including prospects who wait already.
    pub offers: BTreeMap<Name, OfferShare>,
    /// Prospects whose next offer could go to other salespeople than before.
    pub territories: Vec<Territory>,
    /// The people by name, if asked for.
    pub people: Option<People>,
}

/// A configuration that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Before {
    pub hash: String,
    pub since: Timestamp,
}

/// How many verdicts on one criterion change from one to another.
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
    /// The salespeople who could have got them before…
    pub from: Vec<Name>,
    /// …and those who can now.
    pub to: Vec<Name>,
    pub prospects: u64,
}

/// A prospect, by number and address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Who {
    pub prospect: ProspectId,
    pub address: Option<String>,
}

/// A prospect, and a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    pub campaign: Name,
    #[serde(flatten)]
    pub who: Who,
}

/// A prospect whose next offer moves to other salespeople.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    #[serde(flatten)]
    pub who: Who,
    pub from: Vec<Name>,
    pub to: Vec<Name>,
}

/// Prospects by what happens to them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct People {
    pub gain: Vec<Member>,
    pub lose: Vec<Member>,
    /// Offers: when, of whom and to whom.
    pub offers: Vec<PlannedOffer>,
    /// Those who wait, and are not ready any more.
    pub no_longer_ready: Vec<Who>,
    /// Those whose lead is to be confirmed again.
    pub reconfirm: Vec<Who>,
    /// Those whose next offer moves, and to whom.
    pub moves: Vec<Move>,
}
