//! `nurtured desk`: near misses, and ready prospects who wait for their day, as `insight::desk` lists them.

use super::exit::Exit;
use super::{open, output};
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

pub async fn desk(verb: &Desk, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let mut tx = node.ctx.store().read().await?;
    let found = desk::near_misses(&node.ctx, &mut tx, verb.most).await?;
    if json {
        return output::json(&found);
    }
    if found.is_empty() {
        return output::line("Nobody has three or four of five.");
    }
    found.iter().try_for_each(print)
}

fn print(n: &NearMiss) -> Result<(), Exit> {
    let reached = [n.company.as_ref(), n.phone.as_ref(), n.address.as_ref()];
    let reached: Vec<String> = reached.into_iter().flatten().map(|part| format!(", {part}")).collect();
    let offered = n.offered_at.map(|at| format!(", ready; offered {}", output::instant(Some(at)))).unwrap_or_default();
    output::line(format!("{}{}: {} of 5{offered}", n.name, reached.concat(), n.met))?;
    n.unconfirmed.iter().try_for_each(|said| output::line(format!("  {}", said.words())))?;
    n.missing.iter().try_for_each(gap)?;
    output::line("")
}

fn gap(gap: &Gap) -> Result<(), Exit> {
    let said = gap.line.cites.last().map(|c| format!("  {}", output::cited(c))).unwrap_or_default();
    output::line(format!("  {:10} {:13}{said}", gap.line.title, gap.line.verdict.word()).trim_end())?;
    match gap.asked.first() {
        Some(asked) => {
            let times = if gap.asked.len() == 1 { String::new() } else { format!(", {} times in all", gap.asked.len()) };
            let at = output::instant(Some(asked.at));
            output::line(format!("    asked {at}{times}: “{}” in “{}”", asked.question, asked.subject))?;
        }
        None => output::line("    never asked")?,
    }
    match gap.line.missing.as_ref().and_then(|m| m.in_person.as_ref().or(m.in_a_newsletter.as_ref())) {
        Some(question) => output::line(format!("    ask: “{question}”")),
        None => Ok(()),
    }
}
