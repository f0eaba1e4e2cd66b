//! `nurtured explain`: the five verdicts on a prospect, printed as `insight::explain` gives them.

use super::exit::Exit;
use super::{open, screen};
use crate::domain::qualification::Citation;
use crate::insight::explain::{self, Explained, Explanation};
use clap::Args;
use std::path::Path;

/// Show the five verdicts on a prospect, and the signals that say so
#[derive(Debug, Args)]
pub struct Explain {
    /// Their address
    email: String,
}

/// Explains.
///
/// # Errors
/// 1 for somebody unknown; the store's.
pub async fn explain(verb: &Explain, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let house = open::house(config).await?;
    let mut tx = house.ctx.store().read().await?;
    let prospect = open::prospect(&mut tx, &verb.email).await?;
    let explanation = explain::explain(&house.ctx, &mut tx, prospect).await?;
    if json { screen::json(&explanation) } else { print(&explanation) }
}

fn print(e: &Explanation) -> Result<(), Exit> {
    let company = e.company.as_ref().map(|company| format!(", {company}")).unwrap_or_default();
    screen::line(format!("{}{company}", e.name))?;
    let ready = if e.ready { "ready" } else { "not ready" };
    let stop = e.mail_stop.as_ref().map(|why| format!("; no mail: {why}")).unwrap_or_default();
    screen::line(format!("{}, episode {}; {} of 5 met, {ready}{stop}", e.standing.word(), e.episode, e.met))?;
    screen::line("")?;
    e.criteria.iter().try_for_each(criterion)?;
    if let Some(request) = &e.request {
        screen::line(format!("Asked for a person: {}", cited(request)))?;
    }
    if !e.ignored.is_empty() {
        screen::line("Counts for nothing:")?;
        e.ignored.iter().try_for_each(|i| screen::line(format!("  {}  {}: {}", screen::instant(i.at), i.words, i.why)))?;
    }
    if let Some(h) = &e.handoff {
        let since = screen::instant(Some(h.opened_at));
        screen::line(format!("Handoff {}: {} for {}, {} since {since}", h.id, h.cause, h.salesperson, h.state.word()))?;
    }
    let by = e.next.by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
    let at = e.next.at.map(|at| format!(", {}", screen::instant(Some(at)))).unwrap_or_default();
    screen::line(format!("Next: {}{by}{at}", e.next.what))
}

fn criterion(e: &Explained) -> Result<(), Exit> {
    let f = &e.finding;
    let when = [("since", f.since), ("begins", f.begins), ("until", f.until)];
    let when: Vec<String> =
        when.into_iter().filter_map(|(word, at)| Some(format!("{word} {}", screen::instant(Some(at?))))).collect();
    let verdict = format!("{:10} {:13} {}", e.criterion, f.verdict.word(), when.join(", "));
    screen::line(verdict.trim_end())?;
    f.cites.iter().try_for_each(|c| screen::line(format!("    {}", cited(c))))?;
    let Some(missing) = &e.missing else { return Ok(()) };
    if let Some(question) = &missing.in_a_newsletter {
        screen::line(format!("    ask in a newsletter: “{question}”"))?;
    }
    if let Some(question) = &missing.in_person {
        screen::line(format!("    ask in person: “{question}”"))?;
    }
    Ok(())
}

fn cited(c: &Citation) -> String {
    let by = c.by.as_ref().map(|by| format!(", logged by {by}")).unwrap_or_default();
    let date = c.date.map(|date| format!(", names {date}")).unwrap_or_default();
    format!("{}  {}{date}{by} (signal {})", screen::instant(Some(c.at)), c.words, c.signal)
}
