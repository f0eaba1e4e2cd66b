//! `nurtured queue NAME`: a salesperson's personal queue.

use super::exit::Exit;
use super::{open, output};
use crate::flow::individual::{dossier, queue};
use clap::Args;
use std::path::Path;

/// A salesperson's personal queue
#[derive(Debug, Args)]
pub struct Queue {
    /// The salesperson's id
    name: String,
}

/// Prints the queue.
///
/// # Errors
/// 2 for an unknown salesperson; those of the store.
pub async fn queue(verb: &Queue, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let plan = node.ctx.plan();
    let salesperson = open::person(&plan, &verb.name)?;
    let mut tx = node.ctx.store().read().await?;
    let now = node.ctx.now();
    let items = queue::of(&node.ctx, &mut tx, &salesperson, now).await?;
    if json {
        return output::json(&items);
    }
    let zone = dossier::zone_of(&plan, &salesperson);
    let rows: Vec<[String; 5]> = items
        .into_iter()
        .map(|item| {
            let what = match (item.request, item.state, item.stage) {
                (true, Some("offered"), _) => "asked for you".to_owned(),
                (false, Some("offered"), _) => "offered".to_owned(),
                (_, _, Some(stage)) => stage.to_owned(),
                _ => "came due".to_owned(),
            };
            let due = item.due_at.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M").to_string();
            let due = if item.overdue { format!("{due} !") } else { due };
            let who = item.company.map_or_else(|| item.name.clone(), |company| format!("{}, {company}", item.name));
            let lapsed: Vec<&str> = item.reconfirm.iter().map(|criterion| criterion.word()).collect();
            let again = if lapsed.is_empty() { String::new() } else { format!(" (re-confirm {})", lapsed.join(", ")) };
            [item.handoff.map(|id| id.to_string()).unwrap_or_default(), what, who, item.action + &again, due]
        })
        .collect();
    if rows.is_empty() {
        return output::line(format!("Nothing waits for {salesperson}."));
    }
    output::table(["HANDOFF", "STATE", "WHO", "NEXT", "BY"], &rows)?;
    output::text(format!("\n{}", dossier::queue_url(node.ctx.signer(), &plan, &salesperson, now)))
}
