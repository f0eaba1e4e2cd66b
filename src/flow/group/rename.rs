//! rename: a campaign is known by the name of its file. Another name with the same newsletters is recognised; `renamed_from` says
//! that it is the same campaign, and then its history, its series and its pause go on. Without it everybody would get the series
//! again: whoever asks is told, and what starts without asking leaves the campaign paused.

use crate::domain::group::campaign::Campaign;
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use crate::store::engine::backend::Tx;
use crate::store::group::campaigns;
use crate::store::group::renames::{self, LOOKS_RENAMED};
use crate::store::operations::configurations;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A campaign that is, or seems to be, another one under a new name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rename {
    pub from: Name,
    pub to: Name,
    /// Whether `renamed_from` says so. If not, `to` would begin anew.
    pub said: bool,
    /// How many newsletters of `to` were issued as those of `from`.
    pub newsletters: usize,
}

impl fmt::Display for Rename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, said, newsletters } = self;
        let letters = if *newsletters == 1 { "newsletter" } else { "newsletters" };
        if *said {
            return write!(f, "{to} was {from}: its history, its series and its pause go on ({newsletters} {letters} known)");
        }
        write!(
            f,
            "{to} looks like {from} renamed ({newsletters} {letters} of the same id): everybody would get them again. If it is the \
             same campaign, write `renamed_from = \"{from}\"` in campaigns/{to}.toml"
        )
    }
}

impl Rename {
    /// Why the campaign is paused where nobody was asked.
    fn question(&self) -> String {
        let Self { from, to, .. } = self;
        format!(
            "{LOOKS_RENAMED}{from}, which is not configured any more, and everybody would get them again: if it was renamed, write \
             `renamed_from = \"{from}\"` in campaigns/{to}.toml; if it was not, `nurtured campaigns resume {to}`"
        )
    }
}

/// What a plan renames, against what the database knows; and what it seems to rename, where it was not in force before.
pub async fn find(tx: &mut Tx, plan: &Plan) -> Result<Vec<Rename>, FlowError> {
    let known = campaigns::all(tx).await?;
    let gone: BTreeSet<&Name> = known
        .iter()
        .filter(|(name, state)| plan.campaign(name).is_none() && state.renamed_to.is_none())
        .map(|(name, _)| name)
        .collect();
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let issued = renames::issued(tx).await?;
    let in_force = configurations::newest(tx).await?.map(|before| before.files).unwrap_or_default();
    let mut found = Vec::new();
    for campaign in &plan.campaigns {
        let shared =
            |from: &Name| issued.get(from).map_or(0, |ids| ids.iter().filter(|id| campaign.newsletter(id).is_some()).count());
        if let Some(from) = campaign.renamed_from.as_ref().filter(|from| gone.contains(from)) {
            found.push(Rename { from: from.clone(), to: campaign.name.clone(), said: true, newsletters: shared(from) });
        } else if !issued.contains_key(&campaign.name) && !in_force.contains_key(&format!("campaigns/{}.toml", campaign.name)) {
            found.extend(looks_like(campaign, &gone, &issued));
        }
    }
    // What one campaign is said to have been, another one does not look like.
    let said: BTreeSet<Name> = found.iter().filter(|r| r.said).map(|r| r.from.clone()).collect();
    found.retain(|rename| rename.said || !said.contains(&rename.from));
    Ok(found)
}

/// The campaign of before that this one has most newsletters of: at least half of the shorter one, for an id such as `welcome`
/// may stand in both by chance.
fn looks_like(campaign: &Campaign, gone: &BTreeSet<&Name>, issued: &BTreeMap<Name, BTreeSet<Name>>) -> Option<Rename> {
    let candidates = issued.iter().filter(|(name, _)| gone.contains(name)).map(|(name, ids)| {
        (ids.iter().filter(|id| campaign.newsletter(id).is_some()).count(), ids.len().min(campaign.newsletters.len()), name)
    });
    let (newsletters, _, from) = candidates.filter(|(shared, shorter, _)| *shared > 0 && shared * 2 >= *shorter).max()?;
    Some(Rename { from: from.clone(), to: campaign.name.clone(), said: false, newsletters })
}

/// Renames what a plan says was renamed, in the transaction that puts it in force. Returns all that it renames or seems to.
pub async fn carry_out(tx: &mut Tx, plan: &Plan) -> Result<Vec<Rename>, FlowError> {
    let found = find(tx, plan).await?;
    for rename in found.iter().filter(|rename| rename.said) {
        campaigns::lock(tx, &rename.from).await?;
        campaigns::lock(tx, &rename.to).await?;
        renames::rename(tx, &rename.from, &rename.to).await?;
        tracing::info!(from = %rename.from, to = %rename.to, "a campaign was renamed: its history goes on");
    }
    failpoint!("rename.before_commit");
    Ok(found)
}

/// Pauses the campaigns that look renamed, where nobody was asked.
pub async fn ask_first(tx: &mut Tx, found: &[Rename], now: Timestamp) -> Result<(), FlowError> {
    for rename in found.iter().filter(|rename| !rename.said) {
        campaigns::pause(tx, &rename.to, &rename.question(), now).await?;
        tracing::warn!(from = %rename.from, to = %rename.to, "a campaign looks renamed: it is paused until somebody says which it is");
    }
    Ok(())
}
