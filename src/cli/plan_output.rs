//! The report of a changed configuration, for people: `plan` and `apply` print the same.

use super::exit::Exit;
use super::{output, waiting};
use crate::domain::id::Name;
use crate::insight::plan::config_diff::{CampaignChange, DiffKind};
use crate::insight::plan::report::{Before, People, PlanReport, Who};
use jiff::Timestamp;

pub fn print(change: &PlanReport) -> Result<(), Exit> {
    match &change.before {
        Some(Before { hash, since }) if !change.is_new => {
            output::line(format!("This configuration ({hash}) is in force since {}. Nothing would change.", at(*since)))?;
            return waiting::print(&change.waiting);
        }
        Some(Before { hash, since }) => output::line(format!("From {hash}, in force since {}, to {}", at(*since), change.after))?,
        None => output::line(format!("To {}; nothing was in force before", change.after))?,
    }
    for file in &change.files {
        output::line(format!("  {:8} {}", word(file.what), file.path))?;
    }
    if change.files.is_empty() {
        output::line("  only what concerns this machine, and no prospect")?;
    }
    output::line("")?;
    change.renames.iter().try_for_each(|rename| output::line(format!("Campaign {rename}")))?;
    change.campaigns.iter().filter(|campaign| campaign.is_news()).try_for_each(campaign)?;
    verdicts(change)?;
    offers(change)?;
    territories(change)?;
    waiting::print(&change.waiting)?;
    output::line(format!("{} were looked at.", prospects(change.prospects)))?;
    change.people.as_ref().map_or(Ok(()), people)
}

fn campaign(c: &CampaignChange) -> Result<(), Exit> {
    let keys = if c.keys.is_empty() { String::new() } else { format!(": {}", c.keys.join(", ")) };
    let paused = c.paused.as_ref().map(|why| format!(" (paused: {why})")).unwrap_or_default();
    let what = if c.what == DiffKind::Same { "other people" } else { word(c.what) };
    output::line(format!("Campaign {}, {what}{keys}{paused}", c.campaign))?;
    for newsletter in &c.newsletters {
        output::line(format!("  {:8} newsletter {}", word(newsletter.what), newsletter.newsletter))?;
    }
    let date = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| output::instant(Some(at)));
    if c.next_before == c.next_after {
        output::line(format!("  next     {}", date(c.next_after)))?;
    } else {
        output::line(format!("  next     {} -> {}", date(c.next_before), date(c.next_after)))?;
    }
    let moved = format!("{} gain it, {} lose it", c.gains, c.loses);
    output::text(format!("  reaches  {} -> {} ({moved})\n", c.audience_before, prospects(c.audience_after)))
}

fn verdicts(change: &PlanReport) -> Result<(), Exit> {
    if !change.other_rules {
        return output::text("The rules are the same: nobody is assessed anew.\n");
    }
    output::line("Other rules: everybody is assessed anew.")?;
    for shift in &change.verdicts {
        let (from, to) = (shift.from.word(), shift.to.word());
        output::line(format!("  {:10} {from} -> {to}: {}", shift.criterion.word(), prospects(shift.prospects)))?;
    }
    let told = [
        (change.ready, "become ready"),
        (change.requests, "are found to have asked for a person; requests never wait"),
        (change.no_longer_ready, "waited to be offered, and are not ready any more"),
        (change.reconfirm, "are leads already, and are to be confirmed again"),
    ];
    told.into_iter().filter(|(n, _)| *n > 0).try_for_each(|(n, what)| output::line(format!("  {} {what}", prospects(n))))?;
    output::line("")
}

fn offers(change: &PlanReport) -> Result<(), Exit> {
    if change.offers.is_empty() {
        return Ok(());
    }
    output::line(match change.max_new_offers {
        Some(most) => format!("Offers, at most {most} a working day because of a change of the rules"),
        None => "Offers, all at once: qualification.toml has no `max_new_offers`".to_owned(),
    })?;
    let row = |(id, share): (&Name, &crate::insight::plan::planned_offers::OfferShare)| {
        let [open, now, later] = [u64::from(share.open), share.now, share.later].map(|n| n.to_string());
        [id.to_string(), open, now, later, output::instant(share.last_at)]
    };
    let rows: Vec<[String; 5]> = change.offers.iter().map(row).collect();
    output::table(["SALESPERSON", "OPEN", "NOW", "LATER", "LAST"], &rows)?;
    output::line("")
}

fn territories(change: &PlanReport) -> Result<(), Exit> {
    if change.territories.is_empty() {
        return Ok(());
    }
    output::line("Territories: who could get the next offer")?;
    for moved in &change.territories {
        output::line(format!("  {} -> {}: {}", names(&moved.from), names(&moved.to), prospects(moved.prospects)))?;
    }
    output::line("")
}

fn people(people: &People) -> Result<(), Exit> {
    let who = |who: &Who| format!("{} {}", who.prospect, who.address.as_deref().unwrap_or("-"));
    for one in &people.gain {
        output::line(format!("gains {}: {}", one.campaign, who(&one.who)))?;
    }
    for one in &people.lose {
        output::line(format!("loses {}: {}", one.campaign, who(&one.who)))?;
    }
    for offer in &people.offers {
        let one = Who { prospect: offer.prospect, address: offer.address.clone() };
        let (cause, to, date) = (offer.cause, &offer.salesperson, output::instant(Some(offer.at)));
        output::line(format!("{cause}: {}, offered to {to} {date}", who(&one)))?;
    }
    for one in &people.no_longer_ready {
        output::line(format!("no longer ready: {}", who(one)))?;
    }
    for one in &people.reconfirm {
        output::line(format!("to be confirmed again: {}", who(one)))?;
    }
    for one in &people.moves {
        output::line(format!("moves {} -> {}: {}", names(&one.from), names(&one.to), who(&one.who)))?;
    }
    Ok(())
}

fn at(instant: Timestamp) -> String {
    output::instant(Some(instant))
}

fn names(of: &[Name]) -> String {
    of.iter().map(Name::as_str).collect::<Vec<_>>().join(" or ")
}

fn prospects(n: u64) -> String {
    format!("{n} prospect{}", if n == 1 { "" } else { "s" })
}

const fn word(what: DiffKind) -> &'static str {
    match what {
        DiffKind::Added => "added",
        DiffKind::Removed => "removed",
        DiffKind::Changed => "changed",
        DiffKind::Same => "same",
    }
}
