//! The plan: everything the company configured, valid as a whole.

use super::doorway::rule::Qualifying;
use super::group::campaign::Campaign;
use super::id::Name;
use super::individual::ramp::Ramp;
use super::individual::salesperson::Roster;
use super::settings::Settings;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A whole, valid configuration.
#[derive(Debug, Clone)]
pub struct Plan {
    pub settings: Settings,
    pub campaigns: Vec<Campaign>,
    pub roster: Roster,
    pub qualifying: Qualifying,
    /// How many whom a change of the rules made ready are offered a working day; without it, all at once.
    pub max_new_offers: Option<u32>,
    /// Identifies the files' contents; stored with what was decided under them.
    pub hash: String,
    /// The files, by their path, as they can be kept and read again: without secrets.
    pub files: Arc<BTreeMap<String, String>>,
}

impl Plan {
    /// Every campaign with its schedule in words.
    pub fn schedules(&self) -> impl Iterator<Item = (&Name, String)> {
        self.campaigns.iter().map(|c| (&c.name, c.schedule.to_string()))
    }

    /// How many are offered a working day because the rules changed, if that is limited.
    pub fn ramp(&self) -> Option<Ramp<'_>> {
        self.max_new_offers.map(|most| Ramp::new(most, &self.roster.office))
    }

    /// The campaigns whose mail may not leave now, each with the next instant at which it may.
    pub fn closed(&self, now: Timestamp) -> Vec<(&Name, Timestamp)> {
        let opens = self.campaigns.iter().map(|campaign| (&campaign.name, campaign.opens(now)));
        opens.filter(|(_, opens_at)| *opens_at > now).collect()
    }

    /// When the window of a campaign closes that is open now; `None` where nothing closes it.
    pub fn closes(&self, campaign: &Name, now: Timestamp) -> Option<Timestamp> {
        self.campaign(campaign)?.window.as_ref().map(|window| window.next_closing(now))
    }

    pub fn campaign(&self, name: &Name) -> Option<&Campaign> {
        self.campaigns.iter().find(|c| c.name == *name)
    }
}
