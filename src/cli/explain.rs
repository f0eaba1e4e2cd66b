//! `nurtured explain`: the five verdicts on a prospect, as `insight::explain` finds them.

use super::exit::Exit;
use super::{open, output};
use crate::insight::explain::{self, Explanation, IgnoredSignal};
use crate::text::verdict::{Line, VerdictChange};
use clap::Args;
use jiff::Timestamp;
use std::path::Path;

/// Show the five verdicts on a prospect, and the signals that say so
#[derive(Debug, Args)]
pub struct Explain {
    /// Their address
    email: String,
    /// By what was recorded at this instant, such as 2026-03-02T10:30:00+01:00; a later one than now tells what will be if
    /// nothing else happens
    #[arg(long, value_name = "INSTANT")]
    at: Option<Timestamp>,
}

/// Explains a prospect.
///
/// # Errors
/// 1 for an unknown prospect, or one unknown at that instant; those of the store.
pub async fn explain(verb: &Explain, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let mut tx = node.ctx.store().read().await?;
    let prospect = open::prospect(&mut tx, &verb.email).await?;
    let explanation = explain::explain(&node.ctx, &mut tx, prospect, verb.at).await?;
    if json { output::json(&explanation) } else { print(&explanation) }
}

fn print(e: &Explanation) -> Result<(), Exit> {
    let company = e.company.as_ref().map(|company| format!(", {company}")).unwrap_or_default();
    output::line(format!("{}{company}", e.name))?;
    if e.not_now {
        let rules = if e.other_rules_then { "; by the rules of today, which are not those of then" } else { "" };
        output::line(format!("as of {}{rules}", output::instant(Some(e.at))))?;
    }
    let ready = if e.ready { "ready" } else { "not ready" };
    let obstacle = e.obstacle.map(|o| format!(" ({})", o.words())).unwrap_or_default();
    let stop = e.mail_stop.map(|why| format!("; no mail: {}", why.word())).unwrap_or_default();
    output::line(format!("{}, episode {}; {} of 5 met, {ready}{obstacle}{stop}", e.standing.word(), e.episode, e.met))?;
    if let Some(until) = e.away_until {
        output::line(format!("away until {}, says an automatic reply: mail waits", output::instant(Some(until))))?;
    }
    e.chosen.iter().try_for_each(|chosen| output::line(format!("they chose: {chosen}")))?;
    output::line("")?;
    e.criteria.iter().try_for_each(criterion)?;
    if let Some(request) = &e.request {
        output::line(format!("Asked for a person: {}", output::cited(request)))?;
    }
    e.unconfirmed.iter().try_for_each(|said| output::line(said.words()))?;
    if !e.ignored.is_empty() {
        output::line("Counts for nothing:")?;
        e.ignored.iter().try_for_each(ignored)?;
    }
    if let Some(h) = &e.handoff {
        let since = output::instant(Some(h.opened_at));
        output::line(format!("Handoff {}: {} for {}, {} since {since}", h.id, h.cause, h.salesperson, h.state.word()))?;
    }
    for line in e.offered.iter().flatten() {
        if line.reconfirm {
            output::line(format!("  re-confirm {}: proven when it was offered, and not any more", line.title))?;
        }
        line.withdrawn.iter().try_for_each(|w| output::line(format!("  evidence withdrawn, {}: {w}", line.title)))?;
    }
    for coming in &e.coming {
        let what = if coming.what == VerdictChange::Begins { "begins" } else { "lapses" };
        output::line(format!("{} {what} {}", coming.criterion, output::instant(Some(coming.at))))?;
    }
    let Some(next) = &e.next else { return Ok(()) };
    let by = next.by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
    let at = next.at.map(|at| format!(", {}", output::instant(Some(at)))).unwrap_or_default();
    output::line(format!("Next: {}{by}{at}", next.what))
}

fn ignored(i: &IgnoredSignal) -> Result<(), Exit> {
    let about = i.criterion.map(|criterion| format!(" (about {criterion})")).unwrap_or_default();
    output::line(format!("  {}  {}{about}: {} (signal {})", output::instant(i.at), i.words, i.why, i.signal))
}

fn criterion(e: &Line) -> Result<(), Exit> {
    let when = [("since", e.since), ("begins", e.begins), ("until", e.until)];
    let when: Vec<String> =
        when.into_iter().filter_map(|(word, at)| Some(format!("{word} {}", output::instant(Some(at?))))).collect();
    let verdict = format!("{:10} {:13} {}", e.title, e.verdict.word(), when.join(", "));
    output::line(verdict.trim_end())?;
    e.cites.iter().try_for_each(|c| output::line(format!("    {}", output::cited(c))))?;
    let Some(missing) = &e.missing else { return Ok(()) };
    if let Some(question) = &missing.in_a_newsletter {
        output::line(format!("    ask in a newsletter: “{question}”"))?;
    }
    if let Some(question) = &missing.in_person {
        output::line(format!("    ask in person: “{question}”"))?;
    }
    Ok(())
}
