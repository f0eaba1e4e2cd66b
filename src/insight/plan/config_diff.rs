//! The difference between two configurations, file by file and campaign by campaign. `survey` finds what it does to
//! people.

use crate::domain::group::campaign::Campaign;
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiffKind {
    Added,
    Removed,
    Changed,
    Same,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// The path in the configuration's directory.
    pub path: String,
    pub what: DiffKind,
}

/// A newsletter that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewsletterChange {
    pub newsletter: Name,
    pub what: DiffKind,
}

/// How a campaign differs, and what that does to its audience.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CampaignChange {
    pub campaign: Name,
    pub what: DiffKind,
    /// The keys whose values differ.
    pub keys: Vec<&'static str>,
    /// The newsletters that differ.
    pub newsletters: Vec<NewsletterChange>,
    /// When the mails of its next issue leave, under the configuration before.
    pub next_before: Option<Timestamp>,
    pub next_after: Option<Timestamp>,
    /// Why it is paused, if it is: then no issue follows on that date.
    pub paused: Option<String>,
    /// The audience's size before.
    pub audience_before: u64,
    pub audience_after: u64,
    pub gains: u64,
    /// How many prospects leave the audience, including those who are offered to a salesperson now.
    pub loses: u64,
}

impl CampaignChange {
    /// Whether there is anything to report.
    pub fn is_news(&self) -> bool {
        self.what != DiffKind::Same || self.gains + self.loses > 0
    }
}

/// The files that differ, by path; all of them when there was no configuration before.
pub fn files(before: Option<&BTreeMap<String, String>>, after: &BTreeMap<String, String>) -> Vec<FileChange> {
    let nothing = BTreeMap::new();
    let before = before.unwrap_or(&nothing);
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |path: &String| FileChange { path: path.clone(), what: what(before.get(path), after.get(path)) };
    paths.into_iter().map(change).filter(|change| change.what != DiffKind::Same).collect()
}

/// Every campaign of either configuration, by name, with its dates; `survey` counts the audiences.
pub fn campaigns(before: Option<&Plan>, after: &Plan, now: Timestamp) -> Vec<CampaignChange> {
    let earlier = before.map_or(&[][..], |plan| &plan.campaigns);
    let names: BTreeSet<&Name> = earlier.iter().chain(&after.campaigns).map(|c| &c.name).collect();
    names.into_iter().map(|name| campaign(name, before.and_then(|plan| plan.campaign(name)), after.campaign(name), now)).collect()
}

fn campaign(name: &Name, before: Option<&Campaign>, after: Option<&Campaign>, now: Timestamp) -> CampaignChange {
    let keys = match (before, after) {
        (Some(before), Some(after)) => keys(before, after),
        _ => Vec::new(),
    };
    let newsletters = newsletters(before, after);
    let changed = if keys.is_empty() && newsletters.is_empty() { DiffKind::Same } else { DiffKind::Changed };
    let next = |campaign: Option<&Campaign>| campaign.and_then(|c| Some(c.opens(c.schedule.after(now)?.due_at)));
    CampaignChange {
        campaign: name.clone(),
        what: match (before, after) {
            (None, _) => DiffKind::Added,
            (_, None) => DiffKind::Removed,
            (Some(_), Some(_)) => changed,
        },
        keys,
        newsletters,
        next_before: next(before),
        next_after: next(after),
        paused: None,
        audience_before: 0,
        audience_after: 0,
        gains: 0,
        loses: 0,
    }
}

/// The keys of a campaign's file whose values differ, apart from newsletters.
fn keys(before: &Campaign, after: &Campaign) -> Vec<&'static str> {
    fn other(one: &impl Debug, another: &impl Debug) -> bool {
        format!("{one:?}") != format!("{another:?}")
    }
    let all = [
        ("from", other(&before.from, &after.from)),
        ("reply_to", before.reply_to != after.reply_to),
        ("schedule", before.schedule.to_string() != after.schedule.to_string()),
        ("late", before.late != after.late),
        ("window", other(&before.window, &after.window)),
        ("order", before.order != after.order),
        ("audience", before.audience != after.audience),
        ("send", other(&before.guards, &after.guards)),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

fn newsletters(before: Option<&Campaign>, after: Option<&Campaign>) -> Vec<NewsletterChange> {
    let ids: BTreeSet<&Name> = before.into_iter().chain(after).flat_map(|c| c.newsletters.iter().map(|n| &n.id)).collect();
    let of = |id: &Name, campaign: Option<&Campaign>| campaign.and_then(|c| c.newsletter(id).cloned());
    let change =
        |id: &Name| NewsletterChange { newsletter: id.clone(), what: what(of(id, before).as_ref(), of(id, after).as_ref()) };
    ids.into_iter().map(change).filter(|change| change.what != DiffKind::Same).collect()
}

fn what<T: PartialEq>(before: Option<&T>, after: Option<&T>) -> DiffKind {
    match (before, after) {
        (Some(before), Some(after)) if before == after => DiffKind::Same,
        (Some(_), Some(_)) => DiffKind::Changed,
        (None, Some(_)) => DiffKind::Added,
        (Some(_), None) => DiffKind::Removed,
        (None, None) => DiffKind::Same,
    }
}
