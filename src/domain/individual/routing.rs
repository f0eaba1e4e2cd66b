//! Routing: which salesperson gets a prospect, and why. There is always one: the manager, when no other can take it.

use super::salesperson::Roster;
use crate::domain::id::Name;
use crate::domain::prospect::Prospect;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The salesperson, and the reason. Made only by [`assign`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    salesperson: Name,
    reason: Reason,
    candidates: Vec<Name>,
    skipped: Vec<(Name, String)>,
}

/// Why this salesperson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// They had this prospect before.
    Previous,
    Account,
    /// The n-th route (from 1) fits.
    Route(usize),
    Manager,
}

impl Assignment {
    pub const fn salesperson(&self) -> &Name {
        &self.salesperson
    }

    pub const fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The salespeople who could have got it; the order means nothing.
    pub fn candidates(&self) -> &[Name] {
        &self.candidates
    }

    /// The salespeople who were passed over, and why.
    pub fn skipped(&self) -> &[(Name, String)] {
        &self.skipped
    }

    /// The reason as a sentence, for the email and the page.
    pub fn words(&self) -> String {
        let reason = match self.reason {
            Reason::Previous => "You know them: they were yours before.".to_owned(),
            Reason::Account => "The account is yours.".to_owned(),
            Reason::Route(n) if self.candidates.len() > 1 => format!("Route {n} fits, and it was your turn."),
            Reason::Route(n) => format!("Route {n} fits."),
            Reason::Manager => "Nobody else could take it, so it comes to you as sales manager.".to_owned(),
        };
        let skipped: Vec<String> = self.skipped.iter().map(|(who, why)| format!("{who} ({why})")).collect();
        if skipped.is_empty() { reason } else { format!("{reason} Passed over: {}.", skipped.join(", ")) }
    }
}

/// The present load of each salesperson.
#[derive(Debug, Clone, Default)]
pub struct Load {
    pub open: BTreeMap<Name, u32>,
    /// When each was last assigned one.
    pub last_assigned_at: BTreeMap<Name, Timestamp>,
}

/// Finds the salesperson: the previous one, the account's, the first route that fits with the least recently assigned
/// of its people; those inactive, full or in `not_to` are passed over. The manager when none is left.
pub fn assign(roster: &Roster, prospect: &Prospect, account_owner: Option<&Name>, load: &Load, not_to: &[Name]) -> Assignment {
    let mut skipped: Vec<(Name, String)> = Vec::new();
    let mut takes = |id: &Name, wanted: bool| {
        let why = match roster.salesperson(id) {
            _ if not_to.contains(id) => "said it is not theirs".to_owned(),
            None => "no longer on the roster".to_owned(),
            Some(person) if !person.active => "not taking leads".to_owned(),
            // A salesperson's own prospect comes back to them even when they are full.
            Some(person) if !wanted && person.at_most.is_some_and(|most| load.open.get(id).copied().unwrap_or(0) >= most) => {
                "at capacity".to_owned()
            }
            Some(_) => return true,
        };
        if !skipped.iter().any(|(who, _)| who == id) {
            skipped.push((id.clone(), why));
        }
        false
    };
    let owners = [(prospect.previous_salesperson.as_ref(), Reason::Previous), (account_owner, Reason::Account)];
    for (owner, reason) in owners {
        if let Some(owner) = owner.filter(|owner| takes(owner, true)) {
            return Assignment { salesperson: owner.clone(), reason, candidates: vec![owner.clone()], skipped };
        }
    }
    for (n, route) in roster.routes.iter().enumerate().filter(|(_, route)| route.when.iter().all(|c| c.holds(prospect))) {
        let mut candidates: Vec<Name> = route.to.iter().filter(|id| takes(id, false)).cloned().collect();
        candidates.sort_by_key(|id| load.last_assigned_at.get(id).copied());
        if let Some(salesperson) = candidates.first().cloned() {
            return Assignment { salesperson, reason: Reason::Route(n + 1), candidates, skipped };
        }
    }
    let manager = roster.manager.clone();
    Assignment { candidates: vec![manager.clone()], salesperson: manager, reason: Reason::Manager, skipped }
}
