//! `nurtured check`: every problem of every file, or OK with the next five dates of each campaign. Needs no database; where there is
//! one, it is looked at for campaigns that are known under another name.

use super::exit::{Exit, colour};
use super::{open, output};
use crate::clock::{Clock, SystemClock};
use crate::config::place::Place;
use crate::config::problem::Problem;
use crate::domain::group::campaign::Campaign;
use crate::domain::plan::Plan;
use crate::flow::group::rename::{self, Rename};
use crate::store::engine::scratch;
use jiff::Timestamp;
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// How many dates are printed.
const DATES: usize = 5;
/// How long the database may take to answer.
const ANSWER: Duration = Duration::from_secs(3);

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
pub async fn check(config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let loaded = open::load(config)?;
    let now = SystemClock.now();
    for warning in loaded.warnings_at(now) {
        output::rendered(&format!("{}\n", warning.render(colour())));
    }
    for rename in renames(&loaded.plan).await {
        let place = Place::File(format!("campaigns/{}.toml", rename.to));
        output::rendered(&format!("{}\n", Problem::warning(&place, rename.to_string()).render(colour())));
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

/// The campaigns that the database knows under another name. None where there is no database yet, or it does not answer at once.
async fn renames(plan: &Plan) -> Vec<Rename> {
    let look = async {
        let store = scratch::look_at(&plan.settings.database).await.ok()?;
        rename::find(&mut store.read().await.ok()?, plan).await.ok()
    };
    tokio::time::timeout(ANSWER, look).await.ok().flatten().unwrap_or_default()
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
