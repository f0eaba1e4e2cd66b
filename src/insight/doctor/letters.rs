//! Letters running out: for each running campaign, how many members have how many letters left, and the day of the last. Read
//! set-wise, a page of members at a time.

use super::finding::Finding;
use crate::domain::group::campaign::{Campaign, Order};
use crate::domain::id::ProspectId;
use crate::domain::plan::Plan;
use crate::domain::span::Span;
use crate::flow::context::FlowError;
use crate::flow::group::publish;
use crate::flow::operations::census::{PAGE, coming};
use crate::store::engine::backend::Store;
use crate::store::group::{audiences, campaigns, series_progress};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// How long before a series ends the doctor warns.
const WARN: Span = Span::days(60);

/// The letters left in one campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LettersLeft {
    pub campaign: String,
    /// Whether all members get the newest letter, and not each their next.
    pub edition: bool,
    /// How many members may be mailed now.
    pub members: i64,
    /// The members, grouped by how many letters are left for them.
    pub left: Vec<MembersLeft>,
}

/// The members with the same number of letters left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MembersLeft {
    pub letters: i64,
    pub prospects: i64,
    /// When the last of these letters is due; absent when none is left, or no occurrence.
    pub last_at: Option<Timestamp>,
}

/// The letters left of every campaign that has another occurrence.
pub async fn letters_left(store: &Store, plan: &Plan, now: Timestamp) -> Result<Vec<LettersLeft>, FlowError> {
    let mut tx = store.read().await?;
    let states = campaigns::all(&mut tx).await?;
    drop(tx);
    let mut found = Vec::new();
    for campaign in coming(plan, &states, now) {
        found.push(letters_left_of(store, plan, campaign, now).await?);
    }
    Ok(found)
}

async fn letters_left_of(store: &Store, plan: &Plan, campaign: &Campaign, now: Timestamp) -> Result<LettersLeft, FlowError> {
    let newsletters = publish::offered(campaign);
    let all = i64::try_from(newsletters.len()).unwrap_or(i64::MAX);
    let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
    let mut question = publish::question(plan, campaign, &newsletters);
    loop {
        let mut tx = store.read().await?;
        question.after = question.up_to;
        question.up_to = audiences::window(&mut tx, question.after, PAGE).await?;
        if question.up_to <= ProspectId(0) {
            break;
        }
        let members = audiences::members(&mut tx, &question).await?;
        for (had, prospects) in series_progress::had(&mut tx, &campaign.name, &newsletters, &members).await? {
            *counts.entry(all - had).or_default() += prospects;
        }
    }
    let dates = campaign.schedule.next(now, newsletters.len());
    let last_at = |letters: i64| dates.get(usize::try_from(letters - 1).ok()?).map(|firing| firing.due_at);
    let left = counts.iter().map(|(letters, prospects)| MembersLeft {
        letters: *letters,
        prospects: *prospects,
        last_at: last_at(*letters),
    });
    Ok(LettersLeft {
        campaign: campaign.name.to_string(),
        edition: campaign.order == Order::Edition,
        members: counts.values().sum(),
        left: left.collect(),
    })
}

/// The findings about letters left.
pub fn findings(left: &[LettersLeft], now: Timestamp) -> Vec<Finding> {
    let ends = WARN.after(now);
    let told = left.iter().filter_map(|of| {
        let (name, members) = (&of.campaign, of.members);
        let none: i64 = of.left.iter().filter(|some| some.letters == 0).map(|some| some.prospects).sum();
        let soon: Vec<&MembersLeft> = of.left.iter().filter(|some| some.last_at.is_some_and(|at| at <= ends)).collect();
        let fix = format!("add a newsletter to campaigns/{name}/; who has had the others gets it on the next date");
        if none > 0 {
            let says = format!("{name}: none is left for {none} of {members} prospects; they hear nothing of it");
            return Some(Finding::notice("letters", says, fix));
        }
        // In an edition the newest letter is always the last one until another is written, so it is no reason to warn.
        let last = soon.iter().filter_map(|some| some.last_at).min().filter(|_| !of.edition)?;
        let prospects: i64 = soon.iter().map(|some| some.prospects).sum();
        let day = last.strftime("%Y-%m-%d");
        let says = format!("{name}: {prospects} of {members} prospects get their last from {day} on");
        Some(Finding::notice("letters", says, fix))
    });
    let told: Vec<Finding> = told.collect();
    if told.is_empty() { vec![Finding::well("letters", "every campaign has letters for the next sixty days")] } else { told }
}
