//! `nurtured queue NAME`: a salesperson's personal queue.

use super::exit::Exit;
use super::{open, output};
use crate::domain::address::one_line;
use crate::flow::individual::{dossier, queue};
use crate::text::enquiry::Asked;
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
                (_, Some(state), _) if item.asked.is_some() || item.list.is_some() => format!("asked, {state}"),
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
            let number = item.handoff.filter(|_| item.asked.is_none()).map(|id| id.to_string());
            let phones = item.asked.as_ref().map(phones).unwrap_or_default();
            [number.unwrap_or_default(), what, who, item.action + &phones + &again, due].map(|cell| one_line(&cell))
        })
        .collect();
    if rows.is_empty() {
        return output::line(format!("Nothing waits for {salesperson}."));
    }
    output::table(["HANDOFF", "STATE", "WHO", "NEXT", "BY"], &rows)?;
    output::text(format!("\n{}", dossier::queue_url(node.ctx.signer(), &plan, &salesperson, now)))
}

/// Both phone numbers of an enquiry: what they say, and what is on record.
fn phones(asked: &Asked) -> String {
    let [said, known] = [&asked.said_phone, &asked.known_phone].map(|phone| phone.as_deref().unwrap_or("none"));
    format!(" (they say {said}, on record {known})")
}
