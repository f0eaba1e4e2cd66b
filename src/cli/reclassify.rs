//! `nurtured signals reclassify`: judges every hit on record by the rules of this version.

use super::exit::Exit;
use super::{open, output};
use crate::flow::doorway::reclassify::{Reclassified, reclassify};
use crate::flow::individual::withdraw::{self, Resting};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Judge every hit anew: machine or person, by the rules of this version
#[derive(Debug, Args)]
pub struct Reclassify {
    /// Show what would change, and who would be told; write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    dry_run: bool,
    #[serde(flatten)]
    done: &'a Reclassified,
    /// The open handoffs that lose something; their salespeople are told.
    handoffs: &'a [Resting],
}

/// Runs the verb.
///
/// # Errors
/// Those of the store.
pub async fn run(verb: &Reclassify, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let done = reclassify(&node.ctx, verb.dry_run).await?;
    let handoffs = withdraw::would_lose(&node.ctx, &done.withdrawn()).await?;
    if json {
        return output::json(&Output { dry_run: verb.dry_run, done: &done, handoffs: &handoffs });
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for change in &done.changes {
        *reasons.entry(change.is.map_or("a person's after all", |machine| machine.words())).or_default() += 1;
    }
    let judged = if verb.dry_run { "would be judged" } else { "were judged" };
    output::line(format!("{} of {} hits {judged} otherwise", done.changes.len(), done.hits))?;
    reasons.iter().try_for_each(|(words, count)| output::line(format!("  {count}  {words}")))?;
    let told = if verb.dry_run { "would be told" } else { "is told, by the daemon," };
    handoffs.iter().try_for_each(|resting| {
        let Resting { handoff, prospect, salesperson } = resting;
        output::line(format!("Handoff {handoff} (prospect {prospect}) loses evidence: {salesperson} {told} so"))
    })
}
