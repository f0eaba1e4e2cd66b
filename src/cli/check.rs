//! `nurtured check`: every problem of every file, or OK with the next five dates of each campaign. Needs no database.

use super::exit::{Exit, colour};
use super::{open, output};
use crate::clock::{Clock, SystemClock};
use crate::domain::group::campaign::Campaign;
use jiff::Timestamp;
use serde::Serialize;
use std::path::Path;

/// How many dates are printed.
const DATES: usize = 5;

#[derive(Serialize)]
struct CampaignDates<'a> {
    campaign: &'a str,
    schedule: String,
    next: Vec<String>,
}

/// Checks the configuration.
///
/// # Errors
/// 78 with every problem.
pub fn check(config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let loaded = open::load(config)?;
    let now = SystemClock.now();
    for warning in loaded.warnings_at(now) {
        output::rendered(&format!("{}\n", warning.render(colour())));
    }
    let dates: Vec<CampaignDates<'_>> = loaded.plan.campaigns.iter().map(|c| dates(c, now)).collect();
    if json {
        return output::json(&dates);
    }
    for campaign in &dates {
        output::line(format!("{} ({})", campaign.campaign, campaign.schedule))?;
        campaign.next.iter().try_for_each(|date| output::line(format!("  {date}")))?;
    }
    if let Some(dkim) = &loaded.plan.settings.smtp.dkim {
        let (name, text) = dkim.record();
        output::line("mails are signed; this record must be in the DNS:")?;
        output::line(format!("  {name}. TXT {}", strings(&text)))?;
    }
    output::line("OK")
}

/// A text as zone files write it: strings of at most 255 characters, which are concatenated (RFC 7208 §3.3).
fn strings(text: &str) -> String {
    let pieces = text.as_bytes().chunks(255).map(|piece| format!("\"{}\"", String::from_utf8_lossy(piece)));
    pieces.collect::<Vec<_>>().join(" ")
}

fn dates(campaign: &Campaign, now: Timestamp) -> CampaignDates<'_> {
    let next = campaign.schedule.next(now, DATES);
    CampaignDates {
        campaign: campaign.name.as_str(),
        schedule: format!("{:?}", campaign.schedule),
        next: next.into_iter().map(|firing| next_date(campaign, firing.due_at)).collect(),
    }
}

/// A date of a campaign in its own zone, and when its mail leaves if its window is closed then.
pub fn next_date(campaign: &Campaign, due_at: Timestamp) -> String {
    let (date, opens) = (in_zone(campaign, Some(due_at)), campaign.opens(due_at));
    if opens == due_at { date } else { format!("{date}, leaves {}", in_zone(campaign, Some(opens))) }
}

/// An instant in a campaign's own zone.
pub fn in_zone(campaign: &Campaign, at: Option<Timestamp>) -> String {
    let shown = at.map(|at| at.to_zoned(campaign.schedule.zone().clone()).strftime("%a %Y-%m-%d %H:%M %Z").to_string());
    shown.unwrap_or_else(|| "never".to_owned())
}
