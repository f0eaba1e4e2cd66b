//! `nurtured desk`: near misses, and who waits for their day, printed as `insight::desk` gives them.

use super::exit::Exit;
use super::{open, screen};
use crate::insight::desk::{self, Gap, NearMiss};
use clap::Args;
use std::path::Path;

/// Near misses: three or four of five, and what is missing, the weakest first
#[derive(Debug, Args)]
pub struct Desk {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    most: i64,
}

/// Lists them.
///
/// # Errors
/// The store's.
pub async fn desk(verb: &Desk, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let house = open::house(config).await?;
    let mut tx = house.ctx.store().read().await?;
    let found = desk::near_misses(&house.ctx, &mut tx, verb.most).await?;
    if json {
        return screen::json(&found);
    }
    if found.is_empty() {
        return screen::line("Nobody has three or four of five.");
    }
    found.iter().try_for_each(print)
}

fn print(n: &NearMiss) -> Result<(), Exit> {
    let reached = [n.company.as_ref(), n.phone.as_ref(), n.address.as_ref()];
    let reached: Vec<String> = reached.into_iter().flatten().map(|part| format!(", {part}")).collect();
    let offered = n.offered_at.map(|at| format!(", ready; offered {}", screen::instant(Some(at)))).unwrap_or_default();
    screen::line(format!("{}{}: {} of 5{offered}", n.name, reached.concat(), n.met))?;
    n.missing.iter().try_for_each(gap)?;
    screen::line("")
}

fn gap(gap: &Gap) -> Result<(), Exit> {
    let said = gap.line.cites.last().map(|c| format!("  {}", screen::cited(c))).unwrap_or_default();
    screen::line(format!("  {:10} {:13}{said}", gap.line.title, gap.line.verdict.word()).trim_end())?;
    match gap.asked.first() {
        Some(asked) => {
            let times = if gap.asked.len() == 1 { String::new() } else { format!(", {} times in all", gap.asked.len()) };
            let at = screen::instant(Some(asked.at));
            screen::line(format!("    asked {at}{times}: “{}” in “{}”", asked.question, asked.subject))?;
        }
        None => screen::line("    never asked")?,
    }
    match gap.line.missing.as_ref().and_then(|m| m.in_person.as_ref().or(m.in_a_newsletter.as_ref())) {
        Some(question) => screen::line(format!("    ask: “{question}”")),
        None => Ok(()),
    }
}
