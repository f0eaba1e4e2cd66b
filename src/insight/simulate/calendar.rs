//! The calendar: every date of every campaign by the clock of its zone, and the clock changes of that zone.

use super::event_log::EventLog;
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::store::operations::simulation_report::Occurred;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde::Serialize;
use std::collections::BTreeMap;

/// The calendar of one zone.
#[derive(Debug, Clone, Serialize)]
pub struct ZoneCalendar {
    pub zone: String,
    pub changes: Vec<ClockChange>,
    /// The dates of its campaigns, in order.
    pub dates: Vec<CampaignDate>,
}

/// A clock change in a zone.
#[derive(Debug, Clone, Serialize)]
pub struct ClockChange {
    pub at: Timestamp,
    /// "forward" or "back".
    pub direction: &'static str,
    /// The local time before the change: "2026-10-25 02:00".
    pub local: String,
    /// The offsets from UTC before and after.
    pub offsets: (String, String),
}

/// A date of a campaign.
#[derive(Debug, Clone, Serialize)]
pub struct CampaignDate {
    pub campaign: Name,
    pub due_at: Timestamp,
    /// The date by the clock of the zone: "Tue 2026-11-03 09:30".
    pub local: String,
    /// The offset of that clock from UTC.
    pub offset: String,
    pub newsletters: Vec<Name>,
    pub mails: u64,
    /// Why it did not fire, if it did not.
    pub missed: Option<String>,
}

/// The calendar of every zone in which a campaign is scheduled, between two instants.
pub fn calendars(
    plan: &Plan,
    event_log: &EventLog,
    occurred: &[Occurred],
    from: Timestamp,
    until: Timestamp,
) -> Vec<ZoneCalendar> {
    let mut zones: BTreeMap<&str, (TimeZone, Vec<CampaignDate>)> = BTreeMap::new();
    for campaign in &plan.campaigns {
        let (name, zone) = (campaign.schedule.zone_name(), campaign.schedule.zone().clone());
        let (zone, dates) = zones.entry(name).or_insert_with(|| (zone, Vec::new()));
        dates.extend(occurred.iter().filter(|o| o.campaign == campaign.name).map(|o| date(event_log, o, zone)));
    }
    let calendar = |(zone, (time_zone, mut dates)): (&str, (TimeZone, Vec<CampaignDate>))| {
        dates.sort_by(|a, b| (a.due_at, &a.campaign).cmp(&(b.due_at, &b.campaign)));
        ZoneCalendar { zone: zone.to_owned(), changes: changes(&time_zone, from, until), dates }
    };
    zones.into_iter().map(calendar).collect()
}

fn date(event_log: &EventLog, occurred: &Occurred, zone: &TimeZone) -> CampaignDate {
    let issues = event_log.issues.values().filter(|i| i.campaign == occurred.campaign && i.due_at == occurred.due_at);
    let at = occurred.due_at.to_zoned(zone.clone());
    CampaignDate {
        campaign: occurred.campaign.clone(),
        due_at: occurred.due_at,
        local: at.strftime("%a %Y-%m-%d %H:%M").to_string(),
        offset: shown(at.offset()),
        newsletters: issues.clone().map(|issue| issue.newsletter.clone()).collect(),
        mails: issues.map(|issue| issue.accepted).sum(),
        missed: occurred.missed.clone(),
    }
}

fn changes(zone: &TimeZone, from: Timestamp, until: Timestamp) -> Vec<ClockChange> {
    let mut before = zone.to_offset(from);
    let mut found = Vec::new();
    for transition in zone.following(from).take_while(|transition| transition.timestamp() < until) {
        let (at, after) = (transition.timestamp(), transition.offset());
        if after != before {
            let local = before.to_datetime(at).strftime("%a %Y-%m-%d %H:%M").to_string();
            let direction = if after > before { "forward" } else { "back" };
            found.push(ClockChange { at, direction, local, offsets: (shown(before), shown(after)) });
        }
        before = after;
    }
    found
}

/// An offset as it is usually written: "+02:00".
fn shown(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_change_twice_a_year_where_they_do() {
        let at = |text: &str| -> Timestamp { text.parse().expect("an instant") };
        let of = |zone: &str| {
            let zone = TimeZone::get(zone).expect("a zone");
            let found = changes(&zone, at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
            found.iter().map(|c| format!("{} {} {}→{}", c.local, c.direction, c.offsets.0, c.offsets.1)).collect::<Vec<_>>()
        };
        assert_eq!(
            of("Europe/Madrid"),
            ["Sun 2026-03-29 02:00 forward +01:00→+02:00", "Sun 2026-10-25 03:00 back +02:00→+01:00"]
        );
        assert_eq!(of("America/St_Johns")[0], "Sun 2026-03-08 02:00 forward -03:30→-02:30");
        assert!(of("Asia/Tokyo").is_empty());
    }
}
